//! How far spans reach, at least and at most, in days: what can be said of a date without knowing the start.
//!
//! Units are never converted where a deadline is counted. Here they are only compared, and only what is certain in
//! every year and calendar counts.

use crate::calendar::{Span, Unit};
use crate::rules::{From, Period, Roll, Rule, Within};

/// A number of days, at least and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Reach {
    pub(super) const NONE: Self = Self { least: 0, most: 0 };

    pub(super) fn of(span: Span) -> Self {
        let count = i64::from(span.count.unsigned_abs());
        let (least, most) = match span.unit {
            Unit::Day => (count, count),
            Unit::Week => (7 * count, 7 * count),
            Unit::Month => (28 * count, 31 * count),
            Unit::Year => (365 * count, 366 * count),
            // Weekends double at most, and closed days cluster: a holiday week on top.
            Unit::WorkingDay => (count, 2 * count + 10),
            Unit::Hour => (count / 24, (count + 23) / 24),
        };
        if span.count < 0 { Self { least: -most, most: -least } } else { Self { least, most } }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self { least: self.least - other.most, most: self.most - other.least }
    }

    /// The distance from start to due date, with snap and roll.
    pub(super) fn of_rule(rule: &Rule) -> Self {
        let spans = match &rule.within {
            Within::Same(span) => std::slice::from_ref(span),
            Within::Growing(spans) => spans.as_slice(),
        };
        let reaches = spans.iter().map(|span| Self::of(*span));
        let least = reaches.clone().map(|reach| reach.least).min().unwrap_or(0);
        let most = reaches.map(|reach| reach.most).max().unwrap_or(0);
        let snap = rule.snap.map_or(Self::NONE, |snap| Self::moved(snap.forward, 6));
        let roll = match rule.roll {
            Roll::None => Self::NONE,
            Roll::Forward => Self::moved(true, 60),
            Roll::Back => Self::moved(false, 60),
        };
        Self { least, most }.plus(snap).plus(roll)
    }

    fn moved(forward: bool, days: i64) -> Self {
        if forward { Self { least: 0, most: days } } else { Self { least: -days, most: 0 } }
    }

    /// The length of a recurrence's period.
    pub(super) fn of_period(from: &From) -> Option<Self> {
        let (least, most) = match from {
            From::Yearly(crate::calendar::YearlyDay::Fixed { .. }) => (365, 366),
            From::Yearly(crate::calendar::YearlyDay::Easter(_)) => (350, 386),
            From::Every(Period::Week) => (7, 7),
            From::Every(Period::Month) => (28, 31),
            From::Every(Period::Quarter) => (90, 92),
            From::Every(Period::HalfYear) => (181, 184),
            From::Every(Period::Year | Period::SchoolYear) => (365, 366),
            From::Every(Period::Free { days, .. }) => (i64::from(*days), i64::from(*days)),
            _ => return None,
        };
        Some(Self { least, most })
    }
}

/// Whether one span surely reaches further than another.
pub(super) fn surely_longer(one: Span, other: Span) -> bool {
    if one.unit == other.unit { one.count > other.count } else { Reach::of(one).least > Reach::of(other).most }
}
