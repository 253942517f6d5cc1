//! Spans: `14d`, `4w`, `3mo`, `1y`, `5wd`, `24h`, with an optional sign (`rule-language` § 2).
//!
//! A span has one unit. Units are never mixed or converted: `1w` is not `7wd` and `1d` is not `24h`.

use std::fmt;
use std::str::FromStr;

use chrono::{Months, NaiveDate, TimeDelta};

/// What a span counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `d`: calendar days.
    Day,
    /// `w`: weeks of seven calendar days.
    Week,
    /// `mo`: calendar months; the day with the same number, else the month's last day.
    Month,
    /// `y`: calendar years; 29 February becomes 28 February in a common year.
    Year,
    /// `wd`: working days of the legal calendar.
    WorkingDay,
    /// `h`: hours of 3,600 seconds between instants, through changes of the clock.
    Hour,
}

impl Unit {
    /// The unit as it is written after the number.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
            Self::Year => "y",
            Self::WorkingDay => "wd",
            Self::Hour => "h",
        }
    }
}

/// A signed number of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many units; negative counts back.
    pub count: i32,
    /// What is counted.
    pub unit: Unit,
}

impl Span {
    /// No time at all: `0d`.
    pub const ZERO: Self = Self { count: 0, unit: Unit::Day };

    /// The largest count a span may have: a century of hours is below it, and no date overflows.
    pub const MAX_COUNT: i32 = 100_000;

    /// The date that lies this span from `date` by the civil calendar alone.
    ///
    /// `wd` and `h` are not civil: they need a calendar or an instant, and give `None`, as does a date beyond the
    /// range of the calendar.
    #[must_use]
    pub fn civil_from(self, date: NaiveDate) -> Option<NaiveDate> {
        match self.unit {
            Unit::Day => date.checked_add_signed(TimeDelta::days(self.count.into())),
            Unit::Week => date.checked_add_signed(TimeDelta::days(i64::from(self.count) * 7)),
            Unit::Month => add_months(date, self.count),
            Unit::Year => add_months(date, self.count.checked_mul(12)?),
            Unit::WorkingDay | Unit::Hour => None,
        }
    }

    /// This span `factor` times: the distance of a ladder's repetition. `None` if it grows beyond all calendars.
    #[must_use]
    pub fn times(self, factor: u32) -> Option<Self> {
        let count = self.count.checked_mul(i32::try_from(factor).ok()?)?;
        Some(Self { count, unit: self.unit })
    }
}

fn add_months(date: NaiveDate, months: i32) -> Option<NaiveDate> {
    let distance = Months::new(months.unsigned_abs());
    if months < 0 { date.checked_sub_months(distance) } else { date.checked_add_months(distance) }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.symbol())
    }
}

/// Why a text is not a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// There is no number, or one that is too large.
    #[error("a span begins with a whole number of at most {}, like `14d`", Span::MAX_COUNT)]
    Number,
    /// The letters after the number are no unit.
    #[error("`{0}` is no unit: use d (days), w (weeks), mo (months), y (years), wd (working days) or h (hours)")]
    Unit(String),
    /// More than one unit.
    #[error("a span has one unit; `{0}` mixes several")]
    Mixed(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = unsigned.split_at(digits);
        let magnitude: i32 = number.parse().map_err(|_| SpanError::Number)?;
        if magnitude > Self::MAX_COUNT {
            return Err(SpanError::Number);
        }
        let unit = match unit {
            "d" => Unit::Day,
            "w" => Unit::Week,
            "mo" => Unit::Month,
            "y" => Unit::Year,
            "wd" => Unit::WorkingDay,
            "h" => Unit::Hour,
            mixed if mixed.bytes().any(|byte| byte.is_ascii_digit()) => return Err(SpanError::Mixed(text.to_owned())),
            other => return Err(SpanError::Unit(other.to_owned())),
        };
        let count = if text.starts_with('-') { -magnitude } else { magnitude };
        Ok(Self { count, unit })
    }
}
