//! The configuration: one TOML file, `FRISTVAKT_…` variables over it. `environment` is the only place that
//! reads the environment.
//!
//! Unknown keys are errors. Secrets stand in files that the configuration names; a relative name of such a file is
//! looked up in systemd's credentials folder, else beside the configuration.

mod environment;
mod http;
mod operations;
mod reports;
mod retention;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::case::{is_plain_id, nearest};
use crate::delivery::email::EmailSettings;
use crate::delivery::setting::{SettingError, read_secret};
use crate::delivery::webhook::{DeadManSettings, WebhookSettings};
use crate::fact::without_value;
use crate::source::SourceSettings;
use crate::store::{Location, LocationError, ServerLocation};

use self::environment::{PREFIX, credentials, state_directory, variable, variables};

pub use environment::{journal_stream, no_color, user_name, user_number};
pub use http::{HttpSettings, Scope, TokenSettings, UploadSettings};
pub use operations::{LogFormat, LogSettings, OperatorSettings, ReloadSettings, WatchdogSettings};
pub use reports::{Attached, ReportSettings};
pub use retention::{Kept, RetentionSettings};

/// Where the configuration is looked for where nothing else is said.
pub const DEFAULT_PATH: &str = "/etc/fristvakt/fristvakt.toml";

/// Everything that the configuration says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:///path/to/file.db`, or `postgres://user@host/database`; the file `fristvakt.db` in the state directory
    /// unless said.
    #[serde(default = "default_database")]
    pub database: String,
    /// Holds the password for a database server.
    pub database_password_file: Option<PathBuf>,
    /// How long one call to a database server may take, in seconds; then its connection is given up.
    #[serde(default = "default_database_timeout")]
    pub database_timeout: u32,
    /// The folder of the acceptance journal: beside the database file, or `accepted` in the state directory unless said.
    pub journal: Option<PathBuf>,
    /// The rules folder; the shipped rules unless said.
    pub rules: Option<PathBuf>,
    /// Whether messages leave.
    #[serde(default)]
    pub mode: Mode,
    /// How mail is sent; without it, nothing leaves by mail and the daemon says so.
    pub email: Option<EmailSettings>,
    /// Who else hears of notices.
    #[serde(default, rename = "webhook")]
    pub webhooks: Vec<WebhookSettings>,
    /// Where facts are read from.
    #[serde(default, rename = "source")]
    pub sources: Vec<SourceSettings>,
    /// How much one person hears.
    #[serde(default)]
    pub limits: LimitSettings,
    /// What is reported when.
    #[serde(default)]
    pub reports: ReportSettings,
    /// How long closed cases are kept.
    #[serde(default)]
    pub retention: RetentionSettings,
    /// The small web server; without it, nothing listens.
    pub http: Option<HttpSettings>,
    /// What is written to the log.
    #[serde(default)]
    pub log: LogSettings,
    /// How long its parts may stand still.
    #[serde(default)]
    pub watchdog: WatchdogSettings,
    /// When other rules have to be let go by a person.
    #[serde(default)]
    pub reload: ReloadSettings,
    /// Who hears of every round that was done.
    pub dead_man: Option<DeadManSettings>,
    /// Who is told when something needs a person.
    pub operator: Option<OperatorSettings>,
    /// A text that differs where the configuration does.
    #[serde(skip)]
    pub digest: String,
}

/// A text that differs where a configuration's text or the variables over it do.
fn digest(text: &str, variables: &[(String, String)]) -> String {
    let mut digest = Sha256::new();
    for part in std::iter::once(text).chain(variables.iter().flat_map(|(name, value)| [&**name, &**value])) {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether messages leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They do.
    #[default]
    Live,
    /// The ledger and the register are kept; nothing is sent.
    Shadow,
}

/// The `[limits]` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// How many mails one recipient gets a day; what is more waits for the next round and is joined with it. 0 is no limit.
    pub mails_per_recipient_and_day: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { mails_per_recipient_and_day: 10 }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {0}: {1}; check the path and its permissions")]
    Read(PathBuf, std::io::Error),
    /// The file is no TOML, or holds something unknown or of the wrong type.
    #[error("{0}: {1}")]
    Invalid(String, String),
    /// A variable holds something unknown or of the wrong type.
    #[error("the {PREFIX}… variables, put over the configuration: {0}")]
    Variable(String),
    /// The database is of a kind that this program does not know.
    #[error(
        "`database`: `{0}` is no database that fristvakt knows; write `sqlite:///path/to/fristvakt.db` or \
         `postgres://fristvakt@db.kommune.no/fristvakt`"
    )]
    Database(String),
    /// The database's address cannot be used.
    #[error("`database`: {0}")]
    Location(#[from] LocationError),
    /// The file with the database's password cannot be used.
    #[error(transparent)]
    Password(#[from] SettingError),
}

impl Config {
    /// Reads the configuration: of `path`, else of `FRISTVAKT_CONFIG`, else of [`DEFAULT_PATH`] if it is there, else
    /// the defaults; with the variables over it.
    ///
    /// # Errors
    /// Where it cannot be read or used; names file, line and key.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let variables = variables();
        let path = Self::file(path);
        let text = match &path {
            Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError::Read(path.clone(), error))?,
            None => String::new(),
        };
        let mut config = Self::parse(&text, path.as_deref(), &variables)?;
        config.locate_files(path.as_deref().and_then(Path::parent));
        Ok(config)
    }

    /// The file that [`Config::load`] reads, if it reads one.
    #[must_use]
    pub fn file(path: Option<&Path>) -> Option<PathBuf> {
        let named = path.map(Path::to_owned).or_else(|| variable("CONFIG").map(PathBuf::from));
        named.or_else(|| Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists()))
    }

    /// The configuration of a text, with variables (names without their prefix, lower case) over it.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn parse(text: &str, path: Option<&Path>, variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let name = path.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
        let mut of_file: Self =
            toml::from_str(text).map_err(|error| ConfigError::Invalid(name.clone(), placed(&error, text)))?;
        let digest = digest(text, variables);
        if variables.is_empty() {
            of_file.digest = digest;
            return Ok(of_file);
        }
        let mut table: Table =
            text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid(name, placed(&error, text)))?;
        for (key, value) in variables {
            overlay(&mut table, key, value)?;
        }
        let mut config = Self::deserialize(table).map_err(|error| ConfigError::Variable(message(&error)))?;
        config.digest = digest;
        Ok(config)
    }

    /// Where the database is. Reads the file with its password, where one is named.
    ///
    /// # Errors
    /// Where the URL names another kind of database or holds a password, or the password's file cannot be read.
    pub fn location(&self) -> Result<Location, ConfigError> {
        let patience = Duration::from_secs(self.database_timeout.max(1).into());
        Ok(match location(&self.database, self.database_password_file.as_deref())? {
            Location::Server(server) => Location::Server(server.patient_for(patience)),
            file @ Location::File(_) => file,
        })
    }

    /// Whether the database is on a server.
    #[must_use]
    pub fn is_on_server(&self) -> bool {
        !self.database.starts_with("sqlite://")
    }

    /// The folder of the acceptance journal. Beside a database file; with a server it is this machine's own.
    ///
    /// # Errors
    /// As [`Config::location`].
    pub fn journal_folder(&self) -> Result<PathBuf, ConfigError> {
        if let Some(folder) = &self.journal {
            return Ok(folder.clone());
        }
        match self.location()? {
            Location::File(path) => Ok(journal_beside(&path)),
            Location::Server(_) => Ok(state_directory().join("accepted")),
        }
    }

    /// Makes the names of files absolute: they stand beside the configuration, secrets among systemd's credentials too.
    fn locate_files(&mut self, beside: Option<&Path>) {
        if let (Some(file), Some(beside)) = (self.database.strip_prefix("sqlite://"), beside)
            && !file.is_empty()
            && Path::new(file).is_relative()
        {
            self.database = format!("sqlite://{}", beside.join(file).display());
        }
        let credentials = credentials();
        let locate = |file: &mut PathBuf| {
            let found = credentials.iter().map(|folder| folder.join(&*file)).find(|path| path.exists());
            if let Some(path) = found.or_else(|| Some(beside?.join(&*file))).filter(|_| file.is_relative()) {
                *file = path;
            }
        };
        self.database_password_file.iter_mut().for_each(locate);
        if let (Some(folder), Some(beside)) = (&mut self.journal, beside)
            && folder.is_relative()
        {
            *folder = beside.join(&*folder);
        }
        if let Some(email) = &mut self.email {
            email.password_file.iter_mut().for_each(locate);
            email.ca_file.iter_mut().for_each(locate);
        }
        for webhook in &mut self.webhooks {
            webhook.url_file.iter_mut().for_each(locate);
            webhook.secret_files.iter_mut().for_each(locate);
            webhook.ca_file.iter_mut().for_each(locate);
        }
        if let Some(dead_man) = &mut self.dead_man {
            dead_man.url_file.iter_mut().for_each(locate);
            dead_man.ca_file.iter_mut().for_each(locate);
        }
        for source in &mut self.sources {
            source.password_file.iter_mut().for_each(locate);
            source.ca_file.iter_mut().for_each(locate);
            if let Some(beside) = beside {
                source.url.locate(beside);
            }
        }
        for token in self.http.iter_mut().flat_map(|http| &mut http.tokens) {
            locate(&mut token.file);
        }
        if let (Some(rules), Some(beside)) = (&mut self.rules, beside)
            && rules.is_relative()
        {
            *rules = beside.join(&*rules);
        }
    }
}

/// Where the database of a URL is. Reads the file with its password, where one is named.
///
/// # Errors
/// As [`Config::location`].
pub fn location(url: &str, password_file: Option<&Path>) -> Result<Location, ConfigError> {
    if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
        return Ok(Location::File(PathBuf::from(path)));
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(ConfigError::Database(url.split('@').next_back().unwrap_or_default().to_owned()));
    }
    let password = match password_file {
        Some(path) => Some(read_secret("database_password_file", path)?.0),
        None => None,
    };
    Ok(Location::Server(ServerLocation::parse(url, password.as_ref().map(ExposeSecret::expose_secret))?))
}

/// The folder of the acceptance journal of a database file.
#[must_use]
pub fn journal_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".accepted");
    PathBuf::from(name)
}

/// An error with line, column and key. Never the line itself, as toml would show it: a secret may stand there.
fn placed(error: &toml::de::Error, text: &str) -> String {
    let message = message(error);
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return message };
    let line = before.matches('\n').count() + 1;
    let start = before.rsplit('\n').next().unwrap_or_default();
    let column = start.chars().count() + 1;
    // Of a text that is no TOML, what looks like a key need not be one.
    let key = key_before(start).filter(|_| text.parse::<Table>().is_ok());
    match key {
        Some(key) => format!("line {line}, column {column}: `{key}`: {message}"),
        None => format!("line {line}, column {column}: {message}"),
    }
}

/// The key whose value begins where `start` of its line ends.
fn key_before(start: &str) -> Option<&str> {
    let key = start.trim_end().strip_suffix('=')?.rsplit(['{', ',']).next()?.trim();
    is_plain_id(key).then_some(key)
}

/// What is wrong, without the value that is: of a key that there is not, with the nearest one.
fn message(error: &toml::de::Error) -> String {
    let text = error.message().lines().collect::<Vec<_>>().join("; ");
    let Some((what, expected)) = text.rsplit_once(", expected ") else { return text };
    let known = || expected.split('`').skip(1).step_by(2);
    let wrong = ["unknown field `", "unknown variant `"].iter().find_map(|start| what.strip_prefix(start));
    match wrong.and_then(|word| nearest(word.trim_end_matches('`'), known())) {
        Some(near) => format!("{text}; did you mean `{near}`?"),
        None => without_value(&text),
    }
}

fn default_database() -> String {
    format!("sqlite://{}", state_directory().join("fristvakt.db").display())
}

fn default_database_timeout() -> u32 {
    60
}

/// Sets one key; `__` separates the names of sections. A value that reads as a TOML number, truth value or list is one.
fn overlay(table: &mut Table, key: &str, value: &str) -> Result<(), ConfigError> {
    let names: Vec<&str> = key.split("__").collect();
    let Some((last, sections)) = names.split_last() else { return Ok(()) };
    let mut current = table;
    for section in sections {
        let entry = current.entry((*section).to_owned()).or_insert_with(|| Value::Table(Table::new()));
        current = entry.as_table_mut().ok_or_else(|| {
            ConfigError::Variable(format!("{PREFIX}{}: `{section}` is no section", key.to_uppercase()))
        })?;
    }
    let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let typed = parsed.filter(|parsed| !matches!(parsed, Value::Datetime(_) | Value::Table(_)));
    current.insert((*last).to_owned(), typed.unwrap_or_else(|| Value::String(value.to_owned())));
    Ok(())
}
