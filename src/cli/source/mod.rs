//! `fristvakt source`

mod accept;
mod check;
mod list;

use serde::Serialize;

use super::{CONFIGURATION, Failed, USAGE};
use crate::case::nearest;
use crate::config::Config;
use crate::source::Source;
use crate::store::{At, TenantCount};

/// Arguments of `source`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SourceCommand {
    /// List the databases that facts are read from, and how each stands.
    List(list::List),
    /// Read a source and say what would come of it. Nothing is written.
    Check(check::Check),
    /// Say that a source is right although it has far fewer rows, or fewer columns, than before.
    Accept(accept::Accept),
}

impl SourceCommand {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(),
            Self::Check(check) => check.run(),
            Self::Accept(accept) => accept.run(),
        }
    }
}

/// The sources of a configuration.
fn sources(config: &Config) -> Result<Vec<Source>, Failed> {
    crate::source::load(&config.sources).map(|(sources, _)| sources).map_err(|error| Failed::with(CONFIGURATION, error))
}

fn named(config: &Config, name: &str) -> Result<Source, Failed> {
    let sources = sources(config)?;
    let known: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    sources.into_iter().find(|source| source.name == name).ok_or_else(|| {
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "the configuration has no [[source]]".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        Failed::with(USAGE, format!("there is no source `{name}`; {hint}"))
    })
}

/// A full load with too few rows.
#[derive(Debug, Serialize)]
struct HeldRow {
    query: &'static str,
    tenant: String,
    before: i64,
    now: i64,
    since: At,
}

impl HeldRow {
    fn of(count: &TenantCount) -> Option<Self> {
        let held = count.held?;
        Some(Self {
            query: count.record_type.word(),
            tenant: count.tenant.clone(),
            before: count.rows,
            now: held.rows,
            since: held.since.into(),
        })
    }
}
