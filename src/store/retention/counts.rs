//! What is counted of purged cases: added to what reports count of the others, so that no figure changes.

use std::collections::HashMap;

use chrono_tz::Tz;
use uuid::Uuid;

use super::super::lists::DEVIATIONS;
use super::super::sql::Builder;
use super::super::{At, DeviationRow, StoreError, Write};
use crate::calendar::{Instant, civil_date, first_instant};

/// What is read of a purged deviation where a [`DeviationRow`] is wanted. It has no case, and nobody's words.
pub(in super::super) const PURGED_DEVIATIONS: &str = "SELECT id, tenant, '' AS case_id, '' AS ref, rule, code, cite, '' AS start, \
     CAST(0 AS BIGINT) AS number, unit, responsible, opened_at, due_on, late_until, escalated_at, escalated_to, closed_at, \
     closed_as, met_late_at, cause_code, CAST(NULL AS TEXT) AS cause, CAST(NULL AS TEXT) AS action, \
     CAST(NULL AS TEXT) AS action_due, CAST(NULL AS TEXT) AS explained_by, CAST(NULL AS BIGINT) AS explained_at, \
     facts_reason, CAST(NULL AS TEXT) AS withdrawn_reason, CAST(NULL AS TEXT) AS withdrawn_by, \
     CAST(NULL AS BIGINT) AS withdrawn_at, CAST(NULL AS TEXT) AS reopened_by, CAST(NULL AS BIGINT) AS reopened_at, \
     protected, notices_sent FROM purged_deviations d";

/// Keeps what is counted of the deviations of these cases. How many there are.
pub(super) async fn keep_deviations(
    write: &mut Write,
    (tenant, zone): (&str, Tz),
    cases: &[String],
) -> Result<u64, StoreError> {
    let mut select = Builder::new(DEVIATIONS);
    select.push(" WHERE d.tenant = ").push_bind(tenant).push(" AND d.case_id IN ").push_list(cases.iter().cloned());
    let rows: Vec<DeviationRow> = select.build_query_as().fetch_all(&mut *write).await?;
    let mut select = Builder::new("SELECT case_id, protected FROM agenda WHERE tenant = ");
    select.push_bind(tenant).push(" AND case_id IN ").push_list(cases.iter().cloned());
    let protected: Vec<(String, Option<i64>)> = select.build_query_as().fetch_all(&mut *write).await?;
    let protected: HashMap<String, Option<i64>> = protected.into_iter().collect();
    let day = |at: At| At::from(start_of_day(zone, at.instant()));
    for chunk in rows.chunks(super::super::ROWS) {
        let mut insert = Builder::new(
            "INSERT INTO purged_deviations (id, tenant, rule, code, cite, unit, responsible, protected, opened_at, due_on, \
             late_until, escalated_at, escalated_to, closed_at, closed_as, met_late_at, cause_code, facts_reason, \
             notices_sent) ",
        );
        insert.push_values(chunk, |row, one| {
            row.push_bind(Uuid::new_v4().simple().to_string()).push_bind(tenant).push_bind(&one.rule);
            row.push_bind(&one.code).push_bind(&one.cite).push_bind(&one.unit).push_bind(&one.responsible);
            // As reports ask: what nobody knows counts as protected.
            row.push_bind(protected.get(&one.case).copied().flatten().unwrap_or(1));
            row.push_bind(day(one.opened_at)).push_bind(one.due_on).push_bind(one.late_until);
            row.push_bind(one.escalated_at.map(day)).push_bind(&one.escalated_to);
            row.push_bind(one.closed_at.map(day)).push_bind(&one.closed_as).push_bind(one.met_late_at.map(day));
            row.push_bind(&one.cause_code).push_bind(&one.facts_reason).push_bind(one.notices_sent);
        });
        insert.build().execute(&mut *write).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

fn start_of_day(zone: Tz, at: Instant) -> Instant {
    first_instant(zone, civil_date(zone, at))
}

/// Keeps how many obligations of these cases were due when, and how many of these in time: what [`super::super::Snapshot::due`]
/// counts.
pub(super) async fn keep_due(write: &mut Write, tenant: &str, cases: &[String]) -> Result<(), StoreError> {
    let mut insert = Builder::new(
        "INSERT INTO purged_due (tenant, rule, due_on, unit, protected, in_time, late, last_start) \
         SELECT s.tenant, s.rule, s.due_on, s.unit, s.protected, \
         CAST(sum(CASE WHEN s.status = 'met' THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN s.status IN ('met_late', 'missed') AND s.withdrawn = 0 THEN 1 ELSE 0 END) AS BIGINT), \
         max(s.starts_on) FROM (SELECT o.tenant AS tenant, o.rule AS rule, coalesce(o.due_on, '') AS due_on, \
         coalesce(o.unit, '') AS unit, o.status AS status, o.starts_on AS starts_on, \
         coalesce((SELECT a.protected FROM agenda a WHERE a.tenant = o.tenant AND a.case_id = o.case_id), 1) AS protected, \
         coalesce((SELECT CASE WHEN d.withdrawn_at IS NOT NULL AND d.closed_as = 'withdrawn' THEN 1 ELSE 0 END \
             FROM deviations d WHERE d.tenant = o.tenant AND d.case_id = o.case_id AND d.rule = o.rule \
             AND d.start = o.start ORDER BY d.number DESC LIMIT 1), 0) AS withdrawn \
         FROM obligations o WHERE o.tenant = ",
    );
    insert.push_bind(tenant).push(" AND o.case_id IN ").push_list(cases.iter().cloned());
    insert.push(
        ") s GROUP BY s.tenant, s.rule, s.due_on, s.unit, s.protected \
         ON CONFLICT (tenant, rule, due_on, unit, protected) DO UPDATE SET \
         in_time = purged_due.in_time + excluded.in_time, late = purged_due.late + excluded.late, \
         last_start = CASE WHEN excluded.last_start > purged_due.last_start THEN excluded.last_start \
             ELSE purged_due.last_start END",
    );
    insert.build().execute(write).await?;
    Ok(())
}
