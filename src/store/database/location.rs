//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// Where a store's database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(ServerLocation),
}

/// A PostgreSQL database: one server, or several of which one at a time takes writes.
#[derive(Clone)]
pub struct ServerLocation {
    /// One for each server, in the order in which they are tried.
    pub(super) servers: Vec<PgConnectOptions>,
    /// Without user and password.
    name: String,
    /// How long one call may take.
    pub(super) patience: Duration,
}

/// How long one call to a server may take, unless said.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a database's address cannot be used. It holds nothing of the address but its kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It is no address of PostgreSQL.
    #[error("it is no address like `postgres://fristvakt@db.kommune.no/fristvakt`: {0}")]
    Address(String),
    /// It names a password.
    #[error("it holds a password; write it into a file and name that as `database_password_file`")]
    Password,
}

impl ServerLocation {
    /// Reads `postgres://user@host[:port][,host2[:port]]/database[?sslmode=verify-full&…]`: several hosts are a server
    /// and its standbys. A host that begins with `/` (written as `%2F`) is the folder of a socket. The password comes
    /// apart from it.
    ///
    /// # Errors
    /// Where it is no such address, or holds a password.
    pub fn parse(url: &str, password: Option<&str>) -> Result<Self, LocationError> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or_else(|| LocationError::Address("it begins otherwise".to_owned()))?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (user, hosts),
            None => ("", authority),
        };
        if user.contains(':') || tail.contains("password=") {
            return Err(LocationError::Password);
        }
        let mut servers = vec![];
        for host in hosts.split(',') {
            let one = format!("postgres://{user}{}{host}{tail}", if user.is_empty() { "" } else { "@" });
            let options: PgConnectOptions =
                one.parse().map_err(|error: sqlx::Error| LocationError::Address(reason(&error)))?;
            let options = match password {
                Some(password) => options.password(password),
                None => options,
            };
            // Statements over lists and rows have one text each; there are a few hundred in all.
            servers.push(options.application_name("fristvakt").statement_cache_capacity(500));
        }
        let database = tail.split('?').next().unwrap_or_default();
        Ok(Self { servers, name: format!("postgres://{hosts}{database}"), patience: PATIENCE })
    }

    /// The same, with another limit for how long one call may take; a minute unless said.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl ServerLocation {
    /// Whether every server is on this machine.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        let is_local = |one: &PgConnectOptions| {
            one.get_socket().is_some() || matches!(one.get_host(), "localhost" | "127.0.0.1" | "::1")
        };
        self.servers.iter().all(is_local)
    }
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(error) => error.to_string(),
        _ => "it cannot be read".to_owned(),
    }
}

/// Without user and password.
impl fmt::Display for ServerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for ServerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerLocation").field(&self.name).finish()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(server) => server.fmt(f),
        }
    }
}

impl From<ServerLocation> for Location {
    fn from(server: ServerLocation) -> Self {
        Self::Server(server)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for Location {
    fn from(location: &Self) -> Self {
        location.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_server_or_several() {
        let one = ServerLocation::parse("postgres://fv@db.kommune.no/fristvakt?sslmode=verify-full", None).unwrap();
        assert_eq!(one.to_string(), "postgres://db.kommune.no/fristvakt");
        let two = ServerLocation::parse("postgresql://fv@db1,db2:5433/fristvakt", Some("geheim")).unwrap();
        let places: Vec<_> = two.servers.iter().map(|one| (one.get_host(), one.get_port())).collect();
        assert_eq!(places, [("db1", 5432), ("db2", 5433)]);
        assert!(two.servers.iter().all(|one| one.get_database() == Some("fristvakt") && one.get_username() == "fv"));
        assert!(!format!("{two:?} {two}").contains("geheim"));
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for url in ["postgres://fv:geheim@db/f", "postgres://fv@db/f?password=geheim"] {
            let error = ServerLocation::parse(url, None).unwrap_err();
            assert_eq!(error, LocationError::Password, "{url}");
            assert!(!error.to_string().contains("geheim"));
        }
        assert!(matches!(ServerLocation::parse("mysql://db/f", None), Err(LocationError::Address(_))));
    }
}
