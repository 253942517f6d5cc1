//! `fristvakt backlog`

use chrono::{DateTime, FixedOffset};

use super::store::{Listing, with_store};
use super::table::{Table, or_empty};
use super::{Failed, RulesArgument};
use crate::clock::Clock;
use crate::store::{Access, ObligationRow};

/// Arguments of `backlog`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The coordinator gets the same list once by mail, with the first round, but for address-protected cases: of \
                        these nothing leaves.\n\n\
                        Examples:\n  fristvakt backlog\n  fristvakt backlog --tenant sokndal --format json"
)]
pub(super) struct Backlog {
    /// As it stands at this instant; now unless said.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    listing: Listing,
}

impl Backlog {
    pub(super) fn run(self) -> Result<(), Failed> {
        let now = self.now.map_or_else(|| Clock::System.now(), |now| now.to_utc());
        let mut rows: Vec<ObligationRow> = with_store(&self.listing.config, Access::Read, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (organisations, _) = store.read_organisations(&rules, now).await?;
            let mut rows = vec![];
            for of in &organisations {
                let id = &*of.organisation.tenant.id;
                if self.listing.tenant.as_deref().is_none_or(|tenant| tenant == id) {
                    rows.extend(store.backlog(of, &rules, true, now).await?);
                }
            }
            Ok(rows)
        })?;
        rows.truncate(self.listing.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        self.listing.print(&rows, "backlog: nothing that was due before `go_live` is open", table)
    }
}

fn table(rows: &[ObligationRow]) -> Table {
    let mut table = Table::new(&["TENANT", "CASE", "REF", "UNIT", "RULE", "CODE", "RESPONSIBLE", "DUE"]);
    for row in rows {
        table.row([
            row.tenant.clone(),
            row.case.clone(),
            row.reference.clone(),
            or_empty(row.unit.as_ref()),
            row.rule.clone(),
            row.code.clone(),
            row.responsible.clone(),
            or_empty(row.due_on),
        ]);
    }
    table
}
