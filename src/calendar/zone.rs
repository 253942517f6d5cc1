//! Where civil dates and instants meet: a municipality's time zone.
//!
//! A day begins at its *first instant*: midnight, or, where the clock jumps over midnight, the first instant after
//! the jump.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A point in time, the same everywhere.
pub type Instant = DateTime<Utc>;

/// The earliest instant: "known from the beginning".
pub const BEGINNING: Instant = DateTime::<Utc>::MIN_UTC;

/// The first instant of `date` in `zone`.
#[must_use]
pub fn first_instant(zone: Tz, date: NaiveDate) -> Instant {
    at_local(zone, date, NaiveTime::MIN)
}

/// The first instant of the day after `date`: when `date` is over, and the `due_at` of a civil due date (§ 7).
#[must_use]
pub fn end_of_day(zone: Tz, date: NaiveDate) -> Instant {
    first_instant(zone, date.succ_opt().unwrap_or(NaiveDate::MAX))
}

/// The instant at which a clock in `zone` first shows `time` or later on `date`.
///
/// Where the clock is set back and shows `time` twice, the earlier one counts; where it jumps over `time`, the first
/// instant after the jump.
#[must_use]
pub fn at_local(zone: Tz, date: NaiveDate, time: NaiveTime) -> Instant {
    let mut local = date.and_time(time);
    // A clock jumps at most a few hours; the loop ends long before.
    for _ in 0..=(24 * 4) {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => return instant.to_utc(),
            LocalResult::None => match local.checked_add_signed(TimeDelta::minutes(15)) {
                Some(later) => local = later,
                None => break,
            },
        }
    }
    date.and_time(time).and_utc()
}

/// The civil date on which `instant` falls in `zone`.
#[must_use]
pub fn civil_date(zone: Tz, instant: Instant) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// The time of day that a clock in `zone` shows at `instant`.
#[must_use]
pub fn time_of_day(zone: Tz, instant: Instant) -> NaiveTime {
    instant.with_timezone(&zone).time()
}

/// `instant` as RFC 3339 in `zone`'s own offset, whole seconds (§ 12).
#[must_use]
pub fn in_zone(zone: Tz, instant: Instant) -> String {
    instant.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}
