//! What daemons that share a database have to agree on.

use sqlx::{Connection, FromRow};
use uuid::Uuid;

use super::database::{
    HISTORY, Readers, Scope, ServerLocation, connect_any, is_older, newest_of_server, server_schema,
};
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
    /// How many other living daemons work with these rules.
    pub with_rules: i64,
    /// How many other living daemons have an acceptance journal with our id: a machine was copied.
    pub copies: i64,
    /// How many attempts of ours are open.
    pub in_hand: i64,
    /// Where everything is moved to, or comes from, where it is.
    pub moved: Option<String>,
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
            if self.is_shared() { At::from(self.server_state(Uuid::nil(), "").await?.clock) } else { At::from(now) };
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
    /// journal; `owner`: our name. Of a file it is what stands in it, and no clock but the epoch, for a file has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn server_state(&self, journal: Uuid, owner: &str) -> Result<ServerState, StoreError> {
        let select = match &self.readers {
            Readers::Sqlite(_) => sql::Builder::new(FILE_STATE),
            Readers::Postgres(_) => sql::Builder::named(SERVER_STATE.replace("HISTORY", HISTORY)),
        };
        let instance = format!("{DAEMON}{}", owner.split_inclusive('/').next().unwrap_or_default());
        let query = select.build_query_as().bind(self.mark(journal)).bind(owner).bind(instance);
        let row: Option<StateRow> = query.fetch_optional(&self.readers).await?;
        let row = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(ServerState {
            schema: row.schema,
            known_schema: self.readers.known_schema(),
            rules: row.rules,
            clock: row.clock.instant(),
            history: row.history,
            mark: row.mark.and_then(|text| Mark::parse(&text)).unwrap_or_default(),
            behind: row.behind,
            with_rules: row.with_rules,
            copies: row.copies,
            in_hand: row.in_hand,
            moved: row.moved,
        })
    }

    /// Notes since when the server has this history: daemons that lived before have a minute to compare their journals.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_history(&self, history: &str, now: Instant) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let insert = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let query = sql::query(insert).bind(format!("since:{history}")).bind(write.lease_clock(now).0.to_string());
        query.execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    /// The database has gone back to an earlier state although its server is the same: it has another history from now
    /// on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn begin_epoch(&self) -> Result<(), StoreError> {
        let mut write = self.write(Scope::All).await?;
        let upsert = "INSERT INTO settings (name, value) VALUES ('epoch', '1') ON CONFLICT (name) DO UPDATE \
                      SET value = CAST(CAST(settings.value AS BIGINT) + 1 AS TEXT)";
        sql::query(upsert).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}

impl ServerState {
    /// Whether this is a server that another history was made of: one that was left by a failover, and started again.
    #[must_use]
    pub fn is_older_than(&self, history: &str) -> bool {
        is_older(&self.history, history)
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
    with_rules: i64,
    copies: i64,
    in_hand: i64,
    moved: Option<String>,
}

const FILE_STATE: &str = "\
    SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations) AS schema, \
    (SELECT value FROM settings WHERE name = 'rules') AS rules, 0 AS clock, '' AS history, \
    (SELECT value FROM settings WHERE name = $1) AS mark, 0 AS behind, 0 AS with_rules, 0 AS copies, \
    (SELECT count(*) FROM attempts WHERE phase IN ('claimed', 'committing') AND owner = $2 AND $3 = $3) AS in_hand, \
    (SELECT value FROM settings WHERE name = 'moved_to') AS moved";

/// Daemons whose lease ran out while nobody could renew it have a minute from when the server answers again.
const SERVER_STATE: &str = "\
    SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations) AS schema, \
    rules, clock, history, (SELECT value FROM settings WHERE name = $1) AS mark, \
    (SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND left(note, length(history)) <> history \
        AND greatest(until_at, coalesce((SELECT value::bigint FROM settings WHERE name = 'since:' || history), 0) + 60000) \
            > clock) AS behind, \
    (SELECT count(*) FROM leases WHERE name LIKE 'daemon:%' AND until_at > clock AND owner <> $2 \
        AND right(note, 64) = rules) AS with_rules, \
    (SELECT count(*) FROM leases WHERE left(name, length($3)) = $3 AND owner <> $2 AND until_at > clock) AS copies, \
    (SELECT count(*) FROM attempts WHERE phase IN ('claimed', 'committing') AND owner = $2) AS in_hand, \
    (SELECT min(value) FROM settings WHERE name IN ('moved_to', 'moving_to', 'transfer')) AS moved \
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock, HISTORY AS history, \
          (SELECT value FROM settings WHERE name = 'rules') AS rules) server";

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
