//! Deadline arithmetic: start, span, pauses, snap, roll, extension, in this order (`rule-language` § 7).
//!
//! The same function gives the date and, where asked, its proof; so the proof can never tell another story.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta};
use chrono_tz::Tz;

use crate::calendar::{Calendar, Instant, Span, Unit, civil_date, end_of_day};
use crate::obligation::{Due, ProofStep};
use crate::rules::{Pauses, Roll, Snap};

use super::view::{View, matches};

/// Collects the lines of a proof, or nothing where nobody asked.
pub(crate) struct Trace(Option<Vec<ProofStep>>);

impl Trace {
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    pub(crate) fn written() -> Self {
        Self(Some(Vec::new()))
    }

    pub(crate) fn note(&mut self, step: impl FnOnce() -> ProofStep) {
        if let Some(steps) = &mut self.0 {
            steps.push(step());
        }
    }

    fn is_written(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn into_steps(self) -> Vec<ProofStep> {
        self.0.unwrap_or_default()
    }
}

/// The days on which a case was paused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PausedDays {
    /// Closed pauses, first and last day, in order and apart.
    closed: Vec<(NaiveDate, NaiveDate)>,
    /// The first day of a pause that is still open.
    open: Option<NaiveDate>,
}

impl PausedDays {
    /// The pauses that the counted events up to and including those that `until` accepts make.
    ///
    /// A second pause, a resumption without pause, and both on one day do nothing.
    pub(crate) fn of(pauses: Option<&Pauses>, view: &View<'_>, until: impl Fn(usize) -> bool) -> Self {
        let mut days = Self::default();
        let Some(pauses) = pauses.filter(|pauses| view.may_know_any(&pauses.from)) else { return days };
        let mut resumed_in_vain = None;
        let counted = view.events.iter().enumerate().filter(|(index, known)| known.counts && until(*index));
        for (_, known) in counted {
            let on = known.event.time.on;
            let is_any = |patterns: &[_]| patterns.iter().any(|pattern| matches(pattern, known.event));
            match days.open {
                Some(from) if is_any(&pauses.until) => {
                    if let Some(last) = on.pred_opt().filter(|last| from <= *last) {
                        days.closed.push((from, last));
                    }
                    days.open = None;
                }
                None if is_any(&pauses.until) => resumed_in_vain = Some(on),
                None if is_any(&pauses.from) && resumed_in_vain != Some(on) => days.open = Some(on),
                _ => {}
            }
        }
        days
    }

    /// Whether a pause is still open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    fn is_paused(&self, date: NaiveDate) -> bool {
        self.open.is_some_and(|from| from <= date) || self.closed.iter().any(|(from, to)| *from <= date && date <= *to)
    }

    fn is_reached(&self, date: NaiveDate) -> bool {
        self.open.is_none_or(|from| date < from)
    }

    fn touches(&self, from: NaiveDate) -> bool {
        self.open.is_some() || self.closed.iter().any(|(_, last)| *last >= from)
    }

    /// The `count`-th unpaused day after `start`; for 0 the first unpaused day from `start` on.
    fn nth_day(&self, start: NaiveDate, count: i64) -> Option<NaiveDate> {
        let first = if count == 0 { start } else { start.succ_opt()? };
        let mut day = start.checked_add_signed(TimeDelta::days(count))?;
        for (from, to) in &self.closed {
            let from = (*from).max(first);
            if from <= day && from <= *to {
                day = day.checked_add_signed(*to - from + TimeDelta::days(1))?;
            }
        }
        self.is_reached(day).then_some(day)
    }

    /// The `count`-th unpaused working day after `start`; for 0 the first one from `start` on.
    fn nth_working_day(&self, start: NaiveDate, count: u32, calendar: &Calendar) -> Option<NaiveDate> {
        let counts = |day: NaiveDate| calendar.is_working(day) && !self.is_paused(day);
        let mut day = start;
        let mut left = count;
        if count == 0 && counts(day) {
            return Some(day);
        }
        loop {
            day = day.succ_opt().filter(|day| self.is_reached(*day))?;
            if counts(day) {
                left = left.saturating_sub(1);
                if left == 0 {
                    return Some(day);
                }
            }
        }
    }
}

/// What a due date is reckoned from.
pub(crate) struct Reckoning<'a> {
    pub(crate) zone: Tz,
    pub(crate) calendar: &'a Calendar,
    pub(crate) start: NaiveDate,
    /// For hours.
    pub(crate) start_instant: Instant,
    pub(crate) span: Span,
    pub(crate) number: Option<u32>,
    pub(crate) snap: Option<Snap>,
    pub(crate) roll: Roll,
    pub(crate) paused: &'a PausedDays,
    /// Extensions that apply: event id and the date it names.
    pub(crate) extensions: Vec<(&'a Arc<str>, NaiveDate)>,
}

impl Reckoning<'_> {
    /// The due date, or `None` while an open pause leaves none.
    pub(crate) fn due(&self, trace: &mut Trace) -> Option<Due> {
        let due = if self.span.unit == Unit::Hour { self.after_hours(trace)? } else { self.after_days(trace)? };
        let due = self.extended(due, trace);
        trace.note(|| ProofStep::Due(due));
        Some(due)
    }

    fn after_hours(&self, trace: &mut Trace) -> Option<Due> {
        let at = self.start_instant.checked_add_signed(TimeDelta::hours(self.span.count.into()))?;
        let on = civil_date(self.zone, at);
        trace.note(|| ProofStep::Span { span: self.span, number: self.number, to: on });
        Some(Due { on, at })
    }

    fn after_days(&self, trace: &mut Trace) -> Option<Due> {
        let untouched = PausedDays::default();
        // Pauses do not touch spans that count back.
        let paused = if self.span.count < 0 { &untouched } else { self.paused };
        let raw = self.after_span(paused, trace)?;
        let snapped = self.snapped(raw, trace);
        let on = self.rolled(snapped, paused, trace)?;
        paused.is_reached(on).then(|| Due { on, at: end_of_day(self.zone, on) })
    }

    fn after_span(&self, paused: &PausedDays, trace: &mut Trace) -> Option<NaiveDate> {
        let plain = self.calendar.add(self.start, self.span)?;
        if trace.is_written() {
            self.note_skipped(paused, plain, trace);
        }
        let to = if !paused.touches(self.start) {
            Some(plain)
        } else if self.span.unit == Unit::WorkingDay {
            paused.nth_working_day(self.start, self.span.count.unsigned_abs(), self.calendar)
        } else {
            paused.nth_day(self.start, (plain - self.start).num_days())
        };
        let to = to?;
        trace.note(|| ProofStep::Span { span: self.span, number: self.number, to });
        Some(to)
    }

    /// Writes down the days that did not count: those without work for working days, and pauses.
    fn note_skipped(&self, paused: &PausedDays, plain: NaiveDate, trace: &mut Trace) {
        if self.span.unit == Unit::WorkingDay {
            let (first, last) = (self.start.min(plain), self.start.max(plain));
            for day in first.iter_days().take_while(|day| *day <= last) {
                if let Some(why) = self.calendar.closure(day).filter(|_| day != self.start || self.span.count == 0) {
                    trace.note(|| ProofStep::NotWorking { on: day, why });
                }
            }
        }
        for (from, to) in paused.closed.iter().filter(|(_, to)| *to >= self.start) {
            trace.note(|| ProofStep::Paused { from: *from, to: Some(*to) });
        }
        if let Some(from) = paused.open {
            trace.note(|| ProofStep::Paused { from, to: None });
        }
    }

    fn snapped(&self, date: NaiveDate, trace: &mut Trace) -> NaiveDate {
        let Some(snap) = self.snap else { return date };
        let ahead = i64::from(snap.weekday.days_since(date.weekday()));
        let distance = if snap.forward || ahead == 0 { ahead } else { ahead - 7 };
        let to = date.checked_add_signed(TimeDelta::days(distance)).unwrap_or(date);
        if to != date {
            trace.note(|| ProofStep::Snapped { weekday: snap.weekday, to });
        }
        to
    }

    fn rolled(&self, date: NaiveDate, paused: &PausedDays, trace: &mut Trace) -> Option<NaiveDate> {
        let step = match self.roll {
            Roll::None => return Some(date),
            Roll::Forward => NaiveDate::succ_opt,
            Roll::Back => NaiveDate::pred_opt,
        };
        let mut day = date;
        while !self.calendar.is_working(day) || paused.is_paused(day) {
            if trace.is_written()
                && let Some(why) = self.calendar.closure(day)
            {
                trace.note(|| ProofStep::NotWorking { on: day, why });
            }
            day = step(&day).filter(|day| self.roll == Roll::Back || paused.is_reached(*day))?;
        }
        if day != date {
            trace.note(|| ProofStep::Rolled { to: day });
        }
        Some(day)
    }

    fn extended(&self, due: Due, trace: &mut Trace) -> Due {
        let latest = self.extensions.iter().max_by_key(|(_, until)| *until);
        match latest {
            Some((event, until)) if *until > due.on => {
                trace.note(|| ProofStep::Extended { event: Arc::clone(event), until: *until });
                Due { on: *until, at: end_of_day(self.zone, *until) }
            }
            _ => due,
        }
    }
}
