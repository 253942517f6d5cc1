//! The main job, from nothing: two sample municipalities, a real database, real mail to the built-in catcher, ten weeks
//! in fast-forward.
//!
//! Nothing is played: the daemon's own tick runs at every moment at which it would have woken, on a clock that jumps
//! from one to the next.

mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Europe::Oslo;

use crate::calendar::{Instant, end_of_day, first_instant};
use crate::catcher::Catcher;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::daemon::{Daemon, DaemonError};
use crate::report::{Format, Period, Report, ReportError, Request, save};
use crate::schedule::Scheduled;
use crate::store::{FileError, Load};

pub use summary::{Reader, Summary};

/// The facts of the sample municipalities: 40 cases over two routines.
pub const SAMPLE: &str = include_str!("sample.ndjson");

/// The first and the last day of the demonstration.
const DAYS: [(i32, u32, u32); 2] = [(2026, 3, 2), (2026, 5, 10)];

/// Where the parts of a demonstration are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that holds everything.
    pub folder: PathBuf,
    /// The facts.
    pub facts: PathBuf,
    /// A configuration for further commands.
    pub config: PathBuf,
    /// The mails, as `.eml` files.
    pub mails: PathBuf,
    /// The report of the ten weeks, as a page.
    pub report: PathBuf,
    /// The same as a workbook.
    pub workbook: PathBuf,
    /// Mails that were sent on a schedule: the last of each kind.
    pub scheduled: Vec<(Scheduled, PathBuf)>,
}

/// Why a demonstration could not be run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder cannot be made.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The folder was used before.
    #[error("{0} holds an earlier demonstration; choose another folder, or remove it")]
    Used(PathBuf),
    /// The mail catcher does not start.
    #[error("the mail catcher does not start: {0}")]
    Catcher(std::io::Error),
    /// The daemon cannot go on.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The ten weeks are no period.
    #[error("{0}")]
    Period(String),
    /// The report of them cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The sample facts are refused.
    #[error("the sample facts are refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Facts(Vec<FileError>),
}

impl From<ConfigError> for DemoError {
    fn from(error: ConfigError) -> Self {
        Self::Daemon(error.into())
    }
}

impl From<crate::store::StoreError> for DemoError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Daemon(error.into())
    }
}

/// Runs the demonstration in `folder`. `progress` hears of each day as it begins.
///
/// # Errors
/// Where the folder cannot be used. The demonstration itself has nothing that could fail.
pub async fn run(folder: &Path, mut progress: impl FnMut(NaiveDate)) -> Result<(Places, Summary), DemoError> {
    let mut places = lay_out(folder)?;
    let catcher = Catcher::start(places.mails.clone()).await.map_err(DemoError::Catcher)?;
    let port = catcher.address().port();
    write(&places.config, &config_text(port))?;
    let config = Config::load(Some(&places.config))?;
    let [begins, ends] = days();
    let clock = Clock::fixed(begins);
    let daemon = Arc::new(Daemon::open(&config, clock.clone()).await?);
    let facts = std::slice::from_ref(&places.facts);
    let rules = daemon.rules();
    daemon.store.import(facts, &rules.set, Load::Append, begins, |_| {}).await.map_err(DemoError::Facts)?;
    let mut now = begins;
    let (mut day, mut differences) = (None, 0);
    while now <= ends {
        clock.set(now);
        let today = now.with_timezone(&Oslo).date_naive();
        if day.replace(today) != Some(today) {
            progress(today);
        }
        let tick = daemon.tick().await?;
        differences += tick.differences;
        // Nothing is due twice at one moment; the step keeps time going whatever the store says.
        let next = daemon.next_at(&tick.swept).await?.unwrap_or(ends + TimeDelta::seconds(1));
        now = next.max(now + TimeDelta::seconds(1));
    }
    clock.set(ends);
    let request = Request::of(Period::new(date(DAYS[0]), date(DAYS[1])).map_err(DemoError::Period)?);
    let mut report = Report::read(&daemon.store, &rules.set, &request, ends, |_| {}).await?;
    save(&mut report, Format::Html, &places.report)?;
    save(&mut report, Format::Xlsx, &places.workbook)?;
    let summary = Summary { differences, ..Summary::of(&daemon.store, ends).await? };
    catcher.stop().await;
    for (scheduled, message) in &summary.scheduled {
        places.scheduled.extend(mail_of(&places.mails, message)?.map(|path| (*scheduled, path)));
    }
    Ok((places, summary))
}

fn date((year, month, day): (i32, u32, u32)) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn days() -> [Instant; 2] {
    let [first, last] = DAYS.map(date);
    [first_instant(Oslo, first), end_of_day(Oslo, last)]
}

/// The file of a message's mail, which the catcher named by the order in which it came.
fn mail_of(mails: &Path, message: &str) -> Result<Option<PathBuf>, DemoError> {
    let failed = |error| DemoError::File(mails.to_owned(), error);
    for entry in std::fs::read_dir(mails).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let mail = std::fs::read(&path).map_err(failed)?;
        let head = String::from_utf8_lossy(&mail);
        let mut head = head.lines().take_while(|line| !line.is_empty());
        if head.any(|line| line.to_ascii_lowercase().starts_with("message-id:") && line.contains(message)) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// How many days the demonstration has.
#[must_use]
pub fn length() -> u64 {
    let [begins, ends] = days();
    u64::try_from((ends - begins).num_days()).unwrap_or(0)
}

fn lay_out(folder: &Path) -> Result<Places, DemoError> {
    let places = Places {
        folder: folder.to_owned(),
        facts: folder.join("facts.ndjson"),
        config: folder.join("fristvakt.toml"),
        mails: folder.join("mail"),
        report: folder.join("report.html"),
        workbook: folder.join("report.xlsx"),
        scheduled: vec![],
    };
    if places.config.exists() {
        return Err(DemoError::Used(folder.to_owned()));
    }
    std::fs::create_dir_all(&places.mails).map_err(|error| DemoError::File(places.mails.clone(), error))?;
    write(&places.facts, SAMPLE)?;
    Ok(places)
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    std::fs::write(path, text).map_err(|error| DemoError::File(path.to_owned(), error))
}

/// A configuration like a municipality's, but with the catcher as relay.
fn config_text(port: u16) -> String {
    format!(
        "# Written by `fristvakt demo`. The relay was the demo's own mail catcher, which has stopped.\n\
         database = \"sqlite://demo.db\"\n\n\
         [email]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"fristvakt@fristvakt.example\"\n"
    )
}
