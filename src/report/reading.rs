//! Reading a report: once over the register and the obligations of one moment. Figures are counted as rows pass by, and
//! lines go to the spool; nothing else is kept.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::engine::{Explained, proofs};
use crate::explanation::{Subject, proof_text};
use crate::rules::Rule;
use crate::store::{Day, DeviationRow, Sieve, Snapshot};
use crate::words::{by, long_date};

use super::ReportError;
use super::counting::Counting;
use super::line::Line;
use super::request::Listed;
use super::scope::Scope;
use super::spool::Spool;
use super::tally::State;
use super::units::Units;

/// How many days of obligations are asked for at once.
const DAYS: i64 = 28;

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) counting: Counting,
    pub(super) spool: Spool,
    /// Records of the register that cannot be read.
    pub(super) unreadable: u64,
    /// Deviations of protected cases that were open at any time in the period, and are left out.
    pub(super) left_out: u64,
}

/// Proofs by rule and start, each with the date that it comes to.
type Proofs = HashMap<(String, String), (Vec<String>, Option<NaiveDate>)>;

/// Reads everything that a report is about. `progress` hears how many deviations were read.
pub(super) async fn read(
    scope: &mut Scope<'_>,
    snapshot: &mut Snapshot,
    now: Instant,
    progress: &mut impl FnMut(u64),
) -> Result<Read, ReportError> {
    let mut read = Read {
        counting: Counting::default(),
        spool: Spool::new(scope.request.folder.as_deref()),
        unreadable: 0,
        left_out: 0,
    };
    for number in 0..scope.places.len() {
        obligations(scope, number, snapshot, now, &mut read).await?;
        deviations(scope, number, snapshot, now, &mut read, progress).await?;
        left_out(scope, number, snapshot, &mut read).await?;
    }
    read.spool.sort();
    Ok(read)
}

fn sieve<'a>(scope: &Scope<'a>, tenant: &'a str) -> Sieve<'a> {
    let protected = scope.request.protected && !scope.request.hide_small;
    Sieve { tenant, rule: scope.rule.map(|rule| &*rule.name), protected }
}

async fn obligations(
    scope: &mut Scope<'_>,
    number: usize,
    snapshot: &mut Snapshot,
    now: Instant,
    read: &mut Read,
) -> Result<(), ReportError> {
    let period = scope.request.period;
    let tenant = scope.places[number].id();
    let mut first = scope.compared.unwrap_or(period).from;
    while first <= period.to {
        let last = first.checked_add_signed(chrono::TimeDelta::days(DAYS - 1)).unwrap_or(period.to).min(period.to);
        for group in snapshot.due(sieve(scope, tenant), (Day(first), Day(last)), now).await? {
            if !scope.is_asked(&group.rule) {
                continue;
            }
            if let Some(unit) = scope.units.place(tenant, group.unit.as_deref()) {
                read.counting.obligations(unit, &group, period);
            }
        }
        let Some(next) = last.succ_opt() else { break };
        first = next;
    }
    Ok(())
}

async fn deviations(
    scope: &mut Scope<'_>,
    number: usize,
    snapshot: &mut Snapshot,
    now: Instant,
    read: &mut Read,
    progress: &mut impl FnMut(u64),
) -> Result<(), ReportError> {
    let (tenant, bounds) = (scope.places[number].id(), scope.places[number].bounds);
    let (mut after, mut seen) = (None, 0);
    loop {
        let within = (bounds.before, bounds.ends);
        let page = snapshot.register(sieve(scope, tenant), within, after.as_ref()).await?;
        read.unreadable += page.unreadable;
        seen += u64::try_from(page.rows.len()).unwrap_or(0);
        take(scope, number, snapshot, now, page.rows, read).await?;
        progress(seen);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut after = String::new();
    loop {
        let rows = snapshot.purged_register(sieve(scope, tenant), (bounds.before, bounds.ends), &after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after.clone_from(&last.id);
        seen += u64::try_from(rows.len()).unwrap_or(0);
        take(scope, number, snapshot, now, rows, read).await?;
        progress(seen);
    }
}

/// Counts deviations, and lists those that are asked for.
async fn take(
    scope: &mut Scope<'_>,
    number: usize,
    snapshot: &mut Snapshot,
    now: Instant,
    rows: Vec<DeviationRow>,
    read: &mut Read,
) -> Result<(), ReportError> {
    let bounds = scope.places[number].bounds;
    let mut listed: Vec<(DeviationRow, State, usize)> = vec![];
    for row in rows {
        let unit = Some(&row).filter(|row| scope.is_asked(&row.rule)).and_then(|row| unit(&mut scope.units, row));
        let Some(unit) = unit else { continue };
        read.counting.deviation(unit, &row, &bounds);
        if let Some(state) = bounds.state(&row).filter(|state| is_listed(scope, *state)) {
            listed.push((row, state, unit));
        }
    }
    list(scope, number, snapshot, now, listed, &mut read.spool).await
}

/// Counts what is left out because it is protected; not where small counts are hidden.
async fn left_out(
    scope: &mut Scope<'_>,
    number: usize,
    snapshot: &mut Snapshot,
    read: &mut Read,
) -> Result<(), ReportError> {
    if scope.request.protected || scope.request.hide_small {
        return Ok(());
    }
    let (tenant, bounds) = (scope.places[number].id(), scope.places[number].bounds);
    for (unit, rule, count) in snapshot.protected(sieve(scope, tenant), (bounds.begins, bounds.ends)).await? {
        if scope.is_asked(&rule) && scope.units.place(tenant, unit.as_deref()).is_some() {
            read.left_out += u64::try_from(count).unwrap_or(0);
        }
    }
    Ok(())
}

fn unit(units: &mut Units, row: &DeviationRow) -> Option<usize> {
    units.place(&row.tenant, row.unit.as_deref())
}

fn is_listed(scope: &Scope<'_>, state: State) -> bool {
    let asked = match scope.request.listed {
        Listed::All => true,
        Listed::Open => state == State::Open,
        Listed::Closed => state != State::Open,
        Listed::Nothing => false,
    };
    // Lines can be counted.
    asked && !scope.request.hide_small
}

/// Puts deviations of a page into the spool, with how their dates were counted.
async fn list(
    scope: &Scope<'_>,
    number: usize,
    snapshot: &mut Snapshot,
    now: Instant,
    listed: Vec<(DeviationRow, State, usize)>,
    spool: &mut Spool,
) -> Result<(), ReportError> {
    let place = &scope.places[number];
    let cases: BTreeSet<&str> = listed.iter().map(|(row, ..)| row.case.as_str()).collect();
    let cases: Vec<&str> = cases.into_iter().collect();
    let mut proven: HashMap<String, Proofs> = HashMap::new();
    if let Some(municipality) = &place.municipality {
        let documents = snapshot.documents(place.id(), &cases).await?;
        for (id, document) in documents {
            // A case that cannot be read is set aside elsewhere; its deviations are listed without proof.
            let Ok(case) = document.case(&municipality.organisation.tenant, scope.rules) else { continue };
            let subject = Subject { municipality, case: &case, now, language: scope.language };
            let rows = listed.iter().filter(|(row, ..)| row.case == id).map(|(row, ..)| row);
            proven.insert(id.clone(), proofs_of(&subject, &rows.collect::<Vec<_>>()));
        }
    }
    for (row, state, unit) in listed {
        let of_case = proven.get(&row.case);
        let proof = of_case.and_then(|proofs| proofs.get(&(row.rule.clone(), row.start.clone())));
        let proof = proof.map(|(steps, due_on)| steps.iter().cloned().chain(moved(scope, &row, *due_on)).collect());
        let name = Some(scope.units.name(unit)).filter(|name| !name.is_empty() && row.unit.is_some());
        let name = name.map(str::to_owned);
        spool.push(&Line::of(scope, place, row, (state, name), proof.unwrap_or_default()))?;
    }
    Ok(())
}

fn proofs_of(subject: &Subject<'_>, rows: &[&DeviationRow]) -> Proofs {
    let Subject { municipality, case, now, .. } = *subject;
    let wanted = |rule: &Rule, start: &str| rows.iter().any(|row| row.rule == *rule.name && row.start == start);
    let named = |explained: &Explained| {
        let obligation = &explained.obligation;
        let name = municipality.rules.rule(obligation.rule).name.to_string();
        let due_on = obligation.due.map(|due| due.on);
        ((name, obligation.start.to_string()), (proof_text(subject, explained), due_on))
    };
    proofs(municipality, case, now, wanted).iter().map(named).collect()
}

/// That the date is another one by now: what a withdrawn deviation says of its due date is what was known then.
fn moved(scope: &Scope<'_>, row: &DeviationRow, due_on: Option<NaiveDate>) -> Option<String> {
    if due_on == Some(row.due_on.0) {
        return None;
    }
    let then = long_date(scope.language, row.due_on.0);
    Some(by(
        scope.language,
        [
            format!("Avviket gjaldt fristen {then}; etter det som er kjent nå, er den en annen"),
            format!("Avviket galdt fristen {then}; etter det som er kjent no, er han ein annan"),
            format!("The deviation was about the due date {then}; by what is known now it is another one"),
        ],
    ))
}
