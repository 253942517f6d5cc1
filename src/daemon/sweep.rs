//! The sweep: every case whose moment has come is planned and written, round by round.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use super::progress::Work;
use super::{Daemon, Part, Rules};
use crate::calendar::Instant;
use crate::config::Mode;
use crate::delivery::message::Trouble;
use crate::engine::{Municipality, Occasion, Plan, plan};
use crate::obligation::RuleIndex;
use crate::store::{self, Application, Applied, EMAIL, StoreError, StoredCase, StoredOrganisation, Subscription};

/// How many cases are planned in one transaction.
const BATCH: u32 = 500;

/// How far the clock may go back, as it does when it is set by the network, without anything being planned again. Daemons
/// on one server may be two minutes apart.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(3);

/// The name under which the coordinator is told what was late at go-live.
pub(super) const BACKLOG: &str = "backlog";

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Cases planned.
    pub planned: usize,
    /// Records or cases that could not be used.
    pub quarantined: usize,
    /// Rounds held.
    pub rounds: usize,
    /// Municipalities that could not be planned.
    pub failed: usize,
    /// When the next round opens, in any municipality.
    pub next_round: Option<Instant>,
}

impl Daemon {
    /// Plans every case that is due at `now`, and holds the rounds whose time has come.
    ///
    /// # Errors
    /// Where the store cannot be used.
    pub async fn sweep(&self, now: Instant) -> Result<Swept, StoreError> {
        let rules = self.rules();
        let work = self.progress.begin(Part::Sweep);
        let mut swept = Swept::default();
        if let Some(ahead) = self.store.planned_at().await?.filter(|planned| *planned > self.clock.now() + CLOCK_SLACK)
        {
            self.operator.raise(Trouble::ClockWentBack, now);
            tracing::error!(%ahead, %now, "the clock went back: what was planned ahead of it is planned again");
            self.store.forget_after(now).await?;
        }
        let (organisations, quarantined) = self.municipalities(&rules, now).await?;
        swept.quarantined += quarantined;
        // What people decided since the last sweep; what plans change is told with them.
        let unannounced = self.store.unannounced().await?;
        for stored in organisations.iter() {
            let tenant = &stored.organisation.tenant;
            if unannounced.iter().any(|id| *id == *tenant.id) {
                self.store.announce(tenant, self.ways_out(&self.channels.subscriptions(&tenant.id)), now).await?;
            }
            match self.sweep_tenant(&rules, stored, now, &work, &mut swept).await {
                Err(error @ StoreError::Unreadable { .. }) => {
                    tracing::error!(tenant = %stored.organisation.tenant.id, %error, "nothing can be planned");
                    swept.quarantined += 1;
                }
                // Another daemon has taken it over, and goes on with it.
                Err(error @ StoreError::NotOurTurn(_)) => tracing::warn!(%error, "this daemon stalled"),
                // What one municipality meets, such as a long import of its own, stops no other.
                Err(error) if self.store.is_shared() && !error.is_outage() => {
                    tracing::error!(tenant = %stored.organisation.tenant.id, %error, "not planned; tried again");
                    swept.failed += 1;
                }
                other => other?,
            }
        }
        if swept.failed > 0 {
            return Ok(swept);
        }
        self.pulse.swept(now, self.clock.now(), swept.next_round);
        Ok(swept)
    }

    async fn sweep_tenant(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        now: Instant,
        work: &Work,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let tenant = &stored.organisation.tenant;
        let municipality = match stored.municipality(&rules.set) {
            Ok(municipality) => municipality,
            Err(reason) => {
                tracing::error!(tenant = %tenant.id, "nothing can be planned: {reason}");
                return Ok(());
            }
        };
        // A round is held even where no case waits for it, so that what becomes known later waits for the next one.
        let next = municipality.round_from(now + TimeDelta::nanoseconds(1));
        swept.next_round = Some(swept.next_round.map_or(next, |earlier| earlier.min(next)));
        if !self.is_our_turn(rules, stored, &municipality, now).await? {
            return Ok(());
        }
        let round = self.round_due(stored, &municipality, now).await?;
        let occasion = if round.is_some() { Occasion::Round } else { Occasion::Between };
        let slot = round.map(|day| municipality.opening(day));
        loop {
            // Where a test has the sweep stand still.
            fail::fail_point!("sweep-batch");
            work.came_on();
            let due = self.store.due_cases(stored, &rules.set, now, BATCH).await?;
            if due.is_empty() {
                break;
            }
            for case in &due.quarantined {
                tracing::error!(tenant = %case.tenant, record = %case.record, "set aside: {}", case.reason);
            }
            swept.quarantined += due.quarantined.len();
            swept.planned += self.plan_cases(&municipality, &due.cases, now, occasion, slot).await?;
        }
        if let Some(day) = round {
            work.came_on();
            self.pass_on_undelivered(rules, stored, now).await?;
            self.tell_tenant(rules, stored, &municipality, day, now).await?;
            let released = self.store.finish_round(&tenant.id, day, now).await?;
            tracing::info!(tenant = %tenant.id, %day, messages = released, "round held");
            swept.rounds += 1;
        }
        self.store.end_turn(&tenant.id).await
    }

    /// The day of the round that is to be held now, if any.
    pub(super) async fn round_due(
        &self,
        stored: &StoredOrganisation,
        municipality: &Municipality<'_>,
        now: Instant,
    ) -> Result<Option<NaiveDate>, StoreError> {
        let last = self.last_round(stored, municipality.date(now)).await?;
        Ok(municipality.round_at(now).filter(|day| last.is_none_or(|last| last < *day)))
    }

    /// The day of the last round. One that lies ahead was held under a wrong clock: it does not count, and neither does
    /// what was planned then. One that is no day is as good as none: what was sent is in the ledger.
    async fn last_round(&self, stored: &StoredOrganisation, today: NaiveDate) -> Result<Option<NaiveDate>, StoreError> {
        let tenant = &stored.organisation.tenant;
        let last = match self.store.last_round(&tenant.id).await {
            Err(error @ StoreError::Unreadable { .. }) => {
                tracing::error!(%error, "the last round is forgotten; all cases are planned again");
                self.store.forget_round(&tenant.id).await?;
                return Ok(None);
            }
            last => last?,
        };
        if let Some(ahead) = last.filter(|last| *last > today) {
            self.operator.raise(Trouble::ClockWentBack, self.clock.now());
            tracing::error!(tenant = %tenant.id, %ahead, %today, "the last round lies ahead: the clock was or is wrong; all cases are planned again");
            self.store.forget_round(&tenant.id).await?;
            return Ok(None);
        }
        Ok(last)
    }

    fn ways_out<'s>(&self, subscriptions: &'s [Subscription]) -> store::Channels<'s> {
        match self.mode {
            Mode::Live => store::Channels::Send(subscriptions),
            Mode::Shadow => store::Channels::Shadow,
        }
    }

    async fn plan_cases(
        &self,
        municipality: &Municipality<'_>,
        cases: &[StoredCase],
        now: Instant,
        occasion: Occasion,
        slot: Option<Instant>,
    ) -> Result<usize, StoreError> {
        let plans: Vec<Plan> =
            cases.iter().map(|case| plan(municipality, &case.file, &case.ledger, now, occasion)).collect();
        let matched: HashSet<RuleIndex> =
            plans.iter().flat_map(|plan| &plan.obligations).map(|obligation| obligation.rule).collect();
        self.pulse.matched(matched.into_iter().map(|rule| Arc::clone(&municipality.rules.rule(rule).name)), now);
        let applications: Vec<Application<'_>> = cases
            .iter()
            .zip(&plans)
            .map(|(case, plan)| Application { case: &case.file, stamp: case.stamp, plan })
            .collect();
        let tenant = &municipality.organisation.tenant;
        let subscriptions = self.channels.subscriptions(&tenant.id);
        let channels = self.ways_out(&subscriptions);
        let applied = self.store.apply_batch(tenant, municipality.rules, &applications, channels, now, slot).await?;
        Ok(applied.iter().filter(|outcome| **outcome != Applied::Stale).count())
    }

    /// What the coordinator is told once: routines past their revision date, and, at go-live, the backlog.
    async fn tell_tenant(
        &self,
        rules: &Rules,
        stored: &StoredOrganisation,
        municipality: &Municipality<'_>,
        day: NaiveDate,
        now: Instant,
    ) -> Result<(), StoreError> {
        if self.mode == Mode::Shadow {
            return Ok(());
        }
        let tenant = &municipality.organisation.tenant;
        let overdue = tenant.packs.iter().filter_map(|id| municipality.rules.pack(id)).filter_map(|pack| {
            let revise_by = pack.revise_by.filter(|revise_by| *revise_by < day)?;
            Some(format!("revision:{}:{revise_by}", pack.id))
        });
        let mut names: Vec<String> = overdue.collect();
        // Of the first round that sends anything: what becomes late afterwards has notices of its own.
        if tenant.go_live.is_some() && !self.store.was_told(&tenant.id, BACKLOG).await? {
            let has_cases = self.store.case_count(&tenant.id).await? > 0;
            if !has_cases {
                // An organisation that was imported before its cases: there is nothing to say yet.
            } else if self.backlog(rules, stored).await?.is_empty() {
                self.store.nothing_to_tell(&tenant.id, BACKLOG, now).await?;
            } else {
                names.push(BACKLOG.to_owned());
            }
        }
        let recipient = municipality.coordinator(now);
        for name in names {
            if self.store.tell_once(&tenant.id, &name, &recipient, EMAIL, now).await?.is_some() {
                tracing::info!(tenant = %tenant.id, about = %name, "the coordinator is told");
            }
        }
        Ok(())
    }
}
