//! The access log: who looked at which case or person, by which way, when. Ids only.

use super::super::database::Scope;
use super::super::{Store, StoreError};
use super::{AuditEntry, AuditFilter, AuditRow, Trail, Verified, add};
use crate::calendar::Instant;

impl Store {
    /// Writes down that somebody looks at something. It waits for nobody who changes the municipality.
    ///
    /// # Errors
    /// What the database says; then nobody should be shown anything.
    pub async fn note_access(&self, entries: &[AuditEntry<'_>], now: Instant) -> Result<(), StoreError> {
        let locks: Vec<String> = entries.iter().map(|entry| lock(entry.tenant)).collect();
        let locks: Vec<&str> = locks.iter().map(String::as_str).collect();
        let mut write = self.write(Scope::Tenants(&locks)).await?;
        for entry in entries {
            add(&mut write, Trail::Access, *entry, now).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Who looked at what, by municipality, the oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_access(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.list_trail(Trail::Access, filter).await
    }

    /// As [`Store::verify_audit`], of the access log.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify_access(&self, tenant: Option<&str>) -> Result<Verified, StoreError> {
        self.verify_trail(Trail::Access, tenant, &[]).await
    }
}

/// The lock of a municipality's access log: no municipality has such an id.
pub(in super::super) fn lock(tenant: &str) -> String {
    format!("\0access:{tenant}")
}
