//! Records that cannot be used: set aside with the reason, stopping nothing else.

use serde::Serialize;
use sqlx::FromRow;

use super::database::Scope;
use super::sql;
use super::{At, Store, StoreError, Write};
use crate::calendar::Instant;

/// A record that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct Quarantined {
    /// The municipality's id.
    pub tenant: String,
    /// What kind of record, and its id: `tenant`, `unit skole-1`, `person p1`, `case S-17`.
    pub record: String,
    /// What is wrong with it; ids only.
    pub reason: String,
    /// When it was first found.
    pub since: At,
}

impl Quarantined {
    /// A record found unusable at `now`.
    #[must_use]
    pub fn new(tenant: &str, record: String, reason: String, now: Instant) -> Self {
        Self { tenant: tenant.to_owned(), record, reason, since: now.into() }
    }
}

impl Store {
    /// Sets records aside. One that already is keeps its `since`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn quarantine(&self, found: &[Quarantined]) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let mut write = self.write(Scope::Rows).await?;
        set_aside(&mut write, found).await?;
        write.commit().await?;
        Ok(())
    }

    /// Everything that is set aside, by tenant and record.
    ///
    /// # Errors
    /// What the database says.
    pub async fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let select = "SELECT tenant, record, reason, since FROM quarantine ORDER BY tenant, record";
        Ok(sql::query_as(select).fetch_all(&self.readers).await?)
    }
}

pub(super) async fn set_aside(write: &mut Write, found: &[Quarantined]) -> Result<(), StoreError> {
    for one in found {
        let upsert = "INSERT INTO quarantine (tenant, record, reason, since) VALUES ($1, $2, $3, $4) \
                      ON CONFLICT (tenant, record) DO UPDATE SET reason = excluded.reason";
        let query = sql::query(upsert).bind(&one.tenant).bind(&one.record).bind(&one.reason).bind(one.since);
        query.execute(&mut *write).await?;
    }
    Ok(())
}
