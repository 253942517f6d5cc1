//! The rows of lists.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;

use super::super::{At, Day};

/// An obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, FromRow)]
pub struct ObligationRow {
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// What messages call the rule.
    pub code: String,
    /// The start's name.
    pub start: String,
    /// The unit that the case had when it was last planned.
    pub unit: Option<String>,
    /// The role that the rule asks first.
    pub responsible: String,
    /// The day from which the span is counted.
    pub starts_on: Day,
    /// When it is due; none while it is paused.
    pub due_on: Option<Day>,
    /// The instant from which it is overdue.
    pub due_at: Option<At>,
    /// How it stands now.
    pub status: String,
    /// Why it is void, where it is.
    pub void: Option<String>,
    /// When it was met.
    pub met_on: Option<Day>,
}

/// A notice, or a ladder step that was overtaken or merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct NoticeRow {
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// The step's `at`, as written.
    pub step: String,
    /// The repetition.
    pub repetition: i64,
    /// The due date that it speaks of.
    pub due_on: Day,
    /// The role that the step names.
    pub role: String,
    /// How it leaves; empty for what does not.
    pub channel: String,
    /// `reminder` or `escalation`.
    pub purpose: String,
    /// `sent`, `overtaken` or `merged`.
    pub outcome: String,
    /// Who receives it.
    pub recipient: Option<String>,
    /// `pending`, `committing`, `sent`, `withdrawn`, `shadow`; `done` for what does not leave.
    pub state: String,
    /// Why it was withdrawn.
    pub reason: Option<String>,
    /// The message that carries it.
    pub message: Option<String>,
    /// The civil day on which it was handled.
    pub handled_on: Day,
    /// When it was handled.
    pub made_at: At,
    /// When its message was accepted.
    pub sent_at: Option<At>,
}

/// A deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, FromRow)]
pub struct DeviationRow {
    /// What names it for ever: twelve letters and digits, made of the names below.
    pub id: String,
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// What messages call the rule.
    pub code: String,
    /// Where the routine says so.
    pub cite: Option<String>,
    /// The obligation's start.
    pub start: String,
    /// Which lapse of the obligation, from 0.
    pub number: i64,
    /// The case's unit.
    pub unit: Option<String>,
    /// The role that the rule asks first.
    pub responsible: String,
    /// When it was opened.
    pub opened_at: At,
    /// The due date as last known while it was a lapse.
    pub due_on: Day,
    /// The day to which days late are counted; none: today while it is open, and 0 days where it is withdrawn.
    pub late_until: Option<Day>,
    /// When the first escalation about it was accepted by the other side, after it was opened and before a later lapse.
    pub escalated_at: Option<At>,
    /// The role that the ladder names for that escalation.
    pub escalated_to: Option<String>,
    /// When it closed; none while it is open.
    pub closed_at: Option<At>,
    /// `met_late`, `explained` or `withdrawn`; none while it is open.
    pub closed_as: Option<String>,
    /// When it was first known as met late, whatever a person decided about it.
    pub met_late_at: Option<At>,
    /// Why it happened, as explained by a person: a code of [`crate::register::Causes`].
    pub cause_code: Option<String>,
    /// Why it happened, in words.
    pub cause: Option<String>,
    /// What was or will be done about it.
    pub action: Option<String>,
    /// The day by which it will be done.
    pub action_due: Option<Day>,
    /// Who explained it.
    pub explained_by: Option<String>,
    /// When they did.
    pub explained_at: Option<At>,
    /// Why the facts say that there was no lapse: `met`, `paused`, `gone`, or why the obligation is void.
    pub facts_reason: Option<String>,
    /// Why a person withdrew it, in words.
    pub withdrawn_reason: Option<String>,
    /// Who withdrew it; none where the facts did.
    pub withdrawn_by: Option<String>,
    /// When that person did.
    pub withdrawn_at: Option<At>,
    /// Who last took an explanation or a withdrawal back.
    pub reopened_by: Option<String>,
    /// When they did.
    pub reopened_at: Option<At>,
    /// 1 where no message may leave for the case, so that only the coordinator is shown it.
    pub protected: i64,
    /// How many notices of the obligation went out.
    pub notices_sent: i64,
}

impl DeviationRow {
    /// Calendar days late, asked on the civil day `today` (§ 10).
    #[must_use]
    pub fn days_late(&self, today: chrono::NaiveDate) -> i64 {
        match (self.closed_as.as_deref(), self.late_until) {
            (Some("withdrawn"), _) => 0,
            (_, Some(day)) => (day.0 - self.due_on.0).num_days(),
            (_, None) => (today - self.due_on.0).num_days(),
        }
    }
}

/// A deviation as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedDeviation {
    /// The deviation.
    #[serde(flatten)]
    pub row: DeviationRow,
    /// Calendar days late until now, or until it was met.
    pub days_late: i64,
}

impl ListedDeviation {
    /// A deviation as it is shown on the civil day `today`.
    #[must_use]
    pub fn on(row: DeviationRow, today: chrono::NaiveDate) -> Self {
        let days_late = row.days_late(today);
        Self { row, days_late }
    }
}

/// A message, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct MessageRow {
    /// Its lasting id.
    pub id: String,
    /// The municipality's id.
    pub tenant: String,
    /// Who receives it: `p1`, `unit:ID` or `fallback`.
    pub recipient: String,
    /// How it leaves.
    pub channel: String,
    /// The round or moment that it was made for.
    pub slot: At,
    /// What it tells the municipality itself, where it does.
    pub subject: Option<String>,
    /// Its state; see the drawing in [`crate::store`].
    pub state: String,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// How many notices it carries that were not withdrawn.
    pub notices: i64,
    /// How many attempts failed.
    pub tries: i64,
    /// 1 where it may have been sent twice.
    pub possible_repeat: i64,
    /// When it is tried next.
    pub next_try_at: At,
    /// When it was sent, withdrawn or given up.
    pub ended_at: Option<At>,
    /// The kind of the last failure.
    pub last_class: Option<String>,
    /// The code of the last answer.
    pub last_code: Option<String>,
}

/// A try to send a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct AttemptRow {
    /// Its id.
    pub id: String,
    /// `claimed`, `committing`, `accepted`, `failed`, `unknown` or `withdrawn`.
    pub phase: String,
    /// When it began.
    pub started_at: At,
    /// When it ended.
    pub ended_at: Option<At>,
    /// The kind of the failure.
    pub class: Option<String>,
    /// The code of the answer.
    pub code: Option<String>,
}

/// Something that a person should mend, found while planning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct ProblemRow {
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// What is wrong: a word of [`crate::notice::Unreachable`], or `unknown_rule`.
    pub kind: String,
    /// The role that reaches nobody.
    pub role: Option<String>,
    /// The person or unit that it would have been.
    pub whom: Option<String>,
    /// The event that names an unknown rule.
    pub event: Option<String>,
}
