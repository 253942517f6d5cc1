//! Watermarks: how far a query was read, and where its next reading begins.
//!
//! Reading begins a little before the greatest value seen: a change that is stamped before another one may be committed
//! after it. The values of a column decide what kind of watermark it is; the store keeps them as text.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::calendar::{Instant, at_local};
use crate::case::parse_date;
use crate::facts::columns::{Cell, local};

/// How far before the last watermark reading begins unless said: seconds, days, and steps of a number.
const OVERLAP: (u32, u32, u32) = (600, 1, 1000);

/// A value of a watermark column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Date(NaiveDate),
    Integer(i64),
    Text(String),
}

/// What the parameter of a query is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Instant,
    Local,
    Date,
    Integer,
    Text,
    /// Whatever the values are.
    Any,
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    /// Before every value of this kind.
    Lowest(Comparison),
    At(Mark),
}

impl Mark {
    /// The watermark that a cell holds, if it can be one.
    pub(super) fn of(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Instant(instant) => Some(Self::Instant(*instant)),
            Cell::Local(local) => Some(Self::Local(*local)),
            Cell::Date(date) => Some(Self::Date(*date)),
            Cell::Integer(number) => Some(Self::Integer(*number)),
            Cell::Number(number) => number.parse().ok().map(Self::Integer),
            // What a server could not keep.
            Cell::Text(text) if text.contains('\0') || text.len() > 1000 => None,
            Cell::Text(text) => Some(Self::Text(text.clone())),
            Cell::Bool(_) | Cell::List(_) | Cell::Json(_) => None,
        }
    }

    /// As the store keeps it.
    pub(super) fn encode(&self) -> String {
        match self {
            Self::Instant(instant) => format!("instant {}", instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Local(local) => format!("local {}", local.format("%Y-%m-%dT%H:%M:%S%.f")),
            Self::Date(date) => format!("date {date}"),
            Self::Integer(number) => format!("integer {number}"),
            Self::Text(text) => format!("text {text}"),
        }
    }

    /// From what the store kept.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let (kind, value) = text.split_once(' ')?;
        match kind {
            "instant" => Some(Self::Instant(DateTime::parse_from_rfc3339(value).ok()?.to_utc())),
            "local" => Some(Self::Local(local(value)?)),
            "date" => Some(Self::Date(parse_date(value)?)),
            "integer" => Some(Self::Integer(value.parse().ok()?)),
            "text" => Some(Self::Text(value.to_owned())),
            _ => None,
        }
    }

    /// The greater of two. Where values of a column are of different kinds, the one that was there first stays.
    pub(super) fn greater(self, other: Self) -> Self {
        let is_same_kind = std::mem::discriminant(&self) == std::mem::discriminant(&other);
        if is_same_kind && other > self { other } else { self }
    }

    /// Not beyond now: a change that is stamped in the future would hide all that come before it.
    pub(super) fn capped(self, now: Instant, zone: Tz) -> Self {
        let here = now.with_timezone(&zone).naive_local();
        match self {
            Self::Instant(instant) => Self::Instant(instant.min(now)),
            Self::Local(local) => Self::Local(local.min(here)),
            Self::Date(date) => Self::Date(date.min(here.date())),
            Self::Text(text) => match Written::read(&text) {
                Some(written) => {
                    let clock = if written.end == "Z" { now.naive_utc() } else { here };
                    let shown = written.local().min(clock);
                    let time = written.time.map(|_| shown.time());
                    Self::Text(Written { date: shown.date(), time, ..written }.write())
                }
                None => Self::Text(text),
            },
            Self::Integer(number) => Self::Integer(number),
        }
    }

    /// Where reading begins that ended here.
    pub(super) fn before(self, overlap: Option<u32>) -> Self {
        let seconds = TimeDelta::seconds(overlap.unwrap_or(OVERLAP.0).into());
        // A clock without a zone shows one hour twice in autumn.
        let twice = seconds + TimeDelta::hours(1);
        let days = |date: NaiveDate| {
            date.checked_sub_days(Days::new(overlap.unwrap_or(OVERLAP.1).into())).unwrap_or(NaiveDate::MIN)
        };
        match self {
            Self::Instant(instant) => Self::Instant(instant.checked_sub_signed(seconds).unwrap_or(instant)),
            Self::Local(local) => Self::Local(local.checked_sub_signed(twice).unwrap_or(local)),
            Self::Date(date) => Self::Date(days(date)),
            Self::Integer(number) => Self::Integer(number.saturating_sub(overlap.unwrap_or(OVERLAP.2).into())),
            Self::Text(text) => match Written::read(&text) {
                Some(written) if written.time.is_none() => {
                    Self::Text(Written { date: days(written.date), ..written }.write())
                }
                Some(written) => {
                    let back = if written.utc_offset().is_some() { seconds } else { twice };
                    let local = written.local().checked_sub_signed(back).unwrap_or(written.local());
                    Self::Text(Written { date: local.date(), time: Some(local.time()), ..written }.write())
                }
                None => Self::Text(text),
            },
        }
    }

    /// As what it is compared with, where it can be that.
    pub(super) fn conformed(self, to: Comparison, zone: Tz) -> Option<Self> {
        match (to, self) {
            (Comparison::Instant, Self::Local(local)) => {
                Some(Self::Instant(at_local(zone, local.date(), local.time())))
            }
            (Comparison::Instant, Self::Date(date)) => {
                Some(Self::Instant(at_local(zone, date, chrono::NaiveTime::MIN)))
            }
            (Comparison::Local, Self::Instant(instant)) => {
                Some(Self::Local(instant.with_timezone(&zone).naive_local()))
            }
            (Comparison::Local, Self::Date(date)) => Some(Self::Local(date.and_time(chrono::NaiveTime::MIN))),
            (Comparison::Date, Self::Local(local)) => Some(Self::Date(local.date())),
            (Comparison::Date, Self::Instant(instant)) => {
                Some(Self::Date(instant.with_timezone(&zone).naive_local().date()))
            }
            (Comparison::Any, mark) => Some(mark),
            (to, mark) if mark.comparison() == to => Some(mark),
            _ => None,
        }
    }

    fn comparison(&self) -> Comparison {
        match self {
            Self::Instant(_) => Comparison::Instant,
            Self::Local(_) => Comparison::Local,
            Self::Date(_) => Comparison::Date,
            Self::Integer(_) => Comparison::Integer,
            Self::Text(_) => Comparison::Text,
        }
    }
}

/// A date, or a date and time of day, that is written as text. It is written again in the same form, so that the
/// database's comparison of texts puts it in its place.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    date: NaiveDate,
    separator: char,
    time: Option<chrono::NaiveTime>,
    /// How many digits of seconds' parts; `None`: not even seconds.
    digits: Option<usize>,
    /// What stands behind: nothing, `Z`, or an offset.
    end: String,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        let date = parse_date(text.get(..10)?)?;
        let rest = text.get(10..)?;
        let Some(separator) = rest.chars().next() else {
            return Some(Self { date, separator: ' ', time: None, digits: None, end: String::new() });
        };
        let rest = rest.strip_prefix(['T', ' '])?;
        let length = rest.find(|char: char| !char.is_ascii_digit() && !matches!(char, ':' | '.')).unwrap_or(rest.len());
        let (time, end) = rest.split_at(length);
        let is_offset = end.is_empty() || end == "Z" || end.starts_with(['+', '-']);
        let digits = match (time.len(), time.split_once('.')) {
            (5, None) => None,
            (_, Some((_, parts))) => Some(parts.len()),
            (_, None) => Some(0),
        };
        let parsed = local(&format!("{date} {time}")).filter(|_| is_offset)?;
        Some(Self { date, separator, time: Some(parsed.time()), digits, end: end.to_owned() })
    }

    fn local(&self) -> NaiveDateTime {
        self.date.and_time(self.time.unwrap_or_default())
    }

    /// What stands behind the time and says how far from UTC it is, if anything does.
    fn utc_offset(&self) -> Option<&str> {
        Some(self.end.as_str()).filter(|end| !end.is_empty())
    }

    fn write(&self) -> String {
        let date = self.date;
        let Some(time) = self.time else { return date.to_string() };
        let shown = match self.digits {
            None => time.format("%H:%M").to_string(),
            Some(0) => time.format("%H:%M:%S").to_string(),
            Some(digits) => {
                let all = time.format("%H:%M:%S%.9f").to_string();
                all.get(..9 + digits.min(9)).unwrap_or(&all).to_owned()
            }
        };
        format!("{date}{}{shown}{}", self.separator, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Mark {
        Mark::Text(value.to_owned())
    }

    #[test]
    fn texts_that_are_times_keep_their_form() {
        for (mark, before) in [
            ("2026-03-02 09:10:00", "2026-03-02 08:00:00"),
            ("2026-03-02T09:10:00", "2026-03-02T08:00:00"),
            ("2026-03-02 09:10", "2026-03-02 08:00"),
            ("2026-03-02 09:10:00.250", "2026-03-02 08:00:00.250"),
            ("2026-03-02T09:10:00Z", "2026-03-02T09:00:00Z"),
            ("2026-03-02 09:10:00+01:00", "2026-03-02 09:00:00+01:00"),
            ("2026-03-02", "2026-03-01"),
            ("00017", "00017"),
            ("2026-03-02 soon", "2026-03-02 soon"),
            ("2026-99-02", "2026-99-02"),
            ("Ærlig talt, ingen tid", "Ærlig talt, ingen tid"),
        ] {
            assert_eq!(text(mark).before(None), text(before), "{mark}");
        }
    }

    #[test]
    fn marks_survive_being_stored() {
        let local = local("2026-03-02 09:10:00.000123").unwrap();
        for mark in [
            Mark::Instant(local.and_utc()),
            Mark::Local(local),
            Mark::Date(local.date()),
            Mark::Integer(-7),
            text("2026-03-02 09:10:00"),
            text(" with  blanks "),
        ] {
            assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }
        assert_eq!(Mark::decode("later"), None);
    }

    #[test]
    fn the_future_hides_nothing() {
        let now = DateTime::parse_from_rfc3339("2026-03-02T09:00:00+01:00").unwrap().to_utc();
        let capped = |mark: Mark| mark.capped(now, Tz::Europe__Oslo);
        let far = local("2099-01-01 00:00:00").unwrap();
        assert_eq!(capped(Mark::Instant(far.and_utc())), Mark::Instant(now));
        assert_eq!(capped(Mark::Local(far)), Mark::Local(local("2026-03-02 09:00:00").unwrap()));
        assert_eq!(capped(Mark::Date(far.date())), Mark::Date(parse_date("2026-03-02").unwrap()));
        assert_eq!(capped(text("2099-01-01 00:00:00")), text("2026-03-02 09:00:00"));
        assert_eq!(capped(text("2026-03-01 00:00:00")), text("2026-03-01 00:00:00"));
        assert_eq!(capped(text("2099-01-01T00:00:00Z")), text("2026-03-02T08:00:00Z"));
        assert_eq!(capped(text("2099-01-01")), text("2026-03-02"));
        assert_eq!(capped(Mark::Integer(99)), Mark::Integer(99));
    }

    #[test]
    fn a_mark_is_compared_as_its_column_is() {
        let zone = Tz::Europe__Oslo;
        let shown = local("2026-07-02 09:10:00").unwrap();
        let instant = DateTime::parse_from_rfc3339("2026-07-02T09:10:00+02:00").unwrap().to_utc();
        assert_eq!(Mark::Local(shown).conformed(Comparison::Instant, zone), Some(Mark::Instant(instant)));
        assert_eq!(Mark::Instant(instant).conformed(Comparison::Local, zone), Some(Mark::Local(shown)));
        assert_eq!(Mark::Instant(instant).conformed(Comparison::Date, zone), Some(Mark::Date(shown.date())));
        assert_eq!(Mark::Integer(7).conformed(Comparison::Instant, zone), None);
        assert_eq!(text("a").conformed(Comparison::Any, zone), Some(text("a")));
    }
}
