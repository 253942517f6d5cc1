//! Ways in which a text goes wrong: lines lost, doubled or moved, words replaced by others or by odd ones, ends cut off.

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Values that are huge, empty, of another kind, or nearly right.
const ODD: [&str; 56] = [
    "0",
    "-1",
    "1",
    "10000",
    "99999999999999999999",
    "9223372036854775807",
    "1e309",
    "nan",
    "-inf",
    "0x7fff_ffff",
    "true",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "[[]]",
    "[\"\"]",
    "{ a = 1 }",
    "{\"a\":1}",
    "null",
    "\"0d\"",
    "\"-0wd\"",
    "\"100000y\"",
    "\"-100000y\"",
    "\"100000wd\"",
    "\"-100000wd\"",
    "\"100000h\"",
    "\"-100000h\"",
    "\"1d\"",
    "\"1wd\"",
    "\"start\"",
    "\"start-9999mo\"",
    "\"02-29\"",
    "\"12-31\"",
    "0001-01-01",
    "1900-01-01",
    "2199-12-31",
    "9999-12-31",
    "2026-02-29",
    "2026-03-29",
    "\"1900-01-01\"",
    "\"2199-12-31\"",
    "\"2026-03-29T02:30:00+01:00\"",
    "\"2026-10-25T02:30:00+02:00\"",
    "\"1900-01-01T00:00:00-23:59\"",
    "\"2199-12-31T23:59:60Z\"",
    "\"+262142-12-31\"",
    "\"\\u0000\"",
    "\"\u{202e}\u{feff}\"",
    "\"å\u{308}🧒\"",
    "'''",
    "\"\"\"",
    "#",
    "=",
    ".",
    "responsible",
];

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Delete(Index),
    Double(Index),
    Swap(Index, Index),
    /// A word becomes another word of the text.
    Mistake(Index, Index),
    /// A word becomes an odd one.
    Odd(Index, &'static str),
    /// What stands behind the `=` or `:` of a line becomes something odd.
    Value(Index, &'static str),
    Insert(Index, String),
    Cut(Index),
    /// A part of the text stands inside itself, many times.
    Nest(Index, usize),
}

/// A few edits.
pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let index = any::<Index>;
    let edit = prop_oneof![
        2 => index().prop_map(Edit::Delete),
        2 => index().prop_map(Edit::Double),
        2 => (index(), index()).prop_map(|(one, other)| Edit::Swap(one, other)),
        8 => (index(), index()).prop_map(|(one, other)| Edit::Mistake(one, other)),
        5 => (index(), select(&ODD)).prop_map(|(place, word)| Edit::Odd(place, word)),
        5 => (index(), select(&ODD)).prop_map(|(place, word)| Edit::Value(place, word)),
        2 => (index(), ".{0,6}").prop_map(|(place, text)| Edit::Insert(place, text)),
        1 => index().prop_map(Edit::Cut),
        1 => (index(), 1usize..400).prop_map(|(place, depth)| Edit::Nest(place, depth)),
    ];
    proptest::collection::vec(edit, 1..5)
}

/// The text after the edits.
pub(super) fn edited(text: &str, edits: &[Edit]) -> String {
    edits.iter().fold(text.to_owned(), |text, edit| edit.applied(&text))
}

impl Edit {
    fn applied(&self, text: &str) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        if lines.is_empty() {
            return text.to_owned();
        }
        let line = |index: &Index| index.index(lines.len());
        match self {
            Self::Delete(place) => drop(lines.remove(line(place))),
            Self::Double(place) => lines.insert(line(place), lines[line(place)]),
            Self::Swap(one, other) => {
                let (one, other) = (line(one), line(other));
                lines.swap(one, other);
            }
            Self::Mistake(place, other) => return with_word(text, place, word(text, other)),
            Self::Odd(place, odd) => return with_word(text, place, odd),
            Self::Value(place, odd) => return with_value(&lines, line(place), odd),
            Self::Insert(place, inserted) => {
                let place = boundary(text, place);
                return format!("{}{inserted}{}", &text[..place], &text[place..]);
            }
            Self::Cut(place) => return text[..boundary(text, place)].to_owned(),
            Self::Nest(place, depth) => {
                let (open, close) = [("[", "]"), ("{ a = ", " }"), ("{\"a\":", "}"), ("a.", "")][depth % 4];
                return with_word(text, place, &format!("{}1{}", open.repeat(*depth), close.repeat(*depth)));
            }
        }
        lines.join("\n")
    }
}

fn boundary(text: &str, place: &Index) -> usize {
    let mut place = place.index(text.len() + 1);
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// Where the words of a text stand: names, dates, numbers, texts in quotes.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut start = None;
    for (place, char) in text.char_indices().chain([(text.len(), ' ')]) {
        let is_inside = char.is_alphanumeric() || "-_.+:\"".contains(char);
        match start {
            None if is_inside => start = Some(place),
            Some(first) if !is_inside => {
                words.push(first..place);
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn word<'t>(text: &'t str, place: &Index) -> &'t str {
    let words = words(text);
    if words.is_empty() { "" } else { &text[words[place.index(words.len())].clone()] }
}

fn with_word(text: &str, place: &Index, new: &str) -> String {
    let words = words(text);
    if words.is_empty() {
        return new.to_owned();
    }
    let range = words[place.index(words.len())].clone();
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

fn with_value(lines: &[&str], line: usize, new: &str) -> String {
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    if let Some((key, _)) = lines[line].split_once(['=', ':']) {
        lines[line] = format!("{key}= {new}");
    }
    lines.join("\n")
}
