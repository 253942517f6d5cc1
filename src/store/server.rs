//! What daemons that share a database have to agree on.

use sqlx::{Connection, FromRow};
use uuid::Uuid;

use super::database::{Readers, ServerLocation, connect_any, newest_of_server, server_schema};
use super::leases::DAEMON;
use super::{At, Store, StoreError, sql};
use crate::calendar::Instant;
use crate::journal::Mark;

/// What is agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// The number of the database's schema.
    pub schema: i64,
    /// The newest that this program knows.
    pub known_schema: i64,
    /// The fingerprint of the rules that plans are made with.
    pub rules: Option<String>,
    /// The database's clock.
    pub clock: Instant,
    /// The server's history: another text once it was changed for a standby, which may have forgotten the last transactions.
    pub history: String,
    /// Up to where our acceptance journal is known to be in the database.
    pub mark: Mark,
    /// How many living daemons have not compared their acceptance journals with this history yet.
    pub behind: i64,
}

impl Store {
    /// From now on nothing is written under another history of the server than this one.
    pub fn work_with(&self, history: &str) {
        if let Readers::Postgres(server) = &self.readers {
            server.work_with(history);
        }
    }

    /// How many other daemons than `owner` have said lately that they live.
    ///
    /// # Errors
    /// What the database says.
    pub async fn other_daemons(&self, owner: &str, now: Instant) -> Result<i64, StoreError> {
        let clock =
            if self.is_shared() { At::from(self.server_state(Uuid::nil()).await?.clock) } else { At::from(now) };
        let select = "SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND name <> $1 AND until_at > $2";
        let query = sql::query_scalar(select).bind(format!("{DAEMON}{owner}")).bind(clock);
        Ok(query.fetch_one(&self.readers).await?)
    }

    /// Says that a daemon is gone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn say_goodbye(&self, owner: &str) -> Result<(), StoreError> {
        self.end_lease(&format!("{DAEMON}{owner}"), owner).await
    }

    /// What daemons that share this database have to agree on, in one question. `journal`: the id of our acceptance
    /// journal. Of a file it is what stands in it, and no clock but the epoch, for a file has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn server_state(&self, journal: Uuid) -> Result<ServerState, StoreError> {
        let select = match &self.readers {
            Readers::Sqlite(_) => FILE_STATE,
            Readers::Postgres(_) => SERVER_STATE,
        };
        let row: Option<StateRow> =
            sql::query_as(select).bind(self.mark(journal)).fetch_optional(&self.readers).await?;
        let row = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(ServerState {
            schema: row.schema,
            known_schema: self.readers.known_schema(),
            rules: row.rules,
            clock: row.clock.instant(),
            history: row.history,
            mark: row.mark.and_then(|text| Mark::parse(&text)).unwrap_or_default(),
            behind: row.behind,
        })
    }
}

#[derive(FromRow)]
struct StateRow {
    schema: i64,
    rules: Option<String>,
    clock: At,
    history: String,
    mark: Option<String>,
    behind: i64,
}

const FILE_STATE: &str = "\
    SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations) AS schema, \
    (SELECT value FROM settings WHERE name = 'rules') AS rules, 0 AS clock, '' AS history, \
    (SELECT value FROM settings WHERE name = $1) AS mark, 0 AS behind";

/// The first eight signs of a log's name are the server's timeline: a promotion begins a new one.
const SERVER_STATE: &str = "\
    SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations) AS schema, \
    (SELECT value FROM settings WHERE name = 'rules') AS rules, clock, history, \
    (SELECT value FROM settings WHERE name = $1) AS mark, \
    (SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND until_at > clock AND note <> history) AS behind \
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock, CASE WHEN pg_is_in_recovery() THEN '' \
          ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS history) server";

/// What was found on a server, without opening its database for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerExamination {
    /// PostgreSQL's version, such as `15.18`.
    pub version: String,
    /// The number of the schema; 0: there is none of ours.
    pub schema: i64,
    /// The newest that this program knows.
    pub known_schema: i64,
    /// Whether it takes no writes.
    pub is_standby: bool,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// How many daemons have said lately that they live.
    pub daemons: i64,
    /// The server's clock.
    pub clock: Instant,
}

/// Examines a database on a server, beside whoever works with it. Of several servers, the first that answers.
///
/// # Errors
/// Where none answers, or refuses us.
pub async fn examine_server(location: &ServerLocation) -> Result<ServerExamination, StoreError> {
    let mut connection = connect_any(location).await?;
    let about = "SELECT split_part(current_setting('server_version'), ' ', 1), pg_is_in_recovery(), \
                 coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), FALSE), \
                 (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let (version, is_standby, is_encrypted, clock): (String, bool, bool, At) =
        sqlx::query_as(about).fetch_one(&mut connection).await?;
    let schema = server_schema(&mut connection).await?;
    let mut daemons = 0;
    if schema == newest_of_server() {
        let select = "SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND until_at > $1";
        daemons = sqlx::query_scalar(select).bind(clock).fetch_one(&mut connection).await?;
    }
    connection.close().await?;
    let (known_schema, clock) = (newest_of_server(), clock.instant());
    Ok(ServerExamination { version, schema, known_schema, is_standby, is_encrypted, daemons, clock })
}
