//! Messages about a municipality as a whole, to its coordinator.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::case::CaseRef;
use crate::language::Language;

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
}

/// One obligation that was late at go-live.
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
