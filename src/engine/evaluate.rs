//! Every obligation of a case as known at an instant, with its status (`rule-language` § 8).

use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::{Calendar, Instant, Span, Unit};
use crate::case::Event;
use crate::obligation::{Due, Obligation, RuleIndex, Status, VoidReason};
use crate::rules::{From, Rule, Within};
use crate::vocabulary::Value;

use super::deadline::{PausedDays, Reckoning, Trace};
use super::fulfilment::{End, Ending, end, meeting, speaks_of};
use super::start::{Start, may_start, starts};
use super::view::{State, View, satisfies};
use crate::calendar::end_of_day;

/// Every obligation known at an instant.
#[derive(Default)]
pub(crate) struct Evaluation<'a> {
    /// The rules that have obligations, in the order of the municipality's rules.
    pub(crate) rules: Vec<Judged<'a>>,
    /// Rule after rule, each rule's in event order.
    pub(crate) instances: Vec<Instance<'a>>,
    /// When the next recurrence opens its window.
    pub(crate) next_window: Option<Instant>,
}

/// An obligation with what it came from.
pub(crate) struct Instance<'a> {
    pub(crate) obligation: Obligation,
    pub(crate) start: Start<'a>,
    /// What ended it.
    pub(crate) end: Option<End>,
}

/// A rule that has obligations.
pub(crate) struct Judged<'a> {
    pub(crate) index: RuleIndex,
    pub(crate) rule: &'a Rule,
    /// The calendar that decides its dates.
    pub(crate) calendar: &'a Calendar,
    /// Where its obligations stand in the list.
    place: Range<usize>,
}

impl<'a> Evaluation<'a> {
    /// Evaluates all rules in force for the municipality.
    pub(crate) fn of(view: &View<'a>) -> Self {
        let mut evaluation = Self::default();
        let mut starts = Vec::new();
        for index in view.municipality.active_rules() {
            let rule = view.municipality.rules.rule(*index);
            if may_start(view, rule) {
                evaluation.judge(view, *index, rule, &mut starts);
            }
        }
        evaluation
    }

    /// The obligations of one of the rules.
    pub(crate) fn of_rule(&self, judged: &Judged<'_>) -> &[Instance<'a>] {
        &self.instances[judged.place.clone()]
    }

    /// The obligations whose lapses are recorded as deviations.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = &Obligation> {
        let rules = self.rules.iter().filter(|judged| judged.rule.deviation);
        rules.flat_map(|judged| self.of_rule(judged)).map(|instance| &instance.obligation)
    }

    /// Adds the obligations of a rule. `starts` is empty before and after; it is handed in to be made only once.
    fn judge(&mut self, view: &View<'a>, index: RuleIndex, rule: &'a Rule, starts: &mut Vec<Start<'a>>) {
        let others = match rule.from {
            From::DueOf(other) => self.rules.iter().find(|judged| judged.index == other),
            _ => None,
        };
        let others = others.map(|judged| self.of_rule(judged)).unwrap_or_default();
        let calendar = view.municipality.legal_calendar(rule, view.state.unit);
        let next = self::starts(view, rule, calendar, others, starts);
        self.next_window = [self.next_window, next].into_iter().flatten().min();
        let mut judge = Judge { view, index, rule, calendar, used: Vec::new() };
        let first = self.instances.len();
        self.instances.extend(starts.drain(..).filter_map(|start| judge.instance(start)));
        if self.instances.len() > first {
            self.rules.push(Judged { index, rule, calendar, place: first..self.instances.len() });
        }
    }
}

/// Judges the starts of one rule, one after the other.
pub(crate) struct Judge<'v, 'a> {
    pub(crate) view: &'v View<'a>,
    pub(crate) index: RuleIndex,
    pub(crate) rule: &'v Rule,
    pub(crate) calendar: &'v Calendar,
    /// Events that have met an instance of a rule that counts from agreed dates: each meets at most one.
    pub(crate) used: Vec<usize>,
}

impl<'a> Judge<'_, 'a> {
    /// The obligation of a start; `None` for a period that is none at all.
    fn instance(&mut self, start: Start<'a>) -> Option<Instance<'a>> {
        let (end, due) = self.end_and_due(&start);
        let obligation = self.obligation(&start, end, due)?;
        Some(Instance { obligation, start, end })
    }

    fn obligation(&mut self, start: &Start<'a>, end: Option<End>, due: Option<Due>) -> Option<Obligation> {
        let void = self.void(start, due);
        if void.is_some() && start.window.is_some() {
            return None;
        }
        let ended_by_meeting = end.filter(|end| end.how == Ending::Met);
        if let Some(index) = ended_by_meeting.and_then(|end| end.event).filter(|_| void.is_none() && self.is_dated()) {
            self.used.push(index);
        }
        let status = void.map_or_else(|| self.status(start, end, due), Status::Void);
        let met_on = ended_by_meeting.filter(|_| matches!(status, Status::Met | Status::MetLate)).map(|end| end.on);
        let stopped_on = end.filter(|_| status == Status::Missed).map(|end| end.on);
        let earliest = self.rule.earliest.and_then(|span| self.calendar.add(start.on, span));
        Some(Obligation {
            rule: self.index,
            start: Arc::clone(&start.name),
            starts_on: start.on,
            due,
            status,
            met_on,
            early: met_on.zip(earliest).is_some_and(|(met_on, earliest)| met_on < earliest),
            held_by_pause: status.is_open() && self.paused(None).is_open(),
            stopped_on,
        })
    }

    fn is_dated(&self) -> bool {
        matches!(self.rule.from, From::Date { .. })
    }

    /// The end of the obligation, and the due date as it stood then: later events change nothing about it.
    fn end_and_due(&self, start: &Start<'a>) -> (Option<End>, Option<Due>) {
        let silent = || Trace::silent();
        if start.window.is_none() {
            let met = meeting(self.view, self.rule, start, &self.used, None);
            let end = end(self.view, self.rule, start, met);
            return (end, self.due(start, end, &mut silent()));
        }
        // A recurrence's window runs through its due date, so the date comes first; pauses and extensions after the
        // meeting still count.
        let due = self.due(start, None, &mut silent());
        let met = meeting(self.view, self.rule, start, &self.used, due.map(|due| due.on));
        let end = end(self.view, self.rule, start, met);
        match end {
            Some(other) if other.how != Ending::Met => (end, self.due(start, end, &mut silent())),
            _ => (end, due),
        }
    }

    /// The due date that pauses and extensions up to `end` leave.
    pub(crate) fn due(&self, start: &Start<'a>, end: Option<End>, trace: &mut Trace) -> Option<Due> {
        let paused = self.paused(end);
        let reckoning = Reckoning {
            zone: self.view.municipality.zone(),
            calendar: self.calendar,
            start: start.on,
            start_instant: start.instant,
            span: self.span(start),
            number: start.number.filter(|_| matches!(self.rule.within, Within::Growing(_))),
            snap: self.rule.snap,
            roll: self.rule.roll,
            paused: &paused,
            extensions: self.extensions(start, end),
        };
        reckoning.due(trace)
    }

    fn span(&self, start: &Start<'_>) -> Span {
        match &self.rule.within {
            Within::Same(span) => *span,
            Within::Growing(spans) => {
                let number = usize::try_from(start.number.unwrap_or(1)).unwrap_or(usize::MAX);
                spans.get(number.saturating_sub(1)).or(spans.last()).copied().unwrap_or(Span::ZERO)
            }
        }
    }

    fn paused(&self, end: Option<End>) -> PausedDays {
        PausedDays::of(self.rule.pauses.as_ref(), self.view, |index| {
            end.is_none_or(|end| end.includes(index, self.view))
        })
    }

    fn extensions(&self, start: &Start<'a>, end: Option<End>) -> Vec<(&'a Arc<str>, NaiveDate)> {
        let words = self.view.municipality.rules.vocabulary.built_in();
        self.view
            .counted_kind(words.deadline_extended)
            .filter(|index| start.position.is_before(*index, self.view))
            .filter(|index| end.is_none_or(|end| end.includes(*index, self.view)))
            .filter_map(|index| {
                let known = self.view.events[index];
                let speaks = speaks_of(self.view, known.event, self.rule, start);
                let until = known.event.attributes.get(words.until).filter(|_| speaks)?;
                match until {
                    Value::Date(until) => Some((known.id, *until)),
                    _ => None,
                }
            })
            .collect()
    }

    fn void(&self, start: &Start<'a>, due: Option<Due>) -> Option<VoidReason> {
        let compared = if matches!(self.rule.from, From::Case(_)) { due.map(|due| due.on) } else { Some(start.on) };
        let outside = compared.is_some_and(|date| {
            self.rule.valid_from.is_some_and(|first| date < first) || self.rule.valid_to.is_some_and(|last| date > last)
        });
        if outside {
            return Some(VoidReason::OutOfForce);
        }
        (!applies(self.rule, self.state_for(start).as_ref(), start.event, start.number))
            .then_some(VoidReason::Condition)
    }

    /// The records that conditions read: those known now; for a period not later than the end of its last day, when
    /// there may have been none.
    fn state_for(&self, start: &Start<'a>) -> Option<State<'a>> {
        let Some(window) = start.window else { return Some(self.view.state) };
        let ends_at = end_of_day(self.view.municipality.zone(), window.last) - chrono::TimeDelta::nanoseconds(1);
        if ends_at >= self.view.now { Some(self.view.state) } else { self.view.state_at(ends_at) }
    }

    fn status(&self, start: &Start<'a>, end: Option<End>, due: Option<Due>) -> Status {
        let now = self.view.now;
        match (end, due) {
            (Some(end), Some(due)) if end.how == Ending::Met && !self.in_time(end, due) => Status::MetLate,
            (Some(end), _) if end.how == Ending::Met => Status::Met,
            (Some(end), _) if end.how == Ending::Exempt => Status::Void(VoidReason::Exempt),
            (Some(end), Some(due)) if end.instant >= due.at => Status::Missed,
            (Some(end), _) if end.how == Ending::Superseded => Status::Void(VoidReason::Superseded),
            (Some(_), _) => Status::Void(VoidReason::Stopped),
            (None, None) => Status::Paused,
            (None, Some(due)) if now >= due.at => Status::Overdue,
            (None, Some(_)) if start.on > self.view.municipality.date(now) => Status::Waiting,
            (None, Some(_)) => Status::Running,
        }
    }

    /// In time: on or before the due day; for hours, an instant not after `due_at`.
    fn in_time(&self, end: End, due: Due) -> bool {
        let by_instant =
            self.span_is_hours() && end.event.is_some_and(|index| !self.view.events[index].event.time.date_only);
        end.on <= due.on && (!by_instant || end.instant <= due.at)
    }

    fn span_is_hours(&self) -> bool {
        match &self.rule.within {
            Within::Same(span) => span.unit == Unit::Hour,
            Within::Growing(spans) => spans.iter().any(|span| span.unit == Unit::Hour),
        }
    }
}

/// Whether the rule's `when` holds and its `unless` does not.
pub(crate) fn applies(rule: &Rule, state: Option<&State<'_>>, start: Option<&Event>, number: Option<u32>) -> bool {
    let holds = |condition| satisfies(state, condition, start, number);
    rule.when.as_ref().is_none_or(holds) && !rule.unless.as_ref().is_some_and(holds)
}
