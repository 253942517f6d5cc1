//! The database without the product: what it costs by itself.

use std::str::FromStr as _;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use sqlx::{PgConnection, SqliteConnection};

/// A connection of its own, as durable as the product's.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// The same words for both kinds of connection.
macro_rules! on {
    ($raw:expr, $connection:ident => $work:expr) => {
        match $raw {
            Raw::Sqlite($connection) => $work,
            Raw::Postgres($connection) => $work,
        }
    };
}

impl Raw {
    pub(crate) async fn open(url: &str) -> Self {
        if url.starts_with("postgres") {
            return Self::Postgres(PgConnection::connect(url).await.expect("the server"));
        }
        let options = SqliteConnectOptions::from_str(url).expect("a URL").journal_mode(SqliteJournalMode::Wal);
        let options = options.synchronous(SqliteSynchronous::Full);
        Self::Sqlite(options.connect().await.expect("the file"))
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs statements for their effect.
    pub(crate) async fn run(&mut self, sql: String) {
        on!(self, connection => drop(sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("done")));
    }

    /// One number.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, connection => connection.fetch_one(sql).await.expect("a row").get(0))
    }

    /// Reads rows of one text each, one after the other, and keeps none; how many, and how many bytes.
    pub(crate) async fn scan(&mut self, sql: &str) -> (usize, usize) {
        let sql = AssertSqlSafe(sql.to_owned());
        let (mut rows, mut bytes) = (0, 0);
        on!(self, connection => {
            let mut stream = connection.fetch(sql);
            while let Some(row) = stream.try_next().await.expect("a row") {
                rows += 1;
                bytes += row.get::<&str, _>(0).len();
            }
        });
        (rows, bytes)
    }

    /// Rows of texts, all of them.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, connection => {
            let rows = connection.fetch_all(sql).await.expect("rows");
            rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
        })
    }
}
