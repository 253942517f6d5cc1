//! What a report is asked for.

use std::path::PathBuf;

use chrono::{Datelike, Months, NaiveDate, TimeDelta};

use crate::language::Language;
use crate::rules::{Force, RuleKind};

/// Whole days of a municipality's own time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// Which deviations are listed line by line. Figures always count all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    /// Those that were open at any time in the period.
    #[default]
    All,
    /// Of these, those open at its end.
    Open,
    /// Of these, those closed in it.
    Closed,
    /// None: only figures are wanted.
    Nothing,
}

/// What a report is asked for. What is `None` is not asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The period.
    pub period: Period,
    /// Of this municipality, by its id; of all of them unless said.
    pub tenant: Option<String>,
    /// Of no other municipalities than these: of others, nothing is read or told.
    pub within: Option<Vec<String>>,
    /// Of these units and those below them, by their ids; of all of them where none is named.
    pub units: Vec<String>,
    /// Of this rule: its full name, its id within its pack where only one has it, or its code.
    pub rule: Option<String>,
    /// Of rules of this kind.
    pub kind: Option<RuleKind>,
    /// Of rules that say *skal*, or *bør*.
    pub level: Option<Force>,
    /// Which deviations are listed.
    pub listed: Listed,
    /// The language; the municipality's unless said, and bokmål where there are several.
    pub language: Option<Language>,
    /// Hides counts under 5, and whatever would give them away: the lines among it. For reports that leave the line.
    pub hide_small: bool,
    /// Whether protected cases are counted and listed. Only the coordinator may see them.
    pub protected: bool,
    /// Where lines wait until they are written; the system's temporary folder unless said.
    pub folder: Option<PathBuf>,
}

impl Request {
    /// Everything of a period, protected cases among it.
    #[must_use]
    pub fn of(period: Period) -> Self {
        Self {
            period,
            tenant: None,
            within: None,
            units: vec![],
            rule: None,
            kind: None,
            level: None,
            listed: Listed::All,
            language: None,
            hide_small: false,
            protected: true,
            folder: None,
        }
    }

    /// Whether anything but municipality and period narrows it down.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        !self.units.is_empty() || self.rule.is_some() || self.kind.is_some() || self.level.is_some()
    }
}

impl Period {
    /// The longest period of a report, in days.
    const LONGEST: i64 = 366 * 20;

    /// A period from its first to its last day.
    ///
    /// # Errors
    /// Text for a person where it ends before it begins, or is longer than twenty years.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, String> {
        let period = Self { from, to };
        match period.days() {
            ..=0 => Err(format!("the period ends on {to}, before it begins on {from}")),
            1..=Self::LONGEST => Ok(period),
            _ => Err(format!("{from} to {to} is longer than twenty years; ask for a shorter period")),
        }
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// The period that ends the day before, to compare with: of whole calendar months as many months, so that March stands
    /// beside February and a quarter beside the one before it; of anything else as many days.
    #[must_use]
    pub fn previous(self) -> Self {
        let from = match self.whole_months() {
            Some(months) => self.from.checked_sub_months(Months::new(months)),
            None => self.from.checked_sub_signed(TimeDelta::days(self.days())),
        };
        Self { from: from.unwrap_or(NaiveDate::MIN), to: self.from.pred_opt().unwrap_or(NaiveDate::MIN) }
    }

    /// How many whole calendar months it is; `None`: it begins or ends within one.
    #[must_use]
    pub fn whole_months(self) -> Option<u32> {
        let ends_month = self.to.succ_opt()?.day() == 1;
        let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        let count = u32::try_from(months(self.to) - months(self.from) + 1).ok()?;
        (self.from.day() == 1 && ends_month).then_some(count)
    }

    /// Whether a day lies within.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// The Mondays of the weeks that have days in it.
    pub fn weeks(self) -> impl Iterator<Item = NaiveDate> {
        let to = self.to;
        std::iter::successors(Some(monday(self.from)), |day| day.checked_add_signed(TimeDelta::weeks(1)))
            .take_while(move |day| *day <= to)
    }
}

/// The Monday of a day's week.
#[must_use]
pub fn monday(day: NaiveDate) -> NaiveDate {
    let back = i64::from(day.weekday().num_days_from_monday());
    day.checked_sub_signed(TimeDelta::days(back)).unwrap_or(day)
}
