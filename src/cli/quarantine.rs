//! `fristvakt quarantine`

use serde::Serialize;

use super::Failed;
use super::store::{Listing, Zones};
use super::table::{Table, or_empty};
use crate::store::{At, Quarantined, SetAside, Store};

/// Arguments of `quarantine`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Quarantine {
    /// List records that cannot be used, with why. They stop nothing else.
    List(List),
}

/// Arguments of `quarantine list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A record leaves the quarantine by itself when it is corrected and imported or read again.\n\n\
                        Examples:\n  fristvakt quarantine list\n  fristvakt quarantine list --tenant sokndal --format json")]
pub(super) struct List {
    #[command(flatten)]
    listing: Listing,
}

/// A record that cannot be used, from the store or from a source.
#[derive(Debug, Serialize)]
struct Row {
    tenant: String,
    record: String,
    reason: String,
    since: At,
    /// The source that gave it; absent where it is in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl From<Quarantined> for Row {
    fn from(one: Quarantined) -> Self {
        Self { tenant: one.tenant, record: one.record, reason: one.reason, since: one.since, source: None }
    }
}

impl From<SetAside> for Row {
    fn from(one: SetAside) -> Self {
        let record = format!("{} {}", one.r#type, one.shown_id());
        Self { tenant: one.tenant, record, reason: one.reason, since: one.since, source: Some(one.source) }
    }
}

impl Quarantine {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::List(List { listing }) = self;
        let (mut rows, zones) = listing.read(async |store: &Store| {
            let stored = store.quarantined().await?.into_iter().map(Row::from);
            let aside = store.source_rows(None).await?.into_iter().map(Row::from);
            Ok((stored.chain(aside).collect::<Vec<_>>(), Zones::read(store).await?))
        })?;
        rows.retain(|row| listing.tenant.as_ref().is_none_or(|tenant| *tenant == row.tenant));
        rows.truncate(listing.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        listing.print(&rows, "records in quarantine", |rows| table(rows, &zones))
    }
}

fn table(rows: &[Row], zones: &Zones) -> Table {
    let mut table = Table::new(&["TENANT", "RECORD", "SOURCE", "SINCE", "WHY"]);
    for row in rows {
        table.row([
            row.tenant.clone(),
            row.record.clone(),
            or_empty(row.source.as_ref()),
            zones.local(&row.tenant, row.since),
            row.reason.clone(),
        ]);
    }
    table
}
