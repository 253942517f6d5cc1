//! CSV: one record a row, one record type a file or a `type` column. The first row names the columns.
//!
//! Columns are called as [`super::columns`] says; dates are `2026-03-02`, instants RFC 3339, truth values `true` and
//! `false`. Of several absences of a person only one fits: several need NDJSON.
//!
//! An empty cell is an absent field. Columns are separated by `,`, `;` or tab, whichever the first row uses most.

use std::collections::HashSet;
use std::io::BufRead;

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value as Json};

use super::columns::{self, Cell};
use super::{FactError, Line, ndjson};
use crate::case::shown;
use crate::vocabulary::Vocabulary;

/// The type of all records of a file without a `type` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// Municipalities.
    Tenant,
    /// Units.
    Unit,
    /// Persons.
    Person,
    /// Cases.
    Case,
    /// Events.
    Event,
}

impl RecordType {
    /// All types, in the order in which a full load gives them.
    pub const ALL: [Self; 5] = [Self::Tenant, Self::Unit, Self::Person, Self::Case, Self::Event];

    /// The word in facts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Unit => "unit",
            Self::Person => "person",
            Self::Case => "case",
            Self::Event => "event",
        }
    }

    /// The type that a word names, in the singular or the plural, such as a file's name has it.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        Self::ALL.into_iter().find(|known| known.word() == word.strip_suffix('s').unwrap_or(&word))
    }
}

/// Reads records row by row. `record_type` is that of rows without a `type` cell.
///
/// # Errors
/// Where the first row cannot be read, or names no type and none is given.
pub fn read<'v>(
    mut reader: impl BufRead + 'v,
    record_type: Option<RecordType>,
    vocabulary: &'v Vocabulary,
) -> Result<impl Iterator<Item = Result<Line, FactError>> + 'v, FactError> {
    let delimiter = delimiter(&mut reader).map_err(|error| FactError::new(1, error.to_string()))?;
    let mut rows = ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(reader);
    let columns: Vec<String> = rows
        .headers()
        .map_err(|error| row_error(1, &error))?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_owned())
        .collect();
    if let Some(name) = twice(&columns) {
        return Err(FactError::new(1, format!("the column {} stands twice; keep one of them", shown(name))));
    }
    if record_type.is_none() && !columns.iter().any(|name| name == "type") {
        let words = RecordType::ALL.map(RecordType::word).join(", ");
        return Err(FactError::new(1, format!("no `type` column, and no type given for the file ({words})")));
    }
    Ok(rows.into_records().map(move |row| {
        let row = row.map_err(|error| row_error(0, &error))?;
        let line = row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        ndjson::from_object(line, record(&columns, &row, record_type, vocabulary))
    }))
}

/// The first name that stands twice. Spreadsheets leave columns without a name behind; those do not count.
fn twice(columns: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    columns.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str()))
}

/// The separator that the first row uses most.
fn delimiter(reader: &mut impl BufRead) -> std::io::Result<u8> {
    let start = reader.fill_buf()?;
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    Ok([b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b','))
}

fn row_error(line: usize, error: &csv::Error) -> FactError {
    let line = error.position().and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(line);
    let text = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8; save the file as UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the first row names {expected_len} columns")
        }
        _ => "the row cannot be read".to_owned(),
    };
    FactError::new(line, text)
}

/// A row as the object that the same record is in NDJSON.
fn record(
    columns: &[String],
    row: &StringRecord,
    record_type: Option<RecordType>,
    vocabulary: &Vocabulary,
) -> Map<String, Json> {
    let mut record_type = record_type.map(RecordType::word).unwrap_or_default();
    let mut cells = Vec::with_capacity(columns.len());
    for (name, text) in columns.iter().zip(row).filter(|(_, text)| !text.is_empty()) {
        if name == "type" {
            record_type = text;
        } else {
            cells.push((name.as_str(), Cell::Text(text.to_owned())));
        }
    }
    columns::record(record_type, cells, vocabulary, None)
}
