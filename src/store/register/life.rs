//! How deviations stand, and what happened to them.

use std::collections::HashMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;

use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::obligation::Closing;
use crate::register::{DeviationName, Happening, Standing};

/// A deviation as the store has it, with what a change of it has to know.
#[derive(Clone, Debug, FromRow)]
pub(in super::super) struct StoredRow {
    pub(in super::super) tenant: String,
    pub(in super::super) case_id: String,
    pub(in super::super) rule: String,
    pub(in super::super) start: String,
    pub(in super::super) number: i64,
    pub(in super::super) unit: Option<String>,
    pub(in super::super) due_on: Day,
    pub(in super::super) late_until: Option<Day>,
    facts_closed_at: Option<At>,
    facts_closed_as: Option<String>,
    explained_at: Option<At>,
    withdrawn_at: Option<At>,
    pub(in super::super) closed_as: Option<String>,
}

/// What a [`StoredRow`] is read from.
pub(super) const STORED: &str = "SELECT tenant, case_id, rule, start, number, unit, due_on, late_until, facts_closed_at, \
     facts_closed_as, explained_at, withdrawn_at, closed_as FROM deviations WHERE ";

/// Deviations of some cases, by case, rule, start and number.
pub(in super::super) type Stored = HashMap<(String, String, String, i64), StoredRow>;

/// Something that happened to a deviation, before it is written.
#[derive(Clone, Debug)]
pub(in super::super) struct Change {
    pub(in super::super) case: String,
    pub(in super::super) rule: String,
    pub(in super::super) start: String,
    pub(in super::super) lapse: i64,
    pub(in super::super) happening: Happening,
    pub(in super::super) at: Instant,
    /// How it stands afterwards.
    pub(in super::super) closed_as: Option<Closing>,
    pub(in super::super) unit: Option<String>,
    pub(in super::super) due_on: NaiveDate,
    pub(in super::super) days_late: i64,
    pub(in super::super) cause_code: Option<String>,
    /// Who did it, with the number of their entry in the audit trail; `None`: it follows from facts.
    pub(in super::super) author: Option<(String, i64)>,
    /// Whether anybody outside wants to know: how it stands is another than before.
    pub(in super::super) is_news: bool,
}

/// Something that happened to a deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, FromRow)]
pub struct DeviationEventRow {
    /// Its place among everything that happened to the deviations of one obligation, from 1.
    pub number: i64,
    /// `opened`, `met_late`, `explained`, `withdrawn` or `reopened`.
    pub kind: String,
    /// When it happened: of what follows from facts, since when it was so.
    pub at: At,
    /// When the register learned of it.
    pub made_at: At,
    /// How the deviation stood afterwards; none: open.
    pub closed_as: Option<String>,
    /// The due date at that time.
    pub due_on: Day,
    /// Calendar days late at that time.
    pub days_late: i64,
    /// The cause that was given.
    pub cause_code: Option<String>,
    /// Who did it; none where it follows from facts.
    pub author: Option<String>,
    /// The number of their entry in the municipality's audit trail.
    pub entry: Option<i64>,
}

impl StoredRow {
    /// How it stands. A word that somebody else wrote there counts as none: the next plan writes it anew.
    pub(in super::super) fn standing(&self) -> Standing {
        let closing = self.facts_closed_as.as_deref().and_then(Closing::parse);
        let facts = self.facts_closed_at.map(At::instant).zip(closing);
        let withdrawn = self.withdrawn_at.map(|at| (at.instant(), Closing::Withdrawn));
        let explained = self.explained_at.map(|at| (at.instant(), Closing::Explained));
        Standing { facts, decision: withdrawn.or(explained) }
    }

    /// Calendar days late (§ 10), asked on a civil day, if it stands like this.
    pub(in super::super) fn days_late(&self, closed_as: Option<Closing>, today: NaiveDate) -> i64 {
        match (closed_as, self.late_until) {
            (Some(Closing::Withdrawn), _) => 0,
            (_, until) => (until.map_or(today, |day| day.0) - self.due_on.0).num_days(),
        }
    }
}

impl<'a> From<&'a StoredRow> for DeviationName<'a> {
    fn from(row: &'a StoredRow) -> Self {
        Self { tenant: &row.tenant, case: &row.case_id, rule: &row.rule, start: &row.start, number: row.number }
    }
}

/// The deviations of these cases.
pub(in super::super) async fn stored(
    write: &mut Write,
    tenant: &str,
    cases: impl Iterator<Item = String>,
) -> Result<Stored, StoreError> {
    let mut select = Builder::new(STORED);
    select.push("tenant = ").push_bind(tenant.to_owned()).push(" AND case_id IN ");
    select.push_list(cases);
    // One that cannot be read is written anew by the plan.
    let rows: Vec<StoredRow> = sql::readable("deviations", &select.build().fetch_rows(write).await?);
    let key = |row: &StoredRow| (row.case_id.clone(), row.rule.clone(), row.start.clone(), row.number);
    Ok(rows.into_iter().map(|row| (key(&row), row)).collect())
}

/// Writes down what happened, in this order.
pub(in super::super) async fn add(
    write: &mut Write,
    tenant: &str,
    changes: Vec<Change>,
    now: Instant,
) -> Result<(), StoreError> {
    let mut last = last_numbers(write, tenant, &changes).await?;
    let mut rows = Vec::with_capacity(changes.len());
    for change in changes {
        let number = last.entry((change.case.clone(), change.rule.clone(), change.start.clone())).or_default();
        *number += 1;
        rows.push((*number, change));
    }
    for chunk in rows.chunks(ROWS) {
        let mut insert = Builder::new(
            "INSERT INTO deviation_events (tenant, case_id, rule, start, number, lapse, kind, at, made_at, closed_as, \
             unit, due_on, days_late, cause_code, author, entry, told) ",
        );
        insert.push_values(chunk, |row, (number, change)| {
            row.push_bind(tenant).push_bind(&*change.case).push_bind(&*change.rule).push_bind(&*change.start);
            row.push_bind(*number).push_bind(change.lapse).push_bind(change.happening.word());
            row.push_bind(At::from(change.at)).push_bind(At::from(now));
            row.push_bind(change.closed_as.map(Closing::word)).push_bind(change.unit.clone());
            row.push_bind(Day(change.due_on)).push_bind(change.days_late).push_bind(change.cause_code.clone());
            row.push_bind(change.author.as_ref().map(|(author, _)| author.clone()));
            row.push_bind(change.author.as_ref().map(|(_, entry)| *entry));
            row.push_bind(i64::from(!change.is_news));
        });
        insert.build().execute(&mut *write).await?;
    }
    Ok(())
}

/// How many things happened before to the obligations that these changes are about.
async fn last_numbers(
    write: &mut Write,
    tenant: &str,
    changes: &[Change],
) -> Result<HashMap<(String, String, String), i64>, StoreError> {
    let mut cases: Vec<String> = changes.iter().map(|change| change.case.clone()).collect();
    cases.sort_unstable();
    cases.dedup();
    let mut last = HashMap::new();
    for chunk in cases.chunks(ROWS) {
        let mut select = Builder::new("SELECT case_id, rule, start, max(number) FROM deviation_events WHERE tenant = ");
        select.push_bind(tenant.to_owned()).push(" AND case_id IN ");
        select.push_list(chunk.iter().cloned());
        select.push(" GROUP BY case_id, rule, start");
        let rows: Vec<(String, String, String, i64)> = select.build_query_as().fetch_all(&mut *write).await?;
        last.extend(rows.into_iter().map(|(case, rule, start, number)| ((case, rule, start), number)));
    }
    Ok(last)
}

/// Withdraws the open deviations of a case of which nothing is known any more. What closed before stays as it closed.
pub(in super::super) async fn withdraw_absent(
    write: &mut Write,
    tenant: &str,
    case: &str,
    now: Instant,
) -> Result<(), StoreError> {
    let open = stored(write, tenant, std::iter::once(case.to_owned())).await?;
    let mut open: Vec<StoredRow> = open.into_values().filter(|row| row.closed_as.is_none()).collect();
    open.sort_by(|a, b| (&a.rule, &a.start, a.number).cmp(&(&b.rule, &b.start, b.number)));
    let mut changes = Vec::with_capacity(open.len());
    for row in &open {
        changes.extend(row.withdraw_gone(write, now).await?);
    }
    add(write, tenant, changes, now).await
}

impl StoredRow {
    /// Withdraws it because its obligation is gone; what happened by that, if anything did.
    pub(in super::super) async fn withdraw_gone(
        &self,
        write: &mut Write,
        now: Instant,
    ) -> Result<Option<Change>, StoreError> {
        let before = self.standing();
        let after = Standing { facts: Some((now, Closing::Withdrawn)), ..before };
        let Some(happening) = before.changed_by_facts(after) else { return Ok(None) };
        let closed = after.closed();
        let update = "UPDATE deviations SET facts_closed_at = $6, facts_closed_as = $7, facts_reason = 'gone', \
                      closed_at = $8, closed_as = $9, late_until = NULL \
                      WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 AND number = $5";
        let query = sql::query(update).bind(&self.tenant).bind(&self.case_id).bind(&self.rule).bind(&self.start);
        let query = query.bind(self.number).bind(At::from(now)).bind(Closing::Withdrawn.word());
        let query = query.bind(closed.map(|(at, _)| At::from(at))).bind(closed.map(|(_, how)| how.word()));
        query.execute(write).await?;
        Ok(Some(self.change(happening, before, after, now, now.date_naive())))
    }

    /// What happened to it, seen on a civil day.
    pub(in super::super) fn change(
        &self,
        happening: Happening,
        before: Standing,
        after: Standing,
        at: Instant,
        today: NaiveDate,
    ) -> Change {
        let how = |standing: Standing| standing.closed().map(|(_, how)| how);
        Change {
            case: self.case_id.clone(),
            rule: self.rule.clone(),
            start: self.start.clone(),
            lapse: self.number,
            happening,
            at,
            closed_as: how(after),
            unit: self.unit.clone(),
            due_on: self.due_on.0,
            days_late: self.days_late(how(after), today),
            cause_code: None,
            author: None,
            is_news: happening == Happening::Opened || how(before) != how(after),
        }
    }
}

impl Store {
    /// Everything that happened to a deviation, in order.
    ///
    /// # Errors
    /// What the database says.
    pub async fn deviation_events(&self, name: DeviationName<'_>) -> Result<Vec<DeviationEventRow>, StoreError> {
        let select = "SELECT number, kind, at, made_at, closed_as, due_on, days_late, cause_code, author, entry \
                      FROM deviation_events WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 \
                      AND lapse = $5 ORDER BY number";
        let query = sql::query_as(select).bind(name.tenant).bind(name.case).bind(name.rule).bind(name.start);
        Ok(query.bind(name.number).fetch_all(&self.readers).await?)
    }
}
