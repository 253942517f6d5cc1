//! Once a day, after the round: what should have been told is worked out anew, and what is called sent is proved. Any
//! difference is an alarm.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use uuid::Uuid;

use super::progress::Work;
use super::{Daemon, Part};
use crate::calendar::Instant;
use crate::config::Mode;
use crate::delivery::message::Trouble;
use crate::engine::Municipality;
use crate::journal::Taken;
use crate::reconciliation::{DAYS, Missing, missing};
use crate::store::{NoticeFilter, Reconciled, StoreError, StoredOrganisation, Wrong};

/// How far back messages have to be proved.
const WINDOW: TimeDelta = TimeDelta::days(DAYS as i64);

/// How many cases are read at once.
const BATCH: u32 = 500;

impl Daemon {
    /// Reconciles the municipalities that held a round since they were reconciled last; how many differences there are.
    /// Reads only, but for the result.
    pub(super) async fn reconcile(self: &Arc<Self>) -> Result<usize, StoreError> {
        let work = self.progress.begin(Part::Reconciliation);
        let mut differences = 0;
        let now = self.clock.now();
        let rules = self.rules();
        let (organisations, _) = self.municipalities(&rules, now).await?;
        let mut due = Vec::new();
        for stored in organisations.iter() {
            let tenant = &*stored.organisation.tenant.id;
            let Some(round) = self.store.last_round(tenant).await? else { continue };
            let last = self.store.reconciled(tenant).await?;
            if last.is_none_or(|last| last.round < round) {
                due.push((stored, round));
            }
        }
        if due.is_empty() {
            return Ok(0);
        }
        self.journal.forget_old(now)?;
        let taken = self.taken_since(now - WINDOW).await?;
        for (stored, round) in due {
            let Ok(municipality) = stored.municipality(&rules.set) else { continue };
            if round <= municipality.date(now) {
                differences += self.reconcile_tenant(stored, &municipality, round, &taken, (now, &work)).await?;
            }
        }
        self.keep_chains().await?;
        Ok(differences)
    }

    /// Notes beside the acceptance journal where the chains of the audit trail end, so that nobody cuts them off unseen.
    ///
    /// # Errors
    /// What the database or the file system says.
    pub async fn keep_chains(&self) -> Result<(), StoreError> {
        for Wrong { tenant, number, what, .. } in self.store.keep_chains(self.journal.folder()).await?.wrong {
            tracing::error!(tenant, number, what, "the audit trail does not fit together; see `fristvakt doctor`");
        }
        Ok(())
    }

    /// What the acceptance journal knows; read aside, for it may be long.
    async fn taken_since(self: &Arc<Self>, since: Instant) -> Result<Taken, StoreError> {
        let daemon = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || daemon.journal.taken_since(since)).await;
        Ok(read.unwrap_or_else(|_| Ok(Taken::default()))?)
    }

    async fn reconcile_tenant(
        &self,
        stored: &StoredOrganisation,
        municipality: &Municipality<'_>,
        round: NaiveDate,
        taken: &Taken,
        (now, work): (Instant, &Work),
    ) -> Result<usize, StoreError> {
        let tenant = &*stored.organisation.tenant.id;
        let mut untold = 0;
        let mut after = String::new();
        loop {
            work.came_on();
            let cases = self.store.cases_after(stored, municipality.rules, &after, BATCH).await?;
            let Some(last) = cases.last else { break };
            for case in &cases.read {
                for one in missing(municipality, &case.file, &case.ledger, round, now) {
                    if !self.was_withdrawn(tenant, &case.file.id, &one).await? {
                        alarm(tenant, &case.file.id, &one, untold);
                        untold += 1;
                    }
                }
            }
            after = last;
        }
        let unproven = if self.mode == Mode::Live { self.unproven(tenant, taken, now).await? } else { 0 };
        let result = Reconciled { round, untold, unproven };
        self.store.note_reconciled(tenant, &result).await?;
        if untold + unproven > 0 {
            self.operator.raise(Trouble::Differences { tenant: tenant.to_owned(), count: untold + unproven }, now);
            tracing::error!(
                tenant,
                untold,
                unproven,
                "the daily reconciliation found differences; `fristvakt explain` shows each case, `fristvakt doctor` what to do"
            );
        } else {
            tracing::info!(tenant, %round, "reconciled: everything that should have been told was");
        }
        Ok(untold + unproven)
    }

    /// Whether a step was taken out of its message before sending: it is planned again for the next round.
    async fn was_withdrawn(&self, tenant: &str, case: &str, one: &Missing) -> Result<bool, StoreError> {
        let filter = NoticeFilter {
            tenant: Some(tenant.to_owned()),
            case: Some(case.to_owned()),
            state: Some("withdrawn".to_owned()),
            ..NoticeFilter::default()
        };
        let rows = self.store.list_notices(&filter).await?;
        Ok(rows.iter().any(|row| {
            (&*row.rule, &*row.start, &*row.step, row.due_on.0) == (&*one.rule, &*one.start, &*one.step, one.due_on)
                && row.repetition == i64::from(one.repetition)
        }))
    }

    /// How many messages are called sent that neither an attempt nor the acceptance journal knows as taken. Where daemons
    /// share a database, each journal knows only what its own daemon sent.
    async fn unproven(&self, tenant: &str, taken: &Taken, now: Instant) -> Result<usize, StoreError> {
        let sent = self.store.sent_since(tenant, now - WINDOW).await?;
        let unproven = sent.iter().filter(|one| {
            let is_journalled = Uuid::parse_str(&one.id).is_ok_and(|id| taken.messages.contains(&id));
            let is_after = taken.first.is_some_and(|first| one.at.instant().timestamp_millis() > first);
            one.has_attempt == 0 || (is_after && !is_journalled && !self.store.is_shared())
        });
        Ok(unproven.inspect(|one| tracing::error!(id = %one.id, "called sent, and nothing proves it")).count())
    }
}

/// The first differences one by one; all of them in the number at the end.
fn alarm(tenant: &str, case: &str, one: &Missing, found: usize) {
    const SHOWN: usize = 20;
    if found < SHOWN {
        tracing::error!(tenant, case, rule = %one.rule, start = %one.start, step = %one.step, role = %one.role, due_on = %one.due_on, should_have_been = %one.on, "nobody was told");
    }
}
