//! Deviations: opened, kept up to date and closed by what the facts say, never deleted. What a person decided stays beside
//! that, see [`crate::register`].

use std::collections::{HashMap, HashSet};

use super::super::register::{Change, Stored, StoredRow, add, stored};
use super::super::sql::Builder;
use super::super::{At, Day, ROWS, StoreError, Write};
use super::{Application, Batch};
use crate::calendar::civil_date;
use crate::obligation::{Closing, Deviation, LateUntil};
use crate::register::{DeviationName, Happening, Standing};

/// A deviation as a plan derives it, with how it stands once that is written.
struct Derived<'a> {
    application: &'a Application<'a>,
    deviation: &'a Deviation,
    rule: &'a str,
    /// How it stood; `None`: it is new.
    before: Option<Standing>,
    after: Standing,
    /// Why the facts say that there was no lapse.
    reason: Option<&'static str>,
}

/// Writes the deviations of these plans, withdraws those that the plans derive no longer, and notes what happened by that.
/// Whether anything did that others want to hear of.
pub(super) async fn write(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<bool, StoreError> {
    let mut is_news = false;
    for chunk in applications.chunks(ROWS) {
        let cases = chunk.iter().map(|application| application.case.id.to_string());
        let stored = stored(write, &batch.tenant.id, cases).await?;
        let derived: Vec<Derived<'_>> = chunk.iter().flat_map(|one| derived(batch, one, &stored)).collect();
        let mut changes = withdraw_gone(write, batch, &derived, &stored).await?;
        for rows in derived.chunks(ROWS) {
            upsert(write, batch, rows).await?;
        }
        changes.extend(derived.iter().flat_map(|one| one.changes(batch)));
        is_news |= changes.iter().any(|change| change.is_news);
        add(write, &batch.tenant.id, changes, batch.now).await?;
    }
    Ok(is_news)
}

fn derived<'a>(batch: &Batch<'a>, application: &'a Application<'a>, stored: &Stored) -> Vec<Derived<'a>> {
    let statuses: HashMap<_, _> =
        application.plan.obligations.iter().map(|one| ((one.rule, &*one.start), one.status)).collect();
    let one = |deviation: &'a Deviation| {
        let rule = &*batch.rules.rule(deviation.rule).name;
        let key =
            (application.case.id.to_string(), rule.to_owned(), deviation.start.to_string(), deviation.number.into());
        let before = stored.get(&key).map(StoredRow::standing);
        let after = Standing { facts: deviation.closed, decision: before.and_then(|before| before.decision) };
        // An earlier lapse was withdrawn for what was known then, not for how the obligation stands now.
        let is_last = !application.plan.deviations.iter().any(|other| {
            (other.rule, &other.start) == (deviation.rule, &deviation.start) && other.number > deviation.number
        });
        let reason = match (deviation.closed, statuses.get(&(deviation.rule, &*deviation.start))) {
            (Some((_, Closing::Withdrawn)), None) => Some("gone"),
            (Some((_, Closing::Withdrawn)), Some(status)) if is_last => {
                Some(status.void_reason().map_or(status.word(), |reason| reason.word()))
            }
            _ => None,
        };
        Derived { application, deviation, rule, before, after, reason }
    };
    application.plan.deviations.iter().map(one).collect()
}

async fn upsert(write: &mut Write, batch: &Batch<'_>, rows: &[Derived<'_>]) -> Result<(), StoreError> {
    let mut upsert = Builder::new(
        "INSERT INTO deviations (id, tenant, case_id, rule, start, number, ref, code, cite, unit, responsible, protected, \
         opened_at, due_on, late_until, facts_closed_at, facts_closed_as, facts_reason, closed_at, closed_as) ",
    );
    upsert.push_values(rows, |row, one| {
        let (application, deviation, rule) = (one.application, one.deviation, batch.rules.rule(one.deviation.rule));
        row.push_bind(one.name(batch).id()).push_bind(&*batch.tenant.id).push_bind(&*application.case.id);
        row.push_bind(one.rule).push_bind(&*deviation.start).push_bind(i64::from(deviation.number));
        row.push_bind(application.reference(batch.now).to_string()).push_bind(&*rule.code);
        row.push_bind(rule.cite.as_deref()).push_bind(application.unit(batch.now));
        row.push_bind(rule.responsible.first().map(ToString::to_string).unwrap_or_default());
        row.push_bind(i64::from(application.is_protected(batch.now)));
        row.push_bind(At::from(deviation.opened_at)).push_bind(Day(deviation.due_on)).push_bind(late_until(deviation));
        let closings = [deviation.closed, one.after.closed()];
        row.push_bind(closings[0].map(|(at, _)| At::from(at))).push_bind(closings[0].map(|(_, how)| how.word()));
        row.push_bind(one.reason);
        row.push_bind(closings[1].map(|(at, _)| At::from(at))).push_bind(closings[1].map(|(_, how)| how.word()));
    });
    upsert.push(
        " ON CONFLICT (tenant, case_id, rule, start, number) DO UPDATE SET \
         id = excluded.id, ref = excluded.ref, code = excluded.code, cite = excluded.cite, \
         unit = CASE WHEN deviations.closed_as IS NULL OR excluded.closed_as IS NULL THEN excluded.unit ELSE deviations.unit END, \
         responsible = excluded.responsible, protected = excluded.protected, opened_at = excluded.opened_at, \
         due_on = excluded.due_on, late_until = excluded.late_until, facts_closed_at = excluded.facts_closed_at, \
         facts_closed_as = excluded.facts_closed_as, facts_reason = excluded.facts_reason, \
         closed_at = excluded.closed_at, closed_as = excluded.closed_as",
    );
    upsert.build().execute(write).await?;
    Ok(())
}

fn late_until(deviation: &Deviation) -> Option<Day> {
    match deviation.late_until {
        LateUntil::Day(day) => Some(Day(day)),
        LateUntil::Today | LateUntil::NotLate => None,
    }
}

/// A deviation whose obligation is gone is withdrawn as of now (§ 10).
async fn withdraw_gone(
    write: &mut Write,
    batch: &Batch<'_>,
    derived: &[Derived<'_>],
    stored: &Stored,
) -> Result<Vec<Change>, StoreError> {
    let derived: HashSet<(&str, &str, &str, i64)> = derived
        .iter()
        .map(|one| (&*one.application.case.id, one.rule, &*one.deviation.start, one.deviation.number.into()))
        .collect();
    let is_gone = |row: &&StoredRow| !derived.contains(&(&*row.case_id, &*row.rule, &*row.start, row.number));
    let mut gone: Vec<&StoredRow> = stored.values().filter(is_gone).collect();
    gone.sort_by(|a, b| (&a.case_id, &a.rule, &a.start, a.number).cmp(&(&b.case_id, &b.rule, &b.start, b.number)));
    let mut changes = Vec::new();
    for row in gone {
        changes.extend(row.withdraw_gone(write, batch.now).await?);
    }
    Ok(changes)
}

impl Derived<'_> {
    fn name<'n>(&'n self, batch: &'n Batch<'_>) -> DeviationName<'n> {
        DeviationName {
            tenant: &batch.tenant.id,
            case: &self.application.case.id,
            rule: self.rule,
            start: &self.deviation.start,
            number: self.deviation.number.into(),
        }
    }

    /// What happened to it: of a new one that it was opened, and then how it closed.
    fn changes(&self, batch: &Batch<'_>) -> Vec<Change> {
        let open = Standing { facts: None, decision: self.after.decision };
        let mut changes = vec![];
        if self.before.is_none() {
            changes.push(self.change(batch, Happening::Opened, None, open));
        }
        let before = self.before.unwrap_or(open);
        let happening = before.changed_by_facts(self.after);
        changes.extend(happening.map(|happening| self.change(batch, happening, Some(before), self.after)));
        changes
    }

    fn change(&self, batch: &Batch<'_>, happening: Happening, before: Option<Standing>, after: Standing) -> Change {
        let how = |standing: Standing| standing.closed().map(|(_, how)| how);
        let at = match happening {
            Happening::Opened => self.deviation.opened_at,
            Happening::Closed(_) => self.deviation.closed.map_or(batch.now, |(at, _)| at),
            Happening::Reopened => batch.now,
        };
        let day = civil_date(batch.tenant.zone, at);
        Change {
            case: self.application.case.id.to_string(),
            rule: self.rule.to_owned(),
            start: self.deviation.start.to_string(),
            lapse: self.deviation.number.into(),
            happening,
            at,
            closed_as: how(after),
            unit: self.application.unit(batch.now),
            due_on: self.deviation.due_on,
            days_late: match how(after) {
                Some(Closing::Withdrawn) => 0,
                _ if happening == Happening::Opened => (day - self.deviation.due_on).num_days(),
                _ => self.deviation.days_late(day),
            },
            cause_code: None,
            author: None,
            is_news: before.is_none_or(|before| how(before) != how(after)),
        }
    }
}
