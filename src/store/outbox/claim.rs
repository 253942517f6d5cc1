//! P1 and P2: taking messages in hand, and taking notices out of them.

use std::collections::HashMap;

use chrono::TimeDelta;

use uuid::Uuid;

use super::super::database::Scope;
use super::super::planning::plan_again;
use super::super::quarantine::set_aside;
use super::super::sql::{self, Builder, Lock, Row};
use super::super::{At, Day, Quarantined, ROWS, Store, StoreError, Write};
use super::{Claimed, ClaimedNotice, MessageRow, NoticeName};
use crate::calendar::Instant;
use crate::notice::Recipient;

/// Whether nothing about the same obligation has to leave before a message. What happened to a deviation waits for what
/// happened before it, also where a person has that held. Its notices wait for what is on its way, but not without end: a
/// receiver that does not take what happens to deviations still hears of the notices.
macro_rules! lane_is_free {
    () => {
        " AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM messages ahead WHERE ahead.channel = messages.channel \
         AND ahead.tenant = messages.tenant AND ahead.lane = messages.lane AND ahead.lane IS NOT NULL \
         AND ahead.state IN ('pending', 'claimed', 'committing', 'held') AND (ahead.lane_place < messages.lane_place \
         OR (messages.lane_place IS NULL AND ahead.lane_place IS NOT NULL AND ahead.state <> 'held' AND ahead.tries < 5))))"
    };
}

impl Store {
    /// P1: takes up to `limit` messages of a channel whose time has come, escalations first, then the oldest. `owner`
    /// names this process; after `lease` they are no longer ours. Nothing is written where nothing is due.
    ///
    /// # Errors
    /// What the database says; then nothing was claimed.
    pub async fn claim(
        &self,
        channel: &str,
        now: Instant,
        limit: u32,
        owner: &str,
        lease: TimeDelta,
    ) -> Result<Vec<Claimed>, StoreError> {
        if self.next_try_at(channel).await?.is_none_or(|next| next > now) {
            return Ok(vec![]);
        }
        let mut write = self.write(Scope::Rows).await?;
        let rows = readable_messages(&mut write, channel, limit, now).await?;
        let lease_until = At(write.lease_clock(now).0 + lease.num_milliseconds());
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

    /// The earliest moment at which a pending message of a channel may be claimed; `None`: there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_try_at(&self, channel: &str) -> Result<Option<Instant>, StoreError> {
        let select = concat!(
            "SELECT next_try_at FROM messages WHERE state = 'pending' AND channel = $1",
            lane_is_free!(),
            " ORDER BY next_try_at LIMIT 1"
        );
        let next: Option<At> = sql::query_scalar(select).bind(channel).fetch_optional(&self.readers).await?;
        Ok(next.map(At::instant))
    }

    /// P2: takes notices out of a message in our hands, each for its reason, and says how many are left. Where none is,
    /// the message is withdrawn and the attempt over. `None`: the message is not in this attempt's hands, and nothing was
    /// taken out. The cases of `revisit` are planned again all the same: their versions grow, so that what somebody planned
    /// from the ledger as it was before is not written.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn withdraw_notices(
        &self,
        (tenant, attempt): (&str, Uuid),
        names: &[(NoticeName, &str)],
        revisit: &[String],
        now: Instant,
    ) -> Result<Option<usize>, StoreError> {
        let mut write = self.write_in(tenant).await?;
        for case in revisit {
            plan_again(&mut write, tenant, case).await?;
        }
        let select = "SELECT id FROM messages WHERE attempt = $1 AND state = 'claimed'";
        let message: Option<String> =
            sql::query_scalar(select).bind(attempt.to_string()).locking(Lock::Wait).fetch_optional(&mut write).await?;
        let Some(message) = message else {
            write.commit().await?;
            return Ok(None);
        };
        for (name, reason) in names {
            let update = "UPDATE notices SET state = 'withdrawn', reason = $1 WHERE message = $2 AND state = 'pending' \
                          AND case_id = $3 AND rule = $4 AND start = $5 AND step = $6 AND repetition = $7 \
                          AND due_on = $8 AND role = $9";
            let query = sql::query(update).bind(*reason).bind(&message).bind(&name.case).bind(&name.rule);
            let query = query.bind(&name.start).bind(&name.step).bind(name.repetition);
            query.bind(Day(name.due_on)).bind(&name.role).execute(&mut write).await?;
        }
        let left = carried(&mut write, &message).await?;
        if left == 0 {
            withdraw_message(&mut write, attempt, now).await?;
        }
        write.commit().await?;
        Ok(Some(left))
    }
}

/// Up to `limit` messages that are due. One that cannot be read is held for a person to see, and another takes its place.
async fn readable_messages(
    write: &mut Write,
    channel: &str,
    limit: u32,
    now: Instant,
) -> Result<Vec<MessageRow>, StoreError> {
    loop {
        let select = concat!(
            "SELECT id, tenant, recipient, channel, slot, urgent, escalation, subject, possible_repeat, tries, \
             reason FROM messages WHERE state = 'pending' AND channel = $1 AND +next_try_at <= $2",
            lane_is_free!(),
            " ORDER BY escalation DESC, created_at, id LIMIT $3"
        );
        let query = sql::query(select).bind(channel).bind(At::from(now)).bind(i64::from(limit)).locking(Lock::Skip);
        let (mut rows, mut unreadable) = (vec![], false);
        for row in query.fetch_rows(&mut *write).await? {
            let message = row.decode::<MessageRow>().and_then(|message| match Uuid::parse_str(&message.id) {
                Ok(_) => Ok(message),
                Err(_) => Err("the id is no UUID".to_owned()),
            });
            match message {
                Ok(message) => rows.push(message),
                Err(reason) => {
                    unreadable = true;
                    hold(write, row.try_get("tenant")?, row.try_get("id")?, reason, now).await?;
                }
            }
        }
        if !unreadable {
            return Ok(rows);
        }
    }
}

async fn hold(write: &mut Write, tenant: &str, id: &str, reason: String, now: Instant) -> Result<(), StoreError> {
    let update = "UPDATE messages SET state = 'held', reason = 'unreadable' WHERE id = $1";
    sql::query(update).bind(id).execute(&mut *write).await?;
    set_aside(write, &[Quarantined::new(tenant, format!("message {id}"), reason, now)]).await
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
    let mut insert = Builder::new("INSERT INTO attempts (id, message, phase, owner, lease_until, started_at) ");
    insert.push_values(rows.iter().zip(&attempts), |row, (message, attempt)| {
        row.push_bind(attempt.to_string()).push_bind(&message.id).push_bind("claimed").push_bind(owner);
        row.push_bind(lease_until).push_bind(At::from(now));
    });
    insert.build().execute(&mut *write).await?;
    let mut update = Builder::new("UPDATE messages SET state = 'claimed', lease_until = ");
    update.push_bind(lease_until).push(
        ", attempt = (SELECT a.id FROM attempts a WHERE a.message = messages.id AND a.phase = 'claimed' AND a.id IN ",
    );
    update.push_list(attempts.iter().map(Uuid::to_string)).push(") WHERE state = 'pending' AND id IN ");
    update.push_list(rows.iter().map(|row| row.id.clone()));
    update.build().execute(&mut *write).await?;
    Ok(attempts)
}

/// What these messages carry, and which earlier steps they stand for. Only what is replayed was sent before. What cannot be
/// read is taken out, and its case planned anew.
async fn notices(write: &mut Write, rows: &[MessageRow]) -> Result<HashMap<String, Vec<ClaimedNotice>>, StoreError> {
    loop {
        let mut select = Builder::new(
            "SELECT message, tenant, state, case_id, ref, rule, start, step, repetition, due_on, role, position, purpose, \
             outcome, handled_on FROM notices WHERE state IN ('pending', 'done', 'sent') AND message IN ",
        );
        select.push_list(rows.iter().map(|row| row.id.clone()));
        select.push(" ORDER BY due_on, ref, rule, start, position, repetition, role");
        let (mut notices, mut unreadable) = (HashMap::<String, Vec<ClaimedNotice>>::new(), false);
        for row in select.build().fetch_rows(&mut *write).await? {
            match row.decode::<ClaimedNotice>() {
                Ok(notice) => notices.entry(row.try_get("message")?).or_default().push(notice),
                // What was sent stays so.
                Err(_) if row.try_get::<String>("state")? == "sent" => {}
                Err(_) => {
                    unreadable = true;
                    take_out(write, &row).await?;
                }
            }
        }
        if !unreadable {
            return Ok(notices);
        }
    }
}

/// Takes a case's notices out of a message in which one of them cannot be read, and has the case planned again.
async fn take_out(write: &mut Write, row: &Row) -> Result<(), StoreError> {
    let (message, tenant, case): (&str, &str, &str) =
        (row.try_get("message")?, row.try_get("tenant")?, row.try_get("case_id")?);
    let notices = "UPDATE notices SET state = 'withdrawn', reason = 'unreadable' \
                   WHERE message = $1 AND tenant = $2 AND case_id = $3 AND state IN ('pending', 'done')";
    sql::query(notices).bind(message).bind(tenant).bind(case).execute(&mut *write).await?;
    plan_again(write, tenant, case).await
}

impl MessageRow {
    fn claimed(&self, attempt: Uuid, rows: Vec<ClaimedNotice>) -> Result<Claimed, StoreError> {
        let message = Uuid::parse_str(&self.id).map_err(|_| StoreError::Unreadable {
            table: "messages",
            row: self.id.clone(),
            reason: "the id is no UUID".to_owned(),
        })?;
        let (notices, stood_for) = rows.into_iter().partition(|row| row.outcome == "sent");
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
            rerouted: self.reason.as_deref() == Some(super::PASSED_ON),
            is_replay: self.reason.as_deref() == Some(super::REPLAYED),
            subject: self.subject.clone(),
            notices,
            stood_for,
        })
    }
}

/// How many unsent notices a message has.
async fn carried(write: &mut Write, message: &str) -> Result<usize, StoreError> {
    let select = "SELECT count(*) FROM notices WHERE message = $1 AND state = 'pending'";
    let count: i64 = sql::query_scalar(select).bind(message).fetch_one(&mut *write).await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

async fn withdraw_message(write: &mut Write, attempt: Uuid, now: Instant) -> Result<(), StoreError> {
    let update = "UPDATE messages SET state = 'withdrawn', reason = 'nothing applies', attempt = NULL, \
                  lease_until = NULL, ended_at = $2 WHERE attempt = $1 AND state = 'claimed'";
    sql::query(update).bind(attempt.to_string()).bind(At::from(now)).execute(&mut *write).await?;
    let update = "UPDATE attempts SET phase = 'withdrawn', ended_at = $2 WHERE id = $1";
    sql::query(update).bind(attempt.to_string()).bind(At::from(now)).execute(&mut *write).await?;
    Ok(())
}
