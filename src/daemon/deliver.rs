//! Delivery: messages leave one after the other, on a few lines at once, in the order P1–P8.
//!
//! | step | here | what a crash after it means |
//! |---|---|---|
//! | P1 | claim | taken back at the next start |
//! | P2 | recheck, compose | the same |
//! | P3 | open the line, MAIL, RCPT | known not sent |
//! | P4 | `begin_commit` | maybe sent: repeated with the same id, marked |
//! | P5, P6 | hand over, read the answer | the same |
//! | P8 | `accept` or `fail` | final |
//!
//! P7, the acceptance journal, is not here yet. No transaction is open while anything but the database is waited for,
//! and no database call is ever cut short.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{NaiveDate, TimeDelta};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::channels::{EMAIL, WEBHOOK};
use super::content::{address_of, content};
use super::recheck::{Applicable, Rechecked};
use super::{Daemon, Rules};
use crate::calendar::{Instant, civil_date};
use crate::case::CaseRef;
use crate::config::Mode;
use crate::delivery::email::{Composed, Outgoing, Session, compose};
use crate::delivery::message::Rendered;
use crate::delivery::retry::next_attempt_at;
use crate::delivery::webhook::{Webhook, WebhookEvent, WebhookKind};
use crate::delivery::{Failure, FailureClass};
use crate::engine::Municipality;
use crate::notice::{Recipient, Role};
use crate::store::{AuditEntry, Claimed, CommitVerdict, Next, Ready, StoreError, StoredOrganisation};

/// How long a claim is ours: longer than any conversation can last.
const LEASE: TimeDelta = TimeDelta::minutes(30);

/// How long a channel that refuses us as such is left alone.
const HOLD: TimeDelta = TimeDelta::minutes(5);

/// How many lines at once where there is no relay.
const LINES: u16 = 4;

/// What a delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Messages that were accepted.
    pub sent: usize,
    /// Messages in which nothing applied any more.
    pub withdrawn: usize,
    /// Attempts that failed; their messages wait.
    pub failed: usize,
}

/// Asks workers to end after the message in hand.
#[derive(Clone, Debug)]
pub(super) struct Stop(pub(super) CancellationToken);

impl Stop {
    pub(super) fn never() -> Self {
        Self(CancellationToken::new())
    }
}

/// A message that is ready to leave.
enum Prepared {
    Mail(Box<Composed>, Ready),
    Webhook(Vec<(Uuid, WebhookEvent)>, Ready),
    /// Nothing in it applies any more, or it is not ours.
    Nothing,
}

/// How an attempt went.
enum Attempt {
    Sent,
    Withdrawn,
    Failed,
    /// It waits for the hours of whoever receives it.
    Postponed,
    /// Something changed since it was composed.
    Again,
}

impl Daemon {
    /// Sends everything that is due, on as many lines as the relay allows.
    pub(super) async fn deliver(self: &Arc<Self>, stop: &Stop) -> Result<Delivered, StoreError> {
        if self.mode == Mode::Shadow {
            return Ok(Delivered::default());
        }
        let unsettled = self.unsettled.swap(true, Ordering::SeqCst);
        if unsettled {
            // No worker lives now: what an earlier delivery could not settle is nobody's.
            self.store.take_back_dead_attempts(self.clock.now(), "").await?;
        }
        let lines = self.channels.smtp.as_ref().map_or(LINES, |smtp| smtp.connections);
        let mut workers = JoinSet::new();
        for _ in 0..lines {
            let worker = Worker {
                daemon: Arc::clone(self),
                rules: self.rules(),
                session: None,
                delivered: Delivered::default(),
            };
            workers.spawn(worker.work(stop.clone()));
        }
        let mut total = Delivered::default();
        let mut failure = None;
        let mut panicked = false;
        while let Some(ended) = workers.join_next().await {
            match ended {
                Ok(Ok(delivered)) => {
                    total.sent += delivered.sent;
                    total.withdrawn += delivered.withdrawn;
                    total.failed += delivered.failed;
                }
                Ok(Err(error)) => failure = Some(error),
                Err(_) => {
                    panicked = true;
                    tracing::error!("a delivery worker ended in a panic; its message is taken back at the next tick");
                }
            }
        }
        self.unsettled.store(panicked || failure.is_some(), Ordering::SeqCst);
        failure.map_or(Ok(total), Err)
    }
}

/// One line out: a session that is kept from message to message.
struct Worker {
    daemon: Arc<Daemon>,
    rules: Arc<Rules>,
    session: Option<Session>,
    delivered: Delivered,
}

impl Worker {
    async fn work(mut self, stop: Stop) -> Result<Delivered, StoreError> {
        while !stop.0.is_cancelled() {
            let now = self.daemon.clock.now();
            let Some(message) = self.daemon.store.claim(now, 1, &self.daemon.owner, LEASE).await?.pop() else { break };
            match self.message(&message).await? {
                Attempt::Sent => self.delivered.sent += 1,
                Attempt::Withdrawn => self.delivered.withdrawn += 1,
                Attempt::Failed | Attempt::Again => self.delivered.failed += 1,
                Attempt::Postponed => {}
            }
        }
        if let Some(session) = self.session.take() {
            session.quit().await;
        }
        Ok(self.delivered)
    }

    async fn message(&mut self, message: &Claimed) -> Result<Attempt, StoreError> {
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            match self.attempt(message).await? {
                Attempt::Again => {}
                ended => return Ok(ended),
            }
        }
        self.failed(message, Failure::new(FailureClass::Temporary, "facts keep changing")).await
    }

    /// P2 to P8, once.
    async fn attempt(&mut self, message: &Claimed) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        if let Some(until) = self.daemon.channels.held_until(&message.channel, now) {
            self.daemon.store.postpone(message.attempt, until).await?;
            return Ok(Attempt::Failed);
        }
        let (organisations, _) = self.daemon.municipalities(&self.rules, now).await?;
        let stored = organisations.iter().find(|stored| *stored.organisation.tenant.id == *message.tenant);
        let Some(stored) = stored else {
            return self.failed(message, Failure::new(FailureClass::Temporary, "tenant unusable")).await;
        };
        // People are written to within their hours, however late a message is. A webhook wakes nobody.
        let quiet = Municipality::new(&self.rules.set, &stored.organisation)
            .ok()
            .and_then(|municipality| municipality.quiet_until(now, message.urgent));
        if let Some(until) = quiet.filter(|_| message.channel == EMAIL) {
            self.daemon.store.postpone(message.attempt, until).await?;
            return Ok(Attempt::Postponed);
        }
        let outcome = match self.prepare(stored, message, now).await? {
            Err(failure) => Err(failure),
            Ok(Prepared::Nothing) => return Ok(Attempt::Withdrawn),
            Ok(Prepared::Mail(composed, ready)) => self.mail(&composed, &ready).await?,
            Ok(Prepared::Webhook(events, ready)) => self.webhook(&message.channel, &events, &ready).await?,
        };
        match outcome {
            Ok(Some(code)) => self.accepted(message, code).await,
            Ok(None) => Ok(Attempt::Again),
            Err(failure) => self.failed_of(stored, message, failure).await,
        }
    }

    /// P2: takes out what no longer applies, and composes what is left.
    async fn prepare(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        now: Instant,
    ) -> Result<Result<Prepared, Failure>, StoreError> {
        let rechecked = self.daemon.recheck(&self.rules, stored, message, now).await?;
        let applicable = self.subscribed(message, &rechecked);
        if !self.withdraw(message, &rechecked, &applicable, now).await? && message.subject.is_none() {
            return Ok(Ok(Prepared::Nothing));
        }
        let ready = Ready { attempt: message.attempt, carried: applicable.len(), seen: rechecked.seen.clone() };
        if message.channel.starts_with(WEBHOOK) {
            let today = civil_date(stored.organisation.tenant.zone, now);
            let events: Vec<_> = applicable.iter().filter_map(|one| self.event(message, one, today)).collect();
            return Ok(Ok(Prepared::Webhook(events, ready)));
        }
        let rendered = match &message.subject {
            Some(_) => match self.daemon.tenant_content(&self.rules, stored, message, now).await? {
                Some(content) => self.rules.templates.render_tenant(&content),
                None => {
                    self.daemon.store.withdraw_notices(message.attempt, &[], "nothing to say", now).await?;
                    return Ok(Ok(Prepared::Nothing));
                }
            },
            None => self.rules.templates.render(&content(&self.rules, &stored.organisation, message, &applicable, now)),
        };
        let (rendered, problems) = rendered;
        for problem in problems {
            tracing::error!(id = %message.message, %problem, "a template failed; a plain text goes out instead");
        }
        Ok(self.compose(stored, message, &applicable, &rendered, now).map(|mail| Prepared::Mail(Box::new(mail), ready)))
    }

    /// Of a webhook's notices those that it asked for; of a mail's all.
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
        now: Instant,
    ) -> Result<bool, StoreError> {
        let unwanted =
            rechecked.applicable.iter().filter(|one| !applicable.iter().any(|kept| std::ptr::eq(*kept, *one)));
        let unwanted = unwanted.map(|one| (one.notice.name(), "not subscribed"));
        for (name, reason) in rechecked.withdrawn.iter().cloned().chain(unwanted) {
            if self.daemon.store.withdraw_notices(message.attempt, &[name], reason, now).await?.is_none() {
                return Ok(false);
            }
        }
        for case in &rechecked.revisit {
            self.daemon.store.revisit(&message.tenant, case).await?;
        }
        Ok(!applicable.is_empty())
    }

    fn compose(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        applicable: &[&Applicable],
        rendered: &Rendered,
        now: Instant,
    ) -> Result<Composed, Failure> {
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let address = address_of(&stored.organisation, &message.recipient, now);
        let address = address.ok_or_else(|| Failure::new(FailureClass::Address, "no usable address"))?;
        let obligation = match applicable {
            [one] => Some(&one.key),
            _ => None,
        };
        let language = super::content::language_of(&stored.organisation, &message.recipient, now);
        compose(smtp, &Outgoing { id: message.message, to: &address, language, rendered, obligation, at: now })
    }

    fn event(&self, message: &Claimed, one: &Applicable, today: NaiveDate) -> Option<(Uuid, WebhookEvent)> {
        let obligation = &one.explained.obligation;
        let event = WebhookEvent {
            kind: WebhookKind::from(one.purpose),
            tenant: message.tenant.as_str().into(),
            reference: CaseRef::parse(&one.notice.reference).ok()?,
            code: self.rules.set.rule(obligation.rule).code.clone(),
            due_on: one.notice.due_on.0,
            days: (one.notice.due_on.0 - today).num_days(),
            role: Role::parse(&one.notice.role)?,
            at: message.slot,
            possible_repeat: message.possible_repeat,
        };
        Some((event_id(message, one), event))
    }

    /// P3 to P6 for mail: the reply's code, or `None` where something changed before the point of no return.
    async fn mail(&mut self, mail: &Composed, ready: &Ready) -> Result<Result<Option<u16>, Failure>, StoreError> {
        if let Err(failure) = self.line(mail).await {
            return Ok(Err(failure));
        }
        match self.daemon.store.begin_commit(ready, self.daemon.clock.now()).await? {
            CommitVerdict::Go => {}
            CommitVerdict::Changed | CommitVerdict::NotOurs => return Ok(Ok(None)),
        }
        let Some(session) = &mut self.session else {
            return Ok(Err(Failure::new(FailureClass::Temporary, "no line")));
        };
        let outcome = session.transmit(mail).await;
        if !session.is_usable() {
            self.session = None;
        }
        Ok(outcome.map(|accepted| Some(accepted.code)))
    }

    /// A line on which the relay has taken sender and recipient.
    async fn line(&mut self, mail: &Composed) -> Result<(), Failure> {
        let kept = self.session.take().filter(Session::is_usable);
        let fresh = kept.is_none();
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let mut session = match kept {
            Some(session) => session,
            None => Session::open(smtp).await?,
        };
        let mut prepared = session.prepare(mail).await;
        // A relay may have closed a line that stood idle: that says nothing about this mail.
        if !fresh
            && !session.is_usable()
            && prepared.as_ref().is_err_and(|failure| failure.class == FailureClass::Temporary)
        {
            session = Session::open(smtp).await?;
            prepared = session.prepare(mail).await;
        }
        if session.is_usable() {
            self.session = Some(session);
        }
        prepared
    }

    /// P4 to P6 for a webhook: each notice is an event with an id of its own, the same at every attempt.
    async fn webhook(
        &self,
        channel: &str,
        events: &[(Uuid, WebhookEvent)],
        ready: &Ready,
    ) -> Result<Result<Option<u16>, Failure>, StoreError> {
        let webhook: Option<&Webhook> = self.daemon.channels.webhook(channel);
        let Some(webhook) = webhook else {
            return Ok(Err(Failure::new(FailureClass::Channel, "webhook is not configured")));
        };
        match self.daemon.store.begin_commit(ready, self.daemon.clock.now()).await? {
            CommitVerdict::Go => {}
            CommitVerdict::Changed | CommitVerdict::NotOurs => return Ok(Ok(None)),
        }
        let mut code = 200;
        for (id, event) in events {
            match webhook.send(*id, event, self.daemon.clock.now()).await {
                Ok(accepted) => code = accepted.code,
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(Some(code)))
    }

    async fn accepted(&self, message: &Claimed, code: u16) -> Result<Attempt, StoreError> {
        let ours = self.settle(message, code).await?;
        if !ours {
            tracing::error!(id = %message.message, "accepted, but taken back meanwhile; it may go out again");
        }
        tracing::info!(id = %message.message, to = %message.recipient, channel = %message.channel, code, "sent");
        Ok(Attempt::Sent)
    }

    /// P8, again and again as long as the database is only busy: what is forgotten here is sent twice.
    async fn settle(&self, message: &Claimed, code: u16) -> Result<bool, StoreError> {
        const TRIES: usize = 5;
        let mut tries = 0;
        loop {
            let settled = self.daemon.store.accept(message.attempt, &code.to_string(), self.daemon.clock.now()).await;
            tries += 1;
            match settled {
                Err(error) if error.may_pass() && tries < TRIES => {}
                settled => return settled,
            }
        }
    }

    async fn failed_of(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        failure: Failure,
    ) -> Result<Attempt, StoreError> {
        if failure.class != FailureClass::Address || message.channel != EMAIL {
            return self.failed(message, failure).await;
        }
        let now = self.daemon.clock.now();
        let recipient = message.recipient.to_string();
        let entry = AuditEntry {
            tenant: &message.tenant,
            actor: "fristvakt",
            action: "address.refused",
            subject: &recipient,
            reason: &failure.code,
        };
        self.daemon.store.audit(entry, now).await?;
        let Some(next) = self.next_in_chain(stored, message, now).await? else {
            return self.failed(message, failure).await;
        };
        tracing::warn!(id = %message.message, to = %recipient, next = %next, code = %failure.code, "address refused; passed on");
        let next = Next::Reroute(next, now);
        self.daemon.store.fail(message.attempt, failure.class, &failure.code, &next, now).await?;
        Ok(Attempt::Failed)
    }

    /// Whoever comes after a recipient whose address refuses mail: leader, coordinator, the fallback.
    async fn next_in_chain(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        now: Instant,
    ) -> Result<Option<Recipient>, StoreError> {
        let Ok(municipality) = Municipality::new(&self.rules.set, &stored.organisation) else { return Ok(None) };
        let mut chain = Vec::new();
        if let Some(notice) = message.notices.first()
            && let Some(case) = readable(self.daemon.store.case(stored, &self.rules.set, &notice.case).await)?
            && let Some(rule) = self.rules.set.rule_named(&notice.rule)
        {
            let responsible = &self.rules.set.rule(rule).responsible;
            for role in [Role::Leader, Role::Coordinator] {
                let reached = municipality.reached(&case.file, responsible, &role, now);
                chain.extend(reached.map(|(recipient, _)| recipient));
            }
        }
        chain.push(Recipient::Fallback);
        let place = chain.iter().position(|recipient| *recipient == message.recipient);
        let later = chain.into_iter().skip(place.map_or(0, |place| place + 1));
        Ok(later.into_iter().find(|recipient| *recipient != message.recipient))
    }

    async fn failed(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        let next = if failure.class == FailureClass::Channel {
            let until = now + HOLD;
            self.daemon.channels.hold(&message.channel, until);
            tracing::error!(channel = %message.channel, code = %failure.code, "the channel refuses us; held, and tried again in 5 minutes");
            until
        } else {
            next_attempt_at(now, message.tries + 1, message.attempt, failure.retry_after)
        };
        tracing::warn!(id = %message.message, to = %message.recipient, code = %failure.code, class = failure.class.word(), retry_at = %next, "not sent");
        self.daemon.store.fail(message.attempt, failure.class, &failure.code, &Next::RetryAt(next), now).await?;
        Ok(Attempt::Failed)
    }
}

/// A case that does not parse is set aside elsewhere; here it is as good as none.
pub(super) fn readable<T>(case: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match case {
        Err(StoreError::Unreadable { .. }) => Ok(None),
        other => other,
    }
}

/// The lasting id of one notice on a webhook: made of what names it.
fn event_id(message: &Claimed, one: &Applicable) -> Uuid {
    let name = one.notice.name();
    let mut digest = Sha256::new();
    digest.update(message.message.as_bytes());
    for part in [&name.case, &name.rule, &name.start, &name.step, &name.role] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.update(name.repetition.to_le_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
