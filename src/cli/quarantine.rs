//! `fristvakt quarantine`

use super::Failed;
use super::store::{Listing, Zones};
use super::table::Table;
use crate::store::{Quarantined, Store};

/// Arguments of `quarantine`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Quarantine {
    /// List records that cannot be used, with why. They stop nothing else.
    List(List),
}

/// Arguments of `quarantine list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A record leaves the quarantine by itself when it is corrected and imported again.\n\n\
                        Examples:\n  fristvakt quarantine list\n  fristvakt quarantine list --tenant sokndal --format json")]
pub(super) struct List {
    #[command(flatten)]
    listing: Listing,
}

impl Quarantine {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::List(List { listing }) = self;
        let (mut rows, zones) =
            listing.read(async |store: &Store| Ok((store.quarantined().await?, Zones::read(store).await?)))?;
        rows.retain(|row| listing.tenant.as_ref().is_none_or(|tenant| *tenant == row.tenant));
        rows.truncate(listing.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        listing.print(&rows, "records in quarantine", |rows| table(rows, &zones))
    }
}

fn table(rows: &[Quarantined], zones: &Zones) -> Table {
    let mut table = Table::new(&["TENANT", "RECORD", "SINCE", "WHY"]);
    for row in rows {
        table.row([row.tenant.clone(), row.record.clone(), zones.local(&row.tenant, row.since), row.reason.clone()]);
    }
    table
}
