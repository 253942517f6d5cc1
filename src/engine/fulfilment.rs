//! How an obligation ends: with the first event, in event order, that meets, stops, supersedes or exempts it; on one
//! civil day a meeting goes before the others (`rule-language` §§ 6, 8).

use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::case::Event;
use crate::rules::{EventPattern, From, Meeting, MetBy, Rule};
use crate::vocabulary::{AttributeId, Attributes, Value, ValueType};

use super::start::{Position, Start};
use super::view::{View, satisfies};

/// The end of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: Ending,
    /// The civil day.
    pub(crate) on: NaiveDate,
    /// The instant: of the event, or when a state first met it.
    pub(crate) instant: Instant,
    /// The event; a state that meets has none.
    pub(crate) event: Option<usize>,
}

/// What ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Met,
    Stopped,
    Superseded,
    Exempt,
}

impl End {
    /// Whether an event is part of what the obligation still sees: later events change nothing about it.
    pub(crate) fn includes(&self, index: usize, view: &View<'_>) -> bool {
        match self.event {
            Some(end) => index <= end,
            None => view.events[index].event.time.instant <= self.instant,
        }
    }

    fn at(how: Ending, index: usize, view: &View<'_>) -> Self {
        let time = view.events[index].event.time;
        Self { how, on: time.on, instant: time.instant, event: Some(index) }
    }

    /// Order of endings: by civil day, a meeting first, then by event order.
    fn rank(&self) -> (NaiveDate, bool, Instant, usize) {
        (self.on, self.how != Ending::Met, self.instant, self.event.unwrap_or(usize::MAX))
    }
}

/// The first ending of an obligation. `met` is what meets it, found by [`meeting`].
pub(crate) fn end(view: &View<'_>, rule: &Rule, start: &Start<'_>, met: Option<End>) -> Option<End> {
    let stop = stop(view, rule, start).map(|index| End::at(Ending::Stopped, index, view));
    let newer = superseding(view, rule, start).map(|index| End::at(Ending::Superseded, index, view));
    let exemption = exemption(view, rule, start).map(|index| End::at(Ending::Exempt, index, view));
    [met, stop, newer, exemption].into_iter().flatten().min_by_key(End::rank)
}

/// What meets an obligation first. `used` holds events that may not meet another one; `closes` is the last day on
/// which an event of a recurrence counts.
pub(crate) fn meeting(
    view: &View<'_>,
    rule: &Rule,
    start: &Start<'_>,
    used: &[usize],
    closes: Option<NaiveDate>,
) -> Option<End> {
    let finder = Finder { view, start, used, closes };
    let by_event = match &rule.met_by {
        None => None,
        Some(MetBy::Any(meetings)) => meetings.iter().filter_map(|meeting| finder.complete(meeting)).min(),
        Some(MetBy::All(patterns)) => finder.all(patterns),
    };
    let by_event = by_event.map(|index| End::at(Ending::Met, index, view));
    let by_state = met_when(view, rule, start, closes);
    [by_event, by_state].into_iter().flatten().min_by_key(End::rank)
}

/// How what a rule asks for stands, whenever it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was never given.
    Never,
    /// It holds on the day that is asked about.
    Holds,
    /// Nothing given holds any more; the latest ended after this day.
    Expired(NaiveDate),
    /// Nothing given holds any more; the latest was undone on this day.
    Undone(NaiveDate),
}

/// How a way to meet an obligation stands on a day, also where it was given before the start or long after it.
pub(crate) fn standing(view: &View<'_>, start: &Start<'_>, meeting: &Meeting, today: NaiveDate) -> Standing {
    let finder = Finder { view, start, used: &[], closes: None };
    let given = view.counted(std::slice::from_ref(&meeting.event));
    let mut latest = Standing::Never;
    for index in given.filter(|index| finder.matches_start(&meeting.matching, view.events[*index].event)) {
        let mut undone = view.counted(&meeting.undone_by);
        let undone =
            undone.find(|other| *other > index && finder.matches_start(&meeting.matching, view.events[*other].event));
        let expiry = meeting.expires.and_then(|date| view.events[index].event.attributes.date(date));
        latest = match (undone, expiry) {
            (Some(other), _) => Standing::Undone(view.events[other].event.time.on),
            (None, Some(date)) if date < today => Standing::Expired(date),
            (None, _) => return Standing::Holds,
        };
    }
    latest
}

struct Finder<'v, 'a> {
    view: &'v View<'a>,
    start: &'v Start<'a>,
    used: &'v [usize],
    closes: Option<NaiveDate>,
}

impl Finder<'_, '_> {
    /// The event with which a way to meet it first holds.
    fn complete(&self, meeting: &Meeting) -> Option<usize> {
        let events = self.view.counted(std::slice::from_ref(&meeting.event));
        let mut qualifying = events.filter(|index| self.qualifies(meeting, *index));
        qualifying.nth(usize::try_from(meeting.count.saturating_sub(1)).ok()?)
    }

    fn all(&self, patterns: &[EventPattern]) -> Option<usize> {
        let firsts = patterns.iter().map(|pattern| {
            let mut events = self.view.counted(std::slice::from_ref(pattern));
            events.find(|index| self.is_free(*index) && self.is_after_start(*index))
        });
        firsts.collect::<Option<Vec<usize>>>()?.into_iter().max()
    }

    fn qualifies(&self, meeting: &Meeting, index: usize) -> bool {
        self.is_free(index)
            && self.matches_start(&meeting.matching, self.view.events[index].event)
            && (self.is_after_start(index) || (meeting.earlier && self.still_holds(meeting, index)))
    }

    fn is_free(&self, index: usize) -> bool {
        self.start.position != Position::Event(index) && !self.used.contains(&index)
    }

    fn is_after_start(&self, index: usize) -> bool {
        match self.start.window {
            Some(window) => {
                let on = self.view.events[index].event.time.on;
                window.from <= on && self.closes.is_none_or(|last| on <= last)
            }
            None => self.start.position.is_before(index, self.view),
        }
    }

    /// Whether an event before the start counts: nothing undid it in between, and it has not expired.
    fn still_holds(&self, meeting: &Meeting, index: usize) -> bool {
        if self.start.window.is_some() {
            return false;
        }
        let undone = self.view.counted(&meeting.undone_by).any(|other| {
            other > index
                && self.start.position.is_after(other, self.view)
                && self.matches_start(&meeting.matching, self.view.events[other].event)
        });
        let expiry = meeting.expires.and_then(|date| self.view.events[index].event.attributes.date(date));
        !undone && expiry.is_none_or(|date| date >= self.start.on)
    }

    fn matches_start(&self, matching: &[(AttributeId, ValueType)], event: &Event) -> bool {
        self.start.event.is_none_or(|start| equal_on(matching, &start.attributes, &event.attributes))
    }
}

/// Whether attributes are equal; a missing truth value is false, any other missing value equals nothing.
fn equal_on(ids: &[(AttributeId, ValueType)], one: &Attributes, other: &Attributes) -> bool {
    let absent = Value::Bool(false);
    ids.iter().all(|(id, value_type)| {
        let absent = Some(&absent).filter(|_| *value_type == ValueType::Bool);
        let one = one.get(*id).or(absent);
        one.is_some() && one == other.get(*id).or(absent)
    })
}

/// The day on which the facts known first satisfied `met_when`, not before the start.
fn met_when(view: &View<'_>, rule: &Rule, start: &Start<'_>, closes: Option<NaiveDate>) -> Option<End> {
    let condition = rule.met_when.as_ref()?;
    let begins = match start.position {
        Position::Event(index) => view.events[index].event.time.instant,
        Position::Instant(instant) => instant,
    };
    if begins > view.now {
        return None;
    }
    let changes = view.record_changes();
    let later = changes.iter().copied().filter(|instant| *instant > begins && *instant <= view.now);
    let satisfied = |instant: &Instant| {
        let state = view.state_at(*instant);
        state.is_some_and(|state| satisfies(Some(&state), condition, start.event, start.number))
    };
    let instant = std::iter::once(begins).chain(later).find(satisfied)?;
    let on = view.municipality.date(instant);
    closes.is_none_or(|last| on <= last).then_some(End { how: Ending::Met, on, instant, event: None })
}

/// The stop that counts: one after the start; for case dates and periods, one that no reopening follows.
fn stop(view: &View<'_>, rule: &Rule, start: &Start<'_>) -> Option<usize> {
    let mut stops = view.counted(&rule.stops_on);
    match (start.position, start.window) {
        (Position::Event(_), _) => stops.find(|index| start.position.is_before(*index, view)),
        (Position::Instant(opens), Some(window)) => {
            let mut reopenings = view.counted(&rule.reopens_on);
            let last = reopenings.rfind(|index| view.events[*index].event.time.on <= window.last);
            stops.find(|index| last.is_none_or(|last| *index > last) && view.events[*index].event.time.instant > opens)
        }
        (Position::Instant(_), None) => {
            let last = view.counted(&rule.reopens_on).next_back();
            stops.find(|index| last.is_none_or(|last| *index > last))
        }
    }
}

/// A newer event that carries the date takes the place of this one.
fn superseding(view: &View<'_>, rule: &Rule, start: &Start<'_>) -> Option<usize> {
    let (From::Date { event, date }, Position::Event(own), true) = (&rule.from, start.position, rule.supersede) else {
        return None;
    };
    let matching: &[(AttributeId, ValueType)] = match &rule.met_by {
        Some(MetBy::Any(meetings)) => {
            meetings.iter().map(|meeting| meeting.matching.as_slice()).find(|ids| !ids.is_empty()).unwrap_or_default()
        }
        _ => &[],
    };
    let mut newer = view.counted(std::slice::from_ref(event)).filter(|index| *index > own);
    newer.find(|index| {
        let newer = &view.events[*index].event.attributes;
        newer.date(*date).is_some() && start.event.is_none_or(|start| equal_on(matching, &start.attributes, newer))
    })
}

/// The first exemption of this rule, or of this one start.
fn exemption(view: &View<'_>, rule: &Rule, start: &Start<'_>) -> Option<usize> {
    let mut exemptions = view.counted_kind(view.municipality.rules.vocabulary.built_in().rule_exempted);
    exemptions.find(|index| speaks_of(view, view.events[*index].event, rule, start))
}

/// Whether an extension or exemption speaks of this obligation.
pub(crate) fn speaks_of(view: &View<'_>, event: &Event, rule: &Rule, start: &Start<'_>) -> bool {
    let words = view.municipality.rules.vocabulary.built_in();
    names_rule(view, event, rule) && text(event, words.start).is_none_or(|name| **name == **start.name)
}

/// Whether an extension or exemption names a rule, in full or by its id alone.
pub(crate) fn names_rule(view: &View<'_>, event: &Event, rule: &Rule) -> bool {
    let words = view.municipality.rules.vocabulary.built_in();
    text(event, words.rule).is_some_and(|name| **name == *rule.name || **name == *rule.id)
}

fn text(event: &Event, id: AttributeId) -> Option<&Arc<str>> {
    match event.attributes.get(id) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}
