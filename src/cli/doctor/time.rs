//! Times and sizes as people read them.

use chrono::{TimeDelta, Utc};
use chrono_tz::{Europe::Oslo, Tz};

use crate::calendar::Instant;

/// `2026-03-16 08:00`, in Norway.
pub(super) fn local(at: Instant) -> String {
    in_zone(at, Oslo)
}

/// `2026-03-16 08:00`, where the municipality is.
pub(super) fn in_zone(at: Instant, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// The day of an instant, in UTC: what certificates count in.
pub(super) fn day(at: Instant) -> String {
    at.with_timezone(&Utc).format("%Y-%m-%d").to_string()
}

/// A length of time in its largest whole unit.
pub(super) fn lasting(time: TimeDelta) -> String {
    let counted = |count: i64, unit: &str| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") };
    match (time.num_days(), time.num_hours(), time.num_minutes()) {
        (days @ 2.., ..) => counted(days, "day"),
        (_, hours @ 2.., _) => counted(hours, "hour"),
        (.., minutes @ 2..) => counted(minutes, "minute"),
        _ => counted(time.num_seconds().max(0), "second"),
    }
}

/// `12.3 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_short() {
        let cases = [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours")];
        for (seconds, shown) in cases {
            assert_eq!(lasting(TimeDelta::seconds(seconds)), shown);
        }
        assert_eq!(lasting(TimeDelta::days(40)), "40 days");
        assert_eq!([size(999), size(12_345_678), size(u64::MAX)], ["999 B", "12.3 MB", "18446744.1 TB"]);
    }
}
