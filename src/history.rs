//! Records that change over time: which version was known when (`rule-language` § 4, "Known").

use crate::calendar::{BEGINNING, Instant};

/// The versions of one record, in file order.
///
/// A version is in effect from its `recorded_at` on, never before the version it replaces; without `recorded_at` it is
/// known from the beginning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History<T>(Vec<(Instant, T)>);

impl<T> History<T> {
    /// A history with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends the next version.
    pub fn push(&mut self, recorded_at: Option<Instant>, version: T) {
        let recorded_at = recorded_at.unwrap_or(BEGINNING);
        let effective = self.0.last().map_or(recorded_at, |(previous, _)| recorded_at.max(*previous));
        self.0.push((effective, version));
    }

    /// The version known at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Option<&T> {
        self.0.iter().rev().find(|(effective, _)| *effective <= now).map(|(_, version)| version)
    }

    /// Whether more than one version has taken effect by `now`.
    #[must_use]
    pub fn is_changed_at(&self, now: Instant) -> bool {
        self.0.get(1).is_some_and(|(effective, _)| *effective <= now)
    }

    /// When the record became known at all.
    #[must_use]
    pub fn known_from(&self) -> Option<Instant> {
        self.0.first().map(|(effective, _)| *effective)
    }

    /// The instants at which a version takes effect, in order.
    pub fn changes(&self) -> impl Iterator<Item = Instant> {
        self.0.iter().map(|(effective, _)| *effective)
    }

    /// All versions, in file order.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().map(|(_, version)| version)
    }

    /// Whether there is no version.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes everything back, as if it had never been recorded.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
