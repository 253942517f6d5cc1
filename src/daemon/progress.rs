//! Whether the parts of the daemon that have work come on with it. The sign of life for the service manager hangs on this,
//! and readiness too: a timer of its own would go on beside a loop that stands still.
//!
//! A part says that it begins something and how long that may take at the most; it says so again with each batch, message
//! or step. Whoever has nothing to do says nothing, and is not missed. The loop of the daemon always waits for something
//! or does something, so there is no moment at which nobody is watched.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A part of the daemon that can stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The loop that waits for the next moment, and everything that no other part does.
    Loop,
    /// Planning what is due.
    Sweep,
    /// Claiming and composing, and the writing down for all lines.
    Delivery,
    /// One line out, with a message in hand.
    Line,
    /// The daily reconciliation.
    Reconciliation,
}

impl Part {
    /// What logs and pages call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Loop => "the loop",
            Self::Sweep => "the sweep",
            Self::Delivery => "delivery",
            Self::Line => "a delivery line",
            Self::Reconciliation => "the reconciliation",
        }
    }
}

/// A part that has not come on for longer than what it does may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standstill {
    /// Which.
    pub part: Part,
    /// For how long it has not come on.
    pub length: Duration,
}

/// Who works, and how they come on.
#[derive(Debug)]
pub struct Progress {
    /// How long any step may take, beside what it says itself.
    patience: Duration,
    works: Arc<Mutex<Works>>,
}

#[derive(Debug, Default)]
struct Works {
    next: u64,
    marks: BTreeMap<u64, Mark>,
}

#[derive(Debug)]
struct Mark {
    part: Part,
    since: Instant,
    limit: Duration,
}

/// A piece of work under way. Dropping it says that it ended, however it did.
#[derive(Debug)]
pub(super) struct Work {
    id: u64,
    patience: Duration,
    works: Arc<Mutex<Works>>,
}

impl Progress {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, works: Arc::default() }
    }

    /// A part begins something.
    pub(super) fn begin(&self, part: Part) -> Work {
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        let id = works.next;
        works.next += 1;
        works.marks.insert(id, Mark { part, since: Instant::now(), limit: self.patience });
        Work { id, patience: self.patience, works: Arc::clone(&self.works) }
    }

    /// What stands still, if anything does: of several, what does so for the longest.
    #[must_use]
    pub fn standstill(&self) -> Option<Standstill> {
        let now = Instant::now();
        let works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        let stuck = works.marks.values().filter_map(|mark| {
            let length = now.saturating_duration_since(mark.since);
            (length > mark.limit).then_some(Standstill { part: mark.part, length })
        });
        stuck.max_by_key(|standstill| standstill.length)
    }

    /// Whether a part has work.
    #[must_use]
    pub fn is_busy(&self, part: Part) -> bool {
        let works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        works.marks.values().any(|mark| mark.part == part)
    }

    /// Whether everything that has work comes on with it, and anybody is watched at all.
    pub(super) fn is_alive(&self) -> bool {
        let is_watched = !self.works.lock().unwrap_or_else(PoisonError::into_inner).marks.is_empty();
        is_watched && self.standstill().is_none()
    }
}

impl Work {
    /// It came on: one batch, one message, one step further.
    pub(super) fn came_on(&self) {
        self.may_take(Duration::ZERO);
    }

    /// It came on, and what comes next has a time limit of its own.
    pub(super) fn may_take(&self, limit: Duration) {
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mark) = works.marks.get_mut(&self.id) {
            mark.since = Instant::now();
            mark.limit = self.patience.saturating_add(limit);
        }
    }
}

impl Work {
    /// It waits for others, who are watched themselves.
    pub(super) fn leaves_it_to_others(&self) {
        self.may_take(Duration::MAX);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.works.lock().unwrap_or_else(PoisonError::into_inner).marks.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_on_is_alive_and_whoever_stands_still_is_not() {
        let progress = Progress::new(PATIENCE);
        assert!(!progress.is_alive(), "nobody is watched");
        let (sweep, line) = (progress.begin(Part::Sweep), progress.begin(Part::Line));
        for _ in 0..10 {
            tokio::time::advance(PATIENCE).await;
            assert!(progress.is_alive(), "within its time");
            sweep.came_on();
            line.came_on();
        }
        tokio::time::advance(PATIENCE).await;
        sweep.came_on();
        tokio::time::advance(Duration::from_secs(1)).await;
        let length = PATIENCE + Duration::from_secs(1);
        assert_eq!(progress.standstill(), Some(Standstill { part: Part::Line, length }), "the other one came on");
        assert!(!progress.is_alive());
        line.came_on();
        assert!(progress.is_alive(), "late, and alive all the same");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_step_may_take_itself_is_no_standstill() {
        let progress = Progress::new(PATIENCE);
        let _loop = progress.begin(Part::Loop);
        let line = progress.begin(Part::Line);
        line.may_take(Duration::from_secs(600));
        drop(_loop);
        tokio::time::advance(Duration::from_secs(660)).await;
        assert!(progress.is_alive());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(progress.standstill().map(|one| one.part), Some(Part::Line));
        assert!(progress.is_busy(Part::Line) && !progress.is_busy(Part::Sweep));
        drop(line);
        assert_eq!(progress.standstill(), None, "it ended");
    }
}
