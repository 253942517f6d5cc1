//! Roles that reach nobody: told before the first escalation goes to the wrong desk.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::Desk;
use crate::calendar::Instant;
use crate::case::{CaseFile, CaseRecord, CaseRef};
use crate::engine::Municipality;
use crate::fact::Subject;
use crate::facts::Municipality as Facts;
use crate::notice::{Problem, Recipient, Role, Unreachable};
use crate::rules::Code;
use crate::vocabulary::Attributes;

/// Reports roles that the municipality's rules name, or fall back on, and that reach nobody on the day of `now`.
pub(super) fn check(desk: &mut Desk<'_>, municipality: &Municipality<'_>, facts: &Facts, now: Instant) {
    let tenant = &municipality.organisation.tenant.id;
    let (of_units, of_tenant): (Vec<Role>, Vec<Role>) =
        named(municipality).into_iter().partition(|role| matches!(role, Role::Leader | Role::NextLeader | Role::Unit));
    for role in &of_tenant {
        unreached(desk, municipality, (role, None), &format!("municipality `{tenant}`"), now);
    }
    for unit in working_units(municipality, facts, now) {
        for role in &of_units {
            let whose = format!("unit `{unit}` of `{tenant}`");
            unreached(desk, municipality, (role, Some(unit)), &whose, now);
        }
    }
}

/// The roles that rules name. Leader and coordinator are on every way down to the fallback.
fn named(municipality: &Municipality<'_>) -> BTreeSet<Role> {
    let rules = municipality.active_rules().iter().map(|index| municipality.rules.rule(*index));
    let roles = rules.flat_map(|rule| rule.responsible.iter().chain(rule.ladder.iter().flat_map(|step| &step.to)));
    let of_cases = [Role::Responsible, Role::Stafettholder, Role::Initiator];
    roles.filter(|role| !of_cases.contains(role)).cloned().chain([Role::Leader, Role::Coordinator]).collect()
}

/// The units in which cases can be: those that have some, and those without units below them.
fn working_units<'m>(municipality: &Municipality<'m>, facts: &Facts, now: Instant) -> Vec<&'m Arc<str>> {
    let organisation = municipality.organisation;
    let records = facts.cases.iter().filter_map(|case| case.records.at(now));
    let with_cases: BTreeSet<&str> = records.filter_map(|record| record.unit.as_deref()).collect();
    let known: Vec<&Arc<str>> =
        organisation.unit_ids().into_iter().filter(|id| organisation.unit(id, now).is_some()).collect();
    let parents: BTreeSet<&str> = known.iter().filter_map(|id| organisation.unit(id, now)?.parent.as_deref()).collect();
    known.into_iter().filter(|id| with_cases.contains(&***id) || !parents.contains(&***id)).collect()
}

fn unreached(
    desk: &mut Desk<'_>,
    municipality: &Municipality<'_>,
    (role, unit): (&Role, Option<&Arc<str>>),
    whose: &str,
    now: Instant,
) {
    let case = case_in(unit);
    let Some((instead, Some(Problem::Unresolved { whom, why, .. }))) = municipality.reached(&case, &[], role, now)
    else {
        return;
    };
    let message = format!("{whose}: `{role}` reaches nobody: {}", reason(whom.as_deref(), why));
    let instead = match instead {
        Recipient::Fallback => "the fallback address".to_owned(),
        other => format!("`{other}`"),
    };
    let help = format!("what is meant for that role goes to {instead}; correct the record");
    desk.find(Code::Unreachable, None, message, help);
}

/// A case of which only the unit is known.
fn case_in(unit: Option<&Arc<str>>) -> CaseFile {
    let mut case = CaseFile::new("".into(), "".into());
    let record = CaseRecord {
        reference: CaseRef::derived("", ""),
        level: None,
        unit: unit.cloned(),
        stafettholder: None,
        initiator: None,
        subject: Subject::default(),
        protected: false,
        attributes: Attributes::default(),
        recorded_at: None,
    };
    case.records.push(None, record);
    case
}

fn reason(whom: Option<&str>, why: Unreachable) -> String {
    let whom = whom.map_or_else(|| "whoever it names".to_owned(), |id| format!("`{id}`"));
    match why {
        Unreachable::Vacant => "the record names nobody".to_owned(),
        Unreachable::Unknown => format!("{whom} is not in the facts"),
        Unreachable::Absent => format!("{whom} is away, and nobody reachable stands in"),
        Unreachable::DeputyCycle => format!("{whom} and the deputies stand in for each other"),
        Unreachable::NoAddress => format!("{whom} has no address"),
        Unreachable::OutsideDomains => format!("the address of {whom} is outside `mail_domains`"),
        Unreachable::OnlyResponsible => format!("{whom} is the person responsible, all the way up"),
    }
}
