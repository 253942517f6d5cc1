//! What the daily reconciliation reads and leaves.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::database::Scope;
use super::sql;
use super::{At, Store, StoreError, StoredCase, StoredOrganisation};
use crate::calendar::Instant;
use crate::rules::RuleSet;

/// What a reconciliation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The round after which it was made.
    pub round: NaiveDate,
    /// Ladder steps that should have been told and were not.
    pub untold: usize,
    /// Messages that are called sent and that nothing proves.
    pub unproven: usize,
}

/// A message that is called sent.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SentRow {
    /// Its id.
    pub id: String,
    /// When it was sent.
    pub at: At,
    /// 1 where an attempt with which it was accepted is recorded.
    pub has_attempt: i64,
}

/// Some of a municipality's cases.
#[derive(Debug)]
pub struct CasePage {
    /// Those that can be read.
    pub read: Vec<StoredCase>,
    /// The last id of the page; `None`: there are no more.
    pub last: Option<String>,
}

impl Store {
    /// Up to `limit` cases after an id, in the order of their ids.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cases_after(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        after: &str,
        limit: u32,
    ) -> Result<CasePage, StoreError> {
        let select = "SELECT id FROM cases WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
        let query = sql::query_scalar(select).bind(&*of.organisation.tenant.id).bind(after).bind(i64::from(limit));
        let ids: Vec<String> = query.fetch_all(&self.readers).await?;
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let read = self.cases(of, rules, &names).await?.into_values().collect();
        Ok(CasePage { read, last: ids.last().cloned() })
    }

    /// Messages of a municipality that were sent since an instant.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sent_since(&self, tenant: &str, since: Instant) -> Result<Vec<SentRow>, StoreError> {
        let select = "SELECT m.id AS id, m.ended_at AS at, CAST(CASE WHEN EXISTS \
                      (SELECT 1 FROM attempts a WHERE a.message = m.id AND a.phase = 'accepted') THEN 1 ELSE 0 END AS BIGINT) AS has_attempt \
                      FROM messages m WHERE m.state = 'sent' AND m.tenant = $1 AND m.ended_at >= $2 ORDER BY m.id";
        Ok(sql::query_as(select).bind(tenant).bind(At::from(since)).fetch_all(&self.readers).await?)
    }

    /// What the last reconciliation of a municipality found, if there was one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reconciled(&self, tenant: &str) -> Result<Option<Reconciled>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = $1";
        let text: Option<String> = sql::query_scalar(select).bind(name(tenant)).fetch_optional(&self.readers).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// What the last reconciliations found, by municipality.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reconciliations(&self) -> Result<Vec<(String, Reconciled)>, StoreError> {
        let select = "SELECT name, value FROM settings WHERE name LIKE 'reconciled:%' ORDER BY name";
        let rows: Vec<(String, String)> = sql::query_as(select).fetch_all(&self.readers).await?;
        let parsed = rows.into_iter().filter_map(|(name, text)| {
            Some((name.strip_prefix(PREFIX)?.to_owned(), serde_json::from_str(&text).ok()?))
        });
        Ok(parsed.collect())
    }

    /// Remembers what a reconciliation found.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_reconciled(&self, tenant: &str, found: &Reconciled) -> Result<(), StoreError> {
        let upsert = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let mut write = self.write(Scope::Rows).await?;
        // Dates and numbers alone: there is nothing in it that could fail.
        let text = serde_json::to_string(found).unwrap_or_default();
        sql::query(upsert).bind(name(tenant)).bind(text).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}

/// How the names of these settings begin.
const PREFIX: &str = "reconciled:";

fn name(tenant: &str) -> String {
    format!("{PREFIX}{tenant}")
}
