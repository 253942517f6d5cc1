//! `fristvakt deviations list`

use chrono::NaiveDate;

use super::super::Failed;
use super::super::store::{Listing, Looked, Looker, Zones};
use super::super::table::{Table, or_empty};
use crate::calendar::{civil_date, end_of_day, first_instant};
use crate::clock::Clock;
use crate::store::{DeviationFilter, DeviationRow, ListedDeviation, Store};

/// Arguments of `deviations list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt deviations list --open\n  \
                        fristvakt deviations list --from 2026-01-01 --to 2026-06-30 --unit skole-1\n  \
                        fristvakt deviations list --case 7F3K --format json")]
pub(in super::super) struct List {
    /// Only of the case with this id or reference.
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// Only of this unit.
    #[arg(long, value_name = "ID")]
    unit: Option<String>,
    /// Only those that are not closed.
    #[arg(long)]
    open: bool,
    /// Only those open at any time from this day on.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Only those opened on or before this day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    listing: Listing,
}

impl List {
    pub(super) fn run(self) -> Result<(), Failed> {
        let list = self;
        let (rows, zones) = list.listing.read(async |store: &Store| {
            let zones = Zones::read(store).await?;
            // Days are those of the municipality that is asked about.
            let zone = zones.of(list.listing.tenant.as_deref().unwrap_or_default());
            let filter = DeviationFilter {
                id: None,
                tenant: list.listing.tenant.clone(),
                case: list.case.clone(),
                unit: list.unit.clone(),
                from: list.from.map(|day| first_instant(zone, day)),
                until: list.to.map(|day| end_of_day(zone, day)),
                open: list.open,
                limit: list.listing.limit,
            };
            Ok((store.list_deviations(&filter).await?, zones))
        })?;
        let now = Clock::System.now();
        let listed = |row: DeviationRow| {
            let today = civil_date(zones.of(&row.tenant), now);
            ListedDeviation::on(row, today)
        };
        let rows: Vec<ListedDeviation> = rows.into_iter().map(listed).collect();
        if list.case.is_some() {
            let looked = Looked::at_cases(rows.iter().map(|one| (&one.row.tenant, &one.row.case)));
            list.looker.note(&list.listing.config, "list", &looked)?;
        }
        list.listing.print(&rows, "deviations match", |rows| table(rows, &zones))
    }
}

pub(super) fn table(rows: &[ListedDeviation], zones: &Zones) -> Table {
    let header =
        ["ID", "TENANT", "OPENED", "CASE", "REF", "RULE", "UNIT", "RESPONSIBLE", "DUE", "LATE", "TOLD", "CLOSED", "AS"];
    let mut table = Table::new(&header);
    for ListedDeviation { row, days_late } in rows {
        table.row([
            row.id.clone(),
            row.tenant.clone(),
            zones.local(&row.tenant, row.opened_at),
            row.case.clone(),
            row.reference.clone(),
            row.rule.clone(),
            or_empty(row.unit.as_ref()),
            row.responsible.clone(),
            row.due_on.to_string(),
            format!("{days_late} d"),
            row.notices_sent.to_string(),
            or_empty(row.closed_at.map(|at| zones.local(&row.tenant, at))),
            row.closed_as.clone().unwrap_or_else(|| "open".to_owned()),
        ]);
    }
    table
}
