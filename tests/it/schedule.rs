//! Slots and periods: in every zone, whatever the clocks do, each comes once, and names the days that it is about.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use fristvakt::calendar::{Instant, at_local, civil_date, first_instant};
use fristvakt::schedule::{Pattern, Period, Scheduled};
use proptest::prelude::*;

/// Zones whose clocks change by day, by night, at midnight, by half an hour, over a day line, and never.
const ZONES: [Tz; 8] = [
    chrono_tz::Europe::Oslo,
    chrono_tz::Arctic::Longyearbyen,
    chrono_tz::America::Sao_Paulo,
    chrono_tz::Asia::Beirut,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::Pacific::Apia,
    chrono_tz::America::St_Johns,
    chrono_tz::UTC,
];

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn at(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn instants() -> impl Strategy<Value = Instant> {
    // 1990 to 2090, and often close to a change of the clocks in Norway or Brazil.
    let anywhere = 631_152_000..3_786_912_000_i64;
    let changes =
        prop::sample::select(vec![1_774_746_000_i64, 1_792_890_000, 1_540_090_800, 1_571_540_400, 1_325_242_800]);
    let near = (changes, -90_000..90_000_i64).prop_map(|(change, off)| change + off);
    prop_oneof![anywhere, near].prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

proptest! {
    #[test]
    fn a_slot_lies_ahead_and_none_lies_between(
        zone in prop::sample::select(&ZONES[..]),
        now in instants(),
        text in prop::sample::select(vec!["0 0 * * MON", "0 0 1 * *", "30 2 * * *", "0 13 * * FRI", "0 8 L * *", "15 0 29 2 *"]),
    ) {
        let pattern = pattern(text);
        let next = pattern.next(zone, now).unwrap();
        prop_assert!(next > now);
        prop_assert_eq!(pattern.due(zone, now, next - TimeDelta::seconds(1)), None);
        prop_assert_eq!(pattern.due(zone, now, next), Some(next));
        // However late somebody looks, the last slot is the one that is due, and it is due once.
        let late = next + TimeDelta::days(800);
        let due = pattern.due(zone, now, late).unwrap();
        prop_assert!(next <= due && due <= late);
        prop_assert!(pattern.next(zone, due).unwrap() > late);
        prop_assert_eq!(pattern.due(zone, due, late), None);
    }

    #[test]
    fn every_monday_has_one_slot_and_it_is_its_beginning(zone in prop::sample::select(&ZONES[..]), now in instants()) {
        let slot = pattern("0 0 * * MON").next(zone, now).unwrap();
        let day = civil_date(zone, slot);
        prop_assert_eq!(day.weekday(), Weekday::Mon);
        prop_assert_eq!(slot, first_instant(zone, day));
        // A Monday that the calendar leaves out, as Samoa did with a Friday, is the only way to a longer wait.
        prop_assert!((day - civil_date(zone, now)).num_days() <= 7);
    }

    #[test]
    fn a_day_has_one_slot_also_when_its_hour_comes_twice_or_never(
        zone in prop::sample::select(&ZONES[..]),
        now in instants(),
        hour in 0_u32..24,
        minute in 0_u32..60,
    ) {
        let pattern = pattern(&format!("{minute} {hour} * * *"));
        let mut slot = now;
        let mut last: Option<NaiveDate> = None;
        for _ in 0..5 {
            slot = pattern.next(zone, slot).unwrap();
            let day = civil_date(zone, slot);
            if let Some(last) = last {
                let skipped = (1..(day - last).num_days()).map(|ahead| last + Days::new(ahead as u64));
                prop_assert!(last < day, "{} has two", day);
                for day in skipped {
                    // A day that does not exist.
                    prop_assert_ne!(civil_date(zone, first_instant(zone, day)), day);
                }
            }
            let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
            let off = slot - at_local(zone, day, time);
            prop_assert!(off.num_hours() == 0, "{slot} is {off} off");
            last = Some(day);
        }
    }

    #[test]
    fn periods_follow_each_other_without_gap_and_names_name_them(
        days in 0_u64..200_000,
        scheduled in prop::sample::select(&Scheduled::ALL[..]),
    ) {
        let day = date("1900-01-01") + Days::new(days);
        let period = scheduled.period_before(day);
        prop_assert!(period.first <= period.last && period.last < day);
        // The whole period lies before the day, and the next one does not.
        let next = scheduled.period_before(period.last + Days::new(1));
        prop_assert_eq!(next, period);
        let mut later = period.last + Days::new(2);
        while scheduled.period_before(later) == period {
            later = later + Days::new(1);
        }
        let following = scheduled.period_before(later);
        prop_assert_eq!(following.first, period.last + Days::new(1));
        prop_assert!(day < later, "{day} lies in the period after, which ends before {later}");
        prop_assert_eq!(Period::parse(scheduled, &period.name()), Some(period));
        prop_assert_ne!(following.name(), period.name());
    }

    #[test]
    fn what_names_no_period_is_none(text in "[0-9W Q-]{0,9}", scheduled in prop::sample::select(&Scheduled::ALL[..])) {
        if let Some(period) = Period::parse(scheduled, &text) {
            prop_assert_eq!(period.name(), text);
        }
    }
}

#[test]
fn the_turns_of_years_months_and_clocks() {
    let periods = [
        // ISO 8601: the week of the first Thursday. 2026 has 53 weeks; 1 January 2027 lies in the last of 2026.
        (Scheduled::Weekly, "2027-01-04", "2026-W53", "2026-12-28", "2027-01-03"),
        (Scheduled::Weekly, "2026-01-05", "2026-W01", "2025-12-29", "2026-01-04"),
        (Scheduled::Weekly, "2025-01-01", "2024-W52", "2024-12-23", "2024-12-29"),
        (Scheduled::Lists, "2026-03-29", "2026-W12", "2026-03-16", "2026-03-22"),
        (Scheduled::Monthly, "2028-03-01", "2028-02", "2028-02-01", "2028-02-29"),
        (Scheduled::Monthly, "2026-03-31", "2026-02", "2026-02-01", "2026-02-28"),
        (Scheduled::Monthly, "2027-01-01", "2026-12", "2026-12-01", "2026-12-31"),
        (Scheduled::Quarterly, "2027-01-01", "2026-Q4", "2026-10-01", "2026-12-31"),
        (Scheduled::Quarterly, "2026-06-30", "2026-Q1", "2026-01-01", "2026-03-31"),
        (Scheduled::Yearly, "2027-01-01", "2026", "2026-01-01", "2026-12-31"),
        (Scheduled::Yearly, "2026-12-31", "2025", "2025-01-01", "2025-12-31"),
    ];
    for (scheduled, day, name, first, last) in periods {
        let period = scheduled.period_before(date(day));
        assert_eq!((period.name().as_str(), period.first, period.last), (name, date(first), date(last)), "{day}");
    }
    let slots = [
        // Seven o'clock stays seven o'clock.
        ("0 7 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ("0 7 * * *", "2026-10-24T12:00:00+02:00", "2026-10-25T07:00:00+01:00"),
        // Half past two comes never in spring: when there is a time again; and twice in autumn: the first.
        ("30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"),
        ("30 2 * * *", "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("30 2 * * *", "2026-10-25T02:00:00+01:00", "2026-10-26T02:30:00+01:00"),
        ("0 0 29 2 *", "2026-03-01T00:00:00+01:00", "2028-02-29T00:00:00+01:00"),
    ];
    for (text, after, next) in slots {
        assert_eq!(pattern(text).next(chrono_tz::Europe::Oslo, at(after)), Some(at(next)), "{text} after {after}");
    }
}

#[test]
fn a_pattern_that_is_none_or_never_comes_is_refused_and_off_never_comes() {
    for text in ["", "* * * *", "0 0 * * MON *", "0 0 30 2 *", "0 25 * * *", "@weekly", "mondays at eight please"] {
        assert!(Pattern::parse(text).is_err(), "{text}");
    }
    let off = Pattern::parse(" off ").unwrap();
    assert_eq!(off, Pattern::OFF);
    assert_eq!(off.next(chrono_tz::UTC, at("2026-01-01T00:00:00Z")), None);
    assert_eq!(off.due(chrono_tz::UTC, at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z")), None);
}

#[test]
fn missed_periods_are_made_up_once_each_the_oldest_first() {
    let oslo = chrono_tz::Europe::Oslo;
    let made_up = |pattern: &str, scheduled, last: &str, now: &str| -> Vec<String> {
        let slots = self::pattern(pattern).all_due(scheduled, oslo, at(last), at(now));
        slots.into_iter().map(|slot| Pattern::period(scheduled, oslo, slot).name()).collect()
    };
    let (last, now) = ("2026-03-17T08:00:00+01:00", "2026-06-03T08:00:00+02:00");
    assert_eq!(made_up("0 0 1 * *", Scheduled::Monthly, last, now), ["2026-03", "2026-04", "2026-05"]);
    assert_eq!(made_up("0 0 1 1,4,7,10 *", Scheduled::Quarterly, last, now), ["2026-Q1"]);
    assert_eq!(made_up("0 0 1 1 *", Scheduled::Yearly, last, now), [""; 0]);
    assert_eq!(made_up("0 0 * * MON", Scheduled::Weekly, last, now), ["2026-W22"], "the last week says what is open");
    // Daily slots are about one month all the same, and nobody looks further back than a year.
    assert_eq!(made_up("0 8 * * *", Scheduled::Monthly, last, now), ["2026-03", "2026-04", "2026-05"]);
    let long_ago = made_up("0 0 1 * *", Scheduled::Monthly, "2019-01-01T00:00:00+01:00", now);
    assert_eq!((long_ago.len(), &*long_ago[0], &*long_ago[11]), (12, "2025-06", "2026-05"));
    assert_eq!(made_up("0 0 1 * *", Scheduled::Monthly, now, now), [""; 0]);
}

/// The library knows the hour before the clocks go forward only until it has come.
#[test]
fn the_day_on_which_the_clocks_go_forward_has_one_slot_in_the_hour_before() {
    let oslo = chrono_tz::Europe::Oslo;
    for minute in [0, 1, 40, 59] {
        let pattern = pattern(&format!("{minute} 1 * * *"));
        let first = pattern.next(oslo, at("2026-03-28T23:30:00Z")).unwrap();
        assert_eq!(first, at("2026-03-29T00:00:00Z") + TimeDelta::minutes(minute));
        let second = pattern.next(oslo, first).unwrap();
        assert_eq!(second, at("2026-03-29T23:00:00Z") + TimeDelta::minutes(minute));
    }
}
