//! What is known of a case at an instant (`rule-language` § 4).

use std::sync::Arc;

use crate::calendar::Instant;
use crate::case::{CaseFile, CaseRecord, Event};
use crate::organisation::Unit;
use crate::rules::{Condition, EventPattern, Field, FieldValue, Subject};
use crate::vocabulary::{EventKind, KindSet};

use super::municipality::Municipality;

/// A case as known at an instant.
pub(crate) struct View<'a> {
    pub(crate) municipality: &'a Municipality<'a>,
    pub(crate) now: Instant,
    /// The known events, in event order: time, `recorded_at`, id.
    pub(crate) events: Vec<Known<'a>>,
    /// The kinds of the known events.
    kinds: KindSet,
    /// Whether some event was corrected or revoked so far.
    is_corrected: bool,
    /// The records as known now.
    pub(crate) state: State<'a>,
    case: &'a CaseFile,
}

/// A known event.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) id: &'a Arc<str>,
    pub(crate) event: &'a Event,
    /// When it was recorded first.
    pub(crate) first_recorded_at: Instant,
    /// Whether its own time has come. A start counts as soon as it is known; everything else only from then on.
    pub(crate) counts: bool,
}

/// Case, unit and holder as known at an instant.
#[derive(Clone, Copy)]
pub(crate) struct State<'a> {
    pub(crate) record: &'a CaseRecord,
    pub(crate) unit: Option<&'a Unit>,
    holder: Option<&'a Unit>,
}

impl<'a> View<'a> {
    /// The case as known at `now`; `None` before its first record.
    pub(crate) fn at(municipality: &'a Municipality<'a>, case: &'a CaseFile, now: Instant) -> Option<Self> {
        let state = State::at(municipality, case, now)?;
        let mut events: Vec<Known<'a>> = Vec::with_capacity(case.events.len());
        let mut kinds = KindSet::default();
        let mut is_corrected = false;
        for history in &case.events {
            is_corrected |= history.versions.is_changed_at(now);
            let Some(Some(event)) = history.versions.at(now) else { continue };
            let first_recorded_at = history.first_recorded_at;
            kinds.insert(event.kind);
            events.push(Known { id: &history.id, event, first_recorded_at, counts: event.time.instant <= now });
        }
        events.sort_by(|a, b| {
            (a.event.time.instant, a.first_recorded_at, a.id).cmp(&(b.event.time.instant, b.first_recorded_at, b.id))
        });
        Some(Self { municipality, now, events, kinds, is_corrected, state, case })
    }

    /// The records as known at another instant.
    pub(crate) fn state_at(&self, instant: Instant) -> Option<State<'a>> {
        State::at(self.municipality, self.case, instant)
    }

    /// The case itself.
    pub(crate) fn case(&self) -> &'a CaseFile {
        self.case
    }

    /// Whether an event of a kind may be known: `false` is certain.
    pub(crate) fn may_know(&self, kind: EventKind) -> bool {
        self.kinds.may_contain(kind)
    }

    /// Whether an event that one of the patterns names may be known: `false` is certain.
    pub(crate) fn may_know_any(&self, patterns: &[EventPattern]) -> bool {
        patterns.iter().any(|pattern| self.may_know(pattern.kind))
    }

    /// Whether each event was recorded once, not before it happened, and in event order: then what was known at any
    /// instant before is a beginning of the events.
    pub(crate) fn is_told_in_order(&self) -> bool {
        !self.is_corrected
            && self.events.is_sorted_by_key(|known| known.first_recorded_at)
            && self.events.iter().all(|known| known.event.time.instant <= known.first_recorded_at)
    }

    /// Whether a record that conditions read changed after an instant, up to now.
    pub(crate) fn records_changed_after(&self, instant: Instant) -> bool {
        record_changes(self.municipality, self.case).any(|change| instant < change && change <= self.now)
    }

    /// The numbers of events that count and match one of the patterns, in event order.
    pub(crate) fn counted<'p>(
        &'p self,
        patterns: &'p [EventPattern],
    ) -> impl DoubleEndedIterator<Item = usize> + use<'p, 'a> {
        let events = if self.may_know_any(patterns) { self.events.as_slice() } else { &[] };
        let matching = move |(index, known): (usize, &Known<'_>)| {
            (known.counts && patterns.iter().any(|pattern| matches(pattern, known.event))).then_some(index)
        };
        events.iter().enumerate().filter_map(matching)
    }

    /// The numbers of known events that match one of the patterns, in event order.
    pub(crate) fn known<'p>(&'p self, patterns: &'p [EventPattern]) -> impl Iterator<Item = usize> + use<'p, 'a> {
        let events = if self.may_know_any(patterns) { self.events.as_slice() } else { &[] };
        let matching = move |(index, known): (usize, &Known<'_>)| {
            patterns.iter().any(|pattern| matches(pattern, known.event)).then_some(index)
        };
        events.iter().enumerate().filter_map(matching)
    }

    /// The numbers of events of a kind that count, in event order.
    pub(crate) fn counted_kind(&self, kind: EventKind) -> impl Iterator<Item = usize> + use<'_, 'a> {
        let events = if self.may_know(kind) { self.events.as_slice() } else { &[] };
        events
            .iter()
            .enumerate()
            .filter(move |(_, known)| known.counts && known.event.kind == kind)
            .map(|(index, _)| index)
    }

    /// The instants at which a record that conditions read takes effect, in order.
    pub(crate) fn record_changes(&self) -> Vec<Instant> {
        let mut changes: Vec<Instant> = record_changes(self.municipality, self.case).collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }
}

/// Whether an event is what a pattern names.
pub(crate) fn matches(pattern: &EventPattern, event: &Event) -> bool {
    pattern.kind == event.kind
        && pattern.filter.as_ref().is_none_or(|filter| filter.holds(|_, field| event_field(event, field)))
}

fn event_field(event: &Event, field: Field) -> Option<FieldValue<'_>> {
    match field {
        Field::Attribute(id) => event.attributes.get(id).map(FieldValue::from),
        _ => None,
    }
}

/// The instants at which the case's record, its units or its holders change, in no order.
pub(crate) fn record_changes(municipality: &Municipality<'_>, case: &CaseFile) -> impl Iterator<Item = Instant> {
    let organisation = municipality.organisation;
    // Few municipalities date their units and people; without dates there is nothing to look for.
    let versions = case.records.versions().take(if organisation.changes().is_empty() { 0 } else { usize::MAX });
    let around = versions.flat_map(|record| {
        let unit = record.unit.iter().flat_map(|unit| organisation.unit_changes(unit));
        let holder = record.stafettholder.iter().flat_map(|holder| {
            let units = organisation.units_of(holder).flat_map(|unit| organisation.unit_changes(unit));
            organisation.person_changes(holder).chain(units)
        });
        unit.chain(holder)
    });
    case.records.changes().chain(around)
}

impl<'a> State<'a> {
    /// The records as known at `instant`; `None` before the case's first record.
    pub(crate) fn at(municipality: &Municipality<'a>, case: &'a CaseFile, instant: Instant) -> Option<Self> {
        let record = case.records.at(instant)?;
        let organisation = municipality.organisation;
        let unit_of = |id: &Option<Arc<str>>| id.as_deref().and_then(|id| organisation.unit(id, instant));
        let holder = record.stafettholder.as_deref().and_then(|id| organisation.person(id, instant));
        Some(Self { record, unit: unit_of(&record.unit), holder: holder.and_then(|person| unit_of(&person.unit)) })
    }

    fn case_field(&self, field: Field) -> Option<FieldValue<'a>> {
        let record = self.record;
        match field {
            Field::Attribute(id) => record.attributes.get(id).map(FieldValue::from),
            Field::Level => text(record.level.as_ref()),
            Field::Unit => text(record.unit.as_ref()),
            Field::CaseSubject => Some(FieldValue::Text(record.subject.word())),
            Field::Stafettholder => text(record.stafettholder.as_ref()),
            Field::Initiator => text(record.initiator.as_ref()),
            Field::Protected => Some(FieldValue::Bool(record.protected)),
            Field::Id | Field::UnitType | Field::Parent | Field::Leader | Field::Calendar | Field::Number => None,
        }
    }
}

/// Whether a condition holds on the records, if any were known, and a start event.
pub(crate) fn satisfies(
    state: Option<&State<'_>>,
    condition: &Condition,
    start: Option<&Event>,
    number: Option<u32>,
) -> bool {
    condition.holds(|subject, field| match subject {
        Subject::Case => state.and_then(|state| state.case_field(field)),
        Subject::Unit => state.and_then(|state| state.unit).and_then(|unit| unit_field(unit, field)),
        Subject::Holder => state.and_then(|state| state.holder).and_then(|unit| unit_field(unit, field)),
        Subject::Start if field == Field::Number => number.map(|number| FieldValue::Number(number.into())),
        Subject::Start => start.and_then(|event| event_field(event, field)),
    })
}

fn unit_field(unit: &Unit, field: Field) -> Option<FieldValue<'_>> {
    match field {
        Field::Attribute(id) => unit.attributes.get(id).map(FieldValue::from),
        Field::Id => Some(FieldValue::Text(&unit.id)),
        Field::UnitType => text(unit.unit_type.as_ref()),
        Field::Parent => text(unit.parent.as_ref()),
        Field::Leader => text(unit.leader.as_ref()),
        Field::Calendar => text(unit.calendar.as_ref()),
        _ => None,
    }
}

fn text(value: Option<&Arc<str>>) -> Option<FieldValue<'_>> {
    value.map(|value| FieldValue::Text(value))
}
