//! One channel's queue: claims what is due (P1), has it prepared (P2), and gives it to lines.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::clerk::{Clerk, Desk};
use super::line::Line;
use super::prepare::Prepared;
use super::{Delivered, LEASE, all, crash};
use crate::daemon::{Daemon, Part, Rules};
use crate::delivery::{Failure, FailureClass};
use crate::store::{Claimed, StoreError};

/// How many messages are claimed in one transaction. What waits here when the process ends is taken back, known unsent.
const CLAIMED: u32 = 64;

/// A channel that is being emptied.
pub(super) struct Queue {
    daemon: Arc<Daemon>,
    rules: Arc<Rules>,
    channel: String,
    desk: Desk,
    /// Set when the channel refuses us or does not answer, when time is up, or when the process is to stop: nothing more is
    /// tried.
    halt: CancellationToken,
    lines: usize,
}

impl Queue {
    pub(super) fn new(daemon: &Arc<Daemon>, channel: &str, clerk: &Clerk, until: &CancellationToken) -> Self {
        Self {
            rules: daemon.rules(),
            lines: daemon.channels.lines(channel),
            daemon: Arc::clone(daemon),
            channel: channel.to_owned(),
            desk: clerk.desk(),
            halt: until.child_token(),
        }
    }

    /// Sends what is due. Whether all lines came to their end.
    pub(super) async fn empty(self) -> Result<(Delivered, bool), StoreError> {
        // One batch is prepared while the one before it leaves.
        let (sender, waiting) = mpsc::channel(CLAIMED as usize);
        // The lines alone hold the other end: once the last of them is gone, however it went, nothing waits to be taken.
        let waiting = Arc::new(Mutex::new(waiting));
        let mut lines = JoinSet::new();
        for _ in 1..self.lines {
            lines.spawn(self.line().work(Arc::clone(&waiting)).in_current_span());
        }
        lines.spawn(self.line().work(waiting).in_current_span());
        let mut delivered = Delivered::default();
        let fed = self.feed(&sender, &mut delivered).await;
        drop(sender);
        let (sent, is_whole) = all(lines).await?;
        delivered += sent;
        fed?;
        Ok((delivered, is_whole))
    }

    fn line(&self) -> Line {
        Line::new(&self.daemon, &self.rules, &self.channel, &self.desk, &self.halt)
    }

    /// Claims and prepares until nothing is due, the channel or the process halts.
    async fn feed(&self, sender: &mpsc::Sender<Prepared>, delivered: &mut Delivered) -> Result<(), StoreError> {
        let work = self.daemon.progress.begin(Part::Delivery);
        while !self.halt.is_cancelled() {
            work.came_on();
            let now = self.daemon.clock.now();
            let states = self.daemon.store.channels().await?;
            let state = states.iter().find(|state| state.name == self.channel);
            if state.is_some_and(|state| state.held_at(now).is_some()) {
                break;
            }
            let is_probe = state.is_some_and(|state| state.is_probed(now));
            let limit = if is_probe { 1 } else { CLAIMED };
            let claimed = self.daemon.store.claim(&self.channel, now, limit, &self.daemon.owner, LEASE).await?;
            if claimed.is_empty() {
                break;
            }
            crash::point(crash::CLAIMED);
            let prepared = self.prepare(claimed, delivered).await?;
            work.leaves_it_to_others();
            for prepared in prepared {
                if is_probe {
                    *delivered += self.probe(prepared).await?;
                    continue;
                }
                if sender.send(prepared).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Has messages prepared on both cores; those to one recipient together, for they are counted.
    async fn prepare(&self, claimed: Vec<Claimed>, delivered: &mut Delivered) -> Result<Vec<Prepared>, StoreError> {
        let is_first = |message: &Claimed| {
            let mut hasher = DefaultHasher::new();
            message.recipient.hash(&mut hasher);
            hasher.finish().is_multiple_of(2)
        };
        let (first, second): (Vec<Claimed>, Vec<Claimed>) = claimed.into_iter().partition(is_first);
        let (first, second) = tokio::join!(self.prepare_aside(first), self.prepare_aside(second));
        let (mut prepared, mut more) = (first?, second?);
        *delivered += prepared.1;
        *delivered += more.1;
        prepared.0.append(&mut more.0);
        // In the order of claiming: escalations first, then the oldest.
        prepared.0.sort_by_key(|one| (!one.message.escalation, one.message.message));
        Ok(prepared.0)
    }

    /// In a task of its own: if one message ends it in a panic, the others are prepared without it.
    async fn prepare_aside(&self, claimed: Vec<Claimed>) -> Result<(Vec<Prepared>, Delivered), StoreError> {
        let prepare = |messages: Vec<Claimed>| {
            let (daemon, rules) = (Arc::clone(&self.daemon), Arc::clone(&self.rules));
            let prepare = async move {
                let mut delivered = Delivered::default();
                let prepared = daemon.prepare(&rules, messages, &mut delivered).await?;
                Ok((prepared, delivered))
            };
            tokio::spawn(prepare.in_current_span())
        };
        if let Ok(prepared) = prepare(claimed.clone()).await {
            return prepared;
        }
        let (mut all, mut delivered) = (Vec::new(), Delivered::default());
        for message in claimed {
            match prepare(vec![message.clone()]).await {
                Ok(prepared) => {
                    let (prepared, counted) = prepared?;
                    all.extend(prepared);
                    delivered += counted;
                }
                Err(_) => {
                    tracing::error!(id = %message.message, "composing this message ended in a panic; it is tried again later");
                    let parcel = Err(Failure::new(FailureClass::Temporary, "panic"));
                    all.push(Prepared { message, parcel });
                }
            }
        }
        Ok((all, delivered))
    }

    /// A channel that was held gets one message; what comes of it decides about the others.
    async fn probe(&self, prepared: Prepared) -> Result<Delivered, StoreError> {
        let mut line = self.line();
        line.take(prepared).await?;
        let delivered = line.end().await;
        self.desk.flush().await;
        Ok(delivered)
    }
}
