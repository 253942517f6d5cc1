//! Municipalities with their case files, assembled in memory from facts and rules.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::sync::Arc;

use chrono_tz::Tz;

use super::{FactError, Known, Line, LoadedLines, ndjson};
use crate::calendar::{Instant, first_instant};
use crate::case::CaseFile;
use crate::fact::{CaseFact, EventFact, Fact, TenantFact};
use crate::organisation::{Organisation, Tenant};
use crate::rules::RuleSet;
use crate::vocabulary::Vocabulary;

/// Everything that facts say, ready for the engine.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The municipalities, by id.
    pub municipalities: Vec<Municipality>,
}

/// One municipality and its cases.
#[derive(Clone, Debug)]
pub struct Municipality {
    /// The municipality with its units and people.
    pub organisation: Organisation,
    /// Its cases, by id.
    pub cases: Vec<CaseFile>,
    /// The earliest [`recorded_at`] of its unit, person, case and event lines: without `go_live`, rounds begin then.
    pub first_recorded_at: Option<Instant>,
}

impl World {
    /// Reads NDJSON.
    ///
    /// # Errors
    /// Everything that is wrong, by line.
    pub fn load(reader: impl BufRead, rules: &RuleSet) -> Result<Self, Vec<FactError>> {
        Self::from_lines(ndjson::read(reader), rules)
    }

    /// Assembles records from any reader, in the order in which they come.
    ///
    /// # Errors
    /// Everything that is wrong, by line: what could not be read, and what names something that is not there.
    pub fn from_lines(
        lines: impl Iterator<Item = Result<Line, FactError>>,
        rules: &RuleSet,
    ) -> Result<Self, Vec<FactError>> {
        let mut loaded = LoadedLines::read(lines, usize::MAX, |_| {});
        let mut known = Known::default();
        known.add_records(loaded.facts());
        loaded.check(rules, &known);
        if !loaded.errors.is_empty() {
            return Err(loaded.errors);
        }
        Self::assemble(loaded.lines, &rules.vocabulary)
    }

    fn assemble(lines: Vec<Line>, vocabulary: &Vocabulary) -> Result<Self, Vec<FactError>> {
        let mut tenants: BTreeMap<Arc<str>, Building> = BTreeMap::new();
        for Line { fact, .. } in &lines {
            if let Fact::Tenant(fact) = fact {
                let tenant = Tenant::parse(fact).map_err(|text| vec![FactError::new(0, text)])?;
                tenants.insert(tenant.id.clone(), Building::new(tenant));
            }
        }
        for Line { number, fact } in lines {
            if let Some(building) = tenants.get_mut(fact.tenant()) {
                building.add(&fact, vocabulary).map_err(|text| vec![FactError::new(number, text)])?;
            }
        }
        Ok(Self { municipalities: tenants.into_values().map(Building::finish).collect() })
    }
}

/// A municipality while its lines are read.
struct Building {
    organisation: Organisation,
    cases: HashMap<String, CaseFile>,
    first_recorded_at: Option<Instant>,
}

impl Building {
    fn new(tenant: Tenant) -> Self {
        Self { organisation: Organisation::new(tenant), cases: HashMap::new(), first_recorded_at: None }
    }

    fn add(&mut self, fact: &Fact, vocabulary: &Vocabulary) -> Result<(), String> {
        let zone = self.organisation.tenant.zone;
        if let Some(instant) = recorded_at(fact, zone) {
            self.first_recorded_at = Some(self.first_recorded_at.map_or(instant, |first| first.min(instant)));
        }
        match fact {
            Fact::Tenant(_) => Ok(()),
            Fact::Unit(unit) => self.organisation.add_unit(unit, vocabulary),
            Fact::Person(person) => self.organisation.add_person(person),
            Fact::Case(case) => self.case(&case.id).add_record(case, vocabulary),
            Fact::Event(event) => self.case(&event.case).add_event(event, vocabulary, zone),
        }
    }

    fn case(&mut self, id: &str) -> &mut CaseFile {
        let tenant = &self.organisation.tenant.id;
        self.cases.entry(id.to_owned()).or_insert_with(|| CaseFile::new(tenant.clone(), id.into()))
    }

    fn finish(self) -> Municipality {
        let mut cases: Vec<CaseFile> = self.cases.into_values().collect();
        cases.sort_by(|one, other| one.id.cmp(&other.id));
        Municipality { organisation: self.organisation, cases, first_recorded_at: self.first_recorded_at }
    }
}

/// When a unit, person, case or event line was recorded, defaults included; a tenant's own line has no such moment.
///
/// An event without `recorded_at` was recorded when it happened. A revocation without one has none.
#[must_use]
pub fn recorded_at(fact: &Fact, zone: Tz) -> Option<Instant> {
    let said = match fact {
        Fact::Tenant(_) => return None,
        Fact::Unit(unit) => unit.recorded_at,
        Fact::Person(person) => person.recorded_at,
        Fact::Case(case) => case.recorded_at,
        Fact::Event(event) => {
            let happened = event.at.map(|at| at.to_utc()).or(event.on.map(|on| first_instant(zone, on)));
            let default = if event.revoked == Some(true) { None } else { happened };
            return event.recorded_at.map(|at| at.to_utc()).or(default);
        }
    };
    said.map(|instant| instant.to_utc())
}

/// A municipality from its own record and the unit and person records in file order, as the store keeps them.
///
/// # Errors
/// Text for a person where the municipality's own record does not parse; then there is nothing to plan with. Unit and
/// person records that do not parse are left out and returned beside it: their number in `records`, and why.
pub fn assemble_organisation(
    tenant: &TenantFact,
    records: &[Fact],
    vocabulary: &Vocabulary,
) -> Result<(Organisation, Vec<(usize, String)>), String> {
    let mut building = Building::new(Tenant::parse(tenant)?);
    let mut poison = vec![];
    for (number, fact) in records.iter().enumerate() {
        if let Err(text) = building.add(fact, vocabulary) {
            poison.push((number, text));
        }
    }
    Ok((building.organisation, poison))
}

/// One case from its records and events, each in file order, as the store keeps them.
///
/// # Errors
/// Text for a person, naming the field of the first record or event that does not parse.
pub fn assemble_case(
    id: &str,
    records: &[CaseFact],
    events: &[EventFact],
    tenant: &Tenant,
    vocabulary: &Vocabulary,
) -> Result<CaseFile, String> {
    let mut case = CaseFile::new(tenant.id.clone(), id.into());
    for record in records {
        case.add_record(record, vocabulary)?;
    }
    for event in events {
        case.add_event(event, vocabulary, tenant.zone)?;
    }
    Ok(case)
}
