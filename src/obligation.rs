//! Obligations, their deadlines with proof, and deviations (`rule-language` §§ 7, 8, 10).
//!
//! ```text
//!  waiting ─► running ─► overdue ──────────► met_late
//!     │          │          │
//!     │          ├─► met    └─ stopped or superseded ► missed
//!     └──────────┴─► void (out_of_force · condition · exempt · stopped · superseded)     paused ◄─► running
//! ```

use std::sync::Arc;

use chrono::{NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use crate::calendar::{Closure, Instant, Span};

/// One start of one rule in one case: something that has to be done by a date.
#[derive(Clone, Debug, PartialEq)]
pub struct Obligation {
    /// The rule's number in the rule set.
    pub rule: RuleIndex,
    /// The start's name: an event's id, a period's name, or a case attribute's name.
    pub start: Arc<str>,
    /// The civil date from which the span is counted.
    pub starts_on: NaiveDate,
    /// When it is due; `None` while an open pause leaves no date.
    pub due: Option<Due>,
    /// How it stands.
    pub status: Status,
    /// When what was asked for happened, before or after the due date.
    pub met_on: Option<NaiveDate>,
    /// Whether it was met before the rule's `earliest`.
    pub early: bool,
    /// Whether an open pause holds its messages.
    pub held_by_pause: bool,
    /// The day of the stop that left it missed.
    pub stopped_on: Option<NaiveDate>,
}

/// A rule, by its number in the [`crate::rules::RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub usize);

/// What names an obligation for ever: tenant, case, rule and start (§ 8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObligationKey {
    /// The municipality's id.
    pub tenant: Arc<str>,
    /// The case's id.
    pub case: Arc<str>,
    /// The rule's full name, `pack/id`.
    pub rule: Arc<str>,
    /// The start's name.
    pub start: Arc<str>,
}

/// A due date: the civil day, and the instant from which it is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last day on which meeting it is in time.
    pub on: NaiveDate,
    /// The first instant of the next local day; for hours the instant itself.
    pub at: Instant,
}

/// How an obligation stands (§ 8, in this order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing follows from it.
    Void(VoidReason),
    /// Met on or before the due date.
    Met,
    /// Met after the due date.
    MetLate,
    /// Stopped or superseded when it was already overdue.
    Missed,
    /// An open pause leaves it without a due date.
    Paused,
    /// The due date has passed.
    Overdue,
    /// Its start lies in the future.
    Waiting,
    /// It is to be met by the due date.
    Running,
}

/// Why nothing follows from an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoidReason {
    /// Outside the rule's validity.
    OutOfForce,
    /// `when` or `unless` fails on what is known now.
    Condition,
    /// Exempted by a person.
    Exempt,
    /// The case was closed in time.
    Stopped,
    /// A newer date took its place in time.
    Superseded,
}

impl Status {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Void(_) => "void",
            Self::Met => "met",
            Self::MetLate => "met_late",
            Self::Missed => "missed",
            Self::Paused => "paused",
            Self::Overdue => "overdue",
            Self::Waiting => "waiting",
            Self::Running => "running",
        }
    }

    /// Why it is void, where it is.
    #[must_use]
    pub fn void_reason(self) -> Option<VoidReason> {
        match self {
            Self::Void(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether ladder steps go out for it (§ 9).
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Overdue)
    }

    /// Whether it is a lapse that a deviation records (§ 10).
    #[must_use]
    pub fn is_lapse(self) -> bool {
        matches!(self, Self::Overdue | Self::Missed | Self::MetLate)
    }
}

impl VoidReason {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OutOfForce => "out_of_force",
            Self::Condition => "condition",
            Self::Exempt => "exempt",
            Self::Stopped => "stopped",
            Self::Superseded => "superseded",
        }
    }
}

/// How a due date came about, line by line (§ 7). `explain`, reports and messages show this same value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof(pub Vec<ProofStep>);

/// One line of a proof.
#[derive(Clone, Debug, PartialEq)]
pub enum ProofStep {
    /// The clock starts.
    Start {
        /// The civil date.
        on: NaiveDate,
        /// The event, with when it was recorded; a period or case attribute has none.
        event: Option<(Arc<str>, Instant)>,
    },
    /// The span was added.
    Span {
        /// The span of the rule, or the one that applies of a list.
        span: Span,
        /// The number in a growing sequence, where the rule has one.
        number: Option<u32>,
        /// The date or instant it leads to, before anything else moved it.
        to: NaiveDate,
    },
    /// A day that was not counted as a working day.
    NotWorking {
        /// The day.
        on: NaiveDate,
        /// Why.
        why: Closure,
    },
    /// Days that did not count because the case was paused.
    Paused {
        /// First paused day.
        from: NaiveDate,
        /// Last paused day; `None` for a pause that is still open.
        to: Option<NaiveDate>,
    },
    /// Moved to a weekday.
    Snapped {
        /// The weekday.
        weekday: Weekday,
        /// Where it led.
        to: NaiveDate,
    },
    /// Moved onto a working day.
    Rolled {
        /// Where it led.
        to: NaiveDate,
    },
    /// Extended by a person.
    Extended {
        /// The event that says so.
        event: Arc<str>,
        /// The date it names.
        until: NaiveDate,
    },
    /// The date that stands.
    Due(Due),
}

/// A deviation (*avvik*): an obligation that lapsed, for as long as it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// The rule's number in the rule set.
    pub rule: RuleIndex,
    /// The start's name.
    pub start: Arc<str>,
    /// Which lapse of this obligation it is, from 0.
    pub number: u32,
    /// The later of `due_at` and the moment when the lapse became known.
    pub opened_at: Instant,
    /// The due date as last known while it was a lapse.
    pub due_on: NaiveDate,
    /// When and how it closed.
    pub closed: Option<(Instant, Closing)>,
    /// What calendar days late are counted to, while it is not withdrawn.
    pub late_until: LateUntil,
}

/// How a deviation closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// It became known that it was met, late.
    MetLate,
    /// A person gave cause and action.
    Explained,
    /// It became known that there was no lapse.
    Withdrawn,
}

impl Closing {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MetLate => "met_late",
            Self::Explained => "explained",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The closing that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::MetLate, Self::Explained, Self::Withdrawn].into_iter().find(|closing| closing.word() == word)
    }
}

/// To which day a deviation's lateness is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateUntil {
    /// It is not over: to the day on which one asks.
    Today,
    /// To the day on which it was met or stopped.
    Day(NaiveDate),
    /// Withdrawn: not late at all.
    NotLate,
}

impl Deviation {
    /// Calendar days from the due date to the day it was met, to the stop's day, or to `today` (§ 10).
    #[must_use]
    pub fn days_late(&self, today: NaiveDate) -> i64 {
        match self.late_until {
            LateUntil::Today => (today - self.due_on).num_days(),
            LateUntil::Day(day) => (day - self.due_on).num_days(),
            LateUntil::NotLate => 0,
        }
    }
}
