//! What a daemon does because others may work with the same database: it says that it lives, plans a municipality only in
//! its turn, and stands back where it would not agree with them.
//!
//! On a file none of this is needed: the file lock keeps every other daemon out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Daemon, Rules};
use crate::calendar;
use crate::clock::Clock;
use crate::delivery::message::Trouble;
use crate::engine::Municipality;
use crate::journal::Mark;
use crate::store::{ServerState, StoreError, StoredOrganisation, TakenBack};

/// How often a daemon says that it lives; it counts as dead after three times that.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How far a machine's clock may be from the database's. All daemons agree with that one, so they agree with each other.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// What a daemon knows of the others.
#[derive(Debug)]
pub(super) struct Shared {
    /// Up to where the database was told that the journal is in it.
    marked: Mutex<Mark>,
    /// The history of the server with which the journal was compared.
    history: Mutex<String>,
    /// Whether it was never in charge yet: then earlier processes of this instance may have left something.
    is_first: AtomicBool,
    /// When it last said that it lives.
    said: Mutex<Option<Instant>>,
    /// What names the rules of which it knows that they are kept.
    kept: Mutex<String>,
    /// Why it stands back, if it does: said when it changes, not each time.
    reason: Mutex<Option<String>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            marked: Mutex::default(),
            history: Mutex::default(),
            is_first: AtomicBool::new(true),
            said: Mutex::default(),
            reason: Mutex::default(),
        }
    }
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
    /// Whether it does nothing, because it does not agree with others about the same database.
    #[must_use]
    pub fn stands_back(&self) -> bool {
        self.shared.reason.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Says that this daemon lives.
    ///
    /// # Errors
    /// What the database says.
    pub async fn say_alive(&self) -> Result<(), StoreError> {
        let note = format!("{}|{}", self.shared.history(), self.rules().fingerprint);
        self.store.say_alive(&self.owner, &note, self.clock.now()).await?;
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

    /// Says so again and again, however long a tick takes, until `stop`.
    pub(super) fn heartbeat(self: &Arc<Self>, stop: &CancellationToken) -> Option<JoinHandle<()>> {
        if !self.store.is_shared() {
            return None;
        }
        let (daemon, stop) = (Arc::clone(self), stop.clone());
        Some(tokio::spawn(async move {
            while stop.run_until_cancelled(tokio::time::sleep(HEARTBEAT)).await.is_some() {
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
        let state = self.compared().await?;
        let reason = self.reason_to_stand_back(&state).await?;
        if self.shared.is_news(reason.as_ref()) {
            match &reason {
                Some(_) => self.operator.raise(Trouble::StandsBack, self.clock.now()),
                None => self.operator.calm(&Trouble::StandsBack),
            }
            match &reason {
                Some(reason) => tracing::error!("{reason}; this daemon plans and sends nothing until that is mended"),
                None => tracing::info!("this daemon plans and sends"),
            }
        }
        if reason.is_some() {
            return Ok(false);
        }
        let now = self.clock.now();
        if state.in_hand > 0 {
            // No line of ours lives now. A commit that came late may have left something in our hands.
            self.recall().await?;
            self.store.take_back_own_attempts(now, &self.owner).await?;
        }
        let TakenBack { unsent, maybe_sent } = if self.shared.is_first.swap(false, Ordering::SeqCst) {
            self.store.take_back_dead_attempts(now, &self.owner).await?
        } else {
            self.store.take_back_lapsed_attempts(now, &self.owner).await?
        };
        if unsent + maybe_sent > 0 {
            tracing::warn!(unsent, maybe_sent, "took back messages that a daemon had in hand which is gone");
        }
        Ok(true)
    }

    /// How things stand, after the journal was compared: where the server was changed for another one, or has gone back to
    /// an earlier state, what this daemon has sent since is recalled before anything else is written.
    pub(super) async fn compared(&self) -> Result<ServerState, StoreError> {
        let state = self.store.server_state(self.journal.id(), &self.owner).await?;
        let known = self.shared.history();
        if self.journal.history().is_some_and(|highest| state.is_older_than(&highest)) {
            return Ok(state);
        }
        let is_behind = state.mark < self.shared.mark();
        if state.history == known && !is_behind {
            if self.shared.is_silent() {
                self.say_alive().await?;
            }
            return Ok(state);
        }
        if !known.is_empty() {
            tracing::error!(
                "the database server was changed or has gone back: what this daemon has sent since is recalled"
            );
        }
        self.store.work_with(&state.history);
        if is_behind && state.history == known {
            self.store.begin_epoch().await?;
            self.shared.marked(Mark::default());
            return Box::pin(self.compared()).await;
        }
        self.store.note_history(&state.history, self.clock.now()).await?;
        self.recall().await?;
        self.journal.note_history(&state.history).map_err(StoreError::from)?;
        *self.shared.history.lock().unwrap_or_else(PoisonError::into_inner) = state.history.clone();
        self.say_alive().await?;
        self.store.server_state(self.journal.id(), &self.owner).await
    }

    /// Keeps the rules as files, if this process does not know that they are.
    async fn keep_once(&self, rules: &Rules) -> Result<(), StoreError> {
        let is_kept = *self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner) == rules.fingerprint;
        if !is_kept {
            self.store.keep_rules(&rules.fingerprint, &rules.files, self.clock.now()).await?;
            self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&rules.fingerprint);
        }
        Ok(())
    }

    async fn reason_to_stand_back(&self, state: &ServerState) -> Result<Option<String>, StoreError> {
        if state.schema > state.known_schema {
            return Ok(Some("the database was migrated by a newer fristvakt: install that here too".to_owned()));
        }
        if let Some(place) = &state.moved {
            return Ok(Some(format!("this installation is being moved, or was moved: {place}")));
        }
        if self.journal.history().is_some_and(|highest| state.is_older_than(&highest)) {
            return Ok(Some(
                "this database server was left by a failover and started again: name the one that takes its place"
                    .to_owned(),
            ));
        }
        if state.copies > 0 {
            return Ok(Some(
                "another machine has a copy of this acceptance journal: stop one of them, delete its folder, start it"
                    .to_owned(),
            ));
        }
        let rules = self.rules();
        if state.rules.as_ref() == Some(&rules.fingerprint) {
            self.keep_once(&rules).await?;
        } else if state.with_rules == 0 {
            // Whoever brought them is gone: somebody has to go on.
            self.note_rules(&rules).await?;
        } else {
            return Ok(Some(
                "other daemons work with other rules: give all of them the same, and reload the last one".to_owned(),
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
