//! From notices that apply to what a message says: the closed list of fields, and nothing else.

use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::recheck::Applicable;
use super::{Daemon, Rules};
use crate::calendar::{Instant, civil_date};
use crate::case::CaseRef;
use crate::delivery::message::{
    BacklogLine, Counted, Line, MessageContent, Reached, Reader, RecipientKind, TenantKind, TenantMessage, Told,
};
use crate::delivery::webhook::{WebhookDeviation, WebhookEvent, WebhookSubject};
use crate::language::Language;
use crate::notice::{Purpose, Recipient, Role};
use crate::obligation::Status;
use crate::organisation::{Address, Organisation, case_link};
use crate::register::Happening;
use crate::store::{
    Claimed, ClaimedNotice, DeviationEvent, EMAIL, NoticeRow, ObligationRow, StoreError, StoredOrganisation,
};

/// What a message to a person, a mailbox or the fallback says.
pub(super) fn content(
    rules: &Rules,
    organisation: &Organisation,
    message: &Claimed,
    applicable: &[&Applicable],
    stale_since: Option<Instant>,
    now: Instant,
) -> MessageContent {
    let tenant = &organisation.tenant;
    let language = language_of(organisation, &message.recipient, now);
    let today = civil_date(tenant.zone, now);
    MessageContent {
        language,
        recipient_kind: match message.recipient {
            Recipient::Person(_) => RecipientKind::Person,
            Recipient::Unit(_) => RecipientKind::Unit,
            Recipient::Fallback => RecipientKind::Fallback,
        },
        tenant_name: tenant.name.clone(),
        lines: applicable.iter().filter_map(|one| line(rules, tenant.case_url.as_deref(), language, one)).collect(),
        possible_repeat: message.possible_repeat,
        today,
        as_of: stale_since.map(|at| at.with_timezone(&tenant.zone).naive_local()),
    }
}

pub(super) fn line(rules: &Rules, case_url: Option<&str>, language: Language, one: &Applicable) -> Option<Line> {
    let obligation = &one.explained.obligation;
    let rule = rules.set.rule(obligation.rule);
    let reached = match (one.is_substitute, one.is_deputy) {
        (true, _) => Reached::NextInChain,
        (false, true) => Reached::AsDeputy,
        (false, false) => Reached::Directly,
    };
    Some(Line {
        reference: CaseRef::parse(&one.notice.reference).ok()?,
        notice: rule.notice.text(language).clone(),
        code: rule.code.clone(),
        purpose: one.purpose,
        due_on: one.notice.due_on.0,
        overdue: obligation.status == Status::Overdue,
        counted: Counted::from_proof(&one.explained.proof, &rule.from, &obligation.start),
        reader: Reader { role: one.role.clone(), reached },
        told: one.told.clone().map(|(role, on)| Told { role, on }),
        link: link(case_url, &one.notice.reference),
    })
}

/// What a webhook is told of a notice, in the municipality's language: many people may read it.
pub(super) fn event(
    rules: &Rules,
    organisation: &Organisation,
    message: &Claimed,
    one: &Applicable,
    now: Instant,
) -> Option<WebhookEvent> {
    let tenant = &organisation.tenant;
    let line = line(rules, tenant.case_url.as_deref(), tenant.language, one)?;
    Some(WebhookEvent {
        subject: WebhookSubject::Notice(line.purpose),
        tenant: tenant.id.clone(),
        days: line.days(civil_date(tenant.zone, now)),
        reference: line.reference,
        code: line.code,
        due_on: line.due_on,
        overdue: line.overdue,
        language: tenant.language,
        tenant_name: tenant.name.clone(),
        notice: line.notice,
        link: line.link,
        role: Role::parse(&one.notice.role)?,
        at: message.slot,
        possible_repeat: message.possible_repeat,
    })
}

/// What a webhook is told again because a person asked for it, whatever became of the obligation meanwhile.
pub(super) fn replayed_event(
    rules: &Rules,
    organisation: &Organisation,
    message: &Claimed,
    now: Instant,
) -> Option<WebhookEvent> {
    let tenant = &organisation.tenant;
    let notice = message.notices.first()?;
    let rule = rules.set.rule(rules.set.rule_named(&notice.rule)?);
    let purpose = [Purpose::Reminder, Purpose::Escalation].into_iter().find(|one| one.word() == notice.purpose)?;
    let days = (notice.due_on.0 - civil_date(tenant.zone, now)).num_days();
    Some(WebhookEvent {
        subject: WebhookSubject::Notice(purpose),
        tenant: tenant.id.clone(),
        days,
        reference: CaseRef::parse(&notice.reference).ok()?,
        code: rule.code.clone(),
        due_on: notice.due_on.0,
        overdue: days < 0,
        language: tenant.language,
        tenant_name: tenant.name.clone(),
        notice: rule.notice.text(tenant.language).clone(),
        link: link(tenant.case_url.as_deref(), &notice.reference),
        role: Role::parse(&notice.role)?,
        at: message.slot,
        possible_repeat: true,
    })
}

/// What a webhook is told of something that happened to a deviation; `None`: the row says nothing that we know.
pub(super) fn deviation_event(
    rules: &Rules,
    organisation: &Organisation,
    message: &Claimed,
    event: &DeviationEvent,
    now: Instant,
) -> Option<WebhookEvent> {
    let tenant = &organisation.tenant;
    let happening = event.happening()?;
    // A rule that is gone has no words any more; its code says which it was.
    let notice =
        rules.set.rule_named(&event.rule).map(|rule| rules.set.rule(rule).notice.text(tenant.language).clone());
    Some(WebhookEvent {
        subject: WebhookSubject::Deviation(WebhookDeviation {
            id: event.id.clone(),
            sequence: event.number,
            happening,
            unit: event.unit.clone(),
            days_late: event.days_late,
            cause_code: event.cause_code.clone(),
        }),
        tenant: tenant.id.clone(),
        days: (event.due_on.0 - civil_date(tenant.zone, now)).num_days(),
        reference: CaseRef::parse(&event.reference).ok()?,
        code: event.code.as_str().into(),
        due_on: event.due_on.0,
        overdue: !matches!(happening, Happening::Closed(_)),
        language: tenant.language,
        tenant_name: tenant.name.clone(),
        notice: notice.unwrap_or_else(|| event.code.as_str().into()),
        link: link(tenant.case_url.as_deref(), &event.reference),
        role: Role::parse(&event.responsible).unwrap_or(Role::Responsible),
        at: event.at.instant(),
        possible_repeat: message.possible_repeat,
    })
}

fn link(case_url: Option<&str>, reference: &str) -> Option<String> {
    case_url.map(|url| case_link(url, reference))
}

/// On which day a recipient was last reminded of what an escalation is about, by mail that really left.
pub(super) fn told_on(sent: &[NoticeRow], notice: &ClaimedNotice, recipient: &str, zone: Tz) -> Option<NaiveDate> {
    let told = sent.iter().filter(|row| {
        (&row.rule, &row.start, row.due_on) == (&notice.rule, &notice.start, notice.due_on)
            && row.role == Role::Responsible.to_string()
            && row.purpose == Purpose::Reminder.word()
            && row.channel == EMAIL
            && row.recipient.as_deref() == Some(recipient)
    });
    told.filter_map(|row| row.sent_at).map(|at| civil_date(zone, at.instant())).max()
}

/// The language of a recipient: their own, else the municipality's.
pub(super) fn language_of(organisation: &Organisation, recipient: &Recipient, now: Instant) -> Language {
    let own = match recipient {
        Recipient::Person(id) => organisation.person(id, now).and_then(|person| person.language),
        Recipient::Unit(_) | Recipient::Fallback => None,
    };
    own.unwrap_or(organisation.tenant.language)
}

/// The address of a recipient, if it is one that mail may go to.
pub(super) fn address_of(organisation: &Organisation, recipient: &Recipient, now: Instant) -> Option<Address> {
    let address = match recipient {
        Recipient::Person(id) => organisation.person(id, now)?.email.clone()?,
        Recipient::Unit(id) => organisation.unit(id, now)?.email.clone()?,
        Recipient::Fallback => organisation.tenant.fallback.clone(),
    };
    address.is_within(&organisation.tenant.mail_domains).then_some(address)
}

impl Daemon {
    /// What a message to the municipality itself says; `None` where there is nothing left to say.
    pub(super) async fn tenant_content(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        message: &Claimed,
        now: Instant,
    ) -> Result<Option<TenantMessage>, StoreError> {
        let organisation = &stored.organisation;
        let language = language_of(organisation, &message.recipient, now);
        let subject = message.subject.as_deref().unwrap_or_default();
        let kind = match subject.split(':').collect::<Vec<_>>().as_slice() {
            ["revision", pack, date] => rules.set.pack(pack).zip(date.parse().ok()).map(|(pack, revise_by)| {
                TenantKind::RevisionDue { pack_title: pack.title.text(language).clone(), revise_by }
            }),
            [super::sweep::BACKLOG] => backlog_kind(rules, language, &self.backlog(rules, stored).await?),
            ["report", ..] => self.scheduled_content(rules, stored, subject, language, now).await?,
            _ => None,
        };
        Ok(kind.map(|kind| TenantMessage {
            language,
            tenant_name: organisation.tenant.name.clone(),
            kind,
            possible_repeat: message.possible_repeat,
        }))
    }

    /// Obligations that were due before the municipality went live and are still open: nothing is sent for them.
    ///
    /// Of an address-protected case nothing leaves, not even here.
    pub(super) async fn backlog(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
    ) -> Result<Vec<ObligationRow>, StoreError> {
        self.store.backlog(stored, &rules.set, false, self.clock.now()).await
    }
}

fn backlog_kind(rules: &Rules, language: Language, rows: &[ObligationRow]) -> Option<TenantKind> {
    const SHOWN: usize = 100;
    let line = |row: &ObligationRow| {
        let rule = rules.set.rule(rules.set.rule_named(&row.rule)?);
        Some(BacklogLine {
            reference: CaseRef::parse(&row.reference).ok()?,
            notice: rule.notice.text(language).clone(),
            code: Arc::clone(&rule.code),
            due_on: row.due_on?.0,
        })
    };
    let lines: Vec<BacklogLine> = rows.iter().filter_map(line).take(SHOWN).collect();
    (!lines.is_empty()).then_some(TenantKind::Backlog { count: rows.len(), lines })
}
