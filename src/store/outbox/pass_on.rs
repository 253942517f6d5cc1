//! What an address refuses goes to the next in the chain: each case's notices to whoever comes next for that case.

use uuid::Uuid;

use super::super::database::Scope;
use super::super::rounds::withdraw_empty;
use super::super::sql::{self, Builder, Lock};
use super::super::{At, Day, EMAIL, Store, StoreError, Write};
use super::settle::end_attempt;
use super::{ClaimedNotice, FailureClass, NoticeName, PASSED_ON};
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

/// What one person cannot be reached with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The message's id.
    pub message: String,
    /// Whom it was for.
    pub recipient: Recipient,
    /// The last answer's short code.
    pub code: String,
    /// Its notices whose next step has come.
    pub notices: Vec<ClaimedNotice>,
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
        let mut write = self.write(Scope::Rows).await?;
        let tenant = "SELECT tenant FROM messages WHERE attempt = $1";
        let tenant: Option<String> =
            sql::query_scalar(tenant).bind(attempt.to_string()).fetch_optional(&mut write).await?;
        let Some(tenant) = tenant else { return Ok(false) };
        write.keep(&tenant).await?;
        if !end_attempt(&mut write, attempt, refusal.class, refusal.code, now).await? {
            return Ok(false);
        }
        let select = "SELECT id FROM messages WHERE attempt = $1";
        let message: String = sql::query_scalar(select).bind(attempt.to_string()).fetch_one(&mut write).await?;
        let free = "UPDATE notices SET state = 'pending' WHERE state = 'committing' AND message = $1";
        sql::query(free).bind(&message).execute(&mut write).await?;
        hand_on(&mut write, &message, onward, refusal.reason, now).await?;
        let update = "UPDATE messages SET tries = tries + 1, attempt = NULL, lease_until = NULL, next_try_at = $2, \
                      state = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN 'pending' ELSE 'withdrawn' END, \
                      reason = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN reason ELSE $3 END, \
                      ended_at = CASE WHEN left_over.notices > 0 OR subject IS NOT NULL THEN NULL ELSE $4 END \
                      FROM (SELECT count(*) AS notices FROM notices WHERE message = $1 AND state = 'pending') left_over \
                      WHERE id = $1";
        let query = sql::query(update).bind(&message).bind(At::from(retry_at)).bind(refusal.reason);
        query.bind(At::from(now)).execute(&mut write).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Gives notices of a message that waits in vain to others, as [`Store::pass_on`] does. What nobody is named for stays in
    /// it. `false`: somebody has it in hand, or it waits no longer.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn pass_on_waiting(
        &self,
        message: &str,
        reason: &str,
        onward: &[(Recipient, Vec<NoticeName>)],
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let tenant = "SELECT tenant FROM messages WHERE id = $1";
        let tenant: Option<String> = sql::query_scalar(tenant).bind(message).fetch_optional(&mut write).await?;
        let Some(tenant) = tenant else { return Ok(false) };
        write.keep(&tenant).await?;
        let select = "SELECT id FROM messages WHERE id = $1 AND state = 'pending'";
        let waits = sql::query_scalar(select).bind(message).locking(Lock::Wait);
        let waits: Option<String> = waits.fetch_optional(&mut write).await?;
        if waits.is_none() {
            return Ok(false);
        }
        hand_on(&mut write, message, onward, reason, now).await?;
        withdraw_empty(&mut write, &[message.to_owned()], now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Messages of earlier rounds that one person cannot be reached with, although the channel took others since: for each the
    /// notices whose next step has come in this round, which is still gathering.
    ///
    /// # Errors
    /// What the database says.
    pub async fn undelivered(&self, tenant: &str) -> Result<Vec<Undelivered>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Row {
            message: String,
            recipient: String,
            code: Option<String>,
            #[sqlx(flatten)]
            notice: ClaimedNotice,
        }
        let select = "SELECT m.id AS message, m.recipient AS recipient, \
                      (SELECT a.code FROM attempts a WHERE a.message = m.id ORDER BY a.id DESC LIMIT 1) AS code, \
                      n.case_id, n.ref, n.rule, n.start, n.step, n.repetition, n.due_on, n.role, n.position, n.purpose, \
                      n.outcome, n.handled_on FROM messages m JOIN notices n ON n.message = m.id AND n.state = 'pending' \
                      WHERE m.tenant = $1 AND m.channel = $2 AND m.state = 'pending' AND m.tries > 0 \
                      AND EXISTS (SELECT 1 FROM channels c WHERE c.name = m.channel AND c.accepted_at > (SELECT \
                          min(a.ended_at) FROM attempts a WHERE a.message = m.id AND a.class IS NOT NULL)) \
                      AND EXISTS (SELECT 1 FROM notices later JOIN messages g ON g.id = later.message \
                          WHERE g.state = 'gathering' AND g.recipient = m.recipient AND later.state = 'pending' \
                          AND later.tenant = n.tenant AND later.case_id = n.case_id AND later.rule = n.rule \
                          AND later.start = n.start AND later.due_on = n.due_on) ORDER BY m.id, n.position";
        let rows: Vec<Row> = sql::query_as(select).bind(tenant).bind(EMAIL).fetch_all(&self.readers).await?;
        let mut undelivered: Vec<Undelivered> = Vec::new();
        for Row { message, recipient, code, notice } in rows {
            match undelivered.last_mut().filter(|last| last.message == message) {
                Some(last) => last.notices.push(notice),
                None => undelivered.push(Undelivered {
                    message,
                    recipient: Recipient::parse(&recipient),
                    code: code.unwrap_or_default(),
                    notices: vec![notice],
                }),
            }
        }
        Ok(undelivered)
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
        let mut write = self.write(Scope::Rows).await?;
        let query = sql::query(upsert).bind(tenant).bind(subject).bind(kind).bind(code).bind(At::from(now));
        query.execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}

async fn hand_on(
    write: &mut Write,
    message: &str,
    onward: &[(Recipient, Vec<NoticeName>)],
    reason: &str,
    now: Instant,
) -> Result<(), StoreError> {
    for (recipient, names) in onward {
        let next = hand_over(write, message, recipient, now).await?;
        for name in names {
            give(write, message, name, (&next, recipient), reason).await?;
        }
    }
    Ok(())
}

/// A message like `message`, to somebody else.
async fn hand_over(
    write: &mut Write,
    message: &str,
    recipient: &Recipient,
    now: Instant,
) -> Result<String, StoreError> {
    // What was passed on to somebody before, in the same round, takes this too: one mail, not one for each colleague.
    let select = "SELECT other.id FROM messages other JOIN messages own ON own.id = $1 AND own.tenant = other.tenant \
                  AND own.channel = other.channel AND own.slot = other.slot WHERE other.state = 'pending' \
                  AND other.recipient = $2 AND other.reason = $3 AND other.possible_repeat = 0 AND other.subject IS NULL \
                  AND own.subject IS NULL ORDER BY other.id LIMIT 1";
    let query = sql::query_scalar(select).bind(message).bind(recipient.to_string()).bind(PASSED_ON).locking(Lock::Wait);
    let known: Option<String> = query.fetch_optional(&mut *write).await?;
    if let Some(known) = known {
        let update = "UPDATE messages SET escalation = 1 \
                      WHERE id = $2 AND (SELECT escalation FROM messages WHERE id = $1) = 1";
        sql::query(update).bind(message).bind(&known).execute(&mut *write).await?;
        return Ok(known);
    }
    let id = Uuid::now_v7().to_string();
    let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, reason, \
                      possible_repeat, tries, next_try_at, created_at) \
                  SELECT $2, tenant, $3, channel, slot, urgent, escalation, subject, 'pending', $4, 0, 0, $5, created_at \
                  FROM messages WHERE id = $1";
    let query = sql::query(insert).bind(message).bind(&id).bind(recipient.to_string()).bind(PASSED_ON);
    query.bind(At::from(now)).execute(&mut *write).await?;
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
    let mut update = Builder::new("UPDATE notices SET message = ");
    update.push_bind(next.to_owned()).push(", recipient = CASE WHEN outcome = 'sent' THEN ");
    update.push_bind(recipient.to_string()).push(" ELSE recipient END, reason = ").push_bind(reason.to_owned());
    update.push(" WHERE message = ").push_bind(message.to_owned());
    update.push(" AND case_id = ").push_bind(name.case.clone()).push(" AND rule = ").push_bind(name.rule.clone());
    update.push(" AND start = ").push_bind(name.start.clone()).push(" AND due_on = ").push_bind(Day(name.due_on));
    update.push(" AND (outcome <> 'sent' OR (step = ").push_bind(name.step.clone());
    update.push(" AND repetition = ").push_bind(name.repetition).push(" AND role = ").push_bind(name.role.clone());
    update.push("))");
    update.build().execute(&mut *write).await?;
    Ok(())
}
