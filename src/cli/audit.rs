//! `fristvakt audit`

use std::io::Write;

use chrono::NaiveDate;
use serde_json::json;

use super::store::{Listing, Zones, with_store};
use super::table::{Look, Table, or_empty};
use super::{ConfigArgument, FAILED, Failed, Format};
use crate::calendar::{end_of_day, first_instant};
use crate::store::{Access, AuditFilter, AuditRow, ChainEnd, Store, Verified, Wrong};

/// Arguments of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// List who changed what, when and why, the oldest first.
    List(List),
    /// Work out the hashes of all entries anew, and say whether any was changed, removed or slipped in.
    Verify(Verify),
}

/// Arguments of `audit list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt audit list --tenant sokndal --from 2026-01-01\n  \
                        fristvakt audit list --format json > trail.ndjson")]
pub(super) struct List {
    /// Only from this day on.
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Only up to this day.
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    #[command(flatten)]
    listing: Listing,
}

/// Arguments of `audit verify`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each entry holds a hash of itself and of all before it, so nobody changes one without all that follow. \
                        Whoever can rewrite all of them can do that too: have somebody who cannot write to the database keep \
                        the line of each municipality (in the archive, in a mail, on paper), and show it here later.\n\n\
                        Examples:\n  fristvakt audit verify\n  fristvakt audit verify --kept sokndal:17:3f2a… --kept :2:9b0c…"
)]
pub(super) struct Verify {
    /// Only of this municipality; `''`: what concerns all.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// What an earlier `verify` printed: municipality, number and hash. May be given several times.
    #[arg(long, value_name = "ID:NUMBER:HASH", value_parser = kept)]
    kept: Vec<ChainEnd>,
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

fn kept(text: &str) -> Result<ChainEnd, String> {
    let form = "give it as `audit verify` printed it: MUNICIPALITY:NUMBER:HASH";
    let (rest, hash) = text.trim().rsplit_once(':').ok_or(form)?;
    let (tenant, number) = rest.rsplit_once(':').ok_or(form)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = number.parse().ok().filter(|number| *number > 0 && is_hash).ok_or(form)?;
    Ok(ChainEnd { tenant: tenant.to_owned(), number, hash: hash.to_ascii_lowercase() })
}

impl Audit {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(),
            Self::Verify(verify) => verify.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<(), Failed> {
        let mut pages = self.listing.pages("entries match");
        self.listing.read(async |store: &Store| {
            let zones = Zones::read(store).await?;
            // Days are those of the municipality that is asked about.
            let zone = zones.of(self.listing.tenant.as_deref().unwrap_or_default());
            let filter = AuditFilter {
                tenant: self.listing.tenant.clone(),
                from: self.from.map(|day| first_instant(zone, day)),
                until: self.to.map(|day| end_of_day(zone, day)),
                limit: self.listing.limit,
            };
            if filter.limit.is_some() {
                return Ok(pages.print(&store.list_audit(&filter).await?, |rows| table(rows, &zones)));
            }
            let mut last: Option<AuditRow> = None;
            loop {
                let mut rows = store.audit_after(&filter, last.as_ref()).await?;
                let printed = if rows.is_empty() { Ok(()) } else { pages.print(&rows, |rows| table(rows, &zones)) };
                last = rows.pop();
                if last.is_none() || printed.is_err() {
                    return Ok(printed);
                }
            }
        })??;
        pages.end()
    }
}

fn table(rows: &[AuditRow], zones: &Zones) -> Table {
    let mut table = Table::new(&["TENANT", "NO", "WHEN", "WHO", "VIA", "DID", "TO", "WHY", "DETAILS"]);
    for row in rows {
        table.row([
            of_whom(&row.tenant),
            row.number.to_string(),
            zones.local(&row.tenant, row.at),
            row.actor.clone(),
            or_empty(Some(&row.via).filter(|via| !via.is_empty())),
            row.action.clone(),
            row.subject.clone(),
            row.reason.clone(),
            or_empty(Some(&row.details).filter(|details| !details.is_empty())),
        ]);
    }
    table
}

fn of_whom(tenant: &str) -> String {
    if tenant.is_empty() { "(all)".to_owned() } else { tenant.to_owned() }
}

impl Verify {
    fn run(self) -> Result<(), Failed> {
        let verified = with_store(&self.config, Access::Read, async |store, _| {
            Ok(store.verify_audit(self.tenant.as_deref(), &self.kept).await?)
        })?;
        let Verified { ends, wrong, redacted } = &verified;
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => {
                for end in ends {
                    writeln!(
                        out,
                        "{}",
                        json!({ "fits": true, "tenant": end.tenant, "number": end.number, "hash": end.hash })
                    )?;
                }
                for one in wrong {
                    let Wrong { tenant, number, id, what } = one;
                    let object = json!({ "fits": false, "tenant": tenant, "number": number, "id": id, "what": what });
                    writeln!(out, "{object}")?;
                }
            }
            Format::Table => {
                let mut table = Table::new(&["TENANT", "ENTRIES", "KEEP THIS ELSEWHERE"]);
                for ChainEnd { tenant, number, hash } in ends {
                    let keep = (*number > 0).then(|| format!("{tenant}:{number}:{hash}"));
                    table.row([of_whom(tenant), number.to_string(), or_empty(keep)]);
                }
                table.write(&mut out, Look::of_stdout())?;
            }
        }
        if *redacted > 0 {
            writeln!(std::io::stderr().lock(), "{redacted} entries have no words any more: their cases were purged")?;
        }
        match &wrong[..] {
            [] => Ok(()),
            wrong => {
                let text: Vec<String> = wrong.iter().map(|wrong| said("audit trail", wrong)).collect();
                Err(Failed::with(FAILED, text.join("\nerror: ")))
            }
        }
    }
}

/// Which entry of a trail does not fit, and why.
pub(super) fn said(trail: &str, Wrong { tenant, number, id, what }: &Wrong) -> String {
    let id = id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    format!("the {trail} of {} does not fit from entry {number}{id} on: {what}", of_whom(tenant))
}
