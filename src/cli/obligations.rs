//! `fristvakt obligations`

use chrono::NaiveDate;
use clap::builder::PossibleValuesParser;

use super::Failed;
use super::store::{Listing, Looked, Looker};
use super::table::{Table, or_empty};
use crate::clock::Clock;
use crate::store::{ObligationFilter, ObligationRow};

/// Arguments of `obligations`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Obligations {
    /// List obligations as they stand now, by due date.
    List(List),
}

/// Arguments of `obligations list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt obligations list --open\n  \
                        fristvakt obligations list --status overdue --unit skole-1\n  \
                        fristvakt obligations list --case 7F3K --format json")]
pub(super) struct List {
    /// Only of the case with this id or reference.
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// Only of this unit.
    #[arg(long, value_name = "ID")]
    unit: Option<String>,
    /// Only with this status.
    #[arg(long, value_parser = PossibleValuesParser::new(STATUSES))]
    status: Option<String>,
    /// Only those that are still to be met, paused ones among them.
    #[arg(long)]
    open: bool,
    /// Only those due on or before this day.
    #[arg(long, value_name = "DATE")]
    due_by: Option<NaiveDate>,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    listing: Listing,
}

const STATUSES: [&str; 8] = ["waiting", "running", "overdue", "paused", "met", "met_late", "missed", "void"];

impl Obligations {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::List(list) = self;
        let listing = &list.listing;
        let is_one = list.case.is_some();
        let filter = ObligationFilter {
            tenant: listing.tenant.clone(),
            case: list.case,
            unit: list.unit,
            status: list.status,
            open: list.open,
            due_by: list.due_by,
            limit: listing.limit,
        };
        let rows = listing.read(async |store| store.list_obligations(&filter, Clock::System.now()).await)?;
        if is_one {
            let looked = Looked::at_cases(rows.iter().map(|row| (&row.tenant, &row.case)));
            list.looker.note(&listing.config, "list", &looked)?;
        }
        listing.print(&rows, "obligations match", table)
    }
}

fn table(rows: &[ObligationRow]) -> Table {
    let header = ["TENANT", "DUE", "STATUS", "CASE", "REF", "RULE", "CODE", "START", "UNIT", "RESPONSIBLE", "MET"];
    let mut table = Table::new(&header);
    for row in rows {
        let status = row.void.as_ref().map_or_else(|| row.status.clone(), |why| format!("{}: {why}", row.status));
        table.row([
            row.tenant.clone(),
            or_empty(row.due_on),
            status,
            row.case.clone(),
            row.reference.clone(),
            row.rule.clone(),
            row.code.clone(),
            row.start.clone(),
            or_empty(row.unit.as_ref()),
            row.responsible.clone(),
            or_empty(row.met_on),
        ]);
    }
    table
}
