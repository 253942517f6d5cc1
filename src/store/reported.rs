//! What reports are made from: the register and the obligations of one moment, page by page.

use std::collections::HashMap;

use sqlx::FromRow;

use super::database::Read;
use super::lists::DEVIATIONS;
use super::retention::PURGED_DEVIATIONS;
use super::sql::Builder;
use super::{At, Day, DeviationRow, Place, ROWS, Store, StoreError, StoredDocument};
use crate::calendar::Instant;

/// The database as of one moment. It stands still for whoever reads with it, so do not keep it longer than it is read.
pub struct Snapshot(Read);

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot")
    }
}

/// Whose rows a report is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sieve<'a> {
    /// The municipality's id.
    pub tenant: &'a str,
    /// Only of this rule, by its full name.
    pub rule: Option<&'a str>,
    /// Whether cases that are protected are among it.
    pub protected: bool,
}

/// Whether a deviation's case is protected. Of a case that is gone, what was known last counts.
const PROTECTED: &str = "coalesce((SELECT coalesce(a.protected, 1) FROM agenda a WHERE a.tenant = d.tenant \
     AND a.case_id = d.case_id), d.protected)";

/// A page of the register.
#[derive(Clone, Debug, Default)]
pub struct RegisterPage {
    /// The deviations, by case, rule, start and number.
    pub rows: Vec<DeviationRow>,
    /// How many rows of the page cannot be read.
    pub unreadable: u64,
    /// Where the next page goes on; none: this is the last one.
    pub next: Option<Place>,
}

/// How many obligations of a unit and rule were due on a day, whose time has passed.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DueGroup {
    /// The unit that their cases have.
    pub unit: Option<String>,
    /// The rule's full name.
    pub rule: String,
    /// The day.
    pub due_on: Day,
    /// Those that were met on or before it.
    pub in_time: i64,
    /// Those that were not.
    pub late: i64,
}

impl Store {
    /// The database as of now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot(self.readers.begin().await?))
    }
}

impl Snapshot {
    /// For whoever reads something else of the same moment.
    pub(super) fn read(&mut self) -> &mut Read {
        &mut self.0
    }

    /// A page of the deviations that were open at any time from `from` on and opened before `until`: those after a
    /// place, from the first without one; about 500 at a time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn register(
        &mut self,
        sieve: Sieve<'_>,
        (from, until): (Instant, Instant),
        after: Option<&Place>,
    ) -> Result<RegisterPage, StoreError> {
        let mut query = Builder::new(DEVIATIONS);
        // The sign keeps an index by time away: pages are in the order of the primary key.
        query
            .push(" WHERE d.tenant = ")
            .push_bind(sieve.tenant)
            .push(" AND +d.opened_at < ")
            .push_bind(At::from(until));
        query.push(" AND (d.closed_at IS NULL OR d.closed_at >= ").push_bind(At::from(from)).push(")");
        if let Some(rule) = sieve.rule {
            query.push(" AND d.rule = ").push_bind(rule);
        }
        if !sieve.protected {
            query.push(" AND ").push(PROTECTED).push(" = 0");
        }
        if let Some(place) = after {
            query.push(" AND (d.case_id, d.rule, d.start, d.number) > (").push_bind(&place.case);
            query.push(", ").push_bind(&place.rule).push(", ").push_bind(&place.start);
            query.push(", ").push_bind(place.number).push(")");
        }
        query.push(" ORDER BY d.case_id, d.rule, d.start, d.number LIMIT 500");
        let found = query.build().fetch_rows(&mut self.0).await?;
        let mut page = RegisterPage::default();
        if let Some(last) = found.last().filter(|_| found.len() == ROWS) {
            page.next = Some(Place {
                tenant: sieve.tenant.to_owned(),
                case: last.try_get("case_id")?,
                rule: last.try_get("rule")?,
                start: last.try_get("start")?,
                number: last.try_get("number")?,
            });
        }
        for row in &found {
            match row.decode::<DeviationRow>() {
                Ok(row) => page.rows.push(row),
                // A row that a person broke stops no report.
                Err(_) => page.unreadable += 1,
            }
        }
        Ok(page)
    }

    /// What is kept of purged deviations, as [`Snapshot::register`] gives the others: those after an id, about 500 at a time. They
    /// have no case.
    ///
    /// # Errors
    /// What the database says.
    pub async fn purged_register(
        &mut self,
        sieve: Sieve<'_>,
        (from, until): (Instant, Instant),
        after: &str,
    ) -> Result<Vec<DeviationRow>, StoreError> {
        let mut query = Builder::new(PURGED_DEVIATIONS);
        query.push(" WHERE d.tenant = ").push_bind(sieve.tenant).push(" AND d.opened_at < ").push_bind(At::from(until));
        query.push(" AND d.closed_at >= ").push_bind(At::from(from)).push(" AND d.id > ").push_bind(after);
        if let Some(rule) = sieve.rule {
            query.push(" AND d.rule = ").push_bind(rule);
        }
        if !sieve.protected {
            query.push(" AND d.protected = 0");
        }
        query.push(" ORDER BY d.id LIMIT 500");
        Ok(query.build_query_as().fetch_all(&mut self.0).await?)
    }

    /// How many deviations of protected cases were open at any time from `from` on and opened before `until`, each unit and
    /// rule.
    ///
    /// # Errors
    /// What the database says.
    pub async fn protected(
        &mut self,
        sieve: Sieve<'_>,
        (from, until): (Instant, Instant),
    ) -> Result<Vec<(Option<String>, String, i64)>, StoreError> {
        let mut query = Builder::new("SELECT d.unit, d.rule, count(*) FROM deviations d WHERE d.tenant = ");
        query.push_bind(sieve.tenant).push(" AND d.opened_at < ").push_bind(At::from(until));
        query.push(" AND (d.closed_at IS NULL OR d.closed_at >= ").push_bind(At::from(from)).push(")");
        if let Some(rule) = sieve.rule {
            query.push(" AND d.rule = ").push_bind(rule);
        }
        query.push(" AND ").push(PROTECTED).push(" <> 0 GROUP BY d.unit, d.rule ORDER BY d.unit, d.rule");
        Ok(query.build_query_as().fetch_all(&mut self.0).await?)
    }

    /// The obligations that were due from the first to the last of these days and by `now`, in groups, by day. Those
    /// that are void, paused or not yet due are none of them, nor those whose lapse a person withdrew.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due(
        &mut self,
        sieve: Sieve<'_>,
        (first, last): (Day, Day),
        now: Instant,
    ) -> Result<Vec<DueGroup>, StoreError> {
        let mut query = Builder::new(
            "SELECT unit, rule, due_on, CAST(sum(in_time) AS BIGINT) AS in_time, CAST(sum(late) AS BIGINT) AS late FROM (\
             SELECT o.unit AS unit, o.rule AS rule, o.due_on AS due_on, \
             CASE WHEN o.status = 'met' THEN 1 ELSE 0 END AS in_time, \
             CASE WHEN o.status = 'met' THEN 0 ELSE 1 END AS late \
             FROM obligations o WHERE o.tenant = ",
        );
        query.push_bind(sieve.tenant).push(" AND o.due_on >= ").push_bind(first);
        query.push(" AND o.due_on <= ").push_bind(last).push(" AND o.due_at <= ").push_bind(At::from(now));
        query.push(" AND o.status IN ('met', 'met_late', 'missed', 'running', 'waiting')");
        if let Some(rule) = sieve.rule {
            query.push(" AND o.rule = ").push_bind(rule);
        }
        if !sieve.protected {
            query.push(
                " AND EXISTS (SELECT 1 FROM agenda a WHERE a.tenant = o.tenant AND a.case_id = o.case_id \
                 AND a.protected = 0)",
            );
        }
        query.push(
            " AND (o.status = 'met' OR coalesce((SELECT CASE WHEN d.withdrawn_at IS NULL THEN '' ELSE d.closed_as END \
             FROM deviations d WHERE d.tenant = o.tenant AND d.case_id = o.case_id AND d.rule = o.rule \
             AND d.start = o.start ORDER BY d.number DESC LIMIT 1), '') <> 'withdrawn') \
             UNION ALL SELECT nullif(p.unit, '') AS unit, p.rule AS rule, p.due_on AS due_on, p.in_time AS in_time, \
             p.late AS late FROM purged_due p WHERE p.in_time + p.late > 0 AND p.tenant = ",
        );
        query.push_bind(sieve.tenant).push(" AND p.due_on >= ").push_bind(first);
        query.push(" AND p.due_on <= ").push_bind(last);
        if let Some(rule) = sieve.rule {
            query.push(" AND p.rule = ").push_bind(rule);
        }
        if !sieve.protected {
            query.push(" AND p.protected = 0");
        }
        query.push(") due GROUP BY unit, rule, due_on ORDER BY due_on, rule, unit");
        Ok(query.build_query_as().fetch_all(&mut self.0).await?)
    }

    /// The facts of these cases, by id. Those that are gone are left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents(
        &mut self,
        tenant: &str,
        cases: &[&str],
    ) -> Result<HashMap<String, StoredDocument>, StoreError> {
        let mut found = HashMap::with_capacity(cases.len());
        for chunk in cases.chunks(ROWS) {
            let mut query = Builder::new("SELECT id, document FROM cases WHERE tenant = ");
            query.push_bind(tenant).push(" AND id IN ").push_list(chunk.iter().map(|id| (*id).to_owned()));
            let rows: Vec<StoredDocument> = query.build_query_as().fetch_all(&mut self.0).await?;
            found.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
        }
        Ok(found)
    }
}
