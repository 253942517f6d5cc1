//! What other rules would send in the days to come, before they come into use: the same cases, what was sent so far, and both
//! rules, day by day.

use std::collections::{BTreeMap, HashSet};

use chrono::{NaiveDate, TimeDelta};

use crate::calendar::{Instant, civil_date};
use crate::case::CaseFile;
use crate::engine::Municipality;
use crate::notice::{Handled, Recipient};
use crate::rules::RuleSet;
use crate::simulate::ahead;
use crate::store::{Store, StoreError, StoredOrganisation};

/// How far ahead is looked.
const AHEAD: TimeDelta = TimeDelta::days(7);

/// How many cases are read at once.
const BATCH: u32 = 200;

/// What changes in the next seven days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Notices that only the other rules send.
    pub added: usize,
    /// Notices that only the present rules send.
    pub dropped: usize,
    /// Messages with the present rules: a person's notices of a day are one.
    pub before: usize,
    /// Messages with the other rules.
    pub after: usize,
    /// How many cases were looked at.
    pub cases: usize,
    /// Whether there are more.
    pub is_part: bool,
}

/// Who would hear something, on which day: so many messages.
type Heard = HashSet<(String, Recipient, NaiveDate)>;

/// What names a notice, whatever its moment: rule, start, step, repetition, role.
type Name = (String, String, String, u32, String);

/// A case as one of the two rules reads it, with what was handled before.
type Read = (CaseFile, Vec<Handled>);

/// One municipality under one of the two rules.
struct Side<'a> {
    municipality: Municipality<'a>,
    rules: &'a RuleSet,
}

/// What `other` rules would send in the next seven days that those `in_use` do not, and the other way round. Cases that cannot
/// be read with either are left out of it, and of each municipality no more than its share of `most` are looked at. `came_on` is called again and again.
///
/// # Errors
/// What the database says.
pub async fn forecast(
    store: &Store,
    [in_use, other]: [&RuleSet; 2],
    most: usize,
    now: Instant,
    mut came_on: impl FnMut(),
) -> Result<Forecast, StoreError> {
    let (before, _) = store.read_organisations(in_use, now).await?;
    let (after, _) = store.read_organisations(other, now).await?;
    let ids: std::collections::BTreeSet<&str> =
        before.iter().chain(&after).map(|stored| &*stored.organisation.tenant.id).collect();
    let mut forecast = Forecast::default();
    let mut heard = [Heard::new(), Heard::new()];
    let most = (most / ids.len().max(1)).max(1);
    for id in ids {
        let mut looked_at = 0;
        let of = |all: &'_ [StoredOrganisation]| all.iter().position(|stored| *stored.organisation.tenant.id == *id);
        let stored = [of(&before).map(|place| &before[place]), of(&after).map(|place| &after[place])];
        let sides = [side(stored[0], in_use), side(stored[1], other)];
        let mut last = String::new();
        loop {
            let mut cases: BTreeMap<String, [Option<Read>; 2]> = BTreeMap::new();
            let mut next = None;
            for (place, (stored, side)) in stored.iter().zip(&sides).enumerate() {
                let (Some(stored), Some(side)) = (stored, side) else { continue };
                let page = store.cases_after(stored, side.rules, &last, BATCH).await?;
                next = next.max(page.last);
                for case in page.read {
                    let both = cases.entry(case.file.id.to_string()).or_default();
                    both[place] = Some((case.file, case.ledger));
                }
            }
            looked_at += cases.len();
            forecast.cases += cases.len();
            for both in cases.into_values() {
                let names: Vec<HashSet<Name>> = std::iter::zip(&sides, &both)
                    .zip(&mut heard)
                    .map(|((side, case), heard)| match (side, case) {
                        (Some(side), Some((case, ledger))) => side.notices(case, ledger, now, heard),
                        _ => HashSet::new(),
                    })
                    .collect();
                forecast.added += names[1].difference(&names[0]).count();
                forecast.dropped += names[0].difference(&names[1]).count();
            }
            came_on();
            tokio::task::yield_now().await;
            match next {
                None => break,
                Some(_) if looked_at >= most => {
                    forecast.is_part = true;
                    break;
                }
                Some(next) => last = next,
            }
        }
    }
    [forecast.before, forecast.after] = [heard[0].len(), heard[1].len()];
    Ok(forecast)
}

/// A municipality whose rules cannot be used sends nothing.
fn side<'a>(stored: Option<&'a StoredOrganisation>, rules: &'a RuleSet) -> Option<Side<'a>> {
    Some(Side { municipality: stored?.municipality(rules).ok()?, rules })
}

impl Side<'_> {
    fn notices(&self, case: &CaseFile, ledger: &[Handled], now: Instant, heard: &mut Heard) -> HashSet<Name> {
        let zone = self.municipality.zone();
        let mut names = HashSet::new();
        for (at, notice) in ahead(&self.municipality, case, ledger, now, now + AHEAD) {
            heard.insert((case.tenant.to_string(), notice.recipient.clone(), civil_date(zone, at)));
            let rule = self.rules.rule(notice.rule).name.to_string();
            let (start, step) = (notice.start.to_string(), notice.step.to_string());
            names.insert((rule, start, step, notice.repetition, notice.role.to_string()));
        }
        names
    }
}
