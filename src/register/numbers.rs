//! Numbers in a text, as people write them: in groups, with spaces, dots or dashes between.

/// Groups of digits between which one separator stands, such as `912 34 567` or `01.01.90-12345`.
#[derive(Debug, Default)]
pub(super) struct Number {
    groups: Vec<Vec<u32>>,
    /// What stands before each group but the first.
    between: Vec<char>,
    /// Whether a `+` stands before it.
    is_international: bool,
}

/// How telephone numbers of eight digits are grouped.
const PHONE_GROUPS: [&[usize]; 8] =
    [&[8], &[3, 2, 3], &[2, 2, 2, 2], &[4, 4], &[2, 3, 3], &[3, 5], &[3, 3, 2], &[1, 1, 1, 1, 1, 1, 1, 1]];

/// Every number in a text.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let mut found: Vec<Number> = vec![];
    // What stands since the last digit.
    let mut gap = String::from(",");
    for char in text.chars() {
        let Some(digit) = char.to_digit(10) else {
            gap.push(char);
            continue;
        };
        match (found.last_mut(), separator(&gap)) {
            (Some(number), _) if gap.is_empty() => {
                if let Some(group) = number.groups.last_mut() {
                    group.push(digit);
                }
            }
            (Some(number), Some(separator)) => {
                number.between.push(separator);
                number.groups.push(vec![digit]);
            }
            _ => {
                let is_international = gap.trim_end().ends_with('+');
                found.push(Number { groups: vec![vec![digit]], between: vec![], is_international });
            }
        }
        gap.clear();
    }
    found
}

/// What joins two groups: nothing but space, or one sign, with or without space.
fn separator(gap: &str) -> Option<char> {
    let mut signs = gap.chars().filter(|char| *char != ' ');
    let is_short = gap.chars().count() <= 3;
    match (signs.next(), signs.next()) {
        (None, _) if is_short => Some(' '),
        (Some(sign), None) if is_short && ".-–—‐‑/()".contains(sign) => Some(sign),
        _ => None,
    }
}

impl Number {
    /// Whether eleven of its digits, from the beginning of a group to the end of one, are an identity number.
    pub(super) fn holds_birth_number(&self) -> bool {
        self.spans(11).any(|span| is_birth_number(&span.digits))
    }

    /// Whether it is an international telephone number, or eight of its digits are grouped as a Norwegian one.
    pub(super) fn holds_phone_number(&self) -> bool {
        let all: Vec<u32> = self.groups.concat();
        let is_abroad = (self.is_international && (8..=15).contains(&all.len()))
            || (all.starts_with(&[0, 0]) && (10..=17).contains(&all.len()));
        is_abroad || self.spans(8).any(|span| span.is_phone_number())
    }

    /// The groups in a row that have so many digits together.
    fn spans(&self, length: usize) -> impl Iterator<Item = Span<'_>> {
        let ends = move |start: usize| (start + 1..=self.groups.len()).map(move |end| (start, end));
        let all = (0..self.groups.len()).flat_map(ends);
        let spans = all.map(|(start, end)| Span {
            digits: self.groups[start..end].concat(),
            groups: self.groups[start..end].iter().map(Vec::len).collect(),
            between: &self.between[start..end - 1],
        });
        spans.filter(move |span| span.digits.len() == length)
    }
}

/// Some groups of a number.
struct Span<'a> {
    digits: Vec<u32>,
    groups: Vec<usize>,
    between: &'a [char],
}

impl Span<'_> {
    /// Eight digits that are no date, no two years and no two times of day.
    fn is_phone_number(&self) -> bool {
        let is_grouped = PHONE_GROUPS.contains(&&self.groups[..]);
        let is_even = self.between.windows(2).all(|pair| pair[0] == pair[1]);
        let is_subscriber = matches!(self.digits.first(), Some(2..=9));
        is_grouped && is_even && is_subscriber && !self.is_date() && !self.is_years()
    }

    /// Such as 20260302.
    fn is_date(&self) -> bool {
        let (year, month, day) = (self.value(0, 4), self.value(4, 6), self.value(6, 8));
        self.groups == [8] && is_year(year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    }

    /// Such as 2025/2026.
    fn is_years(&self) -> bool {
        self.groups == [4, 4] && is_year(self.value(0, 4)) && is_year(self.value(4, 8))
    }

    fn value(&self, from: usize, to: usize) -> u32 {
        self.digits[from..to].iter().fold(0, |value, digit| value * 10 + digit)
    }
}

fn is_year(number: u32) -> bool {
    (1900..2100).contains(&number)
}

/// Whether eleven digits are a birth number or one that stands for it (D, H, those for tests), by date and both check digits.
/// From 2032 on the first check digit may leave a rest of up to 3.
fn is_birth_number(digits: &[u32]) -> bool {
    const FIRST: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
    const SECOND: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];
    let rest = |weights: &[u32]| digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11;
    let two = |place: usize| digits[place] * 10 + digits[place + 1];
    let is_date = matches!(two(0), 1..=31 | 41..=71) && matches!(two(2), 1..=12 | 41..=52 | 66..=77 | 81..=92);
    is_date && rest(&SECOND) == 0 && rest(&FIRST) <= 3
}
