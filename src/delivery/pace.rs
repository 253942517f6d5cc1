//! A pace: no more than so many messages a minute, for relays that count.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives turns at even distances, whoever asks.
#[derive(Debug)]
pub struct Pacer {
    distance: Duration,
    /// When the next turn is.
    next: Mutex<Option<Instant>>,
}

impl Pacer {
    /// `per_minute` turns a minute.
    #[must_use]
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self { distance: Duration::from_secs(60) / per_minute.get(), next: Mutex::default() }
    }

    /// Waits for a turn. What was not used is not saved up.
    pub async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.distance);
            turn
        };
        sleep_until(turn).await;
    }
}
