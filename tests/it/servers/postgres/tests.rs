//! What the other tests take for granted of their clusters.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection, Row};

use super::{Cluster, ROLE, Stop, database};
use crate::hostile::{End, Proxy, Weather};

async fn connected(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn count(url: &str, table: &str) -> i64 {
    let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    connected(url).await.fetch_one(query).await.unwrap().get(0)
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_and_it_orders_text_as_norwegian_does() {
    let Some(one) = database() else { return };
    let other = database().unwrap();
    connected(&one.url()).await.execute("CREATE TABLE t (name TEXT)").await.unwrap();
    connected(&other.url()).await.execute("CREATE TABLE t (name TEXT)").await.unwrap();
    connected(&one.url()).await.execute("INSERT INTO t VALUES ('a-c'), ('ab'), ('B'), ('aa')").await.unwrap();
    assert_eq!((count(&one.url(), "t").await, count(&other.url(), "t").await), (4, 0));
    assert_eq!(one.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'fristvakt';"), "f");
    if one.psql("SHOW server_version_num;").parse::<u32>().unwrap() >= 150_000 {
        assert_eq!(one.psql("SELECT string_agg(name, ' ' ORDER BY name) FROM t;"), "a-c ab B aa");
    }
    let url = one.url();
    drop(one);
    assert!(PgConnection::connect(&url).await.is_err(), "it is gone with the test");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let Some(database) = database() else { return };
    let url = database.url().replace(super::PASSWORD, "another");
    assert!(PgConnection::connect(&url).await.is_err());
}

#[tokio::test]
async fn a_standby_has_what_the_primary_had_and_takes_over() {
    let Some(mut primary) = Cluster::start(&[("max_connections", "20")]) else { return };
    let standby = Cluster::standby_of(&primary, "second", None);
    primary.set("synchronous_standby_names", "second");
    primary.wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync';");
    primary.set("synchronous_commit", "remote_apply");
    let mut connection = connected(&primary.url()).await;
    connection.execute("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)").await.unwrap();
    assert_eq!(count(&standby.url(), "t").await, 1);
    let mut there = connected(&standby.url()).await;
    let refused = there.execute("INSERT INTO t VALUES (2)").await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("25006"), "a standby takes no writes");

    primary.kill();
    assert!(connection.execute("SELECT 1").await.is_err());
    standby.promote();
    there.execute("INSERT INTO t VALUES (2)").await.unwrap();
    assert_eq!(count(&standby.url(), "t").await, 2);
}

#[tokio::test]
async fn what_was_committed_is_there_however_a_cluster_ended() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    connected(&cluster.url()).await.execute("CREATE TABLE t (n INT)").await.unwrap();
    for (end, rows) in (1..).zip([None, Some(Stop::Immediate), Some(Stop::Fast), None]).map(|(n, end)| (end, n)) {
        let mut connection = connected(&cluster.url()).await;
        connection.execute("INSERT INTO t VALUES (1)").await.unwrap();
        connection.execute("BEGIN; INSERT INTO t VALUES (2)").await.unwrap();
        match end {
            Some(how) => cluster.stop(how),
            None => cluster.kill(),
        }
        assert!(connection.execute("COMMIT").await.is_err(), "{end:?}");
        assert!(PgConnection::connect(&cluster.url()).await.is_err(), "{end:?}");
        cluster.start_again();
        assert_eq!(count(&cluster.url(), "t").await, rows, "{end:?}");
    }
    cluster.demote();
    let refused = connected(&cluster.url()).await.execute("INSERT INTO t VALUES (1)").await;
    assert!(refused.is_err(), "what was a primary takes no writes");
    assert_eq!(cluster.psql(&format!("SELECT has_database_privilege('{ROLE}', current_database(), 'CREATE');")), "t");
}

#[tokio::test]
async fn a_network_between_is_cut_stalled_refused_and_led_elsewhere() {
    let (Some(one), Some(mut other)) = (database(), Cluster::start(&[])) else { return };
    let proxy = Proxy::start(one.address(), Weather::default()).await;
    let mut connection = connected(&one.url_through(proxy.address)).await;
    connection.execute("CREATE TABLE t (n INT)").await.unwrap();
    for end in [End::Reset, End::Close] {
        proxy.cut(end);
        connection.execute("SELECT 1").await.unwrap_err();
        connection = connected(&one.url_through(proxy.address)).await;
        connection.execute("INSERT INTO t VALUES (1)").await.unwrap();
    }
    proxy.set(Weather { stalled: true, ..Weather::default() });
    let silence = tokio::time::timeout(Duration::from_millis(50), connection.execute("SELECT 1")).await;
    assert!(silence.is_err(), "nothing goes through, and nobody says so");
    proxy.set(Weather { refused: true, ..Weather::default() });
    assert!(PgConnection::connect(&one.url_through(proxy.address)).await.is_err());
    proxy.set(Weather::default());
    assert_eq!(count(&one.url_through(proxy.address), "t").await, 2);

    proxy.point_at(other.address());
    assert!(PgConnection::connect(&one.url_through(proxy.address)).await.is_err(), "the other has no such database");
    let mut connection = connected(&other.url_through(proxy.address)).await;
    other.stop(Stop::Fast);
    connection.execute("SELECT 1").await.unwrap_err();
    assert!(PgConnection::connect(&other.url_through(proxy.address)).await.is_err(), "nobody is there");
}
