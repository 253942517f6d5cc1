//! What ten weeks came to: who got what.

use std::collections::BTreeMap;

use crate::calendar::Instant;
use crate::store::{DeviationFilter, MessageFilter, NoticeFilter, ObligationFilter, Store, StoreError};

/// What a demonstration came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Mails that were accepted.
    pub mails: usize,
    /// Reminders in them.
    pub reminders: usize,
    /// Escalations in them.
    pub escalations: usize,
    /// Ladder steps that a later one overtook, or that reached the same person twice.
    pub spared: usize,
    /// Mails that are not accepted.
    pub unsent: usize,
    /// Differences that the daily reconciliations found.
    pub differences: usize,
    /// Deviations by how they stand.
    pub deviations: BTreeMap<String, usize>,
    /// Obligations by how they stand.
    pub obligations: BTreeMap<String, usize>,
    /// Readers, those with most mails first.
    pub readers: Vec<Reader>,
}

/// Somebody who got mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The municipality's id.
    pub tenant: String,
    /// The person's id, `unit:ID`, or `fallback`.
    pub recipient: String,
    /// How many mails.
    pub mails: usize,
    /// How many reminders were in them.
    pub reminders: usize,
    /// How many escalations were in them.
    pub escalations: usize,
}

impl Summary {
    /// Reads it from the store, as of `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(store: &Store, now: Instant) -> Result<Self, StoreError> {
        let mut summary = Self::default();
        let mut readers: BTreeMap<(String, String), Reader> = BTreeMap::new();
        for message in store.list_messages(&MessageFilter::default()).await? {
            let key = (message.tenant.clone(), message.recipient.clone());
            let (tenant, recipient) = key.clone();
            let reader = readers.entry(key).or_insert_with(|| Reader { tenant, recipient, ..Reader::default() });
            match message.state.as_str() {
                "sent" => {
                    summary.mails += 1;
                    reader.mails += 1;
                }
                "withdrawn" => {}
                _ => summary.unsent += 1,
            }
        }
        for notice in store.list_notices(&NoticeFilter::default()).await? {
            let reader = notice.recipient.as_ref().and_then(|to| readers.get_mut(&(notice.tenant.clone(), to.clone())));
            match (notice.state.as_str(), notice.purpose.as_str(), reader) {
                ("sent", "escalation", Some(reader)) => {
                    summary.escalations += 1;
                    reader.escalations += 1;
                }
                ("sent", _, Some(reader)) => {
                    summary.reminders += 1;
                    reader.reminders += 1;
                }
                ("done", ..) => summary.spared += 1,
                _ => {}
            }
        }
        for deviation in store.list_deviations(&DeviationFilter::default()).await? {
            *summary.deviations.entry(deviation.closed_as.unwrap_or_else(|| "open".to_owned())).or_default() += 1;
        }
        for obligation in store.list_obligations(&ObligationFilter::default(), now).await? {
            *summary.obligations.entry(obligation.status).or_default() += 1;
        }
        summary.readers = readers.into_values().filter(|reader| reader.mails > 0).collect();
        summary.readers.sort_by(|a, b| (b.mails, &a.tenant, &a.recipient).cmp(&(a.mails, &b.tenant, &b.recipient)));
        Ok(summary)
    }
}
