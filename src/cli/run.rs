//! `fristvakt run`

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::logging;
use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, block_on};
use crate::catcher::Catcher;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, LogFormat, RetentionSettings};
use crate::daemon::{Daemon, DaemonError, Ended, Signals, SignsOfLife, run};
use crate::delivery::email::EmailSettings;
use crate::store::StoreError;
use crate::web::Server;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt run\n  fristvakt run --once\n  \
                        fristvakt run --once --now 2026-03-16T08:00:00+01:00 --config test.toml\n  \
                        fristvakt run --once --catch-mail mail --config test.toml")]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigArgument,
    /// One full round, then end: for cron and for tests.
    #[arg(long)]
    once: bool,
    /// The moment that the round takes for now, RFC 3339.
    #[arg(long, value_name = "INSTANT", requires = "once")]
    now: Option<DateTime<FixedOffset>>,
    /// For trying things out: mail goes to a catcher on this machine, which keeps each as a file in this folder, and
    /// nothing leaves. What it catches counts as sent.
    #[arg(long, value_name = "DIR")]
    catch_mail: Option<PathBuf>,
    /// How lines of the log look, instead of the configuration's.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failed> {
        let mut config = self.config.load()?;
        config.log.format = self.log_format.unwrap_or(config.log.format);
        logging::start(&config.log)?;
        let clock = self.now.map_or(Clock::System, |now| Clock::fixed(now.to_utc()));
        if self.now.is_some_and(|now| now.to_utc() > Clock::System.now()) {
            // What would be due one day may be tried; what is purged is gone today.
            config.retention = RetentionSettings::default();
        }
        block_on(async {
            let catcher = match &self.catch_mail {
                Some(folder) => Some(Catcher::start(folder.clone()).await?),
                None => None,
            };
            if let Some(catcher) = &catcher {
                catch(catcher, &mut config);
            }
            let again = || {
                let mut config = self.config.read()?;
                if let Some(catcher) = &catcher {
                    catch(catcher, &mut config);
                }
                Ok(config)
            };
            let ended = match self.once {
                true => once(&config, clock).await,
                false => serve(config, clock, &again).await,
            };
            if let Some(catcher) = catcher {
                tracing::info!(mails = catcher.count(), folder = %catcher.folder().display(), "caught");
                catcher.stop().await;
            }
            ended
        })?
        .map_err(|error: DaemonError| Failed::with(exit_code(&error), error_text(&error)))
    }
}

/// Has mail go to a catcher of this process, and nothing go anywhere else.
fn catch(catcher: &Catcher, config: &mut Config) {
    config.email = Some(EmailSettings::to_catcher(catcher.address(), config.email.as_ref()));
    if !config.webhooks.is_empty() {
        tracing::warn!("webhooks hear nothing while mail is caught");
        config.webhooks.clear();
    }
}

/// The daemon, until it is stopped. With another configuration another daemon goes on in its place, in the same process: all
/// that matters is in the database.
async fn serve(
    mut config: Config,
    clock: Clock,
    again: &impl Fn() -> Result<Config, ConfigError>,
) -> Result<(), DaemonError> {
    let mut signals = Signals::take()?;
    let mut earlier: Option<Config> = None;
    // Says that it lives while one daemon has ended and the next has not begun.
    let mut between = None;
    loop {
        match one_daemon(&config, clock.clone(), &mut signals, again, between.take()).await {
            Ok(Ended::Stopped) => return Ok(()),
            Ok(Ended::Changed(changed, signs_of_life)) => {
                earlier = Some(std::mem::replace(&mut config, *changed));
                between = Some(signs_of_life);
            }
            Err(error) => match earlier.take() {
                Some(before) => {
                    tracing::error!(%error, "the configuration on disk cannot be used after all; the earlier one is again");
                    config = before;
                }
                None => return Err(error),
            },
        }
    }
}

async fn one_daemon(
    config: &Config,
    clock: Clock,
    signals: &mut Signals,
    again: &impl Fn() -> Result<Config, ConfigError>,
    between: Option<SignsOfLife>,
) -> Result<Ended, DaemonError> {
    let daemon = Arc::new(Daemon::open(config, clock).await?);
    let ended = beside_web(&daemon, config, signals, again, between).await;
    leave(daemon).await;
    ended
}

/// The daemon, and the web server beside it for as long as it runs.
async fn beside_web(
    daemon: &Arc<Daemon>,
    config: &Config,
    signals: &mut Signals,
    again: &impl Fn() -> Result<Config, ConfigError>,
    between: Option<SignsOfLife>,
) -> Result<Ended, DaemonError> {
    let server = match &config.http {
        Some(settings) => Some(Server::start(settings, Arc::clone(daemon)).await?),
        None => None,
    };
    let ended = run(daemon, config, signals, again, between).await;
    if let Some(server) = server {
        server.stop().await;
    }
    ended
}

async fn leave(daemon: Arc<Daemon>) {
    if let Err(error) = daemon.keep_chains().await {
        tracing::warn!(%error, "where the audit trail ends could not be noted");
    }
    if let Err(error) = daemon.leave().await {
        tracing::warn!(%error, "other daemons do not hear that this one ended");
    }
    if let Some(daemon) = Arc::into_inner(daemon) {
        daemon.store.close().await;
    }
}

async fn once(config: &Config, clock: Clock) -> Result<(), DaemonError> {
    let daemon = Arc::new(Daemon::open(config, clock).await?);
    let done = one_round(&daemon).await;
    leave(daemon).await;
    done
}

async fn one_round(daemon: &Arc<Daemon>) -> Result<(), DaemonError> {
    daemon.poll_sources().await;
    let ticked = daemon.tick().await;
    if !daemon.stands_back() {
        let is_well = match &ticked {
            Ok(tick) => daemon.is_well(&tick.swept).await?,
            Err(_) => false,
        };
        daemon.tell_dead_man(is_well).await;
    }
    let tick = ticked?;
    daemon.tell_operator().await?;
    tracing::info!(
        planned = tick.swept.planned,
        rounds = tick.swept.rounds,
        sent = tick.delivered.sent,
        waiting = tick.delivered.failed,
        "done"
    );
    Ok(())
}

fn exit_code(error: &DaemonError) -> u8 {
    match error {
        DaemonError::Config(_) | DaemonError::Setting(_) | DaemonError::Rules(_) => CONFIGURATION,
        DaemonError::Store(StoreError::Newer { .. }) => CONFIGURATION,
        _ => FAILED,
    }
}

/// Rules that cannot be used are shown with their lines.
fn error_text(error: &DaemonError) -> String {
    match error {
        DaemonError::Rules(crate::folder::FolderError::Invalid(report)) => {
            format!("{error}; nothing was started\n\n{}", report.render(super::is_coloured()).trim_end())
        }
        other => other.to_string(),
    }
}
