//! P4 and P8: the point of no return, and how attempts ended. Many attempts share one transaction, for each costs a
//! write to the disk.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::PoisonError;

use chrono::TimeDelta;

use uuid::Uuid;

use super::super::database::Scope;
use super::super::sql::{self, Builder, Lock};
use super::super::{At, ROWS, Store, StoreError, Write};
use super::{CommitVerdict, FailureClass, Next, Ready};
use crate::calendar::Instant;

/// An attempt whose message was taken, with the answer's code, such as `250`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The attempt.
    pub attempt: Uuid,
    /// The channel that took it.
    pub channel: String,
    /// The answer's code.
    pub code: String,
}

impl Store {
    /// P4 for one message; see [`Store::settle`].
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn begin_commit(&self, ready: &Ready, now: Instant) -> Result<CommitVerdict, StoreError> {
        let (verdicts, _) = self.settle(std::slice::from_ref(ready), &[], now).await?;
        Ok(verdicts.first().copied().unwrap_or(CommitVerdict::NotOurs))
    }

    /// P8 for one message; see [`Store::settle`].
    ///
    /// # Errors
    /// What the database says; then nothing was changed, and the call may be repeated.
    pub async fn accept(&self, attempt: Uuid, channel: &str, code: &str, now: Instant) -> Result<bool, StoreError> {
        let accepted = Accepted { attempt, channel: channel.to_owned(), code: code.to_owned() };
        let (_, settled) = self.settle(&[], &[accepted], now).await?;
        Ok(settled.first().copied().unwrap_or(false))
    }

    /// P4 for some messages and P8 for others, in one transaction.
    ///
    /// P4 is the point of no return: [`CommitVerdict::Go`] only where the lease is still ours, every notice that the
    /// text carries still applies, and neither a case nor the municipality was changed since it was re-read. P8 says
    /// for each acceptance whether its message was still in that attempt's hands, or is accepted with it already; where
    /// not, it was taken back and may go out again. Both answers come back in the same order.
    ///
    /// # Errors
    /// What the database says; then nothing was changed: nothing may be handed over, and the call may be repeated.
    pub async fn settle(
        &self,
        ready: &[Ready],
        accepted: &[Accepted],
        now: Instant,
    ) -> Result<(Vec<CommitVerdict>, Vec<bool>), StoreError> {
        let mut tenants: Vec<&str> = ready.iter().map(|one| one.tenant.as_str()).collect();
        tenants.dedup();
        // What is about to leave must stay as it is until that is written down.
        let mut write = self.write(if ready.is_empty() { Scope::Rows } else { Scope::Steady(&tenants) }).await?;
        let mut settled = Vec::with_capacity(accepted.len());
        for chunk in accepted.chunks(ROWS) {
            settled.extend(accept(&mut write, chunk, now).await?);
        }
        let unnoted = self.unnoted(accepted, now);
        free_channels(&mut write, &unnoted, now).await?;
        let is_kept: Vec<bool> = ready.iter().map(|one| write.keeps(&one.tenant)).collect();
        let mut verdicts = Vec::with_capacity(ready.len());
        let kept: Vec<&Ready> = ready.iter().zip(&is_kept).filter(|(_, kept)| **kept).map(|(one, _)| one).collect();
        for chunk in kept.chunks(ROWS) {
            verdicts.extend(commit(&mut write, chunk, now).await?);
        }
        let mut verdicts = verdicts.into_iter();
        let verdicts = is_kept.iter().map(|kept| {
            let verdict = if *kept { verdicts.next() } else { Some(CommitVerdict::Later) };
            verdict.unwrap_or(CommitVerdict::NotOurs)
        });
        let verdicts: Vec<CommitVerdict> = verdicts.collect();
        write.commit().await?;
        self.note(unnoted, now);
        Ok((verdicts, settled))
    }

    /// Puts messages back that are not to leave now: nothing was tried, so nothing is counted. What is not in its
    /// attempt's hands is left alone.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn postpone(&self, attempts: &[Uuid], until: Instant) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        for chunk in attempts.chunks(ROWS) {
            let ids = || chunk.iter().map(Uuid::to_string);
            let mut delete = Builder::new("DELETE FROM attempts WHERE phase = 'claimed' AND id IN ");
            delete.push_list(ids());
            delete.build().execute(&mut write).await?;
            let mut update = Builder::new("UPDATE messages SET state = 'pending', next_try_at = ");
            update.push_bind(At::from(until));
            update.push(", attempt = NULL, lease_until = NULL WHERE state = 'claimed' AND attempt IN ");
            update.push_list(ids());
            update.build().execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// P8: an attempt that failed, before or after it was handed over, and what becomes of its message. `code` is the
    /// answer's short code and holds nothing personal. `false`: the message is not in this attempt's hands.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn fail(
        &self,
        attempt: Uuid,
        class: FailureClass,
        code: &str,
        next: &Next,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let ours = end_attempt(&mut write, attempt, class, code, now).await?;
        if ours {
            back_to_pending(&mut write, attempt, class, next, now).await?;
        }
        write.commit().await?;
        Ok(ours)
    }
}

async fn accept(write: &mut Write, accepted: &[Accepted], now: Instant) -> Result<Vec<bool>, StoreError> {
    if accepted.is_empty() {
        return Ok(vec![]);
    }
    let ours = accepted_attempts(write, accepted, now).await?;
    let sent = || accepted.iter().filter(|one| ours.contains(&one.attempt.to_string()));
    let mut update = Builder::new("UPDATE messages SET state = 'sent', ended_at = ");
    update.push_bind(At::from(now));
    update.push(", attempt = NULL, lease_until = NULL WHERE state = 'committing' AND attempt IN ");
    update.push_list(sent().map(|one| one.attempt.to_string()));
    update.push(" RETURNING id");
    let messages: Vec<String> = update.build_query_scalar().fetch_all(&mut *write).await?;
    mark_notices_sent(write, &messages).await?;
    Ok(accepted.iter().map(|one| ours.contains(&one.attempt.to_string())).collect())
}

/// Ends those of these attempts that were committing and still have their message.
async fn accepted_attempts(
    write: &mut Write,
    accepted: &[Accepted],
    now: Instant,
) -> Result<HashSet<String>, StoreError> {
    let mut by_code: HashMap<&str, Vec<String>> = HashMap::new();
    for one in accepted {
        by_code.entry(&one.code).or_default().push(one.attempt.to_string());
    }
    let mut ours = HashSet::with_capacity(accepted.len());
    for (code, attempts) in by_code {
        let mut update = Builder::new("UPDATE attempts SET phase = 'accepted', code = ");
        update.push_bind(code.to_owned()).push(", ended_at = ").push_bind(At::from(now));
        update.push(
            " WHERE phase = 'committing' AND EXISTS (SELECT 1 FROM messages WHERE attempt = attempts.id) AND id IN ",
        );
        update.push_list(attempts.into_iter());
        update.push(" RETURNING id");
        let ended: Vec<String> = update.build_query_scalar().fetch_all(&mut *write).await?;
        ours.extend(ended);
    }
    if ours.len() < accepted.len() {
        // Whoever never heard how a commit ended asks again: what is accepted stays so.
        let mut select = Builder::new("SELECT id FROM attempts WHERE phase = 'accepted' AND id IN ");
        select.push_list(accepted.iter().map(|one| one.attempt.to_string()));
        let before: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        ours.extend(before);
    }
    Ok(ours)
}

pub(super) async fn mark_notices_sent(write: &mut Write, messages: &[String]) -> Result<(), StoreError> {
    let mut update = Builder::new(
        "UPDATE notices SET state = 'sent', reason = CASE WHEN reason = 'cap' THEN NULL ELSE reason END WHERE state IN ('pending', 'committing') AND message IN ",
    );
    update.push_list(messages.iter().cloned());
    update.build().execute(&mut *write).await?;
    Ok(())
}

impl Store {
    /// The channels of these acceptances of which it is not written down yet that they take messages, of the last second.
    fn unnoted(&self, accepted: &[Accepted], now: Instant) -> Vec<String> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            |channel: &&str| noted.get(*channel).is_some_and(|at| *at <= now && now - *at < TimeDelta::seconds(1));
        // In one order, so that no two transactions wait for each other.
        let channels: BTreeSet<&str> = accepted.iter().map(|one| one.channel.as_str()).collect();
        channels.into_iter().filter(|channel| !fresh(channel)).map(str::to_owned).collect()
    }

    /// Remembers what was written down; after a refusal of the channel nothing is.
    fn note(&self, channels: Vec<String>, now: Instant) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(channels.into_iter().map(|channel| (channel, now)));
    }

    pub(super) fn forget_noted(&self, channel: &str) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(channel);
    }
}

/// A channel that takes a message is held no longer.
async fn free_channels(write: &mut Write, channels: &[String], now: Instant) -> Result<(), StoreError> {
    for channel in channels {
        let upsert = "INSERT INTO channels (name, accepted_at, probes) VALUES ($1, $2, 0) ON CONFLICT (name) DO UPDATE \
                      SET accepted_at = excluded.accepted_at, held_since = NULL, held_until = NULL, held_code = NULL, \
                      probes = 0";
        sql::query(upsert).bind(channel).bind(At::from(now)).execute(&mut *write).await?;
    }
    Ok(())
}

async fn commit(write: &mut Write, ready: &[&Ready], now: Instant) -> Result<Vec<CommitVerdict>, StoreError> {
    if ready.is_empty() {
        return Ok(vec![]);
    }
    let ours = ours(write, ready, now).await?;
    let versions = versions(write, ready, &ours).await?;
    let verdict = |one: &&Ready| {
        let Some(row) = ours.get(&one.attempt.to_string()) else { return CommitVerdict::NotOurs };
        let same = |(case, seen): &(String, i64)| versions.get(&(row.tenant.clone(), case.clone())) == Some(seen);
        let is_as_seen = usize::try_from(row.carried) == Ok(one.carried)
            && one.generation.is_none_or(|seen| row.generation == Some(seen))
            && one.seen.iter().all(same);
        if is_as_seen { CommitVerdict::Go } else { CommitVerdict::Changed }
    };
    let verdicts: Vec<CommitVerdict> = ready.iter().map(verdict).collect();
    let go = ready.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == CommitVerdict::Go);
    let go: Vec<&OursRow> = go.filter_map(|(one, _)| ours.get(&one.attempt.to_string())).collect();
    mark_committing(write, &go).await?;
    Ok(verdicts)
}

/// A message that is still in its attempt's hands.
#[derive(sqlx::FromRow)]
struct OursRow {
    attempt: String,
    id: String,
    tenant: String,
    generation: Option<i64>,
    /// How many unsent notices it has.
    carried: i64,
}

/// By attempt.
async fn ours(write: &mut Write, ready: &[&Ready], now: Instant) -> Result<HashMap<String, OursRow>, StoreError> {
    let mut select = Builder::new(
        "SELECT m.attempt AS attempt, m.id AS id, m.tenant AS tenant, t.generation AS generation, \
         (SELECT count(*) FROM notices n WHERE n.message = m.id AND n.state = 'pending') AS carried \
         FROM messages m LEFT JOIN tenants t ON t.id = m.tenant WHERE m.state = 'claimed' AND m.lease_until > ",
    );
    select.push_bind(write.lease_clock(now)).push(" AND m.attempt IN ");
    select.push_list(ready.iter().map(|one| one.attempt.to_string()));
    let rows: Vec<OursRow> = select.build_query_as().locking(Lock::Of("m")).fetch_all(&mut *write).await?;
    Ok(rows.into_iter().map(|row| (row.attempt.clone(), row)).collect())
}

/// The versions that the re-read cases have now, by municipality and id.
async fn versions(
    write: &mut Write,
    ready: &[&Ready],
    ours: &HashMap<String, OursRow>,
) -> Result<HashMap<(String, String), i64>, StoreError> {
    let mut cases: HashMap<&str, Vec<String>> = HashMap::new();
    for one in ready {
        if let Some(row) = ours.get(&one.attempt.to_string()) {
            cases.entry(&row.tenant).or_default().extend(one.seen.iter().map(|(case, _)| case.clone()));
        }
    }
    let mut versions = HashMap::new();
    for (tenant, mut ids) in cases {
        ids.sort_unstable();
        ids.dedup();
        for chunk in ids.chunks(ROWS) {
            let mut select = Builder::new("SELECT id, version FROM cases WHERE tenant = ");
            select.push_bind(tenant.to_owned()).push(" AND id IN ");
            select.push_list(chunk.iter().cloned());
            let rows: Vec<(String, i64)> = select.build_query_as().fetch_all(&mut *write).await?;
            versions.extend(rows.into_iter().map(|(case, version)| ((tenant.to_owned(), case), version)));
        }
    }
    Ok(versions)
}

async fn mark_committing(write: &mut Write, go: &[&OursRow]) -> Result<(), StoreError> {
    if go.is_empty() {
        return Ok(());
    }
    let ids = || go.iter().map(|row| row.attempt.clone());
    let attempts = ("UPDATE attempts SET phase = 'committing' WHERE phase = 'claimed' AND id IN ", "attempts");
    let messages = ("UPDATE messages SET state = 'committing' WHERE state = 'claimed' AND attempt IN ", "messages");
    for (update, table) in [attempts, messages] {
        let mut update = Builder::new(update);
        update.push_list(ids());
        if update.build().execute(&mut *write).await? != go.len() as u64 {
            let reason = "messages and attempts disagree".to_owned();
            return Err(StoreError::Unreadable { table, row: ids().collect::<Vec<_>>().join(" "), reason });
        }
    }
    let mut notices = Builder::new("UPDATE notices SET state = 'committing' WHERE state = 'pending' AND message IN ");
    notices.push_list(go.iter().map(|row| row.id.clone()));
    notices.build().execute(&mut *write).await?;
    Ok(())
}

/// Ends an attempt that is still open and still has its message.
pub(super) async fn end_attempt(
    write: &mut Write,
    attempt: Uuid,
    class: FailureClass,
    code: &str,
    now: Instant,
) -> Result<bool, StoreError> {
    let phase = if class == FailureClass::Unknown { "unknown" } else { "failed" };
    let update = "UPDATE attempts SET phase = $2, class = $3, code = $4, ended_at = $5 WHERE id = $1 \
                  AND phase IN ('claimed', 'committing') AND EXISTS (SELECT 1 FROM messages WHERE attempt = $1)";
    let query = sql::query(update).bind(attempt.to_string()).bind(phase);
    let query = query.bind(class.word()).bind(code).bind(At::from(now));
    Ok(query.execute(&mut *write).await? == 1)
}

async fn back_to_pending(
    write: &mut Write,
    attempt: Uuid,
    class: FailureClass,
    next: &Next,
    now: Instant,
) -> Result<(), StoreError> {
    let notices = "UPDATE notices SET state = 'pending' WHERE state = 'committing' \
                   AND message = (SELECT id FROM messages WHERE attempt = $1)";
    sql::query(notices).bind(attempt.to_string()).execute(&mut *write).await?;
    let (state, at, recipient, reason) = match next {
        Next::RetryAt(at) => ("pending", *at, None, None),
        Next::Reroute(recipient, at) => ("pending", *at, Some(recipient.to_string()), Some(super::PASSED_ON)),
        Next::Hold(reason) => ("held", now, None, Some(*reason)),
    };
    let update = "UPDATE messages SET state = $2, next_try_at = $3, recipient = coalesce($4, recipient), \
                  reason = coalesce($5, reason), tries = tries + 1, attempt = NULL, lease_until = NULL, \
                  possible_repeat = CASE WHEN $6 = 1 THEN 1 ELSE possible_repeat END WHERE attempt = $1";
    let query = sql::query(update).bind(attempt.to_string()).bind(state).bind(At::from(at)).bind(recipient);
    query.bind(reason).bind(i64::from(class == FailureClass::Unknown)).execute(&mut *write).await?;
    Ok(())
}
