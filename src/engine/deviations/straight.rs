//! Cases told straight: each event once, not before it happened, in the order in which things happened, with nothing
//! that moves a date afterwards, and records that stayed what they were.
//!
//! Of such a case, what was known at an instant is a beginning of what is known now. So an obligation has had one due
//! date ever since it appeared, and ended when its end was recorded: between the two it was a lapse from the due
//! instant on. No moment has to be gone through again. Whatever is not certain is left to the replay.

use crate::calendar::Instant;
use crate::obligation::{Closing, Deviation, LateUntil, Status, VoidReason};
use crate::rules::{EventPattern, From, Rule};

use super::super::evaluate::{Evaluation, Instance, Judged, applies};
use super::super::fulfilment::{End, Ending};
use super::super::start::Position;
use super::super::view::View;

/// Every deviation of the case; `None` where what is known now does not say.
pub(super) fn deviations(view: &View<'_>, evaluation: &Evaluation<'_>) -> Option<Vec<Deviation>> {
    let known_from = view.case().records.known_from()?;
    let mut found = Vec::new();
    if !is_straight(view, known_from) || !no_period_passed(view, evaluation) {
        return None;
    }
    for judged in evaluation.rules.iter().filter(|judged| judged.rule.deviation) {
        for instance in evaluation.of_rule(judged) {
            found.extend(lapse(view, judged, instance, known_from)?);
        }
    }
    found.sort_by(|a, b| (a.rule, &a.start).cmp(&(b.rule, &b.start)));
    Some(found)
}

fn is_straight(view: &View<'_>, known_from: Instant) -> bool {
    let words = view.municipality.rules.vocabulary.built_in();
    let moves_dates = || {
        let mut rules = view.municipality.active_rules().iter().map(|index| view.municipality.rules.rule(*index));
        view.may_know(words.deadline_extended)
            || view.may_know(words.rule_exempted)
            || rules.any(|rule| rule.pauses.as_ref().is_some_and(|pauses| view.may_know_any(&pauses.from)))
    };
    view.is_told_in_order() && !moves_dates() && !view.records_changed_after(known_from)
}

/// Whether no rule has, or ever had, a period.
fn no_period_passed(view: &View<'_>, evaluation: &Evaluation<'_>) -> bool {
    evaluation.instances.iter().all(|instance| instance.start.window.is_none())
        && view.municipality.active_rules().iter().all(|index| {
            let rule = view.municipality.rules.rule(*index);
            // A stop takes periods back; without one there were never more than there are now.
            !matches!(rule.from, From::Yearly(_) | From::Every(_))
                || !view.may_know_any(&rule.stops_on)
                || [Some(&view.state), None].iter().all(|state| !applies(rule, *state, None, None))
        })
}

/// The deviation of an obligation, if it was ever a lapse; `None` where that is not certain.
fn lapse(
    view: &View<'_>,
    judged: &Judged<'_>,
    instance: &Instance<'_>,
    known_from: Instant,
) -> Option<Option<Deviation>> {
    let Instance { obligation, start, end } = instance;
    let status = obligation.status;
    let Some(due) = obligation.due.filter(|due| due.at <= view.now) else { return Some(None) };
    if matches!(status, Status::Void(VoidReason::OutOfForce | VoidReason::Condition)) {
        return Some(None);
    }
    if !is_certain(view, judged.rule, instance, known_from) {
        return None;
    }
    let recorded = |index: usize| view.events[index].first_recorded_at;
    let appeared_at = match start.position {
        Position::Event(index) => recorded(index).max(known_from),
        Position::Instant(_) => known_from,
    };
    let opened_at = due.at.max(appeared_at);
    let ended_at = end.map(|end| end.event.map_or(end.instant, recorded).max(appeared_at));
    let (closed, late_until) = match status {
        Status::MetLate => (
            ended_at.map(|ended_at| (ended_at, Closing::MetLate)),
            obligation.met_on.map_or(LateUntil::Today, LateUntil::Day),
        ),
        Status::Missed => (None, obligation.stopped_on.map_or(LateUntil::Today, LateUntil::Day)),
        Status::Overdue => (None, LateUntil::Today),
        // It ended in time. Where that became known too late, it was a lapse until then.
        _ => match ended_at.filter(|ended_at| opened_at < *ended_at) {
            Some(ended_at) => (Some((ended_at, Closing::Withdrawn)), LateUntil::NotLate),
            None => return Some(None),
        },
    };
    let (rule, start) = (obligation.rule, obligation.start.clone());
    Some(Some(Deviation { rule, start, number: 0, opened_at, due_on: due.on, closed, late_until }))
}

/// Whether the end is the first that became known.
///
/// Ends come in event order, so an earlier one has become known earlier. It is otherwise only on one civil day, where a
/// meeting goes before what ended it already; where a reopening undoes a stop; and where a state may meet it later than
/// with the start event.
fn is_certain(view: &View<'_>, rule: &Rule, Instance { start, end, .. }: &Instance<'_>, known_from: Instant) -> bool {
    let at_once = match start.position {
        Position::Event(index) => known_from <= view.events[index].event.time.instant,
        Position::Instant(_) => false,
    };
    let by_state = rule.met_when.is_some() && (rule.met_by.is_some() || !at_once);
    let undone = matches!(start.position, Position::Instant(_)) && view.may_know_any(&rule.reopens_on);
    let newer = match &rule.from {
        From::Date { event, .. } => std::slice::from_ref(event),
        _ => &[],
    };
    let met = end.filter(|end| end.how == Ending::Met);
    let ended_before = |patterns: &[EventPattern]| met.is_some_and(|met| is_same_day(view, patterns, met));
    !by_state && !undone && !ended_before(&rule.stops_on) && !ended_before(newer)
}

/// Whether one of the patterns happened on the civil day of a meeting.
fn is_same_day(view: &View<'_>, patterns: &[EventPattern], met: End) -> bool {
    view.counted(patterns).any(|index| view.events[index].event.time.on == met.on)
}
