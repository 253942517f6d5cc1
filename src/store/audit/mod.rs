//! The audit trail: who changed what, when and why. Rows are only ever added.
//!
//! ```text
//!  hash(n) = SHA-256( hash(n-1) · municipality · n · time · id · who · by which way · what · to what · why · details )
//! ```
//!
//! Each municipality has a chain of its own, and `''` one for what concerns all. An entry is added under the municipality's
//! lock, so the chain never forks; that two entries have one place is refused by an index, too. Whoever changes, removes or
//! slips in an entry makes all that follow wrong. Whoever rewrites everything does not: against that, somebody outside
//! keeps a place and its hash, as `audit verify` prints them.

mod chain;

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;
use super::{At, Store, StoreError, Write};
use crate::calendar::Instant;

pub use chain::{ChainEnd, Verified, Wrong};

pub(super) use chain::chain_older;

/// Something a person did.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditEntry<'a> {
    /// The municipality's id; empty where it concerns all.
    pub tenant: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// By which way it came, where that is not this machine's command line: `token:NAME`.
    pub via: &'a str,
    /// What they did, such as `deviation.explain`.
    pub action: &'a str,
    /// What they did it to: a key made of ids.
    pub subject: &'a str,
    /// Why.
    pub reason: &'a str,
    /// What was decided beside that, as a JSON object; empty where nothing was.
    pub details: &'a str,
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, FromRow)]
pub struct AuditRow {
    /// Its place in the municipality's chain, from 1.
    pub number: i64,
    /// Its id, growing with time.
    pub id: String,
    /// When it was written.
    pub at: At,
    /// The municipality's id; empty where it concerns all.
    pub tenant: String,
    /// Who did it.
    pub actor: String,
    /// By which way it came; empty for a command on this machine.
    pub via: String,
    /// What they did.
    pub action: String,
    /// What they did it to.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// What was decided beside that, as a JSON object.
    pub details: String,
    /// Of this entry and of all before it.
    pub hash: String,
}

/// Which entries to list. What is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this municipality; `''`: of what concerns all.
    pub tenant: Option<String>,
    /// Written from then on.
    pub from: Option<Instant>,
    /// Written before then.
    pub until: Option<Instant>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// What an [`AuditRow`] is read from.
const ENTRIES: &str =
    "SELECT number, id, at, tenant, actor, via, action, subject, reason, details, hash FROM audit WHERE 1 = 1";

impl Store {
    /// Adds an entry.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit(&self, entry: AuditEntry<'_>, now: Instant) -> Result<(), StoreError> {
        let mut write = self.write_in(entry.tenant).await?;
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(())
    }

    /// The entries of a municipality, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_trail(&self, tenant: &str) -> Result<Vec<AuditRow>, StoreError> {
        self.list_audit(&AuditFilter { tenant: Some(tenant.to_owned()), ..AuditFilter::default() }).await
    }

    /// Entries, by municipality and place, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = sql::Builder::new(ENTRIES);
        if let Some(tenant) = &filter.tenant {
            query.push(" AND tenant = ").push_bind(tenant);
        }
        if let Some(from) = filter.from {
            query.push(" AND at >= ").push_bind(At::from(from));
        }
        if let Some(until) = filter.until {
            query.push(" AND at < ").push_bind(At::from(until));
        }
        if let Some(limit) = filter.limit {
            query.push(" ORDER BY at DESC, tenant DESC, number DESC LIMIT ").push_bind(i64::from(limit));
        }
        let mut rows: Vec<AuditRow> = query.build_query_as().fetch_all(&self.readers).await?;
        rows.sort_by(|a, b| (&a.tenant, a.number, &a.id).cmp(&(&b.tenant, b.number, &b.id)));
        Ok(rows)
    }
}

impl Store {
    /// The entries of a municipality with these places in its chain.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_entries(&self, tenant: &str, numbers: &[i64]) -> Result<Vec<AuditRow>, StoreError> {
        let mut entries = vec![];
        for number in numbers {
            let mut query = sql::Builder::new(ENTRIES);
            query.push(" AND tenant = ").push_bind(tenant).push(" AND number = ").push_bind(*number);
            let entry: Option<AuditRow> = query.build_query_as().fetch_optional(&self.readers).await?;
            entries.extend(entry);
        }
        Ok(entries)
    }
}

/// Adds an entry in the transaction of what it speaks of, which has the municipality to itself. Its place in the chain.
pub(super) async fn record(write: &mut Write, entry: AuditEntry<'_>, now: Instant) -> Result<i64, StoreError> {
    let last = "SELECT number, hash FROM audit WHERE tenant = $1 AND number > 0 ORDER BY number DESC LIMIT 1";
    let last: Option<(i64, String)> = sql::query_as(last).bind(entry.tenant).fetch_optional(&mut *write).await?;
    let (number, before) = last.unwrap_or_default();
    let mut row = AuditRow {
        number: number + 1,
        id: Uuid::now_v7().to_string(),
        at: At::from(now),
        tenant: entry.tenant.to_owned(),
        actor: entry.actor.to_owned(),
        via: entry.via.to_owned(),
        action: entry.action.to_owned(),
        subject: entry.subject.to_owned(),
        reason: entry.reason.to_owned(),
        details: entry.details.to_owned(),
        hash: String::new(),
    };
    row.hash = row.hash_after(&before);
    let insert = "INSERT INTO audit (id, at, tenant, actor, action, subject, reason, number, via, details, hash) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let query = sql::query(insert).bind(&row.id).bind(row.at).bind(&row.tenant).bind(&row.actor).bind(&row.action);
    let query = query.bind(&row.subject).bind(&row.reason).bind(row.number).bind(&row.via).bind(&row.details);
    query.bind(&row.hash).execute(&mut *write).await?;
    Ok(row.number)
}
