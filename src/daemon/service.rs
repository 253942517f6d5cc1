//! What the service manager hears (`sd_notify`): ready, reloading, stopping, one sentence on how things stand, and signs of
//! life for as long as everything that has work comes on with it.
//!
//! Where no manager listens, nothing is sent: `NOTIFY_SOCKET` and `WATCHDOG_USEC` are read by the library alone.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use sd_notify::NotifyState;

use super::progress::Work;
use super::{Part, Progress};

/// It works: after the start, and again after a reload.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It reads its rules again; [`ready`] ends that, whatever came of it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status("Reading the rules again.")]),
        Err(error) => tracing::debug!(%error, "the machine does not say how long it has run"),
    }
}

/// It ends, once the message in hand has.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping: the message in hand is brought to its end.")]);
}

/// One sentence on how things stand.
pub(super) fn status(sentence: &str) {
    tell(&[NotifyState::Status(sentence)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager does not hear us");
    }
}

/// How long one daemon may take to end and the next to begin.
const BETWEEN: Duration = Duration::from_secs(600);

/// Signs of life while one daemon has ended and the next has not begun, for as long as that may take.
#[derive(Debug)]
pub struct SignsOfLife {
    _work: Work,
    _watchdog: Option<Watchdog>,
}

impl SignsOfLife {
    pub(super) fn new() -> std::io::Result<Self> {
        let progress = Arc::new(Progress::new(BETWEEN));
        Ok(Self { _work: progress.begin(Part::Loop), _watchdog: watchdog(&progress)? })
    }
}

/// Signs of life, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Watchdog {
    _end: Sender<()>,
}

/// Sends signs of life three times as often as the manager asks for them. None is sent while any part stands still.
///
/// On a thread of its own: if every thread of the runtime is stuck, that shows in the progress as well, and can be said.
pub(super) fn watchdog(progress: &Arc<Progress>) -> std::io::Result<Option<Watchdog>> {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else { return Ok(None) };
    let progress = Arc::clone(progress);
    let (end, ended) = channel();
    let watching = std::thread::Builder::new().name("watchdog".to_owned());
    watching.spawn(move || {
        let mut was_alive = true;
        while ended.recv_timeout(limit / 3) == Err(RecvTimeoutError::Timeout) {
            let is_alive = progress.is_alive();
            if is_alive {
                tell(&[NotifyState::Watchdog]);
            }
            if was_alive != is_alive {
                was_alive = is_alive;
                report(&progress);
            }
        }
    })?;
    Ok(Some(Watchdog { _end: end }))
}

fn report(progress: &Progress) {
    match progress.standstill() {
        Some(standstill) => {
            let (part, seconds) = (standstill.part.word(), standstill.length.as_secs());
            tracing::error!(
                seconds,
                "{part} stands still: the service manager gets no sign of life, and will start this program again"
            );
            status(&format!("Stands still: {part} has not come on for {seconds} seconds."));
        }
        None => tracing::warn!("what stood still has come on again"),
    }
}
