//! Counting: what one group of deviations and obligations comes to. The definitions of a report's figures are here and
//! nowhere else; what a reader sees of them stands in [`super::figures`].
//!
//! The register is counted as it stood at the end of the period, by when deviations opened and closed:
//! `open at the end = open before + opened − closed`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::calendar::Instant;
use crate::store::DeviationRow;

/// The two periods that are compared, as one municipality's clocks show them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// First instant of the period before.
    pub(super) before: Instant,
    /// First instant of the period.
    pub(super) begins: Instant,
    /// First instant after the period, or after now where that comes first.
    pub(super) ends: Instant,
    /// The day to which what is not over is late: the period's last day, or today where that comes first.
    pub(super) reckoned_on: NaiveDate,
}

/// How a deviation stood at the end of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not closed.
    Open,
    /// Met late.
    MetLate,
    /// Explained by a person.
    Explained,
    /// Withdrawn: there was no lapse.
    Withdrawn,
}

impl State {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::MetLate => "met_late",
            Self::Explained => "explained",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of an output's word; `None` for one that is none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::MetLate, Self::Explained, Self::Withdrawn].into_iter().find(|state| state.word() == word)
    }
}

/// A count of each number of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Days(BTreeMap<i64, u64>);

/// The open deviation that has waited longest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Oldest {
    /// When it was due.
    pub due_on: NaiveDate,
    /// What messages call its case.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Calendar days late.
    pub days: i64,
}

/// The counts of one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Deviations open when it began.
    pub(super) open_before: u64,
    /// Opened in it.
    pub(super) opened: u64,
    /// Closed in it, as met late.
    pub(super) met_late: u64,
    /// Closed in it, as explained.
    pub(super) explained: u64,
    /// Closed in it, as withdrawn.
    pub(super) withdrawn: u64,
    /// Open when it ended.
    pub(super) open: u64,
    /// Obligations due in it.
    pub(super) due: u64,
    /// Of these, met in time.
    pub(super) in_time: u64,
}

/// What a group comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// In the period.
    pub(super) now: Counts,
    /// In the period before, of the same length.
    pub(super) before: Counts,
    /// Days late of all that were open at any time in the period, but not of withdrawn ones.
    pub(super) late: Days,
    /// Days late of those open at its end.
    pub(super) waits: Days,
    /// The oldest of those open at its end.
    pub(super) oldest: Option<Oldest>,
}

impl Bounds {
    /// How a deviation stood at the end of the period; `None` where it was not open at any time in it.
    pub(super) fn state(&self, row: &DeviationRow) -> Option<State> {
        let (opened, closed) = (row.opened_at.instant(), row.closed_at.map(|at| at.instant()));
        if opened >= self.ends || closed.is_some_and(|closed| closed < self.begins) {
            return None;
        }
        let closing = || row.closed_as.as_deref().and_then(State::parse).unwrap_or(State::Open);
        Some(closed.filter(|closed| *closed < self.ends).map_or(State::Open, |_| closing()))
    }

    /// Calendar days late (§ 10), but of what was not over at the end of the period, to that day.
    pub(super) fn days_late(&self, row: &DeviationRow, state: State) -> i64 {
        let until = row.late_until.map_or(self.reckoned_on, |day| day.0.min(self.reckoned_on));
        if state == State::Withdrawn { 0 } else { (until - row.due_on.0).num_days().max(0) }
    }
}

impl Counts {
    pub(super) fn closed(&self) -> u64 {
        self.met_late + self.explained + self.withdrawn
    }

    pub(super) fn late(&self) -> u64 {
        self.due - self.in_time
    }

    /// Of a deviation, within the instants of a period.
    fn add(&mut self, row: &DeviationRow, begins: Instant, ends: Instant) {
        let (opened, closed) = (row.opened_at.instant(), row.closed_at.map(|at| at.instant()));
        let open_at = |instant: Instant| opened < instant && closed.is_none_or(|closed| closed >= instant);
        self.open_before += u64::from(open_at(begins));
        self.opened += u64::from(begins <= opened && opened < ends);
        self.open += u64::from(open_at(ends));
        if closed.is_some_and(|closed| begins <= closed && closed < ends && opened < ends) {
            match row.closed_as.as_deref().and_then(State::parse) {
                Some(State::MetLate) => self.met_late += 1,
                Some(State::Explained) => self.explained += 1,
                _ => self.withdrawn += 1,
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        let Self { open_before, opened, met_late, explained, withdrawn, open, due, in_time } = other;
        self.open_before += open_before;
        self.opened += opened;
        self.met_late += met_late;
        self.explained += explained;
        self.withdrawn += withdrawn;
        self.open += open;
        self.due += due;
        self.in_time += in_time;
    }
}

impl Tally {
    /// Takes in a deviation of the register.
    pub(super) fn add(&mut self, row: &DeviationRow, bounds: &Bounds) {
        self.now.add(row, bounds.begins, bounds.ends);
        self.before.add(row, bounds.before, bounds.begins.min(bounds.ends));
        let Some(state) = bounds.state(row).filter(|state| *state != State::Withdrawn) else { return };
        let days = bounds.days_late(row, state);
        self.late.add(days);
        if state == State::Open {
            self.waits.add(days);
            let this = Oldest { due_on: row.due_on.0, reference: row.reference.clone(), days };
            self.oldest = [self.oldest.take(), Some(this)].into_iter().flatten().min();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.now.merge(&other.now);
        self.before.merge(&other.before);
        self.late.merge(&other.late);
        self.waits.merge(&other.waits);
        self.oldest = [self.oldest.take(), other.oldest.clone()].into_iter().flatten().min();
    }

    /// Whether there is anything in it.
    pub(super) fn is_empty(&self) -> bool {
        let none = Counts::default();
        self.now == none && self.before == none
    }
}

impl Days {
    fn add(&mut self, days: i64) {
        *self.0.entry(days).or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (days, count) in &other.0 {
            *self.0.entry(*days).or_default() += count;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many lie within.
    pub(super) fn within(&self, range: std::ops::RangeInclusive<i64>) -> u64 {
        self.0.range(range).map(|(_, count)| count).sum()
    }

    pub(super) fn worst(&self) -> Option<i64> {
        self.0.keys().next_back().copied()
    }

    /// The middle one, or halfway between the two in the middle.
    pub(super) fn median(&self) -> Option<f64> {
        let count = self.count();
        let [low, high] = [count.checked_sub(1)? / 2, count / 2].map(|place| self.at(place));
        #[expect(clippy::cast_precision_loss, reason = "days since a due date are far below 2^52")]
        Some((low? + high?) as f64 / 2.0)
    }

    /// The one at a place, from 0, in order.
    fn at(&self, place: u64) -> Option<i64> {
        let mut seen = 0;
        self.0.iter().find_map(|(days, count)| {
            seen += count;
            (place < seen).then_some(*days)
        })
    }
}
