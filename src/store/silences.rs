//! Silences: begun and ended by people, each with author and reason in the audit trail.
//!
//! A change has the cases that it concerns planned again: of a case silence that case, else all of the municipality.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeDelta};
use serde::Serialize;
use sqlx::FromRow;

use super::audit::record;
use super::database::Read;
use super::database::Scope;
use super::planning::plan_again;
use super::sql;
use super::{At, AuditEntry, Day, Store, StoreError, Write};
use crate::calendar::{Instant, civil_date};
use crate::silence::{Covered, Silence, SilenceId};

/// A silence that somebody asks for. What it covers must exist.
#[derive(Clone, Debug)]
pub struct NewSilence<'a> {
    /// The municipality's id.
    pub tenant: &'a str,
    /// Whose or which messages it holds back.
    pub covers: &'a Covered,
    /// Its last day, local.
    pub until: NaiveDate,
    /// Who asks for it.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A silence, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct SilenceRow {
    /// Its number.
    #[serde(rename = "id")]
    pub number: i64,
    /// The municipality's id.
    pub tenant: String,
    /// `case`, `unit`, `rule` or `person`.
    pub covers: String,
    /// The id of what it covers, or the rule's full name.
    pub name: String,
    /// Its last day, local.
    #[serde(rename = "until")]
    #[sqlx(rename = "until_on")]
    pub until: Day,
    /// Who asked for it.
    #[serde(rename = "by")]
    #[sqlx(rename = "author")]
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub made_at: At,
    /// When a person ended it before its time.
    pub ended_at: Option<At>,
    /// Who did.
    pub ended_by: Option<String>,
    /// And why.
    pub end_reason: Option<String>,
    /// `active`, `expired` or `ended`.
    #[sqlx(skip)]
    pub state: &'static str,
}

/// The lock under which numbers are given: no municipality has such an id.
const NUMBERS: &str = "\0silences";

impl Store {
    /// Begins a silence.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn add_silence(&self, wanted: &NewSilence<'_>, now: Instant) -> Result<SilenceId, StoreError> {
        let NewSilence { tenant, covers, until, by, reason } = *wanted;
        let mut write = self.write(Scope::Tenants(&[tenant, NUMBERS])).await?;
        let insert = "INSERT INTO silences (number, tenant, covers, name, until_on, author, reason, made_at) \
                      SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM silences RETURNING number";
        let query = sql::query_scalar(insert).bind(tenant).bind(covers.kind()).bind(covers.name());
        let query = query.bind(Day(until)).bind(by).bind(reason).bind(At::from(now));
        let number: i64 = query.fetch_one(&mut write).await?;
        revisit_covered(&mut write, tenant, covers).await?;
        let subject = format!("silence {number}: {covers} until {until}");
        let entry =
            AuditEntry { tenant, actor: by, action: "silence.add", subject: &subject, reason, ..AuditEntry::default() };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(SilenceId(number))
    }

    /// Ends a silence before its time. `false`: there is none such, or it is over already.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn end_silence(&self, id: SilenceId, by: &str, reason: &str, now: Instant) -> Result<bool, StoreError> {
        let Some(silence) = self.silence(id, now).await?.filter(|silence| silence.state == "active") else {
            return Ok(false);
        };
        let mut write = self.write_in(&silence.tenant).await?;
        let update = "UPDATE silences SET ended_at = $2, ended_by = $3, end_reason = $4 \
                      WHERE number = $1 AND ended_at IS NULL";
        let query = sql::query(update).bind(id.0).bind(At::from(now)).bind(by).bind(reason);
        if query.execute(&mut write).await? != 1 {
            return Ok(false);
        }
        let covers = silence.covered()?;
        revisit_covered(&mut write, &silence.tenant, &covers).await?;
        let subject = format!("silence {id}: {covers}");
        let entry = AuditEntry {
            tenant: &silence.tenant,
            actor: by,
            action: "silence.end",
            subject: &subject,
            reason,
            ..AuditEntry::default()
        };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// One silence, whatever its state at `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn silence(&self, id: SilenceId, now: Instant) -> Result<Option<SilenceRow>, StoreError> {
        let select = "SELECT * FROM silences WHERE number = $1";
        let rows = sql::query_as(select).bind(id.0).fetch_all(&self.readers).await?;
        Ok(self.with_states(rows, now).await?.pop())
    }

    /// The silences that hold messages back at `now`, or all there ever were; by municipality and last day.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_silences(
        &self,
        tenant: Option<&str>,
        all: bool,
        now: Instant,
    ) -> Result<Vec<SilenceRow>, StoreError> {
        let select = "SELECT * FROM silences ORDER BY tenant, until_on, number";
        let rows = sql::query_as(select).fetch_all(&self.readers).await?;
        let mut rows = self.with_states(rows, now).await?;
        rows.retain(|row| tenant.is_none_or(|tenant| tenant == row.tenant) && (all || row.state == "active"));
        Ok(rows)
    }

    /// The silences of a municipality as they stood at `now`, also where that is past: those made by then, and not
    /// ended before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn silences_at(&self, tenant: &str, now: Instant) -> Result<Vec<Silence>, StoreError> {
        let mut rows = self.list_silences(Some(tenant), true, now).await?;
        let at = At::from(now);
        rows.retain(|row| row.made_at <= at && row.ended_at.is_none_or(|ended| ended > at));
        rows.iter().map(SilenceRow::silence).collect()
    }

    async fn with_states(&self, mut rows: Vec<SilenceRow>, now: Instant) -> Result<Vec<SilenceRow>, StoreError> {
        let zones = self.zones().await?;
        for row in &mut rows {
            let zone = zones.get(&row.tenant).copied().unwrap_or(chrono_tz::Europe::Oslo);
            row.state = match row.ended_at {
                Some(_) => "ended",
                None if row.until.0 < civil_date(zone, now) => "expired",
                None => "active",
            };
        }
        Ok(rows)
    }
}

impl SilenceRow {
    fn covered(&self) -> Result<Covered, StoreError> {
        Covered::parse(&self.covers, &self.name).ok_or_else(|| StoreError::Unreadable {
            table: "silences",
            row: self.number.to_string(),
            reason: "it covers nothing that this program knows".to_owned(),
        })
    }

    fn silence(&self) -> Result<Silence, StoreError> {
        Ok(Silence { id: SilenceId(self.number), covers: self.covered()?, until: self.until.0 })
    }
}

/// The silences that nobody has ended and that last until `now` or longer, by municipality.
pub(super) async fn current(read: &mut Read, now: Instant) -> Result<HashMap<String, Vec<Silence>>, StoreError> {
    // A day more than any time zone is behind UTC; the engine looks at the local day.
    let since = (now - TimeDelta::days(1)).date_naive();
    let select = "SELECT * FROM silences WHERE ended_at IS NULL AND until_on >= $1 ORDER BY tenant, number";
    let rows: Vec<SilenceRow> = sql::query_as(select).bind(Day(since)).fetch_all(read).await?;
    let mut silences: HashMap<String, Vec<Silence>> = HashMap::new();
    for row in rows {
        silences.entry(row.tenant.clone()).or_default().push(row.silence()?);
    }
    Ok(silences)
}

/// Has the cases that a silence concerns planned again. A case's version grows too: what was planned or composed before
/// the silence is neither written nor handed over.
async fn revisit_covered(write: &mut Write, tenant: &str, covers: &Covered) -> Result<(), StoreError> {
    let changes = "UPDATE tenants SET silence_changes = silence_changes + 1 WHERE id = $1";
    sql::query(changes).bind(tenant).execute(&mut *write).await?;
    let Covered::Case(case) = covers else {
        let all = "UPDATE tenants SET generation = generation + 1 WHERE id = $1";
        sql::query(all).bind(tenant).execute(&mut *write).await?;
        return Ok(());
    };
    plan_again(write, tenant, case).await
}
