//! A municipality as the engine works with it: its rules, calendars and people, resolved once.

use std::cmp::Ordering;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::calendar::{Calendar, Instant, at_local, civil_date, time_of_day};
use crate::case::{CaseRecord, nearest};
use crate::obligation::{Obligation, RuleIndex};
use crate::organisation::{Organisation, Unit};
use crate::rules::{CalendarIndex, From, Rule, RuleSet};
use crate::silence::Silence;

/// A municipality with the rules that are in force for it.
#[derive(Clone, Debug)]
pub struct Municipality<'a> {
    /// All rules of the folder.
    pub rules: &'a RuleSet,
    /// Its units and people.
    pub organisation: &'a Organisation,
    /// What it has asked not to be told of.
    pub(super) silences: &'a [Silence],
    active: Vec<RuleIndex>,
    /// By rule number, the place of its name among all names.
    name_places: Vec<usize>,
    delivery: CalendarIndex,
}

/// From when on, and until when, urgent notices may reach people.
pub(crate) const MORNING: NaiveTime = match NaiveTime::from_hms_opt(7, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};
pub(crate) const EVENING: NaiveTime = match NaiveTime::from_hms_opt(21, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

impl<'a> Municipality<'a> {
    /// Resolves what a tenant record names.
    ///
    /// # Errors
    /// Text for a person: an unknown pack or calendar, or a rule that counts from one of a pack that is not in force.
    pub fn new(rules: &'a RuleSet, organisation: &'a Organisation) -> Result<Self, String> {
        let tenant = &organisation.tenant;
        let mut active = Vec::new();
        let mut first_calendar = None;
        for id in &tenant.packs {
            let Some(pack) = rules.pack(id) else {
                let near = nearest(id, rules.packs.iter().map(|pack| &*pack.id));
                let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return Err(format!("unknown pack `{id}`{hint}"));
            };
            active.extend(&pack.rules);
            first_calendar = first_calendar.or(Some(pack.calendar));
        }
        active.sort_unstable();
        active.dedup();
        for index in &active {
            if let From::DueOf(other) = rules.rule(*index).from
                && !active.contains(&other)
            {
                let (rule, other) = (&rules.rule(*index).name, &rules.rule(other).name);
                return Err(format!("`{rule}` counts from `{other}`, whose pack is not among the tenant's `packs`"));
            }
        }
        let delivery = match &tenant.delivery_calendar {
            Some(id) => {
                Some(rules.calendar_of(id).ok_or_else(|| format!("`delivery.calendar`: unknown calendar `{id}`"))?)
            }
            None => first_calendar,
        };
        let delivery = delivery.ok_or("`packs` names no rule pack")?;
        Ok(Self { rules, organisation, silences: &[], active, name_places: name_places(rules), delivery })
    }

    /// The same municipality with what it has asked not to be told of. Silences whose last day has passed do nothing.
    #[must_use]
    pub fn with_silences(self, silences: &'a [Silence]) -> Self {
        Self { silences, ..self }
    }

    /// The time zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.organisation.tenant.zone
    }

    /// The rules in force, each after the one that its `due_of` names.
    #[must_use]
    pub fn active_rules(&self) -> &[RuleIndex] {
        &self.active
    }

    /// The order of obligations: by the rule's name, then by start.
    pub(crate) fn order_by_name(&self, one: &Obligation, other: &Obligation) -> Ordering {
        let place = |obligation: &Obligation| self.name_places[obligation.rule.0];
        place(one).cmp(&place(other)).then_with(|| one.start.cmp(&other.start))
    }

    /// The calendar that decides when people are disturbed.
    #[must_use]
    pub fn delivery_calendar(&self) -> &'a Calendar {
        self.rules.calendar(self.delivery)
    }

    /// The calendar that decides dates: the rule's, else the unit's, else the unit type's, else the pack's (§ 3).
    #[must_use]
    pub fn legal_calendar(&self, rule: &Rule, unit: Option<&Unit>) -> &'a Calendar {
        let pack = &self.rules.packs[rule.pack];
        let of_unit = || unit?.calendar.as_deref().and_then(|id| self.rules.calendar_of(id));
        let of_type = || unit?.unit_type.as_ref().and_then(|unit_type| pack.calendars.get(unit_type).copied());
        self.rules.calendar(rule.calendar.or_else(of_unit).or_else(of_type).unwrap_or(pack.calendar))
    }

    /// The case's unit as known at `now`.
    #[must_use]
    pub fn unit_of(&self, record: &CaseRecord, now: Instant) -> Option<&'a Unit> {
        self.organisation.unit(record.unit.as_deref()?, now)
    }

    /// The civil date at `instant`.
    #[must_use]
    pub fn date(&self, instant: Instant) -> NaiveDate {
        civil_date(self.zone(), instant)
    }

    /// Whether a round is held on `date`: an open delivery day, and not before go-live (§ 9).
    #[must_use]
    pub fn holds_round(&self, date: NaiveDate) -> bool {
        self.organisation.tenant.go_live.is_none_or(|go_live| go_live <= date)
            && self.delivery_calendar().is_working(date)
    }

    /// When the round of `date` begins.
    #[must_use]
    pub fn opening(&self, date: NaiveDate) -> Instant {
        at_local(self.zone(), date, self.organisation.tenant.opens)
    }

    /// The first round that begins at `instant` or later.
    #[must_use]
    pub fn round_from(&self, instant: Instant) -> Instant {
        let today = self.date(instant);
        let first = if self.opening(today) >= instant { today } else { today.succ_opt().unwrap_or(today) };
        self.opening(self.round_day_from(first))
    }

    /// The first day from `date` on that holds a round.
    #[must_use]
    pub fn round_day_from(&self, date: NaiveDate) -> NaiveDate {
        let date = self.organisation.tenant.go_live.map_or(date, |go_live| go_live.max(date));
        self.delivery_calendar().on_or_after(date)
    }

    /// Until when nobody may be written to, if not now: outside the hours of a delivery day, or, for what is urgent, at
    /// night (§ 9).
    #[must_use]
    pub fn quiet_until(&self, now: Instant, urgent: bool) -> Option<Instant> {
        let until = if urgent {
            self.awake_from(now)
        } else if self.round_at(now).is_some() {
            now
        } else {
            self.round_from(now)
        };
        (until > now).then_some(until)
    }

    /// `instant`, or the next 07:00 where it falls between 21:00 and 07:00.
    pub(crate) fn awake_from(&self, instant: Instant) -> Instant {
        let time = time_of_day(self.zone(), instant);
        let date = self.date(instant);
        if time < MORNING {
            at_local(self.zone(), date, MORNING)
        } else if time >= EVENING {
            at_local(self.zone(), date.succ_opt().unwrap_or(date), MORNING)
        } else {
            instant
        }
    }

    /// The day whose round may run at `now`: today, from opening until closing time.
    #[must_use]
    pub fn round_at(&self, now: Instant) -> Option<NaiveDate> {
        let tenant = &self.organisation.tenant;
        let today = self.date(now);
        let time = time_of_day(self.zone(), now);
        (self.holds_round(today) && self.opening(today) <= now && time < tenant.closes).then_some(today)
    }
}

fn name_places(rules: &RuleSet) -> Vec<usize> {
    let mut names: Vec<&Rule> = rules.rules.iter().collect();
    names.sort_by_key(|rule| &rule.name);
    let place = |rule: &Rule| names.binary_search_by_key(&&rule.name, |other| &other.name).unwrap_or(usize::MAX);
    rules.rules.iter().map(place).collect()
}
