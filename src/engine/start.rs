//! What starts the clock: every start of every rule is an obligation of its own (`rule-language` § 6, `from`).

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::{Calendar, Instant, first_instant};
use crate::case::Event;
use crate::rules::{EventPattern, From, Rule, Within};
use crate::vocabulary::AttributeId;

use super::evaluate::Instance;
use super::periods::{Window, periods};
use super::view::View;

/// One start of a rule.
#[derive(Clone)]
pub(crate) struct Start<'a> {
    /// Event id, period name or attribute name.
    pub(crate) name: Cow<'a, Arc<str>>,
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

/// Puts the starts of a rule into an empty list, in event order, and says when the next recurrence begins.
///
/// `due_of` gives the obligations of the rule that a `due_of` names.
pub(crate) fn starts<'a>(
    view: &View<'a>,
    rule: &Rule,
    calendar: &Calendar,
    due_of: &[Instance<'a>],
    starts: &mut Vec<Start<'a>>,
) -> Option<Instant> {
    match &rule.from {
        From::Each(patterns) => starts.extend(view.known(patterns).map(|index| at_event(view, index))),
        From::FirstOf(patterns) => starts.extend(view.known(patterns).next().map(|index| at_event(view, index))),
        From::LastOf(patterns) => starts.extend(last_of(view, patterns)),
        From::Date { event, date } => starts.extend(dated(view, event, *date)),
        From::Case(attribute) => starts.extend(case_date(view, *attribute)),
        From::DueOf(_) => starts.extend(due_of.iter().filter_map(|other| after_other(view, other))),
        From::Yearly(_) | From::Every(_) => return recurring(view, rule, calendar, starts),
    }
    if !rule.sequence_from.is_empty() || matches!(rule.within, Within::Growing(_)) {
        number(view, rule, starts);
    }
    None
}

/// Whether a rule may have a start at all: `false` is certain, and costs nothing to find out.
pub(crate) fn may_start(view: &View<'_>, rule: &Rule) -> bool {
    match &rule.from {
        From::Each(patterns) | From::FirstOf(patterns) | From::LastOf(patterns) => view.may_know_any(patterns),
        From::Date { event, .. } => view.may_know(event.kind),
        From::Case(_) | From::DueOf(_) | From::Yearly(_) | From::Every(_) => true,
    }
}

fn at_event<'a>(view: &View<'a>, index: usize) -> Start<'a> {
    let known = view.events[index];
    Start {
        name: Cow::Borrowed(known.id),
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

fn dated<'v, 'a>(
    view: &'v View<'a>,
    pattern: &'v EventPattern,
    date: AttributeId,
) -> impl Iterator<Item = Start<'a>> + use<'v, 'a> {
    let zone = view.municipality.zone();
    view.known(std::slice::from_ref(pattern)).filter_map(move |index| {
        let on = view.events[index].event.attributes.date(date)?;
        Some(Start { on, instant: first_instant(zone, on), ..at_event(view, index) })
    })
}

fn case_date<'a>(view: &View<'a>, attribute: AttributeId) -> Option<Start<'a>> {
    let on = view.state.record.attributes.date(attribute)?;
    let instant = first_instant(view.municipality.zone(), on);
    let name = Cow::Borrowed(view.municipality.rules.vocabulary.attribute_name(attribute));
    Some(Start { name, on, instant, position: Position::Instant(instant), event: None, number: None, window: None })
}

/// The due date of another rule's instance, under the same start name, whatever its status.
fn after_other<'a>(view: &View<'a>, other: &Instance<'a>) -> Option<Start<'a>> {
    let on = other.obligation.due?.on;
    let instant = first_instant(view.municipality.zone(), on);
    Some(Start { on, instant, number: None, window: None, ..other.start.clone() })
}

fn recurring<'a>(view: &View<'a>, rule: &Rule, calendar: &Calendar, starts: &mut Vec<Start<'a>>) -> Option<Instant> {
    let zone = view.municipality.zone();
    let (periods, next) = periods(view, rule, calendar);
    starts.extend(periods.into_iter().map(|(period, window)| Start {
        name: Cow::Owned(period.name),
        on: period.last,
        instant: first_instant(zone, period.last),
        position: Position::Instant(first_instant(zone, window.from)),
        event: None,
        number: None,
        window: Some(window),
    }));
    next
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
