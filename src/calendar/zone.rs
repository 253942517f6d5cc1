//! Where civil dates and instants meet: a municipality's time zone.
//!
//! A day begins at its *first instant*: midnight, or, where the clock jumps over midnight, the first instant after
//! the jump.

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, FixedOffset, LocalResult, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
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
    if let Some(instant) = tabulated(zone, date).and_then(|offset| date.and_time(time).checked_sub_offset(offset)) {
        return instant.and_utc();
    }
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
    local(zone, instant).date()
}

/// The time of day that a clock in `zone` shows at `instant`.
#[must_use]
pub fn time_of_day(zone: Tz, instant: Instant) -> NaiveTime {
    local(zone, instant).time()
}

/// What a clock in `zone` shows.
fn local(zone: Tz, instant: Instant) -> chrono::NaiveDateTime {
    // The day in UTC and the local day share their offset unless one of them has a change of the clock.
    let utc = instant.naive_utc();
    let shown = tabulated(zone, utc.date()).and_then(|offset| {
        let local = utc.checked_add_offset(offset)?;
        (local.date() == utc.date() || tabulated(zone, local.date()) == Some(offset)).then_some(local)
    });
    // The very first and last instants have no local time in half of the world.
    shown.or_else(|| checked_local(zone, instant)).unwrap_or(utc)
}

/// The local time, if there is one.
fn checked_local(zone: Tz, instant: Instant) -> Option<chrono::NaiveDateTime> {
    let utc = instant.naive_utc();
    utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix())
}

/// The offset of each day in the one zone that nearly every municipality is in, from 1990 to 2090; `None` on the days
/// on which the clock changes. Looking a day up costs a hundredth of asking the time zone database.
static OSLO: LazyLock<Vec<Option<FixedOffset>>> = LazyLock::new(|| {
    let offset = |date: NaiveDate| {
        let found = Tz::Europe__Oslo.offset_from_local_datetime(&date.and_time(NaiveTime::MIN)).single()?;
        Some(found.fix())
    };
    let of_day = |date: NaiveDate| offset(date).filter(|begins| date.succ_opt().and_then(offset) == Some(*begins));
    let months = (0..(LAST_YEAR - FIRST.year() + 1) * 12).filter_map(|month| {
        let first = FIRST.checked_add_months(chrono::Months::new(u32::try_from(month).ok()?))?;
        Some((first, first.checked_add_months(chrono::Months::new(1))?))
    });
    // The clock changes at most once a month, so most months are alike from one end to the other.
    let days = months.flat_map(|(first, next)| {
        let alike = offset(first).filter(|begins| offset(next) == Some(*begins));
        let days = first.iter_days().take_while(move |date| *date < next);
        days.map(move |date| alike.or_else(|| of_day(date)))
    });
    days.collect()
});

const FIRST: NaiveDate = match NaiveDate::from_ymd_opt(1990, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};
const LAST_YEAR: i32 = 2090;

/// The offset of a whole day, where it is tabulated.
fn tabulated(zone: Tz, date: NaiveDate) -> Option<FixedOffset> {
    if zone != Tz::Europe__Oslo {
        return None;
    }
    let index = usize::try_from(date.num_days_from_ce() - FIRST.num_days_from_ce()).ok()?;
    *OSLO.get(index)?
}

/// `instant` as RFC 3339 in `zone`'s own offset, whole seconds (§ 12).
#[must_use]
pub fn in_zone(zone: Tz, instant: Instant) -> String {
    match checked_local(zone, instant) {
        Some(_) => instant.with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        None => instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
    }
}
