//! What starts the clock: every start of every rule is an obligation of its own (`rule-language` § 6, `from`).

use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::{Calendar, Instant, first_instant};
use crate::case::Event;
use crate::obligation::Obligation;
use crate::rules::{EventPattern, From, Rule, Within};
use crate::vocabulary::AttributeId;

use super::periods::{Window, periods};
use super::view::View;

/// One start of a rule.
#[derive(Clone)]
pub(crate) struct Start<'a> {
    /// Event id, period name or attribute name.
    pub(crate) name: Arc<str>,
    /// The date from which the span is counted.
    pub(crate) on: NaiveDate,
    /// The instant from which hours are counted.
    pub(crate) instant: Instant,
    /// Where it stands in the event order.
    pub(crate) position: Position,
    /// The start event, for `start.…` and `match`.
    pub(crate) event: Option<&'a Event>,
    /// Its number in the growing sequence, where the rule counts one.
    pub(crate) number: Option<u32>,
    /// For recurrences.
    pub(crate) window: Option<Window>,
}

/// Where a start stands in the event order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Position {
    /// It is the event of this number.
    Event(usize),
    /// It is no event: a case date, or a period's window.
    Instant(Instant),
}

impl Position {
    /// Whether an event comes after the start: it follows it in event order, or is date-only and on the civil day of
    /// a start `at`.
    pub(crate) fn is_before(self, index: usize, view: &View<'_>) -> bool {
        let time = view.events[index].event.time;
        match self {
            Self::Event(start) => {
                let started = view.events[start].event.time;
                index > start || (index != start && time.date_only && !started.date_only && time.on == started.on)
            }
            Self::Instant(start) => time.instant >= start,
        }
    }

    /// Whether an event precedes the start in event order alone.
    pub(crate) fn is_after(self, index: usize, view: &View<'_>) -> bool {
        match self {
            Self::Event(start) => index < start,
            Self::Instant(start) => view.events[index].event.time.instant < start,
        }
    }
}

/// The starts of a rule, in event order, and when the next recurrence begins.
///
/// `due_of` gives the obligations of the rule that a `due_of` names, with their starts.
pub(crate) fn starts<'a>(
    view: &View<'a>,
    rule: &Rule,
    calendar: &Calendar,
    due_of: &[(Obligation, Start<'a>)],
) -> (Vec<Start<'a>>, Option<Instant>) {
    let mut starts: Vec<Start<'a>> = match &rule.from {
        From::Each(patterns) => view.known(patterns).map(|index| at_event(view, index)).collect(),
        From::FirstOf(patterns) => view.known(patterns).next().map(|index| at_event(view, index)).into_iter().collect(),
        From::LastOf(patterns) => last_of(view, patterns).into_iter().collect(),
        From::Date { event, date } => dated(view, event, *date),
        From::Case(attribute) => case_date(view, *attribute).into_iter().collect(),
        From::DueOf(_) => due_of.iter().filter_map(|(other, start)| after_other(view, other, start)).collect(),
        From::Yearly(_) | From::Every(_) => return recurring(view, rule, calendar),
    };
    if !rule.sequence_from.is_empty() || matches!(rule.within, Within::Growing(_)) {
        number(view, rule, &mut starts);
    }
    (starts, None)
}

fn at_event<'a>(view: &View<'a>, index: usize) -> Start<'a> {
    let known = view.events[index];
    Start {
        name: known.id.clone(),
        on: known.event.time.on,
        instant: known.event.time.instant,
        position: Position::Event(index),
        event: Some(known.event),
        number: None,
        window: None,
    }
}

/// The event with which every kind has happened at least once.
fn last_of<'a>(view: &View<'a>, patterns: &[EventPattern]) -> Option<Start<'a>> {
    let firsts = patterns.iter().map(|pattern| view.known(std::slice::from_ref(pattern)).next());
    let last = firsts.collect::<Option<Vec<usize>>>()?.into_iter().max()?;
    Some(at_event(view, last))
}

fn dated<'a>(view: &View<'a>, pattern: &EventPattern, date: AttributeId) -> Vec<Start<'a>> {
    let zone = view.municipality.zone();
    let carrying = view.known(std::slice::from_ref(pattern)).filter_map(|index| {
        let on = view.events[index].event.attributes.date(date)?;
        Some(Start { on, instant: first_instant(zone, on), ..at_event(view, index) })
    });
    carrying.collect()
}

fn case_date<'a>(view: &View<'a>, attribute: AttributeId) -> Option<Start<'a>> {
    let on = view.state.record.attributes.date(attribute)?;
    let instant = first_instant(view.municipality.zone(), on);
    let name = view.municipality.rules.vocabulary.attribute_name(attribute).clone();
    Some(Start { name, on, instant, position: Position::Instant(instant), event: None, number: None, window: None })
}

/// The due date of another rule's instance, under the same start name, whatever its status.
fn after_other<'a>(view: &View<'a>, other: &Obligation, start: &Start<'a>) -> Option<Start<'a>> {
    let on = other.due?.on;
    let instant = first_instant(view.municipality.zone(), on);
    Some(Start { on, instant, number: None, window: None, ..start.clone() })
}

fn recurring<'a>(view: &View<'a>, rule: &Rule, calendar: &Calendar) -> (Vec<Start<'a>>, Option<Instant>) {
    let zone = view.municipality.zone();
    let (periods, next) = periods(view, rule, calendar);
    let starts = periods.into_iter().map(|(period, window)| Start {
        name: period.name,
        on: period.last,
        instant: first_instant(zone, period.last),
        position: Position::Instant(first_instant(zone, window.from)),
        event: None,
        number: None,
        window: Some(window),
    });
    (starts.collect(), next)
}

/// Numbers the starts: the n-th since the last `sequence_from` event, itself included.
fn number(view: &View<'_>, rule: &Rule, starts: &mut [Start<'_>]) {
    let markers: Vec<usize> = view.known(&rule.sequence_from).collect();
    let marker_of = |position: Position| {
        markers.iter().rev().find(|marker| **marker == index_of(position) || position.is_after(**marker, view)).copied()
    };
    let mut previous = None;
    let mut number = 0;
    for start in starts {
        let marker = marker_of(start.position);
        number = if marker == previous { number + 1 } else { 1 };
        previous = marker;
        start.number = Some(number);
    }
}

fn index_of(position: Position) -> usize {
    match position {
        Position::Event(index) => index,
        Position::Instant(_) => usize::MAX,
    }
}
