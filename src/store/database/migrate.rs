//! The schema: one list of migrations for both databases.
//!
//! On PostgreSQL every text column sorts by its bytes, as SQLite's do: the order of ids must not depend on how a server
//! was set up. What only one of the two wants stands in a file whose name ends in `.sqlite.sql` or `.postgres.sql`.

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqlitePool};

use super::super::StoreError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How a database's schema stands to this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Migrations {
    /// Some are missing.
    Older,
    /// It is the one that this program works with.
    Current,
}

impl Migrations {
    /// # Errors
    /// [`StoreError::Newer`].
    fn of(found: i64, known: i64) -> Result<Self, StoreError> {
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Ok(Self::Older),
            std::cmp::Ordering::Equal => Ok(Self::Current),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known }),
        }
    }

    pub(in super::super) async fn in_file(pool: &SqlitePool) -> Result<Self, StoreError> {
        let table = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
        if sqlx::query_scalar::<_, i64>(table).fetch_one(pool).await? == 0 {
            return Ok(Self::Older);
        }
        let applied = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
        let found: i64 = sqlx::query_scalar(applied).fetch_one(pool).await?;
        Self::of(found, newest(&of_sqlite()))
    }

    pub(super) fn of_server(found: i64) -> Result<Self, StoreError> {
        Self::of(found, newest(&of_postgres()))
    }
}

/// The number of a server's schema; 0: it has none of ours.
pub(in super::super) async fn server_schema(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(&mut *connection).await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await
}

/// The number of the newest schema of a file that this program knows.
pub(in super::super) fn newest_of_file() -> i64 {
    newest(&of_sqlite())
}

/// The number of the newest schema of a server that this program knows.
pub(in super::super) fn newest_of_server() -> i64 {
    newest(&of_postgres())
}

fn newest(migrations: &[Migration]) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Those of a database, of which the other's own are left out.
fn without<'m>(other: &'m str) -> impl Iterator<Item = &'static Migration> + 'm {
    MIGRATIONS.iter().filter(move |migration| !migration.description.ends_with(other))
}

fn of_sqlite() -> Vec<Migration> {
    without(".postgres").cloned().collect()
}

fn of_postgres() -> Vec<Migration> {
    let sorted = |migration: &Migration| {
        let text = migration.sql.as_str().replace(" TEXT", " TEXT COLLATE \"C\"");
        let (description, kind) = (migration.description.clone(), migration.migration_type);
        Migration::new(migration.version, description, kind, AssertSqlSafe(text).into_sql_str(), migration.no_tx)
    };
    without(".sqlite").map(sorted).collect()
}

fn failed(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => {
            StoreError::Newer { found, known: newest(&of_sqlite()).max(newest(&of_postgres())) }
        }
        other => StoreError::Migrate(other),
    }
}

/// Brings a file to this program's schema.
pub(in super::super) async fn migrate_file(pool: &SqlitePool) -> Result<(), StoreError> {
    Migrator::with_migrations(of_sqlite()).run(pool).await.map_err(failed)
}

/// Brings a server to this program's schema. Whoever comes at the same time waits, and finds it done.
pub(super) async fn migrate_server(mut connection: PgConnection) -> Result<(), StoreError> {
    // sqlx' lock is one of the session; a connection that is closed lets go of it.
    connection.execute(sqlx::raw_sql("SET lock_timeout = 0; SET client_min_messages = 'error'")).await?;
    Migrator::with_migrations(of_postgres()).run_direct(None, &mut connection, false).await.map_err(failed)?;
    connection.close().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_postgres_sorts_by_its_bytes() {
        for migration in of_postgres() {
            for line in migration.sql.as_str().lines().filter(|line| !line.trim_start().starts_with("--")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                for (index, word) in words.iter().enumerate().filter(|(_, word)| word.trim_end_matches(',') == "TEXT") {
                    assert_eq!(words.get(index + 1), Some(&"COLLATE"), "{word} in {line}");
                }
            }
        }
    }
}
