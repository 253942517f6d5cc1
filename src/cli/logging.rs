//! The log: to stderr, where systemd and people look for it.

use std::fmt;
use std::io::{IsTerminal, stderr};

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{CONFIGURATION, Failed};
use crate::config::{LogFormat, LogSettings, journal_stream};

/// Starts the log.
///
/// # Errors
/// Where the level is none.
pub(super) fn start(settings: &LogSettings) -> Result<(), Failed> {
    // The scheduler tells of its own beginnings at `info`, which nobody asked for; what the level says goes first.
    let filter = EnvFilter::try_new(format!("tokio_cron_scheduler=warn,{}", settings.level))
        .map_err(|error| Failed::with(CONFIGURATION, format!("`log.level`: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    match settings.format {
        LogFormat::Text if !leads_to_the_journal() => log.with_ansi(super::is_coloured()).try_init(),
        LogFormat::Text | LogFormat::Journal => log.with_ansi(false).event_format(Journal::new()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(|error| Failed::with(super::FAILED, error))
}

/// Whether systemd's journal reads stderr: the file that it names is the one that stderr is. A variable that was
/// inherited says nothing of a stderr that was redirected since.
fn leads_to_the_journal() -> bool {
    let Some((device, inode)) = journal_stream().filter(|_| !stderr().is_terminal()) else { return false };
    fstat(stderr()).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode))
}

/// A line for the journal: the priority that it knows, and no time, which it has.
struct Journal(Format<Full, ()>);

impl Journal {
    fn new() -> Self {
        Self(tracing_subscriber::fmt::format().without_time().with_level(false).with_target(false).with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// As in syslog(3): error, warning, informational, debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}
