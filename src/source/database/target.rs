//! Where a source is: from its address in the configuration to what a driver needs.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::delivery::setting::{SettingError, SettingWarning, read_secret};
use crate::source::settings::{SourceSettings, SourceUrl};

const EXAMPLE: &str = "write postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or sqlite:///path/to/file.db";

/// Where a source is. Holds its password, and shows neither that nor the user.
pub(in crate::source) enum Target {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
    Sqlite(PathBuf),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}, {})", self.scheme(), self.place())
    }
}

/// How much a connection is protected on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Not at all.
    Nothing,
    /// Encrypted, by whoever answers.
    Encrypted,
    /// Encrypted, with a certificate of an authority that we trust.
    Certified,
    /// Encrypted, and the certificate is made out to the host's name.
    Named,
}

/// The parts of an address.
struct Parts {
    user: String,
    /// A name or address, or the folder or file of a socket.
    host: String,
    port: Option<u16>,
    database: String,
    protection: Protection,
}

impl Target {
    pub(in crate::source) fn of(
        settings: &SourceSettings,
        warnings: &mut Vec<SettingWarning>,
    ) -> Result<Self, SettingError> {
        let unusable = |problem: String| settings.error("url", problem);
        let address = settings.url.0.trim();
        if let Some(path) = address.strip_prefix("sqlite://") {
            if path.is_empty() || settings.password_file.is_some() || settings.ca_file.is_some() {
                let problem = "a SQLite file has a path, and neither password nor certificates";
                return Err(unusable(format!("{problem}; {EXAMPLE}")));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        // What is wrong with an address is never said in the parser's words: they may quote it.
        let url = Url::parse(address).map_err(|_| unusable(format!("no address; {EXAMPLE}")))?;
        let is_postgres = match url.scheme() {
            "postgres" | "postgresql" => true,
            "mysql" | "mariadb" => false,
            _ => return Err(unusable(format!("no database that fristvakt reads; {EXAMPLE}"))),
        };
        let parts = parts(settings, &url)?;
        let password = match &settings.password_file {
            Some(path) => {
                let (password, warning) = read_secret(&settings.key("password_file"), path)?;
                warnings.extend(warning);
                Some(password)
            }
            None => None,
        };
        if parts.protection == Protection::Nothing && !is_here(&parts.host) {
            let problem = "is not encrypted: everybody on the way can read and change it; use sslmode=verify-full";
            warnings.push(SettingWarning { key: settings.key("url"), problem: problem.to_owned() });
        }
        let password = password.as_ref().map(ExposeSecret::expose_secret);
        Ok(if is_postgres { postgres(parts, password, settings) } else { mysql(parts, password, settings) })
    }

    pub(in crate::source) fn scheme(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::MySql(_) => "mysql",
            Self::Sqlite(_) => "sqlite",
        }
    }

    /// Host and port, or the file.
    pub(in crate::source) fn place(&self) -> String {
        match self {
            Self::Postgres(options) => match options.get_socket() {
                Some(socket) => socket.display().to_string(),
                None => format!("{}:{}", options.get_host(), options.get_port()),
            },
            Self::MySql(options) => match options.get_socket() {
                Some(socket) => socket.display().to_string(),
                None => format!("{}:{}", options.get_host(), options.get_port()),
            },
            Self::Sqlite(path) => path.display().to_string(),
        }
    }

    /// How a query writes its one parameter.
    pub(in crate::source) fn parameter(&self) -> &'static str {
        if matches!(self, Self::Postgres(_)) { "$1" } else { "?" }
    }
}

impl SourceUrl {
    /// Makes the name of a SQLite file absolute: it stands beside the configuration.
    pub(crate) fn locate(&mut self, beside: &std::path::Path) {
        if let Some(path) = self.0.strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.starts_with('/')) {
            self.0 = format!("sqlite://{}", beside.join(path).display());
        }
    }
}

fn parts(settings: &SourceSettings, url: &Url) -> Result<Parts, SettingError> {
    let unusable = |problem: &str| settings.error("url", problem.to_owned());
    if url.password().is_some() {
        return Err(unusable("holds a password; put it into a file of its own and name that with `password_file`"));
    }
    let mut host = decoded(url.host_str().unwrap_or_default());
    let mut mode = None;
    for (key, value) in url.query_pairs() {
        match &*key {
            "sslmode" | "ssl-mode" => mode = Some(value.to_lowercase()),
            "host" | "socket" if value.starts_with('/') => host = value.into_owned(),
            _ => {
                return Err(unusable(
                    "knows only `sslmode`, and `host` or `socket` with a path, behind the question mark",
                ));
            }
        }
    }
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (user, database) = (decoded(url.username()), decoded(url.path().trim_start_matches('/')));
    if host.is_empty() || user.is_empty() || database.is_empty() {
        return Err(unusable("should name user, host and database, such as postgres://USER@HOST/DATABASE"));
    }
    let protection = match mode.as_deref() {
        None if is_here(&host) => Protection::Nothing,
        None | Some("verify-full" | "verify_identity") => Protection::Named,
        Some("verify-ca" | "verify_ca") => Protection::Certified,
        Some("require" | "required") => Protection::Encrypted,
        Some("disable" | "disabled") => Protection::Nothing,
        Some(_) => {
            return Err(unusable(
                "`sslmode` is one of verify-full, verify-ca, require and disable; the others let whoever is in between \
                 choose",
            ));
        }
    };
    Ok(Parts { user, host, port: url.port(), database, protection })
}

fn postgres(parts: Parts, password: Option<&str>, settings: &SourceSettings) -> Target {
    let mut options = PgConnectOptions::new_without_pgpass()
        .username(&parts.user)
        .database(&parts.database)
        .port(parts.port.unwrap_or(5432))
        .application_name("fristvakt")
        // A statement that was described keeps the types that its parameter was found to have; ours are others.
        .statement_cache_capacity(0)
        .ssl_mode(match parts.protection {
            Protection::Nothing => PgSslMode::Disable,
            Protection::Encrypted => PgSslMode::Require,
            Protection::Certified => PgSslMode::VerifyCa,
            Protection::Named => PgSslMode::VerifyFull,
        });
    options = if parts.host.starts_with('/') { options.socket(parts.host) } else { options.host(&parts.host) };
    if let Some(password) = password {
        options = options.password(password);
    }
    if let Some(file) = &settings.ca_file {
        options = options.ssl_root_cert(file);
    }
    Target::Postgres(Box::new(options.disable_statement_logging()))
}

fn mysql(parts: Parts, password: Option<&str>, settings: &SourceSettings) -> Target {
    let mut options = MySqlConnectOptions::new()
        .username(&parts.user)
        .database(&parts.database)
        .port(parts.port.unwrap_or(3306))
        .statement_cache_capacity(0)
        .ssl_mode(match parts.protection {
            Protection::Nothing => MySqlSslMode::Disabled,
            Protection::Encrypted => MySqlSslMode::Required,
            Protection::Certified => MySqlSslMode::VerifyCa,
            Protection::Named => MySqlSslMode::VerifyIdentity,
        });
    options = if parts.host.starts_with('/') { options.socket(parts.host) } else { options.host(&parts.host) };
    if let Some(password) = password {
        options = options.password(password);
    }
    if let Some(file) = &settings.ca_file {
        options = options.ssl_ca(file);
    }
    Target::MySql(Box::new(options.disable_statement_logging()))
}

/// Whether a host is this machine: a socket, or a loopback address.
fn is_here(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A part of an address without its `%`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Option<Vec<u8>> = (byte == b'%').then(|| rest.clone().take(2).collect());
        let hex = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok());
        if let Some(plain) = hex {
            rest.nth(1);
            bytes.push(plain);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
