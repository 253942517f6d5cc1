//! `fristvakt source list`

use serde::Serialize;

use super::{HeldRow, sources};
use crate::cli::Failed;
use crate::cli::store::{Listing, Zones, with_store};
use crate::cli::table::{Table, or_empty};
use crate::source::Source;
use crate::store::{Access, At, SourceState};

/// Arguments of `source list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "States: `ok`; `never read`; `failing`: it, or one of its queries, cannot be read; `held`: far \
                        fewer rows than before, so nothing of it is removed.\n\n\
                        Examples:\n  fristvakt source list\n  fristvakt source list --format json"
)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    listing: Listing,
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
    pub(super) fn run(self) -> Result<(), Failed> {
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
