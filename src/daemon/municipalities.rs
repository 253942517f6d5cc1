//! The municipalities as last read, with their silences. They change seldom and are asked for all the time; whether they did is one small
//! question to the store.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::store::{Generation, StoreError, StoredOrganisation};

/// What was read last, if anything.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<Read>>);

/// What was read, and of which rules and generations.
#[derive(Clone, Debug)]
struct Read {
    fingerprint: String,
    generations: Vec<Generation>,
    organisations: Arc<Vec<StoredOrganisation>>,
    quarantined: usize,
}

impl Daemon {
    /// All municipalities as they are now, and how many of their records cannot be used. What cannot be used is logged
    /// when it is found, not each time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn municipalities(
        &self,
        rules: &Rules,
        now: Instant,
    ) -> Result<(Arc<Vec<StoredOrganisation>>, usize), StoreError> {
        let generations = self.store.generations().await?;
        let known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_current = |read: &Read| read.generations == generations && read.fingerprint == rules.fingerprint;
        if let Some(read) = known.filter(is_current) {
            return Ok((read.organisations, read.quarantined));
        }
        let (organisations, poison) = self.store.organisations(&rules.set, now).await?;
        for record in &poison {
            tracing::error!(tenant = %record.tenant, record = %record.record, "set aside: {}", record.reason);
        }
        let organisations = Arc::new(organisations);
        let fingerprint = rules.fingerprint.clone();
        // The generations were read before the records: what changed in between is read again next time.
        let read =
            Read { fingerprint, generations, organisations: Arc::clone(&organisations), quarantined: poison.len() };
        *self.known.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok((organisations, poison.len()))
    }
}
