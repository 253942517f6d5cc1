//! Delivery: messages leave one after the other, on a few lines at once, in the order P1–P8.
//!
//! | step | here | what a crash after it means |
//! |---|---|---|
//! | P1 | claim | taken back at the next start; after a failed tick, at the next tick |
//! | P2 | recheck, compose | the same |
//! | P3 | open the line, MAIL, RCPT | known not sent |
//! | P4 | `begin_commit` | maybe sent: repeated with the same id, marked |
//! | P5, P6 | hand over, read the answer | the same |
//! | P8 | `accept` or `fail` | final |
//!
//! P7, the acceptance journal, is not here yet. No transaction is open while anything but the database is waited for,
//! and no database call is ever cut short.

mod mail;
mod outcome;
mod webhook;

pub(super) use outcome::readable;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::channels::{EMAIL, WEBHOOK};
use super::content::content;
use super::recheck::{Applicable, Rechecked};
use super::{Daemon, Rules};
use crate::calendar::{Instant, civil_date};
use crate::config::Mode;
use crate::delivery::email::{Composed, Session};
use crate::delivery::webhook::{WebhookEvent, WebhookKind};
use crate::delivery::{Failure, FailureClass};
use crate::engine::Municipality;
use crate::notice::Role;
use crate::store::{Claimed, Ready, StoreError, StoredOrganisation};

/// How long a claim is ours: longer than any conversation can last. After it nothing is handed over any more.
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
}
