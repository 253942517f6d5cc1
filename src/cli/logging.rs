//! The log: to stderr, where systemd and people look for it.

use tracing_subscriber::EnvFilter;

use super::{CONFIGURATION, Failed};
use crate::config::{LogFormat, LogSettings};

/// Starts the log.
///
/// # Errors
/// Where the level is none.
pub(super) fn start(settings: &LogSettings) -> Result<(), Failed> {
    // The scheduler tells of its own beginnings at `info`, which nobody asked for; what the level says goes first.
    let filter = EnvFilter::try_new(format!("tokio_cron_scheduler=warn,{}", settings.level))
        .map_err(|error| Failed::with(CONFIGURATION, format!("`log.level`: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match settings.format {
        LogFormat::Text => log.with_ansi(super::is_coloured()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|error| Failed::with(super::FAILED, error))
}
