//! The operator is told by mail when something needs a person: once a day for each cause, whatever restarts and however many
//! daemons there are. A mail that is known not to have left is tried again; one that may have left is not.
//!
//! Deliberately absent: the outbox. It is a municipality's, a full disk would close it, and nobody has to be told twice that
//! the disk is full.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use tokio::time::Instant as Moment;
use uuid::Uuid;

use super::{Daemon, Swept};
use crate::calendar::{Instant, civil_date};
use crate::config::OperatorSettings;
use crate::delivery::email::{Composed, Outgoing, Session, Smtp, compose};
use crate::delivery::message::{OPERATOR_ZONE, Rendered, Trouble, operator_message};
use crate::delivery::setting::SettingError;
use crate::delivery::{Failure, FailureClass};
use crate::language::Language;
use crate::organisation::Address;
use crate::store::{EMAIL, StoreError};

/// How long the database may be away before anybody is woken for it.
const OUTAGE: TimeDelta = TimeDelta::minutes(5);

/// How soon a mail that did not leave is tried again.
const AGAIN: Duration = Duration::from_secs(600);

/// Who is told, and what is known that the database does not say.
#[derive(Debug)]
pub(super) struct Operator {
    addresses: Vec<Address>,
    language: Language,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What happened, or goes on, by cause: not in the database, so of this process.
    raised: BTreeMap<String, (Trouble, Instant)>,
    /// What was told while the database could not be asked.
    told: BTreeSet<(String, NaiveDate)>,
    /// When a mail last did not leave.
    failed_at: Option<Moment>,
}

impl Operator {
    pub(super) fn new(settings: Option<&OperatorSettings>) -> Result<Self, SettingError> {
        let addresses = settings.map(OperatorSettings::addresses).transpose()?.unwrap_or_default();
        let language = settings.map(|settings| settings.language).unwrap_or_default();
        Ok(Self { addresses, language, state: Mutex::default() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened that needs a person. What goes on keeps the moment at which it began.
    pub(super) fn raise(&self, trouble: Trouble, since: Instant) {
        if self.addresses.is_empty() {
            return;
        }
        let mut state = self.state();
        let since = state.raised.get(&trouble.cause()).map_or(since, |(_, known)| *known);
        state.raised.insert(trouble.cause(), (trouble, since));
    }

    /// It is over.
    pub(super) fn calm(&self, trouble: &Trouble) {
        self.state().raised.remove(&trouble.cause());
    }
}

impl Daemon {
    /// Whether anybody is told when something needs a person.
    #[must_use]
    pub fn has_operator(&self) -> bool {
        !self.operator.addresses.is_empty()
    }

    /// Tells the operator what needs a person and was not told today. How many things were told.
    ///
    /// Nothing is tried while the channel for mail is held: what refuses all mail refuses this too.
    ///
    /// # Errors
    /// What the database says. Where it cannot be used for long, that is told all the same.
    pub async fn tell_operator(&self) -> Result<usize, StoreError> {
        let Some(smtp) = self.channels.smtp.as_ref().filter(|_| self.has_operator()) else {
            return Ok(0);
        };
        if self.operator.state().failed_at.is_some_and(|at| at.elapsed() < AGAIN) {
            return Ok(0);
        }
        let now = self.clock.now();
        let day = civil_date(OPERATOR_ZONE, now);
        if let Some(trouble) = self.outage(day, now) {
            let cause = trouble.0.cause();
            if self.mail_operator(smtp, &[trouble], now).await {
                self.operator.state().told.insert((cause, day));
                return Ok(1);
            }
            return Ok(0);
        }
        let troubles = self.troubles(now).await?;
        if troubles.is_empty() || self.is_mail_held(now).await? {
            return Ok(0);
        }
        let mut ours = Vec::new();
        for trouble in troubles {
            if self.store.claim_telling(&trouble.0.cause(), day, now).await? {
                ours.push(trouble);
            }
        }
        if ours.is_empty() || self.mail_operator(smtp, &ours, now).await {
            self.forget_events(&ours);
            return Ok(ours.len());
        }
        for (trouble, _) in &ours {
            self.store.release_telling(&trouble.cause(), day).await?;
        }
        Ok(0)
    }

    /// The database, where it has been away for long and that was not told today.
    fn outage(&self, day: NaiveDate, now: Instant) -> Option<(Trouble, Instant)> {
        let state = self.operator.state();
        let cause = Trouble::Database.cause();
        let (trouble, since) = state.raised.get(&cause)?;
        let is_due = now - *since >= OUTAGE && !state.told.contains(&(cause, day));
        is_due.then(|| (trouble.clone(), *since))
    }

    /// What needs a person, by what the database says and what happened here.
    async fn troubles(&self, now: Instant) -> Result<Vec<(Trouble, Instant)>, StoreError> {
        let standing = self.store.standing(now).await?;
        let channels = standing.channels.iter().filter_map(|channel| {
            let (since, code) = (channel.held_since?.instant(), channel.held_code.clone().unwrap_or_default());
            Some((Trouble::ChannelHeld { channel: channel.name.clone(), code }, since))
        });
        let quarantined = standing.tenants.iter().filter(|tenant| tenant.quarantined > 0).map(|tenant| {
            let since = tenant.quarantined_since.map_or(now, |since| since.instant());
            (Trouble::Quarantine { tenant: tenant.id.clone(), count: tenant.quarantined }, since)
        });
        let mut troubles: Vec<_> = channels.chain(quarantined).collect();
        let states = if self.sources.is_empty() { vec![] } else { self.store.source_states().await? };
        for state in &states {
            let Some(source) = self.sources.iter().find(|source| source.name == state.name) else { continue };
            let silent = state.failed_since.filter(|since| {
                let read = state.ok_at.unwrap_or(*since);
                (now - read).to_std().is_ok_and(|age| age > source.stale_after)
            });
            let name = || state.name.clone();
            troubles.extend(silent.map(|since| (Trouble::SourceSilent { source: name() }, since)));
            let held = state.counts.iter().filter_map(|count| count.held).map(|held| held.since).min();
            troubles.extend(held.map(|since| (Trouble::SourceHeld { source: name() }, since)));
        }
        let state = self.operator.state();
        let here = state.raised.values().filter(|(trouble, _)| trouble.cause() != Trouble::Database.cause());
        troubles.extend(here.cloned());
        Ok(troubles)
    }

    /// Whether a watcher elsewhere should hear that all is well: nothing failed to be planned, and mail leaves.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_well(&self, swept: &Swept) -> Result<bool, StoreError> {
        Ok(swept.failed == 0 && !(self.has_dead_man() && self.is_mail_held(self.clock.now()).await?))
    }

    async fn is_mail_held(&self, now: Instant) -> Result<bool, StoreError> {
        let channels = self.store.channels().await?;
        Ok(channels.iter().any(|channel| channel.name == EMAIL && channel.held_at(now).is_some()))
    }

    /// What happened once is over with being told; what goes on is told again tomorrow.
    fn forget_events(&self, told: &[(Trouble, Instant)]) {
        let mut state = self.operator.state();
        for (trouble, since) in told.iter().filter(|(trouble, _)| trouble.is_event()) {
            if state.raised.get(&trouble.cause()).is_some_and(|(_, known)| known == since) {
                state.raised.remove(&trouble.cause());
            }
        }
    }

    /// Whether at least one mail left, or may have.
    async fn mail_operator(&self, smtp: &Smtp, troubles: &[(Trouble, Instant)], now: Instant) -> bool {
        let causes: Vec<String> = troubles.iter().map(|(trouble, _)| trouble.cause()).collect();
        let rendered = operator_message(self.operator.language, troubles);
        let mut left = 0;
        for address in &self.operator.addresses {
            match hand_over(smtp, address, self.operator.language, &rendered, now).await {
                Ok(()) => left += 1,
                Err(failure) if failure.class == FailureClass::Unknown => {
                    tracing::warn!(code = %failure.code, "the operator may not have been told");
                    left += 1;
                }
                Err(failure) => tracing::warn!(code = %failure.code, "the operator could not be told"),
            }
        }
        if left > 0 {
            tracing::info!(causes = %causes.join(" "), mails = left, "the operator was told");
        }
        self.operator.state().failed_at = (left == 0).then(Moment::now);
        left > 0
    }
}

async fn hand_over(
    smtp: &Smtp,
    to: &Address,
    language: Language,
    rendered: &Rendered,
    at: Instant,
) -> Result<(), Failure> {
    let id = Uuid::now_v7();
    let mail: Composed =
        compose(smtp, &Outgoing { id, to, language, rendered, obligation: None, calendar: &[], files: &[], at })?;
    let mut session = Session::open(smtp).await?;
    session.prepare(&mail).await?;
    let taken = session.transmit(&mail).await;
    session.quit().await;
    taken.map(|_| ())
}
