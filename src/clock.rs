//! The only place that reads time.
//!
//! Everything that needs "now" is handed a [`Clock`]. Tests and `demo` advance a [`Clock::Fixed`]; the daemon uses
//! [`Clock::System`]. `clippy.toml` bans ambient time everywhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::calendar::Instant;

/// A source of the current instant.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is told to move; shared by its clones.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until [`Clock::set`] moves it.
    #[must_use]
    pub fn fixed(now: Instant) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(now.timestamp_millis())))
    }

    /// The current instant, in UTC, with millisecond resolution.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn now(&self) -> Instant {
        match self {
            Self::System => Utc::now(),
            Self::Fixed(millis) => {
                DateTime::from_timestamp_millis(millis.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
            }
        }
    }

    /// Moves a fixed clock to `now`. The machine's clock is left alone.
    pub fn set(&self, now: Instant) {
        if let Self::Fixed(millis) = self {
            millis.store(now.timestamp_millis(), Ordering::SeqCst);
        }
    }
}
