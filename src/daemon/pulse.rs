//! What the running daemon shows of itself: when it last swept, when something last left, and how attempts ended.
//!
//! All of it lives in memory and begins anew with the process; [`Status::started_at`] says when that was. What must
//! outlive the process is in the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::calendar::Instant;
use crate::delivery::FailureClass;

/// The daemon's vital signs; written by the tick, read by whoever looks.
#[derive(Debug)]
pub struct Pulse(Mutex<Status>);

/// The vital signs at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// When this process began.
    pub started_at: Instant,
    /// The last whole sweep.
    pub sweep: Option<LastSweep>,
    /// When a message was last accepted.
    pub last_delivery: Option<Instant>,
    /// When an attempt last ended, however it did.
    pub last_attempt: Option<Instant>,
    /// How attempts ended since the process began, by channel and outcome.
    pub attempts: BTreeMap<(String, &'static str), u64>,
}

/// A sweep that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSweep {
    /// When it ended.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// When the next round opens, in any municipality.
    pub next_round: Option<Instant>,
}

/// The word for attempts that were accepted; the others have their class's.
pub const ACCEPTED: &str = "accepted";

impl Pulse {
    pub(super) fn new(started_at: Instant) -> Self {
        let (sweep, last_delivery, last_attempt) = (None, None, None);
        Self(Mutex::new(Status { started_at, sweep, last_delivery, last_attempt, attempts: BTreeMap::new() }))
    }

    /// The vital signs now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn swept(&self, began: Instant, ended: Instant, next_round: Option<Instant>) {
        let took = (ended - began).to_std().unwrap_or_default();
        self.change(|status| status.sweep = Some(LastSweep { at: ended, took, next_round }));
    }

    pub(super) fn accepted(&self, channel: &str, now: Instant) {
        self.change(|status| {
            status.last_delivery = Some(now);
            status.count(channel, ACCEPTED, now);
        });
    }

    pub(super) fn failed(&self, channel: &str, class: FailureClass, now: Instant) {
        self.change(|status| status.count(channel, class.word(), now));
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Status {
    fn count(&mut self, channel: &str, outcome: &'static str, now: Instant) {
        self.last_attempt = Some(now);
        *self.attempts.entry((channel.to_owned(), outcome)).or_default() += 1;
    }

    /// The last sign of work: a sweep, or an attempt. A long delivery is no standstill.
    #[must_use]
    pub fn last_sign(&self) -> Option<Instant> {
        self.sweep.map(|sweep| sweep.at).max(self.last_attempt)
    }
}
