//! What a daemon does because others may work with the same database: it says that it lives, plans a municipality only in
//! its turn, and stands back where it would not agree with them.
//!
//! On a file none of this is needed: the file lock keeps every other daemon out.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Daemon, Rules};
use crate::calendar;
use crate::clock::Clock;
use crate::engine::Municipality;
use crate::journal::Mark;
use crate::store::{ServerState, StoreError, StoredOrganisation, TakenBack};

/// How often a daemon says that it lives; it counts as dead after three times that.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How far a machine's clock may be from the database's. All daemons agree with that one, so they agree with each other.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// What a daemon knows of the others.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Up to where the database was told that the journal is in it.
    marked: Mutex<Mark>,
    /// The history of the server with which the journal was compared.
    history: Mutex<String>,
    /// When it last said that it lives.
    said: Mutex<Option<Instant>>,
    /// Why it stands back, if it does: said when it changes, not each time.
    reason: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn marked(&self, mark: Mark) {
        *self.marked.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }

    fn mark(&self) -> Mark {
        *self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> String {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is time to say that it lives.
    fn is_silent(&self) -> bool {
        let said = *self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.is_none_or(|said| said.elapsed() >= HEARTBEAT)
    }

    /// Whether this is another reason than last time.
    fn is_news(&self, reason: Option<&String>) -> bool {
        let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = known.as_ref() != reason;
        *known = reason.cloned();
        is_news
    }
}

impl Daemon {
    /// Says that this daemon lives.
    pub(super) async fn say_alive(&self) -> Result<(), StoreError> {
        self.store.say_alive(&self.owner, &self.shared.history(), self.clock.now()).await?;
        *self.shared.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// Says that it ends, so that others need not wait.
    ///
    /// # Errors
    /// What the database says.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.store.say_goodbye(&self.owner).await
    }

    /// Says so again and again, however long a tick takes, until the handle is aborted between two times.
    pub(super) fn heartbeat(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        if !self.store.is_shared() {
            return None;
        }
        let daemon = Arc::clone(self);
        Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                // In a task of its own: a call to the database is never cut short.
                let daemon = Arc::clone(&daemon);
                let said = tokio::spawn(async move { daemon.say_alive().await }).await;
                if let Ok(Err(error)) = said {
                    tracing::warn!(%error, "the database does not hear that this daemon lives");
                }
            }
        }))
    }

    /// Whether this daemon may plan and send: it agrees with the others on rules, schema and time. Takes back what others
    /// that died had in hand, and what the database has forgotten.
    pub(super) async fn is_in_charge(&self) -> Result<bool, StoreError> {
        if !self.store.is_shared() {
            return Ok(true);
        }
        let state = self.store.server_state(self.journal.id()).await?;
        self.compare(&state).await?;
        let reason = self.reason_to_stand_back(&state).await?;
        if self.shared.is_news(reason.as_ref()) {
            match &reason {
                Some(reason) => tracing::error!("{reason}; this daemon plans and sends nothing until that is mended"),
                None => tracing::info!("this daemon plans and sends"),
            }
        }
        if reason.is_some() {
            return Ok(false);
        }
        let TakenBack { unsent, maybe_sent } =
            self.store.take_back_dead_attempts(self.clock.now(), &self.owner).await?;
        if unsent + maybe_sent > 0 {
            tracing::warn!(unsent, maybe_sent, "took back messages that a daemon had in hand which is gone");
        }
        Ok(true)
    }

    /// Where the server was changed for another one, or has gone back to an earlier state, what this daemon has sent since is
    /// recalled from its journal before anything else is written.
    pub(super) async fn compare(&self, state: &ServerState) -> Result<(), StoreError> {
        let known = self.shared.history();
        let is_other = state.history != known;
        let is_behind = state.mark < self.shared.mark();
        if !is_other && !is_behind {
            return if self.shared.is_silent() { self.say_alive().await } else { Ok(()) };
        }
        if !known.is_empty() {
            tracing::error!(
                "the database server was changed or has gone back: what this daemon has sent since is recalled"
            );
        }
        self.store.work_with(&state.history);
        self.recall().await?;
        *self.shared.history.lock().unwrap_or_else(PoisonError::into_inner) = state.history.clone();
        self.say_alive().await
    }

    async fn reason_to_stand_back(&self, state: &ServerState) -> Result<Option<String>, StoreError> {
        if state.schema > state.known_schema {
            return Ok(Some("the database was migrated by a newer fristvakt: install that here too".to_owned()));
        }
        let rules = self.rules();
        if state.rules.as_ref().is_some_and(|in_use| *in_use != rules.fingerprint) {
            if self.store.other_daemons(&self.owner, self.clock.now()).await? == 0 {
                // Whoever brought them is gone: somebody has to go on.
                self.note_rules(&rules).await?;
                return Ok(None);
            }
            return Ok(Some(
                "another daemon was started or reloaded with other rules: give this one the same, and reload it"
                    .to_owned(),
            ));
        }
        if state.behind > 0 {
            return Ok(Some(
                "other daemons have not said yet what they sent that the database has forgotten; they have a minute"
                    .to_owned(),
            ));
        }
        let skew = (state.clock - self.clock.now()).abs();
        if matches!(self.clock, Clock::System) && skew > SKEW {
            let seconds = skew.num_seconds();
            return Ok(Some(format!(
                "this machine's clock and the database server's differ by {seconds} seconds: set them by the network"
            )));
        }
        Ok(None)
    }

    /// Whether there is anything to plan in a municipality, and no other daemon does it. It is ours then, until
    /// [`crate::store::Store::end_turn`].
    pub(super) async fn is_our_turn(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        municipality: &Municipality<'_>,
        now: calendar::Instant,
    ) -> Result<bool, StoreError> {
        if !self.store.is_shared() {
            return Ok(true);
        }
        let is_round = self.round_due(stored, municipality, now).await?.is_some();
        if !is_round && self.store.due_cases(stored, &rules.set, now, 1).await?.is_empty() {
            return Ok(false);
        }
        self.store.take_turn(&stored.organisation.tenant.id, now).await
    }
}
