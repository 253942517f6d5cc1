//! Every lapse there ever was, found by going through what was known when.
//!
//! Between two moments at which something becomes known, an obligation changes only by falling due. So it is enough to
//! evaluate at those moments, and to look for due instants in between.

use std::sync::Arc;

use crate::calendar::{Instant, first_instant};
use crate::case::CaseFile;
use crate::obligation::{Closing, Deviation, LateUntil, Obligation, RuleIndex, Status};
use crate::rules::From;

use super::super::evaluate::Evaluation;
use super::super::municipality::Municipality;
use super::super::view::{View, record_changes};

/// Every deviation of a case that was opened up to `now`.
pub(super) fn deviations(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Vec<Deviation> {
    let moments = moments(municipality, case, now);
    let mut register = Register::default();
    let mut upcoming = moments.iter().copied().peekable();
    let mut next = upcoming.next();
    while let Some(moment) = next {
        let mut until = upcoming.peek().copied();
        let mut is_window = false;
        let view = View::at(municipality, case, moment);
        let evaluation = view.as_ref().map(Evaluation::of).unwrap_or_default();
        let window = evaluation.next_window.filter(|window| *window <= now);
        if let Some(window) = window.filter(|window| until.is_none_or(|until| *window < until)) {
            until = Some(window);
            is_window = true;
        }
        let stretch = Stretch { moment, until, now };
        register.observe(evaluation.recorded(), stretch);
        next = if is_window { until } else { upcoming.next() };
    }
    register.finish()
}

/// The instants up to `now` at which something becomes known or begins to count.
fn moments(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Vec<Instant> {
    let mut moments: Vec<Instant> = record_changes(municipality, case).collect();
    for event in &case.events {
        moments.extend(event.versions.changes());
        moments.extend(event.versions.versions().flatten().map(|version| version.time.instant));
    }
    moments.extend(case_dates(municipality, case));
    moments.retain(|moment| *moment <= now);
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// The first instants of the case dates that rules count from: a state may meet such a rule from then on.
fn case_dates(municipality: &Municipality<'_>, case: &CaseFile) -> Vec<Instant> {
    let rules = municipality.active_rules().iter().map(|index| municipality.rules.rule(*index));
    let attributes = rules.filter_map(|rule| match rule.from {
        From::Case(attribute) => Some(attribute),
        _ => None,
    });
    let dates = attributes.flat_map(|id| case.records.versions().filter_map(move |record| record.attributes.date(id)));
    dates.map(|date| first_instant(municipality.zone(), date)).collect()
}

/// A time in which nothing became known.
#[derive(Clone, Copy)]
struct Stretch {
    moment: Instant,
    /// To `now` if nothing comes between.
    until: Option<Instant>,
    now: Instant,
}

impl Stretch {
    /// Whether an instant lies within, after its first moment.
    fn holds(self, instant: Instant) -> bool {
        instant > self.moment && instant <= self.now && self.until.is_none_or(|until| instant < until)
    }
}

/// The deviations found so far.
#[derive(Default)]
struct Register {
    lapsed: Vec<Lapsed>,
    /// How many stretches were taken in.
    stretches: usize,
}

/// An obligation that was ever a lapse.
struct Lapsed {
    rule: RuleIndex,
    start: Arc<str>,
    deviations: Vec<Deviation>,
    /// The last stretch in which the obligation existed.
    seen: usize,
}

impl Register {
    /// Takes in what is known throughout a stretch: the obligations whose lapses are recorded.
    fn observe<'a>(&mut self, obligations: impl Iterator<Item = &'a Obligation>, stretch: Stretch) {
        self.stretches += 1;
        for obligation in obligations {
            let falls_due = obligation.due.map(|due| due.at).filter(|due_at| stretch.holds(*due_at));
            if obligation.status.is_lapse() {
                self.lapse(obligation, stretch.moment);
                continue;
            }
            if let Some(lapsed) = self.find(obligation) {
                lapsed.withdraw(stretch.moment);
            }
            if let Some(due_at) = falls_due.filter(|_| obligation.status.is_open()) {
                self.lapse(obligation, due_at);
            }
        }
        for gone in self.lapsed.iter_mut().filter(|lapsed| lapsed.seen < self.stretches) {
            gone.withdraw(stretch.moment);
        }
    }

    /// The deviations of an obligation, which is marked as seen.
    fn find(&mut self, obligation: &Obligation) -> Option<&mut Lapsed> {
        let is_it = |lapsed: &&mut Lapsed| lapsed.rule == obligation.rule && lapsed.start == obligation.start;
        let found = self.lapsed.iter_mut().find(is_it)?;
        found.seen = self.stretches;
        Some(found)
    }

    /// The obligation is known to have lapsed at a moment.
    fn lapse(&mut self, obligation: &Obligation, moment: Instant) {
        if let Some(lapsed) = self.find(obligation) {
            return lapsed.record(obligation, moment);
        }
        let (rule, start) = (obligation.rule, obligation.start.clone());
        let mut lapsed = Lapsed { rule, start, deviations: vec![], seen: self.stretches };
        lapsed.record(obligation, moment);
        self.lapsed.push(lapsed);
    }

    fn finish(mut self) -> Vec<Deviation> {
        self.lapsed.sort_by(|a, b| (a.rule, &a.start).cmp(&(b.rule, &b.start)));
        self.lapsed.into_iter().flat_map(|lapsed| lapsed.deviations).collect()
    }
}

impl Lapsed {
    /// The same deviation as before, or a new one.
    fn record(&mut self, obligation: &Obligation, moment: Instant) {
        let Some(due) = obligation.due else { return };
        let is_active = self.deviations.last().is_some_and(|last| !is_withdrawn(last));
        if !is_active {
            let (rule, start) = (self.rule, self.start.clone());
            let number = u32::try_from(self.deviations.len()).unwrap_or(u32::MAX);
            let (closed, late_until) = (None, LateUntil::Today);
            self.deviations.push(Deviation {
                rule,
                start,
                number,
                opened_at: moment,
                due_on: due.on,
                closed,
                late_until,
            });
        }
        let Some(deviation) = self.deviations.last_mut() else { return };
        deviation.due_on = due.on;
        (deviation.closed, deviation.late_until) = match obligation.status {
            Status::MetLate => (
                deviation.closed.or(Some((moment, Closing::MetLate))),
                obligation.met_on.map_or(LateUntil::Today, LateUntil::Day),
            ),
            Status::Missed => (None, obligation.stopped_on.map_or(LateUntil::Today, LateUntil::Day)),
            _ => (None, LateUntil::Today),
        };
    }

    /// The obligation is known to be anything but a lapse.
    fn withdraw(&mut self, moment: Instant) {
        if let Some(deviation) = self.deviations.last_mut().filter(|deviation| !is_withdrawn(deviation)) {
            deviation.closed = Some((moment, Closing::Withdrawn));
            deviation.late_until = LateUntil::NotLate;
        }
    }
}

fn is_withdrawn(deviation: &Deviation) -> bool {
    matches!(deviation.closed, Some((_, Closing::Withdrawn)))
}
