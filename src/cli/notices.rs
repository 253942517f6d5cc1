//! `fristvakt notices`

use clap::builder::PossibleValuesParser;

use super::Failed;
use super::store::{Listing, Looked, Looker, Zones};
use super::table::{Table, or_empty};
use crate::store::{NoticeFilter, NoticeRow};

/// Arguments of `notices`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Notices {
    /// List notices, and ladder steps that were overtaken or merged, the newest first.
    List(List),
}

/// Arguments of `notices list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt notices list --limit 20\n  fristvakt notices list --case 7F3K\n  \
                        fristvakt notices list --state pending --recipient p1")]
pub(super) struct List {
    /// Only of the case with this id or reference.
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// Only in this state; `done`: overtaken or merged.
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: Option<String>,
    /// Only to this recipient: a person's id, `unit:ID` or `fallback`.
    #[arg(long, value_name = "ID")]
    recipient: Option<String>,
    #[command(flatten)]
    looker: Looker,
    #[command(flatten)]
    listing: Listing,
}

const STATES: [&str; 6] = ["pending", "committing", "sent", "withdrawn", "shadow", "done"];

impl Notices {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::List(list) = self;
        let listing = &list.listing;
        let is_one = list.case.is_some();
        let filter = NoticeFilter {
            tenant: listing.tenant.clone(),
            case: list.case,
            state: list.state,
            recipient: list.recipient,
            message: None,
            limit: listing.limit,
        };
        let read =
            async |store: &_| Ok((crate::store::Store::list_notices(store, &filter).await?, Zones::read(store).await?));
        let (rows, zones) = listing.read(read)?;
        if is_one {
            let looked = Looked::at_cases(rows.iter().map(|row| (&row.tenant, &row.case)));
            list.looker.note(&listing.config, "list", &looked)?;
        }
        listing.print(&rows, "notices match", |rows| table(rows, &zones))
    }
}

/// Notices as `notices list` and `messages show` print them.
pub(super) fn table(rows: &[NoticeRow], zones: &Zones) -> Table {
    let header = ["TENANT", "AT", "TO", "ROLE", "AS", "STATE", "CASE", "REF", "RULE", "STEP", "DUE", "WHY"];
    let mut table = Table::new(&header);
    for row in rows {
        let state = if row.state == "done" { &row.outcome } else { &row.state };
        let step = if row.repetition == 0 { row.step.clone() } else { format!("{} #{}", row.step, row.repetition) };
        table.row([
            row.tenant.clone(),
            zones.local(&row.tenant, row.sent_at.unwrap_or(row.made_at)),
            or_empty(row.recipient.as_ref()),
            row.role.clone(),
            row.purpose.clone(),
            state.clone(),
            row.case.clone(),
            row.reference.clone(),
            row.rule.clone(),
            step,
            row.due_on.to_string(),
            or_empty(row.reason.as_ref()),
        ]);
    }
    table
}
