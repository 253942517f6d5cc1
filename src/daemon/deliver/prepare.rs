//! P2: messages are re-checked against their cases as they are now, and composed. Many at once, so that each case is
//! read once.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;

use super::Delivered;
use super::deviation::is_about_deviation;
use crate::calendar::{Instant, end_of_day, first_instant};
use crate::daemon::content::{address_of, content, event, language_of, replayed_event};
use crate::daemon::recheck::{Applicable, Recheck, Rechecked};
use crate::daemon::schedules::is_scheduled;
use crate::daemon::{Daemon, Rules};
use crate::delivery::email::{CalendarPart, Composed, Outgoing, compose};
use crate::delivery::message::{Rendered, ReportFile};
use crate::delivery::webhook::{ReportReady, WebhookEvent, WebhookKind};
use crate::delivery::{Failure, FailureClass};
use crate::engine::Municipality;
use crate::notice::Role;
use crate::store::{Claimed, EMAIL, Next, Ready, StoreError, StoredCase, StoredOrganisation};

/// A message in our hands, ready to leave, or what keeps it from that.
pub(super) struct Prepared {
    pub(super) message: Claimed,
    pub(super) parcel: Result<(Parcel, Ready), Failure>,
}

/// What leaves.
pub(super) enum Parcel {
    Mail(Box<Composed>),
    Webhook(Box<WebhookEvent>),
    Report(Box<ReportReady>),
}

impl Daemon {
    /// Prepares messages. What waits for the hours of whoever receives it is put back; what no longer applies is
    /// withdrawn.
    pub(super) async fn prepare(
        &self,
        rules: &Rules,
        claimed: Vec<Claimed>,
        delivered: &mut Delivered,
    ) -> Result<Vec<Prepared>, StoreError> {
        let now = self.clock.now();
        let (organisations, _) = self.municipalities(rules, now).await?;
        let sources = if self.sources.is_empty() { vec![] } else { self.store.source_states().await? };
        let mut by_tenant: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
        for message in claimed {
            by_tenant.entry(message.tenant.clone()).or_default().push(message);
        }
        let mut prepared = Vec::new();
        for (tenant, messages) in by_tenant {
            let stored = organisations.iter().find(|stored| *stored.organisation.tenant.id == *tenant);
            let municipality = stored.and_then(|stored| Some((stored, stored.municipality(&rules.set).ok()?)));
            let Some((stored, municipality)) = municipality else {
                let unusable = || Err(Failure::new(FailureClass::Temporary, "tenant unusable"));
                prepared.extend(messages.into_iter().map(|message| Prepared { message, parcel: unusable() }));
                continue;
            };
            let stale_since = self.stale_since(&sources, &stored.organisation.tenant, now);
            let desk = Preparer { daemon: self, rules, stored, municipality, stale_since, now };
            prepared.extend(desk.messages(messages, delivered).await?);
        }
        // Across municipalities in the order of claiming: escalations first, then the oldest.
        prepared.sort_by_key(|one| (!one.message.escalation, one.message.message));
        Ok(prepared)
    }
}

/// For how long after the opening mails wait for a round that another daemon holds.
const ROUND: TimeDelta = TimeDelta::minutes(10);

/// When to look again.
pub(super) const SHORTLY: TimeDelta = TimeDelta::seconds(5);

/// Prepares messages of one municipality.
pub(super) struct Preparer<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) rules: &'a Rules,
    pub(super) stored: &'a StoredOrganisation,
    municipality: Municipality<'a>,
    /// As of when its facts are, where that is too long ago.
    stale_since: Option<Instant>,
    pub(super) now: Instant,
}

impl Preparer<'_> {
    async fn messages(&self, messages: Vec<Claimed>, delivered: &mut Delivered) -> Result<Vec<Prepared>, StoreError> {
        let (about_deviations, messages) = messages.into_iter().partition(is_about_deviation);
        let mut prepared = self.deviations(about_deviations, delivered).await?;
        let messages = self.after_the_round(messages).await?;
        let messages = self.within_hours(messages).await?;
        let messages = self.within_caps(messages).await?;
        let cases = ids(messages.iter().flat_map(|message| &message.notices).map(|notice| notice.case.as_str()));
        let escalated = messages.iter().filter(|message| message.escalation).flat_map(|message| &message.notices);
        let escalated = ids(escalated.map(|notice| notice.case.as_str()));
        let cases = self.daemon.store.cases(self.stored, &self.rules.set, &cases).await?;
        let mut sent: HashMap<String, Vec<_>> = HashMap::new();
        for row in self.daemon.store.sent_notices(&self.stored.organisation.tenant.id, &escalated).await? {
            sent.entry(row.case.clone()).or_default().push(row);
        }
        let recheck = Recheck::new(&self.municipality, &cases, &sent, self.now);
        for message in messages {
            if message.is_replay {
                prepared.extend(self.replay(message, &cases).await?);
                continue;
            }
            match self.message(message, &recheck).await? {
                Some(one) => prepared.push(one),
                None => delivered.withdrawn += 1,
            }
        }
        Ok(prepared)
    }

    /// A webhook that a person has sent again: as it was, whatever became of it, but nothing of a protected case.
    async fn replay(
        &self,
        message: Claimed,
        cases: &HashMap<String, StoredCase>,
    ) -> Result<Option<Prepared>, StoreError> {
        let case = message.notices.first().and_then(|notice| cases.get(&notice.case));
        let record = case.and_then(|case| Some((case.stamp.version, case.file.records.at(self.now)?)));
        let event = replayed_event(self.rules, &self.stored.organisation, &message, self.now);
        let (Some(event), Some((version, false))) =
            (event, record.map(|(version, record)| (version, record.protected)))
        else {
            // It stays what it is, so that whoever lets it go is asked the same again.
            let (next, code) = (Next::Hold("replayed"), "protected or gone");
            self.daemon.store.fail(message.attempt, FailureClass::Temporary, code, &next, self.now).await?;
            return Ok(None);
        };
        let seen = message.notices.iter().map(|notice| (notice.case.clone(), version)).collect();
        let generation = Some(self.stored.generation);
        // Its notices are in the ledger as sent, and stay so.
        let (attempt, tenant) = (message.attempt, message.tenant.clone());
        let ready = Ready { attempt, tenant, carried: 0, seen, generation };
        Ok(Some(Prepared { message, parcel: Ok((Parcel::Webhook(Box::new(event)), ready)) }))
    }

    /// Where another daemon is about to hold the round, its mails wait for it: what is left from earlier rounds joins them. A
    /// round that does not come about keeps nobody waiting for longer than [`ROUND`].
    async fn after_the_round(&self, messages: Vec<Claimed>) -> Result<Vec<Claimed>, StoreError> {
        let waits = |message: &Claimed| message.channel == EMAIL && !message.urgent && message.subject.is_none();
        if !self.daemon.store.is_shared() || !messages.iter().any(waits) {
            return Ok(messages);
        }
        let round = self.daemon.round_due(self.stored, &self.municipality, self.now).await?;
        if round.is_none_or(|day| self.now >= self.municipality.opening(day) + ROUND) {
            return Ok(messages);
        }
        let (waiting, others): (Vec<Claimed>, Vec<Claimed>) = messages.into_iter().partition(waits);
        let attempts: Vec<_> = waiting.iter().map(|message| message.attempt).collect();
        self.daemon.store.postpone(&attempts, self.now + SHORTLY).await?;
        Ok(others)
    }

    /// People are written to within their hours, however late a message is. A webhook wakes nobody.
    async fn within_hours(&self, messages: Vec<Claimed>) -> Result<Vec<Claimed>, StoreError> {
        let quiet_until = |message: &Claimed| {
            self.municipality.quiet_until(self.now, message.urgent).filter(|_| message.channel == EMAIL)
        };
        let mut postponed: BTreeMap<Instant, Vec<_>> = BTreeMap::new();
        let mut kept = Vec::with_capacity(messages.len());
        for message in messages {
            match quiet_until(&message) {
                Some(until) => postponed.entry(until).or_default().push(message.attempt),
                None => kept.push(message),
            }
        }
        for (until, attempts) in postponed {
            self.daemon.store.postpone(&attempts, until).await?;
        }
        Ok(kept)
    }

    /// Nobody gets more mails a day than their cap: what is more is joined with the next round.
    async fn within_caps(&self, messages: Vec<Claimed>) -> Result<Vec<Claimed>, StoreError> {
        let cap = self.daemon.mails_a_day;
        if cap == 0 || messages.iter().all(|message| message.channel != EMAIL) {
            return Ok(messages);
        }
        let (mut kept, messages): (Vec<Claimed>, Vec<Claimed>) =
            messages.into_iter().partition(|message| message.subject.as_deref().is_some_and(is_scheduled));
        let tenant = &self.stored.organisation.tenant;
        let today = self.municipality.date(self.now);
        let recipients: Vec<String> = messages.iter().map(|message| message.recipient.to_string()).collect();
        let since = first_instant(tenant.zone, today);
        let mut heard = self.daemon.store.mails_since(&tenant.id, &recipients, since).await?;
        // These messages themselves are in hand already.
        for recipient in &recipients {
            heard.entry(recipient.clone()).and_modify(|count| *count = count.saturating_sub(1));
        }
        let mut is_within = |message: &Claimed| {
            let count = heard.entry(message.recipient.to_string()).or_default();
            *count += 1;
            *count <= cap
        };
        let (within, over): (Vec<Claimed>, Vec<Claimed>) = messages.into_iter().partition(|message| is_within(message));
        kept.extend(within);
        if !over.is_empty() {
            let until = self.municipality.round_from(end_of_day(tenant.zone, today));
            let attempts: Vec<_> = over.iter().map(|message| message.attempt).collect();
            self.daemon.store.cap(&attempts, until).await?;
            for message in &over {
                tracing::warn!(id = %message.message, to = %message.recipient, %until, cap, "as many mails as somebody gets a day; it waits for the next round");
            }
        }
        Ok(kept)
    }

    /// `None`: nothing in it applies any more, or it is not ours.
    async fn message(&self, mut message: Claimed, recheck: &Recheck<'_>) -> Result<Option<Prepared>, StoreError> {
        let rechecked = recheck.message(&message);
        let applicable = self.subscribed(&message, &rechecked);
        if !self.withdraw(&message, &rechecked, &applicable).await? && message.subject.is_none() {
            return Ok(None);
        }
        let ready = Ready {
            tenant: message.tenant.clone(),
            attempt: message.attempt,
            carried: applicable.len(),
            seen: rechecked.seen.clone(),
            generation: Some(self.stored.generation),
        };
        let Some(parcel) = self.parcel(&message, &applicable).await? else { return Ok(None) };
        message.notices = applicable.iter().map(|one| one.notice.clone()).collect();
        let key =
            |one: &crate::store::ClaimedNotice| (one.case.clone(), one.rule.clone(), one.start.clone(), one.due_on);
        message.stood_for.retain(|one| message.notices.iter().any(|notice| key(notice) == key(one)));
        Ok(Some(Prepared { message, parcel: parcel.map(|parcel| (parcel, ready)) }))
    }

    /// Of a webhook's notices those that it still asks for; of a mail's all.
    fn subscribed<'r>(&self, message: &Claimed, rechecked: &'r Rechecked) -> Vec<&'r Applicable> {
        let webhook = self.daemon.channels.webhook(&message.channel);
        let wanted = |one: &&Applicable| match webhook {
            Some(webhook) => {
                let role = Role::parse(&one.notice.role).unwrap_or(Role::Responsible);
                webhook.wants(&message.tenant, WebhookKind::from(one.purpose), &role)
            }
            None => true,
        };
        rechecked.applicable.iter().filter(wanted).collect()
    }

    /// Whether anything is left to send.
    async fn withdraw(
        &self,
        message: &Claimed,
        rechecked: &Rechecked,
        applicable: &[&Applicable],
    ) -> Result<bool, StoreError> {
        let unwanted =
            rechecked.applicable.iter().filter(|one| !applicable.iter().any(|kept| std::ptr::eq(*kept, *one)));
        let unwanted = unwanted.map(|one| (one.notice.name(), "not subscribed"));
        let out: Vec<_> = rechecked.withdrawn.iter().cloned().chain(unwanted).collect();
        let is_empty = applicable.is_empty() && message.subject.is_none();
        if out.is_empty() && rechecked.revisit.is_empty() && !is_empty {
            return Ok(!applicable.is_empty());
        }
        let whose = (message.tenant.as_str(), message.attempt);
        let left = self.daemon.store.withdraw_notices(whose, &out, &rechecked.revisit, self.now).await?;
        Ok(left.is_some() && !applicable.is_empty())
    }

    /// `None`: there is nothing left to say.
    async fn parcel(
        &self,
        message: &Claimed,
        applicable: &[&Applicable],
    ) -> Result<Option<Result<Parcel, Failure>>, StoreError> {
        if message.channel != EMAIL
            && let Some(ready) = self.daemon.report_ready(message)
        {
            return Ok(Some(Ok(Parcel::Report(Box::new(ready)))));
        }
        if message.channel != EMAIL {
            let organisation = &self.stored.organisation;
            let event = applicable.first().and_then(|one| event(self.rules, organisation, message, one, self.now));
            let unusable = || Failure::new(FailureClass::Temporary, "nothing to send");
            return Ok(Some(event.map(|event| Parcel::Webhook(Box::new(event))).ok_or_else(unusable)));
        }
        let mut files = vec![];
        let (rendered, problems) = match &message.subject {
            Some(_) => match self.daemon.tenant_content(self.rules, self.stored, message, self.now).await? {
                Some(content) => {
                    files.extend_from_slice(content.files());
                    self.rules.templates.render_tenant(&content)
                }
                None => {
                    let whose = (message.tenant.as_str(), message.attempt);
                    self.daemon.store.withdraw_notices(whose, &[], &[], self.now).await?;
                    return Ok(None);
                }
            },
            None => {
                let organisation = &self.stored.organisation;
                let content = content(self.rules, organisation, message, applicable, self.stale_since, self.now);
                self.rules.templates.render(&content)
            }
        };
        for problem in problems {
            tracing::error!(id = %message.message, %problem, "a template failed; a plain text goes out instead");
        }
        let calendar = self.daemon.calendar_entries(self.rules, self.stored, message, applicable, self.now).await?;
        let mail = self.mail(message, applicable, &rendered, (&calendar, &files));
        Ok(Some(mail.map(|mail| Parcel::Mail(Box::new(mail)))))
    }

    fn mail(
        &self,
        message: &Claimed,
        applicable: &[&Applicable],
        rendered: &Rendered,
        (calendar, files): (&[CalendarPart], &[ReportFile]),
    ) -> Result<Composed, Failure> {
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let organisation = &self.stored.organisation;
        let address = address_of(organisation, &message.recipient, self.now);
        let address = address.ok_or_else(|| Failure::new(FailureClass::Address, "no usable address"))?;
        let obligation = match applicable {
            [one] => Some(&one.key),
            _ => None,
        };
        let language = language_of(organisation, &message.recipient, self.now);
        let (id, at) = (message.message, self.now);
        compose(smtp, &Outgoing { id, to: &address, language, rendered, obligation, calendar, files, at })
    }
}

/// Ids, each once.
pub(super) fn ids<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = all.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
