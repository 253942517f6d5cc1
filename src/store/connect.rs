//! Opening the database: where, for whom, and which schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};

use super::{Store, StoreError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for another process' transaction.
const BUSY: Duration = Duration::from_secs(30);

/// What a command wants with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The daemon: makes and migrates it, and keeps every other daemon out.
    Daemon,
    /// A command that writes, also beside a running daemon: makes and migrates it.
    Write,
    /// A command that only reads.
    Read,
}

impl Store {
    /// Opens the database file.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Older`] (reading only),
    /// or what the file system or the database says.
    pub async fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let lock = if access == Access::Daemon { Some(lock(path)?) } else { None };
        if access == Access::Read {
            if !path.exists() {
                return Err(StoreError::Missing(path.to_owned()));
            }
        } else {
            create_private(path)?;
        }
        // One at a time from the first connection on: whoever makes the file also switches it to WAL, and SQLite lets
        // nobody wait for that.
        let _turn = if access == Access::Read { None } else { Some(turn(path).await?) };
        let writer = writer(path, access == Access::Read);
        match (schema(&writer).await?, access) {
            (Schema::Older, Access::Read) => return Err(StoreError::Older),
            (Schema::Older, _) => migrate(&writer).await?,
            (Schema::Current, _) => {}
        }
        Ok(Self { writer, readers: readers(path), noted: Mutex::default(), _lock: lock })
    }
}

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // Statements with lists of ids have a text for each power of two.
        .statement_cache_capacity(500)
        .thread_name(|number| format!("sqlite-{number}"))
}

/// Where the disk is full, SQLite rolls back by itself. sqlx does not hear of it, and takes the connection for one inside
/// a transaction ever after; so such a connection is closed, and another one opened.
fn pool_options() -> SqlitePoolOptions {
    // A file does not go away as a server does: asking the connection before each use only costs.
    SqlitePoolOptions::new().test_before_acquire(false).before_acquire(|connection, _| {
        let is_free = !connection.is_in_transaction();
        Box::pin(async move { Ok(is_free) })
    })
}

fn writer(path: &Path, read_only: bool) -> SqlitePool {
    let mut options = options(path).read_only(read_only);
    if !read_only {
        options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    }
    // It is never closed for age: the whole statement cache would go with it, for nothing.
    let pool = pool_options().max_connections(1).idle_timeout(None).max_lifetime(None);
    pool.acquire_timeout(BUSY * 2).connect_lazy_with(options)
}

fn readers(path: &Path) -> SqlitePool {
    let pool = pool_options().max_connections(4).idle_timeout(Duration::from_secs(60)).max_lifetime(None);
    pool.connect_lazy_with(options(path).read_only(true))
}

/// Makes the file readable by its owner alone; SQLite gives its companions the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::File(path.to_owned(), error)),
    }
}

/// Locks `PATH.lock`. The system lets go of it when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, "lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.map_err(|error| StoreError::File(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path)),
        Err(TryLockError::Error(error)) => Err(StoreError::File(path, error)),
    }
}

pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

enum Schema {
    Older,
    Current,
}

async fn schema(pool: &SqlitePool) -> Result<Schema, StoreError> {
    let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(pool).await? == 0 {
        return Ok(Schema::Older);
    }
    let applied = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    let found: i64 = sqlx::query_scalar(applied).fetch_one(pool).await?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Ok(Schema::Older),
        std::cmp::Ordering::Equal => Ok(Schema::Current),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known }),
    }
}

/// Waits for `PATH.migrating`: sqlx has no lock of its own for migrations on SQLite.
async fn turn(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, "migrating");
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = open.map_err(|error| StoreError::File(path.clone(), error))?;
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    waiting
        .map_err(|error| StoreError::File(path.clone(), std::io::Error::other(error)))?
        .map_err(|error| StoreError::File(path, error))
}

async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => {
            let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
            StoreError::Newer { found, known }
        }
        other => StoreError::Migrate(other),
    })
}
