//! The sources that facts are read from: each is polled by a task of its own, when it is due. A source that hangs holds
//! up neither rounds nor mail nor the other sources.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Daemon;
use crate::calendar::Instant;
use crate::organisation::Tenant;
use crate::source::{Outcome, QueryOutcome, Source, TakeError, poll};
use crate::store::{SourceState, StoreError};

/// How soon a source that failed is tried again, where it is not due sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Longer than this nobody sleeps: the clock may jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How long a source is ours to poll. A poll that takes longer may be made twice, which changes nothing.
const TURN: TimeDelta = TimeDelta::minutes(15);

/// How many rows that could not be taken one poll logs by id.
const MOST_LOGGED: usize = 20;

/// What became of a turn to poll a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It was polled, and how it stands is written down.
    Taken,
    /// Another daemon polls it.
    Others,
    /// The store could not be used.
    Failed,
}

impl Daemon {
    /// The sources of the configuration.
    #[must_use]
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// Polls every source now, beside each other, and waits for all of them. How many were polled.
    pub async fn poll_sources(self: &Arc<Self>) -> usize {
        let stop = CancellationToken::new();
        let mut polls = JoinSet::new();
        for source in &self.sources {
            let (daemon, source, stop) = (Arc::clone(self), Arc::clone(source), stop.clone());
            polls.spawn(async move { daemon.poll_source(&source, &stop).await });
        }
        polls.join_all().await.into_iter().filter(|turn| *turn == Turn::Taken).count()
    }

    /// Polls one source now, if it is our turn. What comes of it is logged here, and nowhere else.
    async fn poll_source(&self, source: &Source, stop: &CancellationToken) -> Turn {
        let now = self.clock.now();
        match self.may_poll(source, now).await {
            Ok(true) => {}
            Ok(false) => return Turn::Others,
            Err(error) => {
                tracing::error!(source = source.name, %error, "the store cannot be used");
                return Turn::Failed;
            }
        }
        let rules = self.rules();
        let polled = poll(source, &self.store, &rules.set, &rules.fingerprint, now, stop).await;
        if let Err(error) = self.store.end_lease(&lease(source), &self.owner).await {
            tracing::debug!(source = source.name, %error, "the turn ends by itself");
        }
        match polled {
            Ok(outcome) => {
                report(source, &outcome, now);
                if outcome.has_changes() {
                    self.woken.notify_one();
                }
                return Turn::Taken;
            }
            Err(TakeError::Store(error)) => tracing::error!(source = source.name, %error, "the store cannot be used"),
            Err(error) => tracing::error!(source = source.name, %error, "nothing could be taken"),
        }
        Turn::Failed
    }

    /// Whether this daemon may poll a source now. Where several share one database, one of them polls it at a time.
    async fn may_poll(&self, source: &Source, now: Instant) -> Result<bool, StoreError> {
        self.store.take_lease(&lease(source), &self.owner, TURN, now).await
    }

    /// As of when a municipality's facts are, where one of its sources has not been read for longer than it may.
    pub(super) fn stale_since(&self, states: &[SourceState], tenant: &Tenant, now: Instant) -> Option<Instant> {
        let of_tenant = self.sources.iter().filter(|source| source.tenants.iter().any(|id| **id == *tenant.id));
        let stale = of_tenant.filter_map(|source| {
            let read = states.iter().find(|state| state.name == source.name)?.ok_at?;
            let is_stale = (now - read).to_std().is_ok_and(|age| age > source.stale_after);
            is_stale.then_some(read)
        });
        stale.min()
    }
}

/// Polls each source whenever it is due, until it is told to stop.
pub(super) fn watch(daemon: &Arc<Daemon>, stop: &CancellationToken) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    for source in &daemon.sources {
        let (daemon, source, stop) = (Arc::clone(daemon), Arc::clone(source), stop.clone());
        watching.spawn(async move {
            while !stop.is_cancelled() {
                let wait = match daemon.due_in(&source).await {
                    Ok(Duration::ZERO) => match daemon.poll_source(&source, &stop).await {
                        // Then it is known when it is due next.
                        Turn::Taken => Duration::from_secs(1),
                        Turn::Others | Turn::Failed => AFTER_FAILURE,
                    },
                    Ok(wait) => wait,
                    Err(error) => {
                        tracing::error!(source = source.name, %error, "the store cannot be used");
                        AFTER_FAILURE
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait.min(LONGEST_SLEEP)) => {}
                }
            }
        });
    }
    watching
}

impl Daemon {
    /// In how long a source is due; zero: now.
    async fn due_in(&self, source: &Source) -> Result<Duration, StoreError> {
        let state = self.store.source_state(&source.name).await?;
        let every = if state.failed_since.is_some() { source.every.min(AFTER_FAILURE) } else { source.every };
        let now = self.clock.now();
        let Some(tried) = state.tried_at.filter(|tried| *tried <= now) else { return Ok(Duration::ZERO) };
        let due = tried + TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        Ok((due - now).to_std().unwrap_or_default())
    }
}

/// Logs what a poll did: ids, names of columns and numbers.
fn report(source: &Source, outcome: &Outcome, now: Instant) {
    let name = source.name.as_str();
    for query in &outcome.queries {
        report_query(name, query);
    }
    if let Some(since) = outcome.ended.back_since {
        let minutes = (now - since).num_minutes();
        tracing::warn!(source = name, %since, minutes, "the source can be read again; what it had to say is taken");
    }
    for failure in &outcome.failures {
        if outcome.ended.fails_anew {
            tracing::error!(
                source = name,
                "cannot be read: {failure}. Known deadlines go on; nothing is removed. See `fristvakt doctor`"
            );
        } else {
            tracing::debug!(source = name, "still cannot be read: {failure}");
        }
    }
}

fn report_query(source: &str, query: &QueryOutcome) {
    let (word, changes) = (query.record_type.word(), query.changes);
    if changes.new + changes.changed + changes.removed > 0 {
        let (new, changed, removed) = (changes.new, changes.changed, changes.removed);
        tracing::info!(source, query = word, rows = query.rows, new, changed, removed, "facts taken");
    } else {
        tracing::debug!(source, query = word, rows = query.rows, "nothing new");
    }
    for row in query.newly_aside.iter().take(MOST_LOGGED) {
        tracing::warn!(source, query = word, tenant = %row.tenant, id = %row.shown_id(), "set aside: {}", row.reason);
    }
    if let Some(more) = query.newly_aside.len().checked_sub(MOST_LOGGED).filter(|more| *more > 0) {
        tracing::warn!(source, query = word, more, "further rows set aside; see `fristvakt quarantine list`");
    }
    if query.mended > 0 {
        tracing::info!(source, query = word, rows = query.mended, "rows that were set aside are so no longer");
    }
    for held in &query.newly_held {
        let (before, now) = (held.rows, held.held.map_or(0, |held| held.rows));
        tracing::error!(
            source,
            query = word,
            tenant = %held.tenant,
            before,
            now,
            "far fewer rows than before: what is missing is kept. If it is meant: `fristvakt source accept {source}`"
        );
    }
    for tenant in &query.no_longer_held {
        tracing::warn!(source, query = word, %tenant, "as many rows as there should be again");
    }
    for tenant in &query.unnamed {
        tracing::warn!(source, query = word, %tenant, "rows have no id: nothing is removed, for they may be what is missing");
    }
}

fn lease(source: &Source) -> String {
    format!("source:{}", source.name)
}
