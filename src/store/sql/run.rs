//! Running statements, on a connection of a transaction or on any that reads.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};
use tokio::time::timeout;

use super::super::database::{Guarded, Read, Readers, Write};
use super::statement::{Argument, Plain, Records, Rendered, Scalars, Statement};
use super::{Readable, Row, Value};

/// Where a statement runs.
pub(in super::super) enum On<'c> {
    /// In a transaction.
    Sqlite(&'c mut SqliteConnection),
    /// In a transaction.
    Postgres(&'c mut Guarded),
    /// By itself.
    Readers(&'c Readers),
}

impl<'c> From<&'c Readers> for On<'c> {
    fn from(readers: &'c Readers) -> Self {
        Self::Readers(readers)
    }
}

impl<'c> From<&'c mut Write> for On<'c> {
    fn from(write: &'c mut Write) -> Self {
        write.on()
    }
}

impl<'c> From<&'c mut Read> for On<'c> {
    fn from(read: &'c mut Read) -> Self {
        read.on()
    }
}

/// A connection for one statement.
enum Lent<'c> {
    Sqlite(&'c mut SqliteConnection),
    OwnSqlite(sqlx::pool::PoolConnection<Sqlite>),
    Postgres(&'c mut Guarded),
    OwnPostgres(Guarded),
}

/// A connection of one kind or the other.
enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut Guarded),
}

impl<'c> On<'c> {
    async fn lend(self) -> Result<Lent<'c>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Lent::Sqlite(connection),
            Self::Postgres(connection) => Lent::Postgres(connection),
            Self::Readers(Readers::Sqlite(pool)) => Lent::OwnSqlite(pool.acquire().await?),
            Self::Readers(Readers::Postgres(server)) => Lent::OwnPostgres(server.acquire().await?),
        })
    }
}

impl Lent<'_> {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::OwnSqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
            Self::OwnPostgres(connection) => Connection::Postgres(connection),
        }
    }
}

impl Statement<Plain> {
    /// How many rows it changed.
    ///
    /// # Errors
    /// What the database says.
    pub(in super::super) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<u64, sqlx::Error> {
        let mut lent = on.into().lend().await?;
        match lent.connection() {
            Connection::Sqlite(connection) => {
                let (text, arguments) = sqlite(self.for_sqlite())?;
                let done = sqlx::query_with(AssertSqlSafe(text), arguments).execute(connection).await?;
                Ok(done.rows_affected())
            }
            Connection::Postgres(guarded) => {
                let (text, arguments) = postgres(self.for_postgres())?;
                let query = sqlx::query_with(AssertSqlSafe(text), arguments);
                let done = timeout(guarded.patience(), query.execute(guarded.connection()?)).await;
                guarded.judge(done).map(|done| done.rows_affected())
            }
        }
    }

    /// Its rows, to be read one by one: one that cannot be read spoils no other.
    ///
    /// # Errors
    /// What the database says.
    pub(in super::super) async fn fetch_rows<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<Row>, sqlx::Error> {
        let mut lent = on.into().lend().await?;
        match lent.connection() {
            Connection::Sqlite(connection) => {
                let (text, arguments) = sqlite(self.for_sqlite())?;
                let rows = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(guarded) => {
                let (text, arguments) = postgres(self.for_postgres())?;
                let query = sqlx::query_with(AssertSqlSafe(text), arguments);
                let rows = timeout(guarded.patience(), query.fetch_all(guarded.connection()?)).await;
                Ok(guarded.judge(rows)?.into_iter().map(Row::Postgres).collect())
            }
        }
    }
}

impl<K> Statement<K> {
    async fn all<'c, T: Readable>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error> {
        let mut lent = on.into().lend().await?;
        match lent.connection() {
            Connection::Sqlite(connection) => {
                let (text, arguments) = sqlite(self.for_sqlite())?;
                sqlx::query_as_with(AssertSqlSafe(text), arguments).fetch_all(connection).await
            }
            Connection::Postgres(guarded) => {
                let (text, arguments) = postgres(self.for_postgres())?;
                let query = sqlx::query_as_with(AssertSqlSafe(text), arguments);
                let rows = timeout(guarded.patience(), query.fetch_all(guarded.connection()?)).await;
                guarded.judge(rows)
            }
        }
    }
}

impl Statement<Records> {
    pub(in super::super) async fn fetch_all<'c, T: Readable>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Vec<T>, sqlx::Error> {
        self.all(on).await
    }

    /// The first record, if there is any.
    pub(in super::super) async fn fetch_optional<'c, T: Readable>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<T>, sqlx::Error> {
        Ok(self.all(on).await?.into_iter().next())
    }
}

impl Statement<Scalars> {
    pub(in super::super) async fn fetch_all<'c, T>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error>
    where
        (T,): Readable,
    {
        Ok(self.all::<(T,)>(on).await?.into_iter().map(|(value,)| value).collect())
    }

    /// The first value, if there is any.
    pub(in super::super) async fn fetch_optional<'c, T>(self, on: impl Into<On<'c>>) -> Result<Option<T>, sqlx::Error>
    where
        (T,): Readable,
    {
        Ok(self.all::<(T,)>(on).await?.into_iter().next().map(|(value,)| value))
    }

    /// The first value; an error where there is none.
    pub(in super::super) async fn fetch_one<'c, T>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error>
    where
        (T,): Readable,
    {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }
}

type Text = std::borrow::Cow<'static, str>;

fn sqlite(rendered: Rendered<Value>) -> Result<(Text, SqliteArguments), sqlx::Error> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in rendered.arguments {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Number(number) => arguments.add(number),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok((rendered.text, arguments))
}

fn postgres(rendered: Rendered<Argument>) -> Result<(Text, PgArguments), sqlx::Error> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for argument in rendered.arguments {
        match argument {
            Argument::One(Value::Text(text)) => arguments.add(text),
            Argument::One(Value::Number(number)) => arguments.add(number),
            Argument::Texts(texts) => arguments.add(texts),
            Argument::Numbers(numbers) => arguments.add(numbers),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok((rendered.text, arguments))
}
