//! Attempts whose owner is gone, and what people do with messages.

use serde::Serialize;
use uuid::Uuid;

use super::super::audit::record;
use super::super::database::Scope;
use super::super::sql::{self, Builder, Lock};
use super::super::{At, AuditEntry, ROWS, Store, StoreError, Write};
use crate::calendar::Instant;

/// What was taken back from owners that are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// Known not sent: they go out as if nothing had been.
    pub unsent: u64,
    /// Maybe sent: they go out again with the same message id, marked as a possible repeat.
    pub maybe_sent: u64,
}

/// Whose attempts are taken back, among those that are open: `$1` is ours. The list of both phases is what the partial index
/// is made of; without it every attempt ever would be read.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// Of everybody else: on a file, nobody else lives.
    Others,
    /// Of earlier processes of this instance (`$2`), which are gone, and what [`Whose::Lapsed`] says.
    Dead,
    /// What nobody holds for sent by now, be it our own; and what a daemon claimed that lives no longer by the
    /// database's clock (`$2`). What such a one was about to hand over it may still be handing over.
    Lapsed,
    /// Our own, of which no line lives any more.
    Own,
}

impl Whose {
    const fn select(self) -> &'static str {
        match self {
            Self::Others => "SELECT id, phase FROM attempts WHERE phase IN ('claimed', 'committing') AND owner <> $1",
            Self::Own => "SELECT id, phase FROM attempts WHERE phase IN ('claimed', 'committing') AND owner = $1",
            Self::Lapsed => {
                "SELECT id, phase FROM attempts WHERE phase IN ('claimed', 'committing') \
                 AND (lease_until <= $2 OR (owner <> $1 AND phase = 'claimed' AND NOT EXISTS \
                     (SELECT 1 FROM leases l WHERE l.name = 'daemon:' || attempts.owner AND l.until_at > $2)))"
            }
            Self::Dead => {
                "SELECT id, phase FROM attempts WHERE phase IN ('claimed', 'committing') AND owner <> $1 \
                 AND (substr(owner, 1, length($2)) = $2 OR lease_until <= $3 OR (phase = 'claimed' AND NOT EXISTS \
                     (SELECT 1 FROM leases l WHERE l.name = 'daemon:' || attempts.owner AND l.until_at > $3)))"
            }
        }
    }
}

impl Store {
    /// Takes back what daemons still have in their hands that are gone. `owner` is ours: `INSTANCE/PROCESS`. On a file
    /// every other owner is gone: the file lock says so. On a server these are earlier processes of our instance, and of
    /// others what they claimed and have not said to be alive since; what they were about to hand over comes back when
    /// its lease ends. Settle what the acceptance journal knows first.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_dead_attempts(&self, now: Instant, owner: &str) -> Result<TakenBack, StoreError> {
        let whose = if self.is_shared() { Whose::Dead } else { Whose::Others };
        self.take_back(whose, owner, now).await
    }

    /// Takes back, at every tick, what daemons that share this database have lost. On a file there is no other.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_lapsed_attempts(&self, now: Instant, owner: &str) -> Result<TakenBack, StoreError> {
        if self.is_shared() { self.take_back(Whose::Lapsed, owner, now).await } else { Ok(TakenBack::default()) }
    }

    /// Takes back what `owner`, who is ourselves, still has in hand, once none of our lines lives any more.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_own_attempts(&self, now: Instant, owner: &str) -> Result<TakenBack, StoreError> {
        self.take_back(Whose::Own, owner, now).await
    }

    async fn take_back(&self, whose: Whose, owner: &str, now: Instant) -> Result<TakenBack, StoreError> {
        let open = |clock: At| {
            let open = sql::query_as(whose.select()).bind(owner);
            let instance = owner.split_inclusive('/').next().unwrap_or_default();
            match whose {
                Whose::Dead => open.bind(instance).bind(clock),
                Whose::Lapsed => open.bind(clock),
                Whose::Others | Whose::Own => open,
            }
        };
        // Nothing is written where there is nothing to take back: this is asked at every tick.
        let clock =
            if self.is_shared() { At::from(self.server_state(Uuid::nil(), "").await?.clock) } else { At::from(now) };
        let seen: Vec<(String, String)> = open(clock).fetch_all(&self.readers).await?;
        if seen.is_empty() {
            return Ok(TakenBack::default());
        }
        let mut write = self.write(Scope::Rows).await?;
        let open: Vec<(String, String)> =
            open(write.lease_clock(now)).locking(Lock::Skip).fetch_all(&mut write).await?;
        let (committing, claimed): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, phase)| phase == "committing");
        let ids = |of: Vec<(String, String)>| of.into_iter().map(|(id, _)| id).collect::<Vec<String>>();
        let taken = TakenBack {
            unsent: back(&mut write, &ids(claimed), "claimed", now).await?,
            maybe_sent: back(&mut write, &ids(committing), "committing", now).await?,
        };
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
        let subject = message.to_string();
        let select = "SELECT tenant FROM messages WHERE id = $1";
        let tenant: Option<String> = sql::query_scalar(select).bind(&subject).fetch_optional(&self.readers).await?;
        let Some(tenant) = tenant else { return Ok(false) };
        let mut write = self.write_in(&tenant).await?;
        let query = sql::query_scalar(update).bind(&subject).bind(At::from(now));
        let changed: Option<String> = query.fetch_optional(&mut write).await?;
        if changed.is_none() {
            return Ok(false);
        }
        let probe = "UPDATE channels SET held_until = $2 WHERE held_until > $2 AND $3 IN ('message.retry', 'message.replay') \
                     AND name = (SELECT channel FROM messages WHERE id = $1)";
        sql::query(probe).bind(&subject).bind(At::from(now)).bind(action).execute(&mut write).await?;
        let entry = AuditEntry { tenant: &tenant, actor, action, subject: &subject, reason, ..AuditEntry::default() };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(true)
    }
}

/// Puts messages of these attempts, which are in one phase, back among those that wait. How many.
async fn back(write: &mut Write, attempts: &[String], phase: &'static str, now: Instant) -> Result<u64, StoreError> {
    let is_maybe_sent = phase == "committing";
    let mut taken = 0;
    for chunk in attempts.chunks(ROWS) {
        let ids = || chunk.iter().cloned();
        let mut notices = Builder::new(
            "UPDATE notices SET state = 'pending' WHERE state = 'committing' AND message IN \
             (SELECT message FROM attempts WHERE id IN ",
        );
        notices.push_list(ids()).push(")");
        notices.build().execute(&mut *write).await?;
        let mut messages =
            Builder::new("UPDATE messages SET state = 'pending', attempt = NULL, lease_until = NULL, next_try_at = ");
        messages.push_bind(At::from(now)).push(", possible_repeat = CASE WHEN ").push_bind(i64::from(is_maybe_sent));
        messages.push(" = 1 THEN 1 ELSE possible_repeat END WHERE state = ").push_bind(phase).push(" AND attempt IN ");
        messages.push_list(ids());
        taken += messages.build().execute(&mut *write).await?;
        let mut ended = Builder::new("UPDATE attempts SET code = 'owner gone', phase = ");
        ended.push_bind(if is_maybe_sent { "unknown" } else { "failed" }).push(", ended_at = ");
        ended.push_bind(At::from(now)).push(" WHERE id IN ").push_list(ids());
        ended.build().execute(&mut *write).await?;
    }
    Ok(taken)
}
