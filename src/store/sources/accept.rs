//! A person says that a source is right although it has fewer rows, or columns, than it had.

use serde::Serialize;

use super::super::audit::record;
use super::super::database::Scope;
use super::super::{AuditEntry, Store, StoreError, sql};
use crate::calendar::Instant;

/// What was taken as right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// What the rows are.
    pub r#type: String,
    /// The municipality's id.
    pub tenant: String,
    /// How many rows there were before.
    pub before: i64,
    /// How many there are now, and count as all from here on.
    pub now: i64,
}

impl Store {
    /// Takes the counts that are held as right, and the columns as they will be found: at its next reading the source
    /// removes what it no longer has. The audit trail has who said so, and why.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn accept_source(
        &self,
        source: &str,
        by: &str,
        reason: &str,
        now: Instant,
    ) -> Result<Vec<Accepted>, StoreError> {
        let mut write = self.write(Scope::All).await?;
        let select = "SELECT type, tenant, row_count, held_count FROM source_counts \
                      WHERE source = $1 AND held_count IS NOT NULL ORDER BY type, tenant";
        let held: Vec<(String, String, i64, i64)> = sql::query_as(select).bind(source).fetch_all(&mut write).await?;
        let update = "UPDATE source_counts SET row_count = held_count, held_count = NULL, held_since = NULL \
                      WHERE source = $1 AND held_count IS NOT NULL";
        sql::query(update).bind(source).execute(&mut write).await?;
        sql::query("UPDATE source_queries SET columns = '' WHERE source = $1").bind(source).execute(&mut write).await?;
        let accepted: Vec<Accepted> = held
            .into_iter()
            .map(|(word, tenant, before, now)| Accepted { r#type: word, tenant, before, now })
            .collect();
        let subject = |one: &Accepted| format!("{source}: {} {} to {}", one.r#type, one.before, one.now);
        for one in &accepted {
            let subject = subject(one);
            let entry = AuditEntry {
                tenant: &one.tenant,
                actor: by,
                action: "source.accept",
                subject: &subject,
                reason,
                ..AuditEntry::default()
            };
            record(&mut write, entry, now).await?;
        }
        if accepted.is_empty() {
            let entry = AuditEntry {
                tenant: "",
                actor: by,
                action: "source.accept",
                subject: source,
                reason,
                ..AuditEntry::default()
            };
            record(&mut write, entry, now).await?;
        }
        // Not to wait until it is due.
        sql::query("UPDATE sources SET tried_at = NULL WHERE name = $1").bind(source).execute(&mut write).await?;
        write.commit().await?;
        Ok(accepted)
    }
}
