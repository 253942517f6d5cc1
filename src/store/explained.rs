//! The explanation of a stored case: what the engine says of it now, and what became of its notices.

use super::{CAPPED, NoticeRow, Store, StoreError, StoredCase, StoredOrganisation};
use crate::calendar::Instant;
use crate::engine::{Municipality, explain};
use crate::explanation::{Explanation, Fate, Subject, Told};
use crate::language::Language;
use crate::notice::{Handled, Recipient};
use crate::rules::RuleSet;

impl Store {
    /// Explains a case as known at `now`, in the municipality's language unless another one is asked for.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where the rules cannot be used for the municipality.
    pub async fn explain(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        case: &StoredCase,
        language: Option<Language>,
        now: Instant,
    ) -> Result<Explanation, StoreError> {
        let tenant = &of.organisation.tenant;
        let mut rows = self.notices_of(&tenant.id, &case.file.id).await?;
        rows.retain(|row| row.made_at.instant() <= now);
        let silences = self.silences_at(&tenant.id, now).await?;
        let unusable = |reason| StoreError::Unreadable { table: "records", row: tenant.id.to_string(), reason };
        let municipality = Municipality::new(rules, &of.organisation).map_err(unusable)?.with_silences(&silences);
        let mut told: Vec<Told> = rows.iter().filter_map(self::told).collect();
        told.sort_by_key(|told| told.at);
        // Withdrawn notices were never sent: the ledger does not know them.
        let kept = told.iter().filter(|told| !matches!(told.fate, Fate::Withdrawn(_)));
        let ledger: Vec<Handled> = kept.map(|told| told.handled.clone()).collect();
        let language = language.unwrap_or(tenant.language);
        let subject = Subject { municipality: &municipality, case: &case.file, now, language };
        Ok(Explanation::of(&subject, &explain(&municipality, &case.file, &ledger, now), &told))
    }
}

/// A row of the store's ledger as an explanation tells it; `None` for one that this program did not write.
fn told(row: &NoticeRow) -> Option<Told> {
    let handled = row.handled().ok()?;
    let fate = match (row.outcome.as_str(), row.state.as_str()) {
        ("overtaken", _) => Fate::Overtaken,
        ("merged", _) => Fate::Merged,
        (_, "sent") => Fate::Sent,
        (_, "shadow") => Fate::Shadow,
        (_, "withdrawn") => Fate::Withdrawn(row.reason.clone().unwrap_or_default()),
        (_, "pending") if row.reason.as_deref() == Some(CAPPED) => Fate::Capped,
        _ => Fate::Underway,
    };
    Some(Told {
        handled,
        recipient: row.recipient.as_deref().map(Recipient::parse),
        channel: Some(row.channel.clone()).filter(|channel| !channel.is_empty()),
        at: row.sent_at.unwrap_or(row.made_at).instant(),
        fate,
    })
}
