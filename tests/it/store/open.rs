use std::os::unix::fs::PermissionsExt;

use fristvakt::store::{Access, Store, StoreError};

use super::{House, at, facts};
use crate::fixture::FACTS;
use fristvakt::store::Load;

#[tokio::test]
async fn a_second_daemon_is_kept_out_and_other_commands_are_not() {
    let house = House::furnished().await;
    let path = house.folder.path().join("f.db");
    assert!(matches!(Store::open(&path, Access::Daemon).await, Err(StoreError::Locked(_))));
    let import = Store::open(&path, Access::Write).await.expect("a second writer");
    import.append_facts(&facts(FACTS), Load::Append, at(super::BEGIN)).await.expect("appended");
    let reading = Store::open(&path, Access::Read).await.expect("a reader");
    assert_eq!(reading.organisations(&house.rules, at(super::BEGIN)).await.expect("read").0.len(), 1);
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
    let house = House::furnished().await;
    for file in std::fs::read_dir(house.folder.path()).expect("a folder") {
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
