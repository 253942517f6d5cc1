//! The tables as the file knows them: both databases have the same.

use super::super::database::Write;
use super::super::sql::{Builder, Row, Value};
use super::super::{Store, StoreError, sql};
use super::Key;

/// A table with its columns.
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<Column>,
    /// Places of the columns of its key, in the key's order.
    key: Vec<usize>,
}

struct Column {
    name: String,
    is_number: bool,
}

/// Every table of ours but what only the other database needs: leases, and the single values, which come last and one by one.
pub(super) async fn tables(file: &Store) -> Result<Vec<Table>, StoreError> {
    let select = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT IN ('_sqlx_migrations', 'leases', 'settings') ORDER BY name";
    let names: Vec<String> = sql::query_scalar(select).fetch_all(&file.readers).await?;
    let mut tables = vec![];
    for name in names {
        let select = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
        let found: Vec<(String, String, i64)> = sql::query_as(select).bind(&name).fetch_all(&file.readers).await?;
        let mut key: Vec<(i64, usize)> = found
            .iter()
            .enumerate()
            .filter(|(_, (.., part))| *part > 0)
            .map(|(place, (.., part))| (*part, place))
            .collect();
        key.sort_unstable();
        let columns = found.into_iter().map(|(name, kind, _)| Column { name, is_number: kind == "BIGINT" }).collect();
        tables.push(Table { name, columns, key: key.into_iter().map(|(_, place)| place).collect() });
    }
    Ok(tables)
}

impl Table {
    fn list(&self, places: impl Iterator<Item = usize>) -> String {
        places.map(|place| format!("\"{}\"", self.columns[place].name)).collect::<Vec<_>>().join(", ")
    }

    pub(super) async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let count = Builder::named(format!("SELECT count(*) FROM \"{}\"", self.name)).build_query_scalar();
        let count: i64 = count.fetch_one(&store.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The next rows after a key, in its order.
    pub(super) async fn read(&self, store: &Store, after: &[Key], limit: usize) -> Result<Vec<Vec<Value>>, StoreError> {
        let key = self.list(self.key.iter().copied());
        let mut select = Builder::named(format!("SELECT {} FROM \"{}\"", self.list(0..self.columns.len()), self.name));
        if !after.is_empty() {
            select.push_named(format!(" WHERE ({key}) > ("));
            for (place, part) in after.iter().enumerate() {
                select.push(if place == 0 { "" } else { ", " }).push_bind(part.clone());
            }
            select.push(")");
        }
        select.push_named(format!(" ORDER BY {key} LIMIT {limit}"));
        let rows = select.build().fetch_rows(&store.readers).await?;
        rows.iter().map(|row| self.values(row)).collect()
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        let value = |column: &Column| -> Result<Value, sqlx::Error> {
            Ok(if column.is_number {
                Value::Number(row.try_get(&column.name)?)
            } else {
                Value::Text(row.try_get(&column.name)?)
            })
        };
        self.columns.iter().map(|column| Ok(value(column)?)).collect()
    }

    pub(super) fn key(&self, row: &[Value]) -> Vec<Key> {
        let part = |place: &usize| match &row[*place] {
            Value::Number(number) => Key::Number(number.unwrap_or_default()),
            Value::Text(text) => Key::Text(text.clone().unwrap_or_default()),
        };
        self.key.iter().map(part).collect()
    }

    pub(super) async fn insert(&self, write: &mut Write, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        let mut insert =
            Builder::named(format!("INSERT INTO \"{}\" ({}) ", self.name, self.list(0..self.columns.len())));
        insert.push_values(rows, |row, values| {
            for value in values {
                row.push_bind(value);
            }
        });
        insert.build().execute(&mut *write).await?;
        Ok(())
    }
}
