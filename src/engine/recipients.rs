//! Whom a role reaches on a day: deputies, leaders on the way up, and the fallback chain (`rule-language` § 9).

use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::case::{CaseFile, CaseRecord};
use crate::notice::{Problem, Recipient, Role, Unreachable};
use crate::organisation::Organisation;

use super::municipality::Municipality;

/// Resolves roles for one rule of one case at an instant.
pub(crate) struct Roles<'a> {
    organisation: &'a Organisation,
    record: &'a CaseRecord,
    now: Instant,
    today: NaiveDate,
    list: &'a [Role],
    /// What `responsible` resolves to; the person it is, where it is one, is never told as a leader.
    responsible: Option<Result<Recipient, Failure>>,
}

/// Why a role reaches nobody, and whom it would have been.
type Failure = (Option<Arc<str>>, Unreachable);

impl<'a> Roles<'a> {
    pub(crate) fn new(
        organisation: &'a Organisation,
        record: &'a CaseRecord,
        list: &'a [Role],
        now: Instant,
        today: NaiveDate,
    ) -> Self {
        let mut roles = Self { organisation, record, now, today, list, responsible: None };
        roles.responsible = Some(roles.first_of_list());
        roles
    }

    fn is_responsible(&self, person: &str) -> bool {
        matches!(&self.responsible, Some(Ok(Recipient::Person(responsible))) if **responsible == *person)
    }

    /// Who receives what a ladder sends to `role`, and the problem if it is not the one named.
    pub(crate) fn resolve(&self, role: &Role) -> (Recipient, Option<Problem>) {
        let (whom, why) = match self.direct(role) {
            Ok(recipient) => return (recipient, None),
            Err(failure) => failure,
        };
        let problem = Problem::Unresolved { role: role.clone(), whom, why };
        let is_leader = matches!(role, Role::Leader | Role::NextLeader);
        let is_skipped = |recipient: &Recipient| match recipient {
            Recipient::Person(person) => is_leader && self.is_responsible(person),
            _ => false,
        };
        let chain = [Role::Leader, Role::Coordinator];
        let substitute =
            chain.iter().filter_map(|role| self.direct(role).ok()).find(|recipient| !is_skipped(recipient));
        (substitute.unwrap_or(Recipient::Fallback), Some(problem))
    }

    /// The person or mailbox that a role names itself.
    fn direct(&self, role: &Role) -> Result<Recipient, Failure> {
        let tenant = &self.organisation.tenant;
        let person = |id: Option<&Arc<str>>| self.reach(id).map(Recipient::Person);
        match role {
            Role::Responsible => self.responsible.clone().unwrap_or_else(|| self.first_of_list()),
            Role::Stafettholder => person(self.record.stafettholder.as_ref()),
            Role::Initiator => person(self.record.initiator.as_ref()),
            Role::Coordinator => person(tenant.coordinator.as_ref()),
            Role::Contact(name) => person(tenant.contacts.get(name)),
            Role::Unit => self.mailbox(),
            Role::Leader => self.leader_from(self.record.unit.as_ref()),
            Role::NextLeader => {
                self.leader_from(self.unit(self.record.unit.as_ref()).and_then(|unit| unit.parent.as_ref()))
            }
        }
    }

    /// The first role of the rule's list that resolves. A leader in that list is the unit's own.
    fn first_of_list(&self) -> Result<Recipient, Failure> {
        let mut first_failure = None;
        for role in self.list.iter().filter(|role| **role != Role::Responsible) {
            match self.direct(role) {
                Ok(recipient) => return Ok(recipient),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
        }
        Err(first_failure.unwrap_or((None, Unreachable::Vacant)))
    }

    fn mailbox(&self) -> Result<Recipient, Failure> {
        let unit = self.unit(self.record.unit.as_ref()).ok_or((None, Unreachable::Vacant))?;
        let whom = Some(unit.id.clone());
        match &unit.email {
            None => Err((whom, Unreachable::NoAddress)),
            Some(address) if !address.is_within(&self.organisation.tenant.mail_domains) => {
                Err((whom, Unreachable::OutsideDomains))
            }
            Some(_) => Ok(Recipient::Unit(unit.id.clone())),
        }
    }

    fn unit(&self, id: Option<&Arc<str>>) -> Option<&'a crate::organisation::Unit> {
        self.organisation.unit(id?, self.now)
    }

    /// The leader of a unit, or, where that is the person responsible, the first leader above who is not.
    fn leader_from(&self, id: Option<&Arc<str>>) -> Result<Recipient, Failure> {
        let first = self.unit(id).ok_or((None, Unreachable::Vacant))?;
        let leader = self.reach(first.leader.as_ref())?;
        if !self.is_responsible(&leader) {
            return Ok(Recipient::Person(leader));
        }
        let mut visited = vec![first.id.clone()];
        let mut next = first.parent.as_ref();
        while let Some(unit) = self.unit(next).filter(|unit| !visited.contains(&unit.id)) {
            if let Ok(leader) = self.reach(unit.leader.as_ref())
                && !self.is_responsible(&leader)
            {
                return Ok(Recipient::Person(leader));
            }
            visited.push(unit.id.clone());
            next = unit.parent.as_ref();
        }
        Err((Some(leader), Unreachable::OnlyResponsible))
    }

    fn reach(&self, id: Option<&Arc<str>>) -> Result<Arc<str>, Failure> {
        reach(self.organisation, id, self.now, self.today)
    }
}

/// The person, or whoever stands in on a day, transitively.
fn reach(
    organisation: &Organisation,
    id: Option<&Arc<str>>,
    now: Instant,
    today: NaiveDate,
) -> Result<Arc<str>, Failure> {
    let named = id.ok_or((None, Unreachable::Vacant))?;
    let whom = || Some(named.clone());
    let mut seen: Vec<&Arc<str>> = Vec::new();
    let mut current = named;
    loop {
        if seen.contains(&current) {
            return Err((whom(), Unreachable::DeputyCycle));
        }
        let not_found = if seen.is_empty() { Unreachable::Unknown } else { Unreachable::Absent };
        let person = organisation.person(current, now).ok_or_else(|| (whom(), not_found))?;
        let absence = person.absent.iter().find(|absence| absence.from <= today && today <= absence.to);
        let Some(absence) = absence else {
            return match &person.email {
                None => Err((whom(), Unreachable::NoAddress)),
                Some(address) if !address.is_within(&organisation.tenant.mail_domains) => {
                    Err((whom(), Unreachable::OutsideDomains))
                }
                Some(_) => Ok(person.id.clone()),
            };
        };
        seen.push(current);
        current = absence.deputy.as_ref().ok_or_else(|| (whom(), Unreachable::Absent))?;
    }
}

impl Municipality<'_> {
    /// Who receives what is told to the municipality itself: the coordinator or a deputy, else the fallback.
    #[must_use]
    pub fn coordinator(&self, now: Instant) -> Recipient {
        let tenant = &self.organisation.tenant;
        let reached = reach(self.organisation, tenant.coordinator.as_ref(), now, self.date(now));
        reached.map_or(Recipient::Fallback, Recipient::Person)
    }

    /// A person, or whoever stands in for them; `None` where neither can be written to.
    #[must_use]
    pub fn person_or_deputy(&self, id: &Arc<str>, now: Instant) -> Option<Recipient> {
        reach(self.organisation, Some(id), now, self.date(now)).ok().map(Recipient::Person)
    }

    /// The person whom a role names for a case, whether they are there or not. `None` for roles that the way up
    /// decides, and for those that name nobody.
    #[must_use]
    pub fn named(&self, case: &CaseFile, role: &Role, now: Instant) -> Option<Arc<str>> {
        let record = case.records.at(now)?;
        let tenant = &self.organisation.tenant;
        match role {
            Role::Stafettholder => record.stafettholder.clone(),
            Role::Initiator => record.initiator.clone(),
            Role::Coordinator => tenant.coordinator.clone(),
            Role::Contact(name) => tenant.contacts.get(name).cloned(),
            Role::Responsible | Role::Leader | Role::NextLeader | Role::Unit => None,
        }
    }

    /// Whom a role of a rule reaches for a case, and the problem if it is not the one named. `None` before the case's
    /// first record.
    #[must_use]
    pub fn reached(
        &self,
        case: &CaseFile,
        responsible: &[Role],
        role: &Role,
        now: Instant,
    ) -> Option<(Recipient, Option<Problem>)> {
        let record = case.records.at(now)?;
        Some(Roles::new(self.organisation, record, responsible, now, self.date(now)).resolve(role))
    }
}
