//! One line out: messages leave on it one after the other (P3 to P7).

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::clerk::Desk;
use super::prepare::SHORTLY;
use super::prepare::{Parcel, Prepared};
use super::{BUDGET, Delivered, crash};
use crate::daemon::progress::Work;
use crate::daemon::{Daemon, Part, Rules};
use crate::delivery::email::{Session, Smtp};
use crate::delivery::webhook::Webhook;
use crate::delivery::{Failure, FailureClass};
use crate::store::{Accepted, Claimed, CommitVerdict, Ready, StoreError};

/// A line, with a session that is kept from message to message.
pub(super) struct Line {
    pub(super) daemon: Arc<Daemon>,
    pub(super) rules: Arc<Rules>,
    pub(super) channel: String,
    pub(super) halt: CancellationToken,
    pub(super) session: Option<Session>,
    desk: Desk,
    delivered: Delivered,
    /// That it has a message in hand, and how it comes on with it.
    work: Option<Work>,
    /// Whether the database stopped answering: nothing more is tried.
    is_cut_off: bool,
}

/// How an attempt went.
pub(super) enum Attempt {
    Sent,
    Failed,
    /// Something changed since it was composed.
    Again,
    /// The database did not answer: what becomes of the message is asked of it later.
    CutOff,
}

impl Line {
    pub(super) fn new(
        daemon: &Arc<Daemon>,
        rules: &Arc<Rules>,
        channel: &str,
        desk: &Desk,
        halt: &CancellationToken,
    ) -> Self {
        Self {
            daemon: Arc::clone(daemon),
            rules: Arc::clone(rules),
            channel: channel.to_owned(),
            halt: halt.clone(),
            session: None,
            desk: desk.clone(),
            delivered: Delivered::default(),
            work: None,
            is_cut_off: false,
        }
    }

    /// Takes messages until there are no more. What is left when the channel halts is put back, known unsent.
    pub(super) async fn work(
        mut self,
        waiting: Arc<Mutex<mpsc::Receiver<Prepared>>>,
    ) -> Result<(Delivered, bool), StoreError> {
        while !self.is_cut_off {
            let next = waiting.lock().await.recv().await;
            let Some(prepared) = next else { break };
            self.take(prepared).await?;
            self.work = None;
        }
        let is_whole = !self.is_cut_off;
        Ok((self.end().await, is_whole))
    }

    /// Says goodbye, when the outcome of every message is on the disk.
    pub(super) async fn end(mut self) -> Delivered {
        if let Some(session) = self.session.take() {
            self.begin(self.opening_limit());
            session.quit().await;
        }
        self.delivered
    }

    /// One message, with as many tries as facts that change meanwhile ask for.
    pub(super) async fn take(&mut self, mut prepared: Prepared) -> Result<(), StoreError> {
        const TRIES: usize = 3;
        // It may wait for its turn where the channel has a pace.
        self.begin(BUDGET);
        if self.halt.is_cancelled() || !self.daemon.channels.pace(&self.channel, &self.halt).await {
            return self.daemon.store.postpone(&[prepared.message.attempt], self.daemon.clock.now()).await;
        }
        for _ in 0..TRIES {
            match self.attempt(&prepared).await? {
                Attempt::Again => {
                    let again = self.daemon.prepare(&self.rules, vec![prepared.message], &mut self.delivered).await?;
                    let Some(next) = again.into_iter().next() else { return Ok(()) };
                    prepared = next;
                }
                ended => {
                    self.count(&ended);
                    return Ok(());
                }
            }
        }
        let ended =
            self.failed(&prepared.message, Failure::new(FailureClass::Temporary, "facts keep changing")).await?;
        self.count(&ended);
        Ok(())
    }

    /// It has something in hand.
    fn begin(&mut self, limit: Duration) {
        let work = self.daemon.progress.begin(Part::Line);
        work.may_take(limit);
        self.work = Some(work);
    }

    /// One step further with it; the next may take this long by its own limits.
    fn comes_on(&self, limit: Duration) {
        self.work.iter().for_each(|work| work.may_take(limit));
    }

    fn opening_limit(&self) -> Duration {
        self.daemon.channels.smtp.as_ref().map(Smtp::opening_limit).unwrap_or_default()
    }

    fn handing_over_limit(&self) -> Duration {
        match self.daemon.channels.webhook(&self.channel) {
            Some(_) => Webhook::LIMIT,
            None => self.daemon.channels.smtp.as_ref().map(Smtp::handing_over_limit).unwrap_or_default(),
        }
    }

    fn count(&mut self, ended: &Attempt) {
        match ended {
            Attempt::Sent => self.delivered.sent += 1,
            Attempt::Failed | Attempt::Again => self.delivered.failed += 1,
            Attempt::CutOff => self.is_cut_off = true,
        }
    }

    async fn attempt(&mut self, prepared: &Prepared) -> Result<Attempt, StoreError> {
        self.comes_on(Duration::ZERO);
        crash::point(crash::COMPOSED);
        let outcome = match &prepared.parcel {
            Err(failure) => Err(failure.clone()),
            Ok((parcel, ready)) => match self.hand_over(&prepared.message, parcel, ready).await {
                Ok(Some(code)) => return Ok(self.accepted(&prepared.message, code).await),
                Ok(None) => return Ok(Attempt::CutOff),
                Err(Refused::Changed) => return Ok(Attempt::Again),
                Err(Refused::Later) => return self.let_go(&prepared.message, SHORTLY).await,
                Err(Refused::NotOurs) => return self.let_go(&prepared.message, TimeDelta::zero()).await,
                Err(Refused::Failed(failure)) => Err(failure),
            },
        };
        match outcome {
            Err(failure) => self.refused(&prepared.message, failure).await,
            Ok(attempt) => Ok(attempt),
        }
    }

    /// A message that waited longer than its lease goes back, if nobody took it meanwhile.
    async fn let_go(&self, message: &Claimed, until: TimeDelta) -> Result<Attempt, StoreError> {
        self.daemon.store.postpone(&[message.attempt], self.daemon.clock.now() + until).await?;
        Ok(Attempt::Failed)
    }

    /// P3 to P6. `None`: the database did not answer before the point of no return.
    async fn hand_over(&mut self, message: &Claimed, parcel: &Parcel, ready: &Ready) -> Result<Option<u16>, Refused> {
        if let Parcel::Mail(mail) = parcel {
            self.comes_on(self.opening_limit());
            self.open(mail).await?;
        }
        self.comes_on(Duration::ZERO);
        crash::point(crash::PREPARED);
        match self.desk.commit(ready.clone()).await {
            None => return Ok(None),
            Some(CommitVerdict::Go) => crash::point(crash::COMMITTING),
            Some(CommitVerdict::Changed) => return Err(Refused::Changed),
            Some(CommitVerdict::Later) => return Err(Refused::Later),
            Some(CommitVerdict::NotOurs) => return Err(Refused::NotOurs),
        }
        if crash::is_order_broken() {
            self.accepted(message, 250).await;
            self.desk.flush().await;
        }
        self.comes_on(self.handing_over_limit());
        let code = match parcel {
            Parcel::Mail(mail) => self.transmit(mail).await?,
            Parcel::Webhook(event) => self.post(message, event).await?,
            Parcel::Report(report) => self.post_report(message, report).await?,
        };
        self.comes_on(Duration::ZERO);
        crash::point(crash::TAKEN);
        Ok(Some(code))
    }

    /// P7, then P8: first the journal, then the database.
    async fn accepted(&self, message: &Claimed, code: u16) -> Attempt {
        let acceptance = message.acceptance(&code.to_string(), self.daemon.clock.now());
        let journalled = self.daemon.journal.append(&acceptance).await;
        crash::point(crash::JOURNALLED);
        let accepted = Accepted { attempt: message.attempt, channel: message.channel.clone(), code: code.to_string() };
        self.desk.accept(message.message, accepted);
        if let Err(error) = journalled {
            tracing::error!(id = %message.message, %error, "the acceptance journal cannot be written; the database alone knows of this message");
            // Nothing more leaves on this line before the database has it: at most one message a line is repeated.
            self.desk.flush().await;
        }
        self.daemon.pulse.accepted(&message.channel, self.daemon.clock.now());
        tracing::info!(id = %message.message, to = %message.recipient, channel = %message.channel, code, "sent");
        Attempt::Sent
    }
}

/// Why a message was not handed over.
pub(super) enum Refused {
    /// Something changed before the point of no return.
    Changed,
    /// Its municipality is being changed just now.
    Later,
    /// The lease ran out, or somebody else has it.
    NotOurs,
    /// What the other side, or the way to it, said.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
