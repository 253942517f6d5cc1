//! `fristvakt lists`

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset};

use super::store::{Listing, with_store};
use super::table::{Table, or_empty};
use super::{Failed, RulesArgument, USAGE};
use crate::clock::Clock;
use crate::oversight::{Entry, List};
use crate::store::Access;

/// How many lines are printed at once.
const PAGE: usize = 500;

/// Arguments of `lists`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Lists: without_holder, without_date, consent_over, handover_pending, paused_long, unresolved,\n\
                        address_refused, silence_ends, rule_unmatched, revision_due\n\n\
                        Examples:\n  fristvakt lists\n  \
                        fristvakt lists without_holder handover_pending --tenant sokndal\n  \
                        fristvakt lists --format json"
)]
pub(super) struct Lists {
    /// Only these lists.
    #[arg(value_name = "LIST")]
    lists: Vec<String>,
    /// As they stood at this instant, as far as facts are dated; now unless said.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    listing: Listing,
}

impl Lists {
    pub(super) fn run(self) -> Result<(), Failed> {
        let unknown = |word: &String| {
            let known: Vec<&str> = List::ALL.iter().map(|list| list.word()).collect();
            Failed::with(USAGE, format!("there is no list `{word}`; there are {}", known.join(", ")))
        };
        let wanted: Vec<List> =
            self.lists.iter().map(|word| List::parse(word).ok_or_else(|| unknown(word))).collect::<Result<_, _>>()?;
        let now = self.now.map_or_else(|| Clock::System.now(), |now| now.to_utc());
        let mut pages = self.listing.pages("line in any list");
        // Programs get lines as they are found, for there may be many; people get them sorted.
        let streams = self.listing.is_json() && self.listing.limit.is_none();
        let most = self.listing.limit.map_or(usize::MAX, |limit| limit as usize);
        let (mut sorted, mut page, mut printed) = (BTreeSet::new(), Vec::new(), Ok(()));
        with_store(&self.listing.config, Access::Read, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (organisations, _) = store.read_organisations(&rules, now).await?;
            for of in &organisations {
                let id = &*of.organisation.tenant.id;
                if self.listing.tenant.as_deref().is_some_and(|tenant| tenant != id) {
                    continue;
                }
                let keep = |entry: Entry| {
                    if !(wanted.is_empty() || wanted.contains(&entry.list)) {
                    } else if streams {
                        page.push(entry);
                        if page.len() == PAGE && printed.is_ok() {
                            printed = pages.print(&page, table);
                            page.clear();
                        }
                    } else {
                        sorted.insert(entry);
                        if sorted.len() > most {
                            sorted.pop_last();
                        }
                    }
                };
                store.oversee(of, &rules, &config.reports.thresholds, now, keep).await?;
            }
            Ok(())
        })?;
        printed?;
        page.extend(sorted);
        if !page.is_empty() {
            pages.print(&page, table)?;
        }
        pages.end()
    }
}

fn table(rows: &[Entry]) -> Table {
    let mut table = Table::new(&["TENANT", "LIST", "CASE", "REF", "UNIT", "ABOUT", "CODE", "WHY", "SINCE", "UNTIL"]);
    for entry in rows {
        table.row([
            entry.tenant.clone(),
            entry.list.word().to_owned(),
            or_empty(entry.case.as_ref()),
            or_empty(entry.reference.as_ref()),
            or_empty(entry.unit.as_ref()),
            or_empty(entry.about.as_ref()),
            or_empty(entry.code.as_ref()),
            or_empty(entry.why.as_ref()),
            or_empty(entry.since),
            or_empty(entry.until),
        ]);
    }
    table
}
