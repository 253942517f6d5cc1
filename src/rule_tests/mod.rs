//! Rule tests as data: a coordinator's examples, run by the same engine as everything else (`rule-language` § 11).

mod coverage;
mod format;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Map, Value as Json, json};

pub use self::coverage::{Coverage, Touched};
use self::format::{Expectation, Test, TestFile};
use crate::calendar::{BEGINNING, Instant, at_local};
use crate::case::CaseFile;
use crate::engine::Municipality;
use crate::fact::{CaseFact, EventFact, Fact};
use crate::notice::{Notice, Role};
use crate::obligation::{Obligation, VoidReason};
use crate::organisation::{Organisation, Tenant};
use crate::rules::diagnostics::{Report, RuleFiles};
use crate::rules::{Pack, Place, RuleSet};
use crate::simulate::{CaseRun, Stretch, run_case};

/// What became of all tests of a folder.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the tests touched.
    pub coverage: Coverage,
    /// How many passed.
    pub passed: usize,
    /// Those that did not.
    pub failures: Vec<Failure>,
}

/// A test that did not pass.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is written.
    pub place: Place,
    /// What differs, a line each.
    pub differences: Vec<String>,
}

/// Runs every test of a rules folder.
///
/// # Errors
/// The report, where a test file cannot be read.
pub fn run_all(files: &RuleFiles, rules: &RuleSet, below: impl Fn(&str) -> String) -> Result<Outcome, Report> {
    let mut outcome = Outcome::default();
    for file in format::read(files, below)? {
        for test in &file.tests {
            let differences = run(rules, &file, test, &mut outcome.coverage);
            if differences.is_empty() {
                outcome.passed += 1;
            } else {
                outcome.failures.push(Failure { name: test.name.clone(), place: test.place.clone(), differences });
            }
        }
    }
    Ok(outcome)
}

/// Reads every test of a rules folder without running it.
///
/// # Errors
/// The report, where a test file cannot be read.
pub fn check(files: &RuleFiles, below: impl Fn(&str) -> String) -> Result<(), Report> {
    format::read(files, below).map(drop)
}

/// What differs; nothing where the test passes.
fn run(rules: &RuleSet, file: &TestFile, test: &Test, coverage: &mut Coverage) -> Vec<String> {
    let Some(pack) = rules.pack(&file.pack) else { return vec![format!("there is no pack `{}`", file.pack)] };
    let world = organisation(rules, pack, test).and_then(|organisation| {
        let case = case(rules, &organisation.tenant, test)?;
        Ok((organisation, case))
    });
    let (organisation, case) = match world {
        Ok(world) => world,
        Err(text) => return vec![text],
    };
    let municipality = match Municipality::new(rules, &organisation) {
        Ok(municipality) => municipality,
        Err(text) => return vec![text],
    };
    let ends = at_local(municipality.zone(), test.at.date(), test.at.time());
    let first = first_recorded(&organisation, &case);
    let run = run_case(&municipality, &case, first, Stretch { begins: BEGINNING, ends });
    coverage.take(&run);
    Comparison { municipality: &municipality, pack, test, run: &run }.differences()
}

/// The first time at which anything of the test was recorded: rounds begin then (§ 12).
fn first_recorded(organisation: &Organisation, case: &CaseFile) -> Option<Instant> {
    let events =
        case.events.iter().flat_map(|event| event.versions.versions().flatten()).map(|event| event.recorded_at);
    let records = case.records.versions().filter_map(|record| record.recorded_at);
    events.chain(records).chain(organisation.changes().first().copied()).min()
}

/// A test's own organisation, or one in which every role resolves to a person named after the role.
fn organisation(rules: &RuleSet, pack: &Pack, test: &Test) -> Result<Organisation, String> {
    let mut tenant = json!({
        "type": "tenant", "id": "test", "packs": [&*pack.id], "coordinator": "coordinator",
        "fallback": "fallback@test.example", "mail_domains": ["test.example"],
    });
    let mut records: Vec<Json> = Vec::new();
    match &test.organisation {
        Some(own) => {
            merge(&mut tenant, &own.tenant);
            records.extend(own.units.iter().map(|fields| with(fields, &json!({ "type": "unit", "tenant": "test" }))));
            records
                .extend(own.persons.iter().map(|fields| with(fields, &json!({ "type": "person", "tenant": "test" }))));
        }
        None => {
            let names = contacts(rules, pack);
            let contacts: Map<String, Json> =
                names.iter().map(|name| (name.to_string(), json!(format!("contact:{name}")))).collect();
            merge(&mut tenant, json!({ "contacts": contacts }).as_object().unwrap_or(&Map::new()));
            records.extend(default_units());
            let fixed = ["stafettholder", "initiator", "leader", "next_leader", "coordinator"].map(str::to_owned);
            let people = fixed.into_iter().chain(names.iter().map(|name| format!("contact:{name}")));
            records.extend(people.map(|id| {
                json!({ "type": "person", "tenant": "test", "id": id, "email": format!("{}@test.example", id.replace(':', ".")) })
            }));
        }
    }
    let Fact::Tenant(fact) = decode(tenant)? else { return Err("no tenant".to_owned()) };
    let mut organisation = Organisation::new(Tenant::parse(&fact)?);
    for record in records {
        match decode(record)? {
            Fact::Unit(unit) => organisation.add_unit(&unit, &rules.vocabulary)?,
            Fact::Person(person) => organisation.add_person(&person)?,
            _ => {}
        }
    }
    Ok(organisation)
}

fn default_units() -> [Json; 2] {
    [
        json!({ "type": "unit", "tenant": "test", "id": "parent", "leader": "next_leader" }),
        json!({
            "type": "unit", "tenant": "test", "id": "unit", "parent": "parent", "leader": "leader",
            "email": "unit@test.example",
        }),
    ]
}

/// The contacts that a pack's rules name.
fn contacts(rules: &RuleSet, pack: &Pack) -> BTreeSet<Arc<str>> {
    let of_pack = pack.rules.iter().map(|index| rules.rule(*index));
    let roles = of_pack.flat_map(|rule| rule.responsible.iter().chain(rule.ladder.iter().flat_map(|step| &step.to)));
    let named = roles.filter_map(|role| match role {
        Role::Contact(name) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

fn case(rules: &RuleSet, tenant: &Tenant, test: &Test) -> Result<CaseFile, String> {
    let mut defaults = json!({
        "type": "case", "tenant": &*tenant.id, "id": "test", "ref": "TEST", "unit": "unit",
        "stafettholder": "stafettholder", "initiator": "initiator",
    });
    merge(&mut defaults, &test.case);
    if let Some(fields) = defaults.as_object_mut() {
        // TOML has no null: an empty text takes a default away.
        fields.retain(|_, value| value != "");
    }
    let mut case = CaseFile::new(tenant.id.clone(), "test".into());
    let Fact::Case(fact) = decode(defaults)? else { return Err("no case".to_owned()) };
    let fact: CaseFact = fact;
    case.add_record(&fact, &rules.vocabulary)?;
    for (number, fields) in test.events.iter().enumerate() {
        let id = format!("e{:02}", number + 1);
        let record = with(fields, &json!({ "type": "event", "tenant": &*tenant.id, "case": "test", "id": id }));
        let Fact::Event(fact) = decode(record)? else { return Err("no event".to_owned()) };
        let fact: EventFact = fact;
        case.add_event(&fact, &rules.vocabulary, tenant.zone)
            .map_err(|text| format!("event {}: {text}", number + 1))?;
    }
    Ok(case)
}

fn decode(record: Json) -> Result<Fact, String> {
    Fact::decode(&record.to_string())
}

fn merge(record: &mut Json, fields: &Map<String, Json>) {
    if let Some(record) = record.as_object_mut() {
        record.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// `fields` with what they leave out taken from `defaults`.
fn with(fields: &Map<String, Json>, defaults: &Json) -> Json {
    let mut record = defaults.clone();
    merge(&mut record, fields);
    record
}

/// Compares one test's expectations with what followed.
struct Comparison<'a> {
    municipality: &'a Municipality<'a>,
    pack: &'a Pack,
    test: &'a Test,
    run: &'a CaseRun,
}

impl Comparison<'_> {
    fn differences(&self) -> Vec<String> {
        if self.test.expect.is_empty() {
            let unexpected = self.run.obligations.iter().filter(|obligation| obligation.status.void_reason().is_none());
            return unexpected.map(|obligation| format!("+ {}", self.describe(obligation))).collect();
        }
        let mut taken: Vec<usize> = Vec::new();
        let mut differences = Vec::new();
        for expected in &self.test.expect {
            let candidates = self.candidates(expected, &taken);
            let best = candidates.iter().map(|(place, obligation)| (*place, self.against(expected, obligation)));
            match best.min_by_key(|(_, lines)| lines.len()) {
                Some((place, lines)) => {
                    taken.push(place);
                    differences.extend(lines);
                }
                None => {
                    differences.push(format!("- {}: no such obligation{}", expected.rule, self.unknown_rule(expected)))
                }
            }
        }
        differences
    }

    fn unknown_rule(&self, expected: &Expectation) -> String {
        let ids = self.pack.rules.iter().map(|index| &self.municipality.rules.rule(*index).id);
        if ids.clone().any(|id| *id == expected.rule || *self.full_name(id) == *expected.rule) {
            return String::new();
        }
        let near = crate::case::nearest(&expected.rule, ids.map(|id| &**id));
        near.map_or_else(|| ", and no rule of that id".to_owned(), |near| format!("; did you mean `{near}`?"))
    }

    fn full_name(&self, id: &str) -> String {
        format!("{}/{id}", self.pack.id)
    }

    fn candidates(&self, expected: &Expectation, taken: &[usize]) -> Vec<(usize, &Obligation)> {
        let all = self.run.obligations.iter().enumerate();
        let of_rule = all.filter(|(place, obligation)| {
            let rule = self.municipality.rules.rule(obligation.rule);
            (*rule.id == *expected.rule || *rule.name == *expected.rule)
                && !taken.contains(place)
                && expected.start.as_ref().is_none_or(|start| *start == obligation.start)
        });
        of_rule.collect()
    }

    fn against(&self, expected: &Expectation, obligation: &Obligation) -> Vec<String> {
        let mut lines = Vec::new();
        let rule = &expected.rule;
        let place =
            expected.place.as_ref().map_or_else(String::new, |place| format!(" ({}:{})", place.file, place.line));
        let mut compare = |field: &str, wanted: Option<String>, found: String| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                lines.push(format!("  {rule}{place}: {field}\n    - expected {wanted}\n    + found    {found}"));
            }
        };
        let date = |date: Option<NaiveDate>| date.map_or_else(|| "none".to_owned(), |date| date.to_string());
        compare("starts_on", expected.starts_on.map(|date| date.to_string()), obligation.starts_on.to_string());
        compare("due_on", expected.due_on.map(|date| date.to_string()), date(obligation.due.map(|due| due.on)));
        compare("status", expected.status.as_deref().map(str::to_owned), obligation.status.word().to_owned());
        let void = obligation.status.void_reason().map_or("none", VoidReason::word);
        compare("void", expected.void.as_deref().map(str::to_owned), void.to_owned());
        compare("met_on", expected.met_on.map(|date| date.to_string()), date(obligation.met_on));
        compare("early", expected.early.map(|early| early.to_string()), obligation.early.to_string());
        let deviates = self.run.deviations.iter().any(|deviation| {
            (deviation.rule, &deviation.start) == (obligation.rule, &obligation.start)
                && !matches!(deviation.closed, Some((_, crate::obligation::Closing::Withdrawn)))
        });
        compare("deviation", expected.deviation.map(|deviation| deviation.to_string()), deviates.to_string());
        lines.extend(self.notices(expected, obligation, &place));
        lines
    }

    fn notices(&self, expected: &Expectation, obligation: &Obligation, place: &str) -> Vec<String> {
        let Some(wanted) = &expected.notices else { return vec![] };
        let of_obligation = |notice: &Notice| (notice.rule, &notice.start) == (obligation.rule, &obligation.start);
        let mut sent: Vec<_> = self
            .run
            .notices
            .iter()
            .filter(|(_, notice)| of_obligation(notice))
            .map(|(at, notice)| (self.municipality.date(*at), notice))
            .collect();
        let mut lines = Vec::new();
        for notice in wanted {
            let found = sent
                .iter()
                .position(|(on, sent)| notice.is(*on, &sent.recipient.to_string(), &sent.role, sent.purpose.word()));
            match found {
                Some(index) => drop(sent.remove(index)),
                None => {
                    let to = notice.to.as_deref().unwrap_or("anybody");
                    lines.push(format!("  {}{place}: notices\n    - expected {} to {to}", expected.rule, notice.on));
                }
            }
        }
        if self.test.complete_notices || wanted.is_empty() || !lines.is_empty() {
            lines.extend(sent.iter().map(|(on, notice)| {
                let (to, role, purpose) = (&notice.recipient, &notice.role, notice.purpose.word());
                format!(
                    "  {}{place}: notices\n    + found    {on} to {to} ({role}, {purpose}, step {})",
                    expected.rule, notice.step
                )
            }));
        }
        lines
    }

    fn describe(&self, obligation: &Obligation) -> String {
        let rule = self.municipality.rules.rule(obligation.rule);
        let due = obligation.due.map_or_else(|| "none".to_owned(), |due| due.on.to_string());
        format!("{} from {}: due {due}, {}", rule.id, obligation.starts_on, obligation.status.word())
    }
}
