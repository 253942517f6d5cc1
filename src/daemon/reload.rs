//! Rules come into use: at the start, and whenever they are read again. Those on disk may be broken, or send far more than
//! anybody meant; then the ones that were in use stay, and somebody is told.

use std::path::Path;

use super::channels::Channels;
use super::forecast::{Forecast, forecast};
use super::operator::Operator;
use super::progress::Work;
use super::{Daemon, DaemonError, Rules};
use crate::calendar::Instant;
use crate::config::{Config, ConfigError, ReloadSettings};
use crate::delivery::message::Trouble;
use crate::folder::FolderError;
use crate::source;
use crate::store::{Store, StoreError};

/// How many cases are looked at before rules come into use: at the start, for which a service manager waits, and later.
const AT_THE_START: usize = 20_000;
const LATER: usize = 50_000;

/// What came of reading the rules again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Nothing changed.
    Same,
    /// Those on disk are in use now.
    InUse,
    /// Those on disk cannot be used; the ones in use stay.
    Broken,
    /// Those on disk would send far more; the ones in use stay.
    Held,
    /// The configuration on disk cannot be used; everything stays.
    Unusable,
}

impl Read {
    /// What there is to say until they are read again and are in use.
    pub(super) fn standing(self) -> &'static str {
        match self {
            Self::Same | Self::InUse => "",
            Self::Broken => " The rules on disk cannot be used, and the earlier ones are.",
            Self::Held => " The rules on disk wait for `fristvakt rules confirm`.",
            Self::Unusable => " The configuration on disk cannot be used, and the earlier one is.",
        }
    }

    /// What the service manager shows.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Same => "Ready; the rules on disk are those in use.",
            Self::InUse => "Ready, with the rules as they are on disk.",
            Self::Broken => "Ready, with the rules as they were: those on disk cannot be used. The log says why.",
            Self::Unusable => {
                "Ready, with rules and configuration as they were: what is on disk cannot be used. The log says why."
            }
            Self::Held => {
                "Ready, with the rules as they were: those on disk would send far more. See `fristvakt rules`."
            }
        }
    }
}

/// The rules to begin with: those on disk, or the ones that were last in use where those are broken or would send far more.
/// And what the operator should hear of that.
pub(super) async fn first(
    store: &Store,
    disk: Result<Rules, FolderError>,
    guard: ReloadSettings,
    now: Instant,
) -> Result<(Rules, Option<Trouble>), DaemonError> {
    let kept = match store.kept_rules().await? {
        Some((_, files)) => Rules::kept(files).ok(),
        None => None,
    };
    match (disk, kept) {
        (Ok(disk), None) => Ok((disk, None)),
        (Ok(disk), Some(kept)) => Ok(match weigh(store, guard, [&kept, &disk], AT_THE_START, now, || ()).await? {
            None => (disk, None),
            Some(held) => (kept, Some(held)),
        }),
        (Err(error), Some(kept)) => {
            tracing::error!(%error, "the rules on disk cannot be used; those that were last in use are. `fristvakt check` shows file, line and mend");
            Ok((kept, Some(Trouble::RulesBroken)))
        }
        (Err(error), None) => Err(error.into()),
    }
}

/// What other rules would change goes into the log; and what is wrong, where they would send so much more that a person has to
/// let them go.
async fn weigh(
    store: &Store,
    guard: ReloadSettings,
    [in_use, other]: [&Rules; 2],
    most: usize,
    now: Instant,
    came_on: impl FnMut(),
) -> Result<Option<Trouble>, StoreError> {
    if in_use.fingerprint == other.fingerprint {
        return Ok(None);
    }
    let Forecast { added, dropped, before, after, cases, is_part } =
        forecast(store, [&in_use.set, &other.set], most, now, came_on).await?;
    tracing::info!(
        rules = %&other.fingerprint[..12],
        added,
        dropped,
        messages_before = before,
        messages_after = after,
        cases,
        is_part,
        "what the rules on disk change in the next seven days: notices added and dropped, messages before and after"
    );
    if !guard.holds(before, after) || store.are_confirmed(&other.fingerprint).await? {
        return Ok(None);
    }
    tracing::error!(
        before,
        after,
        "the rules on disk would send far more messages in the next seven days than those in use, which stay; \
         see `fristvakt rules status`, and let them go with `fristvakt rules confirm` and a reload"
    );
    Ok(Some(Trouble::RulesHeld { before, after }))
}

/// The rules on disk, if they can be used; what is wrong goes into the log.
fn on_disk(folder: Option<&Path>) -> Option<Rules> {
    let rules = match Rules::load(folder) {
        Ok(rules) => rules,
        Err(error) => {
            tracing::error!(%error, "the rules on disk cannot be used; the ones in use stay. `fristvakt check` shows file, line and mend");
            return None;
        }
    };
    let problems = rules.template_problems();
    if problems.is_empty() {
        return Some(rules);
    }
    for problem in problems {
        tracing::error!(%problem, "a message template cannot be used");
    }
    tracing::error!(
        "the rules on disk have templates that cannot be used; the ones in use stay. `fristvakt check` shows file, line and mend"
    );
    None
}

/// Whether a daemon could work with a configuration, as far as that can be said without its database.
fn usable(config: &Config) -> Result<(), DaemonError> {
    Channels::load(config)?;
    source::load(&config.sources)?;
    config.dead_man.as_ref().map(|settings| settings.load()).transpose()?;
    config.watchdog.checked()?;
    Operator::new(config.operator.as_ref())?;
    config.location()?;
    config.journal_folder()?;
    Ok(())
}

impl Daemon {
    /// Reads rules and configuration again. What came of the rules; and the configuration, where it is another one and a
    /// daemon is to go on with it. On any error in either, both stay as they are.
    pub(super) async fn read_again(
        &self,
        config: &Config,
        again: &impl Fn() -> Result<Config, ConfigError>,
        work: &Work,
    ) -> (Read, Option<Box<Config>>) {
        let changed = match again() {
            Ok(read) if read.digest == config.digest => None,
            Ok(read) => Some(read),
            Err(error) => return (self.configuration_stays(&error), None),
        };
        let Some(changed) = changed else { return (self.read_rules_again(config.rules.as_deref(), work).await, None) };
        if (&changed.database, &changed.journal) != (&config.database, &config.journal) {
            return (self.configuration_stays(&"`database` and `journal` change with a restart"), None);
        }
        if let Err(error) = usable(&changed) {
            return (self.configuration_stays(&error), None);
        }
        self.operator.calm(&Trouble::ConfigurationBroken);
        let rules = match self.weighed(changed.rules.as_deref(), work).await {
            Ok(Ok(rules)) => rules,
            Ok(Err(trouble)) => {
                tracing::error!(
                    "the changed configuration was not taken either: it comes into use together with the rules on disk"
                );
                return (self.rules_stay(trouble), None);
            }
            Err(error) => return (self.configuration_stays(&error), None),
        };
        // On a server that makes them everybody's, before this daemon leaves.
        if let Some(rules) = rules
            && let Err(error) = self.replace_rules(rules).await
        {
            return (self.configuration_stays(&error), None);
        }
        (Read::InUse, Some(Box::new(changed)))
    }

    fn configuration_stays(&self, error: &dyn std::fmt::Display) -> Read {
        tracing::error!(%error, "the configuration on disk cannot be used; everything stays as it is");
        self.operator.raise(Trouble::ConfigurationBroken, self.clock.now());
        Read::Unusable
    }

    fn rules_stay(&self, trouble: Trouble) -> Read {
        let read = if trouble == Trouble::RulesBroken { Read::Broken } else { Read::Held };
        self.operator.raise(trouble, self.clock.now());
        read
    }

    /// Reads the rules and their templates again; on any error in either, the ones in use stay.
    pub(super) async fn read_rules_again(&self, folder: Option<&Path>, work: &Work) -> Read {
        let read = match self.weighed(folder, work).await {
            Ok(Ok(None)) => {
                tracing::info!(
                    "rules and configuration read again: nothing changed; passwords and tokens in files are read at a start"
                );
                return self.rules_are_fine(Read::Same);
            }
            Ok(Ok(Some(rules))) => self.replace_rules(rules).await.map(|()| Read::InUse),
            Ok(Err(trouble)) => return self.rules_stay(trouble),
            Err(error) => Err(error),
        };
        match read {
            Ok(read) => {
                tracing::info!("rules read again");
                self.rules_are_fine(read)
            }
            Err(error) => {
                tracing::error!(%error, "the new rules could not be noted; the ones in use stay");
                Read::Broken
            }
        }
    }

    /// The rules on disk, where they are others and may come into use; `None`: they are in use. Or what keeps them from it.
    pub(super) async fn weighed(
        &self,
        folder: Option<&Path>,
        work: &Work,
    ) -> Result<Result<Option<Rules>, Trouble>, StoreError> {
        let Some(disk) = on_disk(folder) else { return Ok(Err(Trouble::RulesBroken)) };
        let in_use = self.rules();
        if in_use.fingerprint == disk.fingerprint {
            return Ok(Ok(None));
        }
        let came_on = || work.came_on();
        let held = weigh(&self.store, self.reload, [&in_use, &disk], LATER, self.clock.now(), came_on).await?;
        Ok(held.map_or(Ok(Some(disk)), Err))
    }

    fn rules_are_fine(&self, read: Read) -> Read {
        self.operator.calm(&Trouble::RulesBroken);
        self.operator.calm(&Trouble::ConfigurationBroken);
        read
    }
}
