//! Rule packs: what is to be done, by when, and who is told (`rule-language` §§ 1, 5, 6).
//!
//! These types are what the engine works with: every word resolved, every default filled in. `format` alone knows
//! TOML.

pub mod codes;
mod condition;
pub mod diagnostics;
mod embedded;
pub(crate) mod format;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{NaiveDate, Weekday};

use crate::calendar::{Calendar, Span, YearlyDay};
use crate::language::Localized;
use crate::notice::{Purpose, Role};
use crate::obligation::RuleIndex;
use crate::register::Causes;
use crate::vocabulary::{AttributeId, EventKind, ValueType, Vocabulary};

pub use codes::Code;
pub use condition::{Condition, Field, FieldValue, Predicate, Subject, Test};
pub use embedded::embedded;
pub use format::{FileKind, Written, load};

/// Everything that one rules folder says.
#[derive(Debug)]
pub struct RuleSet {
    /// The words.
    pub vocabulary: Vocabulary,
    /// Why deviations happen: what a person may choose from.
    pub causes: Causes,
    /// The calendars.
    pub calendars: Vec<Calendar>,
    /// The packs, in the order of their file names.
    pub packs: Vec<Pack>,
    /// The rules of all packs. A rule stands after the one that its `due_of` names.
    pub rules: Vec<Rule>,
    /// Message templates of the folder: `nb/message.txt` and the like, by path below `messages/`.
    pub templates: HashMap<String, String>,
}

/// A calendar, by its number in the rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CalendarIndex(pub usize);

/// A routine.
#[derive(Debug)]
pub struct Pack {
    /// Its id.
    pub id: Arc<str>,
    /// What people call the routine.
    pub title: Localized,
    /// The document it was written from.
    pub source: Option<Arc<str>>,
    /// When the routine itself should have been revised.
    pub revise_by: Option<NaiveDate>,
    /// The legal calendar of units of a type.
    pub calendars: HashMap<Arc<str>, CalendarIndex>,
    /// The legal calendar of everything else.
    pub calendar: CalendarIndex,
    /// Its rules.
    pub rules: Vec<RuleIndex>,
    /// The file it was read from.
    pub file: Arc<str>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Full name, `pack/id`.
    pub name: Arc<str>,
    /// The pack's number in the rule set.
    pub pack: usize,
    /// The id within the pack.
    pub id: Arc<str>,
    /// What coordinators read. Never in messages.
    pub title: Localized,
    /// What is to be done.
    pub kind: RuleKind,
    /// The neutral words of messages.
    pub notice: Localized,
    /// What messages call the rule.
    pub code: Arc<str>,
    /// Where the routine says so.
    pub cite: Option<Arc<str>>,
    /// Where the number comes from.
    pub basis: Basis,
    /// `must` (skal) or `should` (bør).
    pub force: Force,
    /// What starts the clock.
    pub from: From,
    /// All of it must hold.
    pub when: Option<Condition>,
    /// Not all of it may hold.
    pub unless: Option<Condition>,
    /// How long.
    pub within: Within,
    /// Which events meet it; alternatives.
    pub met_by: Option<MetBy>,
    /// The state that meets it.
    pub met_when: Option<Condition>,
    /// Who has to act: the first that resolves.
    pub responsible: Vec<Role>,
    /// Who is told when.
    pub ladder: Vec<Step>,
    /// Whether lapses are deviations.
    pub deviation: bool,
    /// What ends it: the pack's and its own.
    pub stops_on: Vec<EventPattern>,
    /// What opens a closed case again.
    pub reopens_on: Vec<EventPattern>,
    /// What stops and restarts the clock; `None` where nothing does or the rule ignores pauses.
    pub pauses: Option<Pauses>,
    /// What happens to a due date on a day without work.
    pub roll: Roll,
    /// The rule's own legal calendar.
    pub calendar: Option<CalendarIndex>,
    /// First day in force.
    pub valid_from: Option<NaiveDate>,
    /// Last day in force.
    pub valid_to: Option<NaiveDate>,
    /// How long an escalation waits after the first reminder.
    pub escalation_grace: Span,
    /// Whether a newer date takes the place of an older one.
    pub supersede: bool,
    /// What a growing sequence is counted from.
    pub sequence_from: Vec<EventPattern>,
    /// Move to a weekday.
    pub snap: Option<Snap>,
    /// Fulfilment before start plus this is early.
    pub earliest: Option<Span>,
    /// How long before a period's end its window opens.
    pub opens: Option<Span>,
    /// Where it is written.
    pub place: Place,
}

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

/// What kind of thing is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Make a decision.
    Decision,
    /// Hold a conversation.
    Conversation,
    /// Hold a meeting.
    Meeting,
    /// Evaluate.
    Evaluation,
    /// Obtain consent.
    Consent,
    /// Hand over the baton.
    Handover,
    /// Anything else.
    Duty,
}

impl RuleKind {
    /// The words of rule files.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("decision", Self::Decision),
        ("conversation", Self::Conversation),
        ("meeting", Self::Meeting),
        ("evaluation", Self::Evaluation),
        ("consent", Self::Consent),
        ("handover", Self::Handover),
        ("duty", Self::Duty),
    ];

    /// The word of rule files.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("duty", |(word, _)| word)
    }

    /// The kind of a word of rule files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// The neutral words of messages where the rule gives none.
    #[must_use]
    pub fn default_notice(self) -> Localized {
        let [nb, nn, en] = match self {
            Self::Decision => ["Ta en beslutning", "Ta ei avgjerd", "Make a decision"],
            Self::Conversation => ["Hold en samtale", "Hald ein samtale", "Hold a conversation"],
            Self::Meeting => ["Hold et møte", "Hald eit møte", "Hold a meeting"],
            Self::Evaluation => ["Hold en evaluering", "Hald ei evaluering", "Hold an evaluation"],
            Self::Consent => ["Innhent samtykke", "Hent inn samtykke", "Obtain consent"],
            Self::Handover => ["Avklar overleveringen", "Avklar overleveringa", "Settle the handover"],
            Self::Duty => ["Følg opp en oppgave", "Følg opp ei oppgåve", "Follow up a task"],
        };
        Localized::from_parts(Some(nb), Some(nn), Some(en)).unwrap_or_else(|| Localized::same(nb))
    }
}

/// Where a number of days comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The routine.
    Routine,
    /// The law.
    Law,
    /// The routine gives none: the municipality chose it.
    Local,
}

/// How strongly the routine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// *skal*
    Must,
    /// *bør*
    Should,
}

impl Force {
    /// The words of rule files.
    pub const WORDS: [(&'static str, Self); 2] = [("must", Self::Must), ("should", Self::Should)];

    /// The level of a word of rule files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, force)| *force)
    }

    /// The word of rule files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// What starts the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum From {
    /// Each occurrence of any of these.
    Each(Vec<EventPattern>),
    /// The first event of any of these: one instance a case.
    FirstOf(Vec<EventPattern>),
    /// The event with which each of these has happened: one instance a case.
    LastOf(Vec<EventPattern>),
    /// The date that an event carries.
    Date {
        /// The event.
        event: EventPattern,
        /// The date attribute.
        date: AttributeId,
    },
    /// A date attribute of the case.
    Case(AttributeId),
    /// The due date of another rule's instance.
    DueOf(RuleIndex),
    /// A day of each year.
    Yearly(YearlyDay),
    /// A period of the calendar.
    Every(Period),
}

/// A recurring period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// ISO weeks.
    Week,
    /// Calendar months.
    Month,
    /// Quarters.
    Quarter,
    /// Half years.
    HalfYear,
    /// Calendar years.
    Year,
    /// 1 August to 31 July.
    SchoolYear,
    /// Any number of days, from a day on.
    Free {
        /// The length in days.
        days: u32,
        /// The first day of the first period.
        since: NaiveDate,
    },
}

/// An event kind, and what its attributes must be.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPattern {
    /// The kind.
    pub kind: EventKind,
    /// A condition over the event's own attributes.
    pub filter: Option<Condition>,
}

/// How long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// The same each time.
    Same(Span),
    /// Growing: the n-th start takes the n-th span, the last one repeating. Never empty.
    Growing(Vec<Span>),
}

/// Which events meet an obligation.
#[derive(Debug, PartialEq)]
pub enum MetBy {
    /// Any of these.
    Any(Vec<Meeting>),
    /// Every one of these.
    All(Vec<EventPattern>),
}

/// One way to meet an obligation.
#[derive(Debug, PartialEq)]
pub struct Meeting {
    /// The event.
    pub event: EventPattern,
    /// These attributes equal the start event's; with their types, for a missing truth value is `false`.
    pub matching: Vec<(AttributeId, ValueType)>,
    /// How many such events it takes.
    pub count: u32,
    /// Whether events before the start count too.
    pub earlier: bool,
    /// An earlier event counts only if none of these came after it.
    pub undone_by: Vec<EventPattern>,
    /// An earlier event counts only if this date of it is not before `starts_on`.
    pub expires: Option<AttributeId>,
}

/// What stops and restarts the clock.
#[derive(Clone, Debug)]
pub struct Pauses {
    /// What pauses.
    pub from: Vec<EventPattern>,
    /// What resumes.
    pub until: Vec<EventPattern>,
}

/// What happens to a due date on a day without work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Roll {
    /// It stays.
    #[default]
    None,
    /// The next working day.
    Forward,
    /// The working day before.
    Back,
}

/// Move to a weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snap {
    /// The weekday.
    pub weekday: Weekday,
    /// Whether to the next one; else the one before.
    pub forward: bool,
}

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `at`, as written.
    pub at: Arc<str>,
    /// How far from the due date, or from the start.
    pub offset: Span,
    /// Whether `offset` is counted from the start.
    pub from_start: bool,
    /// Who is told.
    pub to: Vec<Role>,
    /// What for.
    pub purpose: Purpose,
    /// The distance of repetitions.
    pub every: Option<Span>,
    /// How many times in all; `None` with `every`: until the obligation ends.
    pub times: Option<u32>,
    /// At 07:00 on any day instead of in a round.
    pub urgent: bool,
}

impl RuleSet {
    /// The rule of a number.
    #[must_use]
    pub fn rule(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0]
    }

    /// The calendar of a number.
    #[must_use]
    pub fn calendar(&self, index: CalendarIndex) -> &Calendar {
        &self.calendars[index.0]
    }

    /// The calendar of an id.
    #[must_use]
    pub fn calendar_of(&self, id: &str) -> Option<CalendarIndex> {
        self.calendars.iter().position(|calendar| **calendar.id() == *id).map(CalendarIndex)
    }

    /// The pack of an id.
    #[must_use]
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| *pack.id == *id)
    }

    /// The rule of a full name, `pack/id`.
    #[must_use]
    pub fn rule_named(&self, name: &str) -> Option<RuleIndex> {
        self.rules.iter().position(|rule| *rule.name == *name).map(RuleIndex)
    }
}
