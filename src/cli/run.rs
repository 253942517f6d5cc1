//! `fristvakt run`

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::logging;
use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, block_on};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::{Daemon, DaemonError, Signals, run};
use crate::store::StoreError;
use crate::web::Server;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt run\n  fristvakt run --once\n  \
                        fristvakt run --once --now 2026-03-16T08:00:00+01:00 --config test.toml")]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigArgument,
    /// One full round, then end: for cron and for tests.
    #[arg(long)]
    once: bool,
    /// The moment that the round takes for now, RFC 3339.
    #[arg(long, value_name = "INSTANT", requires = "once")]
    now: Option<DateTime<FixedOffset>>,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failed> {
        let config = self.config.load()?;
        logging::start(&config.log)?;
        let clock = self.now.map_or(Clock::System, |now| Clock::fixed(now.to_utc()));
        block_on(async {
            let signals = if self.once { None } else { Some(Signals::take()?) };
            let daemon = Arc::new(Daemon::open(&config, clock).await?);
            let ended = match signals {
                Some(signals) => serve(&daemon, &config, signals).await,
                None => once(&daemon).await,
            };
            if let Err(error) = daemon.leave().await {
                tracing::warn!(%error, "other daemons do not hear that this one ended");
            }
            if let Some(daemon) = Arc::into_inner(daemon) {
                daemon.store.close().await;
            }
            ended
        })?
        .map_err(|error: DaemonError| Failed::with(exit_code(&error), error_text(&error)))
    }
}

/// The daemon, and the web server beside it for as long as it runs.
async fn serve(daemon: &Arc<Daemon>, config: &Config, signals: Signals) -> Result<(), DaemonError> {
    let server = match &config.http {
        Some(settings) => Some(Server::start(settings, Arc::clone(daemon)).await?),
        None => None,
    };
    let ended = run(daemon, config, signals).await;
    if let Some(server) = server {
        server.stop().await;
    }
    ended
}

async fn once(daemon: &Arc<Daemon>) -> Result<(), DaemonError> {
    let tick = daemon.tick().await?;
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
