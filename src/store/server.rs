//! What daemons that share a database have to agree on.

use sqlx::Connection;

use super::database::{Readers, ServerLocation, connect_any, newest_of_server, server_schema};
use super::leases::DAEMON;
use super::{At, Store, StoreError, sql};
use crate::calendar::Instant;

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
}

impl Store {
    /// From now on nothing is written under another history of the server than this one.
    pub fn work_with(&self, history: &str) {
        if let Readers::Postgres(server) = &self.readers {
            server.work_with(history);
        }
    }

    /// How many other daemons live that have not compared their acceptance journals with this history yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn daemons_behind(&self, state: &ServerState) -> Result<i64, StoreError> {
        let select = "SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND until_at > $1 AND note <> $2";
        let query = sql::query_scalar(select).bind(At::from(state.clock)).bind(&state.history);
        Ok(query.fetch_one(&self.readers).await?)
    }

    /// How many other daemons than `owner` have said lately that they live.
    ///
    /// # Errors
    /// What the database says.
    pub async fn other_daemons(&self, owner: &str, now: Instant) -> Result<i64, StoreError> {
        let clock = if self.is_shared() { At::from(self.server_state().await?.clock) } else { At::from(now) };
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

    /// What daemons that share this database have to agree on. Of a file it is what stands in it, and no clock but the
    /// epoch, for a file has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn server_state(&self) -> Result<ServerState, StoreError> {
        let clock = match &self.readers {
            Readers::Sqlite(_) => At(0),
            Readers::Postgres(_) => {
                let select = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
                sql::query_scalar(select).fetch_one(&self.readers).await?
            }
        };
        let schema = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
        Ok(ServerState {
            schema: sql::query_scalar(schema).fetch_one(&self.readers).await?,
            known_schema: self.readers.known_schema(),
            rules: self.rules_in_use().await?,
            clock: clock.instant(),
            history: match &self.readers {
                Readers::Sqlite(_) => String::new(),
                Readers::Postgres(server) => server.history().await?,
            },
        })
    }
}

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
