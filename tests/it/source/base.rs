//! The databases that tests read from.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::servers::{mariadb, postgres};

/// A database of one kind.
pub(super) enum Base {
    Sqlite(TempDir),
    Postgres(postgres::Database),
    MariaDb(mariadb::Database),
}

/// An empty one of each kind that there is here.
pub(super) fn all() -> Vec<Base> {
    [Some(sqlite()), postgres::database().map(Base::Postgres), mariadb::database().map(Base::MariaDb)]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn sqlite() -> Base {
    Base::Sqlite(tempfile::tempdir().unwrap())
}

impl Base {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::MariaDb(_) => "mariadb",
        }
    }

    /// The one of three texts that is for this kind.
    pub(super) fn one_of<'t>(&self, [sqlite, postgres, mariadb]: [&'t str; 3]) -> &'t str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
            Self::MariaDb(_) => mariadb,
        }
    }

    /// Runs statements as whoever owns the case system. The role of the source may read what there is then.
    pub(super) fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("case-system.db");
                let mut command = Command::new("sqlite3");
                command.arg("-bail").arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut shell = command.spawn().expect("sqlite3, which .ci/run installs");
                shell.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
                let output = shell.wait_with_output().unwrap();
                assert!(output.status.success(), "{}\n{sql}", String::from_utf8_lossy(&output.stderr));
            }
            Self::Postgres(database) => {
                database.psql(sql);
                database.psql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO fristvakt");
            }
            Self::MariaDb(database) => {
                database.sql(&format!("SET sql_mode = 'ANSI'; {sql}"));
            }
        }
    }

    /// Whether somebody is asking it something that takes long, or, of a file, has it open.
    pub(super) fn is_asked(&self) -> bool {
        match self {
            Self::Sqlite(folder) => {
                let open = std::fs::read_dir("/proc/self/fd").unwrap();
                let mut links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
                links.any(|link| link.starts_with(folder.path()))
            }
            Self::Postgres(database) => {
                let select = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() \
                              AND application_name = 'fristvakt' AND state = 'active' AND wait_event = 'PgSleep'";
                database.psql(select).trim() == "t"
            }
            Self::MariaDb(database) => {
                let select = "SELECT count(*) FROM information_schema.processlist \
                              WHERE db = database() AND state = 'User sleep'";
                database.sql(select).trim() != "0"
            }
        }
    }

    /// Its address, without a password.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.path().join("case-system.db").display()),
            Self::Postgres(database) => without_password(&database.url()),
            Self::MariaDb(database) => without_password(&database.url()),
        }
    }

    /// The same through a proxy. A file has none.
    pub(super) fn url_through(&self, proxy: SocketAddr) -> String {
        match self {
            Self::Sqlite(_) => panic!("a file is not reached over a network"),
            Self::Postgres(database) => without_password(&database.url_through(proxy)),
            Self::MariaDb(database) => without_password(&database.url_through(proxy)),
        }
    }

    /// Where its server listens; a file does not.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(database) => Some(database.address()),
            Self::MariaDb(database) => Some(database.address()),
        }
    }

    /// How a query writes its parameter.
    pub(super) fn parameter(&self) -> &'static str {
        self.one_of(["?", "$1", "?"])
    }

    /// The password that its role has, if it needs one.
    pub(super) fn password(&self) -> Option<&'static str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_) => Some(postgres::PASSWORD),
            Self::MariaDb(_) => Some(mariadb::PASSWORD),
        }
    }

    /// The line of a configuration that names the file with the password, and that file.
    pub(super) fn password_file(&self, folder: &Path) -> String {
        let Some(password) = self.password() else { return String::new() };
        let path = folder.join("password");
        std::fs::write(&path, password).unwrap();
        format!("password_file = {path:?}\n")
    }
}

fn without_password(url: &str) -> String {
    let url = url.replace(&format!(":{}@", postgres::PASSWORD), "@");
    url.replace(&format!(":{}@", mariadb::PASSWORD), "@")
}
