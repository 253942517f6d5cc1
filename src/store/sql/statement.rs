//! Statements, and how each database reads them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::marker::PhantomData;

use super::Value;

/// For a [`Statement`] that is run for its effect.
#[derive(Debug)]
pub(in super::super) struct Plain;

/// For a [`Statement`] whose rows are records.
#[derive(Debug)]
pub(in super::super) struct Records;

/// For a [`Statement`] whose rows are single values.
#[derive(Debug)]
pub(in super::super) struct Scalars;

/// Which rows a `SELECT` keeps for its transaction. On SQLite a transaction that writes has everything to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Lock {
    /// Waits for whoever has them, and looks again.
    Wait,
    /// Waits, for the rows of this table alone.
    Of(&'static str),
    /// Leaves out those that somebody else has.
    Skip,
}

/// A statement with its values; `K` says what is read from it.
#[derive(Clone, Debug)]
pub(in super::super) struct Statement<K> {
    pub(super) parts: Vec<Part>,
    /// Values of placeholders that the text itself names.
    pub(super) values: Vec<Value>,
    pub(super) lock: Option<Lock>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Cow<'static, str>),
    One(Value),
    List(Vec<String>),
    Rows(Vec<Vec<Value>>),
}

/// A statement as one database takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered<A> {
    pub(super) text: Cow<'static, str>,
    pub(super) arguments: Vec<A>,
}

/// An argument for PostgreSQL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument {
    One(Value),
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
}

impl<K> Statement<K> {
    pub(super) fn new(text: &'static str) -> Self {
        Self { parts: vec![Part::Text(Cow::Borrowed(text))], values: vec![], lock: None, kind: PhantomData }
    }

    /// The value of the next placeholder that the text names itself: `$1` first.
    pub(in super::super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Keeps the rows that a `SELECT` finds until its transaction ends.
    pub(in super::super) fn locking(mut self, lock: Lock) -> Self {
        self.lock = Some(lock);
        self
    }

    /// For SQLite: a placeholder for each value. Lists are filled up with their last text to a power of two: the text of a
    /// statement is prepared once, and lists of every length would make as many texts.
    pub(super) fn for_sqlite(self) -> Rendered<Value> {
        let mut arguments = self.values;
        if let [Part::Text(text)] = &self.parts[..] {
            return Rendered { text: text.clone(), arguments };
        }
        let mut text = String::new();
        debug_assert!(arguments.is_empty(), "either the text names its placeholders, or its parts do");
        for part in self.parts {
            match part {
                Part::Text(part) => text.push_str(&part),
                Part::One(value) => mark(&mut text, &mut arguments, value),
                Part::List(mut list) => {
                    let last = list.last().cloned().unwrap_or_default();
                    list.resize(list.len().next_power_of_two(), last);
                    tuple(&mut text, &mut arguments, list.into_iter().map(Value::from));
                }
                Part::Rows(rows) => {
                    text.push_str("VALUES ");
                    for (index, row) in rows.into_iter().enumerate() {
                        text.push_str(if index == 0 { "" } else { ", " });
                        tuple(&mut text, &mut arguments, row.into_iter());
                    }
                }
            }
        }
        Rendered { text: Cow::Owned(text), arguments }
    }

    /// For PostgreSQL: an array for each list and for each column of many rows.
    pub(super) fn for_postgres(self) -> Rendered<Argument> {
        let mut arguments: Vec<Argument> = self.values.into_iter().map(Argument::One).collect();
        let lock = match self.lock {
            Some(Lock::Wait) => " FOR UPDATE".to_owned(),
            Some(Lock::Of(table)) => format!(" FOR UPDATE OF {table}"),
            Some(Lock::Skip) => " FOR UPDATE SKIP LOCKED".to_owned(),
            None => String::new(),
        };
        if let ([Part::Text(text)], "") = (&self.parts[..], lock.as_str()) {
            return Rendered { text: text.clone(), arguments };
        }
        let mut text = String::new();
        for part in self.parts {
            match part {
                Part::Text(part) => text.push_str(&part),
                Part::One(value) => place(&mut text, &mut arguments, Argument::One(value)),
                Part::List(list) => {
                    // `IN (a, b)` is `= ANY (array)`.
                    text.truncate(text.trim_end().strip_suffix("IN").map_or(text.len(), str::len));
                    text.push_str("= ANY (");
                    place(&mut text, &mut arguments, Argument::Texts(list.into_iter().map(Some).collect()));
                    text.push_str("::text[])");
                }
                Part::Rows(rows) => {
                    text.push_str("SELECT * FROM unnest(");
                    for (index, column) in columns(rows).into_iter().enumerate() {
                        text.push_str(if index == 0 { "" } else { ", " });
                        let kind = if matches!(column, Argument::Numbers(_)) { "::bigint[]" } else { "::text[]" };
                        place(&mut text, &mut arguments, column);
                        text.push_str(kind);
                    }
                    text.push(')');
                }
            }
        }
        text.push_str(&lock);
        Rendered { text: Cow::Owned(text), arguments }
    }
}

/// A placeholder for the next argument.
fn place<A>(text: &mut String, arguments: &mut Vec<A>, argument: A) {
    arguments.push(argument);
    // Writing to a text does not fail.
    let _ = write!(text, "${}", arguments.len());
}

/// The same for SQLite, without a number: it takes `$1` for a name, and looks each name up among all others.
fn mark(text: &mut String, arguments: &mut Vec<Value>, argument: Value) {
    arguments.push(argument);
    text.push('?');
}

fn tuple(text: &mut String, arguments: &mut Vec<Value>, values: impl Iterator<Item = Value>) {
    text.push('(');
    for (index, value) in values.enumerate() {
        text.push_str(if index == 0 { "" } else { ", " });
        mark(text, arguments, value);
    }
    text.push(')');
}

/// Rows, turned on their side.
fn columns(rows: Vec<Vec<Value>>) -> Vec<Argument> {
    let mut columns: Vec<Argument> = vec![];
    for row in rows {
        for (index, value) in row.into_iter().enumerate() {
            match (columns.get_mut(index), value) {
                (Some(Argument::Texts(column)), Value::Text(text)) => column.push(text),
                (Some(Argument::Numbers(column)), Value::Number(number)) => column.push(number),
                (None, Value::Text(text)) => columns.push(Argument::Texts(vec![text])),
                (None, Value::Number(number)) => columns.push(Argument::Numbers(vec![number])),
                // A column has one kind; a value of another one would be a mistake in this program.
                (Some(column), _) => debug_assert!(false, "two kinds of values in one column: {column:?}"),
            }
        }
    }
    columns
}

/// A statement put together from pieces.
#[derive(Debug)]
pub(in super::super) struct Builder(Vec<Part>);

/// One of many rows.
#[derive(Debug, Default)]
pub(in super::super) struct RowValues(Vec<Value>);

impl RowValues {
    pub(in super::super) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(value.into());
        self
    }
}

impl Builder {
    pub(in super::super) fn new(text: &'static str) -> Self {
        Self(vec![Part::Text(Cow::Borrowed(text))])
    }

    /// For statements about tables whose names are read from the database itself.
    pub(in super::super) fn named(text: String) -> Self {
        Self(vec![Part::Text(Cow::Owned(text))])
    }

    /// More of such a text.
    pub(in super::super) fn push_named(&mut self, text: String) -> &mut Self {
        self.0.push(Part::Text(Cow::Owned(text)));
        self
    }

    /// More of the text.
    pub(in super::super) fn push(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Part::Text(Cow::Borrowed(text)));
        self
    }

    /// A placeholder, and its value.
    pub(in super::super) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(Part::One(value.into()));
        self
    }

    /// After `IN`: a list of texts.
    pub(in super::super) fn push_list(&mut self, texts: impl Iterator<Item = String>) -> &mut Self {
        self.0.push(Part::List(texts.collect()));
        self
    }

    /// After `INSERT INTO table (columns)`: many rows.
    pub(in super::super) fn push_values<I: IntoIterator>(
        &mut self,
        items: I,
        mut each: impl FnMut(&mut RowValues, I::Item),
    ) -> &mut Self {
        let row = |item| {
            let mut row = RowValues::default();
            each(&mut row, item);
            row.0
        };
        self.0.push(Part::Rows(items.into_iter().map(row).collect()));
        self
    }

    fn finish<K>(self) -> Statement<K> {
        Statement { parts: self.0, values: vec![], lock: None, kind: PhantomData }
    }

    /// Run for its effect.
    pub(in super::super) fn build(self) -> Statement<Plain> {
        self.finish()
    }

    /// Read as records.
    pub(in super::super) fn build_query_as(self) -> Statement<Records> {
        self.finish()
    }

    /// Read as single values.
    pub(in super::super) fn build_query_scalar(self) -> Statement<Scalars> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Statement<Plain> {
        let mut select = Builder::new("SELECT id FROM cases WHERE tenant = ");
        select.push_bind("t").push(" AND id IN ").push_list(["a", "b", "c"].map(str::to_owned).into_iter());
        select.push(" AND version > ").push_bind(3);
        select.build().locking(Lock::Skip)
    }

    #[test]
    fn a_list_is_as_each_database_likes_it() {
        let sqlite = list().for_sqlite();
        assert_eq!(sqlite.text, "SELECT id FROM cases WHERE tenant = ? AND id IN (?, ?, ?, ?) AND version > ?");
        assert_eq!(sqlite.arguments[4], Value::from("c"));
        let postgres = list().for_postgres();
        let text =
            "SELECT id FROM cases WHERE tenant = $1 AND id = ANY ($2::text[]) AND version > $3 FOR UPDATE SKIP LOCKED";
        assert_eq!(postgres.text, text);
        let ids = ["a", "b", "c"].map(|id| Some(id.to_owned())).to_vec();
        assert_eq!(postgres.arguments[1], Argument::Texts(ids));
    }

    #[test]
    fn many_rows_are_values_or_columns() {
        let insert = || {
            let mut insert = Builder::new("INSERT INTO t (a, b) ");
            insert.push_values([(Some("x"), 1), (None, 2)], |row, (text, number)| {
                row.push_bind(text).push_bind(i64::from(number));
            });
            insert.push(" ON CONFLICT (a) DO NOTHING");
            insert.build()
        };
        assert_eq!(insert().for_sqlite().text, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING");
        let postgres = insert().for_postgres();
        let text = "INSERT INTO t (a, b) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (a) DO NOTHING";
        assert_eq!(postgres.text, text);
        let columns = [Argument::Texts(vec![Some("x".to_owned()), None]), Argument::Numbers(vec![Some(1), Some(2)])];
        assert_eq!(postgres.arguments, columns);
    }

    #[test]
    fn a_plain_statement_is_neither_copied_nor_changed() {
        let statement = || Statement::<Plain>::new("SELECT $1").bind("x");
        assert!(matches!(statement().for_sqlite().text, Cow::Borrowed("SELECT $1")));
        assert!(matches!(statement().for_postgres().text, Cow::Borrowed("SELECT $1")));
    }
}
