//! The deadline arithmetic of § 7 a second time: day by day, as the text says it, slow and plain.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use chrono::{Datelike, Months, NaiveDate, TimeDelta, Weekday};
use fristvakt::engine::{Municipality, Occasion, plan_notices};
use fristvakt::facts::World;
use fristvakt::rules::RuleSet;
use proptest::prelude::*;

use super::world::{Description, instant};

const SPANS: [&str; 26] = [
    "0d", "1d", "10d", "45d", "0w", "3w", "0mo", "1mo", "5mo", "1y", "0wd", "-0wd", "1wd", "2wd", "7wd", "31wd", "-1d",
    "-12d", "-2w", "-1mo", "-1y", "-1wd", "-3wd", "-20wd", "13d", "17d",
];
const SNAPS: [Option<(Weekday, bool)>; 4] =
    [None, Some((Weekday::Mon, false)), Some((Weekday::Mon, true)), Some((Weekday::Sat, true))];
const ROLLS: [&str; 3] = ["none", "forward", "back"];
const CALENDARS: [&str; 3] = ["norway", "school", "every-day"];

/// Every span with every snap, roll and calendar, one rule each, named by their numbers.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let mut text = String::from("says = \"\"\n");
    for combination in combinations() {
        let Combination { span, snap, roll, calendar } = combination;
        let _ = writeln!(text, "[[rule]]\nid = \"{}\"\nwithin = \"{span}\"\nroll = \"{roll}\"", combination.id());
        let _ = writeln!(text, "calendar = \"{calendar}\"");
        if let Some((day, forward)) = snap {
            let direction = if forward { "forward" } else { "back" };
            let weekday = day.to_string().to_lowercase();
            let _ = writeln!(text, "snap = {{ weekday = \"{weekday}\", direction = \"{direction}\" }}");
        }
    }
    Description::parse(&text).load_rules().expect("rules").0
});

#[derive(Clone, Copy, Debug)]
struct Combination {
    span: &'static str,
    snap: Option<(Weekday, bool)>,
    roll: &'static str,
    calendar: &'static str,
}

impl Combination {
    fn id(self) -> String {
        let snap = self.snap.map_or_else(|| "none".to_owned(), |(day, forward)| format!("{day}-{forward}"));
        format!("{}_{snap}_{}_{}", self.span, self.roll, self.calendar)
    }
}

fn combinations() -> impl Iterator<Item = Combination> {
    SPANS.into_iter().flat_map(|span| {
        SNAPS.into_iter().flat_map(move |snap| {
            ROLLS.into_iter().flat_map(move |roll| {
                CALENDARS.into_iter().map(move |calendar| Combination { span, snap, roll, calendar })
            })
        })
    })
}

/// Holidays written out, for the years that the tests reach.
fn is_working(calendar: &str, day: NaiveDate) -> bool {
    if calendar == "every-day" {
        return true;
    }
    let easter = match day.year() {
        2024 => (3, 31),
        2025 => (4, 20),
        2026 => (4, 5),
        2027 => (3, 28),
        2028 => (4, 16),
        year => panic!("nobody wrote down Easter {year}"),
    };
    let easter = NaiveDate::from_ymd_opt(day.year(), easter.0, easter.1).expect("Easter");
    let from_easter = (day - easter).num_days();
    let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let is_holiday = [-3, -2, 1].contains(&from_easter) || (day.month(), day.day()) == (5, 1);
    let is_winter_break = day.year() == 2026 && day.month() == 3 && (9..=13).contains(&day.day());
    let is_closed = calendar == "school" && is_winter_break;
    ![is_weekend, is_holiday, is_closed].contains(&true)
}

/// A pause from its day, until the day of the resumption where there is one.
type Pause = (NaiveDate, Option<NaiveDate>);

fn is_paused(pauses: &[Pause], day: NaiveDate) -> bool {
    pauses.iter().any(|(from, until)| *from <= day && until.is_none_or(|until| day < until))
}

/// Whether the pause that is still open covers the day.
fn is_out_of_reach(pauses: &[Pause], day: NaiveDate) -> bool {
    pauses.iter().any(|(from, until)| until.is_none() && *from <= day)
}

fn next(day: NaiveDate) -> NaiveDate {
    day + TimeDelta::days(1)
}

/// The due date; `None` where an open pause leaves none.
fn due(combination: Combination, start: NaiveDate, pauses: &[Pause]) -> Option<NaiveDate> {
    let pauses = if combination.span.starts_with('-') && combination.span != "-0wd" { &[] } else { pauses };
    let day = after_span(combination, start, pauses)?;
    let day = snapped(combination.snap, day);
    let day = rolled(combination, day, pauses)?;
    (!is_out_of_reach(pauses, day)).then_some(day)
}

fn after_span(combination: Combination, start: NaiveDate, pauses: &[Pause]) -> Option<NaiveDate> {
    let (count, unit) = combination.span.split_at(combination.span.find(|char: char| char.is_alphabetic())?);
    let count: i64 = count.parse().ok()?;
    if unit == "wd" {
        return nth(start, count, |day| is_working(combination.calendar, day), pauses);
    }
    let months = |count: i64| {
        let months = Months::new(u32::try_from(count.abs()).expect("few"));
        if count < 0 { start - months } else { start + months }
    };
    let plain = match unit {
        "d" => start + TimeDelta::days(count),
        "w" => start + TimeDelta::days(7 * count),
        "mo" => months(count),
        _ => months(12 * count),
    };
    nth(start, (plain - start).num_days(), |_| true, pauses)
}

/// The n-th day after the start that counts and is not paused; for 0 the first from the start on.
fn nth(start: NaiveDate, count: i64, counts: impl Fn(NaiveDate) -> bool, pauses: &[Pause]) -> Option<NaiveDate> {
    let mut day = start;
    let mut left = count.abs();
    loop {
        if is_out_of_reach(pauses, day) {
            return None;
        }
        let good = counts(day) && !is_paused(pauses, day);
        if count == 0 && good {
            return Some(day);
        }
        if day != start && good {
            left -= 1;
            if left == 0 {
                return Some(day);
            }
        }
        day = if count < 0 { day - TimeDelta::days(1) } else { next(day) };
    }
}

fn snapped(snap: Option<(Weekday, bool)>, mut day: NaiveDate) -> NaiveDate {
    let Some((weekday, forward)) = snap else { return day };
    while day.weekday() != weekday {
        day = if forward { next(day) } else { day - TimeDelta::days(1) };
    }
    day
}

fn rolled(combination: Combination, mut day: NaiveDate, pauses: &[Pause]) -> Option<NaiveDate> {
    if combination.roll == "none" {
        return Some(day);
    }
    while !is_working(combination.calendar, day) || is_paused(pauses, day) {
        if combination.roll == "forward" && is_out_of_reach(pauses, day) {
            return None;
        }
        day = if combination.roll == "forward" { next(day) } else { day - TimeDelta::days(1) };
    }
    Some(day)
}

fn epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date")
}

/// Pauses that begin one after another; the last may still be open.
fn pauses() -> impl Strategy<Value = Vec<Pause>> {
    (proptest::collection::btree_set(-20i64..120, 0..7)).prop_map(|days| {
        let days: Vec<NaiveDate> = days.into_iter().map(|day| epoch() + TimeDelta::days(day)).collect();
        days.chunks(2).map(|pair| (pair[0], pair.get(1).copied())).collect()
    })
}

/// The due dates of the engine, by rule.
fn engine_dues(start: NaiveDate, pauses: &[Pause]) -> HashMap<String, Option<NaiveDate>> {
    let mut events = format!("s started {start}\n");
    for (number, (from, until)) in pauses.iter().enumerate() {
        let _ = writeln!(events, "p{number} paused {from}");
        if let Some(until) = until {
            let _ = writeln!(events, "r{number} resumed {until}");
        }
    }
    let description = Description::parse("says = \"\"").with_events(events);
    let world = World::load(description.facts().as_bytes(), &RULES).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&RULES, &facts.organisation).expect("a municipality");
    let now = instant("2028-12-01", municipality.zone());
    let plan = plan_notices(&municipality, &facts.cases[0], &[], now, Occasion::Between);
    let due = |obligation: &fristvakt::obligation::Obligation| {
        (RULES.rule(obligation.rule).id.to_string(), obligation.due.map(|due| due.on))
    };
    plan.obligations.iter().map(due).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s7_is_what_counting_day_by_day_gives(offset in 0i64..150, pauses in pauses()) {
        let start = epoch() + TimeDelta::days(offset);
        let found = engine_dues(start, &pauses);
        for combination in combinations() {
            let expected = due(combination, start, &pauses);
            prop_assert_eq!(found[&combination.id()], expected, "{:?} from {} with {:?}", combination, start, pauses);
        }
    }
}
