//! Messages about a municipality as a whole, to its coordinator.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::case::CaseRef;
use crate::language::Language;
use crate::oversight::List;
use crate::report::Row;
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
    Lists {
        /// The civil day of sending.
        today: NaiveDate,
        /// The lists.
        lists: Vec<ListLine>,
    },
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
    /// What is on it, in the order to show it.
    pub shown: Vec<ListedOne>,
}

/// What stands on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedOne {
    /// A case's reference, a rule's code, or an id.
    pub what: String,
    /// Since when it is so.
    pub since: Option<NaiveDate>,
    /// When it is due, or ends.
    pub until: Option<NaiveDate>,
}

/// The deviations of a period, for one reader. Whoever leads units sees theirs alone. Address-protected cases are not among
/// it: nothing of them leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportContent {
    /// Which period.
    pub period: Period,
    /// The civil day of sending.
    pub today: NaiveDate,
    /// The report's figures, as of the period's end.
    pub figures: Row,
    /// How many are open on the day of sending; at least as many as `lines`.
    pub open_now: usize,
    /// Of those, the ones to show, in the order to show them. Only leaders get them.
    pub lines: Vec<BacklogLine>,
    /// Where the whole report is, behind a login: an `https` address without a token.
    pub link: Option<String>,
    /// The report as files beside the text.
    pub files: Vec<ReportFile>,
    /// Whether files were left out because they are too large for a mail.
    pub too_large: bool,
}

/// A report as a file of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// `avvik-2026-02.html`
    pub name: String,
    /// `text/html; charset=utf-8`
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Hides what is in it: it may not reach a log.
impl std::fmt::Debug for ReportFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReportFile({}, {} bytes)", self.name, self.bytes.len())
    }
}

impl TenantMessage {
    /// The files beside the text.
    #[must_use]
    pub fn files(&self) -> &[ReportFile] {
        match &self.kind {
            TenantKind::Report(content) => &content.files,
            TenantKind::RevisionDue { .. } | TenantKind::Backlog { .. } | TenantKind::Lists { .. } => &[],
        }
    }
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
