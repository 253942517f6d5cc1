//! What ten weeks came to: who got what.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Instant;
use crate::schedule::Scheduled;
use crate::store::{At, DeviationFilter, MessageFilter, NoticeFilter, ObligationFilter, Store, StoreError};

/// What a demonstration came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Mails that were accepted.
    pub mails: usize,
    /// Of these, reports and lists that were sent on a schedule.
    pub reports: usize,
    /// The last message of each kind that was sent on a schedule, by its id.
    pub scheduled: BTreeMap<Scheduled, String>,
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

/// What a message is about, where it was sent on a schedule: `report:weekly:2026-W11:p2`.
fn scheduled(subject: &str) -> Option<Scheduled> {
    Scheduled::parse(subject.strip_prefix("report:")?.split(':').next()?)
}

impl Summary {
    /// Reads it from the store, as of `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(store: &Store, now: Instant) -> Result<Self, StoreError> {
        let mut summary = Self::default();
        let mut last: BTreeMap<Scheduled, BTreeSet<(At, String)>> = BTreeMap::new();
        let mut readers: BTreeMap<(String, String), Reader> = BTreeMap::new();
        for message in store.list_messages(&MessageFilter::default()).await? {
            let key = (message.tenant.clone(), message.recipient.clone());
            let (tenant, recipient) = key.clone();
            let reader = readers.entry(key).or_insert_with(|| Reader { tenant, recipient, ..Reader::default() });
            match message.state.as_str() {
                "sent" => {
                    if let Some(scheduled) = message.subject.as_deref().and_then(scheduled) {
                        summary.reports += 1;
                        last.entry(scheduled).or_default().insert((message.slot, message.id.clone()));
                    }
                    summary.mails += 1;
                    reader.mails += 1;
                }
                "withdrawn" => {}
                _ => summary.unsent += 1,
            }
        }
        let newest = |(scheduled, of): (Scheduled, BTreeSet<(At, String)>)| Some((scheduled, of.last()?.1.clone()));
        summary.scheduled = last.into_iter().filter_map(newest).collect();
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
