//! Tables for spreadsheets and programs: which columns there are, and what stands in them. CSV and workbook share them.

mod groups;
mod lines;

use chrono::NaiveDate;

use crate::language::Language;
use crate::notice::Role;
use crate::words::{by, role_name};

use super::text;

pub(super) use groups::{FIGURES, groups};
pub(super) use lines::LINES;

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// A figure that is hidden.
    Hidden,
    Text(String),
    /// A word of ours: what programs call it, and what people do.
    Word(String, String),
    Date(NaiveDate),
    Number(f64),
    /// From 0 to 1.
    Share(f64),
}

/// A column of a table of `T`.
#[derive(Debug)]
pub(super) struct Column<T> {
    /// What programs call it, for good.
    pub(super) name: &'static str,
    /// What people call it: nb, nn, en.
    header: [&'static str; 3],
    /// How wide it is in a workbook, in characters.
    pub(super) width: f64,
    pub(super) cell: fn(&T, Language) -> Cell,
}

impl<T> Column<T> {
    pub(super) fn header(&self, language: Language) -> &'static str {
        by(language, self.header)
    }
}

const fn column<T>(
    name: &'static str,
    header: [&'static str; 3],
    width: f64,
    cell: fn(&T, Language) -> Cell,
) -> Column<T> {
    Column { name, header, width, cell }
}

fn plain(text: &str) -> Cell {
    let shown = text::shown(text);
    if shown.is_empty() { Cell::Empty } else { Cell::Text(shown) }
}

/// A role; what names none is shown as it is.
fn role(language: Language, name: Option<&String>) -> Cell {
    match name.map(|name| (name, Role::parse(name))) {
        Some((name, Some(role))) => word(&text::shown(name), &role_name(language, &role)),
        Some((name, None)) => plain(name),
        None => Cell::Empty,
    }
}

fn word(name: &str, word: &str) -> Cell {
    Cell::Word(name.to_owned(), text::shown(word))
}

fn date(day: Option<NaiveDate>) -> Cell {
    day.map_or(Cell::Empty, Cell::Date)
}

fn optional(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, plain)
}

#[expect(clippy::cast_precision_loss, reason = "counts and days are far below 2^52")]
fn number(number: i64) -> Cell {
    Cell::Number(number as f64)
}
