//! What comes out of a statement.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Decode, FromRow, Postgres, Sqlite, Type};

use super::Value;

/// A record that can be read from either database.
pub(in super::super) trait Readable:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static
{
}

impl<T> Readable for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

/// A row whose columns are read one by one.
pub(in super::super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Those of these rows of a table that can be read. One that a person broke stops nobody else, and is an error in the log.
pub(in super::super) fn readable<T: Readable>(table: &'static str, rows: &[Row]) -> Vec<T> {
    let read = rows.iter().filter_map(|row| match row.decode() {
        Ok(row) => Some(row),
        Err(reason) => {
            tracing::error!(
                table,
                reason,
                "a row cannot be read and is left out; somebody changed the database by hand"
            );
            None
        }
    });
    read.collect()
}

impl Row {
    /// A column by its name.
    pub(in super::super) fn try_get<'r, T>(&'r self, column: &str) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, column),
            Self::Postgres(row) => sqlx::Row::try_get(row, column),
        }
    }

    /// The names of its columns, in their order.
    pub(in super::super) fn columns(&self) -> Vec<String> {
        match self {
            Self::Sqlite(row) => sqlx::Row::columns(row).iter().map(|column| column.name().to_owned()).collect(),
            Self::Postgres(row) => sqlx::Row::columns(row).iter().map(|column| column.name().to_owned()).collect(),
        }
    }

    /// What stands in a column, whichever of the two kinds it is.
    pub(in super::super) fn value(&self, column: &str) -> Result<Value, sqlx::Error> {
        match self.try_get::<Option<i64>>(column) {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Ok(Value::Text(self.try_get(column)?)),
        }
    }

    /// The row as a value, or what is wrong with it: a person may have been at the database. The reason holds no value.
    pub(in super::super) fn decode<T: Readable>(&self) -> Result<T, String> {
        let read = match self {
            Self::Sqlite(row) => T::from_row(row),
            Self::Postgres(row) => T::from_row(row),
        };
        read.map_err(|error| match error {
            sqlx::Error::ColumnDecode { index, .. } => format!("column {index} cannot be read"),
            other => other.to_string(),
        })
    }
}
