//! The daemon: a tick is a sweep (plan what is due, write it down) and a delivery (empty the outbox).
//!
//! Nothing keeps a timer in memory that matters: the next moment comes from the store, and a pulse once a minute looks
//! again, so that a changed file, a jump of the clock or a restart needs no special case.
//!
//! ```text
//!  pulse · next moment · signal ──► sweep: due cases ─► engine::plan ─► store::apply ─► rounds end
//!                                   deliver: claim ─► recheck ─► compose ─► prepare ─► commit ─► hand over ─► settle
//! ```

mod aside;
mod calendar;
mod chain;
mod channels;
mod content;
mod deliver;
mod forecast;
mod municipalities;
mod operator;
mod progress;
mod pulse;
mod recheck;
mod reconcile;
mod reload;
mod retention;
mod rules;
mod run;
mod schedules;
mod service;
mod shared;
mod sources;
mod sweep;
mod undelivered;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::Instrument;
use uuid::Uuid;

use crate::calendar::Instant;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Mode, ReloadSettings, ReportSettings, RetentionSettings};
use crate::delivery::message::Trouble;
use crate::delivery::setting::SettingError;
use crate::folder::FolderError;
use crate::journal::Journal;
use crate::source::{self, Source};
use crate::store::{Access, Recalled, Store, StoreError, TakenBack};

pub use channels::Channels;
pub use deliver::Delivered;
pub use forecast::{Forecast, forecast};
pub use progress::{Part, Progress, Standstill};
pub use pulse::{ACCEPTED, LastSweep, Pulse, Status};
pub use retention::{PurgedPage, purge_page};
pub use rules::Rules;
pub use run::{Ended, Signals, run};
pub use service::SignsOfLife;
pub use sweep::Swept;

/// Everything that a tick needs.
#[derive(Debug)]
pub struct Daemon {
    /// The store, locked against a second daemon.
    pub store: Store,
    /// Where "now" comes from.
    pub clock: Clock,
    /// What the other side took, whatever the database says.
    journal: Journal,
    /// What it shows of itself.
    pub pulse: Pulse,
    /// Whether it comes on with its work.
    pub progress: Arc<Progress>,
    channels: Channels,
    mode: Mode,
    /// When other rules have to be let go by a person.
    reload: ReloadSettings,
    /// What is to be said of rules and configuration on disk that are not in use; empty: nothing.
    standing: std::sync::Mutex<&'static str>,
    /// How many mails one recipient gets a day.
    mails_a_day: u32,
    /// What is sent when, whatever happens.
    reports: ReportSettings,
    /// The figures that reports of the last municipality were made from.
    overview: tokio::sync::Mutex<Option<schedules::Overview>>,
    /// How long closed cases are kept.
    retention: RetentionSettings,
    /// Names this process in attempts: the journal's id, and its own.
    owner: String,
    current: RwLock<Arc<Rules>>,
    known: municipalities::Known,
    /// Whether a delivery may have left messages in its hands.
    unsettled: AtomicBool,
    /// What it knows of others that work with the same database.
    shared: shared::Shared,
    /// Whether this process asked whether a reconciliation is due.
    looked: AtomicBool,
    /// How many rounds of work there were.
    ticks: AtomicU64,
    /// Somebody changed the store and wants it looked at without waiting for the pulse.
    woken: Notify,
    /// Who elsewhere hears that it lives.
    watcher: aside::Watcher,
    /// Who is told when something needs a person.
    operator: operator::Operator,
    /// Where facts are read from.
    sources: Vec<Arc<Source>>,
}

/// What one tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// What was planned.
    pub swept: Swept,
    /// What was sent.
    pub delivered: Delivered,
    /// What the daily reconciliation found, where it was due.
    pub differences: usize,
    /// Whether nothing was done, because this daemon does not agree with others about the same database.
    pub stood_back: bool,
}

/// Why the daemon cannot go on. What concerns one case or one message is never among these.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A channel's settings cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] FolderError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pulse cannot be set up.
    #[error("the scheduler does not start: {0}")]
    Scheduler(String),
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Daemon {
    /// Opens everything, and takes back what an earlier process left half done.
    ///
    /// # Errors
    /// Where configuration, rules or database cannot be used.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, DaemonError> {
        let disk = Rules::load(config.rules.as_deref());
        let channels = Channels::load(config)?;
        let (sources, warnings) = source::load(&config.sources)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let dead_man = match &config.dead_man {
            Some(settings) => {
                let (dead_man, warnings) = settings.load()?;
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                Some(dead_man)
            }
            None => None,
        };
        // A call to a server may take as long as the configuration lets it.
        let calls = if config.is_on_server() { config.database_timeout.into() } else { 0 };
        let patience = config.watchdog.checked()?.saturating_add(Duration::from_secs(calls));
        let store = Store::open(config.location()?, Access::Daemon).await?;
        let journal = Journal::open(&config.journal_folder()?).map_err(StoreError::from)?;
        let (rules, trouble) = reload::first(&store, disk, config.reload, clock.now()).await?;
        let standing = match &trouble {
            Some(Trouble::RulesBroken) => reload::Read::Broken.standing(),
            Some(_) => reload::Read::Held.standing(),
            None => "",
        };
        for problem in rules.template_problems() {
            tracing::error!(%problem, "a message template cannot be used; shipped or plain words go out instead");
        }
        let owner = format!("{}/{}", journal.id(), Uuid::now_v7());
        let pulse = Pulse::new(clock.now());
        let daemon = Self {
            store,
            clock,
            journal,
            pulse,
            progress: Arc::new(Progress::new(patience)),
            channels,
            mode: config.mode,
            reload: config.reload,
            standing: std::sync::Mutex::new(standing),
            mails_a_day: config.limits.mails_per_recipient_and_day,
            reports: config.reports.clone(),
            overview: tokio::sync::Mutex::default(),
            retention: config.retention.clone(),
            owner,
            current: RwLock::new(Arc::new(rules)),
            known: municipalities::Known::default(),
            unsettled: AtomicBool::new(false),
            looked: AtomicBool::new(false),
            ticks: AtomicU64::new(0),
            shared: shared::Shared::default(),
            watcher: aside::Watcher::new(dead_man),
            operator: operator::Operator::new(config.operator.as_ref())?,
            woken: Notify::new(),
            sources: sources.into_iter().map(Arc::new).collect(),
        };
        if let Some(trouble) = trouble {
            daemon.operator.raise(trouble, daemon.clock.now());
        }
        daemon.store.introduce(&daemon.owner).await?;
        if daemon.store.is_shared() {
            daemon.compared().await?;
            return Ok(daemon);
        }
        daemon.store.note_configuration(&config.digest).await?;
        daemon.recall().await?;
        let TakenBack { unsent, maybe_sent } =
            daemon.store.take_back_dead_attempts(daemon.clock.now(), &daemon.owner).await?;
        if unsent + maybe_sent > 0 {
            tracing::warn!(unsent, maybe_sent, "took back messages that an earlier process had in hand");
        }
        daemon.note_rules(&daemon.rules()).await?;
        Ok(daemon)
    }

    /// The rules in use.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Takes other rules into use; all cases are planned again.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn replace_rules(&self, rules: Rules) -> Result<(), StoreError> {
        self.note_rules(&rules).await?;
        let rules = Arc::new(rules);
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = rules;
        if self.store.is_shared() {
            self.say_alive().await?;
        }
        Ok(())
    }

    /// Has the running loop look at the store at once; where it is busy, once more when it is done.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// The folder of the acceptance journal: on a disk, and readable by its owner alone.
    #[must_use]
    pub fn journal_folder(&self) -> &Path {
        self.journal.folder()
    }

    /// Takes what the acceptance journal knows and the database does not as sent.
    async fn recall(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.journal.forget_old(now)?;
        let end = self.journal.end();
        let found = self.journal.after(self.store.journal_mark(self.journal.id()).await?)?;
        for place in &found.damaged {
            tracing::error!(%place, "a line of the acceptance journal is damaged; its message may go out again");
        }
        let Recalled { settled, restored } = self.store.recall(&found.entries, (self.journal.id(), end), now).await?;
        self.shared.marked(end);
        if restored > 0 {
            self.operator.raise(Trouble::JournalAhead { count: restored }, now);
            tracing::error!(
                settled,
                restored,
                "the database is older than the acceptance journal; what the journal knows was recalled and is not sent again"
            );
        } else if settled > 0 {
            tracing::warn!(settled, "recalled from the acceptance journal what an earlier process had sent");
        }
        Ok(())
    }

    async fn note_rules(&self, rules: &Rules) -> Result<(), StoreError> {
        if self.store.note_rules(&rules.fingerprint).await? {
            tracing::info!(rules = %&rules.fingerprint[..12], "rules in use; all cases will be planned with them");
        }
        self.store.keep_rules(&rules.fingerprint, &rules.files, self.clock.now()).await
    }

    /// The names of the channels that are configured.
    #[must_use]
    pub fn channel_names(&self) -> Vec<String> {
        self.channels.names()
    }

    /// One tick: plans what is due, holds the rounds whose time has come, and empties the outbox.
    ///
    /// # Errors
    /// Where the store cannot be used. The same tick may be tried again.
    pub async fn tick(self: &Arc<Self>) -> Result<Tick, StoreError> {
        self.tick_until(&deliver::Stop::never()).await
    }

    /// Every line that the log has of it bears its number.
    async fn tick_until(self: &Arc<Self>, stop: &deliver::Stop) -> Result<Tick, StoreError> {
        let number = self.ticks.fetch_add(1, Ordering::SeqCst) + 1;
        let worked = self.work_through(stop).instrument(tracing::info_span!("round", number)).await;
        match &worked {
            Ok(_) => self.operator.calm(&Trouble::Database),
            Err(StoreError::Full) => self.operator.raise(Trouble::DiskFull, self.clock.now()),
            Err(_) => self.operator.raise(Trouble::Database, self.clock.now()),
        }
        worked
    }

    async fn work_through(self: &Arc<Self>, stop: &deliver::Stop) -> Result<Tick, StoreError> {
        let agreeing = self.progress.begin(Part::Loop);
        if !self.is_in_charge().await? {
            return Ok(Tick { stood_back: true, ..Tick::default() });
        }
        drop(agreeing);
        let swept = self.sweep(self.clock.now()).await?;
        {
            let _work = self.progress.begin(Part::Loop);
            self.hold_schedules(&self.rules(), self.clock.now()).await?;
        }
        let delivered = self.deliver(stop).await?;
        // After a round, and once after a start: the process may have ended before it came to this.
        let is_due = swept.rounds > 0 || !self.looked.swap(true, Ordering::SeqCst);
        let differences = if is_due && !stop.0.is_cancelled() { self.reconcile().await? } else { 0 };
        if is_due && !stop.0.is_cancelled() {
            self.purge(&self.rules(), stop).await?;
        }
        Ok(Tick { swept, delivered, differences, stood_back: false })
    }

    /// When there is something to do after a sweep: a round, a case to plan, or a message to try again.
    ///
    /// # Errors
    /// Where the store cannot be used.
    pub async fn next_at(&self, swept: &Swept) -> Result<Option<Instant>, StoreError> {
        let now = self.clock.now();
        let tries = self.next_tries(now).await?;
        let next = [
            swept.next_round,
            self.store.next_at(now).await?,
            self.next_slot(now).await?,
            tries.into_iter().map(|(_, at)| at).filter(|at| *at > now).min(),
        ];
        Ok(next.into_iter().flatten().min())
    }
}
