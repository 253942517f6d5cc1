//! Delivery: each channel's queue is emptied on a few lines at once, in the order P1–P8.
//!
//! ```text
//!  queue:  claim (P1) ─► prepare: recheck, compose (P2) ─► lines: MAIL, RCPT (P3) ─┐
//!  clerk:  one transaction for all that wait ◄── begin to commit (P4) ─────────────┘
//!  line:   hand over, read the answer (P5, P6) ─► journal (P7) ─► clerk: accepted (P8)
//! ```
//!
//! | step | here | what a crash after it means |
//! |---|---|---|
//! | P1 | [`queue`] | taken back at the next start; after a failed tick, at the next tick |
//! | P2 | [`prepare`] | the same |
//! | P3 | [`mail`]: open the line, MAIL, RCPT | known not sent |
//! | P4 | [`clerk`] | maybe sent: repeated with the same id, marked |
//! | P5, P6 | [`mail`], [`webhook`] | the same |
//! | P7 | [`mod@line`]: the acceptance journal | known as sent, whatever the database says |
//! | P8 | [`clerk`], [`outcome`] | final |
//!
//! No transaction is open while anything but the database is waited for, and no database call is ever cut short. A line
//! takes the next message only when P7 of the one before is on the disk, so that a crash repeats at most one message a
//! line.

mod clerk;
mod crash;
mod deviation;
mod line;
mod mail;
mod outcome;
mod prepare;
mod queue;
mod webhook;

use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::clerk::Clerk;
use self::queue::Queue;
use super::{Daemon, Part};
use crate::calendar::Instant;
use crate::config::Mode;
use crate::store::StoreError;

/// How long a claim is ours: longer than any conversation can last. After it nothing is handed over any more.
const LEASE: TimeDelta = TimeDelta::minutes(30);

/// How often the queues are emptied in one delivery, at the most.
const PASSES: usize = 10;

/// How long a delivery may take before the daemon looks at everything else again: a channel that is slow or does not
/// answer holds up neither rounds nor other channels for longer than this and the message in hand.
const BUDGET: Duration = Duration::from_secs(20);

/// What a delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Messages that were accepted.
    pub sent: usize,
    /// Messages in which nothing applied any more.
    pub withdrawn: usize,
    /// Attempts that failed; their messages wait.
    pub failed: usize,
    /// Whether its time was up before everything that is due was tried.
    pub is_cut: bool,
}

impl AddAssign for Delivered {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.withdrawn += other.withdrawn;
        self.failed += other.failed;
        self.is_cut |= other.is_cut;
    }
}

/// Asks lines to end after the message in hand.
#[derive(Clone, Debug)]
pub(super) struct Stop(pub(super) CancellationToken);

impl Stop {
    pub(super) fn never() -> Self {
        Self(CancellationToken::new())
    }
}

impl Daemon {
    /// Sends everything that is due, each channel by itself, on as many lines as it allows.
    pub(super) async fn deliver(self: &Arc<Self>, stop: &Stop) -> Result<Delivered, StoreError> {
        if self.mode == Mode::Shadow {
            return Ok(Delivered::default());
        }
        let work = self.progress.begin(Part::Delivery);
        if self.unsettled.load(Ordering::SeqCst) {
            // No line lives now: what an earlier delivery could not settle is nobody's.
            self.recall().await?;
            self.store.take_back_own_attempts(self.clock.now(), &self.owner).await?;
        }
        let mut total = Delivered::default();
        let mut is_whole = true;
        // What is passed on because an address was refused is due again at once; a chain has few links.
        for _ in 0..PASSES {
            let due = self.due_channels(self.clock.now()).await?;
            if due.is_empty() || !is_whole || total.is_cut || stop.0.is_cancelled() {
                break;
            }
            work.leaves_it_to_others();
            let (delivered, whole) = self.empty(due, stop).await?;
            work.came_on();
            total += delivered;
            is_whole &= whole;
        }
        if total.sent > 0 && is_whole {
            let end = self.journal.end();
            self.store.recall(&[], (self.journal.id(), end), self.clock.now()).await?;
            self.shared.marked(end);
        }
        self.unsettled.store(!is_whole, Ordering::SeqCst);
        Ok(total)
    }

    /// Empties the queues of these channels. Whether all lines came to their end.
    async fn empty(self: &Arc<Self>, channels: Vec<String>, stop: &Stop) -> Result<(Delivered, bool), StoreError> {
        self.unsettled.store(true, Ordering::SeqCst);
        let clerk = Clerk::start(Arc::clone(self));
        let budget = stop.0.child_token();
        let timer = tokio::spawn({
            let budget = budget.clone();
            async move {
                tokio::time::sleep(BUDGET).await;
                budget.cancel();
            }
        });
        let mut queues = JoinSet::new();
        for channel in channels {
            queues.spawn(Queue::new(self, &channel, &clerk, &budget).empty().in_current_span());
        }
        let emptied = all(queues).await;
        let settled = clerk.finish().await;
        timer.abort();
        let (mut delivered, lines_ended) = emptied?;
        delivered.is_cut = budget.is_cancelled();
        Ok((delivered, settled? && lines_ended))
    }

    /// The channels on which something may leave now.
    async fn due_channels(&self, now: Instant) -> Result<Vec<String>, StoreError> {
        let mut due = Vec::new();
        for (channel, at) in self.next_tries(now).await? {
            if at <= now {
                due.push(channel);
            }
        }
        Ok(due)
    }

    /// When the next message may leave on each channel that has any.
    pub(super) async fn next_tries(&self, now: Instant) -> Result<Vec<(String, Instant)>, StoreError> {
        let mut tries = Vec::new();
        let states = self.store.channels().await?;
        for channel in self.channels.names() {
            if let Some(next) = self.store.next_try_at(&channel).await? {
                let state = states.iter().find(|state| state.name == channel);
                let held = state.and_then(|state| state.held_at(now));
                tries.push((channel, held.map_or(next, |held| held.max(next))));
            }
        }
        Ok(tries)
    }
}

/// Waits for tasks, and adds up what they did; whether each of them came to its end.
async fn all(mut tasks: JoinSet<Result<(Delivered, bool), StoreError>>) -> Result<(Delivered, bool), StoreError> {
    let (mut total, mut is_whole, mut failure) = (Delivered::default(), true, None);
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok((delivered, whole))) => {
                total += delivered;
                is_whole &= whole;
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => {
                is_whole = false;
                tracing::error!("a delivery line ended in a panic; its message is taken back at the next tick");
            }
        }
    }
    failure.map_or(Ok((total, is_whole)), Err)
}
