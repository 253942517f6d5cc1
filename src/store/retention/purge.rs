//! Purging some cases, in one transaction.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::json;

use super::super::audit::{PURGED, lock, record};
use super::super::database::Scope;
use super::super::document::Document;
use super::super::sql::{self, Builder};
use super::super::{AuditEntry, Store, StoreError, StoredDocument, Write};
use super::{Kept, counts, delete, kept, noted, tombstones};
use crate::calendar::{Instant, civil_date};
use crate::engine::Closed;
use crate::journal::LONGEST;

/// How many cases go in one transaction: others wait for it.
const BATCH: usize = 100;

/// What is to be purged, and who says so.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The municipality's id.
    pub tenant: &'a str,
    /// Its time zone.
    pub zone: Tz,
    /// Cases of which nothing happened, was recorded, told or tried on this day or later.
    pub before: NaiveDate,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Whether it is only tried: then nothing is changed.
    pub dry: bool,
}

/// What was purged of a municipality, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Cases.
    pub cases: u64,
    /// Versions of case records and of events.
    pub facts: u64,
    /// Obligations.
    pub obligations: u64,
    /// Lines of the ledger: notices, and steps that were overtaken or merged.
    pub notices: u64,
    /// Messages that told of nothing else.
    pub messages: u64,
    /// Tries to send these.
    pub attempts: u64,
    /// Deviations, which are counted on without their cases.
    pub deviations: u64,
    /// Entries of the audit trail and the access log whose words were taken out.
    pub redacted: u64,
    /// Cases that are old enough and stay, by the reason.
    pub kept: BTreeMap<&'static str, u64>,
}

/// Why nothing is purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cases may be purged that were closed before {latest}: for {} days what was sent can still be recalled, and it names cases",
    LONGEST.num_days()
)]
pub struct Refused {
    /// The latest day before which cases may have been closed.
    pub latest: NaiveDate,
}

impl Order<'_> {
    /// Whether what it asks for may be purged on a civil day.
    ///
    /// # Errors
    /// It is too recent.
    pub fn check(&self, today: NaiveDate) -> Result<(), Refused> {
        let latest = today - LONGEST;
        if self.before > latest { Err(Refused { latest }) } else { Ok(()) }
    }
}

impl Order<'_> {
    /// The same, for nothing that is younger than the journal's longest keeping.
    pub(super) fn limited(&self, now: Instant) -> Self {
        Self { before: self.before.min(civil_date(self.zone, now) - LONGEST), ..*self }
    }
}

impl Purged {
    /// Adds what another call purged.
    pub fn add(&mut self, other: &Self) {
        let Self { cases, facts, obligations, notices, messages, attempts, deviations, redacted, kept } = other;
        self.cases += cases;
        self.facts += facts;
        self.obligations += obligations;
        self.notices += notices;
        self.messages += messages;
        self.attempts += attempts;
        self.deviations += deviations;
        self.redacted += redacted;
        for (why, count) in kept {
            *self.kept.entry(why).or_default() += count;
        }
    }
}

impl Store {
    /// Purges those of these cases that are closed since before the order's day and that nothing keeps, with their counts kept.
    /// `closed_on` is asked for each case as it stands in the transaction. Whatever the order says, nothing goes that the acceptance
    /// journal may still name.
    ///
    /// # Errors
    /// What the database says. Of some batches everything is done then, of the others nothing.
    pub async fn purge(
        &self,
        order: &Order<'_>,
        cases: &[String],
        closed_on: &(dyn Fn(&StoredDocument) -> Option<Closed> + Send + Sync),
        now: Instant,
    ) -> Result<Purged, StoreError> {
        let order = &order.limited(now);
        let mut purged = Purged::default();
        for batch in cases.chunks(BATCH) {
            let mut write = self.begin_purge(order.tenant).await?;
            let mut closed: Vec<(String, Option<NaiveDate>)> = vec![];
            for document in documents(&mut write, order.tenant, batch).await? {
                let ended = closed_on(&document).filter(|ended| ended.known < order.before);
                closed.extend(ended.map(|ended| (document.id.clone(), Some(ended.through))));
            }
            purged.add(&self.purge_batch(write, order, closed, now).await?);
        }
        Ok(purged)
    }

    /// A transaction that has the municipality and its access log to itself, and leaves nothing readable where a row was.
    pub(super) async fn begin_purge(&self, tenant: &str) -> Result<Write, StoreError> {
        let mut write = self.write(Scope::Tenants(&[tenant, &lock(tenant)])).await?;
        if !self.is_shared() {
            sql::query("PRAGMA secure_delete = ON").execute(&mut write).await?;
        }
        Ok(write)
    }

    /// Purges these cases, each with its last day; without one, it was never closed and nothing says that it was purged: should it
    /// come back after all, it comes with everything.
    pub(super) async fn purge_batch(
        &self,
        mut write: Write,
        order: &Order<'_>,
        mut closed: Vec<(String, Option<NaiveDate>)>,
        now: Instant,
    ) -> Result<Purged, StoreError> {
        let mut purged = Purged::default();
        let tenant = order.tenant;
        let ids: Vec<String> = closed.iter().map(|(id, _)| id.clone()).collect();
        if !ids.is_empty() {
            let kept = kept::kept(&mut write, order, &ids).await?;
            for why in kept.values().copied().map(Kept::word) {
                *purged.kept.entry(why).or_default() += 1;
            }
            closed.retain(|(id, _)| !kept.contains_key(id));
        }
        if closed.is_empty() {
            return Ok(purged);
        }
        let ids: Vec<String> = closed.iter().map(|(id, _)| id.clone()).collect();
        purged.cases = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let mut about = delete::subjects(&mut write, tenant, &ids).await?;
        purged.deviations = counts::keep_deviations(&mut write, (tenant, order.zone), &ids).await?;
        counts::keep_due(&mut write, tenant, &ids).await?;
        purged.facts = delete_documents(&mut write, tenant, &ids).await?;
        about.extend(delete::delete(&mut write, tenant, &ids, &mut purged).await?);
        let redacted = delete::redact(&mut write, tenant, &about).await?;
        purged.redacted = u64::try_from(redacted.audit.len() + redacted.access.len()).unwrap_or(u64::MAX);
        let dead: Vec<(&str, NaiveDate)> = closed.iter().filter_map(|(id, day)| Some((id.as_str(), (*day)?))).collect();
        tombstones::bury(&mut write, tenant, &dead, now).await?;
        let subject = format!("cases closed before {}", order.before);
        let details = json!({ "purged": purged, "redacted": redacted }).to_string();
        let entry = AuditEntry {
            tenant,
            actor: order.by,
            action: PURGED,
            subject: &subject,
            reason: order.reason,
            details: &details,
            ..AuditEntry::default()
        };
        record(&mut write, entry, now).await?;
        noted::owe_scrub(&mut write).await?;
        if !order.dry {
            write.commit().await?;
        }
        // Not committed, nothing of it happened: that is how it is tried.
        Ok(purged)
    }

    /// After a purge: what rows were is overwritten on the disk, too, in the write-ahead log and, with `whole`, wherever older
    /// versions of rows may have left anything in the file, which is written anew for that. On a server that is the server's
    /// business. Nobody owes it then any more.
    ///
    /// # Errors
    /// What the database says; nothing is lost then.
    pub async fn scrub(&self, whole: bool) -> Result<(), StoreError> {
        let owed = self.scrub_owed().await?;
        self.writer.scrub(whole).await?;
        match owed {
            Some(debt) => self.pay_scrub(&debt).await,
            None => Ok(()),
        }
    }
}

pub(super) async fn documents(
    write: &mut Write,
    tenant: &str,
    cases: &[String],
) -> Result<Vec<StoredDocument>, StoreError> {
    let mut select = Builder::new("SELECT id, document FROM cases WHERE tenant = ");
    select.push_bind(tenant).push(" AND id IN ").push_list(cases.iter().cloned());
    Ok(select.build_query_as().fetch_all(write).await?)
}

/// Deletes the facts of cases. How many versions of records and events they had.
async fn delete_documents(write: &mut Write, tenant: &str, cases: &[String]) -> Result<u64, StoreError> {
    let mut delete = Builder::new("DELETE FROM cases WHERE tenant = ");
    delete.push_bind(tenant).push(" AND id IN ").push_list(cases.iter().cloned());
    delete.push(" RETURNING document");
    let documents: Vec<String> = delete.build_query_scalar().fetch_all(write).await?;
    let facts = documents.iter().filter_map(|text| serde_json::from_str::<Document>(text).ok());
    Ok(facts.map(|document| (document.records.len() + document.events.len()) as u64).sum())
}
