//! `fristvakt hold`

use std::io::Write;

use super::store::{Author, Listing, Zones, with_store};
use super::table::{Table, or_empty};
use super::{ConfigArgument, FAILED, Failed, USAGE};
use crate::clock::Clock;
use crate::register::{author, free_text};
use crate::store::{Access, CaseName, HoldRow, Store};

/// Arguments of `hold`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Hold {
    /// Keep a case from being purged, however long ago it was closed, until the hold is ended.
    Add(Add),
    /// List the holds that stand, with who asked for them and why.
    List(List),
    /// End a hold: the case goes with the next purge, if it is old enough.
    End(End),
}

/// Arguments of `hold add`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  fristvakt hold add 7F3K --by kari --reason \"complaint to the county governor, 2026/411\""
)]
pub(super) struct Add {
    /// The case's id or reference.
    #[arg(value_name = "CASE")]
    case: String,
    /// The municipality, where several have such a case.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

/// Arguments of `hold list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt hold list\n  fristvakt hold list --all --format json")]
pub(super) struct List {
    /// Also those that were ended.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
}

/// Arguments of `hold end`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fristvakt hold end 3 --by kari --reason \"the complaint is decided\"")]
pub(super) struct End {
    /// The hold's id, as `hold list` prints it.
    #[arg(value_name = "ID")]
    hold: i64,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Hold {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Add(add) => add.run(),
            Self::List(list) => list.run(),
            Self::End(end) => end.run(),
        }
    }
}

/// Who says so and why, fit for the audit trail.
fn said(by: &Author) -> Result<(String, String), Failed> {
    let unfit = |part: &str, problem: crate::register::Unfit| Failed::with(USAGE, format!("{part}: {problem}"));
    let name = author(&by.name()?).map_err(|problem| unfit("--by", problem))?;
    Ok((name, free_text(by.reason()?).map_err(|problem| unfit("--reason", problem))?))
}

/// The one case of an id or reference of which anything is kept.
pub(super) async fn case_named(store: &Store, tenant: Option<&str>, name: &str) -> Result<CaseName, Failed> {
    let mut found = store.cases_named(tenant, name).await?;
    if found.len() > 1 {
        let cases: Vec<String> = found.iter().map(|one| format!("{} of {}", one.case, one.tenant)).collect();
        let text = format!("`{name}` may be {}; give the id, and say which with --tenant ID", cases.join(" or "));
        return Err(Failed::with(USAGE, text));
    }
    found.pop().ok_or_else(|| {
        let text = format!("nothing is kept of a case `{name}`, by id or reference; it may have been purged");
        Failed::with(FAILED, text)
    })
}

impl Add {
    fn run(self) -> Result<(), Failed> {
        let (by, reason) = said(&self.author)?;
        let (number, case) = with_store(&self.config, Access::Write, async |store, _| {
            let case = case_named(store, self.tenant.as_deref(), &self.case).await?;
            Ok((store.add_hold(&case, (&by, &reason), Clock::System.now()).await?, case))
        })?;
        let CaseName { tenant, case } = case;
        writeln!(std::io::stdout().lock(), "hold {number}: case {case} of {tenant} is not purged (by {by}: {reason})")?;
        Ok(())
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let tenant = self.listing.tenant.as_deref();
        let read = async |store: &Store| Ok((store.list_holds(tenant, self.all).await?, Zones::read(store).await?));
        let (mut rows, zones) = self.listing.read(read)?;
        self.listing.cut(&mut rows);
        self.listing.print(&rows, if self.all { "holds" } else { "holds now" }, |rows| table(rows, &zones))
    }
}

fn table(rows: &[HoldRow], zones: &Zones) -> Table {
    let mut table = Table::new(&["ID", "TENANT", "CASE", "SINCE", "BY", "WHY", "ENDED"]);
    for row in rows {
        let ended = row.ended_at.map(|at| zones.ended(&row.tenant, at, row.ended_by.as_ref(), row.end_reason.as_ref()));
        table.row([
            row.number.to_string(),
            row.tenant.clone(),
            row.case.clone(),
            zones.local(&row.tenant, row.made_at),
            row.by.clone(),
            row.reason.clone(),
            or_empty(ended),
        ]);
    }
    table
}

impl End {
    fn run(self) -> Result<(), Failed> {
        let (by, reason) = said(&self.author)?;
        let ended = with_store(&self.config, Access::Write, async |store, _| {
            Ok(store.end_hold(self.hold, (&by, &reason), Clock::System.now()).await?)
        })?;
        if !ended {
            let text =
                format!("there is no hold {} that stands; `fristvakt hold list` shows those there are", self.hold);
            return Err(Failed::with(FAILED, text));
        }
        writeln!(std::io::stdout().lock(), "hold {} is ended (by {by}: {reason})", self.hold)?;
        Ok(())
    }
}
