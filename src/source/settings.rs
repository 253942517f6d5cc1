//! A `[[source]]` section, and its checks.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::database::Target;
use crate::delivery::setting::{SettingError, SettingWarning};
use crate::facts::csv::RecordType;

/// A `[[source]]` section of the configuration: a database that facts are read from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// What logs and pages call it.
    pub name: String,
    /// Where it is, without a password.
    pub url: SourceUrl,
    /// The file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// Further certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// The municipalities that its rows may speak of, by id.
    pub tenants: Vec<String>,
    /// How often it is read, in seconds.
    #[serde(default = "default_every")]
    pub every: u64,
    /// How long one query may take, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout: u64,
    /// How often queries with a watermark read everything again, in seconds; 0: never.
    #[serde(default = "default_reread")]
    pub reread: u64,
    /// How old its facts may be before mails say as of when they are, in seconds.
    #[serde(default = "default_stale_after")]
    pub stale_after: u64,
    /// By how many per cent fewer rows than last time a full load is not believed.
    #[serde(default = "default_half_loaded")]
    pub half_loaded: u8,
    /// The IANA time zone of its times without a zone.
    pub time_zone: Option<String>,
    /// What is asked, for each record type.
    #[serde(default)]
    pub query: Queries,
}

/// The `[source.query]` sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queries {
    /// Municipalities.
    pub tenant: Option<QuerySettings>,
    /// Units.
    pub unit: Option<QuerySettings>,
    /// Persons.
    pub person: Option<QuerySettings>,
    /// Cases.
    pub case: Option<QuerySettings>,
    /// Events.
    pub event: Option<QuerySettings>,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerySettings {
    /// The query; its columns are called as those of CSV facts.
    pub sql: String,
    /// The column that grows with every change; the query compares it with its one parameter.
    pub watermark: Option<String>,
    /// How far before the last watermark reading begins: seconds, or days of a date, or so many of a number.
    pub overlap: Option<u32>,
    /// Whether it gives everything each time: what it no longer has is removed.
    #[serde(default)]
    pub full: bool,
}

/// Where a source is. It should hold no password; where it does all the same, `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SourceUrl(pub(super) String);

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({}://…)", self.0.split("://").next().filter(|_| self.0.contains("://")).unwrap_or("?"))
    }
}

/// A source that can be read.
#[derive(Debug)]
pub struct Source {
    /// What logs and pages call it.
    pub name: String,
    /// The municipalities that its rows may speak of.
    pub tenants: Vec<String>,
    /// How often it is read.
    pub every: Duration,
    /// How old its facts may be before mails say as of when they are.
    pub stale_after: Duration,
    pub(super) target: Target,
    pub(super) timeout: Duration,
    pub(super) reread: Option<Duration>,
    pub(super) half_loaded: u8,
    pub(super) zone: Tz,
    pub(super) queries: Vec<Query>,
}

/// One query of a source.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) record_type: RecordType,
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// Differs where the query does.
    pub(super) digest: String,
}

/// What a query gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything: what it no longer has is removed.
    Full,
    /// What changed since a watermark, and a little before.
    Incremental { watermark: String, overlap: Option<u32> },
}

impl Source {
    /// What kind of database it is: `postgres`, `mysql` or `sqlite`.
    #[must_use]
    pub fn database(&self) -> &'static str {
        self.target.scheme()
    }

    /// Host and port, or the file; never a user or a password.
    #[must_use]
    pub fn place(&self) -> String {
        self.target.place()
    }

    /// The record types that it gives.
    #[must_use]
    pub fn record_types(&self) -> Vec<RecordType> {
        self.queries.iter().map(|query| query.record_type).collect()
    }
}

/// Checks all sources and reads their passwords.
///
/// # Errors
/// The first setting that cannot be used.
pub fn load(settings: &[SourceSettings]) -> Result<(Vec<Source>, Vec<SettingWarning>), SettingError> {
    let (mut sources, mut warnings): (Vec<Source>, _) = (vec![], vec![]);
    let mut full: BTreeMap<(RecordType, &str), &str> = BTreeMap::new();
    for one in settings {
        let source = one.checked(&mut warnings)?;
        if sources.iter().any(|known| known.name == source.name) {
            return Err(one.error("name", "another source has this name too; give each a name of its own"));
        }
        for query in source.queries.iter().filter(|query| query.kind == Kind::Full) {
            for tenant in &one.tenants {
                if let Some(other) = full.insert((query.record_type, tenant), &one.name) {
                    let word = query.record_type.word();
                    let problem = format!(
                        "source `{other}` also gives all {word} records of `{tenant}`: each would remove what the \
                         other gives; let one of them use a watermark"
                    );
                    return Err(one.error(&format!("query.{word}.full"), problem));
                }
            }
        }
        sources.push(source);
    }
    Ok((sources, warnings))
}

impl SourceSettings {
    pub(super) fn key(&self, key: &str) -> String {
        format!("source.{}.{key}", self.name)
    }

    pub(super) fn error(&self, key: &str, problem: impl Into<String>) -> SettingError {
        SettingError::new(self.key(key), problem)
    }

    fn checked(&self, warnings: &mut Vec<SettingWarning>) -> Result<Source, SettingError> {
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(plain) {
            let problem = "use 1 to 40 letters a–z, digits, - or _: logs and pages show it";
            return Err(SettingError::new("source.name", problem));
        }
        let target = Target::of(self, warnings)?;
        let mut seen = HashSet::new();
        if self.tenants.is_empty() || !self.tenants.iter().all(|tenant| !tenant.is_empty() && seen.insert(tenant)) {
            return Err(self.error("tenants", "name each municipality that its rows may speak of, once"));
        }
        self.within("every", self.every, 10, 86_400)?;
        self.within("timeout", self.timeout, 1, 3600)?;
        self.within("half_loaded", self.half_loaded.into(), 1, 100)?;
        let zone = self.time_zone.as_deref().unwrap_or("Europe/Oslo").parse::<Tz>();
        Ok(Source {
            name: self.name.clone(),
            tenants: self.tenants.clone(),
            every: Duration::from_secs(self.every),
            stale_after: Duration::from_secs(self.stale_after),
            timeout: Duration::from_secs(self.timeout),
            reread: (self.reread > 0).then(|| Duration::from_secs(self.reread)),
            half_loaded: self.half_loaded,
            zone: zone.map_err(|_| self.error("time_zone", "no IANA time zone; write one like `Europe/Oslo`"))?,
            queries: self.queries(target.parameter())?,
            target,
        })
    }

    fn within(&self, key: &str, value: u64, least: u64, most: u64) -> Result<(), SettingError> {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(self.error(key, format!("{value} is out of range; use {least} to {most}")))
    }

    fn queries(&self, parameter: &str) -> Result<Vec<Query>, SettingError> {
        let of = |record_type| match record_type {
            RecordType::Tenant => &self.query.tenant,
            RecordType::Unit => &self.query.unit,
            RecordType::Person => &self.query.person,
            RecordType::Case => &self.query.case,
            RecordType::Event => &self.query.event,
        };
        let given =
            RecordType::ALL.into_iter().filter_map(|record_type| Some((record_type, of(record_type).as_ref()?)));
        let queries: Vec<Query> =
            given.map(|(record_type, query)| self.query(record_type, query, parameter)).collect::<Result<_, _>>()?;
        if queries.is_empty() {
            return Err(self.error("query", "asks nothing; add [source.query.case], [source.query.event], …"));
        }
        Ok(queries)
    }

    fn query(&self, record_type: RecordType, query: &QuerySettings, parameter: &str) -> Result<Query, SettingError> {
        let word = record_type.word();
        let sql = query.sql.trim().trim_end_matches(';').trim_end();
        if sql.is_empty() {
            return Err(self.error(&format!("query.{word}.sql"), "write the query, such as SELECT … FROM …"));
        }
        let kind = match (&query.watermark, query.full) {
            (None, true) if query.overlap.is_some() => {
                let problem = "a full load reads everything each time; leave `overlap` out";
                return Err(self.error(&format!("query.{word}.overlap"), problem));
            }
            (None, true) => Kind::Full,
            (Some(watermark), false) => {
                if !sql.contains(parameter) {
                    let problem = format!(
                        "compares nothing with the watermark; add a condition like WHERE {watermark} >= {parameter}"
                    );
                    return Err(self.error(&format!("query.{word}.sql"), problem));
                }
                Kind::Incremental { watermark: watermark.clone(), overlap: query.overlap }
            }
            (Some(_), true) => {
                let problem = "a full load needs no watermark; keep one of `full` and `watermark`";
                return Err(self.error(&format!("query.{word}.full"), problem));
            }
            (None, false) => {
                let problem =
                    "say what it gives: `watermark = \"COLUMN\"` for what changed, `full = true` for everything";
                return Err(self.error(&format!("query.{word}"), problem));
            }
        };
        let digest = Sha256::digest(format!("{sql}\0{kind:?}"));
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Query { record_type, sql: sql.to_owned(), kind, digest })
    }
}

fn default_every() -> u64 {
    300
}

fn default_timeout() -> u64 {
    60
}

fn default_reread() -> u64 {
    86_400
}

fn default_stale_after() -> u64 {
    86_400
}

fn default_half_loaded() -> u8 {
    20
}
