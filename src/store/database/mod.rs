//! The two databases that a store can stand on, and transactions on either.
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | one writer at a time | over all, by the file | in each municipality, by an advisory lock of the transaction |
//! | claims | with the writer | `FOR UPDATE SKIP LOCKED` |
//! | whose clock leases go by | ours: there is one daemon | the server's |
//! | another daemon | is kept out by a file lock | shares the work |

mod fault;
mod location;
mod migrate;
mod postgres;
mod sqlite;

use std::collections::HashSet;

use sqlx::{Sqlite, SqlitePool, Transaction};

use super::At;
use super::sql::On;
use crate::calendar::Instant;

pub(super) use fault::{Fault, fault};
pub use location::{Location, LocationError, ServerLocation};
pub(super) use migrate::{Migrations, migrate_file, newest_of_file, newest_of_server, server_schema};
use postgres::{Begun, key};
pub(super) use postgres::{Guarded, HISTORY, Server, connect_any, is_older};
pub(super) use sqlite::{File, beside, file_options};

/// What a transaction changes, which says whom it keeps waiting.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// Rows that are ours by their attempt, or single rows: whoever wants the same one waits for it.
    Rows,
    /// These municipalities must stand still, but others may look at them in the same way. Nobody waits for that: see
    /// [`Write::keeps`].
    Steady(&'a [&'a str]),
    /// These municipalities are changed.
    Tenants(&'a [&'a str]),
    /// Everything.
    All,
}

/// A transaction that may write. Dropped before [`Write::commit`], nothing of it happened.
pub(super) struct Write {
    link: Link,
    clock: Option<At>,
    kept: HashSet<i32>,
}

/// A transaction that reads one state.
pub(super) struct Read(Link);

enum Link {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Guarded),
}

/// Connections that read the last committed state.
#[derive(Clone, Debug)]
pub(super) enum Readers {
    Sqlite(SqlitePool),
    Postgres(Server),
}

/// Where transactions that write begin.
#[derive(Clone, Debug)]
pub(super) enum Writer {
    /// The one connection that writes; transactions queue for it instead of failing.
    Sqlite(SqlitePool),
    Postgres(Server),
}

impl Writer {
    pub(super) async fn begin(&self, scope: Scope<'_>) -> Result<Write, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let link = Link::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?);
                Ok(Write { link, clock: None, kept: HashSet::new() })
            }
            Self::Postgres(server) => {
                let Begun { guarded, clock, kept } = server.begin(scope).await?;
                Ok(Write { link: Link::Postgres(guarded), clock: Some(At(clock)), kept })
            }
        }
    }

    /// Whether another daemon may work with the same database.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Empties the write-ahead log of a file; with `whole`, after the file was written anew without what it held before.
    pub(super) async fn scrub(&self, whole: bool) -> Result<(), sqlx::Error> {
        let Self::Sqlite(pool) = self else { return Ok(()) };
        if whole {
            sqlx::query("VACUUM").execute(pool).await?;
        }
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(pool).await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(server) => server.close().await,
        }
    }
}

impl Readers {
    /// The number of the newest schema of this kind that this program knows.
    pub(super) fn known_schema(&self) -> i64 {
        match self {
            Self::Sqlite(_) => newest_of_file(),
            Self::Postgres(_) => newest_of_server(),
        }
    }

    pub(super) async fn begin(&self) -> Result<Read, sqlx::Error> {
        Ok(Read(match self {
            Self::Sqlite(pool) => Link::Sqlite(pool.begin().await?),
            Self::Postgres(server) => Link::Postgres(server.begin_reading().await?),
        }))
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(server) => server.close().await,
        }
    }
}

impl Link {
    fn on(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(transaction) => On::Sqlite(transaction),
            Self::Postgres(guarded) => On::Postgres(guarded),
        }
    }
}

impl Read {
    pub(super) fn on(&mut self) -> On<'_> {
        self.0.on()
    }
}

impl Write {
    pub(super) fn on(&mut self) -> On<'_> {
        self.link.on()
    }

    /// Keeps a municipality for this transaction, that learned only now which one it changes. Nothing is changed before.
    pub(super) async fn keep(&mut self, tenant: &str) -> Result<(), sqlx::Error> {
        match &mut self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(guarded) => guarded.keep(Scope::Tenants(&[tenant])).await,
        }
    }

    /// Keeps what it holds for as long as it takes, although nothing is asked meanwhile.
    pub(super) async fn hold(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(guarded) => guarded.hold().await,
        }
    }

    /// Whether a municipality that was asked to stand still does: on a file everything does.
    pub(super) fn keeps(&self, tenant: &str) -> bool {
        match self.link {
            Link::Sqlite(_) => true,
            Link::Postgres(_) => self.kept.contains(&key(tenant)),
        }
    }

    /// The clock that leases go by, as of when the transaction began: the server's where there is one, else ours.
    pub(super) fn lease_clock(&self, now: Instant) -> At {
        self.clock.unwrap_or_else(|| At::from(now))
    }

    /// Makes it so.
    ///
    /// # Errors
    /// What the database says. Where it did not answer, it may have happened or not.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.link {
            Link::Sqlite(transaction) => transaction.commit().await,
            Link::Postgres(guarded) => guarded.commit().await,
        }
    }
}
