//! Making the world agree with plans: what the engine derived becomes rows, in one transaction.
//!
//! Everything is written by a key made of its causes, so doing it twice does nothing. What was derived before with the
//! same outcome is recognised by its digest and not written again: planning a case in which nothing changed costs one
//! row of the agenda.

mod derived;
mod notices;
mod register;

use std::collections::HashMap;

use super::misdated::note_planned;
use super::planning::Stamp;
use super::register::announce;
use super::sql::{self, Builder};
use super::{At, Day, ROWS, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::case::{CaseFile, CaseRef};
use crate::engine::Plan;
use crate::notice::{Handled, Purpose, Role};
use crate::organisation::Tenant;
use crate::rules::RuleSet;

/// How notices leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels<'a> {
    /// Each notice goes out by mail, and on each of these that asked for it.
    Send(&'a [Subscription]),
    /// The ledger is filled and nothing is sent.
    Shadow,
}

/// The channel of mails. Each person gets one message a round on it; on every other channel each notice is a message.
pub const EMAIL: &str = "email";

/// A channel beside mail, and which notices it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The channel's name.
    pub channel: String,
    /// Only those for this purpose; all unless said.
    pub purposes: Option<Vec<Purpose>>,
    /// Only those to one of these roles; all unless said.
    pub roles: Option<Vec<Role>>,
    /// Whether it asked for what happens to deviations. That is about no role.
    pub deviations: bool,
}

impl Subscription {
    fn asks_for(&self, handled: &Handled) -> bool {
        self.purposes.as_ref().is_none_or(|purposes| purposes.contains(&handled.purpose))
            && self.roles.as_ref().is_none_or(|roles| roles.contains(&handled.role))
    }
}

/// A plan that is to become rows.
#[derive(Clone, Copy, Debug)]
pub struct Application<'a> {
    /// The case, as it was read.
    pub case: &'a CaseFile,
    /// Which state of its facts that was.
    pub stamp: Stamp,
    /// What follows from it.
    pub plan: &'a Plan,
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was written.
    Written,
    /// Everything it derives was there already; only the agenda was written.
    Unchanged,
    /// The case's facts changed since it was read, or it is gone. It stays due.
    Stale,
}

/// What all plans of one batch share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) rules: &'a RuleSet,
    pub(super) now: Instant,
    /// The round whose messages take the notices; `None`: urgent ones, released at once.
    pub(super) round: Option<Instant>,
    pub(super) channels: Channels<'a>,
}

impl Store {
    /// Writes one plan. See [`Store::apply_batch`].
    ///
    /// # Errors
    /// What the database says; then nothing was written.
    pub async fn apply(
        &self,
        tenant: &Tenant,
        rules: &RuleSet,
        application: Application<'_>,
        channels: Channels<'_>,
        now: Instant,
        round: Option<Instant>,
    ) -> Result<Applied, StoreError> {
        let applied = self.apply_batch(tenant, rules, &[application], channels, now, round).await?;
        Ok(applied.first().copied().unwrap_or(Applied::Stale))
    }

    /// Writes plans of one municipality's cases made at `now`, in one transaction: obligations and problems as they
    /// are now, notices that are not yet there with their messages, withdrawals of unsent notices that no longer
    /// apply, deviations, and when each case is due again. The outcome of each plan comes back in the same order.
    ///
    /// `round` is the instant of the round in which this happens: its messages gather until
    /// [`Store::finish_round`]. Outside rounds messages are pending at once.
    ///
    /// # Errors
    /// What the database says; then nothing was written.
    pub async fn apply_batch(
        &self,
        tenant: &Tenant,
        rules: &RuleSet,
        applications: &[Application<'_>],
        channels: Channels<'_>,
        now: Instant,
        round: Option<Instant>,
    ) -> Result<Vec<Applied>, StoreError> {
        let batch = Batch { tenant, rules, now, round, channels };
        let digests: Vec<i64> = applications.iter().map(|one| derived::digest(&batch, one)).collect();
        let mut write = self.write_in(&tenant.id).await?;
        self.keep_turn(&mut write, &tenant.id, now).await?;
        let current = versions(&mut write, tenant, applications).await?;
        let outcomes: Vec<Applied> = (applications.iter().zip(&digests))
            .map(|(one, digest)| match current.get(&*one.case.id) {
                Some(version) if *version != one.stamp.version => Applied::Stale,
                None => Applied::Stale,
                Some(_) if *digest == one.stamp.digest => Applied::Unchanged,
                Some(_) => Applied::Written,
            })
            .collect();
        let of = |wanted: Applied| {
            let pairs = applications.iter().zip(&outcomes);
            pairs.filter(move |(_, outcome)| **outcome == wanted).map(|(one, _)| *one)
        };
        let written: Vec<Application<'_>> = of(Applied::Written).collect();
        let fresh: Vec<Application<'_>> = written.iter().copied().chain(of(Applied::Unchanged)).collect();
        derived::write(&mut write, &batch, &written).await?;
        if register::write(&mut write, &batch, &written).await? {
            // Before notices: whoever hears of both hears of the deviation first.
            announce(&mut write, tenant, channels, now).await?;
        }
        notices::withdraw(&mut write, &batch, &written).await?;
        notices::write(&mut write, &batch, &fresh).await?;
        let agenda =
            applications.iter().zip(&digests).zip(&outcomes).filter(|(_, outcome)| **outcome != Applied::Stale);
        write_agenda(&mut write, &batch, &agenda.map(|((one, digest), _)| (*one, *digest)).collect::<Vec<_>>()).await?;
        leave_quarantine(&mut write, tenant, &fresh).await?;
        note_planned(&mut write, now).await?;
        write.commit().await?;
        Ok(outcomes)
    }
}

impl Application<'_> {
    /// The reference that the case has now.
    fn reference(&self, now: Instant) -> CaseRef {
        let record = self.case.records.at(now).or_else(|| self.case.records.versions().next());
        record.map_or_else(|| CaseRef::derived(&self.case.tenant, &self.case.id), |record| record.reference.clone())
    }

    /// Whether no message may leave for the case now.
    fn is_protected(&self, now: Instant) -> bool {
        self.case.records.at(now).is_some_and(|record| record.protected)
    }

    /// The unit that the case has now.
    fn unit(&self, now: Instant) -> Option<String> {
        self.case.records.at(now)?.unit.as_deref().map(str::to_owned)
    }
}

/// The versions that the documents of these cases have now.
async fn versions(
    write: &mut Write,
    tenant: &Tenant,
    applications: &[Application<'_>],
) -> Result<HashMap<String, i64>, StoreError> {
    let mut versions = HashMap::with_capacity(applications.len());
    for chunk in applications.chunks(ROWS) {
        let mut select = Builder::new("SELECT id, version FROM cases WHERE tenant = ");
        select.push_bind(&*tenant.id).push(" AND id IN ");
        push_cases(&mut select, chunk);
        let rows: Vec<(String, i64)> = select.build_query_as().fetch_all(&mut *write).await?;
        versions.extend(rows);
    }
    Ok(versions)
}

/// `(id, id, …)`.
fn push_cases(query: &mut Builder, cases: &[Application<'_>]) {
    query.push_list(cases.iter().map(|one| one.case.id.to_string()));
}

async fn write_agenda(
    write: &mut Write,
    batch: &Batch<'_>,
    cases: &[(Application<'_>, i64)],
) -> Result<(), StoreError> {
    for chunk in cases.chunks(ROWS) {
        let mut upsert = Builder::new(
            "INSERT INTO agenda (tenant, case_id, generation, next_at, digest, protected, closed_through) ",
        );
        upsert.push_values(chunk, |row, (one, digest)| {
            row.push_bind(&*batch.tenant.id).push_bind(&*one.case.id).push_bind(one.stamp.generation);
            row.push_bind(one.plan.next_at.map(At::from)).push_bind(*digest);
            row.push_bind(i64::from(one.is_protected(batch.now)))
                .push_bind(one.plan.closed.map(|closed| Day(closed.through)));
        });
        upsert.push(
            " ON CONFLICT (tenant, case_id) DO UPDATE SET generation = excluded.generation, \
             next_at = excluded.next_at, digest = excluded.digest, protected = excluded.protected, \
             closed_through = excluded.closed_through",
        );
        upsert.build().execute(&mut *write).await?;
    }
    Ok(())
}

/// What was planned parses again.
async fn leave_quarantine(write: &mut Write, tenant: &Tenant, cases: &[Application<'_>]) -> Result<(), StoreError> {
    let any: i64 = sql::query_scalar("SELECT count(*) FROM quarantine WHERE tenant = $1 AND record LIKE 'case %'")
        .bind(&*tenant.id)
        .fetch_one(&mut *write)
        .await?;
    for one in cases.iter().take(if any > 0 { cases.len() } else { 0 }) {
        let delete = "DELETE FROM quarantine WHERE tenant = $1 AND record = $2";
        let query = sql::query(delete).bind(&*tenant.id).bind(format!("case {}", one.case.id));
        query.execute(&mut *write).await?;
    }
    Ok(())
}
