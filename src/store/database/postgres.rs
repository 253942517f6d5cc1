//! PostgreSQL: a server, or several of which one at a time takes writes.
//!
//! What sqlx leaves to its users, and what is done about it here:
//! - A call that is dropped half-way leaves its connection in the middle of something. Whoever holds a connection holds
//!   it as [`Guarded`], which rolls back what is open, and closes what is in doubt, before anybody else gets it.
//! - There is no time limit of a call. Each has [`ServerLocation::patience`]; then the connection is closed, never used again, and the
//!   server notices that (`client_connection_check_interval`). The server's own `statement_timeout` is not used: it
//!   would cut short a commit that waits for its standby, and report success.
//! - There is no `target_session_attrs`. A server that takes no writes (a standby, or one that was demoted) is found out
//!   when a connection is made, when it was idle, and at the beginning of each transaction.
//! - Nothing says that the server was changed for another one, which may have forgotten the last transactions. A server
//!   has a history (its timeline), which a promotion begins anew: once a daemon has said with which it works, no
//!   transaction that writes begins under another.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Postgres, Row as _};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::super::StoreError;
use super::migrate::{Migrations, migrate_server, server_schema};
use super::{Scope, ServerLocation};

/// How long to wait for a connection: from one server, and from each of several.
const CONNECTING: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(5)];

/// After how long without use a connection is asked whether it is still good.
const IDLE: Duration = Duration::from_secs(2);

/// How long that question may take.
const ASKING: Duration = Duration::from_secs(5);

/// How many connections one process has at most.
const CONNECTIONS: u32 = 8;

/// The oldest server that fristvakt works with (`server_version_num`).
const OLDEST: i64 = 140_000;

/// A text that is another one once a server was promoted: the first eight signs of its log's name are its timeline.
/// Before it stands which server it was made as, so that a stranger is not taken for it; after it how often a daemon has found
/// that the database had gone back to an earlier state without that, as a restored machine does.
pub(in super::super) const HISTORY: &str = "CASE WHEN pg_is_in_recovery() THEN '' ELSE \
    (SELECT system_identifier::text FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) \
    || '/' || coalesce((SELECT value FROM settings WHERE name = 'epoch'), '0') END";

/// The first half of all our advisory locks: the letters `fris`.
const LOCKS: i32 = 0x6672_6973;

/// What every session asks for. A session that is lost in the middle of a transaction keeps nobody waiting for ever.
/// No commit is forgotten in a crash of the server, and nothing ends a statement but us.
const SESSION: &str = "SET client_min_messages = 'error'; SET idle_in_transaction_session_timeout = '300s'; \
    SET statement_timeout = 0; \
    SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') = 'off'; \
    SELECT pg_is_in_recovery()";

/// A server on another system than Linux cannot do it; then a call that we gave up ends a little later there.
const NOTICE: &str = "SET client_connection_check_interval = '10s'";

/// A transaction that has begun.
pub(in super::super) struct Begun {
    pub(in super::super) guarded: Guarded,
    /// The server's clock at its beginning (milliseconds since 1970).
    pub(in super::super) clock: i64,
    /// The keys of municipalities that stand still, of those that were asked to.
    pub(in super::super) kept: HashSet<i32>,
}

/// The servers of one database.
#[derive(Clone, Debug)]
pub(in super::super) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pools: Vec<PgPool>,
    /// The one that took writes last.
    current: AtomicUsize,
    trust: Arc<Trust>,
    /// The history that this process works with, once it has said so.
    history: Mutex<Option<String>>,
    patience: Duration,
}

/// Until when connections are known to be in doubt: those that were made before are not used again.
#[derive(Debug, Default)]
struct Trust {
    lost: Mutex<Option<Instant>>,
    /// Why the last connection could not be set up: the pool only says that it waited in vain.
    refusal: Mutex<Option<String>>,
}

impl Trust {
    fn lose(&self) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn covers(&self, age: Duration) -> bool {
        let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.is_none_or(|lost| age < lost.elapsed())
    }

    fn note(&self, refusal: Option<String>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }

    fn explained(&self, error: sqlx::Error) -> sqlx::Error {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (error, refusal) {
            (sqlx::Error::PoolTimedOut, Some(refusal)) => sqlx::Error::Io(std::io::Error::other(refusal)),
            (error, _) => error,
        }
    }
}

impl Server {
    pub(in super::super) fn new(location: &ServerLocation) -> Self {
        let trust = Arc::<Trust>::default();
        let waiting = CONNECTING[usize::from(location.servers.len() > 1)].min(location.patience * 2);
        let pools = location.servers.iter().map(|options| pool(options, &trust, waiting, location.patience)).collect();
        let (current, history, patience) = (AtomicUsize::new(0), Mutex::default(), location.patience);
        Self(Arc::new(Inner { pools, current, trust, history, patience }))
    }

    /// A connection to the server that takes writes.
    pub(in super::super) async fn acquire(&self) -> Result<Guarded, sqlx::Error> {
        let Inner { pools, current, trust, patience, .. } = &*self.0;
        let mut failure = sqlx::Error::PoolClosed;
        for _ in 0..pools.len() {
            let place = current.load(Ordering::Relaxed);
            match pools[place].acquire().await {
                Ok(connection) => return Ok(Guarded::new(connection, Arc::clone(trust), *patience)),
                // All of ours are in use: no other server is the better for that.
                Err(sqlx::Error::PoolTimedOut) if pools[place].size() >= CONNECTIONS => {
                    return Err(sqlx::Error::PoolTimedOut);
                }
                Err(error) => {
                    failure = trust.explained(error);
                    self.turn_from(place);
                }
            }
        }
        Err(failure)
    }

    /// A transaction that writes.
    pub(in super::super) async fn begin(&self, scope: Scope<'_>) -> Result<Begun, sqlx::Error> {
        let mut guarded = self.acquire().await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT {}(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock, \
             current_setting('transaction_read_only') AS read_only, {HISTORY} AS history, \
             current_setting('lock_timeout') AS lock_timeout, concat_ws(',', {}) AS kept",
            locks(scope),
            tries(scope)
        );
        guarded.in_transaction = true;
        let begun =
            timeout(guarded.patience, guarded.connection()?.fetch_one(sqlx::raw_sql(AssertSqlSafe(begin)))).await;
        let row: PgRow = guarded.judge(begun)?;
        if row.try_get::<String, _>("read_only")? == "on" {
            guarded.close();
            return Err(standby());
        }
        let waits: String = row.try_get("lock_timeout")?;
        if waits != lock_timeout(self.0.patience) {
            return Err(pooler());
        }
        let history: String = row.try_get("history")?;
        if let Some(known) = self.known_history().filter(|known| *known != history) {
            if is_older(&history, &known) {
                // Somebody has started again what was left by a failover. The next one may be the right one.
                guarded.close();
                self.turn_from(self.0.current.load(Ordering::Relaxed));
            }
            return Err(other_history());
        }
        let kept: String = row.try_get("kept")?;
        let kept = kept.split(',').filter_map(|key| key.parse().ok()).collect();
        Ok(Begun { guarded, clock: row.try_get("clock")?, kept })
    }

    /// Asks another server next.
    fn turn_from(&self, place: usize) {
        let next = (place + 1) % self.0.pools.len();
        let _ = self.0.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Of several servers, begins with the one whose history is the latest: one that was left by a failover and started again
    /// takes writes too.
    pub(in super::super) async fn choose(&self) {
        let mut latest: Option<(String, usize)> = None;
        for place in 0..if self.0.pools.len() > 1 { self.0.pools.len() } else { 0 } {
            self.0.current.store(place, Ordering::Relaxed);
            let Ok(history) = self.history().await else { continue };
            if latest.as_ref().is_none_or(|(known, _)| is_older(known, &history)) {
                latest = Some((history, place));
            }
        }
        let place = latest.map_or(0, |(_, place)| place);
        self.0.current.store(place, Ordering::Relaxed);
    }

    async fn history(&self) -> Result<String, sqlx::Error> {
        let mut guarded = self.acquire().await?;
        // Before the first migration there are no settings.
        let select = "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' \
                      || left(pg_walfile_name(pg_current_wal_lsn()), 8)";
        let asked = timeout(guarded.patience, guarded.connection()?.fetch_one(sqlx::raw_sql(select))).await;
        guarded.judge(asked)?.try_get(0)
    }

    fn known_history(&self) -> Option<String> {
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on transactions that write begin only under this history.
    pub(in super::super) fn work_with(&self, history: &str) {
        *self.0.history.lock().unwrap_or_else(PoisonError::into_inner) = Some(history.to_owned());
    }

    /// A transaction that reads one state.
    pub(in super::super) async fn begin_reading(&self) -> Result<Guarded, sqlx::Error> {
        let mut guarded = self.acquire().await?;
        guarded.in_transaction = true;
        let begin = sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let begun = timeout(guarded.patience, guarded.connection()?.execute(begin)).await;
        guarded.judge(begun)?;
        Ok(guarded)
    }

    /// The number of the schema on the server (0: none of ours), and how it stands to this program's.
    ///
    /// # Errors
    /// [`StoreError::OldServer`], [`StoreError::Newer`], or what the database says.
    pub(in super::super) async fn schema(&self) -> Result<(i64, Migrations), StoreError> {
        let mut guarded = self.acquire().await?;
        let version = sqlx::query_scalar("SELECT current_setting('server_version_num')::bigint");
        let version: i64 = {
            let asked = timeout(guarded.patience, version.fetch_one(guarded.connection()?)).await;
            guarded.judge(asked)?
        };
        if version < OLDEST {
            return Err(StoreError::OldServer(version / 10_000));
        }
        let encoding = sqlx::query_scalar("SELECT current_setting('server_encoding')");
        let asked = timeout(guarded.patience, encoding.fetch_one(guarded.connection()?)).await;
        let encoding: String = guarded.judge(asked)?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding(encoding));
        }
        let asked = timeout(guarded.patience, server_schema(guarded.connection()?)).await;
        let found = guarded.judge(asked)?;
        Ok((found, Migrations::of_server(found)?))
    }

    /// Brings the server to this program's schema, on a connection of its own: it may take its time.
    ///
    /// # Errors
    /// What the database says. Each migration is one transaction: the next call goes on from where this one ended.
    pub(in super::super) async fn migrate(&self) -> Result<(), StoreError> {
        let place = self.0.current.load(Ordering::Relaxed);
        let options = self.0.pools[place].connect_options();
        migrate_server(timeout(CONNECTING[0], PgConnection::connect_with(&options)).await.map_err(|_| lost())??).await
    }

    pub(in super::super) async fn close(&self) {
        for pool in &self.0.pools {
            pool.close().await;
        }
    }
}

/// A connection to the first server that answers, whatever it takes.
pub(in super::super) async fn connect_any(location: &ServerLocation) -> Result<PgConnection, sqlx::Error> {
    let mut failure = sqlx::Error::PoolClosed;
    for options in &location.servers {
        match timeout(CONNECTING[1], PgConnection::connect_with(options)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = lost(),
        }
    }
    Err(failure)
}

/// The locks of a scope, as a list of calls: municipalities in the order of their keys, so that no two wait for each other.
fn locks(scope: Scope<'_>) -> String {
    let of = |call: &str, tenants: &[&str]| {
        let mut keys: Vec<i32> = tenants.iter().map(|tenant| key(tenant)).collect();
        keys.sort_unstable();
        keys.dedup();
        let calls: String = keys.iter().map(|key| format!("{call}({LOCKS}, {key}), ")).collect();
        format!("pg_advisory_xact_lock_shared({LOCKS}, 0), {calls}")
    };
    match scope {
        Scope::Rows | Scope::Steady(_) => String::new(),
        Scope::Tenants(tenants) => of("pg_advisory_xact_lock", tenants),
        Scope::All => format!("pg_advisory_xact_lock({LOCKS}, 0), "),
    }
}

/// The locks of a scope that nobody waits for, as a list of texts: the keys of those that could be had.
fn tries(scope: Scope<'_>) -> String {
    let Scope::Steady(tenants) = scope else { return "NULL".to_owned() };
    let of = |tenant: &&str| {
        let key = key(tenant);
        format!(
            "CASE WHEN pg_try_advisory_xact_lock_shared({LOCKS}, 0) \
             AND pg_try_advisory_xact_lock_shared({LOCKS}, {key}) THEN '{key}' END"
        )
    };
    tenants.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// A municipality's lock: FNV-1a, the same in every version of this program. Two that share a key only wait for each other
/// more often. 0 stands for all.
pub(in super::super) fn key(tenant: &str) -> i32 {
    let hash = tenant.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.max(1).cast_signed()
}

fn pool(options: &PgConnectOptions, trust: &Arc<Trust>, waiting: Duration, patience: Duration) -> PgPool {
    let (trust, noting) = (Arc::clone(trust), Arc::clone(trust));
    let lock_timeout = lock_timeout(patience);
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(waiting)
        // No limit on idleness or age: see the readers of a file.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let (noting, lock_timeout) = (Arc::clone(&noting), lock_timeout.clone());
            Box::pin(async move {
                let ready = set_up(connection, &lock_timeout).await;
                noting.note(ready.as_ref().err().map(ToString::to_string));
                ready
            })
        })
        .before_acquire(move |connection, metadata| {
            let covered = trust.covers(metadata.age);
            Box::pin(async move {
                if !covered {
                    return Ok(false);
                }
                Ok(metadata.idle_for < IDLE || is_good(connection).await)
            })
        })
        .connect_lazy_with(options.clone())
}

/// Asks for what every session has.
async fn set_up(connection: &mut PgConnection, lock_timeout: &str) -> Result<(), sqlx::Error> {
    let set = format!("SET lock_timeout = '{lock_timeout}'; {SESSION}");
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(set))).await?;
    let is_standby: bool = rows.last().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
    if is_standby {
        return Err(standby());
    }
    match connection.execute(sqlx::raw_sql(NOTICE)).await {
        Err(sqlx::Error::Database(_)) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How long to wait for a lock: long enough for somebody's batch, and shorter than a call may take.
fn lock_timeout(patience: Duration) -> String {
    format!("{}s", (patience / 2).as_secs().clamp(1, 30))
}

/// Whether a history is one that another was made of: of the same server, with a lower timeline.
pub(in super::super) fn is_older(history: &str, than: &str) -> bool {
    let parts = |history: &str| {
        let mut parts = history.split('/').map(str::to_owned);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    let ((server, timeline), (other_server, other_timeline)) = (parts(history), parts(than));
    server == other_server && timeline < other_timeline
}

/// Whether the server still answers, and still takes writes.
async fn is_good(connection: &mut PgConnection) -> bool {
    let asked = timeout(ASKING, connection.fetch_one(sqlx::raw_sql("SELECT pg_is_in_recovery()"))).await;
    matches!(asked, Ok(Ok(row)) if matches!(row.try_get(0), Ok(false)))
}

fn standby() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::ReadOnlyFilesystem,
        "the database server takes no writes: it is a standby, or was demoted",
    ))
}

/// A connection that nobody else gets before it is known to be clean.
pub(in super::super) struct Guarded {
    connection: Option<PoolConnection<Postgres>>,
    trust: Arc<Trust>,
    /// Whether a call runs on it, or was dropped while it ran.
    busy: bool,
    in_transaction: bool,
    /// Whether the transaction can only be rolled back: the server answers `COMMIT` with `ROLLBACK`, and no error.
    failed: bool,
    /// How long one call may take.
    patience: Duration,
}

impl Guarded {
    fn new(connection: PoolConnection<Postgres>, trust: Arc<Trust>, patience: Duration) -> Self {
        Self { connection: Some(connection), trust, busy: false, in_transaction: false, failed: false, patience }
    }

    /// How long one call may take. What takes longer is as good as lost.
    pub(in super::super) fn patience(&self) -> Duration {
        self.patience
    }

    /// The connection, for one call. What comes of it has to be told to [`Guarded::judge`].
    pub(in super::super) fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.busy = true;
        let connection = self.connection.as_mut().ok_or_else(lost)?;
        Ok(connection)
    }

    /// What a call came to. Where it did not come to its end, or the connection is in doubt, it is closed.
    pub(in super::super) fn judge<T>(
        &mut self,
        done: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, sqlx::Error> {
        self.busy = false;
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.failed = true;
                if is_lost(&error) {
                    self.close();
                }
                Err(error)
            }
            Err(_) => {
                self.close();
                Err(lost())
            }
        }
    }

    /// Closes the connection at once, without a word to the server, and trusts none that is as old.
    fn close(&mut self) {
        self.trust.lose();
        self.in_transaction = false;
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }

    /// Lets the transaction stand idle for as long as it takes.
    pub(in super::super) async fn hold(&mut self) -> Result<(), sqlx::Error> {
        let set = sqlx::raw_sql("SET LOCAL idle_in_transaction_session_timeout = 0");
        let done = timeout(self.patience, self.connection()?.execute(set)).await;
        self.judge(done).map(drop)
    }

    /// Takes the locks of a scope.
    pub(in super::super) async fn keep(&mut self, scope: Scope<'_>) -> Result<(), sqlx::Error> {
        let select = format!("SELECT {}1", locks(scope));
        let done = timeout(self.patience, self.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(select)))).await;
        self.judge(done).map(drop)
    }

    /// Ends the transaction well.
    pub(in super::super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.failed {
            return Err(lost());
        }
        let done = timeout(self.patience, self.connection()?.execute(sqlx::raw_sql("COMMIT"))).await;
        self.judge(done)?;
        self.in_transaction = false;
        Ok(())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.busy {
            drop(connection.detach());
        } else if self.in_transaction {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                drop(connection.detach());
                return;
            };
            runtime.spawn(async move {
                let rolled_back = timeout(ASKING, connection.execute(sqlx::raw_sql("ROLLBACK"))).await;
                if !matches!(rolled_back, Ok(Ok(_))) {
                    drop(connection.detach());
                }
            });
        }
    }
}

/// Nobody knows what became of it.
fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database server did not answer in time"))
}

fn pooler() -> sqlx::Error {
    let text = "the database server forgets what a session asks for: a pooler in transaction mode stands in between; \
                name the server itself, or have the pooler keep sessions";
    sqlx::Error::Configuration(text.into())
}

fn other_history() -> sqlx::Error {
    let text = "the database server was changed for another one; what it knows is compared first";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ConnectionReset, text))
}

/// Whether the connection is of no more use: it broke, the server is going down, or takes no writes any more.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code.starts_with("08") || code.starts_with("57P") || code == "25006" || code == "25P03"
        }
        sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => false,
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn municipalities_are_locked_in_one_order_and_never_as_all() {
        assert_eq!(
            locks(Scope::Tenants(&["tromso", "bindal"])),
            locks(Scope::Tenants(&["bindal", "tromso", "bindal"]))
        );
        assert_eq!(key(""), key(""));
        for tenant in ["", "a", "tromso", "5501"] {
            assert_ne!(key(tenant), 0, "{tenant}");
        }
        assert_eq!(key("tromso"), 0x7aca_c2c5, "a lock's key must not change between versions");
    }
}
