//! The running daemon: woken by the pulse, by the next moment of the store, by facts that come in, or by a signal.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler};
use tokio_util::sync::CancellationToken;

use super::aside::Aside;
use super::deliver::Stop;
use super::{Daemon, DaemonError, Part, Tick, service, service::SignsOfLife, sources};
use crate::config::{Config, ConfigError, Mode};
use crate::store::StoreError;

/// Once a minute, in UTC: a pulse that looks again. What is due when is never this schedule's business.
const PULSE: &str = "0 * * * * *";

/// How long to wait after the store could not be used.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// How long to wait after a tick, and whether it did everything.
type Round = (Duration, Option<bool>);

/// Why the daemon wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Pulse,
    Moment,
    Facts,
    Reload,
    Stop,
}

/// The signals that the daemon hears. Until they are taken, each of them would end the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals: before anything that takes time.
    ///
    /// # Errors
    /// Where the operating system refuses.
    pub fn take() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Why it ended.
#[derive(Debug)]
pub enum Ended {
    /// SIGTERM or SIGINT.
    Stopped,
    /// SIGHUP, and a configuration that is another one and can be used: a daemon is to go on with it, and until it does the
    /// process says that it lives.
    Changed(Box<Config>, SignsOfLife),
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads rules and configuration again, which `again` loads. Either all of it comes into
/// use or nothing. `between` says that the process lives until this daemon says it itself. The store stays open: others may
/// still read it.
///
/// # Errors
/// Where it cannot start. While it runs, failures are logged and tried again.
pub async fn run(
    daemon: &Arc<Daemon>,
    config: &Config,
    signals: &mut Signals,
    again: &impl Fn() -> Result<Config, ConfigError>,
    between: Option<SignsOfLife>,
) -> Result<Ended, DaemonError> {
    let (pulse, mut pulses) = mpsc::channel(1);
    let mut scheduler = start_pulse(pulse).await?;
    let Signals { terminate, interrupt, hangup } = signals;
    let mut ended = Ended::Stopped;
    let stop = CancellationToken::new();
    // It goes on while the message in hand is brought to its end.
    let beating = CancellationToken::new();
    let heartbeat = daemon.heartbeat(&beating);
    let watching = sources::watch(daemon, &stop);
    let mut aside = Aside::default();
    let work = daemon.progress.begin(Part::Loop);
    let watchdog = service::watchdog(&daemon.progress)?;
    drop(between);
    let mode = match daemon.mode {
        Mode::Live => "live: messages leave",
        Mode::Shadow => "shadow: everything is worked out, and nothing leaves",
    };
    tracing::info!("{mode}");
    tracing::info!("ready");
    service::ready("Ready.");
    loop {
        work.leaves_it_to_others();
        let (wait, is_well) = tick(daemon, &stop, async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
        aside.after_round(daemon, is_well);
        if stop.is_cancelled() {
            break;
        }
        work.may_take(wait);
        let wake = tokio::select! {
            _ = terminate.recv() => Wake::Stop,
            _ = interrupt.recv() => Wake::Stop,
            _ = hangup.recv() => Wake::Reload,
            _ = pulses.recv() => Wake::Pulse,
            () = tokio::time::sleep(wait) => Wake::Moment,
            () = daemon.woken.notified() => Wake::Facts,
        };
        tracing::debug!(?wake, "awake");
        match wake {
            Wake::Stop => break,
            Wake::Reload => {
                service::reloading();
                work.came_on();
                match daemon.read_again(config, again, &work).await {
                    (_, Some(changed)) => {
                        ended = Ended::Changed(changed, SignsOfLife::new()?);
                        break;
                    }
                    (read, None) => {
                        service::ready(read.status());
                        *daemon.standing.lock().unwrap_or_else(PoisonError::into_inner) = read.standing();
                    }
                }
            }
            Wake::Pulse | Wake::Moment | Wake::Facts => {}
        }
    }
    // How long that may take is the service manager's to say.
    work.leaves_it_to_others();
    match &ended {
        Ended::Stopped => {
            tracing::info!("stopping");
            service::stopping();
        }
        Ended::Changed(..) => tracing::info!("going on with another configuration"),
    }
    // A poll that is under way ends by itself: what it has read of the source it drops, what it writes it ends.
    stop.cancel();
    beating.cancel();
    if let Some(heartbeat) = heartbeat
        && heartbeat.await.is_err()
    {
        tracing::warn!("the heartbeat ended in a panic");
    }
    aside.end().await;
    watching.join_all().await;
    if let Err(error) = scheduler.shutdown().await {
        tracing::warn!(%error, "the pulse did not stop");
    }
    drop(watchdog);
    Ok(ended)
}

async fn start_pulse(pulse: mpsc::Sender<()>) -> Result<JobScheduler, DaemonError> {
    let failed = |error: tokio_cron_scheduler::JobSchedulerError| DaemonError::Scheduler(error.to_string());
    let scheduler = JobScheduler::new().await.map_err(failed)?;
    let job = Job::new(PULSE, move |_, _| {
        // A pulse that nobody has taken yet is as good as two.
        let _ = pulse.try_send(());
    });
    scheduler.add(job.map_err(failed)?).await.map_err(failed)?;
    scheduler.start().await.map_err(failed)?;
    Ok(scheduler)
}

/// One tick, how long to wait for the next, and whether it did everything (`None`: it was left to others). A signal to
/// stop while it runs lets the message in hand end.
///
/// The tick is never cut short: a database call that is dropped half-way may have happened or not.
async fn tick(daemon: &Arc<Daemon>, stop: &CancellationToken, stopped: impl Future<Output = ()>) -> Round {
    let working = tokio::spawn({
        let (daemon, stop) = (Arc::clone(daemon), Stop(stop.clone()));
        async move { tick_and_next(&daemon, &stop).await }
    });
    let mut working = std::pin::pin!(working);
    let mut stopped = std::pin::pin!(stopped);
    let ended = tokio::select! {
        ended = &mut working => ended,
        () = &mut stopped => {
            stop.cancel();
            working.await
        }
    };
    match ended {
        Ok(Ok(round)) => round,
        Ok(Err(error)) => {
            tracing::error!(%error, "the store cannot be used; tried again in 10 seconds");
            service::status("The database cannot be used; tried again every 10 seconds. The log says why.");
            (AFTER_FAILURE, Some(false))
        }
        Err(_) => {
            tracing::error!("a tick ended in a panic; tried again in 10 seconds");
            service::status("A bug ended a round early; tried again every 10 seconds. The log says where.");
            (AFTER_FAILURE, Some(false))
        }
    }
}

async fn tick_and_next(daemon: &Arc<Daemon>, stop: &Stop) -> Result<Round, StoreError> {
    let now = daemon.clock.now();
    let Tick { swept, delivered, stood_back, .. } = daemon.tick_until(stop).await?;
    if stood_back {
        service::status("Stands back from other daemons on this database, and sends nothing. The log says why.");
        return Ok((AFTER_FAILURE, None));
    }
    let is_well = Some(daemon.is_well(&swept).await?);
    if delivered.is_cut {
        service::status("Sending; more messages are due.");
        return Ok((Duration::ZERO, is_well));
    }
    let _looking = daemon.progress.begin(Part::Loop);
    // The pulse comes every minute, so a longer wait is never needed, and a moment that is past waits for it.
    const LONGEST: Duration = Duration::from_secs(90);
    let next = daemon.next_at(&swept).await?.filter(|next| *next > now);
    let working = match (delivered.failed, next) {
        (0, Some(next)) => format!("Working; the next deadline or round is at {}.", next.format("%Y-%m-%d %H:%M UTC")),
        (0, None) => "Working; nothing is due yet.".to_owned(),
        (failed, _) => format!("Working; {failed} message(s) could not be sent and are tried again."),
    };
    let standing = *daemon.standing.lock().unwrap_or_else(PoisonError::into_inner);
    service::status(&format!("{working}{standing}"));
    let wait = next.and_then(|next| (next - daemon.clock.now()).to_std().ok());
    Ok((wait.unwrap_or(LONGEST).min(LONGEST), is_well))
}
