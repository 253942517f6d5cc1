//! Looking at a database file as a physician does: without opening it for work, and without changing it.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use super::database::{beside, file_options, newest_of_file};
use super::sql;
use super::{At, Store, StoreError};
use crate::calendar::Instant;

/// How long to wait for somebody else's transaction.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found in a database file.
#[derive(Debug)]
pub struct Examination {
    /// The number of its schema; 0: it has none of ours.
    pub schema: i64,
    /// The newest schema that this program knows.
    pub known_schema: i64,
    /// What SQLite's quick check found; empty: nothing. Names of tables and indexes only.
    pub damage: Vec<String>,
    /// Whether this user can write to it.
    pub writable: Result<(), StoreError>,
    /// The last moment that it tells of.
    pub last_write: Option<Instant>,
}

/// Who holds the daemon's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockHolder {
    /// Nobody: no daemon runs.
    Nobody,
    /// A process, by its id where the system tells it.
    Process(Option<u32>),
}

/// Examines the database file, beside whoever works with it.
///
/// # Errors
/// Where it cannot be read at all, or is no database.
pub async fn examine(path: &Path) -> Result<Examination, StoreError> {
    let readers = pool(path, true);
    let examined = read(&readers).await;
    readers.close().await;
    Ok(Examination { writable: try_writing(path).await, ..examined? })
}

async fn read(pool: &SqlitePool) -> Result<Examination, StoreError> {
    let schema = schema(pool).await?;
    let known_schema = newest_of_file();
    let damage = damage(pool).await?;
    let last_write = if schema > 0 { last_write(pool).await? } else { None };
    Ok(Examination { schema, known_schema, damage, writable: Ok(()), last_write })
}

/// Who holds the lock beside the database file. It is looked up, and taken for no longer than it takes to see that
/// nobody has it.
///
/// # Errors
/// Where the lock's file cannot be read.
pub fn lock_holder(path: &Path) -> Result<LockHolder, StoreError> {
    let path = beside(path, "lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(LockHolder::Nobody),
        Err(error) => return Err(StoreError::File(path, error)),
    };
    let inode = file.metadata().map_err(|error| StoreError::File(path.clone(), error))?.ino();
    if let Some(process) = holder_of(inode) {
        return Ok(LockHolder::Process(Some(process)));
    }
    match file.try_lock_shared() {
        Ok(()) => Ok(LockHolder::Nobody),
        // The system's list may miss a line while others come and go.
        Err(TryLockError::WouldBlock) => Ok(LockHolder::Process((0..5).find_map(|_| holder_of(inode)))),
        Err(TryLockError::Error(error)) => Err(StoreError::File(path, error)),
    }
}

/// The process that has locked a file, as the system lists it.
fn holder_of(inode: u64) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| holder_in(line, inode))
}

/// The files that belong to a database: itself, and what SQLite and we keep beside it, where they exist.
#[must_use]
pub fn database_files(path: &Path) -> Vec<PathBuf> {
    let mut files = vec![path.to_owned()];
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        files.push(name.into());
    }
    files.push(beside(path, "lock"));
    files.retain(|file| file.exists());
    files
}

/// `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234567 0 EOF`: the process, if the line is about this file.
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, _, process, place, ..] = words[..] else { return None };
    let same = place.rsplit(':').next()?.parse() == Ok(inode);
    process.parse().ok().filter(|_| same)
}

fn pool(path: &Path, read_only: bool) -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE * 2);
    let pool = pool.idle_timeout(None).max_lifetime(None);
    pool.connect_lazy_with(file_options(path).read_only(read_only).busy_timeout(PATIENCE))
}

async fn schema(pool: &SqlitePool) -> Result<i64, StoreError> {
    let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(pool).await? == 0 {
        return Ok(0);
    }
    Ok(sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(pool).await?)
}

async fn damage(pool: &SqlitePool) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(10)").fetch_all(pool).await?;
    found.retain(|line| line != "ok");
    Ok(found)
}

/// Begins to write, and takes it back.
async fn try_writing(path: &Path) -> Result<(), StoreError> {
    let pool = pool(path, false);
    let tried = write_and_take_back(&pool).await;
    pool.close().await;
    tried
}

async fn write_and_take_back(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut write = pool.begin_with("BEGIN IMMEDIATE").await?;
    // SQLite finds out only now whether it may.
    sqlx::query("PRAGMA user_version = 0").execute(&mut *write).await?;
    write.rollback().await?;
    Ok(())
}

/// Each part is one step into an index for each municipality, or a table that is small.
async fn last_write(pool: &SqlitePool) -> Result<Option<Instant>, StoreError> {
    let select = "SELECT max(at) FROM (\
                  SELECT (SELECT created_at FROM messages m WHERE m.tenant = t.id ORDER BY created_at DESC LIMIT 1) AS at \
                  FROM tenants t UNION ALL \
                  SELECT (SELECT a.at FROM audit a WHERE a.tenant = t.id ORDER BY a.at DESC LIMIT 1) FROM tenants t \
                  UNION ALL SELECT max(since) FROM quarantine \
                  UNION ALL SELECT * FROM (SELECT started_at FROM attempts ORDER BY id DESC LIMIT 1) last) moments";
    let last: Option<At> = sqlx::query_scalar(select).fetch_one(pool).await?;
    Ok(last.map(At::instant))
}

impl Store {
    /// The fingerprint of the rules that the last plans were made with.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rules_in_use(&self) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = 'rules'";
        Ok(sql::query_scalar(select).fetch_optional(&self.readers).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_who_holds_a_lock() {
        let line = "12: FLOCK  ADVISORY  WRITE 4711 08:01:1234567 0 EOF";
        assert_eq!(holder_in(line, 1_234_567), Some(4711));
        for other in [line.replace("FLOCK", "POSIX"), line.replace("1234567", "1234568"), String::new()] {
            assert_eq!(holder_in(&other, 1_234_567), None, "{other}");
        }
    }
}
