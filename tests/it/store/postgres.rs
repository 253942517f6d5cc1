//! Servers: any number of daemons.

use std::path::Path;

use fristvakt::store::{Location, ServerLocation};
use sqlx::Connection;
use tempfile::TempDir;

use crate::servers::postgres::{self, PASSWORD};

#[path = "suite/mod.rs"]
mod suite;

/// A database of its own on the cluster of this process.
pub(super) struct Base {
    database: postgres::Database,
    location: Location,
    folder: TempDir,
}

impl Base {
    /// How many random cases a law is tried with: each has databases of its own.
    pub(super) const CASES: u32 = 4;

    /// `None` where there is no PostgreSQL.
    pub(super) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let database = postgres::database()?;
        Some(Self { location: location(&database.url()), database, folder })
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// For files that are imported.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes something behind the store's back.
    pub(super) async fn run(&self, sql: &'static str) {
        self.database.psql(sql);
    }

    /// The same, where it may be refused.
    pub(super) async fn try_run(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        let mut connection = sqlx::PgConnection::connect(&self.database.url()).await?;
        let ran = sqlx::query(sql).execute(&mut connection).await;
        connection.close().await?;
        ran.map(|_| ())
    }

    /// What a query of one text column gives.
    pub(super) async fn texts(&self, sql: &'static str) -> Vec<String> {
        self.database.psql(sql).lines().map(str::to_owned).collect()
    }
}

/// Where a database is whose address holds the password of all tests.
pub(crate) fn location(url: &str) -> Location {
    let url = url.replace(&format!(":{PASSWORD}@"), "@");
    Location::Server(ServerLocation::parse(&url, Some(PASSWORD)).expect("an address"))
}
