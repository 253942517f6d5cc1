//! Dates as people write them.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use super::by;
use crate::language::Language;

const WEEKDAYS: [[&str; 3]; 7] = [
    ["mandag", "måndag", "Monday"],
    ["tirsdag", "tysdag", "Tuesday"],
    ["onsdag", "onsdag", "Wednesday"],
    ["torsdag", "torsdag", "Thursday"],
    ["fredag", "fredag", "Friday"],
    ["lørdag", "laurdag", "Saturday"],
    ["søndag", "søndag", "Sunday"],
];

const MONTHS: [[&str; 3]; 12] = [
    ["januar", "januar", "January"],
    ["februar", "februar", "February"],
    ["mars", "mars", "March"],
    ["april", "april", "April"],
    ["mai", "mai", "May"],
    ["juni", "juni", "June"],
    ["juli", "juli", "July"],
    ["august", "august", "August"],
    ["september", "september", "September"],
    ["oktober", "oktober", "October"],
    ["november", "november", "November"],
    ["desember", "desember", "December"],
];

/// "mandag 16. mars 2026", "måndag 16. mars 2026", "Monday 16 March 2026".
#[must_use]
pub fn long_date(language: Language, date: NaiveDate) -> String {
    format!("{} {} {}", weekday(language, date.weekday()), day_and_month(language, date), date.year())
}

/// "mandag 16. mars", with the year where it is not the year of `today`.
#[must_use]
pub fn short_date(language: Language, date: NaiveDate, today: NaiveDate) -> String {
    format!("{} {}", weekday(language, date.weekday()), plain_date(language, date, today))
}

/// "16. mars", with the year where it is not the year of `beside`.
#[must_use]
pub fn plain_date(language: Language, date: NaiveDate, beside: NaiveDate) -> String {
    let day = day_and_month(language, date);
    if date.year() == beside.year() { day } else { format!("{day} {}", date.year()) }
}

/// "mandag", "Monday".
#[must_use]
pub fn weekday(language: Language, weekday: Weekday) -> &'static str {
    by(language, WEEKDAYS[weekday.num_days_from_monday() as usize])
}

/// "mars 2026".
#[must_use]
pub fn month(language: Language, date: NaiveDate) -> String {
    format!("{} {}", by(language, MONTHS[date.month0() as usize]), date.year())
}

/// "kl. 08.00", "at 08:00": what stands behind a date.
#[must_use]
pub fn clock_time(language: Language, time: NaiveTime) -> String {
    match language {
        Language::En => time.format("at %H:%M").to_string(),
        Language::Nb | Language::Nn => time.format("kl. %H.%M").to_string(),
    }
}

fn day_and_month(language: Language, date: NaiveDate) -> String {
    let month = by(language, MONTHS[date.month0() as usize]);
    match language {
        Language::En => format!("{} {month}", date.day()),
        Language::Nb | Language::Nn => format!("{}. {month}", date.day()),
    }
}
