//! What should have been told by now, worked out anew by slow and simple code, and held against the ledger.
//!
//! It shares nothing with the ladder of [`crate::engine`] but the dates of obligations: it walks over days one by one. So
//! a mistake in planning, in the agenda or in the store shows as a difference, and a person is told before a child is
//! forgotten. Left out is everything that may rightly be missing: what is not open, what somebody holds back, and what
//! was not known when the last round began.

use std::sync::Arc;

use chrono::{Days, NaiveDate};

use crate::calendar::{Calendar, Instant, Span, Unit};
use crate::case::CaseFile;
use crate::engine::{Municipality, Occasion, plan_notices};
use crate::notice::{Handled, Purpose, Role};
use crate::obligation::Obligation;
use crate::rules::{Rule, Step};

/// How far back it looks, in days.
pub const DAYS: u64 = 30;

/// A ladder step that should be in the ledger and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The rule's full name.
    pub rule: Arc<str>,
    /// The obligation's start.
    pub start: Arc<str>,
    /// The step's `at`, as written.
    pub step: Arc<str>,
    /// The repetition.
    pub repetition: u32,
    /// The due date.
    pub due_on: NaiveDate,
    /// The role that the step names.
    pub role: Role,
    /// The day on which it should have gone out.
    pub on: NaiveDate,
}

/// What is missing of a case after the round of `round`, asked at `now`.
#[must_use]
pub fn missing(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    ledger: &[Handled],
    round: NaiveDate,
    now: Instant,
) -> Vec<Missing> {
    let at = |instant| plan_notices(municipality, case, ledger, instant, Occasion::Between).obligations;
    let (then, today) = (at(municipality.opening(round)), at(now));
    let protected = case.records.at(now).is_none_or(|record| record.protected);
    let same =
        |one: &Obligation, other: &Obligation| (one.rule, &one.start, one.due) == (other.rule, &other.start, other.due);
    let open = today.iter().filter(|one| is_told_of(municipality, one) && !protected);
    let known = open.filter(|one| then.iter().any(|other| same(one, other) && is_told_of(municipality, other)));
    known.flat_map(|one| Look { municipality, case, ledger, round, now, obligation: one }.missing()).collect()
}

/// Whether steps go out for an obligation at all (`rule-language` § 9).
fn is_told_of(municipality: &Municipality<'_>, obligation: &Obligation) -> bool {
    let go_live = municipality.organisation.tenant.go_live;
    obligation.status.is_open()
        && !obligation.held_by_pause
        && obligation.due.is_some_and(|due| go_live.is_none_or(|go_live| go_live <= due.on))
}

/// One open obligation.
struct Look<'a> {
    municipality: &'a Municipality<'a>,
    case: &'a CaseFile,
    ledger: &'a [Handled],
    round: NaiveDate,
    now: Instant,
    obligation: &'a Obligation,
}

impl Look<'_> {
    fn rule(&self) -> &Rule {
        self.municipality.rules.rule(self.obligation.rule)
    }

    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        for step in &self.rule().ladder {
            for role in &step.to {
                let handled = |repetition: &(u32, NaiveDate)| self.is_handled(step, role, repetition.0);
                let expected = self.expected(step).into_iter().filter(|repetition| !handled(repetition));
                if !self.may_wait(step, role) {
                    missing.extend(expected.map(|repetition| self.name(step, role, repetition)));
                }
            }
        }
        missing
    }

    /// The repetitions that should have gone out within [`DAYS`], with their days.
    fn expected(&self, step: &Step) -> Vec<(u32, NaiveDate)> {
        // Hours are counted from instants: between two rounds there is nothing to say about them.
        if step.offset.unit == Unit::Hour {
            return vec![];
        }
        let times = if step.every.is_some() { step.times.unwrap_or(u32::MAX) } else { 1 };
        let earliest = self.round.checked_sub_days(Days::new(DAYS)).unwrap_or(NaiveDate::MIN);
        let days = (0..times).map_while(|repetition| Some((repetition, self.day(step, repetition)?)));
        let is_over = |day: NaiveDate| if step.urgent { day < self.round } else { day <= self.round };
        days.take_while(|(_, day)| is_over(*day)).filter(|(_, day)| earliest < *day).collect()
    }

    /// The day on which a repetition goes out: on or before the due date it moves back to a day of delivery, after it
    /// forward; what is urgent goes out on any day.
    fn day(&self, step: &Step, repetition: u32) -> Option<NaiveDate> {
        let calendar = self.calendar();
        let due_on = self.obligation.due?.on;
        let base = if step.from_start { self.obligation.starts_on } else { due_on };
        let mut day = walk(calendar, base, step.offset)?;
        if let Some(every) = step.every.filter(|_| repetition > 0) {
            day = walk(calendar, day, every.times(repetition)?)?;
        }
        let delivery = self.municipality.delivery_calendar();
        let forward = day > due_on;
        while !step.urgent && !delivery.is_working(day) {
            day = if forward { day.succ_opt()? } else { day.pred_opt()? };
        }
        Some(day)
    }

    fn calendar(&self) -> &Calendar {
        let record = self.case.records.at(self.now);
        let unit = record.and_then(|record| self.municipality.unit_of(record, self.now));
        self.municipality.legal_calendar(self.rule(), unit)
    }

    fn entries(&self) -> impl Iterator<Item = &Handled> {
        let due_on = self.obligation.due.map(|due| due.on);
        self.ledger.iter().filter(move |one| {
            one.rule == self.rule().name && one.start == self.obligation.start && Some(one.due_on) == due_on
        })
    }

    fn is_handled(&self, step: &Step, role: &Role, repetition: u32) -> bool {
        self.entries().any(|one| one.step == step.at && one.role == *role && one.repetition == repetition)
    }

    /// Whether a step may rightly wait: for the holder to be told first, or for the end of a silence.
    fn may_wait(&self, step: &Step, role: &Role) -> bool {
        let reached = self.municipality.reached(self.case, &self.rule().responsible, role, self.now);
        let silenced = reached.is_some_and(|(recipient, _)| {
            self.municipality.silence(self.case, self.rule(), &recipient, self.now).is_some()
        });
        silenced || (step.purpose == Purpose::Escalation && self.waits_for_grace())
    }

    fn waits_for_grace(&self) -> bool {
        let is_first = |purpose: Purpose, role: &Role| purpose == Purpose::Reminder && *role == Role::Responsible;
        if !self.rule().ladder.iter().any(|step| step.to.iter().any(|role| is_first(step.purpose, role))) {
            return false;
        }
        let told = self.entries().filter(|one| is_first(one.purpose, &one.role)).map(|one| one.on).min();
        let over = told.and_then(|told| walk(self.calendar(), told, self.rule().escalation_grace));
        over.is_none_or(|over| self.round < over)
    }

    fn name(&self, step: &Step, role: &Role, (repetition, on): (u32, NaiveDate)) -> Missing {
        Missing {
            rule: Arc::clone(&self.rule().name),
            start: self.obligation.start.clone(),
            step: step.at.clone(),
            repetition,
            due_on: self.obligation.due.map_or(on, |due| due.on),
            role: role.clone(),
            on,
        }
    }
}

/// A date plus a span, day by day (`rule-language` § 2).
fn walk(calendar: &Calendar, from: NaiveDate, span: Span) -> Option<NaiveDate> {
    if span.unit != Unit::WorkingDay {
        return span.civil_from(from);
    }
    let mut day = from;
    while span.count == 0 && !calendar.is_working(day) {
        day = day.succ_opt()?;
    }
    let mut left = span.count.unsigned_abs();
    while left > 0 {
        day = if span.count > 0 { day.succ_opt()? } else { day.pred_opt()? };
        left -= u32::from(calendar.is_working(day));
    }
    Some(day)
}
