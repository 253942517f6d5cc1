//! One text for two databases: statements as the store writes them, and as SQLite and PostgreSQL read them.
//!
//! Columns are `TEXT` and `BIGINT` only, so a value is a text, a number, or nothing. Three things differ, and the
//! statement knows them as parts, not as text: a list of ids and many rows at once (SQLite: a placeholder for each value;
//! PostgreSQL: one array for each column, so that one prepared text serves every length), and locks on rows (SQLite
//! has one writer at a time and needs none).
//!
//! The names are sqlx' own, and so is what reads rows: every `FromRow` works with both.

mod row;
mod run;
mod statement;
mod value;

pub(super) use row::{Readable, Row, readable};
pub(super) use run::On;
pub(super) use statement::{Builder, Lock, Plain, Records, Scalars, Statement};
pub(super) use value::Value;

/// A statement that is run for its effect, or whose rows are read one by one.
pub(super) fn query(text: &'static str) -> Statement<Plain> {
    Statement::new(text)
}

/// A statement whose rows are records.
pub(super) fn query_as(text: &'static str) -> Statement<Records> {
    Statement::new(text)
}

/// A statement whose rows are single values.
pub(super) fn query_scalar(text: &'static str) -> Statement<Scalars> {
    Statement::new(text)
}
