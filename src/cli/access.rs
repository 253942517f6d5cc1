//! `fristvakt access`

use chrono::NaiveDate;

use super::Failed;
use super::store::{Listing, Zones};
use super::table::{Table, or_empty};
use crate::calendar::{end_of_day, first_instant};
use crate::store::{AuditFilter, AuditRow, Store};

/// Arguments of `access`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AccessLog {
    /// List who looked at which case or person, by which way, and when; the oldest first.
    List(List),
}

/// Arguments of `access list`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "`explain`, `show`, lists of one case and exports on this machine, and reads of one case over HTTP are \
                        written down before anything is shown. That nobody changed the log is checked by `fristvakt doctor`.\n\n\
                        Examples:\n  fristvakt access list --case S-17\n  \
                        fristvakt access list --tenant sokndal --from 2026-01-01 --format json"
)]
pub(super) struct List {
    /// Only of this case, by its id.
    #[arg(long, value_name = "ID")]
    case: Option<String>,
    /// Only of this person, by id.
    #[arg(long, value_name = "ID", conflicts_with = "case")]
    person: Option<String>,
    /// Only from this day on.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Only up to this day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    #[command(flatten)]
    listing: Listing,
}

impl AccessLog {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::List(list) = self;
        list.run()
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let named = |kind: &str, id: &Option<String>| id.as_ref().map(|id| format!("{kind} {id}"));
        let subject = named("case", &self.case).or_else(|| named("person", &self.person));
        let (mut rows, zones) = self.listing.read(async |store: &Store| {
            let zones = Zones::read(store).await?;
            let zone = zones.of(self.listing.tenant.as_deref().unwrap_or_default());
            let filter = AuditFilter {
                tenant: self.listing.tenant.clone(),
                from: self.from.map(|day| first_instant(zone, day)),
                until: self.to.map(|day| end_of_day(zone, day)),
                limit: self.listing.limit.filter(|_| subject.is_none()),
            };
            Ok((store.list_access(&filter).await?, zones))
        })?;
        rows.retain(|row| subject.as_ref().is_none_or(|subject| *subject == row.subject));
        self.listing.print(&rows, "looks match", |rows| table(rows, &zones))
    }
}

fn table(rows: &[AuditRow], zones: &Zones) -> Table {
    let mut table = Table::new(&["TENANT", "NO", "WHEN", "WHO", "VIA", "DID", "AT"]);
    for row in rows {
        table.row([
            if row.tenant.is_empty() { "(all)".to_owned() } else { row.tenant.clone() },
            row.number.to_string(),
            zones.local(&row.tenant, row.at),
            row.actor.clone(),
            or_empty(Some(&row.via).filter(|via| !via.is_empty())),
            row.action.clone(),
            if row.redacted == 0 { row.subject.clone() } else { "(purged)".to_owned() },
        ]);
    }
    table
}
