//! Messages about a municipality as a whole, to its coordinator.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::case::CaseRef;
use crate::language::Language;
use crate::oversight::List;
use crate::schedule::Period;

/// A message to the coordinator.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantMessage {
    /// The coordinator's language.
    pub language: Language,
    /// What people call the municipality.
    pub tenant_name: Arc<str>,
    /// What it says.
    pub kind: TenantKind,
    /// Whether an earlier attempt may have arrived.
    pub possible_repeat: bool,
}

/// What a message to the coordinator says.
#[derive(Clone, Debug, PartialEq)]
pub enum TenantKind {
    /// The routine's own revision date has passed.
    RevisionDue {
        /// What people call the routine, in the message's language.
        pack_title: Arc<str>,
        /// When it should have been revised.
        revise_by: NaiveDate,
    },
    /// What was already late when the municipality went live, for which nothing else is sent.
    Backlog {
        /// How many there are in all; at least as many as `lines`.
        count: usize,
        /// Those to show, in the order to show them.
        lines: Vec<BacklogLine>,
    },
    /// The coordinator's lists: those on which there is something.
    Lists(Vec<ListLine>),
    /// The deviations of a period.
    Report(Box<ReportContent>),
}

/// One of the coordinator's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListLine {
    /// Which.
    pub list: List,
    /// How many are on it; at least as many as `shown`.
    pub count: usize,
    /// References of cases, codes of rules, or ids, in the order to show them.
    pub shown: Vec<String>,
}

/// The deviations of a period, for one reader. Whoever leads units sees theirs alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportContent {
    /// Which period.
    pub period: Period,
    /// The civil day of sending.
    pub today: NaiveDate,
    /// How many were opened in the period.
    pub opened: usize,
    /// How many were closed in it, and how many of them were met late.
    pub closed: usize,
    /// Of those that were closed, how many were met late.
    pub met_late: usize,
    /// How many are open on the day of sending; at least as many as `lines`.
    pub open: usize,
    /// How many days the one that has been open longest is late.
    pub oldest: Option<i64>,
    /// How many obligations fell due in the period, and how many of them were met in time.
    pub due: usize,
    /// Of those that fell due, how many were met in time.
    pub in_time: usize,
    /// Open ones to show, in the order to show them. Only leaders get them.
    pub lines: Vec<BacklogLine>,
    /// Where the whole report is, behind a login: an `https` address without a token.
    pub link: Option<String>,
}

/// One obligation that is late.
#[derive(Clone, Debug, PartialEq)]
pub struct BacklogLine {
    /// What the case is called.
    pub reference: CaseRef,
    /// The rule's neutral words, in the message's language.
    pub notice: Arc<str>,
    /// What messages call the rule.
    pub code: Arc<str>,
    /// The last day in time.
    pub due_on: NaiveDate,
}
