//! When reports are due, and which period each is about. Pure: what was done stands in the store.
//!
//! A slot is what a cron pattern names in the municipality's time zone. What it makes is sent in the first delivery hours from
//! then on: "the first of the month" reaches people on its first working day. A report is about the last whole period before
//! the day of its slot, and is made once a period, whatever the pattern says.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use croner::Cron;
use serde::Deserialize;

use crate::calendar::{Instant, civil_date, end_of_day, first_instant};

/// What is made on a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheduled {
    /// The week's deviations, to each leader.
    Weekly,
    /// The month's, to the coordinator.
    Monthly,
    /// The quarter's, to the coordinator.
    Quarterly,
    /// The year's, to the coordinator.
    Yearly,
    /// The coordinator's lists.
    Lists,
}

impl Scheduled {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Weekly, Self::Monthly, Self::Quarterly, Self::Yearly, Self::Lists];

    /// The word in configuration, store and outputs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
            Self::Lists => "lists",
        }
    }

    /// What a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheduled| scheduled.word() == word)
    }

    /// The last whole period before `day`.
    #[must_use]
    pub fn period_before(self, day: NaiveDate) -> Period {
        let (first, next) = match self {
            Self::Weekly | Self::Lists => {
                let next = day.week(chrono::Weekday::Mon).first_day();
                (next - Days::new(7), next)
            }
            Self::Monthly => months_before(day, 1),
            Self::Quarterly => months_before(day, 3),
            Self::Yearly => months_before(day, 12),
        };
        Period { scheduled: self, first, last: next - Days::new(1) }
    }
}

/// The `count` months before the ones of that length that hold `day`: their first day, and the first day after them.
fn months_before(day: NaiveDate, count: u32) -> (NaiveDate, NaiveDate) {
    let into = day.month0() % count;
    let next = day - Days::new(day.day0().into()) - Months::new(into);
    (next - Months::new(count), next)
}

/// A period that something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// What it is a period of.
    pub scheduled: Scheduled,
    /// Its first day.
    pub first: NaiveDate,
    /// Its last day.
    pub last: NaiveDate,
}

impl Period {
    /// `2026-W11` (ISO 8601), `2026-03`, `2026-Q1`, `2026`.
    #[must_use]
    pub fn name(&self) -> String {
        let (year, month) = (self.first.year(), self.first.month());
        match self.scheduled {
            Scheduled::Weekly | Scheduled::Lists => {
                let week = self.first.iso_week();
                format!("{}-W{:02}", week.year(), week.week())
            }
            Scheduled::Monthly => format!("{year}-{month:02}"),
            Scheduled::Quarterly => format!("{year}-Q{}", month.div_ceil(3)),
            Scheduled::Yearly => year.to_string(),
        }
    }

    /// The period that a name names; `None` where it names none.
    #[must_use]
    pub fn parse(scheduled: Scheduled, name: &str) -> Option<Self> {
        let (year, part) = name.split_once('-').unwrap_or((name, ""));
        let year: i32 = year.parse().ok()?;
        let (first, next) = match scheduled {
            Scheduled::Weekly | Scheduled::Lists => {
                let week = part.strip_prefix('W')?.parse().ok()?;
                let first = NaiveDate::from_isoywd_opt(year, week, chrono::Weekday::Mon)?;
                (first, first + Days::new(7))
            }
            Scheduled::Monthly => from_month(year, part.parse().ok()?, 1)?,
            Scheduled::Quarterly => {
                let quarter: u32 = part.strip_prefix('Q')?.parse().ok()?;
                from_month(year, quarter.checked_mul(3)?.checked_sub(2)?, 3)?
            }
            Scheduled::Yearly => from_month(year, 1, 12)?,
        };
        Some(Self { scheduled, first, last: next.pred_opt()? }).filter(|period| period.name() == name)
    }
}

fn from_month(year: i32, month: u32, count: u32) -> Option<(NaiveDate, NaiveDate)> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some((first, first.checked_add_months(Months::new(count))?))
}

/// When something is due: five fields of cron, in the time zone of whoever it is for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Option<Cron>);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl Pattern {
    /// Never.
    pub const OFF: Self = Self(None);

    /// `0 0 * * MON`, or `off`.
    ///
    /// # Errors
    /// Text for a person, where it is no pattern or one that never comes.
    pub fn parse(text: &str) -> Result<Self, String> {
        const HELP: &str =
            "write five fields (minute, hour, day of month, month, weekday) like `0 0 * * MON`, or `off`";
        if text.trim() == "off" {
            return Ok(Self::OFF);
        }
        if text.split_whitespace().count() != 5 {
            return Err(format!("this is no pattern of cron; {HELP}"));
        }
        let cron = Cron::from_str(text).map_err(|_| format!("this is no pattern of cron; {HELP}"))?;
        let pattern = Self(Some(cron));
        match pattern.next(chrono_tz::UTC, DateTime::UNIX_EPOCH) {
            Some(_) => Ok(pattern),
            None => Err(format!("this never comes; {HELP}")),
        }
    }

    /// The first slot after an instant.
    #[must_use]
    pub fn next(&self, zone: Tz, after: Instant) -> Option<Instant> {
        let cron = self.0.as_ref()?;
        // The library answers with what is past where it is asked in the second of two equal hours, and not at all in a gap
        // of more than two hours: a little later it knows again. The longest gap so far was a day.
        let later = (0..30).filter_map(|hours| after.checked_add_signed(TimeDelta::hours(hours)));
        later.into_iter().find_map(|from| {
            let found = cron.find_next_occurrence(&from.with_timezone(&zone), false).ok()?;
            let found = meant(cron, found)?.to_utc();
            (found > after).then_some(found)
        })
    }

    /// The last slot after `last` and not after `now`, if one has come: the one that is due. Those before it were missed, and
    /// are not made up one by one.
    #[must_use]
    pub fn due(&self, zone: Tz, last: Instant, now: Instant) -> Option<Instant> {
        // Of slots that come often only the last days are looked at, however long nobody looked.
        let looks = [1, 8, 35, 100, 400, 4000].map(TimeDelta::days);
        let since = looks.into_iter().map(|back| last.max(now - back)).chain([last]);
        since.into_iter().find_map(|since| {
            let mut slot = self.next(zone, since).filter(|slot| *slot <= now)?;
            while let Some(next) = self.next(zone, slot).filter(|next| *next <= now) {
                slot = next;
            }
            Some(slot)
        })
    }

    /// As [`Self::due`], with the last slot of each earlier period that was missed, the oldest first; at most twelve. What comes
    /// week by week is not made up: the next one says the same.
    #[must_use]
    pub fn all_due(&self, scheduled: Scheduled, zone: Tz, last: Instant, now: Instant) -> Vec<Instant> {
        const MOST: usize = 12;
        let Some(due) = self.due(zone, last, now) else { return vec![] };
        let mut slots = vec![due];
        if matches!(scheduled, Scheduled::Weekly | Scheduled::Lists) {
            return slots;
        }
        let mut reported = Self::period(scheduled, zone, due);
        while slots.len() < MOST && first_instant(zone, reported.first) > last {
            // The report about the period before is made in this one.
            let begins = first_instant(zone, reported.first) - TimeDelta::milliseconds(1);
            let ends = end_of_day(zone, reported.last) - TimeDelta::milliseconds(1);
            slots.extend(self.due(zone, last.max(begins), ends));
            reported = scheduled.period_before(reported.first);
        }
        slots.sort_unstable();
        slots
    }

    /// The period that a slot's report is about.
    #[must_use]
    pub fn period(scheduled: Scheduled, zone: Tz, slot: Instant) -> Period {
        scheduled.period_before(civil_date(zone, slot))
    }
}

/// What the library's answer means. Where it answers with the first moment after a gap in the clock, that is the pattern's slot
/// only if its own time comes neither later nor earlier that day; later, that one is meant, and earlier (`None`), it has been.
fn meant(cron: &Cron, found: DateTime<Tz>) -> Option<DateTime<Tz>> {
    let is_own = |slot: &DateTime<Tz>| cron.is_time_matching(slot).unwrap_or(true);
    if is_own(&found) {
        return Some(found);
    }
    let day = found.date_naive();
    let own = |from: &DateTime<Tz>| {
        let slot = cron.find_next_occurrence(from, true).ok()?;
        (slot.date_naive() == day && is_own(&slot)).then_some(slot)
    };
    if let Some(later) = own(&found) {
        return Some(later);
    }
    let begins = first_instant(found.timezone(), day).with_timezone(&found.timezone());
    match own(&begins) {
        Some(earlier) if earlier < found => None,
        _ => Some(found),
    }
}
