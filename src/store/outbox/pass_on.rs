//! What an address refuses goes to the next in the chain: each case's notices to whoever comes next for that case.

use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

use super::super::{At, Day, Store, StoreError, Write};
use super::settle::end_attempt;
use super::{FailureClass, NoticeName, PASSED_ON};
use crate::calendar::Instant;
use crate::notice::Recipient;

/// Why notices go to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// How the attempt ended.
    pub class: FailureClass,
    /// The answer's short code.
    pub code: &'a str,
    /// What the ledger says of the notices.
    pub reason: &'a str,
}

impl Store {
    /// Ends an attempt that was refused, and gives its message's notices to others: one new message for each recipient
    /// of `onward`. What nobody is named for stays in the message, which is tried again at `retry_at`. `false`: the
    /// message is not in this attempt's hands.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn pass_on(
        &self,
        attempt: Uuid,
        refusal: Refusal<'_>,
        onward: &[(Recipient, Vec<NoticeName>)],
        retry_at: Instant,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        if !end_attempt(&mut write, attempt, refusal.class, refusal.code, now).await? {
            return Ok(false);
        }
        let select = "SELECT id FROM messages WHERE attempt = $1";
        let message: String = sqlx::query_scalar(select).bind(attempt.to_string()).fetch_one(&mut *write).await?;
        let free = "UPDATE notices SET state = 'pending' WHERE state = 'committing' AND message = $1";
        sqlx::query(free).bind(&message).execute(&mut *write).await?;
        for (recipient, names) in onward {
            let next = hand_over(&mut write, &message, recipient, now).await?;
            for name in names {
                give(&mut write, &message, name, (&next, recipient), refusal.reason).await?;
            }
        }
        let update = "UPDATE messages SET tries = tries + 1, attempt = NULL, lease_until = NULL, next_try_at = $2, \
                      state = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN 'pending' ELSE 'withdrawn' END, \
                      reason = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN reason ELSE $3 END, \
                      ended_at = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN NULL ELSE $4 END \
                      FROM (SELECT count(*) AS notices FROM notices WHERE message = $1 AND state = 'pending') left_over \
                      WHERE id = $1";
        let query = sqlx::query(update).bind(&message).bind(At::from(retry_at)).bind(refusal.reason);
        query.bind(At::from(now)).execute(&mut *write).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Notes that something outside says that a fact of ours is wrong: an address that takes no mail. `subject` is an
    /// id such as `p1`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_data_quality(
        &self,
        tenant: &str,
        subject: &str,
        kind: &'static str,
        code: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        let upsert = "INSERT INTO data_quality (tenant, subject, kind, code, since, last_at, times) \
                      VALUES ($1, $2, $3, $4, $5, $5, 1) ON CONFLICT (tenant, subject, kind) DO UPDATE \
                      SET code = excluded.code, last_at = excluded.last_at, times = data_quality.times + 1";
        let mut write = self.write().await?;
        let query = sqlx::query(upsert).bind(tenant).bind(subject).bind(kind).bind(code).bind(At::from(now));
        query.execute(&mut *write).await?;
        write.commit().await?;
        Ok(())
    }
}

/// A message like `message`, to somebody else.
async fn hand_over(
    write: &mut Write,
    message: &str,
    recipient: &Recipient,
    now: Instant,
) -> Result<String, StoreError> {
    let id = Uuid::now_v7().to_string();
    let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, reason, \
                      possible_repeat, tries, next_try_at, created_at) \
                  SELECT $2, tenant, $3, channel, slot, urgent, escalation, subject, 'pending', $4, 0, 0, $5, created_at \
                  FROM messages WHERE id = $1";
    let query = sqlx::query(insert).bind(message).bind(&id).bind(recipient.to_string()).bind(PASSED_ON);
    query.bind(At::from(now)).execute(&mut **write).await?;
    Ok(id)
}

/// Moves one notice, and the earlier steps that it stands for.
async fn give(
    write: &mut Write,
    message: &str,
    name: &NoticeName,
    (next, recipient): (&str, &Recipient),
    reason: &str,
) -> Result<(), StoreError> {
    let mut update = QueryBuilder::<Sqlite>::new("UPDATE notices SET message = ");
    update.push_bind(next.to_owned()).push(", recipient = CASE WHEN outcome = 'sent' THEN ");
    update.push_bind(recipient.to_string()).push(" ELSE recipient END, reason = ").push_bind(reason.to_owned());
    update.push(" WHERE message = ").push_bind(message.to_owned());
    update.push(" AND case_id = ").push_bind(name.case.clone()).push(" AND rule = ").push_bind(name.rule.clone());
    update.push(" AND start = ").push_bind(name.start.clone()).push(" AND due_on = ").push_bind(Day(name.due_on));
    update.push(" AND (outcome <> 'sent' OR (step = ").push_bind(name.step.clone());
    update.push(" AND repetition = ").push_bind(name.repetition).push(" AND role = ").push_bind(name.role.clone());
    update.push("))");
    update.build().execute(&mut **write).await?;
    Ok(())
}
