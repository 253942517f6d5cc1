//! The coordinator's lists: what somebody should look at, whatever deadline runs. Ids, references and dates; no names.
//!
//! Each list is defined once. Those of cases are found by [`crate::engine::findings`] from the rules in force: a list is
//! about what a rule asks for, so what a pack does not ask for is never missing. The others come from what the store knows.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Cases for which a rule asks for a `stafettholder` (`met_when = { case.stafettholder = … }`) and that have none. Where
    /// no rule does, cases with an open obligation.
    WithoutHolder,
    /// Cases for which a rule asks for an agreed date and that have none ahead: a `met_by` whose `expires` is the date from
    /// which another rule counts (`from = { event, date }`).
    WithoutDate,
    /// Cases whose consent has run out or was withdrawn and was not given anew: a rule of `kind = "consent"` whose `met_by`
    /// has `expires` or `undone_by`.
    ConsentOver,
    /// Open obligations of rules of `kind = "handover"`.
    HandoverPending,
    /// Cases whose open obligations have been held by a pause for long.
    PausedLong,
    /// Cases in which a role reaches nobody.
    Unresolved,
    /// People and mailboxes whose address refuses mail.
    AddressRefused,
    /// Silences that end soon.
    SilenceEnds,
    /// Rules that have started for long in no case that is there. Those of removed cases are not remembered.
    RuleUnmatched,
    /// Routines whose own revision date has passed or comes soon.
    RevisionDue,
}

impl List {
    /// All lists, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::WithoutHolder,
        Self::WithoutDate,
        Self::ConsentOver,
        Self::HandoverPending,
        Self::PausedLong,
        Self::Unresolved,
        Self::AddressRefused,
        Self::SilenceEnds,
        Self::RuleUnmatched,
        Self::RevisionDue,
    ];

    /// The word in outputs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::WithoutHolder => "without_holder",
            Self::WithoutDate => "without_date",
            Self::ConsentOver => "consent_over",
            Self::HandoverPending => "handover_pending",
            Self::PausedLong => "paused_long",
            Self::Unresolved => "unresolved",
            Self::AddressRefused => "address_refused",
            Self::SilenceEnds => "silence_ends",
            Self::RuleUnmatched => "rule_unmatched",
            Self::RevisionDue => "revision_due",
        }
    }

    /// The list that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.word() == word)
    }
}

/// From when on something is worth a line, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// How long a case has been paused.
    pub paused_days: u32,
    /// How long until a silence ends.
    pub silence_days: u32,
    /// For how long a rule has started in no case.
    pub unmatched_days: u32,
    /// How long until a routine is to be revised.
    pub revision_days: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { paused_days: 30, silence_days: 7, unmatched_days: 180, revision_days: 60 }
    }
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Entry {
    /// The municipality's id.
    pub tenant: String,
    /// The list.
    pub list: List,
    /// The case's id, where it is about one.
    pub case: Option<String>,
    /// What messages call the case.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The case's unit.
    pub unit: Option<String>,
    /// What else it is about, by id: a rule's full name, a person or `unit:ID`, a silence's number, a pack.
    pub about: Option<String>,
    /// What messages call the rule, where it is about one.
    pub code: Option<String>,
    /// Why: a short word.
    pub why: Option<String>,
    /// Since when it is so.
    pub since: Option<NaiveDate>,
    /// When it is due, or ends.
    pub until: Option<NaiveDate>,
    /// Whether the case is address-protected: then nothing of it leaves in a message.
    #[serde(skip)]
    pub protected: bool,
}

impl Entry {
    /// A line about nothing yet.
    #[must_use]
    pub fn new(tenant: &str, list: List) -> Self {
        Self {
            tenant: tenant.to_owned(),
            list,
            case: None,
            reference: None,
            unit: None,
            about: None,
            code: None,
            why: None,
            since: None,
            until: None,
            protected: false,
        }
    }
}
