//! What goes on beside the rounds and never holds them up: the dead man's switch, and mail to the operator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Daemon;
use crate::delivery::webhook::DeadMan;

/// How often the watcher hears the same at the most.
const EVERY: Duration = Duration::from_secs(55);

/// The watcher, and what it heard last.
#[derive(Debug)]
pub(super) struct Watcher {
    dead_man: Option<DeadMan>,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    /// When it was told what.
    said: Option<(Instant, bool)>,
    /// Whether it did not hear that.
    is_deaf: bool,
}

impl Watcher {
    pub(super) fn new(dead_man: Option<DeadMan>) -> Self {
        Self { dead_man, last: Mutex::default() }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to say.
    fn is_due(&self, is_well: bool) -> bool {
        let said = self.last().said;
        said.is_none_or(|(at, said)| said != is_well || at.elapsed() >= EVERY)
    }
}

impl Daemon {
    /// Whether a watcher elsewhere is configured.
    #[must_use]
    pub fn has_dead_man(&self) -> bool {
        self.watcher.dead_man.is_some()
    }

    /// Tells the watcher elsewhere that a round was done, or could not be. What keeps it from hearing is logged and counted,
    /// and has no other consequence.
    pub async fn tell_dead_man(&self, is_well: bool) {
        let Some(dead_man) = self.watcher.dead_man.as_ref().filter(|_| self.watcher.is_due(is_well)) else { return };
        self.watcher.last().said = Some((Instant::now(), is_well));
        let heard = dead_man.tell(is_well).await;
        self.pulse.pinged(heard.is_ok());
        let was_deaf = std::mem::replace(&mut self.watcher.last().is_deaf, heard.is_err());
        match heard {
            Err(failure) if !was_deaf => {
                tracing::warn!(code = %failure.code, "the watcher elsewhere does not hear us; rounds go on");
            }
            Err(failure) => tracing::debug!(code = %failure.code, "the watcher elsewhere still does not hear us"),
            Ok(()) if was_deaf => tracing::info!("the watcher elsewhere hears us again"),
            Ok(()) => {}
        }
    }

    async fn tell_operator_and_log(&self) {
        if let Err(error) = self.tell_operator().await {
            tracing::debug!(%error, "what the operator is to be told cannot be looked up");
        }
    }
}

/// The tasks beside the rounds, each alone of its kind.
#[derive(Debug, Default)]
pub(super) struct Aside {
    ping: Option<JoinHandle<()>>,
    mail: Option<JoinHandle<()>>,
}

impl Aside {
    /// Says what came of a round. `None`: it was left to another daemon.
    pub(super) fn after_round(&mut self, daemon: &Arc<Daemon>, is_well: Option<bool>) {
        if let Some(is_well) = is_well.filter(|_| daemon.has_dead_man() && is_free(self.ping.as_ref())) {
            let daemon = Arc::clone(daemon);
            self.ping = Some(tokio::spawn(async move { daemon.tell_dead_man(is_well).await }));
        }
        if daemon.has_operator() && is_free(self.mail.as_ref()) {
            let daemon = Arc::clone(daemon);
            self.mail = Some(tokio::spawn(async move { daemon.tell_operator_and_log().await }));
        }
    }

    /// Lets a mail come to its end, for it asks the database; a request may be cut off.
    pub(super) async fn end(self) {
        if let Some(ping) = self.ping {
            ping.abort();
            let _ = ping.await;
        }
        if let Some(mail) = self.mail {
            let _ = mail.await;
        }
    }
}

fn is_free(task: Option<&JoinHandle<()>>) -> bool {
    task.is_none_or(JoinHandle::is_finished)
}
