//! What the running daemon shows of itself: when it last swept, when something last left, and how attempts ended.
//!
//! All of it lives in memory and begins anew with the process; [`Status::started_at`] says when that was. What must
//! outlive the process is in the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// How attempts ended since the process began, by channel and outcome.
    pub attempts: BTreeMap<(String, &'static str), u64>,
    /// How often a watcher elsewhere heard that a round was done or could not be, and how often it did not hear.
    pub pings: [u64; 2],
    /// When a case was last planned to which a rule applies, by the rule's name.
    pub matched: BTreeMap<Arc<str>, Instant>,
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
        let (sweep, last_delivery) = (None, None);
        let (attempts, matched) = (BTreeMap::new(), BTreeMap::new());
        let pings = [0, 0];
        Self(Mutex::new(Status { started_at, sweep, last_delivery, attempts, pings, matched }))
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
            status.count(channel, ACCEPTED);
        });
    }

    pub(super) fn failed(&self, channel: &str, class: FailureClass) {
        self.change(|status| status.count(channel, class.word()));
    }

    pub(super) fn pinged(&self, is_heard: bool) {
        self.change(|status| status.pings[usize::from(!is_heard)] += 1);
    }

    pub(super) fn matched(&self, rules: impl Iterator<Item = Arc<str>>, now: Instant) {
        self.change(|status| status.matched.extend(rules.map(|rule| (rule, now))));
    }

    fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Status {
    fn count(&mut self, channel: &str, outcome: &'static str) {
        *self.attempts.entry((channel.to_owned(), outcome)).or_default() += 1;
    }
}
