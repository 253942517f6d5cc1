//! Time passes over facts in memory: what a rule folder would have done (`rule-language` § 12).
//!
//! The same [`crate::engine::plan`] as the daemon's, at the same instants: each wakes at the `next_at` of the plan
//! before. Nothing is sent, nothing is stored, and no clock is read.

use chrono::{NaiveDate, TimeDelta};
use serde_json::{Value as Json, json};

use crate::calendar::{Instant, end_of_day, first_instant, in_zone};
use crate::case::CaseFile;
use crate::engine::{Municipality, Occasion, Plan, plan, plan_notices};
use crate::notice::{Handled, Notice, Problem};
use crate::obligation::{Deviation, Obligation};

/// The time to look at, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First instant.
    pub begins: Instant,
    /// Last instant: what is due that day is still running.
    pub ends: Instant,
}

impl Stretch {
    /// From the first instant of a day to the last instant of another, local.
    #[must_use]
    pub fn of_days(municipality: &Municipality<'_>, from: NaiveDate, to: NaiveDate) -> Self {
        let zone = municipality.zone();
        Self { begins: first_instant(zone, from), ends: end_of_day(zone, to) - TimeDelta::nanoseconds(1) }
    }

    /// From the tenant's first round until `now`: everything that would have been done by then.
    #[must_use]
    pub fn until(municipality: &Municipality<'_>, first_recorded: Option<Instant>, now: Instant) -> Self {
        Self { begins: first_round(municipality, first_recorded).unwrap_or(now), ends: now }
    }
}

/// What would have happened in one case.
#[derive(Debug)]
pub struct CaseRun {
    /// Every notice within the stretch, with when it would have gone out.
    pub notices: Vec<(Instant, Notice)>,
    /// What became of every ladder step within the stretch, with when.
    pub handled: Vec<(Instant, Handled)>,
    /// What a person should mend, as seen within the stretch.
    pub problems: Vec<Problem>,
    /// Every deviation that was open at any time within the stretch.
    pub deviations: Vec<Deviation>,
    /// Every obligation known at the end.
    pub obligations: Vec<Obligation>,
}

/// Runs one case from the tenant's first round to the end.
///
/// Rounds begin at `go_live`; without it at `first_recorded`, the first time at which anything of the tenant was
/// recorded; without either at the beginning of the stretch.
#[must_use]
pub fn run_case(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    first_recorded: Option<Instant>,
    stretch: Stretch,
) -> CaseRun {
    let Stretch { begins, ends } = stretch;
    let mut run =
        CaseRun { notices: vec![], handled: vec![], problems: vec![], deviations: vec![], obligations: vec![] };
    let mut ledger: Vec<Handled> = Vec::new();
    let mut next = Some(first_round(municipality, first_recorded).unwrap_or(begins));
    while let Some(now) = next.filter(|now| *now <= ends) {
        let step = plan_notices(municipality, case, &ledger, now, occasion(municipality, now));
        next = step.next_at;
        ledger.extend(step.handled.iter().cloned());
        if now >= begins {
            run.take(now, step);
        }
    }
    let last = plan(municipality, case, &ledger, ends, Occasion::Between);
    run.obligations = last.obligations;
    run.deviations = last.deviations.into_iter().filter(|deviation| was_open(deviation, begins)).collect();
    run.problems.sort();
    run.problems.dedup();
    run
}

/// The notices that go out in one case from `now` until a later moment if nothing more is recorded, each with when; `ledger`
/// is what was handled before.
#[must_use]
pub fn ahead(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    ledger: &[Handled],
    now: Instant,
    until: Instant,
) -> Vec<(Instant, Notice)> {
    let (mut ledger, mut notices) = (ledger.to_vec(), vec![]);
    let mut next = Some(now);
    while let Some(at) = next.filter(|at| *at <= until) {
        let step = plan_notices(municipality, case, &ledger, at, occasion(municipality, at));
        next = step.next_at.filter(|next| *next > at);
        ledger.extend(step.handled);
        notices.extend(step.notices.into_iter().map(|notice| (at, notice)));
    }
    notices
}

/// From when on rounds are held, where the facts say so.
fn first_round(municipality: &Municipality<'_>, first_recorded: Option<Instant>) -> Option<Instant> {
    let go_live = municipality.organisation.tenant.go_live;
    go_live.map(|date| first_instant(municipality.zone(), date)).or(first_recorded)
}

/// What may be sent at `now`: everything at the opening of a round, urgent steps at any other time.
fn occasion(municipality: &Municipality<'_>, now: Instant) -> Occasion {
    let today = municipality.date(now);
    let is_opening = municipality.holds_round(today) && municipality.opening(today) == now;
    if is_opening { Occasion::Round } else { Occasion::Between }
}

/// Whether a deviation was open at any time from `begins` on.
fn was_open(deviation: &Deviation, begins: Instant) -> bool {
    deviation.closed.is_none_or(|(closed, _)| closed > begins || deviation.opened_at >= begins)
}

impl CaseRun {
    fn take(&mut self, now: Instant, plan: Plan) {
        self.notices.extend(plan.notices.into_iter().map(|notice| (now, notice)));
        self.handled.extend(plan.handled.into_iter().map(|handled| (now, handled)));
        self.problems.extend(plan.problems);
    }
}

/// A line of the JSON output with what it is sorted by.
#[derive(Clone, Debug)]
pub struct Line {
    /// Times count in whole seconds, as they are printed.
    order: (bool, Option<i64>, [String; 4], i64, u32, String),
    json: Json,
}

impl Line {
    /// The line itself.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.json
    }
}

/// The lines of one case's run.
#[must_use]
pub fn lines(municipality: &Municipality<'_>, case: &CaseFile, run: &CaseRun, stretch: Stretch) -> Vec<Line> {
    let writer = Writer { municipality, case, today: municipality.date(stretch.ends) };
    let notices = run.notices.iter().map(|(at, notice)| writer.notice(*at, notice));
    let deviations = run.deviations.iter().map(|deviation| writer.deviation(deviation));
    let obligations = run.obligations.iter().map(|obligation| writer.obligation(obligation));
    notices.chain(deviations).chain(obligations).collect()
}

/// Puts lines in their order: notices and deviations by time, then obligations (§ 12).
pub fn sort(lines: &mut [Line]) {
    lines.sort_by(|a, b| a.order.cmp(&b.order));
}

struct Writer<'a> {
    municipality: &'a Municipality<'a>,
    case: &'a CaseFile,
    today: NaiveDate,
}

impl Writer<'_> {
    fn at(&self, instant: Instant) -> String {
        in_zone(self.municipality.zone(), instant)
    }

    fn key(&self, rule: &str, start: &str) -> [String; 4] {
        [&*self.case.tenant, &*self.case.id, rule, start].map(str::to_owned)
    }

    fn notice(&self, at: Instant, notice: &Notice) -> Line {
        let rule = &*self.municipality.rules.rule(notice.rule).name;
        let to = notice.recipient.to_string();
        let position = i64::try_from(notice.position).unwrap_or(i64::MAX);
        let json = json!({
            "type": "notice", "at": self.at(at), "as": notice.purpose.word(), "tenant": &*self.case.tenant,
            "case": &*self.case.id, "rule": rule, "start": &*notice.start, "step": &*notice.step,
            "repetition": notice.repetition, "due_on": notice.due_on, "to": to, "role": notice.role.to_string(),
            "channel": "email",
        });
        Line {
            order: (false, Some(at.timestamp()), self.key(rule, &notice.start), position, notice.repetition, to),
            json,
        }
    }

    fn deviation(&self, deviation: &Deviation) -> Line {
        let rule = &*self.municipality.rules.rule(deviation.rule).name;
        let json = json!({
            "type": "deviation", "opened_at": self.at(deviation.opened_at), "tenant": &*self.case.tenant,
            "case": &*self.case.id, "rule": rule, "start": &*deviation.start, "due_on": deviation.due_on,
            "closed_at": deviation.closed.map(|(at, _)| self.at(at)),
            "closed_as": deviation.closed.map(|(_, how)| how.word()), "days_late": deviation.days_late(self.today),
        });
        let key = self.key(rule, &deviation.start);
        Line { order: (false, Some(deviation.opened_at.timestamp()), key, -1, deviation.number, String::new()), json }
    }

    fn obligation(&self, obligation: &Obligation) -> Line {
        let rule = &*self.municipality.rules.rule(obligation.rule).name;
        let json = json!({
            "type": "obligation", "tenant": &*self.case.tenant, "case": &*self.case.id, "rule": rule,
            "start": &*obligation.start, "starts_on": obligation.starts_on,
            "due_on": obligation.due.map(|due| due.on), "due_at": obligation.due.map(|due| self.at(due.at)),
            "status": obligation.status.word(), "met_on": obligation.met_on,
            "void": obligation.status.void_reason().map(crate::obligation::VoidReason::word),
        });
        Line { order: (true, None, self.key(rule, &obligation.start), 0, 0, String::new()), json }
    }
}
