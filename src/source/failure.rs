//! Why a source cannot be read. No text here holds a value of a row, a password or an address with one.

use std::fmt;

use crate::facts::csv::RecordType;

/// Why a source, or one of its queries, could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The query, where one is to blame.
    pub record_type: Option<RecordType>,
    /// What happened, and what to do where that is known.
    pub text: String,
    /// Whether the connection is of no more use.
    pub is_fatal: bool,
}

impl Failure {
    /// The connection failed; every query after it has to wait.
    pub(super) fn fatal(text: impl Into<String>) -> Self {
        Self { record_type: None, text: text.into(), is_fatal: true }
    }

    /// One statement failed.
    pub(super) fn of_statement(text: impl Into<String>) -> Self {
        Self { record_type: None, text: text.into(), is_fatal: false }
    }

    pub(super) fn of(self, record_type: RecordType) -> Self {
        Self { record_type: Some(record_type), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record_type {
            Some(record_type) => write!(f, "query `{}`: {}", record_type.word(), self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Failure {}

/// What a driver says, without what may be a value: a message is shown only where its code says that it speaks of names
/// and not of rows.
pub(super) fn of_driver(error: &sqlx::Error, code: &str, names_only: impl Fn(&str) -> bool) -> Failure {
    match error {
        sqlx::Error::Database(database) => {
            let message = database.message().lines().next().unwrap_or_default();
            if names_only(message) {
                Failure::of_statement(format!("{message} ({code})"))
            } else {
                let text = "the database refuses it; its message may hold values and is not shown";
                Failure::of_statement(format!("{text} ({code}). Run the query by hand to see it"))
            }
        }
        sqlx::Error::Io(error) => Failure::fatal(format!("the connection failed: {error}")),
        sqlx::Error::Tls(error) => Failure::fatal(format!("encryption failed: {error}")),
        sqlx::Error::Protocol(_) => {
            Failure::fatal("the connection failed: the other side does not keep to the protocol")
        }
        _ => Failure::fatal("the connection failed"),
    }
}
