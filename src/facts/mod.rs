//! Facts from outside: lines of NDJSON or rows of CSV become records, and records become a [`World`].
//!
//! ```text
//!  ndjson ─┐
//!          ├─► Line (a fact and where it stood) ─► check (references, words) ─► World (in memory) or the store
//!  csv    ─┘                                       load: a file or request as a whole
//! ```
//!
//! Nothing here opens a file or waits for anything: readers come from the caller. All errors of a file are reported
//! at once, each with its line, and none holds a value of the facts other than an id.

mod check;
pub mod columns;
pub mod csv;
mod load;
mod names;
pub mod ndjson;
mod plausible;
mod world;

use std::fmt;

use crate::fact::Fact;

pub(crate) use check::LONGEST_ID;
pub use check::{Checker, Known, KnownTenant};
pub use load::LoadedLines;
pub use names::Names;
pub(crate) use ndjson::from_object;
pub use world::{Municipality, World, assemble_case, assemble_organisation, recorded_at};

/// A record and the line on which it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line in its file, from 1.
    pub number: usize,
    /// The record.
    pub fact: Fact,
}

/// What is wrong with one line of facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FactError {
    /// The line in its file, from 1.
    pub line: usize,
    /// The field, where one is to blame.
    pub field: Option<String>,
    /// What is wrong and how to mend it; holds ids, never another value of the facts.
    pub text: String,
}

impl FactError {
    /// An error about a whole line.
    #[must_use]
    pub fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, field: None, text: text.into() }
    }

    /// An error about one field of a line.
    #[must_use]
    pub fn of_field(line: usize, field: &str, text: impl Into<String>) -> Self {
        Self { line, field: Some(field.to_owned()), text: text.into() }
    }
}

impl fmt::Display for FactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}: `{field}`: {}", self.line, self.text),
            None => write!(f, "line {}: {}", self.line, self.text),
        }
    }
}

/// "2 wrong lines".
#[must_use]
pub fn wrong_lines(count: usize) -> String {
    if count == 1 { "1 wrong line".to_owned() } else { format!("{count} wrong lines") }
}
