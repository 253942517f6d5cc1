//! Deviations: every lapse there ever was, found by going through what was known when (`rule-language` § 10).
//!
//! Between two moments at which something becomes known, an obligation changes only by falling due. So it is enough to
//! evaluate at those moments, and to look for due instants in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::calendar::{Instant, first_instant};
use crate::case::CaseFile;
use crate::obligation::{Closing, Deviation, LateUntil, Obligation, RuleIndex, Status};
use crate::rules::From;

use super::evaluate::Evaluation;
use super::municipality::Municipality;
use super::view::{View, record_changes};

type Key = (RuleIndex, Arc<str>);

/// Every deviation of a case that was opened up to `now`.
pub(crate) fn deviations(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Vec<Deviation> {
    let moments = moments(municipality, case, now);
    let mut register = Register::default();
    let mut upcoming = moments.iter().copied().peekable();
    let mut next = upcoming.next();
    while let Some(moment) = next {
        let mut until = upcoming.peek().copied();
        let mut is_window = false;
        match View::at(municipality, case, moment) {
            None => register.observe(municipality, &[], moment, now, until),
            Some(view) => {
                let evaluation = Evaluation::of(&view);
                let window = evaluation.next_window.filter(|window| *window <= now);
                if let Some(window) = window.filter(|window| until.is_none_or(|until| *window < until)) {
                    until = Some(window);
                    is_window = true;
                }
                let obligations: Vec<&Obligation> =
                    evaluation.obligations().map(|(obligation, _)| obligation).collect();
                register.observe(municipality, &obligations, moment, now, until);
            }
        }
        next = if is_window { until } else { upcoming.next() };
    }
    register.finish()
}

/// The instants up to `now` at which something becomes known or begins to count.
fn moments(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Vec<Instant> {
    let mut moments = record_changes(municipality, case);
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

/// The deviations found so far, by obligation.
#[derive(Default)]
struct Register {
    lapses: BTreeMap<Key, Vec<Deviation>>,
}

impl Register {
    /// Takes in what is known from `moment` until `until` (to `now` if nothing comes between).
    fn observe(
        &mut self,
        municipality: &Municipality<'_>,
        obligations: &[&Obligation],
        moment: Instant,
        now: Instant,
        until: Option<Instant>,
    ) {
        let recorded = obligations.iter().filter(|obligation| municipality.rules.rule(obligation.rule).deviation);
        let mut seen: Vec<Key> = Vec::new();
        for obligation in recorded {
            let key = (obligation.rule, obligation.start.clone());
            let falls_due = obligation.due.map(|due| due.at).filter(|due_at| {
                obligation.status.is_open()
                    && *due_at > moment
                    && *due_at <= now
                    && until.is_none_or(|until| *due_at < until)
            });
            if obligation.status.is_lapse() {
                self.lapse(key.clone(), obligation, moment);
            } else {
                self.withdraw(&key, moment);
                if let Some(due_at) = falls_due {
                    self.lapse(key.clone(), obligation, due_at);
                }
            }
            seen.push(key);
        }
        let gone: Vec<Key> = self.lapses.keys().filter(|key| !seen.contains(key)).cloned().collect();
        for key in gone {
            self.withdraw(&key, moment);
        }
    }

    /// The obligation is known to have lapsed: the same deviation as before, or a new one.
    fn lapse(&mut self, key: Key, obligation: &Obligation, moment: Instant) {
        let Some(due) = obligation.due else { return };
        let (rule, start) = key.clone();
        let lapses = self.lapses.entry(key).or_default();
        let is_active = lapses.last().is_some_and(|last| !is_withdrawn(last));
        if !is_active {
            let number = u32::try_from(lapses.len()).unwrap_or(u32::MAX);
            let (closed, late_until) = (None, LateUntil::Today);
            lapses.push(Deviation { rule, start, number, opened_at: moment, due_on: due.on, closed, late_until });
        }
        let Some(deviation) = lapses.last_mut() else { return };
        deviation.due_on = due.on;
        match obligation.status {
            Status::MetLate => {
                deviation.closed = deviation.closed.or(Some((moment, Closing::MetLate)));
                deviation.late_until = obligation.met_on.map_or(LateUntil::Today, LateUntil::Day);
            }
            Status::Missed => {
                deviation.closed = None;
                deviation.late_until = obligation.stopped_on.map_or(LateUntil::Today, LateUntil::Day);
            }
            _ => {
                deviation.closed = None;
                deviation.late_until = LateUntil::Today;
            }
        }
    }

    /// The obligation is known to be anything but a lapse.
    fn withdraw(&mut self, key: &Key, moment: Instant) {
        let last = self.lapses.get_mut(key).and_then(|lapses| lapses.last_mut());
        if let Some(deviation) = last.filter(|deviation| !is_withdrawn(deviation)) {
            deviation.closed = Some((moment, Closing::Withdrawn));
            deviation.late_until = LateUntil::NotLate;
        }
    }

    fn finish(self) -> Vec<Deviation> {
        self.lapses.into_values().flatten().collect()
    }
}

fn is_withdrawn(deviation: &Deviation) -> bool {
    matches!(deviation.closed, Some((_, Closing::Withdrawn)))
}
