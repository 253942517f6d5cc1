//! Working days, holidays, spans, and the meeting of civil dates and instants (`rule-language` §§ 2, 3).
//!
//! Civil dates ([`NaiveDate`]) and instants ([`Instant`]) are different types and cross only here. Deliberately
//! absent: tables of holidays. They are computed from a fixed day or the distance from Easter, for any year.

mod span;
mod zone;

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

pub use span::{Span, SpanError, Unit};
pub use zone::{BEGINNING, Instant, at_local, civil_date, end_of_day, first_instant, in_zone, time_of_day};

/// The days on which work is done: what weekends, holidays and closed periods leave.
#[derive(Clone, Debug)]
pub struct Calendar {
    id: Arc<str>,
    weekend: [bool; 7],
    holidays: Vec<Holiday>,
    closed: Vec<ClosedPeriod>,
    working: WorkingDays,
}

/// A public holiday that comes back every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// What proofs call it.
    pub name: Arc<str>,
    /// Its day in any year.
    pub day: YearlyDay,
}

/// A day that each year has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YearlyDay {
    /// A day of the month; 29 February is 28 February in a common year.
    Fixed {
        /// 1–12.
        month: u32,
        /// 1–31.
        day: u32,
    },
    /// Days from Easter Sunday, negative before it.
    Easter(i32),
}

impl YearlyDay {
    /// This day in `year`; `None` outside the range of the civil calendar.
    #[must_use]
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            Self::Fixed { month, day } => NaiveDate::from_ymd_opt(year, month, day)
                .or_else(|| NaiveDate::from_ymd_opt(year, month, day.checked_sub(1)?)),
            Self::Easter(distance) => easter_sunday(year)?.checked_add_signed(TimeDelta::days(distance.into())),
        }
    }
}

/// Days without work that a municipality names itself, such as school holidays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// What proofs call it.
    pub name: Arc<str>,
    /// First closed day.
    pub from: NaiveDate,
    /// Last closed day.
    pub to: NaiveDate,
}

/// Why a day is no working day. Shown in every proof that skips one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closure {
    /// A weekend day.
    Weekend(Weekday),
    /// A public holiday, by name.
    Holiday(Arc<str>),
    /// A closed period, by name.
    Closed(Arc<str>),
}

impl Calendar {
    /// A calendar from its parts, already united with those it extends.
    #[must_use]
    pub fn new(id: Arc<str>, weekend: &[Weekday], holidays: Vec<Holiday>, closed: Vec<ClosedPeriod>) -> Self {
        let mut days = [false; 7];
        for day in weekend {
            days[day.num_days_from_monday() as usize] = true;
        }
        let mut calendar = Self { id, weekend: days, holidays, closed, working: WorkingDays::default() };
        calendar.working = WorkingDays::of(&calendar);
        calendar
    }

    /// The calendar's name in rules and units.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The closed periods, in the order of the file.
    #[must_use]
    pub fn closed_periods(&self) -> &[ClosedPeriod] {
        &self.closed
    }

    /// Whether the calendar rests on a day of the week.
    #[must_use]
    pub fn rests_on(&self, weekday: Weekday) -> bool {
        self.weekend[weekday.num_days_from_monday() as usize]
    }

    /// Whether `date` is a weekend day or a holiday, whatever the closed periods say.
    #[must_use]
    pub fn rests_every_year(&self, date: NaiveDate) -> bool {
        self.rests_on(date.weekday()) || self.holidays.iter().any(|holiday| holiday.falls_on(date))
    }

    /// Whether every day of the week is a weekend day, so that no working day would ever come.
    #[must_use]
    pub fn never_works(&self) -> bool {
        self.weekend.iter().all(|closed| *closed)
    }

    /// Whether `date` is no weekend day, holiday or closed day.
    #[must_use]
    pub fn is_working(&self, date: NaiveDate) -> bool {
        self.working.get(date).unwrap_or_else(|| self.closure(date).is_none())
    }

    /// Why `date` is no working day; `None` where it is one. Holidays are named before weekends.
    #[must_use]
    pub fn closure(&self, date: NaiveDate) -> Option<Closure> {
        if self.working.get(date) == Some(true) {
            return None;
        }
        let holiday = self.holidays.iter().find(|holiday| holiday.falls_on(date));
        let period = self.closed.iter().find(|period| period.from <= date && date <= period.to);
        let weekday = date.weekday();
        match (holiday, period) {
            (Some(holiday), _) => Some(Closure::Holiday(holiday.name.clone())),
            (None, Some(period)) => Some(Closure::Closed(period.name.clone())),
            (None, None) if self.weekend[weekday.num_days_from_monday() as usize] => Some(Closure::Weekend(weekday)),
            (None, None) => None,
        }
    }

    /// The nearest working day on or after `date`.
    #[must_use]
    pub fn on_or_after(&self, date: NaiveDate) -> NaiveDate {
        self.nearest(date, NaiveDate::succ_opt)
    }

    /// The nearest working day on or before `date`.
    #[must_use]
    pub fn on_or_before(&self, date: NaiveDate) -> NaiveDate {
        self.nearest(date, NaiveDate::pred_opt)
    }

    /// `date` plus a span; hours give `None`, for they are counted between instants.
    ///
    /// `wd`: the n-th working day after (negative: before) `date`, which itself is not counted; `0wd`: `date`, or the
    /// next working day where that is none (§ 2).
    #[must_use]
    pub fn add(&self, date: NaiveDate, span: Span) -> Option<NaiveDate> {
        match span.unit {
            Unit::WorkingDay if span.count == 0 => Some(self.on_or_after(date)),
            Unit::WorkingDay => self.working.nth_from(date, span.count).or_else(|| self.nth_from(date, span.count)),
            _ => span.civil_from(date),
        }
    }

    /// The n-th working day after (negative: before) `date`, day by day.
    fn nth_from(&self, date: NaiveDate, count: i32) -> Option<NaiveDate> {
        let step = if count < 0 { NaiveDate::pred_opt } else { NaiveDate::succ_opt };
        let mut day = date;
        for _ in 0..count.unsigned_abs() {
            day = self.nearest(step(&day)?, step);
        }
        Some(day)
    }

    fn nearest(&self, date: NaiveDate, step: fn(&NaiveDate) -> Option<NaiveDate>) -> NaiveDate {
        let mut day = date;
        while !self.is_working(day) {
            match step(&day) {
                Some(next) => day = next,
                None => break,
            }
        }
        day
    }
}

impl Holiday {
    fn falls_on(&self, date: NaiveDate) -> bool {
        match self.day {
            YearlyDay::Fixed { month, .. } => month == date.month() && self.day.in_year(date.year()) == Some(date),
            YearlyDay::Easter(distance) => date
                .checked_sub_signed(TimeDelta::days(distance.into()))
                .is_some_and(|day| day.weekday() == Weekday::Sun && easter_sunday(day.year()) == Some(day)),
        }
    }
}

/// Easter Sunday of `year` in the Gregorian calendar, by the anonymous ("Meeus/Jones/Butcher") computation.
#[must_use]
pub fn easter_sunday(year: i32) -> Option<NaiveDate> {
    let (century, year_of_century, golden) = (year.div_euclid(100), year.rem_euclid(100), year.rem_euclid(19));
    let correction = (century + 8).div_euclid(25);
    let removed = century.div_euclid(4) + (century - correction + 1).div_euclid(3);
    let epact = (19 * golden + century - removed + 15).rem_euclid(30);
    let weekday =
        (32 + 2 * century.rem_euclid(4) + 2 * (year_of_century / 4) - epact - year_of_century % 4).rem_euclid(7);
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * shift + 114;
    NaiveDate::from_ymd_opt(year, u32::try_from(days / 31).ok()?, u32::try_from(days % 31 + 1).ok()?)
}

/// One bit a day for the years that are asked for all the time; every other year is computed.
#[derive(Clone, Debug, Default)]
struct WorkingDays {
    words: Vec<u64>,
    /// How many days there are.
    days: usize,
}

impl WorkingDays {
    const FIRST: NaiveDate = match NaiveDate::from_ymd_opt(1990, 1, 1) {
        Some(date) => date,
        None => NaiveDate::MIN,
    };
    const LAST_YEAR: i32 = 2090;

    fn of(calendar: &Calendar) -> Self {
        let mut found = Self::default();
        let mut closed = vec![];
        for year in Self::FIRST.year() - 1..=Self::LAST_YEAR + 1 {
            closed.extend(calendar.holidays.iter().filter_map(|holiday| holiday.day.in_year(year)));
        }
        closed.sort_unstable();
        for date in Self::FIRST.iter_days().take_while(|date| date.year() <= Self::LAST_YEAR) {
            let bit = found.days % 64;
            if bit == 0 {
                found.words.push(0);
            }
            let weekend = calendar.weekend[date.weekday().num_days_from_monday() as usize];
            let period = calendar.closed.iter().any(|period| period.from <= date && date <= period.to);
            if !weekend && !period && closed.binary_search(&date).is_err() {
                found.words[found.days / 64] |= 1 << bit;
            }
            found.days += 1;
        }
        found
    }

    /// Whether a day is a working day; `None` outside the table.
    fn get(&self, date: NaiveDate) -> Option<bool> {
        self.bit(Self::number(date))
    }

    /// The n-th working day after (negative: before) `date`; `None` where that leads out of the table.
    fn nth_from(&self, date: NaiveDate, count: i32) -> Option<NaiveDate> {
        let first = Self::number(date);
        let mut number = first;
        let mut left = count.unsigned_abs();
        while left > 0 {
            number += count.signum();
            left -= u32::from(self.bit(number)?);
        }
        date.checked_add_signed(TimeDelta::days((number - first).into()))
    }

    /// Days from the first one of the table.
    fn number(date: NaiveDate) -> i32 {
        date.num_days_from_ce() - Self::FIRST.num_days_from_ce()
    }

    fn bit(&self, number: i32) -> Option<bool> {
        let number = usize::try_from(number).ok().filter(|number| *number < self.days)?;
        self.words.get(number / 64).map(|word| word >> (number % 64) & 1 == 1)
    }
}
