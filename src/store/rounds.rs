//! Rounds: which was the last, and letting go of what it gathered.

use chrono::NaiveDate;

use super::sql::{self, Lock};
use super::{At, Day, EMAIL, Store, StoreError, Write};
use crate::calendar::Instant;

impl Store {
    /// The civil day of the tenant's last finished round.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where it is no day.
    pub async fn last_round(&self, tenant: &str) -> Result<Option<NaiveDate>, StoreError> {
        let select = "SELECT last_round FROM tenants WHERE id = $1";
        let day: Result<Option<Option<Day>>, _> =
            sql::query_scalar(select).bind(tenant).fetch_optional(&self.readers).await;
        match day {
            Ok(day) => Ok(day.flatten().map(|day| day.0)),
            Err(sqlx::Error::ColumnDecode { .. }) => Err(StoreError::Unreadable {
                table: "tenants",
                row: tenant.to_owned(),
                reason: "`last_round` is no day".to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets the last round, and has all cases of the tenant planned again.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn forget_round(&self, tenant: &str) -> Result<(), StoreError> {
        let mut write = self.write_in(tenant).await?;
        let tenants = "UPDATE tenants SET last_round = NULL WHERE id = $1";
        let agenda = "UPDATE agenda SET generation = -1 WHERE tenant = $1";
        for update in [tenants, agenda] {
            sql::query(update).bind(tenant).execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Marks the tenant's round of `day` as done and releases everything that it gathered, also what an earlier
    /// round that was cut short left behind. Returns how many messages were released; a second call releases none.
    ///
    /// # Errors
    /// What the database says; then nothing was released.
    pub async fn finish_round(&self, tenant: &str, day: NaiveDate, now: Instant) -> Result<u64, StoreError> {
        let mut write = self.write_in(tenant).await?;
        self.keep_turn(&mut write, tenant, now).await?;
        let update = "UPDATE tenants SET last_round = $2 WHERE id = $1 AND (last_round IS NULL OR last_round < $2)";
        sql::query(update).bind(tenant).bind(Day(day)).execute(&mut write).await?;
        join_waiting(&mut write, tenant, now).await?;
        let released = release(&mut write, tenant, Gathered::All, now).await?;
        write.commit().await?;
        Ok(released)
    }
}

/// What still waits for a recipient from earlier rounds joins what this round gathered: after an outage they read one
/// message, and of two steps about one due date only the later. What may have been sent before keeps its id.
async fn join_waiting(write: &mut Write, tenant: &str, now: Instant) -> Result<(), StoreError> {
    // What was passed on joins only what was passed on: whoever gets it is no role of its notices.
    let select = "SELECT CASE WHEN reason = 'rerouted' THEN 'rerouted ' ELSE '' END || recipient AS reader, id \
                  FROM messages WHERE tenant = $1 AND channel = $2 AND state IN ('gathering', 'pending') \
                  AND urgent = 0 AND subject IS NULL AND possible_repeat = 0 ORDER BY reader, created_at DESC, id DESC";
    let query = sql::query_as(select).bind(tenant).bind(EMAIL).locking(Lock::Wait);
    let waiting: Vec<(String, String)> = query.fetch_all(&mut *write).await?;
    for group in waiting.chunk_by(|(one, _), (other, _)| one == other) {
        let [(_, kept), older @ ..] = group else { continue };
        for (_, message) in older {
            join(write, message, kept, now).await?;
        }
    }
    Ok(())
}

async fn join(write: &mut Write, message: &str, kept: &str, now: Instant) -> Result<(), StoreError> {
    let moves = "UPDATE notices SET message = $2 WHERE message = $1 AND state IN ('pending', 'done')";
    let escalates = "UPDATE messages SET escalation = 1 \
                     WHERE id = $2 AND (SELECT escalation FROM messages WHERE id = $1) = 1";
    for update in [moves, escalates] {
        sql::query(update).bind(message).bind(kept).execute(&mut *write).await?;
    }
    let ends = "UPDATE messages SET state = 'withdrawn', reason = 'joined a later one', ended_at = $2 WHERE id = $1";
    sql::query(ends).bind(message).bind(At::from(now)).execute(&mut *write).await?;
    let overtaken = "UPDATE notices SET outcome = 'overtaken', state = 'done', made_at = $2 \
                     WHERE message = $1 AND state = 'pending' AND EXISTS (SELECT 1 FROM notices n \
                     WHERE n.message = $1 AND n.state = 'pending' AND n.tenant = notices.tenant \
                     AND n.case_id = notices.case_id AND n.rule = notices.rule AND n.start = notices.start \
                     AND n.due_on = notices.due_on AND n.made_at > notices.made_at)";
    sql::query(overtaken).bind(kept).bind(At::from(now)).execute(&mut *write).await?;
    Ok(())
}

/// Which gathered messages may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathered {
    /// Those made outside a round.
    Urgent,
    /// Those of rounds too.
    All,
}

/// Lets go of what was gathered; what is empty is withdrawn instead.
pub(super) async fn release(write: &mut Write, tenant: &str, which: Gathered, now: Instant) -> Result<u64, StoreError> {
    let least = i64::from(which == Gathered::Urgent);
    let empty = "SELECT id FROM messages WHERE tenant = $1 AND state = 'gathering' AND urgent >= $2 \
                 AND NOT EXISTS (SELECT 1 FROM notices WHERE message = messages.id AND state = 'pending')";
    let empty: Vec<String> = sql::query_scalar(empty).bind(tenant).bind(least).fetch_all(&mut *write).await?;
    withdraw_empty(write, &empty, now).await?;
    let update = "UPDATE messages SET state = 'pending', next_try_at = $3 \
                  WHERE tenant = $1 AND state = 'gathering' AND urgent >= $2";
    let done = sql::query(update).bind(tenant).bind(least).bind(At::from(now)).execute(&mut *write).await?;
    Ok(done)
}

/// Withdraws those of these messages that are unsent and in which nothing applies any more. One that is claimed is
/// withdrawn by its owner.
pub(super) async fn withdraw_empty(write: &mut Write, messages: &[String], now: Instant) -> Result<(), StoreError> {
    for message in messages {
        let update = "UPDATE messages SET state = 'withdrawn', reason = 'nothing applies', ended_at = $2 \
                      WHERE id = $1 AND state IN ('gathering', 'pending', 'held') AND subject IS NULL \
                      AND NOT EXISTS (SELECT 1 FROM notices WHERE message = $1 AND state = 'pending')";
        sql::query(update).bind(message).bind(At::from(now)).execute(&mut *write).await?;
    }
    Ok(())
}
