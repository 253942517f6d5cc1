//! What a message may say: a closed list, as types, and nothing else (privacy is a type).
//!
//! A mail that says "case 7F3K, due Friday" can already tell too much. So there is no field for a rule's title or
//! citation, a level, a name or free text: whoever composes a message cannot leak what it cannot hold. Templates see
//! these values only, through [`Templates`].

mod calendar;
mod chat;
mod context;
mod counted;
mod fallback;
mod operator;
mod page;
mod reports;
mod sample;
mod templates;
mod tenant;
mod test;
mod words;

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};

use crate::case::CaseRef;
use crate::language::Language;
use crate::notice::{Purpose, Role};

pub use calendar::CalendarEntry;
pub use chat::{ChatContent, ChatKind, ChatText};
pub use counted::{Counted, CountedBasis, Mark, PeriodName};
pub use operator::{OPERATOR_ZONE, Trouble, operator_message};
pub use templates::{Rendered, TemplateProblem, Templates};
pub use tenant::{BacklogLine, ListLine, ListedOne, ReportContent, ReportFile, TenantKind, TenantMessage};
pub use test::{TEST_MARK, test_message};
pub(in crate::delivery) use words::reorders;

/// Everything that one message to one recipient says.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageContent {
    /// The recipient's language.
    pub language: Language,
    /// What kind of reader it is: decides how the reader is spoken to.
    pub recipient_kind: RecipientKind,
    /// What people call the municipality.
    pub tenant_name: Arc<str>,
    /// What to tell, in any order.
    pub lines: Vec<Line>,
    /// Whether an earlier attempt may have arrived.
    pub possible_repeat: bool,
    /// The civil day of sending, in the tenant's time zone.
    pub today: NaiveDate,
    /// As of when the facts are, in the tenant's time zone, where that is longer ago than it may be.
    pub as_of: Option<NaiveDateTime>,
}

/// What kind of reader a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientKind {
    /// One person.
    Person,
    /// A unit's mailbox.
    Unit,
    /// The municipality's fallback address.
    Fallback,
}

/// One obligation, as a message may name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What the case is called.
    pub reference: CaseRef,
    /// The rule's neutral words, in the message's language.
    pub notice: Arc<str>,
    /// What messages call the rule.
    pub code: Arc<str>,
    /// Why now: to remind, or to tell somebody above.
    pub purpose: Purpose,
    /// The last day in time.
    pub due_on: NaiveDate,
    /// Whether it is overdue. Not the same as `due_on` in the past: a deadline in hours passes during its day.
    pub overdue: bool,
    /// How the date came about.
    pub counted: Counted,
    /// Why this reader is told.
    pub reader: Reader,
    /// Who was told before, of an escalation.
    pub told: Option<Told>,
    /// Where the case is, behind a login: an `https` address (or `http`) without a token. Others are left out.
    pub link: Option<String>,
}

/// Why somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The role that the ladder names.
    pub role: Role,
    /// How the role led to this reader.
    pub reached: Reached,
}

/// How a role led to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The reader has the role.
    Directly,
    /// The reader stands in for somebody who is away.
    AsDeputy,
    /// The role reaches nobody, and the reader is next in the chain.
    NextInChain,
}

/// Whom an earlier notice about the same due date reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The role that was told.
    pub role: Role,
    /// The civil day.
    pub on: NaiveDate,
}

impl MessageContent {
    /// The lines in reading order: overdue escalations first, then by due date, reference and code.
    #[must_use]
    pub fn sorted_lines(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        lines.sort_by_key(|line| {
            let urgent = line.overdue && line.purpose == Purpose::Escalation;
            (!urgent, line.due_on, &line.reference, &line.code)
        });
        lines
    }

    /// The number of different cases.
    #[must_use]
    pub fn case_count(&self) -> usize {
        let mut references: Vec<&CaseRef> = self.lines.iter().map(|line| &line.reference).collect();
        references.sort_unstable();
        references.dedup();
        references.len()
    }
}

impl Line {
    /// Calendar days from `today` to the due date; negative when it has passed.
    #[must_use]
    pub fn days(&self, today: NaiveDate) -> i64 {
        (self.due_on - today).num_days()
    }
}
