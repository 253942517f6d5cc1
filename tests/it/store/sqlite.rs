//! Files: one daemon, one owner, one at a time to migrate.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fristvakt::store::{Access, Load, LockHolder, Store, StoreError, examine, lock_holder};
use sqlx::Row as _;
use tempfile::TempDir;

use self::suite::{BEGIN, House, at, facts};
use crate::fixture::FACTS;

#[path = "suite/mod.rs"]
pub(super) mod suite;

/// A file of its own.
pub(super) struct Base {
    folder: TempDir,
    path: PathBuf,
}

impl Base {
    /// How many random cases a law is tried with.
    pub(super) const CASES: u32 = 24;

    pub(super) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { path: folder.path().join("f.db"), folder })
    }

    pub(super) fn location(&self) -> &PathBuf {
        &self.path
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes something behind the store's back.
    pub(super) async fn run(&self, sql: &'static str) {
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", self.path.display())).await.expect("open");
        sqlx::query(sql).execute(&pool).await.expect("changed");
        pool.close().await;
    }

    /// The same, where it may be refused.
    pub(super) async fn try_run(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", self.path.display())).await?;
        let ran = sqlx::query(sql).execute(&pool).await;
        pool.close().await;
        ran.map(|_| ())
    }

    /// What a query of one text column gives.
    pub(super) async fn texts(&self, sql: &'static str) -> Vec<String> {
        let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", self.location().display())).await.expect("open");
        let rows = sqlx::query(sql).fetch_all(&pool).await.expect("read");
        pool.close().await;
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn a_second_daemon_is_kept_out_and_other_commands_are_not() {
    let Some(house) = House::furnished().await else { return };
    let path = house.base.location().clone();
    assert!(matches!(Store::open(&path, Access::Daemon).await, Err(StoreError::Locked(_))));
    let import = Store::open(&path, Access::Write).await.expect("a second writer");
    import.append_facts(&facts(FACTS), Load::Append, at(BEGIN)).await.expect("appended");
    let reading = Store::open(&path, Access::Read).await.expect("a reader");
    assert_eq!(reading.organisations(&house.rules, at(BEGIN)).await.expect("read").0.len(), 1);
    assert!(reading.note_rules("x").await.is_err(), "a reader cannot write");
    house.store.close().await;
    Store::open(&path, Access::Daemon).await.expect("the lock went with the first daemon");
}

#[tokio::test]
async fn a_database_that_is_missing_or_newer_is_refused_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f.db");
    assert!(matches!(Store::open(&path, Access::Read).await, Err(StoreError::Missing(_))));
    Store::open(&path, Access::Write).await.expect("made").close().await;
    let url = format!("sqlite://{}", path.display());
    let pool = sqlx::SqlitePool::connect(&url).await.expect("connected");
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.expect("written");
    pool.close().await;
    for access in [Access::Daemon, Access::Write, Access::Read] {
        let refused = Store::open(&path, access).await;
        assert!(matches!(refused, Err(StoreError::Newer { found: 9999, .. })), "{access:?}");
    }
}

#[tokio::test]
async fn only_its_owner_can_read_the_database() {
    let Some(house) = House::furnished().await else { return };
    for file in std::fs::read_dir(house.base.folder()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn many_at_once_open_and_migrate_a_new_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f.db");
    let open = || {
        tokio::spawn({
            let path = path.clone();
            async move { Store::open(&path, Access::Write).await }
        })
    };
    let opening: Vec<_> = (0..4).map(|_| open()).collect();
    for one in opening {
        one.await.expect("not panicked").expect("opened");
    }
}

#[test]
fn what_to_do_about_a_missing_or_older_database_is_a_command_that_there_is() {
    for error in [StoreError::Missing("/var/lib/fristvakt/f.db".into()), StoreError::Older] {
        let text = error.to_string();
        assert!(text.ends_with("start the service, or run `fristvakt run --once`"), "{text}");
    }
}

#[tokio::test]
async fn an_examination_changes_nothing_and_finds_what_is_wrong() {
    let Some(house) = House::furnished().await else { return };
    house.round("2026-03-11T08:00:00+01:00").await;
    let path = house.base.location().clone();
    let examined = examine(&path).await.expect("examined");
    assert_eq!((examined.schema, examined.damage.len()), (examined.known_schema, 0));
    assert!(examined.writable.is_ok());
    assert_eq!(examined.last_write, Some(at("2026-03-11T08:00:00+01:00")));
    let LockHolder::Process(process) = lock_holder(&path).expect("read") else { panic!("it is held") };
    assert!(process.is_none_or(|process| process == std::process::id()), "{process:?}");
    house.store.close().await;
    assert_eq!(lock_holder(&path).expect("read"), LockHolder::Nobody);
    // Another daemon may start at once.
    Store::open(&path, Access::Daemon).await.expect("open").close().await;
    std::fs::write(&path, "no database at all, but long enough to be read as one").expect("written");
    examine(&path).await.expect_err("no database");
}
