//! Civil time: Norwegian holidays against a published list, and the arithmetic against its laws.

use std::sync::OnceLock;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use chrono_tz::Europe::Oslo;
use fristvakt::calendar::{Calendar, Closure, Span, Unit, civil_date, easter_sunday, end_of_day, first_instant};
use fristvakt::folder::RulesFolder;
use proptest::prelude::*;

/// Easter Sundays as published, month and day, 2015–2045.
const EASTER: [(u32, u32); 31] = [
    (4, 5),
    (3, 27),
    (4, 16),
    (4, 1),
    (4, 21),
    (4, 12),
    (4, 4),
    (4, 17),
    (4, 9),
    (3, 31),
    (4, 20),
    (4, 5),
    (3, 28),
    (4, 16),
    (4, 1),
    (4, 21),
    (4, 13),
    (3, 28),
    (4, 17),
    (4, 9),
    (3, 25),
    (4, 13),
    (4, 5),
    (4, 25),
    (4, 10),
    (4, 1),
    (4, 21),
    (4, 6),
    (3, 29),
    (4, 17),
    (4, 9),
];

fn norway() -> &'static Calendar {
    static NORWAY: OnceLock<Calendar> = OnceLock::new();
    NORWAY.get_or_init(|| {
        let (rules, _) = RulesFolder::open(None).expect("the shipped rules").load().expect("no error");
        let index = rules.calendar_of("norway").expect("a Norwegian calendar");
        rules.calendar(index).clone()
    })
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn span(text: &str) -> Span {
    text.parse().expect("a span")
}

#[test]
fn easter_is_as_published() {
    for (year, (month, day)) in (2015..).zip(EASTER) {
        assert_eq!(easter_sunday(year), NaiveDate::from_ymd_opt(year, month, day));
    }
}

#[test]
fn norwegian_holidays_are_as_published_from_2015_to_2045() {
    let norway = norway();
    for (year, (month, day)) in (2015..).zip(EASTER) {
        let easter = NaiveDate::from_ymd_opt(year, month, day).expect("Easter");
        let fixed = [(1, 1), (5, 1), (5, 17), (12, 25), (12, 26)];
        let fixed = fixed.map(|(month, day)| NaiveDate::from_ymd_opt(year, month, day).expect("a holiday"));
        let movable = [-3, -2, 0, 1, 39, 49, 50].map(|distance| easter + TimeDelta::days(distance));
        let first = NaiveDate::from_ymd_opt(year, 1, 1).expect("a day");
        for date in first.iter_days().take_while(|date| date.year() == year) {
            let is_holiday = fixed.contains(&date) || movable.contains(&date);
            let closure = norway.closure(date);
            assert_eq!(matches!(closure, Some(Closure::Holiday(_))), is_holiday, "{date}: {closure:?}");
            let is_weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
            assert_eq!(norway.is_working(date), !is_holiday && !is_weekend, "{date}");
        }
    }
}

#[test]
fn holidays_are_computed_far_beyond_any_table() {
    let norway = norway();
    assert_eq!(norway.closure(day("2160-05-17")), Some(Closure::Holiday("Grunnlovsdagen".into())));
    assert_eq!(easter_sunday(2285), Some(day("2285-03-22")));
}

#[test]
fn spans_end_where_people_expect() {
    let cases = [
        ("2026-03-02", "14d", "2026-03-16"),
        ("2026-03-02", "4w", "2026-03-30"),
        ("2026-01-31", "1mo", "2026-02-28"),
        ("2028-01-31", "1mo", "2028-02-29"),
        ("2024-02-29", "1y", "2025-02-28"),
        ("2012-02-29", "16y", "2028-02-29"),
        ("2026-03-31", "-1mo", "2026-02-28"),
        // Easter 2026: Thursday 2 April to Monday 6 April.
        ("2026-04-01", "1wd", "2026-04-07"),
        ("2026-04-07", "-1wd", "2026-04-01"),
        ("2026-04-03", "0wd", "2026-04-07"),
        ("2026-04-03", "-0wd", "2026-04-07"),
        ("2026-05-13", "5wd", "2026-05-21"),
        ("2026-12-23", "3wd", "2026-12-29"),
    ];
    let norway = norway();
    for (start, within, due) in cases {
        assert_eq!(norway.add(day(start), span(within)), Some(day(due)), "{start} + {within}");
    }
}

#[test]
fn a_text_that_is_no_span_says_why() {
    for text in ["", "d", "14", "1d12h", "14 d", "5wwd", "2000000000000d", "--1d", "1 w", "½d", "+d"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
    assert_eq!(
        "14x".parse::<Span>().map_err(|error| error.to_string()),
        Err("`x` is no unit: use d (days), w (weeks), mo (months), y (years), wd (working days) or h (hours)"
            .to_owned())
    );
}

#[test]
fn a_day_begins_and_ends_with_the_clock_change() {
    let hours = |date: &str| (end_of_day(Oslo, day(date)) - first_instant(Oslo, day(date))).num_hours();
    assert_eq!(hours("2026-03-29"), 23);
    assert_eq!(hours("2026-10-25"), 25);
    assert_eq!(hours("2026-06-01"), 24);
    // Where the clock jumps over midnight, the day begins after the jump.
    let beirut = chrono_tz::Asia::Beirut;
    assert_eq!(civil_date(beirut, first_instant(beirut, day("2024-03-31"))), day("2024-03-31"));
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    (0i64..36_500).prop_map(|days| day("1990-01-01") + TimeDelta::days(days))
}

fn civil_spans() -> impl Strategy<Value = Span> {
    let units =
        prop_oneof![Just(Unit::Day), Just(Unit::Week), Just(Unit::Month), Just(Unit::Year), Just(Unit::WorkingDay)];
    (-60i32..60, units).prop_map(|(count, unit)| Span { count, unit })
}

proptest! {
    #[test]
    fn a_later_start_is_never_due_earlier(start in dates(), later in 0i64..400, span in civil_spans()) {
        let norway = norway();
        let other = start + TimeDelta::days(later);
        prop_assert!(norway.add(start, span) <= norway.add(other, span));
    }

    #[test]
    fn a_longer_span_is_never_due_earlier(start in dates(), span in civil_spans()) {
        let longer = Span { count: span.count + 1, ..span };
        let norway = norway();
        // `0wd` rolls forward, so it may pass `-1wd` but never `1wd`.
        prop_assert!(norway.add(start, span) <= norway.add(start, longer));
    }

    #[test]
    fn working_days_are_counted_one_by_one(start in dates(), count in 1i32..40) {
        let norway = norway();
        let due = norway.add(start, Span { count, unit: Unit::WorkingDay }).expect("a date");
        prop_assert!(norway.is_working(due));
        let between = start.iter_days().skip(1).take_while(|date| *date <= due).filter(|date| norway.is_working(*date));
        prop_assert_eq!(between.count(), usize::try_from(count).expect("small"));
    }

    #[test]
    fn working_days_there_and_back(start in dates(), count in 1i32..40) {
        let norway = norway();
        let start = norway.on_or_after(start);
        let there = norway.add(start, Span { count, unit: Unit::WorkingDay }).expect("a date");
        prop_assert_eq!(norway.add(there, Span { count: -count, unit: Unit::WorkingDay }), Some(start));
    }

    #[test]
    fn months_keep_the_day_or_take_the_last(start in dates(), count in -60i32..60) {
        let norway = norway();
        let due = norway.add(start, Span { count, unit: Unit::Month }).expect("a date");
        let is_last = due.succ_opt().expect("a day").day() == 1;
        prop_assert!(due.day() == start.day() || (is_last && due.day() < start.day()));
        let months = (due.year() - start.year()) * 12 + due.month0() as i32 - start.month0() as i32;
        prop_assert_eq!(months, count);
    }

    #[test]
    fn the_table_of_working_days_agrees_with_the_computation(date in dates()) {
        let norway = norway();
        prop_assert_eq!(norway.is_working(date), norway.closure(date).is_none());
    }

    #[test]
    fn every_day_begins_when_the_one_before_ends(date in dates()) {
        prop_assert_eq!(civil_date(Oslo, first_instant(Oslo, date)), date);
        let last = end_of_day(Oslo, date) - TimeDelta::nanoseconds(1);
        prop_assert_eq!(civil_date(Oslo, last), date);
    }

    #[test]
    fn the_table_of_offsets_agrees_with_the_time_zone_database(seconds in 631_152_000i64..3_786_912_000) {
        use chrono::{DateTime, TimeZone};
        let instant = DateTime::from_timestamp(seconds, 0).expect("an instant");
        let local = instant.with_timezone(&Oslo);
        prop_assert_eq!(civil_date(Oslo, instant), local.date_naive());
        prop_assert_eq!(fristvakt::calendar::time_of_day(Oslo, instant), local.time());
        if let chrono::LocalResult::Single(back) = Oslo.from_local_datetime(&local.naive_local()) {
            let found = fristvakt::calendar::at_local(Oslo, local.date_naive(), local.time());
            prop_assert_eq!(found, back.to_utc());
        }
    }

    #[test]
    fn spans_are_written_as_they_are_read(span in civil_spans()) {
        prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
    }
}
