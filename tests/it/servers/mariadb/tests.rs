//! What the other tests take for granted of their servers.

use sqlx::{Connection, Executor, MySqlConnection, Row};

use super::{PASSWORD, Server, database};

async fn connected(url: &str) -> MySqlConnection {
    MySqlConnection::connect(url).await.unwrap()
}

#[tokio::test]
async fn each_test_has_a_database_and_a_user_of_its_own() {
    let Some(one) = database() else { return };
    let other = database().unwrap();
    let mut connection = connected(&one.url()).await;
    connection.execute("CREATE TABLE t (name VARCHAR(20))").await.unwrap();
    connection.execute("INSERT INTO t VALUES ('ab'), ('B'), ('aa')").await.unwrap();
    let ordered = connection.fetch_one("SELECT group_concat(name ORDER BY name SEPARATOR ' ') FROM t").await.unwrap();
    assert_eq!(ordered.get::<&str, _>(0), "ab B aa");
    let elsewhere = format!("SELECT * FROM {}.t", other.name());
    assert!(connection.execute(sqlx::AssertSqlSafe(elsewhere)).await.is_err());
    assert!(MySqlConnection::connect(&one.url().replace(PASSWORD, "another")).await.is_err());

    one.sql(&format!(
        "CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON t TO reader@'127.0.0.1';"
    ));
    let mut reader = connected(&one.url_as(one.address(), "reader")).await;
    assert_eq!(reader.fetch_all("SELECT name FROM t").await.unwrap().len(), 3);
    assert!(reader.execute("DELETE FROM t").await.is_err(), "it may read");
    one.sql("DROP USER reader@'127.0.0.1';");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_kill() {
    let Some(mut server) = Server::start() else { return };
    let database = server.database();
    let mut connection = connected(&database.url()).await;
    connection.execute("CREATE TABLE t (n INT)").await.unwrap();
    connection.execute("INSERT INTO t VALUES (1)").await.unwrap();
    server.kill();
    assert!(connection.execute("SELECT n FROM t").await.is_err());
    assert!(MySqlConnection::connect(&database.url()).await.is_err());
    server.start_again();
    assert_eq!(connected(&database.url()).await.fetch_all("SELECT n FROM t").await.unwrap().len(), 1);
}
