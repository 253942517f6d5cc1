//! A municipality: its units and people over time, and how it wants to be written to.
//!
//! Which person a role reaches on a day is decided in [`crate::engine`]; this module holds who there is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::calendar::Instant;
use crate::case::parse_attributes;
use crate::fact::{PersonFact, TenantFact, UnitFact};
use crate::history::History;
use crate::language::Language;
use crate::vocabulary::{Attributes, Owner, Vocabulary};

/// A municipality with its units and people.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// The municipality itself.
    pub tenant: Tenant,
    units: HashMap<Arc<str>, History<Unit>>,
    persons: HashMap<Arc<str>, History<Person>>,
    changes: Vec<Instant>,
}

/// A municipality.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// The ids of the rule packs in force; the first one gives defaults.
    pub packs: Vec<Arc<str>>,
    /// The language of messages to people who have none of their own.
    pub language: Language,
    /// Its time zone.
    pub zone: Tz,
    /// The coordinator's person id.
    pub coordinator: Option<Arc<str>>,
    /// Person ids by contact name.
    pub contacts: BTreeMap<Arc<str>, Arc<str>>,
    /// The address that gets what reaches nobody else.
    pub fallback: Address,
    /// The only domains that mail may go to.
    pub mail_domains: Vec<Arc<str>>,
    /// Link to a case, with `{ref}` where the reference goes.
    pub case_url: Option<Arc<str>>,
    /// No round before this day.
    pub go_live: Option<NaiveDate>,
    /// When a round may begin, local time.
    pub opens: NaiveTime,
    /// When the last round must have begun, local time.
    pub closes: NaiveTime,
    /// The delivery calendar's id; the first pack's unless said.
    pub delivery_calendar: Option<Arc<str>>,
}

/// The link to a case: a tenant's `case_url` with the reference in it, as an address takes it.
#[must_use]
pub fn case_link(case_url: &str, reference: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encoded = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    case_url.replace("{ref}", &reference.bytes().map(encoded).collect::<String>())
}

/// An e-mail address. Debug and Display hide it: logs and errors may never hold one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// An address as facts give it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The address itself, for the transport and the outbox only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is a usable address in one of `domains`, compared whole and without case (§ 9).
    #[must_use]
    pub fn is_within(&self, domains: &[Arc<str>]) -> bool {
        let Some((local, domain)) = self.0.rsplit_once('@') else { return false };
        !local.is_empty()
            && !self.0.contains(|char: char| char.is_control() || char.is_whitespace())
            && domains
                .iter()
                .any(|known| known.eq_ignore_ascii_case(domain) || known.to_lowercase() == domain.to_lowercase())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A school, a kindergarten, a department.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its id.
    pub id: Arc<str>,
    /// What people call it; its id where it has no name.
    pub name: Arc<str>,
    /// Its type.
    pub unit_type: Option<Arc<str>>,
    /// The id of the unit above.
    pub parent: Option<Arc<str>>,
    /// The leader's person id.
    pub leader: Option<Arc<str>>,
    /// Its mailbox.
    pub email: Option<Address>,
    /// Its legal calendar's id.
    pub calendar: Option<Arc<str>>,
    /// As in the vocabulary.
    pub attributes: Attributes,
}

/// Somebody who can be written to.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Their id.
    pub id: Arc<str>,
    /// Where they are written to.
    pub email: Option<Address>,
    /// The id of the unit where they work.
    pub unit: Option<Arc<str>>,
    /// Their language, if they chose one.
    pub language: Option<Language>,
    /// When they are away.
    pub absent: Vec<Absence>,
}

/// A time away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    /// First day away.
    pub from: NaiveDate,
    /// Last day away.
    pub to: NaiveDate,
    /// The person id of whoever stands in.
    pub deputy: Option<Arc<str>>,
}

impl Organisation {
    /// A municipality without units and people.
    #[must_use]
    pub fn new(tenant: Tenant) -> Self {
        Self { tenant, units: HashMap::new(), persons: HashMap::new(), changes: vec![] }
    }

    /// Adds the next version of a unit.
    ///
    /// # Errors
    /// Text for a person, naming the field.
    pub fn add_unit(&mut self, fact: &UnitFact, vocabulary: &Vocabulary) -> Result<(), String> {
        let attributes = parse_attributes(fact.attributes.as_ref(), vocabulary, |name| {
            vocabulary.owned_attribute(Owner::Unit, name)
        })
        .map_err(|error| error.text("a unit", vocabulary.owned_attributes(Owner::Unit)))?;
        let id: Arc<str> = fact.id.as_str().into();
        let name = fact.name.as_deref().filter(|name| !name.trim().is_empty());
        let unit = Unit {
            name: name.map_or_else(|| id.clone(), Arc::from),
            id: id.clone(),
            unit_type: shared(fact.unit_type.as_ref()),
            parent: shared(fact.parent.as_ref()),
            leader: shared(fact.leader.as_ref()),
            email: address(fact.email.as_ref()),
            calendar: shared(fact.calendar.as_ref()),
            attributes,
        };
        let recorded_at = fact.recorded_at.map(|instant| instant.to_utc());
        self.units.entry(id).or_insert_with(History::new).push(recorded_at, unit);
        self.note_change(recorded_at);
        Ok(())
    }

    /// Adds the next version of a person.
    ///
    /// # Errors
    /// Text for a person, naming the field.
    pub fn add_person(&mut self, fact: &PersonFact) -> Result<(), String> {
        let id: Arc<str> = fact.id.as_str().into();
        let mut absent = Vec::new();
        for absence in fact.absent.iter().flatten() {
            let to = absence.to.unwrap_or(NaiveDate::MAX);
            if to < absence.from {
                return Err("`absent` ends before it begins".to_owned());
            }
            absent.push(Absence { from: absence.from, to, deputy: shared(absence.deputy.as_ref()) });
        }
        let person = Person {
            id: id.clone(),
            email: address(fact.email.as_ref()),
            unit: shared(fact.unit.as_ref()),
            language: fact.language,
            absent,
        };
        let recorded_at = fact.recorded_at.map(|instant| instant.to_utc());
        self.persons.entry(id).or_insert_with(History::new).push(recorded_at, person);
        self.note_change(recorded_at);
        Ok(())
    }

    fn note_change(&mut self, recorded_at: Option<Instant>) {
        if let Some(instant) = recorded_at {
            let place = self.changes.partition_point(|change| *change < instant);
            if self.changes.get(place) != Some(&instant) {
                self.changes.insert(place, instant);
            }
        }
    }

    /// The unit as known at `now`.
    #[must_use]
    pub fn unit(&self, id: &str, now: Instant) -> Option<&Unit> {
        self.units.get(id)?.at(now)
    }

    /// The person as known at `now`.
    #[must_use]
    pub fn person(&self, id: &str, now: Instant) -> Option<&Person> {
        self.persons.get(id)?.at(now)
    }

    /// When the unit's record changes.
    pub fn unit_changes(&self, id: &str) -> impl Iterator<Item = Instant> {
        self.units.get(id).into_iter().flat_map(History::changes)
    }

    /// When the person's record changes.
    pub fn person_changes(&self, id: &str) -> impl Iterator<Item = Instant> {
        self.persons.get(id).into_iter().flat_map(History::changes)
    }

    /// The ids of the units where the person works, at any time.
    pub fn units_of(&self, id: &str) -> impl Iterator<Item = &Arc<str>> {
        self.persons.get(id).into_iter().flat_map(History::versions).filter_map(|person| person.unit.as_ref())
    }

    /// The ids of all units recorded at any time, sorted.
    #[must_use]
    pub fn unit_ids(&self) -> Vec<&Arc<str>> {
        let mut ids: Vec<&Arc<str>> = self.units.keys().collect();
        ids.sort();
        ids
    }

    /// The ids of all persons recorded at any time, sorted.
    #[must_use]
    pub fn person_ids(&self) -> Vec<&Arc<str>> {
        let mut ids: Vec<&Arc<str>> = self.persons.keys().collect();
        ids.sort();
        ids
    }

    /// Whether a unit of this id is recorded at any time.
    #[must_use]
    pub fn has_unit(&self, id: &str) -> bool {
        self.units.contains_key(id)
    }

    /// Whether a person of this id is recorded at any time.
    #[must_use]
    pub fn has_person(&self, id: &str) -> bool {
        self.persons.contains_key(id)
    }

    /// The instants at which a unit's or person's record changes, sorted, without repetition.
    #[must_use]
    pub fn changes(&self) -> &[Instant] {
        &self.changes
    }
}

impl Tenant {
    /// A municipality as facts give it.
    ///
    /// # Errors
    /// Text for a person, naming the field.
    pub fn parse(fact: &TenantFact) -> Result<Self, String> {
        let zone_name = fact.time_zone.as_deref().unwrap_or("Europe/Oslo");
        let zone: Tz = zone_name.parse().map_err(|_| "`time_zone` is no IANA time zone like `Europe/Oslo`")?;
        if fact.packs.is_empty() {
            return Err("`packs` names no rule pack".to_owned());
        }
        let hours = fact.delivery.as_ref().and_then(|delivery| delivery.hours.as_deref()).unwrap_or("08:00-16:00");
        let (opens, closes) = parse_hours(hours)?;
        let id: Arc<str> = fact.id.as_str().into();
        Ok(Self {
            name: fact.name.as_deref().map_or_else(|| id.clone(), Arc::from),
            id,
            packs: fact.packs.iter().map(|pack| pack.as_str().into()).collect(),
            language: fact.language.unwrap_or_default(),
            zone,
            coordinator: shared(fact.coordinator.as_ref()),
            contacts: fact
                .contacts
                .iter()
                .flatten()
                .filter_map(|(name, person)| Some((name.as_str().into(), person.as_deref()?.into())))
                .collect(),
            fallback: Address::new(&fact.fallback),
            mail_domains: fact.mail_domains.iter().map(|domain| domain.as_str().into()).collect(),
            case_url: shared(fact.case_url.as_ref()),
            go_live: fact.go_live,
            opens,
            closes,
            delivery_calendar: shared(fact.delivery.as_ref().and_then(|delivery| delivery.calendar.as_ref())),
        })
    }
}

fn parse_hours(text: &str) -> Result<(NaiveTime, NaiveTime), String> {
    let time = |part: &str| NaiveTime::parse_from_str(part.trim(), "%H:%M").ok();
    text.split_once('-')
        .and_then(|(opens, closes)| Some((time(opens)?, time(closes)?)))
        .filter(|(opens, closes)| opens < closes)
        .ok_or_else(|| "`delivery.hours` is no pair of times on one day like `08:00-16:00`".to_owned())
}

fn shared(text: Option<&String>) -> Option<Arc<str>> {
    text.map(|text| text.as_str().into())
}

fn address(text: Option<&String>) -> Option<Address> {
    text.filter(|text| !text.trim().is_empty()).map(|text| Address::new(text))
}
