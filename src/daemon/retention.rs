//! Once a day, after the round: cases that were closed long ago are purged, where the configuration says how long they are kept.

use chrono::TimeDelta;

use super::deliver::Stop;
use super::{Daemon, Rules};
use crate::calendar::Instant;
use crate::engine::{Closed, Municipality, closed_on};
use crate::store::{Order, Purged, Store, StoreError, StoredDocument, StoredOrganisation};

/// How many cases are looked at at once.
const PAGE: u32 = 500;

/// For how long one daemon has a municipality's purge to itself without having ended a page.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// How long a file may go without being written anew, once something was purged.
const WHOLE: TimeDelta = TimeDelta::days(30);

/// Who the audit trail says it was.
const BY: &str = "fristvakt";

impl Daemon {
    /// Purges the municipalities whose retention is configured and that were not purged today, and leaves nothing readable where rows
    /// were, also of an earlier purge that came not so far.
    ///
    /// # Errors
    /// What the database says first. All municipalities had their turn then.
    pub(super) async fn purge(&self, rules: &Rules, stop: &Stop) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (organisations, _) = self.municipalities(rules, now).await?;
        let mut worst = Ok(());
        for stored in organisations.iter() {
            if let Err(error) = self.purge_if_due(rules, stored, now, stop).await {
                let tenant = &*stored.organisation.tenant.id;
                tracing::error!(tenant, %error, "the purge of what was closed long ago ended half-way; it is tried again");
                worst = worst.and(Err(error));
            }
        }
        if !stop.0.is_cancelled() && self.store.scrub_owed().await?.is_some() {
            self.scrub(now).await?;
        }
        worst
    }

    async fn purge_if_due(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        now: Instant,
        stop: &Stop,
    ) -> Result<(), StoreError> {
        let tenant = &*stored.organisation.tenant.id;
        let Ok(municipality) = stored.municipality(&rules.set) else { return Ok(()) };
        let today = municipality.date(now);
        let configured = self.retention.before(tenant, today).zip(self.retention.months(tenant));
        let Some((before, months)) = configured else { return Ok(()) };
        // What is purged does not come back when a wrong clock is put right.
        if !self.store.sees_day(tenant, today).await? {
            tracing::info!(tenant, %today, "nothing is purged on the first day after a gap: the clock may be wrong");
            return Ok(());
        }
        // A day that lies ahead is of a clock that was wrong, and does not count.
        let lease = format!("purge:{tenant}");
        if self.store.last_purge(tenant).await? == Some(today)
            || !self.store.take_lease(&lease, &self.owner, LEASE, now).await?
        {
            return Ok(());
        }
        let reason = format!("kept for {months} months after closing");
        let order = Order { tenant, zone: municipality.zone(), before, by: BY, reason: &reason, dry: false };
        let purged = self.purge_tenant(stored, &municipality, &order, &lease, stop).await;
        if let Ok(Some(Purged { cases, facts, messages, .. })) = &purged {
            self.store.note_purge(tenant, today).await?;
            tracing::info!(tenant, %before, cases, facts, messages, "purged what was closed long ago");
        }
        self.store.end_lease(&lease, &self.owner).await?;
        purged.map(|_| ())
    }

    /// What was purged; `None`: it was stopped on the way.
    async fn purge_tenant(
        &self,
        stored: &StoredOrganisation,
        municipality: &Municipality<'_>,
        order: &Order<'_>,
        lease: &str,
        stop: &Stop,
    ) -> Result<Option<Purged>, StoreError> {
        let mut purged = Purged::default();
        let mut after = Some(String::new());
        while let Some(from) = after {
            let now = self.clock.now();
            if stop.0.is_cancelled() || !self.store.take_lease(lease, &self.owner, LEASE, now).await? {
                return Ok(None);
            }
            let page = purge_page(&self.store, stored, municipality, order, &from, now).await?;
            purged.add(&page.purged);
            after = page.next;
        }
        purged.add(&self.store.purge_gone(order, self.clock.now()).await?);
        Ok(Some(purged))
    }

    async fn scrub(&self, now: Instant) -> Result<(), StoreError> {
        let last = self.store.last_scrub().await?;
        let whole = last.is_none_or(|last| now - last >= WHOLE || last > now);
        match self.store.scrub(whole).await {
            Ok(()) if whole => self.store.note_scrub(now).await,
            Ok(()) => Ok(()),
            // There may be no room for a second file. Nothing is lost, and it is tried again tomorrow.
            Err(error) => {
                tracing::warn!(%error, "the database could not be written anew after the purge");
                Ok(())
            }
        }
    }
}

/// A page of a municipality's cases, and what of it was purged.
#[derive(Debug)]
pub struct PurgedPage {
    /// What was purged, or would be.
    pub purged: Purged,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<String>,
}

/// Purges those cases of a page that are closed long enough.
///
/// # Errors
/// What the database says.
pub async fn purge_page(
    store: &Store,
    stored: &StoredOrganisation,
    municipality: &Municipality<'_>,
    order: &Order<'_>,
    after: &str,
    now: Instant,
) -> Result<PurgedPage, StoreError> {
    let tenant = &stored.organisation.tenant;
    let closed = |document: &StoredDocument| -> Option<Closed> {
        // What cannot be read is set aside elsewhere, and stays.
        let case = document.case(tenant, municipality.rules).ok()?;
        closed_on(municipality, &case, now)
    };
    let documents = store.documents(&tenant.id, after, PAGE).await?;
    let next = documents.last().map(|last| last.id.clone());
    let old = |document: &&StoredDocument| closed(document).is_some_and(|ended| ended.known < order.before);
    let ids: Vec<String> = documents.iter().filter(old).map(|document| document.id.clone()).collect();
    let purged = store.purge(order, &ids, &closed, now).await?;
    Ok(PurgedPage { purged, next })
}
