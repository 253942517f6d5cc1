//! What commands that look into the database share.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufWriter, Write};

use chrono_tz::Tz;
use serde::Serialize;

use super::table::{Look, Table, or_empty};
use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, Format, block_on};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Access, At, AuditEntry, Location, Store, StoreError};

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        let code = if matches!(error, StoreError::Newer { .. }) { CONFIGURATION } else { FAILED };
        Self::with(code, error)
    }
}

/// Does some work with the database and closes it. No database is made where there is none.
pub(super) fn with_store<T>(
    config: &ConfigArgument,
    access: Access,
    work: impl AsyncFnOnce(&Store, &Config) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let config = config.load()?;
    let location = config.location().map_err(|error| Failed::with(CONFIGURATION, error))?;
    if let Location::File(path) = &location
        && !path.exists()
    {
        return Err(StoreError::Missing(path.clone()).into());
    }
    block_on(async {
        let store = Store::open(&location, access).await?;
        let done = work(&store, &config).await;
        store.close().await;
        done
    })?
}

/// What every list can be asked.
#[derive(Debug, clap::Args)]
pub(super) struct Listing {
    /// Only of this municipality.
    #[arg(long, value_name = "ID")]
    pub(super) tenant: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

impl Listing {
    /// Reads with the database.
    pub(super) fn read<T>(&self, work: impl AsyncFnOnce(&Store) -> Result<T, StoreError>) -> Result<T, Failed> {
        with_store(&self.config, Access::Read, async |store, _| Ok(work(store).await?))
    }

    /// Leaves no more rows than were asked for.
    pub(super) fn cut<R>(&self, rows: &mut Vec<R>) {
        rows.truncate(self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    }

    /// Prints rows as the user asked, and says on stderr where there is none.
    pub(super) fn print<R: Serialize>(
        &self,
        rows: &[R],
        what: &'static str,
        table: impl FnOnce(&[R]) -> Table,
    ) -> Result<(), Failed> {
        let mut pages = self.pages(what);
        if !rows.is_empty() {
            pages.print(rows, table)?;
        }
        pages.end()
    }

    /// Whether programs read it.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// For what is too long to be held in memory: printed a page at a time.
    pub(super) fn pages(&self, what: &'static str) -> Pages {
        Pages { format: self.format, what, printed: false }
    }
}

/// A list that is printed page by page. The columns of a table are as wide as its page needs; the header stands once.
#[derive(Debug)]
pub(super) struct Pages {
    format: Format,
    what: &'static str,
    printed: bool,
}

impl Pages {
    /// Prints a page.
    pub(super) fn print<R: Serialize>(&mut self, rows: &[R], table: impl FnOnce(&[R]) -> Table) -> Result<(), Failed> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        match self.format {
            Format::Json => {
                for row in rows {
                    let line = serde_json::to_string(row).map_err(|error| Failed::with(FAILED, error))?;
                    writeln!(out, "{line}")?;
                }
            }
            Format::Table if self.printed => table(rows).write_more(&mut out, Look::of_stdout())?,
            Format::Table => table(rows).write(&mut out, Look::of_stdout())?,
        }
        self.printed = true;
        Ok(out.flush()?)
    }

    /// Says on stderr where there was none.
    pub(super) fn end(self) -> Result<(), Failed> {
        if !self.printed && self.format == Format::Table {
            writeln!(std::io::stderr().lock(), "no {}", self.what)?;
        }
        Ok(())
    }
}

/// The time zones of municipalities, for times in tables.
#[derive(Debug)]
pub(super) struct Zones(HashMap<String, Tz>);

impl Zones {
    pub(super) async fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(store.zones().await?))
    }

    /// The time zone of a municipality.
    pub(super) fn of(&self, tenant: &str) -> Tz {
        self.0.get(tenant).copied().unwrap_or(chrono_tz::Europe::Oslo)
    }

    /// `2026-03-16 08:00 by kari: settled`, local.
    pub(super) fn ended(&self, tenant: &str, at: At, by: Option<&String>, why: Option<&String>) -> String {
        format!("{} by {}: {}", self.local(tenant, at), or_empty(by), or_empty(why))
    }

    /// `2026-03-16 08:00`, local.
    pub(super) fn local(&self, tenant: &str, at: At) -> String {
        at.instant().with_timezone(&self.of(tenant)).format("%Y-%m-%d %H:%M").to_string()
    }
}

/// Who does something, and why: for the audit trail.
#[derive(Debug, clap::Args)]
pub(super) struct Author {
    /// Why; it lands in the audit trail.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Who decides it; whoever is logged in unless said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Author {
    /// Who it is.
    pub(super) fn name(&self) -> Result<String, Failed> {
        let said = self.by.clone().or_else(crate::config::user_name).filter(|name| !name.trim().is_empty());
        said.ok_or_else(|| Failed::with(super::USAGE, "nobody is logged in here; say who decides this with --by NAME"))
    }

    /// Why, and never nothing.
    pub(super) fn reason(&self) -> Result<&str, Failed> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err(Failed::with(super::USAGE, "--reason says nothing; write why, it lands in the audit trail"));
        }
        Ok(reason)
    }
}

/// Who looks at something: for the access log.
#[derive(Debug, clap::Args)]
pub(super) struct Looker {
    /// Who looks, for the access log; whoever is logged in unless said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looked {
    /// The municipality's id; empty: all of them.
    pub(super) tenant: String,
    /// `case ID`, `person ID` or `everything`.
    pub(super) subject: String,
}

impl Looked {
    /// At the cases of some rows of a list, each once.
    pub(super) fn at_cases<'r>(cases: impl Iterator<Item = (&'r String, &'r String)>) -> Vec<Self> {
        let cases: BTreeSet<(&String, &String)> = cases.collect();
        cases.into_iter().map(|(tenant, case)| Self::at_case(tenant, case)).collect()
    }

    /// At a case, by its id.
    pub(super) fn at_case(tenant: &str, case: &str) -> Self {
        Self { tenant: tenant.to_owned(), subject: format!("case {case}") }
    }
}

impl Looker {
    /// Who it is, as far as anybody knows.
    fn name(&self) -> String {
        let said = self.by.clone().or_else(crate::config::user_name).filter(|name| !name.trim().is_empty());
        said.unwrap_or_else(|| format!("uid {}", crate::config::user_number()))
    }

    /// Writes into the access log what is about to be shown. `action`: `explain`, `show`, `list` or `export`.
    ///
    /// # Errors
    /// It cannot be written: then nothing is to be shown.
    pub(super) fn note(&self, config: &ConfigArgument, action: &str, looked: &[Looked]) -> Result<(), Failed> {
        if looked.is_empty() {
            return Ok(());
        }
        let name = crate::register::author(&self.name())
            .map_err(|problem| Failed::with(super::USAGE, format!("--by: {problem}")))?;
        with_store(config, Access::Write, async |store, _| {
            let mut entries = vec![];
            for Looked { tenant, subject } in looked {
                entries.push(AuditEntry { tenant, actor: &name, action, subject, ..AuditEntry::default() });
            }
            store.note_access(&entries, Clock::System.now()).await.map_err(|error| {
                let Failed { code, text } = error.into();
                Failed { code, text: format!("not shown, for it cannot be written into the access log: {text}") }
            })
        })
    }
}
