//! Just before sending, the cases are read again: what is met, void, paused, silenced or meant for somebody else by
//! then is taken out of the message (`rule-language` § 9).

use std::collections::HashMap;
use std::sync::Arc;

use super::content::told_on;
use crate::calendar::Instant;
use crate::case::CaseRef;
use crate::engine::{Explained, Municipality, explain};
use crate::notice::{Purpose, Recipient, Role};
use crate::obligation::{ObligationKey, Status};
use crate::rules::Rule;
use crate::store::{Claimed, ClaimedNotice, EMAIL, NoticeName, NoticeRow, StoredCase};

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
    /// Cases that are to be planned again, because a notice was meant for somebody else or is to come again later, or they
    /// could not be read.
    pub(super) revisit: Vec<String>,
    /// Case ids with the version in which they were read.
    pub(super) seen: Vec<(String, i64)>,
}

/// Cases as they are now, against which messages are held.
pub(super) struct Recheck<'a> {
    municipality: &'a Municipality<'a>,
    cases: &'a HashMap<String, StoredCase>,
    /// What was really sent of cases that an escalation speaks of.
    sent: &'a HashMap<String, Vec<NoticeRow>>,
    now: Instant,
    explained: HashMap<&'a str, Vec<Explained>>,
}

impl<'a> Recheck<'a> {
    pub(super) fn new(
        municipality: &'a Municipality<'a>,
        cases: &'a HashMap<String, StoredCase>,
        sent: &'a HashMap<String, Vec<NoticeRow>>,
        now: Instant,
    ) -> Self {
        let explain = |case: &StoredCase| explain(municipality, &case.file, &case.ledger, now);
        let explained = cases.iter().map(|(id, case)| (id.as_str(), explain(case))).collect();
        Self { municipality, cases, sent, now, explained }
    }

    /// Sorts the notices of a message.
    pub(super) fn message(&self, message: &Claimed) -> Rechecked {
        let mut found = Rechecked::default();
        for notice in &message.notices {
            // Withdrawn notices are not handled: as soon as the case can be read again, they are planned again.
            let Some(case) = self.cases.get(&notice.case) else {
                found.visit_again(&notice.case);
                found.withdrawn.push((notice.name(), "case removed or unreadable"));
                continue;
            };
            if !found.seen.iter().any(|(id, _)| *id == notice.case) {
                found.seen.push((notice.case.clone(), case.stamp.version));
            }
            match self.case(case, message).notice(notice) {
                Ok(applicable) => found.applicable.push(applicable),
                Err(reason) => {
                    if [OTHER_RECIPIENT, SILENCED, UNREADABLE].contains(&reason) {
                        found.visit_again(&notice.case);
                    }
                    found.withdrawn.push((notice.name(), reason));
                }
            }
        }
        found
    }

    fn case<'m>(&'m self, case: &'m StoredCase, message: &'m Claimed) -> CaseRecheck<'m> {
        let explained = self.explained.get(&*case.file.id).map_or(&[][..], Vec::as_slice);
        let sent = self.sent.get(&*case.file.id).map_or(&[][..], Vec::as_slice);
        CaseRecheck { municipality: self.municipality, case, message, now: self.now, explained, sent }
    }
}

impl Rechecked {
    fn visit_again(&mut self, case: &str) {
        if !self.revisit.iter().any(|known| known == case) {
            self.revisit.push(case.to_owned());
        }
    }
}

const OTHER_RECIPIENT: &str = "meant for somebody else now";
const SILENCED: &str = "silenced";
const UNREADABLE: &str = "unreadable";

struct CaseRecheck<'a> {
    municipality: &'a Municipality<'a>,
    case: &'a StoredCase,
    message: &'a Claimed,
    now: Instant,
    explained: &'a [Explained],
    /// What was really sent of the case, where an escalation asks for it.
    sent: &'a [NoticeRow],
}

impl CaseRecheck<'_> {
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
        // A line that names no case is not written: then it is not to count as told either.
        CaseRef::parse(&notice.reference).map_err(|_| UNREADABLE)?;
        let role = Role::parse(&notice.role).ok_or("the role is gone")?;
        let rule = rules.rule(obligation.rule);
        let (recipient, problem) =
            self.municipality.reached(&self.case.file, &rule.responsible, &role, self.now).ok_or("gone")?;
        let rerouted = self.message.rerouted && self.is_in_chain(&rule.responsible);
        // A webhook hears of what was planned, whoever stands in meanwhile.
        let is_mail = self.message.channel == EMAIL;
        if recipient != self.message.recipient && !rerouted && is_mail {
            return Err(OTHER_RECIPIENT);
        }
        if self.is_silenced(rule, &recipient) {
            return Err(SILENCED);
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

    /// Whether a silence holds it back, also one of whoever gets it in place of a refused address.
    fn is_silenced(&self, rule: &Rule, recipient: &Recipient) -> bool {
        let silence = |recipient| self.municipality.silence(&self.case.file, rule, recipient, self.now);
        [recipient, &self.message.recipient].into_iter().any(|recipient| silence(recipient).is_some())
    }

    /// When whoever is responsible was last told of a due date, if a message really left for them.
    fn told(&self, responsible: &[Role], notice: &ClaimedNotice) -> Option<(Role, chrono::NaiveDate)> {
        let reached = self.municipality.reached(&self.case.file, responsible, &Role::Responsible, self.now)?;
        let (recipient, None) = reached else { return None };
        let on = told_on(self.sent, notice, &recipient.to_string(), self.municipality.zone())?;
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
