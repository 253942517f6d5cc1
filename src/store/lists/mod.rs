//! What `obligations`, `notices`, `deviations` and `messages` list. No address is ever among it.

mod pages;
mod quality;
mod rows;

use super::sql::{self, Builder};
use super::{At, Day, ROWS, Store, StoreError};
use crate::calendar::Instant;

pub use pages::Place;
pub use quality::QualityRow;
pub use rows::{AttemptRow, DeviationRow, ListedDeviation, MessageRow, NoticeRow, ObligationRow, ProblemRow};

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
    /// Only those that are still to be met, paused ones among them.
    pub open: bool,
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
    /// To this recipient.
    pub recipient: Option<String>,
    /// Carried by this message.
    pub message: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// Which deviations to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviationFilter {
    /// With this id.
    pub id: Option<String>,
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
    /// At most so many, the oldest.
    pub limit: Option<u32>,
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
    /// With this id.
    pub id: Option<String>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// What a [`NoticeRow`] is read from.
const NOTICES: &str = "SELECT tenant, case_id, ref, rule, start, step, repetition, due_on, role, channel, purpose, outcome, \
                       recipient, state, reason, message, handled_on, made_at, \
                       (SELECT m.ended_at FROM messages m WHERE m.id = n.message AND n.state = 'sent') AS sent_at \
                       FROM notices n";

/// The newest first.
const NOTICE_ORDER: &str =
    " ORDER BY made_at DESC, tenant, case_id, rule, start, due_on, position, repetition, role, channel";

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
        let mut query = obligations(filter, now);
        of_case(&mut query, "case_id", filter.case.as_deref());
        query.push(" ORDER BY tenant, due_on NULLS FIRST, case_id, rule, start");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Notices and overtaken or merged steps, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_notices(&self, filter: &NoticeFilter) -> Result<Vec<NoticeRow>, StoreError> {
        let mut query = Builder::new(NOTICES);
        query.push(" WHERE 1 = 1");
        equal(&mut query, "tenant", filter.tenant.as_deref());
        of_case(&mut query, "case_id", filter.case.as_deref());
        equal(&mut query, "state", filter.state.as_deref());
        equal(&mut query, "recipient", filter.recipient.as_deref());
        equal(&mut query, "message", filter.message.as_deref());
        query.push(NOTICE_ORDER);
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Every notice and overtaken or merged step of one case, by its id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn notices_of(&self, tenant: &str, case: &str) -> Result<Vec<NoticeRow>, StoreError> {
        let mut query = Builder::new(NOTICES);
        query.push(" WHERE tenant = ").push_bind(tenant.to_owned());
        query.push(" AND case_id = ").push_bind(case.to_owned()).push(NOTICE_ORDER);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// What was really sent of these cases, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sent_notices(&self, tenant: &str, cases: &[&str]) -> Result<Vec<NoticeRow>, StoreError> {
        let mut sent = Vec::new();
        for chunk in cases.chunks(ROWS) {
            let mut query = Builder::new(NOTICES);
            query.push(" WHERE state = 'sent' AND tenant = ").push_bind(tenant.to_owned()).push(" AND case_id IN ");
            query.push_list(chunk.iter().map(|id| (*id).to_owned()));
            // A row that a person broke says nothing of when somebody was told, and stops nobody's mail.
            let rows = query.build().fetch_rows(&self.readers).await?;
            sent.extend(rows.iter().filter_map(|row| row.decode::<NoticeRow>().ok()));
        }
        Ok(sent)
    }

    /// Deviations, by tenant and opening.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_deviations(&self, filter: &DeviationFilter) -> Result<Vec<DeviationRow>, StoreError> {
        let mut query = deviations(filter);
        query.push(" ORDER BY tenant, opened_at, case_id, rule, start, number");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Messages, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_messages(&self, filter: &MessageFilter) -> Result<Vec<MessageRow>, StoreError> {
        let mut query = Builder::new(
            "SELECT m.*, (SELECT count(*) FROM notices n WHERE n.message = m.id AND n.state NOT IN ('withdrawn', 'done')) AS notices, \
             (SELECT class FROM attempts a WHERE a.message = m.id ORDER BY id DESC LIMIT 1) AS last_class, \
             (SELECT code FROM attempts a WHERE a.message = m.id ORDER BY id DESC LIMIT 1) AS last_code \
             FROM messages m WHERE 1 = 1",
        );
        equal(&mut query, "tenant", filter.tenant.as_deref());
        equal(&mut query, "state", filter.state.as_deref());
        equal(&mut query, "recipient", filter.recipient.as_deref());
        equal(&mut query, "id", filter.id.as_deref());
        query.push(" ORDER BY created_at DESC, id DESC");
        limit(&mut query, filter.limit);
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Every try to send a message, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn attempts(&self, message: &str) -> Result<Vec<AttemptRow>, StoreError> {
        let select = "SELECT id, phase, started_at, ended_at, class, code FROM attempts WHERE message = $1 ORDER BY id";
        Ok(sql::query_as(select).bind(message).fetch_all(&self.readers).await?)
    }

    /// What a person should mend, by tenant and case.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_problems(&self, tenant: Option<&str>) -> Result<Vec<ProblemRow>, StoreError> {
        let mut query = Builder::new("SELECT tenant, case_id, ref, kind, role, whom, event FROM problems WHERE 1 = 1");
        equal(&mut query, "tenant", tenant);
        query.push(" ORDER BY tenant, case_id, number");
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }
}

/// Obligations that match, whatever their case.
fn obligations(filter: &ObligationFilter, now: Instant) -> Builder {
    let mut query = Builder::new(
        "SELECT * FROM (SELECT tenant, case_id, ref, rule, code, start, unit, responsible, starts_on, due_on, \
         due_at, CASE WHEN status IN ('running', 'waiting') AND due_at <= ",
    );
    query.push_bind(At::from(now)).push(" THEN 'overdue' ELSE status END AS status, void, met_on FROM obligations");
    query.push(") o WHERE 1 = 1");
    equal(&mut query, "tenant", filter.tenant.as_deref());
    equal(&mut query, "unit", filter.unit.as_deref());
    equal(&mut query, "status", filter.status.as_deref());
    if filter.open {
        query.push(" AND status IN ('waiting', 'running', 'overdue', 'paused')");
    }
    if let Some(day) = filter.due_by {
        query.push(" AND due_on <= ").push_bind(Day(day));
    }
    query
}

/// What a [`DeviationRow`] is read from. An escalation is about the lapse during which it was accepted.
pub(super) const DEVIATIONS: &str = "SELECT d.*, CASE WHEN d.facts_closed_as = 'met_late' THEN d.facts_closed_at END AS met_late_at, \
     (SELECT count(*) FROM notices n WHERE n.tenant = d.tenant AND n.case_id = d.case_id \
         AND n.rule = d.rule AND n.start = d.start AND n.state = 'sent') AS notices_sent, \
     (SELECT min(a.ended_at) FROM notices n JOIN attempts a ON a.message = n.message AND a.phase = 'accepted' \
         WHERE n.tenant = d.tenant AND n.case_id = d.case_id AND n.rule = d.rule AND n.start = d.start \
         AND n.state = 'sent' AND n.purpose = 'escalation' AND a.ended_at >= d.opened_at \
         AND NOT EXISTS (SELECT 1 FROM deviations l WHERE l.tenant = d.tenant AND l.case_id = d.case_id \
             AND l.rule = d.rule AND l.start = d.start AND l.number > d.number AND l.opened_at <= a.ended_at)) AS escalated_at, \
     (SELECT n.role FROM notices n JOIN attempts a ON a.message = n.message AND a.phase = 'accepted' \
         WHERE n.tenant = d.tenant AND n.case_id = d.case_id AND n.rule = d.rule AND n.start = d.start \
         AND n.state = 'sent' AND n.purpose = 'escalation' AND a.ended_at >= d.opened_at \
         AND NOT EXISTS (SELECT 1 FROM deviations l WHERE l.tenant = d.tenant AND l.case_id = d.case_id \
             AND l.rule = d.rule AND l.start = d.start AND l.number > d.number AND l.opened_at <= a.ended_at) \
         ORDER BY a.ended_at, n.position, n.repetition, n.role LIMIT 1) AS escalated_to \
     FROM deviations d";

/// Deviations that match.
fn deviations(filter: &DeviationFilter) -> Builder {
    let mut query = Builder::new(DEVIATIONS);
    query.push(" WHERE 1 = 1");
    equal(&mut query, "id", filter.id.as_deref());
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
    query
}

fn equal(query: &mut Builder, column: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        query.push(" AND ").push(column).push(" = ").push_bind(value.to_owned());
    }
}

fn of_case(query: &mut Builder, column: &'static str, id_or_ref: Option<&str>) {
    if let Some(value) = id_or_ref {
        query.push(" AND (").push(column).push(" = ").push_bind(value.to_owned());
        query.push(" OR ref = ").push_bind(value.to_owned()).push(")");
    }
}

fn limit(query: &mut Builder, limit: Option<u32>) {
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(i64::from(limit));
    }
}
