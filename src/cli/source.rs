//! `fristvakt source`

use std::io::{BufWriter, Write};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::store::{Author, Listing, Zones, with_store};
use super::table::{Look, Table, or_empty};
use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, Format, USAGE, block_on, load, open};
use crate::case::nearest;
use crate::clock::Clock;
use crate::config::Config;
use crate::source::{Outcome, QueryOutcome, Source, try_out};
use crate::store::{AcceptedSource, Access, At, SourceState, Store, StoreError, TenantCount};

/// How many rows that would be set aside are shown.
const MOST_SHOWN: usize = 100;

/// Arguments of `source`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SourceCommand {
    /// List the databases that facts are read from, and how each stands.
    List(List),
    /// Read a source and say what would come of it. Nothing is written.
    Check(Check),
    /// Say that a source is right although it has far fewer rows, or fewer columns, than before.
    Accept(Accept),
}

/// Arguments of `source list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "States: `ok`; `never read`; `failing`: it, or one of its queries, cannot be read; `held`: far \
                        fewer rows than before, so nothing of it is removed.\n\n\
                        Examples:\n  fristvakt source list\n  fristvakt source list --format json"
)]
pub(super) struct List {
    #[command(flatten)]
    listing: Listing,
}

/// Arguments of `source check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every query was read · 1 something was not\n\n\
                        Examples:\n  fristvakt source check fagsystem\n  \
                        fristvakt source check fagsystem --format json | jq 'select(.reason)'")]
pub(super) struct Check {
    /// The source's name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `source accept`.
#[derive(Debug, clap::Args)]
#[command(after_help = "At its next reading the source then removes what it no longer has: look with `source check` \
                        first.\n\n\
                        Example:\n  fristvakt source accept fagsystem --reason \"two schools were merged\" --by kari")]
pub(super) struct Accept {
    /// The source's name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
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
pub(super) fn sources(config: &Config) -> Result<Vec<Source>, Failed> {
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

/// A source as `list` shows it.
#[derive(Debug, Serialize)]
struct SourceRow {
    name: String,
    database: &'static str,
    place: String,
    tenants: Vec<String>,
    state: &'static str,
    /// As of when its facts are.
    as_of: Option<At>,
    tried_at: Option<At>,
    /// Since when it cannot be read.
    failed_since: Option<At>,
    failure: Option<String>,
    queries: Vec<QueryRow>,
    /// How many rows could not be taken.
    set_aside: i64,
    held: Vec<HeldRow>,
}

/// A query of a source.
#[derive(Debug, Serialize)]
struct QueryRow {
    query: &'static str,
    /// How many rows it gave last; absent: it was not read yet.
    rows: Option<i64>,
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

impl SourceRow {
    fn new(source: &Source, state: &SourceState) -> Self {
        let held: Vec<HeldRow> = state.counts.iter().filter_map(HeldRow::of).collect();
        let rows =
            |record_type| state.queries.iter().find(|query| query.record_type == record_type).map(|query| query.rows);
        let queries = source.record_types().into_iter();
        Self {
            name: source.name.clone(),
            database: source.database(),
            place: source.place(),
            tenants: source.tenants.clone(),
            state: match state {
                _ if state.failure.is_some() => "failing",
                _ if !held.is_empty() => "held",
                _ if state.ok_at.is_none() => "never read",
                _ => "ok",
            },
            as_of: state.ok_at.map(At::from),
            tried_at: state.tried_at.map(At::from),
            failed_since: state.failed_since.map(At::from),
            failure: state.failure.clone(),
            queries: queries.map(|kind| QueryRow { query: kind.word(), rows: rows(kind) }).collect(),
            set_aside: state.set_aside,
            held,
        }
    }

    /// What is not well, in a few words.
    fn why(&self) -> String {
        let held = self.held.iter().map(|held| {
            let HeldRow { query, tenant, before, now, .. } = held;
            format!("{query} of {tenant}: {now} rows where {before} were")
        });
        self.failure.iter().cloned().chain(held).collect::<Vec<_>>().join("; ")
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let listing = &self.listing;
        let (mut rows, zones) = with_store(&listing.config, Access::Read, async |store, config| {
            let states = store.source_states().await?;
            let none = SourceState::default();
            let row = |source: &Source| {
                SourceRow::new(source, states.iter().find(|state| state.name == source.name).unwrap_or(&none))
            };
            Ok((sources(config)?.iter().map(row).collect::<Vec<_>>(), Zones::read(store).await?))
        })?;
        rows.retain(|row| listing.tenant.as_ref().is_none_or(|tenant| row.tenants.contains(tenant)));
        rows.truncate(listing.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        listing.print(&rows, "sources: the configuration has no [[source]]", |rows| table(rows, &zones))
    }
}

fn table(rows: &[SourceRow], zones: &Zones) -> Table {
    let mut table = Table::new(&["NAME", "DATABASE", "PLACE", "TENANTS", "STATE", "AS OF", "ROWS", "ASIDE", "WHY"]);
    for row in rows {
        let zone = row.tenants.first().map(String::as_str).unwrap_or_default();
        let counted = row.queries.iter().map(|query| format!("{} {}", query.query, or_dash(query.rows)));
        table.row([
            row.name.clone(),
            row.database.to_owned(),
            row.place.clone(),
            row.tenants.join(", "),
            row.state.to_owned(),
            or_empty(row.as_of.map(|at| zones.local(zone, at))),
            counted.collect::<Vec<_>>().join(", "),
            row.set_aside.to_string(),
            row.why(),
        ]);
    }
    table
}

fn or_dash(rows: Option<i64>) -> String {
    rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string())
}

impl Check {
    fn run(self) -> Result<(), Failed> {
        let config = self.config.load()?;
        let source = named(&config, &self.name)?;
        let (rules, _) = load(&open(config.rules.as_deref())?)?;
        let location = config.location().map_err(|error| Failed::with(CONFIGURATION, error))?;
        let now = Clock::System.now();
        let outcome = block_on(async {
            // Before the first start there is none, and what comes of a source can be seen all the same.
            let store = match Store::open(&location, Access::Read).await {
                Ok(store) => Some(store),
                Err(StoreError::Missing(_)) => None,
                Err(error) => return Err(Failed::from(error)),
            };
            let tried = try_out(&source, store.as_ref(), &rules, now, &CancellationToken::new()).await;
            if let Some(store) = store {
                store.close().await;
            }
            tried.map_err(|error| Failed::with(FAILED, error))
        })??;
        let mut out = BufWriter::new(std::io::stdout().lock());
        match self.format {
            Format::Table => print(&mut out, &outcome)?,
            Format::Json => print_json(&mut out, &outcome)?,
        }
        out.flush()?;
        match outcome.failures.as_slice() {
            [] => Ok(()),
            failures => Err(Failed::with(FAILED, format!("source {}: {}", source.name, failures.join("\nerror: ")))),
        }
    }
}

fn print(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    let mut table = Table::new(&["QUERY", "ROWS", "USABLE", "ASIDE", "HELD"]);
    for query in &outcome.queries {
        let aside = query.aside.len();
        let held: Vec<String> = query.held.iter().map(|held| held_words(&held.tenant, held)).collect();
        table.row([
            query.record_type.word().to_owned(),
            query.rows.to_string(),
            query.rows.saturating_sub(aside).to_string(),
            aside.to_string(),
            held.join("; "),
        ]);
    }
    table.write(out, Look::of_stdout())?;
    let aside: Vec<_> = outcome.queries.iter().flat_map(|query| &query.aside).collect();
    if !aside.is_empty() {
        writeln!(out, "\nWould be set aside")?;
        let mut table = Table::new(&["QUERY", "TENANT", "ID", "WHY"]);
        for row in aside.iter().take(MOST_SHOWN) {
            table.row([row.r#type.clone(), row.tenant.clone(), row.shown_id(), row.reason.clone()]);
        }
        table.write(out, Look::of_stdout())?;
        if let Some(more) = aside.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            writeln!(out, "… and {more} more; --format json shows all")?;
        }
    }
    Ok(())
}

fn held_words(tenant: &str, count: &TenantCount) -> String {
    let now = count.held.map_or(0, |held| held.rows);
    format!("{tenant}: {now} where {} were", count.rows)
}

fn print_json(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    for query in &outcome.queries {
        writeln!(out, "{}", json(query))?;
        for row in &query.aside {
            let line = serde_json::json!({
                "query": row.r#type, "tenant": row.tenant, "id": row.shown_id(), "reason": row.reason,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn json(query: &QueryOutcome) -> serde_json::Value {
    let held = query.held.iter().filter_map(HeldRow::of).collect::<Vec<_>>();
    serde_json::json!({
        "query": query.record_type.word(),
        "rows": query.rows,
        "set_aside": query.aside.len(),
        "held": held,
    })
}

impl Accept {
    fn run(self) -> Result<(), Failed> {
        let (by, reason, now) = (self.author.name()?, self.author.reason()?, Clock::System.now());
        let accepted: Vec<AcceptedSource> = with_store(&self.config, Access::Write, async |store, config| {
            let source = named(config, &self.name)?;
            Ok(store.accept_source(&source.name, &by, reason, now).await?)
        })?;
        let mut out = std::io::stdout().lock();
        for one in &accepted {
            let AcceptedSource { r#type, tenant, before, now } = one;
            writeln!(out, "{type} of {tenant}: {now} rows are all there are, where {before} were")?;
        }
        if accepted.is_empty() {
            writeln!(out, "nothing of it was held; its columns count as they will be found")?;
        }
        writeln!(
            out,
            "source {} is read anew at once, and what it no longer has is removed (by {by}: {reason})",
            self.name
        )?;
        Ok(())
    }
}
