//! A connection to a source, of any of the three kinds: read-only, one at a time, and never used again after a doubt.
//!
//! A database future that is cut short leaves its connection in an unknown state. So whoever runs out of patience here
//! drops the connection with it, which closes the socket; the server is told its own limit besides.

mod mysql;
mod postgres;
mod sqlite;
mod target;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono_tz::Tz;
use futures_util::{Stream, StreamExt};
use sqlx::{Connection as _, MySqlConnection, PgConnection, SqliteConnection};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::mark::{Bound, Comparison};
use crate::facts::columns::Cell;

pub(super) use target::Target;

/// How much longer than the server we wait: its own words about the limit are worth more than ours.
const GRACE: Duration = Duration::from_secs(5);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What a query looks like before it is run.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) columns: Vec<String>,
    pub(super) parameters: usize,
    /// What its parameter is compared with.
    pub(super) comparison: Comparison,
}

/// A value of a row: NULL is nothing, and what cannot be read says why.
pub(super) type Value = Result<Option<Cell>, String>;

/// What takes rows. What it fails with ends the reading.
pub(super) type Taker<'t> = dyn FnMut(Vec<Value>) -> Result<(), Failure> + Send + 't;

/// What reading waits for.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    /// How long one query may take.
    pub(super) timeout: Duration,
    /// Whether to stop at once.
    pub(super) stop: CancellationToken,
}

/// A session with a source's database. After a failure that is fatal nothing more can be asked of it.
pub(super) struct Session {
    /// Gone after a doubt.
    connection: Option<Connection>,
    patience: Patience,
}

enum Connection {
    Postgres(Box<PgConnection>),
    MySql(Box<MySqlConnection>),
    /// With what ends its work on a thread of its own.
    Sqlite(Box<SqliteConnection>, Halt),
}

/// Has a query end that runs on a thread of its own, once this is dropped: nothing else would.
struct Halt(Arc<AtomicBool>);

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Whether a role could write, if only it were let.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// It may read.
    Reads,
    /// It may write; what, in words.
    Writes(String),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("open", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, and begins a transaction that may only read.
    pub(super) async fn open(target: &Target, zone: Tz, patience: Patience) -> Result<Self, Failure> {
        let connecting = async {
            match target {
                Target::Postgres(options) => {
                    let connection = postgres::connect(options, zone, patience.timeout).await?;
                    Ok(Connection::Postgres(Box::new(connection)))
                }
                Target::MySql(options) => {
                    Ok(Connection::MySql(Box::new(mysql::connect(options, patience.timeout).await?)))
                }
                Target::Sqlite(path) => {
                    let (connection, halt) = sqlite::connect(path, patience.timeout).await?;
                    Ok(Connection::Sqlite(Box::new(connection), Halt(halt)))
                }
            }
        };
        let limit = CONNECT.max(patience.timeout.min(CONNECT * 3));
        let connected = within(limit, &patience.stop, connecting).await;
        let connection = match connected {
            Waited::Done(connected) => connected.map_err(|failure| Failure { is_fatal: true, ..failure })?,
            Waited::TooLong => return Err(Failure::fatal("no connection: nothing answers")),
            Waited::Stopped => return Err(stopped()),
        };
        let mut session = Self { connection: Some(connection), patience };
        session.begin().await?;
        Ok(session)
    }

    /// Begins a transaction that may only read and sees one state of the data.
    async fn begin(&mut self) -> Result<(), Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::begin(connection).await,
            Connection::MySql(connection) => mysql::begin(connection).await,
            Connection::Sqlite(connection, _) => sqlite::begin(connection).await,
        })
        .await
    }

    /// After a statement that failed: ends the transaction, and begins another one.
    pub(super) async fn begin_anew(&mut self) -> Result<(), Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::end(connection).await,
            Connection::MySql(connection) => mysql::end(connection).await,
            Connection::Sqlite(connection, _) => sqlite::end(connection).await,
        })
        .await?;
        self.begin().await
    }

    /// What a query looks like. `watermark`: the column that its parameter is compared with.
    pub(super) async fn describe(&mut self, sql: &str, watermark: Option<&str>) -> Result<Shape, Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::describe(connection, sql).await,
            Connection::MySql(connection) => mysql::describe(connection, sql, watermark).await,
            Connection::Sqlite(connection, _) => sqlite::describe(connection, sql).await,
        })
        .await
    }

    /// Reads all rows of a query.
    pub(super) async fn read(
        &mut self,
        sql: &str,
        bound: Option<&Bound>,
        taker: &mut Taker<'_>,
    ) -> Result<(), Failure> {
        self.read_most(sql, bound, usize::MAX, taker).await
    }

    /// Reads the first row of a query. The rest of them is left, and the connection with it.
    pub(super) async fn first(mut self, sql: &str, bound: Option<&Bound>) -> Result<Option<Vec<Value>>, Failure> {
        let mut first = None;
        let mut taker = |row| {
            first = Some(row);
            Ok(())
        };
        self.read_most(sql, bound, 1, &mut taker).await?;
        Ok(first)
    }

    async fn read_most(
        &mut self,
        sql: &str,
        bound: Option<&Bound>,
        most: usize,
        taker: &mut Taker<'_>,
    ) -> Result<(), Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::read(connection, sql, bound, most, taker).await,
            Connection::MySql(connection) => mysql::read(connection, sql, bound, most, taker).await,
            Connection::Sqlite(connection, _) => sqlite::read(connection, sql, bound, most, taker).await,
        })
        .await
    }

    /// What the server calls itself.
    pub(super) async fn version(&mut self) -> Result<String, Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::version(connection).await,
            Connection::MySql(connection) => mysql::version(connection).await,
            Connection::Sqlite(connection, _) => sqlite::version(connection).await,
        })
        .await
    }

    /// Whether the role could write.
    pub(super) async fn rights(&mut self) -> Result<Rights, Failure> {
        self.ask(async |connection| match connection {
            Connection::Postgres(connection) => postgres::rights(connection).await,
            Connection::MySql(connection) => mysql::rights(connection).await,
            // It is opened for reading only, whatever the file allows.
            Connection::Sqlite(..) => Ok(Rights::Reads),
        })
        .await
    }

    /// Says goodbye. A server that does not answer is left alone.
    pub(super) async fn close(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let closing = async {
            match connection {
                Connection::Postgres(connection) => connection.close().await,
                Connection::MySql(connection) => connection.close().await,
                Connection::Sqlite(connection, _halt) => connection.close().await,
            }
        };
        let _ = tokio::time::timeout(GRACE, closing).await;
    }

    /// Asks the database something, with patience. In doubt the connection is gone.
    async fn ask<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let Some(mut connection) = self.connection.take() else {
            return Err(Failure::fatal("the connection was lost before"));
        };
        // It may be cut short, so it is ours alone meanwhile: whatever does not end well drops it.
        let limit = self.patience.timeout + GRACE;
        let done = within(limit, &self.patience.stop, work(&mut connection)).await;
        let done = match done {
            Waited::Done(done) => done,
            Waited::TooLong => Err(Failure::fatal(too_long(self.patience.timeout))),
            Waited::Stopped => Err(stopped()),
        };
        if !matches!(&done, Err(failure) if failure.is_fatal) {
            self.connection = Some(connection);
        }
        done
    }
}

/// Hands on rows one by one, each as soon as it is there.
async fn hand_on<R>(
    rows: impl Stream<Item = Result<R, sqlx::Error>>,
    most: usize,
    failed: impl Fn(&sqlx::Error) -> Failure,
    values: impl Fn(&R) -> Vec<Value>,
    taker: &mut Taker<'_>,
) -> Result<(), Failure> {
    let mut rows = std::pin::pin!(rows);
    let mut taken = 0;
    while taken < most {
        let Some(row) = rows.next().await else { return Ok(()) };
        taker(values(&row.map_err(|error| failed(&error))?))?;
        taken += 1;
        // A long result must not keep others from their turn.
        if taken.is_multiple_of(1000) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

enum Waited<T> {
    Done(T),
    TooLong,
    Stopped,
}

async fn within<T>(limit: Duration, stop: &CancellationToken, work: impl Future<Output = T>) -> Waited<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Waited::Stopped,
        done = tokio::time::timeout(limit, work) => done.map_or(Waited::TooLong, Waited::Done),
    }
}

fn too_long(timeout: Duration) -> String {
    format!("it took longer than `timeout` allows ({} s)", timeout.as_secs())
}

fn stopped() -> Failure {
    Failure::fatal("stopped")
}

/// A year that facts can hold, whatever databases can.
fn is_usable_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}

/// A text as a cell: an empty one is as good as none.
fn text(text: &str) -> Option<Cell> {
    let text = text.trim();
    (!text.is_empty()).then(|| Cell::Text(text.to_owned()))
}

fn unreadable(type_name: &str) -> String {
    format!("the type {type_name} cannot be read; convert it in the query, for example CAST(… AS text)")
}
