//! What `obligations`, `notices`, `deviations` and `messages` list. No address is ever among it.

use serde::Serialize;
use sqlx::{FromRow, QueryBuilder, Sqlite};

use super::{At, Day, Store, StoreError};
use crate::calendar::Instant;

/// An obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
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
}

/// A deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct DeviationRow {
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
    /// When it closed.
    pub closed_at: Option<At>,
    /// `met_late`, `explained` or `withdrawn`.
    pub closed_as: Option<String>,
    /// Why it happened, as explained by a person.
    pub cause: Option<String>,
    /// What was done about it.
    pub action: Option<String>,
    /// Who explained or withdrew it.
    pub explained_by: Option<String>,
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

/// Which obligations to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObligationFilter {
    /// Of this municipality.
    pub tenant: Option<String>,
    /// Of the case with this id or reference.
    pub case: Option<String>,
    /// Of this unit.
    pub unit: Option<String>,
    /// With this status, `overdue` among them.
    pub status: Option<String>,
    /// Due on or before this day.
    pub due_by: Option<chrono::NaiveDate>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Which notices to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticeFilter {
    /// Of this municipality.
    pub tenant: Option<String>,
    /// Of the case with this id or reference.
    pub case: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// Which deviations to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviationFilter {
    /// Of this municipality.
    pub tenant: Option<String>,
    /// Of the case with this id or reference.
    pub case: Option<String>,
    /// Of this unit.
    pub unit: Option<String>,
    /// Open at any time from then on.
    pub from: Option<Instant>,
    /// Opened before then.
    pub until: Option<Instant>,
    /// Only those that are not closed.
    pub open: bool,
}

/// Which messages to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Of this municipality.
    pub tenant: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// To this recipient.
    pub recipient: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

impl Store {
    /// Obligations as they stand at `now`, by tenant, due date, case, rule and start.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_obligations(
        &self,
        filter: &ObligationFilter,
        now: Instant,
    ) -> Result<Vec<ObligationRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT * FROM (SELECT tenant, case_id, ref, rule, code, start, unit, responsible, starts_on, due_on, \
             due_at, CASE WHEN status IN ('running', 'waiting') AND due_at <= ",
        );
        query.push_bind(At::from(now)).push(" THEN 'overdue' ELSE status END AS status, void, met_on FROM obligations");
        query.push(") o WHERE 1 = 1");
        equal(&mut query, "tenant", filter.tenant.as_deref());
        of_case(&mut query, "case_id", filter.case.as_deref());
        equal(&mut query, "unit", filter.unit.as_deref());
        equal(&mut query, "status", filter.status.as_deref());
        if let Some(day) = filter.due_by {
            query.push(" AND due_on <= ").push_bind(Day(day));
        }
        query.push(" ORDER BY tenant, due_on, case_id, rule, start");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Notices and overtaken or merged steps, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_notices(&self, filter: &NoticeFilter) -> Result<Vec<NoticeRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT tenant, case_id, ref, rule, start, step, repetition, due_on, role, channel, purpose, outcome, \
             recipient, state, reason, message, handled_on FROM notices WHERE 1 = 1",
        );
        equal(&mut query, "tenant", filter.tenant.as_deref());
        of_case(&mut query, "case_id", filter.case.as_deref());
        equal(&mut query, "state", filter.state.as_deref());
        query.push(" ORDER BY made_at DESC, tenant, case_id, rule, start, due_on, position, repetition, role, channel");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Deviations, by tenant and opening.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_deviations(&self, filter: &DeviationFilter) -> Result<Vec<DeviationRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT d.*, (SELECT count(*) FROM notices n WHERE n.tenant = d.tenant AND n.case_id = d.case_id \
             AND n.rule = d.rule AND n.start = d.start AND n.state = 'sent') AS notices_sent \
             FROM deviations d WHERE 1 = 1",
        );
        equal(&mut query, "tenant", filter.tenant.as_deref());
        of_case(&mut query, "case_id", filter.case.as_deref());
        equal(&mut query, "unit", filter.unit.as_deref());
        if let Some(from) = filter.from {
            query.push(" AND (closed_at IS NULL OR closed_at >= ").push_bind(At::from(from)).push(")");
        }
        if let Some(until) = filter.until {
            query.push(" AND opened_at < ").push_bind(At::from(until));
        }
        if filter.open {
            query.push(" AND closed_as IS NULL");
        }
        query.push(" ORDER BY tenant, opened_at, case_id, rule, start, number");
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Messages, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_messages(&self, filter: &MessageFilter) -> Result<Vec<MessageRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT m.*, (SELECT count(*) FROM notices n WHERE n.message = m.id AND n.state <> 'withdrawn') AS notices, \
             (SELECT class FROM attempts a WHERE a.message = m.id ORDER BY id DESC LIMIT 1) AS last_class, \
             (SELECT code FROM attempts a WHERE a.message = m.id ORDER BY id DESC LIMIT 1) AS last_code \
             FROM messages m WHERE 1 = 1",
        );
        equal(&mut query, "tenant", filter.tenant.as_deref());
        equal(&mut query, "state", filter.state.as_deref());
        equal(&mut query, "recipient", filter.recipient.as_deref());
        query.push(" ORDER BY created_at DESC, id DESC");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// What a person should mend, by tenant and case.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_problems(&self, tenant: Option<&str>) -> Result<Vec<ProblemRow>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT tenant, case_id, ref, kind, role, whom, event FROM problems WHERE 1 = 1",
        );
        equal(&mut query, "tenant", tenant);
        query.push(" ORDER BY tenant, case_id, number");
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }
}

fn equal(query: &mut QueryBuilder<Sqlite>, column: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        query.push(" AND ").push(column).push(" = ").push_bind(value.to_owned());
    }
}

fn of_case(query: &mut QueryBuilder<Sqlite>, column: &'static str, id_or_ref: Option<&str>) {
    if let Some(value) = id_or_ref {
        query.push(" AND (").push(column).push(" = ").push_bind(value.to_owned());
        query.push(" OR ref = ").push_bind(value.to_owned()).push(")");
    }
}

fn limit(query: &mut QueryBuilder<Sqlite>, limit: Option<u32>) {
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
}
