//! Notices: who is to be told what, when; and the ledger of what was told (`rule-language` § 9).

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::obligation::RuleIndex;
use crate::silence::SilenceId;

/// Whom a ladder step or a rule's `responsible` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The first of the rule's `responsible` list that resolves.
    Responsible,
    /// The baton holder.
    Stafettholder,
    /// Whoever raised the concern.
    Initiator,
    /// The leader of the case's unit.
    Leader,
    /// The leader of the unit above.
    NextLeader,
    /// The tenant's BTI coordinator.
    Coordinator,
    /// The mailbox of the case's unit.
    Unit,
    /// A named contact of the tenant.
    Contact(Arc<str>),
}

impl Role {
    /// The roles that are a single word; `contact:NAME` is the other form.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("responsible", Self::Responsible),
        ("stafettholder", Self::Stafettholder),
        ("initiator", Self::Initiator),
        ("leader", Self::Leader),
        ("next_leader", Self::NextLeader),
        ("coordinator", Self::Coordinator),
        ("unit", Self::Unit),
    ];

    /// The role that a word names, if it names one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(name) = word.strip_prefix("contact:") {
            return (!name.is_empty()).then(|| Self::Contact(name.into()));
        }
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, role)| role.clone())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contact(name) => write!(f, "contact:{name}"),
            simple => f.write_str(Self::WORDS.iter().find(|(_, role)| role == simple).map_or("", |(word, _)| word)),
        }
    }
}

/// Who receives a notice. Its text form is `p1`, `unit:ID` or `fallback`, and never an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recipient {
    /// A person, by id.
    Person(Arc<str>),
    /// A unit's mailbox, by the unit's id.
    Unit(Arc<str>),
    /// The tenant's fallback address.
    Fallback,
}

impl Recipient {
    /// The recipient that a text form names. A person may not be called `fallback` or `unit:…`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match (text, text.strip_prefix("unit:")) {
            (_, Some(unit)) => Self::Unit(unit.into()),
            ("fallback", _) => Self::Fallback,
            _ => Self::Person(text.into()),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => f.write_str(id),
            Self::Unit(id) => write!(f, "unit:{id}"),
            Self::Fallback => f.write_str("fallback"),
        }
    }
}

/// What a ladder step is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To remind whoever has to act.
    #[default]
    Reminder,
    /// To tell somebody above that it was not done.
    Escalation,
}

impl Purpose {
    /// The word in rules and outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Escalation => "escalation",
        }
    }
}

/// One thing to tell one recipient about one obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The rule's number in the rule set.
    pub rule: RuleIndex,
    /// The obligation's start.
    pub start: Arc<str>,
    /// The step's place in the rule's ladder.
    pub position: usize,
    /// The step's `at`, as written.
    pub step: Arc<str>,
    /// 0 for the step itself, then 1, 2, … for its repetitions.
    pub repetition: u32,
    /// The due date that it speaks of.
    pub due_on: NaiveDate,
    /// What it is for.
    pub purpose: Purpose,
    /// The role that the ladder names, also where a deputy or fallback receives it.
    pub role: Role,
    /// Who receives it.
    pub recipient: Recipient,
}

/// What became of one step, repetition and role for one due date: an entry of a case's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The rule's full name.
    pub rule: Arc<str>,
    /// The obligation's start.
    pub start: Arc<str>,
    /// The step's `at`, as written.
    pub step: Arc<str>,
    /// The repetition.
    pub repetition: u32,
    /// The due date.
    pub due_on: NaiveDate,
    /// The role that the step names.
    pub role: Role,
    /// What the step was for.
    pub purpose: Purpose,
    /// The civil day on which it was handled.
    pub on: NaiveDate,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A notice went out.
    Sent,
    /// A later step to the same recipient went out instead.
    Overtaken,
    /// Another role of the same step reached the same recipient.
    Merged,
}

impl Outcome {
    /// The word in outputs and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Overtaken => "overtaken",
            Self::Merged => "merged",
        }
    }

    /// The outcome that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Sent, Self::Overtaken, Self::Merged].into_iter().find(|outcome| outcome.word() == word)
    }
}

/// Something about the data that a person should mend. Holds ids only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// A role reaches nobody, and the message goes to somebody else.
    Unresolved {
        /// The role that the ladder names.
        role: Role,
        /// The person or unit that it would have been, where there is one.
        whom: Option<Arc<str>>,
        /// Why it reaches nobody.
        why: Unreachable,
    },
    /// An extension or exemption names a rule that the tenant does not have.
    UnknownRule {
        /// The event.
        event: Arc<str>,
    },
}

/// Why somebody cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unreachable {
    /// The role names nobody.
    Vacant,
    /// The person is not in the facts.
    Unknown,
    /// Away, and nobody reachable stands in.
    Absent,
    /// The deputies stand in for each other.
    DeputyCycle,
    /// No address.
    NoAddress,
    /// The address is not in the tenant's domains.
    OutsideDomains,
    /// Every leader on the way up is the person who is responsible.
    OnlyResponsible,
}

impl Unreachable {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::DeputyCycle => "deputy_cycle",
            Self::NoAddress => "no_address",
            Self::OutsideDomains => "outside_domains",
            Self::OnlyResponsible => "only_responsible",
        }
    }
}

/// Why a step that is not handled has not gone out. `explain`, logs and pages print this same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its moment has not come: it goes out then.
    NotYet(Instant),
    /// Its own date is no open delivery day: it goes out then instead.
    NoOpenDay {
        /// Its own date.
        nominal: NaiveDate,
        /// The round of the open day to which it moved.
        at: Instant,
    },
    /// It waits for the holder to have been told first; the earliest round, once that is known.
    Grace(Option<Instant>),
    /// A silence holds it back until the end of a day; the first occasion after that.
    Silenced {
        /// Which silence: of several the one that lasts longest.
        by: SilenceId,
        /// The silence's last day.
        until: NaiveDate,
        /// The first occasion after that day on which it can go out.
        at: Instant,
    },
    /// An open pause holds all messages.
    Paused,
    /// The case is address-protected.
    Protected,
    /// Due before the municipality went live.
    BeforeGoLive,
    /// A later step to the same recipient goes out then, instead.
    Overtaken(Instant),
}

impl Reason {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotYet(_) => "not_yet",
            Self::NoOpenDay { .. } => "no_open_day",
            Self::Grace(_) => "grace",
            Self::Silenced { .. } => "silenced",
            Self::Paused => "paused",
            Self::Protected => "protected",
            Self::BeforeGoLive => "before_go_live",
            Self::Overtaken(_) => "overtaken",
        }
    }

    /// The round or moment that the reason speaks of.
    #[must_use]
    pub fn at(self) -> Option<Instant> {
        match self {
            Self::Overtaken(at) => Some(at),
            other => other.goes_at(),
        }
    }

    /// When it goes out if nothing changes; `None` while nobody can say, or where it never does.
    #[must_use]
    pub fn goes_at(self) -> Option<Instant> {
        match self {
            Self::NotYet(at) | Self::NoOpenDay { at, .. } | Self::Silenced { at, .. } => Some(at),
            Self::Grace(at) => at,
            Self::Paused | Self::Protected | Self::BeforeGoLive | Self::Overtaken(_) => None,
        }
    }
}
