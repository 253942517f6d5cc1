//! Attempts whose owner is gone, and what people do with messages.

use serde::Serialize;
use uuid::Uuid;

use super::super::audit::record;
use super::super::{At, AuditEntry, Store, StoreError};
use crate::calendar::Instant;

/// What was taken back from owners that are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// Known not sent: they go out as if nothing had been.
    pub unsent: u64,
    /// Maybe sent: they go out again with the same message id, marked as a possible repeat.
    pub maybe_sent: u64,
}

impl Store {
    /// Takes back everything that another owner than `owner` still has in its hands. At the start of the daemon every
    /// other owner is gone: the file lock says so. Settle what the acceptance journal knows first.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_dead_attempts(&self, now: Instant, owner: &str) -> Result<TakenBack, StoreError> {
        let mut write = self.write().await?;
        // The list of both phases is what the partial index is made of; without it every attempt ever would be read.
        let notices = "UPDATE notices SET state = 'pending' WHERE state = 'committing' AND message IN \
                       (SELECT message FROM attempts WHERE phase IN ('claimed', 'committing') \
                       AND phase = 'committing' AND owner <> $1)";
        sqlx::query(notices).bind(owner).execute(&mut *write).await?;
        let mut taken = TakenBack::default();
        let phases = [("claimed", "failed", 0_i64), ("committing", "unknown", 1)];
        for (phase, ended, repeat) in phases {
            let messages = "UPDATE messages SET state = 'pending', attempt = NULL, lease_until = NULL, \
                            next_try_at = $3, possible_repeat = CASE WHEN $4 = 1 THEN 1 ELSE possible_repeat END \
                            WHERE state = $2 AND attempt IN \
                            (SELECT id FROM attempts WHERE phase IN ('claimed', 'committing') \
                            AND phase = $2 AND owner <> $1)";
            let query = sqlx::query(messages).bind(owner).bind(phase).bind(At::from(now)).bind(repeat);
            let count = query.execute(&mut *write).await?.rows_affected();
            let attempts = "UPDATE attempts SET phase = $3, code = 'owner gone', ended_at = $4 \
                            WHERE phase IN ('claimed', 'committing') AND phase = $2 AND owner <> $1";
            let query = sqlx::query(attempts).bind(owner).bind(phase).bind(ended).bind(At::from(now));
            query.execute(&mut *write).await?;
            if repeat == 0 {
                taken.unsent = count;
            } else {
                taken.maybe_sent = count;
            }
        }
        write.commit().await?;
        Ok(taken)
    }

    /// A person has a message tried again now: a held or dead one, or one that waits for its next try. Its channel is
    /// probed at once where it is held: whoever asks has mended something.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn retry_message(
        &self,
        message: Uuid,
        actor: &str,
        reason: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE messages SET state = 'pending', next_try_at = $2, ended_at = NULL, \
                      reason = CASE WHEN reason IN ('rerouted', 'replayed') THEN reason END \
                      WHERE id = $1 AND state IN ('pending', 'held', 'dead') RETURNING tenant";
        self.by_person(update, message, "message.retry", actor, reason, now).await
    }

    /// A person has a webhook that was sent sent again, under the same id and marked as a repeat: its receiver lost it.
    /// `false`: it is no webhook, or was not sent.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn replay_message(
        &self,
        message: Uuid,
        actor: &str,
        reason: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE messages SET state = 'pending', next_try_at = $2, ended_at = NULL, possible_repeat = 1, \
                      reason = 'replayed' WHERE id = $1 AND state = 'sent' AND channel <> 'email' RETURNING tenant";
        self.by_person(update, message, "message.replay", actor, reason, now).await
    }

    /// A person holds a message back: one that nobody has in their hands.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn hold_message(
        &self,
        message: Uuid,
        actor: &str,
        reason: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE messages SET state = 'held', next_try_at = $2, \
                      reason = CASE WHEN reason IN ('rerouted', 'replayed') THEN reason ELSE 'held by a person' END \
                      WHERE id = $1 AND state IN ('gathering', 'pending') RETURNING tenant";
        self.by_person(update, message, "message.hold", actor, reason, now).await
    }

    /// A person gives a message up.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn bury_message(
        &self,
        message: Uuid,
        actor: &str,
        reason: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE messages SET state = 'dead', reason = 'given up by a person', ended_at = $2 \
                      WHERE id = $1 AND state IN ('gathering', 'pending', 'held') AND coalesce(reason, '') <> 'replayed' \
                      RETURNING tenant";
        self.by_person(update, message, "message.bury", actor, reason, now).await
    }

    async fn by_person(
        &self,
        update: &'static str,
        message: Uuid,
        action: &str,
        actor: &str,
        reason: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let subject = message.to_string();
        let query = sqlx::query_scalar(update).bind(&subject).bind(At::from(now));
        let tenant: Option<String> = query.fetch_optional(&mut *write).await?;
        let Some(tenant) = tenant else { return Ok(false) };
        let probe = "UPDATE channels SET held_until = $2 WHERE held_until > $2 AND $3 IN ('message.retry', 'message.replay') \
                     AND name = (SELECT channel FROM messages WHERE id = $1)";
        sqlx::query(probe).bind(&subject).bind(At::from(now)).bind(action).execute(&mut *write).await?;
        record(&mut write, AuditEntry { tenant: &tenant, actor, action, subject: &subject, reason }, now).await?;
        write.commit().await?;
        Ok(true)
    }
}
