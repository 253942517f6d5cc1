//! One poll of a source: read, take, remove what full loads no longer have, and write down how far it came.
//!
//! ```text
//!  source ──read only, one state of its data──► spool ──checked row by row──► store
//!                                                 │                             │
//!                 an error: nothing of that query ┘      what cannot be taken: set aside, by source, type and id
//! ```
//!
//! An error is never read as "no rows": what a query did not give to its end changes nothing, removes nothing and moves
//! no watermark.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::read::{Before, QueryRead, counts, read};
use super::settings::Source;
use super::take::{Destination, TakeError, Taker};
use crate::calendar::Instant;
use crate::facts::Known;
use crate::facts::csv::RecordType;
use crate::rules::RuleSet;
use crate::store::{Counts, Ended, HeldCount, Polled, PolledQuery, SetAside, SourceState, Store, TenantCount};

/// What a poll did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The queries that were read to their end.
    pub queries: Vec<QueryOutcome>,
    /// Why others were not. Texts for a person; no values.
    pub failures: Vec<String>,
    /// How the source stands now, against before.
    pub ended: Ended,
}

/// What became of one query.
#[derive(Clone, Debug)]
pub struct QueryOutcome {
    /// What its rows are.
    pub record_type: RecordType,
    /// How many there were.
    pub rows: usize,
    /// What they changed.
    pub changes: Counts,
    /// The rows that could not be taken.
    pub aside: Vec<SetAside>,
    /// Those of them that are new, or have another reason.
    pub newly_aside: Vec<SetAside>,
    /// How many rows were aside before, and are no longer.
    pub mended: usize,
    /// Full loads that have too few rows, so that nothing of them is removed.
    pub held: Vec<TenantCount>,
    /// Those of them that had enough before.
    pub newly_held: Vec<TenantCount>,
    /// The municipalities whose full loads had too few before, and have enough now.
    pub no_longer_held: Vec<String>,
    /// The municipalities of which nothing is removed because rows have no id.
    pub unnamed: Vec<String>,
}

impl Outcome {
    /// Whether facts changed.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.queries.iter().any(|query| query.changes.new + query.changes.changed + query.changes.removed > 0)
    }
}

/// Polls a source into the store.
///
/// `fingerprint` differs where the rules do: other rules may take what these could not. Once `stop` is cancelled the
/// poll ends as soon as it can, and the next one does it all.
///
/// # Errors
/// Where the store cannot be used. What the source refuses is in the outcome.
pub async fn poll(
    source: &Source,
    store: &Store,
    rules: &RuleSet,
    fingerprint: &str,
    now: Instant,
    stop: &CancellationToken,
) -> Result<Outcome, TakeError> {
    let state = store.source_state(&source.name).await?;
    let aside = store.source_rows(Some(&source.name)).await?;
    let is_whole = is_reread_due(source, &state, now);
    let retry = state.rules.as_deref() != Some(fingerprint);
    let before = Before { state: &state, aside: &aside, retry, is_whole, vocabulary: &rules.vocabulary, now };
    let reading = read(source, &before, stop).await;
    let mut outcome = Outcome::default();
    let mut polled = Polled {
        source: source.name.clone(),
        at: now,
        rules: fingerprint.to_owned(),
        is_whole,
        queries: vec![],
        failure: None,
    };
    let mut taker = Taker { source, rules, before: &aside, now, destination: Destination::Store(store) };
    let mut loads = vec![];
    for mut read in reading.queries {
        if stop.is_cancelled() {
            return Ok(outcome);
        }
        let is_all = read.is_full || is_whole;
        let taken = taker.take(&mut read, is_all).await?;
        let (counts, held) = judge(source, store, &state, &read, now).await?;
        polled.queries.push(PolledQuery {
            record_type: read.record_type,
            digest: read.digest.clone(),
            columns: read.columns.clone(),
            watermark: read.mark.as_ref().map(super::mark::Mark::encode),
            rows: read.count,
            counts,
        });
        outcome.queries.push(QueryOutcome {
            record_type: read.record_type,
            rows: read.count,
            changes: taken.changes,
            aside: taken.aside,
            newly_aside: taken.new,
            mended: taken.mended.len(),
            ..held
        });
        loads.push(read);
    }
    remove(source, store, &loads, &mut outcome, now).await?;
    if stop.is_cancelled() {
        return Ok(outcome);
    }
    outcome.failures = reading.failures.iter().map(ToString::to_string).collect();
    polled.failure = (!outcome.failures.is_empty()).then(|| outcome.failures.join("; "));
    outcome.ended = store.finish_poll(&polled).await?;
    Ok(outcome)
}

/// What a poll would do: reads everything, checks it, and writes nothing.
///
/// # Errors
/// Where the store cannot be used. What the source refuses is in the outcome.
pub async fn try_out(
    source: &Source,
    store: Option<&Store>,
    rules: &RuleSet,
    now: Instant,
    stop: &CancellationToken,
) -> Result<Outcome, TakeError> {
    let state = match store {
        Some(store) => store.source_state(&source.name).await?,
        None => SourceState::default(),
    };
    let before = Before { state: &state, aside: &[], retry: false, is_whole: true, vocabulary: &rules.vocabulary, now };
    let reading = read(source, &before, stop).await;
    let mut outcome = Outcome::default();
    let destination = Destination::Nowhere { store, known: Known::default() };
    let mut taker = Taker { source, rules, before: &[], now, destination };
    for mut read in reading.queries {
        let taken = taker.take(&mut read, true).await?;
        let held = match store {
            Some(store) => judge(source, store, &state, &read, now).await?.1,
            None => nothing(read.record_type),
        };
        let (record_type, rows) = (read.record_type, read.count);
        outcome.queries.push(QueryOutcome { record_type, rows, aside: taken.aside, ..held });
    }
    outcome.failures = reading.failures.iter().map(ToString::to_string).collect();
    Ok(outcome)
}

/// Whether queries with a watermark read everything again: what was committed very late, or came under another id, is
/// found then.
fn is_reread_due(source: &Source, state: &SourceState, now: Instant) -> bool {
    match (source.reread, state.reread_at) {
        (_, None) => true,
        (None, Some(_)) => false,
        // A clock that was set back must not keep it from being due.
        (Some(every), Some(last)) => last > now || (now - last).to_std().is_ok_and(|since| since >= every),
    }
}

/// Whether the full loads of a query are believed.
async fn judge(
    source: &Source,
    store: &Store,
    state: &SourceState,
    read: &QueryRead,
    now: Instant,
) -> Result<(Vec<TenantCount>, QueryOutcome), TakeError> {
    let mut outcome = nothing(read.record_type);
    let mut judged = vec![];
    // A municipality's own record is never removed.
    if !read.is_full || read.record_type == RecordType::Tenant {
        return Ok((judged, outcome));
    }
    for (tenant, rows) in counts(read, source) {
        let known = state.counts.iter().find(|one| one.record_type == read.record_type && one.tenant == tenant);
        let last = match known {
            Some(known) => known.rows,
            None => store.record_count(read.record_type, &tenant).await?,
        };
        let was_held = known.and_then(|known| known.held);
        let is_believed =
            last == 0 || rows.saturating_mul(100) > last.saturating_mul(100 - i64::from(source.half_loaded));
        let count = if is_believed {
            TenantCount { record_type: read.record_type, tenant, rows, held: None }
        } else {
            let since = was_held.map_or(now, |held| held.since);
            let held = Some(HeldCount { rows, since });
            TenantCount { record_type: read.record_type, tenant, rows: last, held }
        };
        match (was_held, count.held) {
            (None, Some(_)) => outcome.newly_held.push(count.clone()),
            (Some(_), None) => outcome.no_longer_held.push(count.tenant.clone()),
            _ => {}
        }
        if count.held.is_some() {
            outcome.held.push(count.clone());
        } else if read.present.get(&count.tenant).is_some_and(|present| present.has_unnamed) {
            outcome.unnamed.push(count.tenant.clone());
        }
        judged.push(count);
    }
    Ok((judged, outcome))
}

fn nothing(record_type: RecordType) -> QueryOutcome {
    QueryOutcome {
        record_type,
        rows: 0,
        changes: Counts::default(),
        aside: vec![],
        newly_aside: vec![],
        mended: 0,
        held: vec![],
        newly_held: vec![],
        no_longer_held: vec![],
        unnamed: vec![],
    }
}

/// Removes what full loads no longer have: first what names others, then what is named.
async fn remove(
    source: &Source,
    store: &Store,
    loads: &[QueryRead],
    outcome: &mut Outcome,
    now: Instant,
) -> Result<(), TakeError> {
    let full: BTreeMap<RecordType, &QueryRead> =
        loads.iter().filter(|read| read.is_full).map(|read| (read.record_type, read)).collect();
    for (record_type, read) in full.into_iter().rev() {
        let Some(query) = outcome.queries.iter_mut().find(|query| query.record_type == record_type) else { continue };
        for tenant in &source.tenants {
            let is_held = query.held.iter().any(|held| held.tenant == *tenant) || query.unnamed.contains(tenant);
            if is_held {
                continue;
            }
            let is_present = |id: &str| read.present.get(tenant).is_some_and(|present| present.has(id));
            query.changes.removed += store.remove_missing(record_type, tenant, &is_present, now).await?;
        }
    }
    Ok(())
}
