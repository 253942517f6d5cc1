//! SQLite: a file, one writer, one daemon.

use std::fs::{File as Handle, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlitePool};

use super::super::StoreError;

/// How long a statement waits for another process' transaction.
const BUSY: Duration = Duration::from_secs(30);

/// A database file.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct File<'p>(pub(in super::super) &'p Path);

impl File<'_> {
    /// The connection that writes.
    pub(in super::super) fn writer(self, read_only: bool) -> SqlitePool {
        let mut options = file_options(self.0).read_only(read_only);
        if !read_only {
            options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        }
        // It is never closed for age: the whole statement cache would go with it, for nothing.
        let pool = pool_options().max_connections(1).idle_timeout(None).max_lifetime(None);
        pool.acquire_timeout(BUSY * 2).connect_lazy_with(options)
    }

    pub(in super::super) fn readers(self) -> SqlitePool {
        // Without a limit on idleness: sqlx' task for it counts idle connections with a number that can fall below nothing for
        // a moment, and then counts up to 2^64.
        let pool = pool_options().max_connections(4).idle_timeout(None).max_lifetime(None);
        pool.connect_lazy_with(file_options(self.0).read_only(true))
    }

    /// Makes the file readable by its owner alone; SQLite gives its companions the same mode.
    pub(in super::super) fn create_private(self) -> Result<(), StoreError> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.0) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(StoreError::File(self.0.to_owned(), error)),
        }
    }

    /// Locks `PATH.lock`. The system lets go of it when the process ends, however it ends.
    pub(in super::super) fn lock(self) -> Result<Handle, StoreError> {
        let path = beside(self.0, "lock");
        let file = open_beside(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path)),
            Err(TryLockError::Error(error)) => Err(StoreError::File(path, error)),
        }
    }

    /// Waits for `PATH.migrating`: sqlx has no lock of its own for migrations on SQLite.
    pub(in super::super) async fn turn(self) -> Result<Handle, StoreError> {
        let path = beside(self.0, "migrating");
        let file = open_beside(&path)?;
        let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        waiting
            .map_err(|error| StoreError::File(path.clone(), std::io::Error::other(error)))?
            .map_err(|error| StoreError::File(path, error))
    }
}

pub(in super::super) fn file_options(path: &Path) -> SqliteConnectOptions {
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

fn open_beside(path: &Path) -> Result<Handle, StoreError> {
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    open.map_err(|error| StoreError::File(path.to_owned(), error))
}

pub(in super::super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}
