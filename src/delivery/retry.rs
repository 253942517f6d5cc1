//! When a failed attempt is repeated: soon at first, then every hour, without end. Giving up is a person's decision.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use uuid::Uuid;

use crate::calendar::Instant;

const MINUTE: u64 = 60;
const SCHEDULE: [u64; 6] = [30, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE];

/// The longest time that the other side may ask us to wait: it may slow us down, not silence us.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * MINUTE);

/// How long to wait after the `failures`-th failure (from 1) of a message: 30 s, 2, 5, 15, 30, 60 min, then hourly.
///
/// ±20 % of jitter comes from the id of the failed attempt, so the same attempt always gives the same wait, and many
/// messages that failed together do not come back together.
#[must_use]
pub fn delay(failures: u32, attempt: Uuid) -> Duration {
    let step = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(SCHEDULE.len() - 1);
    let nominal = SCHEDULE[step] * 1000;
    // The last 32 bits of a UUID (v4, v7) are random; spread evenly they are a thousandth of 800 to 1200.
    let random = u64::from(u32::from_be_bytes([
        attempt.as_bytes()[12],
        attempt.as_bytes()[13],
        attempt.as_bytes()[14],
        attempt.as_bytes()[15],
    ]));
    let permille = 800 + random * 401 / (u64::from(u32::MAX) + 1);
    Duration::from_millis(nominal * permille / 1000)
}

/// When the next attempt is due: after [`delay`], or after what the other side asked for, if that is longer.
#[must_use]
pub fn next_attempt_at(now: Instant, failures: u32, attempt: Uuid, retry_after: Option<Duration>) -> Instant {
    let wait = delay(failures, attempt).max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
    TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(Instant::MAX_UTC)
}

/// The wait that a `Retry-After` header asks for, in seconds or as an HTTP date, clamped to [`LONGEST_RETRY_AFTER`].
#[must_use]
pub fn parse_retry_after(value: &str, now: Instant) -> Option<Duration> {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait = match is_number {
        // More digits than fit are a long wait all the same.
        true => value.parse().map_or(LONGEST_RETRY_AFTER, Duration::from_secs),
        false => (http_date(value)? - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// A date in any of the three forms that a recipient has to understand (RFC 9110 § 5.6.7).
fn http_date(text: &str) -> Option<Instant> {
    const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let obsolete = || OBSOLETE.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    DateTime::parse_from_rfc2822(text).map(|date| date.to_utc()).ok().or_else(|| Some(obsolete()?.and_utc()))
}
