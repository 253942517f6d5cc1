//! The figures of a report as its readers see them: every format is made from these and counts nothing itself.

use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::rules::{Force, RuleKind};

use super::figure::Figure;
use super::hide::UNDER;
use super::request::Period;
use super::tally::{Oldest, Tally};

/// Figures of a group in the period.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Deviations opened.
    pub opened: Figure<u64>,
    /// Deviations closed, in whatever way.
    pub closed: Figure<u64>,
    /// Closed as met late.
    pub met_late: Figure<u64>,
    /// Closed as explained by a person.
    pub explained: Figure<u64>,
    /// Closed as withdrawn: there was no lapse.
    pub withdrawn: Figure<u64>,
    /// Deviations open at the end.
    pub open: Figure<u64>,
    /// Obligations that were due and whose time has passed.
    pub due: Figure<u64>,
    /// Of these, met in time.
    pub in_time: Figure<u64>,
    /// The share of these, from 0 to 1.
    pub share_in_time: Figure<f64>,
    /// Calendar days late, the middle one, of all that were open at any time and not withdrawn.
    pub median_days_late: Figure<f64>,
    /// The most calendar days late of these.
    pub worst_days_late: Figure<i64>,
    /// The deviation open at the end that has waited longest.
    pub oldest_open: Figure<Oldest>,
    /// The period before.
    pub before: Before,
}

/// Figures of a group in the period before (see [`Period::previous`]). Nothing of it while the period is not over: a part is
/// not compared with a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Before {
    /// Its first day.
    pub from: Option<NaiveDate>,
    /// Its last day.
    pub to: Option<NaiveDate>,
    /// Deviations opened.
    pub opened: Figure<u64>,
    /// Deviations closed.
    pub closed: Figure<u64>,
    /// Deviations open at its end.
    pub open: Figure<u64>,
    /// Obligations that were due.
    pub due: Figure<u64>,
    /// Of these, met in time.
    pub in_time: Figure<u64>,
    /// The share of these, from 0 to 1.
    pub share_in_time: Figure<f64>,
}

/// Figures of a unit with those below it, or of a municipality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitFigures {
    /// The municipality's id; none for the whole.
    pub tenant: Option<String>,
    /// The unit's id; none for a municipality, and for what has no unit.
    pub unit: Option<String>,
    /// What people call it.
    pub name: String,
    /// How far below the whole it stands.
    pub depth: usize,
    /// Whether these are the unit's own cases alone, without those of units below it.
    pub own: bool,
    /// Its figures.
    #[serde(flatten)]
    pub row: Row,
}

/// Figures of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFigures {
    /// The rule's full name.
    pub rule: String,
    /// What messages call it.
    pub code: String,
    /// Its title.
    pub title: String,
    /// Where the routine says so.
    pub cite: Option<String>,
    /// What is to be done; none where the rule exists no longer.
    #[serde(serialize_with = "kind_word")]
    pub kind: Option<RuleKind>,
    /// *skal* or *bør*; none where the rule exists no longer.
    #[serde(serialize_with = "level_word")]
    pub level: Option<Force>,
    /// Its figures.
    #[serde(flatten)]
    pub row: Row,
}

/// Figures of all rules of a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindFigures {
    /// What is to be done; none for rules that exist no longer.
    #[serde(serialize_with = "kind_word")]
    pub kind: Option<RuleKind>,
    /// Their figures.
    #[serde(flatten)]
    pub row: Row,
}

/// Figures of all rules that say *skal*, or *bør*.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelFigures {
    /// Which of them; none for rules that exist no longer.
    #[serde(serialize_with = "level_word")]
    pub level: Option<Force>,
    /// Their figures.
    #[serde(flatten)]
    pub row: Row,
}

/// A week's deadlines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Week {
    /// Its Monday.
    pub monday: NaiveDate,
    /// Obligations that were due in those of its days that lie in the period.
    pub due: Figure<u64>,
    /// Of these, met in time.
    pub in_time: Figure<u64>,
    /// The share of these, from 0 to 1.
    pub share_in_time: Figure<f64>,
}

/// How long deviations have been open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Age {
    /// At least so many days.
    pub from_days: i64,
    /// At most so many; none: any number.
    pub to_days: Option<i64>,
    /// How many are open so long.
    pub open: Figure<u64>,
}

/// A unit where something has waited long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// The municipality's id.
    pub tenant: String,
    /// The unit's id; none where cases have no unit.
    pub unit: Option<String>,
    /// What people call it.
    pub name: String,
    /// How many deviations of its own cases are open.
    pub open: u64,
    /// Since how many days the oldest has been late.
    pub longest_days: i64,
    /// How many days late they are, the middle one.
    pub median_days: f64,
}

/// All figures of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The whole.
    pub total: Row,
    /// Each unit with those below it, each after the one above it. The whole is not among them.
    pub units: Vec<UnitFigures>,
    /// Each rule.
    pub rules: Vec<RuleFigures>,
    /// Each kind of rule.
    pub kinds: Vec<KindFigures>,
    /// *skal* and *bør*. Empty where small counts are hidden: with the rules it would give them away.
    pub levels: Vec<LevelFigures>,
    /// Each week.
    pub weeks: Vec<Week>,
    /// The open deviations by age.
    pub ages: Vec<Age>,
    /// Where it is longest since something was due: at most [`Figures::WAITING`] units, the longest first.
    pub waiting: Vec<Waiting>,
}

/// What a report is about, for whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The municipality, or municipalities, or unit.
    pub title: String,
    /// The period.
    pub period: Period,
    /// The period that it is compared with; none while it is not over.
    pub compared: Option<Period>,
    /// The day to which what is not over is counted as late.
    pub reckoned_on: NaiveDate,
    /// Whether it is about several municipalities.
    pub several: bool,
    /// What was left out: a rule, a kind, a level.
    pub only: Vec<String>,
    /// Whether it is about some units, rules, kinds or levels alone.
    pub narrowed: bool,
    /// Whether small counts are hidden.
    pub hide_small: bool,
    /// Whether protected cases are among it.
    pub protected: bool,
    /// How many records of the register cannot be read and are not counted.
    pub unreadable: u64,
}

impl Figures {
    /// How many units stand in [`Figures::waiting`].
    pub const WAITING: usize = 3;
}

/// The bounds of ages, in days: the first and last of each.
pub(super) const AGES: [(i64, Option<i64>); 5] =
    [(0, Some(7)), (8, Some(14)), (15, Some(30)), (31, Some(90)), (91, None)];

/// How much of a row is hidden.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Veil {
    /// Whether small counts are hidden at all.
    pub(super) any: bool,
    /// What was opened.
    pub(super) opened: bool,
    /// What is open.
    pub(super) open: bool,
    /// What was due and met in time.
    pub(super) share: bool,
    /// What was closed, and what was open before: each follows from the other.
    pub(super) closed: bool,
}

impl Row {
    /// What a tally comes to, behind a veil. `whole`: the report's first row, which alone tells of the period before where
    /// small counts are hidden.
    pub(super) fn of(tally: &Tally, veil: Veil, whole: bool, compared: Option<Period>) -> Self {
        let (now, before) = (&tally.now, &tally.before);
        let ways = [now.met_late, now.explained, now.withdrawn];
        let is_small = |count: u64| count < UNDER;
        let hide_ways = veil.closed || veil.any && ways.into_iter().any(is_small);
        let hide_days = veil.opened || veil.open || veil.any && is_small(tally.late.count());
        let hide_opened_before = veil.any && (!whole || is_small(before.opened));
        let hide_share_before = veil.any && (!whole || is_small(before.in_time) || is_small(before.late()));
        let way = |count| Figure::Is(count).unless(hide_ways);
        Self {
            opened: Figure::Is(now.opened).unless(veil.opened),
            closed: Figure::Is(now.closed()).unless(veil.closed),
            met_late: way(now.met_late),
            explained: way(now.explained),
            withdrawn: way(now.withdrawn),
            open: Figure::Is(now.open).unless(veil.open),
            due: Figure::Is(now.due).unless(veil.share),
            in_time: Figure::Is(now.in_time).unless(veil.share),
            share_in_time: share(now.in_time, now.due).unless(veil.share),
            median_days_late: Figure::from(tally.late.median()).unless(hide_days),
            // One deviation's own number, and its case.
            worst_days_late: Figure::from(tally.late.worst()).unless(veil.any),
            oldest_open: Figure::from(tally.oldest.clone()).unless(veil.any),
            before: compared.map_or_else(Before::default, |period| Before {
                from: Some(period.from),
                to: Some(period.to),
                opened: Figure::Is(before.opened).unless(hide_opened_before),
                closed: Figure::Is(before.closed()).unless(veil.any),
                open: Figure::Is(before.open).unless(veil.closed),
                due: Figure::Is(before.due).unless(hide_share_before),
                in_time: Figure::Is(before.in_time).unless(hide_share_before),
                share_in_time: share(before.in_time, before.due).unless(hide_share_before),
            }),
        }
    }
}

impl Before {
    /// The period that it is about; none where nothing is compared.
    #[must_use]
    pub fn period(&self) -> Option<Period> {
        Some(Period { from: self.from?, to: self.to? })
    }
}

impl Row {
    /// Whether any of it is shown.
    pub(super) fn tells_anything(&self) -> bool {
        [self.open, self.opened, self.due].iter().any(|count| *count != Figure::Hidden)
    }

    /// How the share in time changed from the period before, in percentage points; nothing where that one had fewer than a
    /// tenth as many deadlines, for then it says little.
    #[must_use]
    pub fn change_in_time(&self) -> Figure<f64> {
        match (self.share_in_time, self.before.share_in_time, self.due, self.before.due) {
            (Figure::Is(now), Figure::Is(before), Figure::Is(due), Figure::Is(due_before)) => {
                Figure::from((due_before * 10 >= due).then_some((now - before) * 100.0))
            }
            (Figure::Hidden, ..) | (_, Figure::Hidden, ..) => Figure::Hidden,
            _ => Figure::Nothing,
        }
    }
}

/// A share of a count, from 0 to 1.
pub(super) fn share(part: u64, of: u64) -> Figure<f64> {
    #[expect(clippy::cast_precision_loss, reason = "no municipality has 2^52 deadlines")]
    let share = (of > 0).then(|| part as f64 / of as f64);
    share.into()
}

#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn kind_word<S: Serializer>(kind: &Option<RuleKind>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.map(RuleKind::word).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn level_word<S: Serializer>(level: &Option<Force>, serializer: S) -> Result<S::Ok, S::Error> {
    level.map(Force::word).serialize(serializer)
}
