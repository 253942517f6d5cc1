//! When failed attempts are repeated.

use std::time::Duration;

use fristvakt::delivery::retry::{LONGEST_RETRY_AFTER, delay, next_attempt_at, parse_retry_after};
use proptest::prelude::*;
use uuid::Uuid;

use super::samples::at;

const NOMINAL: [u64; 8] = [30, 120, 300, 900, 1800, 3600, 3600, 3600];

proptest! {
    #[test]
    fn the_wait_grows_to_an_hour_and_varies_by_a_fifth(id in any::<u128>(), failures in 1u32..9) {
        let (wait, nominal) = (delay(failures, Uuid::from_u128(id)), Duration::from_secs(NOMINAL[failures as usize - 1]));
        prop_assert!(wait >= nominal * 8 / 10 && wait <= nominal * 12 / 10, "{wait:?}");
        prop_assert_eq!(wait, delay(failures, Uuid::from_u128(id)));
    }
}

#[test]
fn the_jitter_spans_its_range_and_the_schedule_has_no_end() {
    assert_eq!(delay(1, Uuid::nil()), Duration::from_secs(24));
    assert_eq!(delay(1, Uuid::max()), Duration::from_secs(36));
    assert_eq!(delay(u32::MAX, Uuid::max()), Duration::from_secs(4320));
    assert_eq!(delay(0, Uuid::nil()), Duration::from_secs(24));
}

#[test]
fn the_other_side_may_slow_us_down_but_not_silence_us() {
    let seconds = |text: &str| parse_retry_after(text, at()).map(|wait| wait.as_secs());
    let cases = [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("999999999", Some(3600)),
        ("Fri, 13 Mar 2026 07:05:00 GMT", Some(300)),
        ("Fri, 13 Mar 2026 06:00:00 GMT", Some(0)),
        ("Fri, 13 Mar 2099 06:00:00 GMT", Some(3600)),
        ("-1", None),
        ("soon", None),
    ];
    for (value, expected) in cases {
        assert_eq!(seconds(value), expected, "{value}");
    }
    let next = |wait| next_attempt_at(at(), 1, Uuid::nil(), wait) - at();
    assert_eq!(next(None).num_seconds(), 24);
    assert_eq!(next(Some(Duration::from_secs(10))).num_seconds(), 24);
    assert_eq!(next(Some(Duration::from_secs(90))).num_seconds(), 90);
    assert_eq!(next(Some(Duration::from_secs(90_000))).to_std().unwrap(), LONGEST_RETRY_AFTER);
}
