//! What can be said of a record only once all records are there: does what it names exist?
//!
//! An unknown tenant, case, unit, event kind, pack or calendar is an error. An unknown person in a role is none: the
//! engine records it as a problem (`rule-language` § 4).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;

use super::{FactError, Line, Names, plausible};
use crate::case::{CaseFile, unknown};
use crate::engine::Municipality;
use crate::fact::{CaseFact, EventFact, Fact, PersonFact, TenantFact, UnitFact};
use crate::organisation::{Organisation, Tenant};
use crate::rules::RuleSet;

/// Suggestions are sought in at most this many names: past that, looking costs more than it helps.
const SUGGESTIONS_FROM: usize = 20_000;

/// The longest id, in bytes: a database server's index holds no entry of any length.
pub(crate) const LONGEST_ID: usize = 200;

/// The ids that exist: those of a file, of the store, or of both.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What exists, by tenant id.
    pub tenants: HashMap<Arc<str>, KnownTenant>,
}

/// What exists in one municipality.
#[derive(Clone, Debug)]
pub struct KnownTenant {
    /// Its time zone.
    pub zone: Tz,
    /// The ids of its units.
    pub units: HashSet<Arc<str>>,
    /// The ids of its cases.
    pub cases: HashSet<Arc<str>>,
}

impl Known {
    /// Adds a tenant, or its newer zone.
    pub fn add_tenant(&mut self, id: &str, zone: Tz) {
        let new = || KnownTenant { zone, units: HashSet::new(), cases: HashSet::new() };
        self.tenants.entry(id.into()).or_insert_with(new).zone = zone;
    }

    /// Adds what these records define. Units and cases of a tenant that is not there are left out.
    pub fn add_records<'a>(&mut self, facts: impl Iterator<Item = &'a Fact>) {
        self.add_names(Names::of(facts));
    }

    /// As [`Self::add_records`]. What comes back are the cases, by tenant, that events speak of and that are not known here.
    pub fn add_names(&mut self, names: Names) -> HashMap<Arc<str>, HashSet<Arc<str>>> {
        for (id, zone) in names.defined() {
            self.add_tenant(id, zone);
        }
        for (id, units) in names.units {
            if let Some(tenant) = self.tenants.get_mut(&id) {
                tenant.units.extend(units);
            }
        }
        for (id, cases) in names.cases {
            match self.tenants.get_mut(&id) {
                Some(tenant) if tenant.cases.is_empty() => tenant.cases = cases,
                Some(tenant) => tenant.cases.extend(cases),
                None => {}
            }
        }
        let mut missing = names.spoken_of;
        missing.retain(|id, cases| match self.tenants.get(id) {
            Some(tenant) => {
                cases.retain(|case| !tenant.cases.contains(case));
                !cases.is_empty()
            }
            None => false,
        });
        missing
    }

    /// Adds what is known elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (id, known) in other.tenants {
            match self.tenants.entry(id) {
                Entry::Vacant(place) => drop(place.insert(known)),
                Entry::Occupied(mut place) => {
                    let here = place.get_mut();
                    here.zone = known.zone;
                    here.units.extend(known.units);
                    here.cases.extend(known.cases);
                }
            }
        }
    }

    /// Takes units back that turned out to be unusable.
    pub fn remove_units(&mut self, refused: &[Fact]) {
        for fact in refused {
            if let (Fact::Unit(unit), Some(tenant)) = (fact, self.tenants.get_mut(fact.tenant())) {
                tenant.units.remove(unit.id.as_str());
            }
        }
    }
}

/// Checks records against the rules' words and the ids that exist.
#[derive(Debug)]
pub struct Checker<'a> {
    rules: &'a RuleSet,
    known: &'a Known,
}

impl<'a> Checker<'a> {
    /// A checker against these rules and ids.
    #[must_use]
    pub fn new(rules: &'a RuleSet, known: &'a Known) -> Self {
        Self { rules, known }
    }

    /// Everything that is wrong with one record.
    #[must_use]
    pub fn check(&self, line: &Line) -> Vec<FactError> {
        let mut errors = vec![];
        let mut found = |field: &str, text: String| errors.push(FactError::of_field(line.number, field, text));
        let Some(tenant) = self.known.tenants.get(line.fact.tenant()) else {
            let text = unknown("tenant", line.fact.tenant(), self.known.tenants.keys());
            return vec![FactError::of_field(line.number, "tenant", text)];
        };
        plausible::years(&line.fact, &self.rules.vocabulary, &mut found);
        if !errors.is_empty() {
            return errors;
        }
        let mut found = |field: &str, text: String| errors.push(FactError::of_field(line.number, field, text));
        let parsed = match &line.fact {
            Fact::Tenant(fact) => self.tenant(fact, &mut found),
            Fact::Unit(fact) => self.unit(fact, tenant, &mut found),
            Fact::Person(fact) => self.person(fact, tenant, &mut found),
            Fact::Case(fact) => self.case(fact, tenant, &mut found),
            Fact::Event(fact) => self.event(fact, tenant, &mut found),
        };
        if let Err(text) = parsed {
            errors.push(FactError::new(line.number, text));
        }
        errors
    }

    fn tenant(&self, fact: &TenantFact, found: &mut impl FnMut(&str, String)) -> Result<(), String> {
        id_is_usable(&fact.id, found);
        plausible::tenant(fact, found);
        let mut all_known = true;
        for pack in &fact.packs {
            if self.rules.pack(pack).is_none() {
                all_known = false;
                found("packs", unknown("rule pack", pack, self.rules.packs.iter().map(|pack| &pack.id)));
            }
        }
        let delivery = fact.delivery.as_ref().and_then(|delivery| delivery.calendar.as_deref());
        all_known &= self.calendar("delivery.calendar", delivery, found);
        let organisation = Organisation::new(Tenant::parse(fact)?);
        if all_known { Municipality::new(self.rules, &organisation).map(drop) } else { Ok(()) }
    }

    fn unit(&self, fact: &UnitFact, tenant: &KnownTenant, found: &mut impl FnMut(&str, String)) -> Result<(), String> {
        id_is_usable(&fact.id, found);
        unit_exists("parent", fact.parent.as_deref(), tenant, found);
        self.calendar("calendar", fact.calendar.as_deref(), found);
        scratch_organisation().add_unit(fact, &self.rules.vocabulary)
    }

    fn person(
        &self,
        fact: &PersonFact,
        tenant: &KnownTenant,
        found: &mut impl FnMut(&str, String),
    ) -> Result<(), String> {
        id_is_usable(&fact.id, found);
        if fact.id == "fallback" || fact.id.starts_with("unit:") {
            found("id", "`fallback` and `unit:…` name recipients that are no persons; choose another id".to_owned());
        }
        unit_exists("unit", fact.unit.as_deref(), tenant, found);
        scratch_organisation().add_person(fact)
    }

    fn case(&self, fact: &CaseFact, tenant: &KnownTenant, found: &mut impl FnMut(&str, String)) -> Result<(), String> {
        id_is_usable(&fact.id, found);
        unit_exists("unit", fact.unit.as_deref(), tenant, found);
        CaseFile::new("".into(), "".into()).add_record(fact, &self.rules.vocabulary)
    }

    fn event(
        &self,
        fact: &EventFact,
        tenant: &KnownTenant,
        found: &mut impl FnMut(&str, String),
    ) -> Result<(), String> {
        id_is_usable(&fact.id, found);
        if !tenant.cases.contains(&*fact.case) {
            found("case", unknown("case", &fact.case, tenant.cases.iter().take(SUGGESTIONS_FROM)));
        }
        let revoked = fact.revoked == Some(true);
        let vocabulary = &self.rules.vocabulary;
        if let Some(kind) = fact.kind.as_deref().filter(|kind| revoked && vocabulary.event(kind).is_none()) {
            found("kind", unknown("event kind", kind, vocabulary.event_kinds()));
        }
        plausible::built_in(fact, vocabulary, found);
        CaseFile::new("".into(), "".into()).add_event(fact, vocabulary, tenant.zone)
    }

    /// Whether there is such a calendar, where one is named.
    fn calendar(&self, field: &str, id: Option<&str>, found: &mut impl FnMut(&str, String)) -> bool {
        let Some(id) = id.filter(|id| self.rules.calendar_of(id).is_none()) else { return true };
        found(field, unknown("calendar", id, self.rules.calendars.iter().map(|calendar| calendar.id())));
        false
    }
}

fn unit_exists(field: &str, id: Option<&str>, tenant: &KnownTenant, found: &mut impl FnMut(&str, String)) {
    if let Some(id) = id.filter(|id| !tenant.units.contains(*id)) {
        found(field, unknown("unit", id, tenant.units.iter()));
    }
}

fn id_is_usable(id: &str, found: &mut impl FnMut(&str, String)) {
    if id.trim().is_empty() {
        found("id", "an id may not be empty".to_owned());
    } else if id.len() > LONGEST_ID {
        found("id", format!("longer than {LONGEST_ID} bytes: no id is"));
    }
}

/// A municipality that only lends its parsing to a check.
fn scratch_organisation() -> Organisation {
    Organisation::new(Tenant {
        id: "".into(),
        name: "".into(),
        packs: vec![],
        language: crate::language::Language::default(),
        zone: Tz::UTC,
        coordinator: None,
        contacts: std::collections::BTreeMap::new(),
        fallback: crate::organisation::Address::new(""),
        mail_domains: vec![],
        case_url: None,
        go_live: None,
        opens: chrono::NaiveTime::MIN,
        closes: chrono::NaiveTime::MIN,
        delivery_calendar: None,
    })
}
