//! Recurrences: periods, their windows, and when a case is open (`rule-language` § 6, `yearly` and `every`).

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta};

use crate::calendar::{Calendar, Instant, YearlyDay, end_of_day, first_instant};
use crate::fact::Subject;
use crate::rules::{From, Period, Rule};

use super::view::View;

/// One period of a recurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeriodDays {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
    pub(crate) name: Arc<str>,
}

/// The window of an obligation that recurs: only events inside it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// First day on which events count.
    pub(crate) from: NaiveDate,
    /// The period's last day.
    pub(crate) last: NaiveDate,
}

/// When a case is open for a rule: from an instant, until another or for good.
type Opening = (Instant, Option<Instant>);

/// The periods of a recurring rule whose window has opened, with their windows; and when the next window opens.
pub(crate) fn periods(
    view: &View<'_>,
    rule: &Rule,
    calendar: &Calendar,
) -> (Vec<(PeriodDays, Window)>, Option<Instant>) {
    let zone = view.municipality.zone();
    let openings = openings(view, rule);
    let (Some((opened, _)), Some(recurrence)) = (openings.first(), Recurrence::of(&rule.from)) else {
        return (vec![], None);
    };
    let go_live = view.municipality.organisation.tenant.go_live;
    let first_day = view.municipality.date(*opened);
    let mut found = Vec::new();
    let mut next = recurrence.first_from(go_live.map_or(first_day, |go_live| go_live.max(first_day)));
    while let Some(period) = next {
        let from = opens_on(&period, rule, calendar);
        let opens_at = first_instant(zone, from);
        if opens_at > view.now {
            return (found, Some(opens_at));
        }
        next = recurrence.after(&period);
        let ends_at = end_of_day(zone, period.last);
        let is_open = |(start, end): &Opening| *start < ends_at && end.is_none_or(|end| end > opens_at && end > *start);
        let begins_after_go_live = go_live.is_none_or(|go_live| period.last >= go_live);
        if begins_after_go_live && openings.iter().any(is_open) {
            let window = Window { from, last: period.last };
            found.push((period, window));
        }
    }
    (found, None)
}

/// The first day of a period's window; `opens` never reaches back beyond the period.
fn opens_on(period: &PeriodDays, rule: &Rule, calendar: &Calendar) -> NaiveDate {
    let opens = rule.opens.and_then(|span| calendar.add(period.last, span));
    opens.map_or(period.first, |date| date.max(period.first))
}

/// When the case is open: from its opening until a stop, again from a reopening.
fn openings(view: &View<'_>, rule: &Rule) -> Vec<Opening> {
    let Some(opened) = opened_at(view) else { return vec![] };
    let mut openings: Vec<Opening> = vec![(opened, None)];
    let stops = view.counted(&rule.stops_on).map(|index| (index, true));
    let reopenings = view.counted(&rule.reopens_on).map(|index| (index, false));
    let mut turns: Vec<(usize, bool)> = stops.chain(reopenings).collect();
    turns.sort_unstable();
    for (index, stops) in turns {
        let instant = view.events[index].event.time.instant;
        match openings.last_mut() {
            Some((_, end @ None)) if stops => *end = Some(instant),
            Some((_, Some(_))) if !stops => openings.push((instant, None)),
            _ => {}
        }
    }
    openings
}

/// The opening of the case: for a child the earlier of its first event and its record; for any other subject not
/// later than go-live.
fn opened_at(view: &View<'_>) -> Option<Instant> {
    let first_event = view.events.first().map(|known| known.event.time.instant);
    let recorded = view.case().records.versions().next().and_then(|record| record.recorded_at);
    let go_live = view.municipality.organisation.tenant.go_live;
    let go_live = go_live.filter(|_| view.state.record.subject != Subject::Child);
    let go_live = go_live.map(|date| first_instant(view.municipality.zone(), date));
    [first_event, recorded, go_live].into_iter().flatten().min()
}

/// A recurrence as a sequence of periods without gaps.
#[derive(Clone, Copy)]
enum Recurrence {
    Yearly(YearlyDay),
    Every(Period),
}

impl Recurrence {
    fn of(from: &From) -> Option<Self> {
        match from {
            From::Yearly(day) => Some(Self::Yearly(*day)),
            From::Every(period) => Some(Self::Every(*period)),
            _ => None,
        }
    }

    /// The first period that ends on `date` or later.
    fn first_from(self, date: NaiveDate) -> Option<PeriodDays> {
        match self {
            Self::Yearly(day) => {
                let year =
                    (date.year()..=date.year() + 2).find(|year| day.in_year(*year).is_some_and(|day| day >= date))?;
                // Easter moves: the day of the year before may still lie ahead.
                let earlier = day.in_year(year - 1).is_some_and(|day| day >= date);
                yearly(day, if earlier { year - 1 } else { year })
            }
            Self::Every(Period::Free { days, since }) => {
                let elapsed = (date.max(since) - since).num_days() / i64::from(days);
                free(days, since.checked_add_signed(TimeDelta::days(elapsed * i64::from(days)))?)
            }
            Self::Every(period) => calendar_period(period, date),
        }
    }

    fn after(self, previous: &PeriodDays) -> Option<PeriodDays> {
        let first = previous.last.succ_opt()?;
        match self {
            Self::Yearly(day) => yearly(day, previous.name.parse::<i32>().ok()? + 1),
            Self::Every(Period::Free { days, .. }) => free(days, first),
            Self::Every(period) => calendar_period(period, first),
        }
    }
}

fn yearly(day: YearlyDay, year: i32) -> Option<PeriodDays> {
    let last = day.in_year(year)?;
    let first = day.in_year(year - 1)?.succ_opt()?;
    Some(PeriodDays { first, last, name: year.to_string().into() })
}

fn free(days: u32, first: NaiveDate) -> Option<PeriodDays> {
    let last = first.checked_add_signed(TimeDelta::days(i64::from(days) - 1))?;
    Some(PeriodDays { first, last, name: first.to_string().into() })
}

/// The period of the calendar that holds `date`.
fn calendar_period(period: Period, date: NaiveDate) -> Option<PeriodDays> {
    let year = date.year();
    let (first, name) = match period {
        Period::Week | Period::Free { .. } => {
            let week = date.iso_week();
            let monday = date.week(chrono::Weekday::Mon).first_day();
            (monday, format!("{}-W{:02}", week.year(), week.week()))
        }
        Period::Month => (date.with_day(1)?, format!("{year}-{:02}", date.month())),
        Period::Quarter => {
            (NaiveDate::from_ymd_opt(year, date.month0() / 3 * 3 + 1, 1)?, format!("{year}-Q{}", date.month0() / 3 + 1))
        }
        Period::HalfYear => {
            (NaiveDate::from_ymd_opt(year, date.month0() / 6 * 6 + 1, 1)?, format!("{year}-H{}", date.month0() / 6 + 1))
        }
        Period::Year => (NaiveDate::from_ymd_opt(year, 1, 1)?, year.to_string()),
        Period::SchoolYear => {
            let begins = if date.month() >= 8 { year } else { year - 1 };
            (NaiveDate::from_ymd_opt(begins, 8, 1)?, format!("{begins}-{}", begins + 1))
        }
    };
    let next = match period {
        Period::Week | Period::Free { .. } => first.checked_add_signed(TimeDelta::days(7))?,
        Period::Month => first.checked_add_months(chrono::Months::new(1))?,
        Period::Quarter => first.checked_add_months(chrono::Months::new(3))?,
        Period::HalfYear => first.checked_add_months(chrono::Months::new(6))?,
        Period::Year | Period::SchoolYear => first.checked_add_months(chrono::Months::new(12))?,
    };
    Some(PeriodDays { first, last: next.pred_opt()?, name: name.into() })
}
