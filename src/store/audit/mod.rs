//! The audit trail: who changed what, when and why; and the access log: who looked at what. Rows are only ever added.
//!
//! ```text
//!  digest(n) = SHA-256( salt · to what · why · details )
//!  hash(n)   = SHA-256( hash(n-1) · municipality · n · time · id · who · by which way · what · digest(n) )
//! ```
//!
//! Each municipality has a chain of its own in either, and `''` one for what concerns all. An entry is added under the chain's
//! lock, so it never forks; that two entries have one place is refused by an index, too. Whoever changes, removes or
//! slips in an entry makes all that follow wrong. Whoever rewrites everything, or cuts off the end, does not: against that, the
//! daemon keeps where each chain of the trail ended in a folder of its own (`kept`), and somebody outside may keep a place and its
//! hash, as `audit verify` prints them. Entries about deviations are what their rows say, too (`decided`).
//!
//! Retention takes the words of an entry out and leaves its digest, so the chain still fits; without the salt, nobody can try out
//! which words they were. An entry in the trail says which words went: any other that has none is wrong.

mod access;
mod chain;
mod decided;
mod kept;

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::sql;
use super::{At, ROWS, Store, StoreError, Write};
use crate::calendar::Instant;

pub use chain::{ChainEnd, Verified, Wrong};
pub use decided::{Contradiction, VerifiedDecisions};

pub(super) use access::lock;
pub(super) use chain::{PURGED, Redacted, chain_older};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trail {
    /// What people did.
    Audit,
    /// What people looked at.
    Access,
}

impl Trail {
    /// What an [`AuditRow`] is read from.
    fn entries(self) -> &'static str {
        match self {
            Self::Audit => {
                "SELECT number, id, at, tenant, actor, via, action, subject, reason, details, hash, salt, digest, redacted \
                 FROM audit WHERE 1 = 1"
            }
            Self::Access => {
                "SELECT number, id, at, tenant, actor, via, action, subject, reason, details, hash, salt, digest, redacted \
                 FROM access_log WHERE 1 = 1"
            }
        }
    }

    fn last(self) -> &'static str {
        match self {
            Self::Audit => {
                "SELECT number, hash FROM audit WHERE tenant = $1 AND number > 0 ORDER BY number DESC LIMIT 1"
            }
            Self::Access => "SELECT number, hash FROM access_log WHERE tenant = $1 ORDER BY number DESC LIMIT 1",
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Self::Audit => {
                "INSERT INTO audit (id, at, tenant, actor, action, subject, reason, number, via, details, hash, salt, digest) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            }
            Self::Access => {
                "INSERT INTO access_log (id, at, tenant, actor, action, subject, reason, number, via, details, hash, salt, \
                 digest, redacted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)"
            }
        }
    }

    /// Takes the words of an entry out.
    pub(super) fn redact(self) -> &'static str {
        match self {
            Self::Audit => {
                "UPDATE audit SET subject = '', reason = '', details = '', salt = '', redacted = 1 \
                 WHERE tenant = $1 AND number = $2 AND digest <> ''"
            }
            Self::Access => {
                "UPDATE access_log SET subject = '', reason = '', details = '', salt = '', redacted = 1 \
                 WHERE tenant = $1 AND number = $2"
            }
        }
    }
}

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
    /// Random, so that nobody who has the digest alone can try out what it was made of.
    pub salt: String,
    /// Of what it was done to, why, and the details; empty in entries of an older program.
    pub digest: String,
    /// 1 where these words were taken out by retention.
    pub redacted: i64,
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

impl AuditFilter {
    fn query(&self, trail: Trail) -> sql::Builder {
        let mut query = sql::Builder::new(trail.entries());
        if let Some(tenant) = &self.tenant {
            query.push(" AND tenant = ").push_bind(tenant);
        }
        if let Some(from) = self.from {
            query.push(" AND at >= ").push_bind(At::from(from));
        }
        if let Some(until) = self.until {
            query.push(" AND at < ").push_bind(At::from(until));
        }
        query
    }
}

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

    /// Some of the entries after one of them, from the first without one, by municipality and place; `limit` is not asked about.
    /// None: there are no more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_after(
        &self,
        filter: &AuditFilter,
        last: Option<&AuditRow>,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = filter.query(Trail::Audit);
        if let Some(last) = last {
            query.push(" AND (tenant, number, id) > (").push_bind(&last.tenant).push(", ").push_bind(last.number);
            query.push(", ").push_bind(&last.id).push(")");
        }
        query.push(" ORDER BY tenant, number, id LIMIT ").push_bind(i64::try_from(ROWS).unwrap_or(i64::MAX));
        Ok(query.build_query_as().fetch_all(&self.readers).await?)
    }

    /// Entries, by municipality and place, the oldest first. Without a `limit` all of them are in memory.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.list_trail(Trail::Audit, filter).await
    }

    async fn list_trail(&self, trail: Trail, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = filter.query(trail);
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
            let mut query = sql::Builder::new(Trail::Audit.entries());
            query.push(" AND tenant = ").push_bind(tenant).push(" AND number = ").push_bind(*number);
            let entry: Option<AuditRow> = query.build_query_as().fetch_optional(&self.readers).await?;
            entries.extend(entry);
        }
        Ok(entries)
    }
}

/// Adds an entry in the transaction of what it speaks of, which has the municipality to itself. Its place in the chain.
pub(super) async fn record(write: &mut Write, entry: AuditEntry<'_>, now: Instant) -> Result<i64, StoreError> {
    add(write, Trail::Audit, entry, now).await
}

async fn add(write: &mut Write, trail: Trail, entry: AuditEntry<'_>, now: Instant) -> Result<i64, StoreError> {
    let last = sql::query_as(trail.last()).bind(entry.tenant).fetch_optional(&mut *write).await?;
    let (number, before): (i64, String) = last.unwrap_or_default();
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
        salt: Uuid::new_v4().simple().to_string(),
        digest: String::new(),
        redacted: 0,
    };
    row.digest = row.digest_of_words();
    row.hash = row.hash_after(&before);
    let query = sql::query(trail.insert()).bind(&row.id).bind(row.at).bind(&row.tenant).bind(&row.actor);
    let query = query.bind(&row.action).bind(&row.subject).bind(&row.reason).bind(row.number).bind(&row.via);
    let query = query.bind(&row.details).bind(&row.hash).bind(&row.salt).bind(&row.digest);
    query.execute(&mut *write).await?;
    Ok(row.number)
}
