//! Reading TOML with its places: every value knows where it stands, every unknown key is an error.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::calendar::{Span, Unit};
use crate::case::nearest;
use crate::language::Localized;
use crate::rules::Code;
use crate::rules::diagnostics::{Finding, SourceSpan};

/// The longest `code` of a rule, in characters.
const LONGEST_LABEL: usize = 20;

/// A value with its place.
pub(crate) type Node<'a> = Spanned<DeValue<'a>>;

/// Collects findings about one file.
pub(crate) struct Source<'f> {
    file: usize,
    findings: &'f RefCell<Vec<Finding>>,
}

impl<'f> Source<'f> {
    pub(crate) fn new(file: usize, findings: &'f RefCell<Vec<Finding>>) -> Self {
        Self { file, findings }
    }

    pub(crate) fn span(&self, range: Range<usize>) -> SourceSpan {
        SourceSpan { file: self.file, range: range.into() }
    }

    pub(crate) fn error(&self, code: Code, range: Range<usize>, message: impl Into<String>) {
        self.report(code, range, message.into(), None);
    }

    pub(crate) fn error_with_help(
        &self,
        code: Code,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(code, range, message.into(), Some(help.into()));
    }

    fn report(&self, code: Code, range: Range<usize>, message: String, help: Option<String>) {
        let span = Some(self.span(range));
        self.findings.borrow_mut().push(Finding { code, span, message, help });
    }

    /// "Unknown …", with the nearest known word as help.
    pub(crate) fn unknown<'w>(
        &self,
        code: Code,
        range: Range<usize>,
        what: &str,
        word: &str,
        known: impl Iterator<Item = &'w str> + Clone,
    ) {
        let message = format!("unknown {what} `{word}`");
        match nearest(word, known.clone()) {
            Some(near) => self.error_with_help(code, range, message, format!("did you mean `{near}`?")),
            None => {
                let mut words: Vec<&str> = known.collect();
                words.sort_unstable();
                let listed = words.join(", ");
                let help = if listed.is_empty() || listed.len() > 400 {
                    format!("there is no {what} of that name")
                } else {
                    format!("known: {listed}")
                };
                self.error_with_help(code, range, message, help);
            }
        }
    }

    pub(crate) fn text<'a>(&self, node: &'a Node<'_>) -> Option<&'a str> {
        let text = node.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(node, "a text in quotes");
        }
        text
    }

    /// A text that is not empty.
    pub(crate) fn word<'a>(&self, node: &'a Node<'_>) -> Option<&'a str> {
        let text = self.text(node)?;
        if text.trim().is_empty() {
            self.error(Code::Empty, node.span(), "this may not be empty");
            return None;
        }
        Some(text)
    }

    /// The id of a rule or pack: it stands in keys, references and file names.
    pub(crate) fn id<'a>(&self, node: &'a Node<'_>) -> Option<&'a str> {
        let id = self.word(node)?;
        if !id.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char)) {
            self.error(Code::BadName, node.span(), "an id may hold only letters, digits and -_.");
        }
        Some(id)
    }

    /// The short name by which messages call a rule: it has to fit a subject line.
    pub(crate) fn label<'a>(&self, node: &'a Node<'_>) -> Option<&'a str> {
        let label = self.word(node)?;
        if label.chars().count() > LONGEST_LABEL || label.contains(is_invisible) {
            let message = format!("a `code` is one line of at most {LONGEST_LABEL} characters that can be seen");
            self.error(Code::BadName, node.span(), message);
        }
        Some(label)
    }

    pub(crate) fn boolean(&self, node: &Node<'_>) -> Option<bool> {
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type(node, "true or false");
        }
        value
    }

    pub(crate) fn integer(&self, node: &Node<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = node
            .get_ref()
            .as_integer()
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong_type(node, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    pub(crate) fn number(&self, node: &Node<'_>) -> Option<f64> {
        let value = node.get_ref();
        let number = match (value.as_integer(), value.as_float()) {
            (Some(integer), _) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(int_to_float),
            (_, Some(float)) => float.as_str().replace('_', "").parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        if number.is_none() {
            self.wrong_type(node, "a number");
        }
        number
    }

    pub(crate) fn date(&self, node: &Node<'_>) -> Option<NaiveDate> {
        let date = match node.get_ref() {
            DeValue::Datetime(datetime) if datetime.time.is_none() => datetime.date.and_then(civil),
            DeValue::String(text) => crate::case::parse_date(text),
            _ => None,
        };
        if date.is_none() {
            self.wrong_type(node, "a date like 2026-03-02");
        }
        date
    }

    /// A local date and time without an offset.
    pub(crate) fn local_time(&self, node: &Node<'_>) -> Option<NaiveDateTime> {
        let local = match node.get_ref() {
            DeValue::Datetime(datetime) if datetime.offset.is_none() => {
                let date = datetime.date.and_then(civil);
                let time = datetime.time.and_then(|time| {
                    NaiveTime::from_hms_opt(time.hour.into(), time.minute.into(), time.second.unwrap_or(0).into())
                });
                date.zip(time).map(|(date, time)| date.and_time(time))
            }
            _ => None,
        };
        if local.is_none() {
            self.wrong_type(node, "a local time like 2026-03-10T08:00:00, without an offset");
        }
        local
    }

    pub(crate) fn duration(&self, node: &Node<'_>) -> Option<Span> {
        let text = self.text(node)?;
        match text.parse() {
            Ok(span) => Some(span),
            Err(error) => {
                self.error_with_help(
                    Code::BadSpan,
                    node.span(),
                    format!("`{text}` is no span: {error}"),
                    "examples: 14d, 4w, 3mo, 5wd, -1w",
                );
                None
            }
        }
    }

    /// A span that is not counted in hours.
    pub(crate) fn civil_span(&self, node: &Node<'_>, what: &str) -> Option<Span> {
        let span = self.duration(node)?;
        if span.unit == Unit::Hour {
            self.error(
                Code::WrongUnit,
                node.span(),
                format!("{what} is counted in days, weeks, months, years or working days, not hours"),
            );
            return None;
        }
        Some(span)
    }

    pub(crate) fn weekday(&self, node: &Node<'_>) -> Option<Weekday> {
        const DAYS: [(&str, Weekday); 7] = [
            ("mon", Weekday::Mon),
            ("tue", Weekday::Tue),
            ("wed", Weekday::Wed),
            ("thu", Weekday::Thu),
            ("fri", Weekday::Fri),
            ("sat", Weekday::Sat),
            ("sun", Weekday::Sun),
        ];
        self.choice(node, "weekday", &DAYS)
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, node: &Node<'_>, what: &str, words: &[(&str, T)]) -> Option<T> {
        let word = self.text(node)?;
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            self.unknown(Code::UnknownWord, node.span(), what, word, words.iter().map(|(known, _)| *known));
        }
        found
    }

    /// A list with at least one entry.
    pub(crate) fn list<'a, 'i>(&self, node: &'a Node<'i>) -> Option<&'a [Node<'i>]> {
        let Some(array) = node.get_ref().as_array() else {
            self.wrong_type(node, "a list in [ ]");
            return None;
        };
        if array.is_empty() {
            self.error_with_help(
                Code::Empty,
                node.span(),
                "this list is empty",
                "name at least one entry, or leave the key out",
            );
            return None;
        }
        Some(array)
    }

    pub(crate) fn table<'a, 'i>(&'a self, node: &'a Node<'i>, what: &'static str) -> Option<Table<'a, 'i>> {
        let Some(entries) = node.get_ref().as_table() else {
            self.wrong_type(node, "a table in { }");
            return None;
        };
        Some(Table::new(self, entries, node.span(), what))
    }

    /// A text in one language, or `{ nb = …, nn = …, en = … }`.
    pub(crate) fn localized(&self, node: &Node<'_>) -> Option<Localized> {
        if let Some(text) = node.get_ref().as_str() {
            return Some(Localized::same(text));
        }
        let mut table = self.table(node, "text")?;
        let [nb, nn, en] = ["nb", "nn", "en"].map(|language| table.take(language).and_then(|node| self.text(node)));
        table.finish();
        let text = Localized::from_parts(nb, nn, en);
        if text.is_none() {
            self.error(Code::NoLanguage, node.span(), "a text is given in nb, nn or en");
        }
        text
    }

    pub(crate) fn wrong_type(&self, node: &Node<'_>, expected: &str) {
        let found = match node.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a truth value",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(Code::WrongType, node.span(), format!("expected {expected}, found {found}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers in rules are small; beyond 2^53 nobody counts")]
fn int_to_float(number: i64) -> f64 {
    number as f64
}

fn civil(date: toml::value::Date) -> Option<NaiveDate> {
    let civil = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    (civil.year() > 0).then_some(civil)
}

/// A table whose keys are all accounted for: what nobody asked for is an error when it is finished.
pub(crate) struct Table<'a, 'i> {
    source: &'a Source<'a>,
    entries: &'a DeTable<'i>,
    range: Range<usize>,
    what: &'static str,
    asked: Vec<&'static str>,
}

impl<'a, 'i> Table<'a, 'i> {
    pub(crate) fn new(
        source: &'a Source<'a>,
        entries: &'a DeTable<'i>,
        range: Range<usize>,
        what: &'static str,
    ) -> Self {
        Self { source, entries, range, what, asked: vec![] }
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The value of a key, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Node<'i>> {
        self.asked.push(key);
        self.entries.get(key)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&mut self, key: &'static str) -> Option<&'a Node<'i>> {
        let node = self.take(key);
        if node.is_none() {
            self.source.error(Code::MissingKey, self.range(), format!("{} needs `{key}`", self.what));
        }
        node
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Every key and value, all of them accounted for: for tables whose keys are names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, &'a Node<'i>)> + use<'a, 'i> {
        self.entries.iter().map(|(key, node)| (&**key.get_ref(), key.span(), node))
    }

    /// Reports the keys that nobody asked for.
    pub(crate) fn finish(self) {
        for (key, _) in self.entries {
            if !self.asked.contains(&&**key.get_ref()) {
                self.source.unknown(
                    Code::UnknownKey,
                    key.span(),
                    &format!("key of a {}", self.what),
                    key.get_ref(),
                    self.asked.iter().copied(),
                );
            }
        }
    }
}

/// Whether a character breaks the line, has no width, or turns the direction of what follows.
fn is_invisible(char: char) -> bool {
    let formats =
        matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    formats || char.is_control() || char == '\u{feff}'
}

/// A shared copy of a text.
pub(crate) fn shared(text: &str) -> Arc<str> {
    text.into()
}
