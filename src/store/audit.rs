//! The audit trail: who changed what, when and why. Rows are only ever added.

use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::database::Scope;
use super::sql;
use super::{At, Store, StoreError, Write};
use crate::calendar::Instant;

/// Something a person did.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// The municipality's id; empty where it concerns all.
    pub tenant: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// What they did, such as `deviation.explain`.
    pub action: &'a str,
    /// What they did it to: a key made of ids.
    pub subject: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// An entry as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct AuditRow {
    /// Its id, growing with time.
    pub id: String,
    /// When it was written.
    pub at: At,
    /// The municipality's id; empty where it concerns all.
    pub tenant: String,
    /// Who did it.
    pub actor: String,
    /// What they did.
    pub action: String,
    /// What they did it to.
    pub subject: String,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Adds an entry.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit(&self, entry: AuditEntry<'_>, now: Instant) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(())
    }

    /// The entries of a municipality, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn audit_trail(&self, tenant: &str) -> Result<Vec<AuditRow>, StoreError> {
        let select = "SELECT id, at, tenant, actor, action, subject, reason FROM audit \
                      WHERE tenant = $1 ORDER BY at, id";
        Ok(sql::query_as(select).bind(tenant).fetch_all(&self.readers).await?)
    }
}

/// Adds an entry in the transaction of what it speaks of.
pub(super) async fn record(write: &mut Write, entry: AuditEntry<'_>, now: Instant) -> Result<(), StoreError> {
    let insert = "INSERT INTO audit (id, at, tenant, actor, action, subject, reason) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let query = sql::query(insert).bind(Uuid::now_v7().to_string()).bind(At::from(now)).bind(entry.tenant);
    let query = query.bind(entry.actor).bind(entry.action).bind(entry.subject).bind(entry.reason);
    query.execute(&mut *write).await?;
    Ok(())
}
