//! P1–P4: taking messages in hand, taking notices out of them, and the point of no return.

use std::collections::HashMap;

use chrono::TimeDelta;
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::super::{At, Day, ROWS, Store, StoreError, Write};
use super::{Claimed, ClaimedNotice, CommitVerdict, MessageRow, NoticeName, Ready};
use crate::calendar::Instant;
use crate::notice::Recipient;

impl Store {
    /// P1: takes up to `limit` messages whose time has come, escalations first, then the oldest. `owner` names this
    /// process; after `lease` they are no longer ours. Nothing is written where nothing is due.
    ///
    /// # Errors
    /// What the database says; then nothing was claimed.
    pub async fn claim(
        &self,
        now: Instant,
        limit: u32,
        owner: &str,
        lease: TimeDelta,
    ) -> Result<Vec<Claimed>, StoreError> {
        if self.next_try_at().await?.is_none_or(|next| next > now) {
            return Ok(vec![]);
        }
        let mut write = self.write().await?;
        let select = "SELECT id, tenant, recipient, channel, slot, urgent, escalation, subject, possible_repeat, tries, reason \
                      FROM messages WHERE state = 'pending' AND next_try_at <= $1 \
                      ORDER BY escalation DESC, created_at, id LIMIT $2";
        let query = sqlx::query_as(select).bind(At::from(now)).bind(i64::from(limit));
        let rows: Vec<MessageRow> = query.fetch_all(&mut *write).await?;
        let lease_until = At::from(now + lease);
        let mut claimed = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(ROWS) {
            let attempts = open_attempts(&mut write, chunk, owner, lease_until, now).await?;
            let mut notices = notices(&mut write, chunk).await?;
            for (row, attempt) in chunk.iter().zip(attempts) {
                claimed.push(row.claimed(attempt, notices.remove(&row.id).unwrap_or_default())?);
            }
        }
        write.commit().await?;
        Ok(claimed)
    }

    /// The earliest moment at which a pending message may be claimed; `None`: there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_try_at(&self) -> Result<Option<Instant>, StoreError> {
        let select = "SELECT next_try_at FROM messages WHERE state = 'pending' ORDER BY next_try_at LIMIT 1";
        let next: Option<At> = sqlx::query_scalar(select).fetch_optional(&self.readers).await?;
        Ok(next.map(At::instant))
    }

    /// P2: takes notices out of a message in our hands, and says how many are left. Where none is, the message is
    /// withdrawn and the attempt over. `None`: the message is not in this attempt's hands, nothing was changed.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn withdraw_notices(
        &self,
        attempt: Uuid,
        names: &[NoticeName],
        reason: &str,
        now: Instant,
    ) -> Result<Option<usize>, StoreError> {
        let mut write = self.write().await?;
        let select = "SELECT id FROM messages WHERE attempt = $1 AND state = 'claimed'";
        let message: Option<String> =
            sqlx::query_scalar(select).bind(attempt.to_string()).fetch_optional(&mut *write).await?;
        let Some(message) = message else { return Ok(None) };
        for name in names {
            let update = "UPDATE notices SET state = 'withdrawn', reason = $1 WHERE message = $2 AND state = 'pending' \
                          AND case_id = $3 AND rule = $4 AND start = $5 AND step = $6 AND repetition = $7 \
                          AND due_on = $8 AND role = $9";
            let query = sqlx::query(update).bind(reason).bind(&message).bind(&name.case).bind(&name.rule);
            let query = query.bind(&name.start).bind(&name.step).bind(name.repetition);
            query.bind(Day(name.due_on)).bind(&name.role).execute(&mut *write).await?;
        }
        let left = carried(&mut write, &message).await?;
        if left == 0 {
            withdraw_message(&mut write, attempt, now).await?;
        }
        write.commit().await?;
        Ok(Some(left))
    }

    /// P4 for one message; see [`Store::begin_commits`].
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn begin_commit(&self, ready: &Ready, now: Instant) -> Result<CommitVerdict, StoreError> {
        let verdicts = self.begin_commits(std::slice::from_ref(ready), now).await?;
        Ok(verdicts.first().copied().unwrap_or(CommitVerdict::NotOurs))
    }

    /// P4: the point of no return, for many messages in one transaction. [`CommitVerdict::Go`] only where the lease is
    /// still ours, every notice that the text carries still applies, and no case was changed since it was re-read.
    /// The verdicts come back in the same order.
    ///
    /// # Errors
    /// What the database says; then nothing was changed, and nothing may be handed over.
    pub async fn begin_commits(&self, ready: &[Ready], now: Instant) -> Result<Vec<CommitVerdict>, StoreError> {
        let mut write = self.write().await?;
        let mut verdicts = Vec::with_capacity(ready.len());
        for one in ready {
            verdicts.push(commit_one(&mut write, one, now).await?);
        }
        write.commit().await?;
        Ok(verdicts)
    }
}

/// An attempt for each message, which it then belongs to.
async fn open_attempts(
    write: &mut Write,
    rows: &[MessageRow],
    owner: &str,
    lease_until: At,
    now: Instant,
) -> Result<Vec<Uuid>, StoreError> {
    let attempts: Vec<Uuid> = rows.iter().map(|_| Uuid::now_v7()).collect();
    let mut insert =
        QueryBuilder::<Sqlite>::new("INSERT INTO attempts (id, message, phase, owner, lease_until, started_at) ");
    insert.push_values(rows.iter().zip(&attempts), |mut row, (message, attempt)| {
        row.push_bind(attempt.to_string()).push_bind(&message.id).push_bind("claimed").push_bind(owner);
        row.push_bind(lease_until).push_bind(At::from(now));
    });
    insert.build().execute(&mut **write).await?;
    let mut update = QueryBuilder::<Sqlite>::new("UPDATE messages SET state = 'claimed', lease_until = ");
    update.push_bind(lease_until).push(
        ", attempt = (SELECT a.id FROM attempts a WHERE a.message = messages.id AND a.phase = 'claimed') \
         WHERE state = 'pending' AND id IN (",
    );
    let mut ids = update.separated(", ");
    for row in rows {
        ids.push_bind(&row.id);
    }
    ids.push_unseparated(")");
    update.build().execute(&mut **write).await?;
    Ok(attempts)
}

async fn notices(write: &mut Write, rows: &[MessageRow]) -> Result<HashMap<String, Vec<ClaimedNotice>>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        message: String,
        #[sqlx(flatten)]
        notice: ClaimedNotice,
    }
    let mut select = QueryBuilder::<Sqlite>::new(
        "SELECT message, case_id, ref, rule, start, step, repetition, due_on, role, position, purpose FROM notices \
         WHERE state = 'pending' AND message IN (",
    );
    let mut ids = select.separated(", ");
    for row in rows {
        ids.push_bind(&row.id);
    }
    ids.push_unseparated(") ORDER BY due_on, ref, rule, start, position, repetition, role");
    let found: Vec<Row> = select.build_query_as().fetch_all(&mut **write).await?;
    let mut notices: HashMap<String, Vec<ClaimedNotice>> = HashMap::new();
    for row in found {
        notices.entry(row.message).or_default().push(row.notice);
    }
    Ok(notices)
}

impl MessageRow {
    fn claimed(&self, attempt: Uuid, notices: Vec<ClaimedNotice>) -> Result<Claimed, StoreError> {
        let message = Uuid::parse_str(&self.id).map_err(|_| StoreError::Unreadable {
            table: "messages",
            row: self.id.clone(),
            reason: "the id is no UUID".to_owned(),
        })?;
        Ok(Claimed {
            attempt,
            message,
            tenant: self.tenant.clone(),
            recipient: Recipient::parse(&self.recipient),
            channel: self.channel.clone(),
            slot: self.slot.instant(),
            urgent: self.urgent != 0,
            escalation: self.escalation != 0,
            possible_repeat: self.possible_repeat != 0,
            tries: u32::try_from(self.tries).unwrap_or(0),
            rerouted: self.reason.as_deref() == Some("rerouted"),
            subject: self.subject.clone(),
            notices,
        })
    }
}

/// How many unsent notices a message has.
async fn carried(write: &mut Write, message: &str) -> Result<usize, StoreError> {
    let select = "SELECT count(*) FROM notices WHERE message = $1 AND state = 'pending'";
    let count: i64 = sqlx::query_scalar(select).bind(message).fetch_one(&mut **write).await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

async fn withdraw_message(write: &mut Write, attempt: Uuid, now: Instant) -> Result<(), StoreError> {
    let update = "UPDATE messages SET state = 'withdrawn', reason = 'nothing applies', attempt = NULL, \
                  lease_until = NULL, ended_at = $2 WHERE attempt = $1 AND state = 'claimed'";
    sqlx::query(update).bind(attempt.to_string()).bind(At::from(now)).execute(&mut **write).await?;
    let update = "UPDATE attempts SET phase = 'withdrawn', ended_at = $2 WHERE id = $1";
    sqlx::query(update).bind(attempt.to_string()).bind(At::from(now)).execute(&mut **write).await?;
    Ok(())
}

async fn commit_one(write: &mut Write, ready: &Ready, now: Instant) -> Result<CommitVerdict, StoreError> {
    let attempt = ready.attempt.to_string();
    let select = "SELECT id, tenant FROM messages WHERE attempt = $1 AND state = 'claimed' AND lease_until > $2";
    let query = sqlx::query_as(select).bind(&attempt).bind(At::from(now));
    let row: Option<(String, String)> = query.fetch_optional(&mut **write).await?;
    let Some((message, tenant)) = row else { return Ok(CommitVerdict::NotOurs) };
    if carried(write, &message).await? != ready.carried {
        return Ok(CommitVerdict::Changed);
    }
    for (case, seen) in &ready.seen {
        let select = "SELECT version FROM cases WHERE tenant = $1 AND id = $2";
        let version: Option<i64> =
            sqlx::query_scalar(select).bind(&tenant).bind(case).fetch_optional(&mut **write).await?;
        if version != Some(*seen) {
            return Ok(CommitVerdict::Changed);
        }
    }
    let attempts = "UPDATE attempts SET phase = 'committing' WHERE id = $1 AND phase = 'claimed'";
    let messages = "UPDATE messages SET state = 'committing' WHERE attempt = $1 AND state = 'claimed'";
    for update in [attempts, messages] {
        if sqlx::query(update).bind(&attempt).execute(&mut **write).await?.rows_affected() != 1 {
            return Err(StoreError::Unreadable {
                table: "attempts",
                row: attempt,
                reason: "message and attempt disagree".to_owned(),
            });
        }
    }
    let notices = "UPDATE notices SET state = 'committing' WHERE message = $1 AND state = 'pending'";
    sqlx::query(notices).bind(&message).execute(&mut **write).await?;
    Ok(CommitVerdict::Go)
}
