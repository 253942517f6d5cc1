//! A reminder that does not reach its reader although the relay takes others is itself told to whoever is next: at the
//! latest when its next step comes.

use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::store::{AuditEntry, StoreError, StoredOrganisation, Undelivered};

/// What the ledger says of notices that somebody else gets.
const UNDELIVERED: &str = "undelivered when its next step came, passed on";

impl Daemon {
    /// Passes on what an earlier round could not deliver. The recipient still gets the step of this round.
    pub(super) async fn pass_on_undelivered(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        now: Instant,
    ) -> Result<(), StoreError> {
        let tenant = &*stored.organisation.tenant.id;
        for Undelivered { message, recipient, code, notices } in self.store.undelivered(tenant).await? {
            let onward = self.onward(rules, stored, &recipient, &notices, now).await?;
            if onward.is_empty() || !self.store.pass_on_waiting(&message, UNDELIVERED, &onward, now).await? {
                continue;
            }
            self.store.note_data_quality(tenant, &recipient.to_string(), "undelivered", &code, now).await?;
            let subject = recipient.to_string();
            let (actor, action) = ("fristvakt", "message.undelivered");
            let entry = AuditEntry { tenant, actor, action, subject: &subject, reason: &code, ..AuditEntry::default() };
            self.store.audit(entry, now).await?;
            for (next, names) in &onward {
                tracing::warn!(id = %message, to = %recipient, %next, notices = names.len(), %code, "undelivered when its next step came; passed on");
            }
        }
        Ok(())
    }
}
