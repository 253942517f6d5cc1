//! Single words and values: what is taken, comes out as it went in, and keeps its bounds.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use chrono_tz::{TZ_VARIANTS, Tz};
use fristvakt::calendar::{
    BEGINNING, Calendar, Span, Unit, YearlyDay, at_local, civil_date, easter_sunday, end_of_day, first_instant,
    in_zone, time_of_day,
};
use fristvakt::case::{CaseRef, parse_date};
use fristvakt::delivery::message::PeriodName;
use fristvakt::delivery::retry::{LONGEST_RETRY_AFTER, delay, next_attempt_at, parse_retry_after};
use fristvakt::fact::TenantFact;
use fristvakt::language::Language;
use fristvakt::notice::{Recipient, Role};
use fristvakt::organisation::{Address, Tenant};
use fristvakt::words::{length, long_date, step_place};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::cases;

/// Any date that chrono has, most of them near the edges of what facts may say.
fn date() -> impl Strategy<Value = NaiveDate> {
    let days = |text: &str| NaiveDate::signed_duration_since(text.parse().unwrap(), NaiveDate::default()).num_days();
    let (first, last) = (days("1899-12-01"), days("2200-02-01"));
    let any_day = i64::from(i32::MIN)..i64::from(i32::MAX);
    prop_oneof![
        4 => first..last,
        1 => any_day,
        1 => select(vec![NaiveDate::MIN, NaiveDate::MAX]).prop_map(|date| (date - NaiveDate::default()).num_days()),
    ]
    .prop_map(|days| NaiveDate::default().checked_add_signed(TimeDelta::days(days)).unwrap_or(NaiveDate::MAX))
}

fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![1 => Just(Tz::Europe__Oslo), 2 => select(TZ_VARIANTS.to_vec())]
}

fn span() -> impl Strategy<Value = Span> {
    const UNITS: [Unit; 6] = [Unit::Day, Unit::Week, Unit::Month, Unit::Year, Unit::WorkingDay, Unit::Hour];
    (prop_oneof![-40i32..40, -Span::MAX_COUNT..=Span::MAX_COUNT], select(&UNITS))
        .prop_map(|(count, unit)| Span { count, unit })
}

fn tenant(hours: &str, zone: &str) -> Result<Tenant, String> {
    let fact = serde_json::json!({
        "id": "t", "packs": ["p"], "fallback": "a@b.example", "mail_domains": ["b.example"], "time_zone": zone,
        "delivery": { "hours": hours },
    });
    Tenant::parse(&serde_json::from_value::<TenantFact>(fact).unwrap())
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn a_reference_fits_a_subject_or_is_refused(text in prop_oneof![any::<String>(), "[A-Za-z0-9/._-]{0,45}", "[0-9]{11}"]) {
        match CaseRef::parse(&text) {
            Ok(reference) => {
                prop_assert_eq!(reference.as_str(), &text);
                prop_assert!((1..=CaseRef::MAX_CHARS).contains(&text.chars().count()));
                prop_assert!(!text.contains(|char: char| char.is_control() || char.is_whitespace() || char == '<'));
                prop_assert!(!(text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit())));
            }
            Err(error) => prop_assert!(text.is_empty() || !error.contains(&text) || text.len() < 6, "{}", error),
        }
        prop_assert!(CaseRef::parse(CaseRef::derived(&text, "S").as_str()).is_ok());
    }

    #[test]
    fn a_span_is_written_as_it_is_read(span in span(), text in any::<String>(), repetition in any::<u32>()) {
        prop_assert_eq!(span.to_string().parse::<Span>().ok(), Some(span));
        let _ = span.times(repetition);
        for text in [span.to_string(), format!("start{span}"), text] {
            let _ = text.parse::<Span>();
            for language in Language::ALL {
                prop_assert!(!length(language, span).is_empty());
                let _ = step_place(language, &text, repetition);
            }
        }
    }

    #[test]
    fn a_number_of_any_size_is_a_span_or_an_error(text in "[+-]?[0-9]{0,25}(d|w|mo|y|wd|h|m)?[0-9a-z]?") {
        if let Ok(span) = text.parse::<Span>() {
            prop_assert!(span.count.abs() <= Span::MAX_COUNT);
        }
    }

    #[test]
    fn roles_and_recipients_come_out_as_they_went_in(text in prop_oneof!["(contact|unit)?:?.{0,8}", any::<String>()]) {
        if let Some(role) = Role::parse(&text) {
            prop_assert_eq!(role.to_string(), text.clone());
        }
        prop_assert_eq!(Recipient::parse(&text).to_string(), text);
    }

    #[test]
    fn an_address_hides_and_goes_nowhere_else(
        text in prop_oneof![any::<String>(), ".{0,4}@(b\\.example|B\\.EXAMPLE|c\\.example|b\\.example\\.evil|.{0,4})"],
    ) {
        let address = Address::new(&text);
        prop_assert_eq!(format!("{address:?}"), "Address(…)");
        let domains: Vec<Arc<str>> = vec!["b.example".into()];
        if address.is_within(&domains) {
            prop_assert!(address.expose().to_lowercase().ends_with("@b.example"), "{:?}", address.expose());
            prop_assert!(!address.expose().contains(['\r', '\n', ' ']));
        }
    }

    #[test]
    fn hours_are_on_one_day_or_refused(text in prop_oneof![any::<String>(), "[0-9 ]{0,3}:[0-9]{0,3} ?-[0-9 ]{0,3}:[0-9]{0,2}"]) {
        if let Ok(tenant) = tenant(&text, "Europe/Oslo") {
            prop_assert!(tenant.opens < tenant.closes);
        }
        prop_assert!(tenant("08:00-16:00", &text).is_err() || text.parse::<Tz>().is_ok());
    }

    #[test]
    fn a_date_has_ten_characters_or_is_none(text in prop_oneof![any::<String>(), "[0-9+-]{0,11}", "[0-9]{4}-[0-9]{2}-[0-9]{2}"]) {
        if let Some(date) = parse_date(&text) {
            prop_assert_eq!(date.to_string(), text);
        }
    }

    #[test]
    fn a_period_is_a_name_or_none(text in prop_oneof![any::<String>(), "-?[0-9]{0,10}-?[WQH]?[0-9]{0,4}"]) {
        let _ = PeriodName::parse(&text);
    }

    #[test]
    fn a_retry_after_is_bounded(
        text in prop_oneof![any::<String>(), "-?[0-9]{0,30}", "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4,6} 10:00:00 GMT"],
        now in any::<i32>(), failures in any::<u32>(), attempt in any::<u128>(), asked in any::<u64>(),
    ) {
        let now = DateTime::from_timestamp(i64::from(now), 0).unwrap();
        if let Some(wait) = parse_retry_after(&text, now) {
            prop_assert!(wait <= LONGEST_RETRY_AFTER);
        }
        let attempt = Uuid::from_u128(attempt);
        let wait = next_attempt_at(now, failures, attempt, Some(Duration::from_secs(asked))) - now;
        prop_assert!(wait >= TimeDelta::seconds(24) && wait <= TimeDelta::minutes(72), "{}", wait);
        prop_assert!(delay(failures, attempt) <= Duration::from_secs(72 * 60));
    }

    #[test]
    fn days_and_instants_meet_in_every_zone(zone in zone(), date in date(), minute in 0u32..1440) {
        for language in Language::ALL {
            let _ = long_date(language, date);
        }
        // Beyond what facts may say there is no promise but that it ends.
        let time = chrono::NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
        let (begins, at) = (first_instant(zone, date), at_local(zone, date, time));
        if (1900..=2199).contains(&date.year()) {
            let ends = end_of_day(zone, date);
            prop_assert!(begins <= at && begins <= ends);
            // Some zones have left a day out when they changed sides of the date line.
            if begins < ends {
                prop_assert_eq!(civil_date(zone, begins), date);
                prop_assert_eq!(civil_date(zone, ends - TimeDelta::nanoseconds(1)), date);
                prop_assert_eq!(civil_date(zone, begins - TimeDelta::nanoseconds(1)) < date, true);
            }
            prop_assert_eq!(in_zone(zone, at).parse::<DateTime<chrono::Utc>>().is_ok(), true);
        }
    }

    /// "Known from the beginning" is an instant like any other, in zones west of Greenwich too.
    #[test]
    fn the_first_and_the_last_instant_have_a_day_in_every_zone(zone in zone()) {
        for instant in [BEGINNING, fristvakt::calendar::Instant::MAX_UTC] {
            let on = civil_date(zone, instant);
            prop_assert!((on - instant.date_naive()).num_days().abs() <= 1);
            let _ = (time_of_day(zone, instant), in_zone(zone, instant), first_instant(zone, on), end_of_day(zone, on));
        }
    }

    #[test]
    fn holidays_are_there_in_every_year(year in any::<i32>(), distance in -366i32..=366, month in 1u32..=12, day in 1u32..=31) {
        if let Some(easter) = easter_sunday(year) {
            prop_assert_eq!(easter.weekday(), chrono::Weekday::Sun);
        }
        let _ = YearlyDay::Easter(distance).in_year(year);
        let _ = YearlyDay::Fixed { month, day }.in_year(year);
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_span_leads_to_a_day_or_beyond_all_calendars(date in date(), span in span(), weekend in vec(0u8..7, 0..6)) {
        let weekend: Vec<chrono::Weekday> = weekend.into_iter().filter_map(|day| day.try_into().ok()).collect();
        let calendar = Calendar::new("c".into(), &weekend, vec![], vec![]);
        if let Some(to) = calendar.add(date, span) {
            let ahead = if span.count == 0 { to >= date } else { (to > date) == (span.count > 0) };
            prop_assert!(ahead, "{} {} {}", date, span, to);
        }
        let _ = (calendar.on_or_after(date), calendar.on_or_before(date));
    }
}
