//! Just before sending, the cases are read again: what is met, void, paused or meant for somebody else by then is
//! taken out of the message (`rule-language` § 9).

use std::sync::Arc;

use super::content::told_on;
use super::deliver::readable;
use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::engine::{Explained, Municipality, explain};
use crate::notice::{Purpose, Recipient, Role};
use crate::obligation::{ObligationKey, Status};
use crate::store::{
    Claimed, ClaimedNotice, NoticeFilter, NoticeName, NoticeRow, StoreError, StoredCase, StoredOrganisation,
};

/// A notice that still applies, with what a message says of it.
#[derive(Debug)]
pub(super) struct Applicable {
    pub(super) notice: ClaimedNotice,
    pub(super) explained: Explained,
    /// The role that the reader has: for `responsible`, the one of the rule's list that resolves.
    pub(super) role: Role,
    /// How the role led to the reader.
    pub(super) purpose: Purpose,
    pub(super) is_substitute: bool,
    pub(super) is_deputy: bool,
    pub(super) told: Option<(Role, chrono::NaiveDate)>,
    pub(super) key: ObligationKey,
}

/// What is left of a claimed message.
#[derive(Debug, Default)]
pub(super) struct Rechecked {
    pub(super) applicable: Vec<Applicable>,
    /// What no longer applies, with why.
    pub(super) withdrawn: Vec<(NoticeName, &'static str)>,
    /// Cases that are to be planned again, because a notice was meant for somebody else.
    pub(super) revisit: Vec<String>,
    /// Case ids with the version in which they were read.
    pub(super) seen: Vec<(String, i64)>,
}

impl Daemon {
    /// Reads the cases of a message again and sorts its notices.
    pub(super) async fn recheck(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        message: &Claimed,
        now: Instant,
    ) -> Result<Rechecked, StoreError> {
        let mut found = Rechecked::default();
        let Ok(municipality) = Municipality::new(&rules.set, &stored.organisation) else {
            return Ok(found);
        };
        let mut cases: Vec<&str> = message.notices.iter().map(|notice| notice.case.as_str()).collect();
        cases.sort_unstable();
        cases.dedup();
        for id in cases {
            let notices = message.notices.iter().filter(|notice| notice.case == id);
            // Withdrawn notices are not handled: once the case can be read again, it is planned again.
            let Some(case) = readable(self.store.case(stored, &rules.set, id).await)? else {
                found.withdrawn.extend(notices.map(|notice| (notice.name(), "case removed or unreadable")));
                continue;
            };
            found.seen.push((id.to_owned(), case.stamp.version));
            let sent = if message.escalation { self.sent_of(&message.tenant, id).await? } else { vec![] };
            let recheck = CaseRecheck::new(&municipality, &case, message, sent, now);
            for notice in notices {
                match recheck.notice(notice) {
                    Ok(applicable) => found.applicable.push(applicable),
                    Err(reason) => {
                        if reason == OTHER_RECIPIENT {
                            found.revisit.push(id.to_owned());
                        }
                        found.withdrawn.push((notice.name(), reason));
                    }
                }
            }
        }
        Ok(found)
    }
}

impl Daemon {
    /// What was really sent of a case.
    async fn sent_of(&self, tenant: &str, case: &str) -> Result<Vec<NoticeRow>, StoreError> {
        let (tenant, case) = (Some(tenant.to_owned()), Some(case.to_owned()));
        let filter = NoticeFilter { tenant, case, state: Some("sent".to_owned()), ..NoticeFilter::default() };
        self.store.list_notices(&filter).await
    }
}

const OTHER_RECIPIENT: &str = "meant for somebody else now";

struct CaseRecheck<'a> {
    municipality: &'a Municipality<'a>,
    case: &'a StoredCase,
    message: &'a Claimed,
    now: Instant,
    explained: Vec<Explained>,
    /// What was really sent of the case, where an escalation asks for it.
    sent: Vec<NoticeRow>,
}

impl<'a> CaseRecheck<'a> {
    fn new(
        municipality: &'a Municipality<'a>,
        case: &'a StoredCase,
        message: &'a Claimed,
        sent: Vec<NoticeRow>,
        now: Instant,
    ) -> Self {
        let explained = explain(municipality, &case.file, &case.ledger, now);
        Self { municipality, case, message, now, explained, sent }
    }

    fn notice(&self, notice: &ClaimedNotice) -> Result<Applicable, &'static str> {
        let rules = self.municipality.rules;
        let is_same = |one: &&Explained| {
            *rules.rule(one.obligation.rule).name == *notice.rule && *one.obligation.start == *notice.start
        };
        let explained = self.explained.iter().find(is_same).ok_or("gone")?;
        let obligation = &explained.obligation;
        match obligation.status {
            Status::Met | Status::MetLate => return Err("met"),
            Status::Void(_) | Status::Missed => return Err("void"),
            Status::Paused => return Err("paused"),
            Status::Waiting | Status::Running | Status::Overdue => {}
        }
        let record = self.case.file.records.at(self.now).ok_or("gone")?;
        if obligation.held_by_pause {
            return Err("paused");
        }
        if obligation.due.map(|due| due.on) != Some(notice.due_on.0) {
            return Err("another due date now");
        }
        if record.protected {
            return Err("protected");
        }
        let role = Role::parse(&notice.role).ok_or("the role is gone")?;
        let rule = rules.rule(obligation.rule);
        let (recipient, problem) =
            self.municipality.reached(&self.case.file, &rule.responsible, &role, self.now).ok_or("gone")?;
        let rerouted = self.message.rerouted && self.is_in_chain(&rule.responsible);
        if recipient != self.message.recipient && !rerouted {
            return Err(OTHER_RECIPIENT);
        }
        let reader = self.reader_role(&rule.responsible, &role);
        let purpose =
            if notice.purpose == Purpose::Escalation.word() { Purpose::Escalation } else { Purpose::Reminder };
        let named = self.municipality.named(&self.case.file, &reader, self.now);
        let is_person = matches!(recipient, Recipient::Person(_));
        let is_deputy =
            is_person && named.as_ref().is_some_and(|named| Recipient::Person(Arc::clone(named)) != recipient);
        let told = (purpose == Purpose::Escalation).then(|| self.told(&rule.responsible, notice)).flatten();
        Ok(Applicable {
            notice: notice.clone(),
            explained: explained.clone(),
            role: reader,
            purpose,
            is_substitute: problem.is_some() || recipient != self.message.recipient,
            is_deputy,
            told,
            key: ObligationKey {
                tenant: self.case.file.tenant.clone(),
                case: self.case.file.id.clone(),
                rule: rule.name.clone(),
                start: obligation.start.clone(),
            },
        })
    }

    /// When whoever is responsible was last told of a due date, if a message really left for them.
    fn told(&self, responsible: &[Role], notice: &ClaimedNotice) -> Option<(Role, chrono::NaiveDate)> {
        let reached = self.municipality.reached(&self.case.file, responsible, &Role::Responsible, self.now)?;
        let (recipient, None) = reached else { return None };
        let on = told_on(&self.sent, notice, &recipient.to_string(), self.municipality.zone())?;
        Some((self.reader_role(responsible, &Role::Responsible), on))
    }

    /// Whether the message was passed on after its recipient's address refused it.
    fn is_in_chain(&self, responsible: &[Role]) -> bool {
        let chain = [Role::Leader, Role::Coordinator];
        self.message.recipient == Recipient::Fallback
            || chain.iter().any(|role| {
                let reached = self.municipality.reached(&self.case.file, responsible, role, self.now);
                reached.is_some_and(|(recipient, _)| recipient == self.message.recipient)
            })
    }

    /// For `responsible` the first role of the rule's list that reaches somebody.
    fn reader_role(&self, responsible: &[Role], role: &Role) -> Role {
        let resolves = |role: &&Role| {
            self.municipality
                .reached(&self.case.file, responsible, role, self.now)
                .is_some_and(|(_, problem)| problem.is_none())
        };
        match role {
            Role::Responsible => responsible.iter().find(resolves).unwrap_or(role).clone(),
            other => other.clone(),
        }
    }
}
