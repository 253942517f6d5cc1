//! P8: how an attempt ended.

use uuid::Uuid;

use super::super::{At, Store, StoreError, Write};
use super::{FailureClass, Next};
use crate::calendar::Instant;
use crate::notice::Recipient;

impl Store {
    /// P8 for one message; see [`Store::accept_all`].
    ///
    /// # Errors
    /// What the database says; then nothing was changed, and the call may be repeated.
    pub async fn accept(&self, attempt: Uuid, code: &str, now: Instant) -> Result<bool, StoreError> {
        let accepted = self.accept_all(&[(attempt, code)], now).await?;
        Ok(accepted.first().copied().unwrap_or(false))
    }

    /// P8: attempts whose message was accepted, with the answer's code (such as `250`), in one transaction. Says for
    /// each whether it was still in that attempt's hands; where not, it was taken back and may go out again.
    ///
    /// # Errors
    /// What the database says; then nothing was changed, and the call may be repeated.
    pub async fn accept_all(&self, accepted: &[(Uuid, &str)], now: Instant) -> Result<Vec<bool>, StoreError> {
        let mut write = self.write().await?;
        let mut settled = Vec::with_capacity(accepted.len());
        for (attempt, code) in accepted {
            let ours = end_attempt(&mut write, *attempt, "accepted", None, code, now).await?;
            if ours {
                mark_sent(&mut write, "attempt", *attempt, now).await?;
            }
            settled.push(ours);
        }
        write.commit().await?;
        Ok(settled)
    }

    /// What the acceptance journal knows and the database forgot: the message was accepted, whatever the database
    /// holds it for. `false` where it is known as sent already, or not known at all.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn settle_from_journal(
        &self,
        message: Uuid,
        attempt: Uuid,
        code: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let sent = mark_sent(&mut write, "id", message, now).await?;
        if sent {
            let insert = "INSERT INTO attempts (id, message, phase, owner, lease_until, started_at, ended_at, code) \
                          VALUES ($1, $2, 'accepted', 'journal', $3, $3, $3, $4) ON CONFLICT (id) DO UPDATE \
                          SET phase = excluded.phase, ended_at = excluded.ended_at, code = excluded.code";
            let query = sqlx::query(insert).bind(attempt.to_string()).bind(message.to_string());
            query.bind(At::from(now)).bind(code).execute(&mut *write).await?;
        }
        write.commit().await?;
        Ok(sent)
    }

    /// Puts a message back that is not to leave now: nothing was tried, so nothing is counted. `false`: it is not in
    /// this attempt's hands.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn postpone(&self, attempt: Uuid, until: Instant) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let update = "UPDATE messages SET state = 'pending', next_try_at = $2, attempt = NULL, lease_until = NULL \
                      WHERE attempt = $1 AND state = 'claimed'";
        let query = sqlx::query(update).bind(attempt.to_string()).bind(At::from(until));
        let ours = query.execute(&mut *write).await?.rows_affected() == 1;
        if ours {
            let delete = "DELETE FROM attempts WHERE id = $1 AND phase = 'claimed'";
            sqlx::query(delete).bind(attempt.to_string()).execute(&mut *write).await?;
        }
        write.commit().await?;
        Ok(ours)
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
        let mut write = self.write().await?;
        let phase = if class == FailureClass::Unknown { "unknown" } else { "failed" };
        let ours = end_attempt(&mut write, attempt, phase, Some(class), code, now).await?;
        if ours {
            let repeat = i64::from(class == FailureClass::Unknown);
            if let Next::Reroute(recipient, _) = next {
                pass_on(&mut write, attempt, recipient).await?;
            }
            back_to_pending(&mut write, attempt, repeat, next, now).await?;
        }
        write.commit().await?;
        Ok(ours)
    }
}

/// Ends an attempt that is still open and still has its message. An accepted one must have been committing.
async fn end_attempt(
    write: &mut Write,
    attempt: Uuid,
    phase: &str,
    class: Option<FailureClass>,
    code: &str,
    now: Instant,
) -> Result<bool, StoreError> {
    let update = "UPDATE attempts SET phase = $2, class = $3, code = $4, ended_at = $5 WHERE id = $1 \
                  AND (phase = 'committing' OR (phase = 'claimed' AND $2 <> 'accepted')) \
                  AND EXISTS (SELECT 1 FROM messages WHERE attempt = $1)";
    let query = sqlx::query(update).bind(attempt.to_string()).bind(phase);
    let query = query.bind(class.map(FailureClass::word)).bind(code).bind(At::from(now));
    Ok(query.execute(&mut **write).await?.rows_affected() == 1)
}

/// Marks the message that an attempt holds, or that has this id, and its notices as sent.
async fn mark_sent(write: &mut Write, by: &'static str, id: Uuid, now: Instant) -> Result<bool, StoreError> {
    let update = match by {
        "attempt" => {
            "UPDATE messages SET state = 'sent', attempt = NULL, lease_until = NULL, ended_at = $2 \
             WHERE attempt = $1 AND state = 'committing' RETURNING id"
        }
        _ => {
            "UPDATE messages SET state = 'sent', attempt = NULL, lease_until = NULL, ended_at = $2 \
             WHERE id = $1 AND state <> 'sent' RETURNING id"
        }
    };
    let query = sqlx::query_scalar(update).bind(id.to_string()).bind(At::from(now));
    let message: Option<String> = query.fetch_optional(&mut **write).await?;
    let Some(message) = message else { return Ok(false) };
    let update =
        "UPDATE notices SET state = 'sent', reason = NULL WHERE message = $1 AND state IN ('pending', 'committing')";
    sqlx::query(update).bind(&message).execute(&mut **write).await?;
    Ok(true)
}

async fn back_to_pending(
    write: &mut Write,
    attempt: Uuid,
    repeat: i64,
    next: &Next,
    now: Instant,
) -> Result<(), StoreError> {
    let notices = "UPDATE notices SET state = 'pending' WHERE state = 'committing' \
                   AND message = (SELECT id FROM messages WHERE attempt = $1)";
    sqlx::query(notices).bind(attempt.to_string()).execute(&mut **write).await?;
    let (state, at, recipient, reason) = match next {
        Next::RetryAt(at) => ("pending", *at, None, None),
        Next::Reroute(recipient, at) => ("pending", *at, Some(recipient.to_string()), Some("rerouted")),
        Next::Hold(reason) => ("held", now, None, Some(*reason)),
    };
    let update = "UPDATE messages SET state = $2, next_try_at = $3, recipient = coalesce($4, recipient), reason = coalesce($5, reason), \
                  tries = tries + 1, attempt = NULL, lease_until = NULL, \
                  possible_repeat = CASE WHEN $6 = 1 THEN 1 ELSE possible_repeat END WHERE attempt = $1";
    let query = sqlx::query(update).bind(attempt.to_string()).bind(state).bind(At::from(at)).bind(recipient);
    query.bind(reason).bind(repeat).execute(&mut **write).await?;
    Ok(())
}

/// What a message tells now goes to somebody else: the ledger says so, and why.
async fn pass_on(write: &mut Write, attempt: Uuid, recipient: &Recipient) -> Result<(), StoreError> {
    let update = "UPDATE notices SET recipient = $2, reason = 'address refused, passed on' \
                  WHERE message = (SELECT id FROM messages WHERE attempt = $1)";
    let query = sqlx::query(update).bind(attempt.to_string()).bind(recipient.to_string());
    query.execute(&mut **write).await?;
    Ok(())
}
