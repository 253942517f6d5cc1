//! Channels that refuse us as such: held, probed with one message at a time, and free again with the first that is
//! taken.

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::super::database::Scope;
use super::super::sql;
use super::super::{At, Store, StoreError, Write};
use super::FailureClass;
use super::settle::end_attempt;
use crate::calendar::Instant;

/// How long a channel is left alone after each refusal in a row, in minutes; the last one repeats.
const HOLDS: [i64; 4] = [5, 10, 20, 30];

/// A channel as it behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct ChannelState {
    /// Its name: `email`, or `webhook:` and a name.
    pub name: String,
    /// When it last took a message.
    pub accepted_at: Option<At>,
    /// Since when it is held, if it is.
    pub held_since: Option<At>,
    /// When it is probed next.
    pub held_until: Option<At>,
    /// The answer's code that led to it.
    pub held_code: Option<String>,
    /// How many probes it refused.
    pub probes: i64,
}

impl ChannelState {
    /// Until when nothing is tried, if that lies ahead.
    #[must_use]
    pub fn held_at(&self, now: Instant) -> Option<Instant> {
        self.held_until.map(At::instant).filter(|until| *until > now)
    }

    /// Whether it was held and the time for a probe has come: one message at a time.
    #[must_use]
    pub fn is_probed(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| until.instant() <= now)
    }
}

/// What a refusal of the channel led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing more is tried on the channel until then.
    Until(Instant),
    /// The channel takes other messages: it is this one that it does not want. It is tried again by itself.
    OnlyThis,
    /// The message was not in this attempt's hands.
    NotOurs,
}

impl Store {
    /// Every channel that was ever used, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn channels(&self) -> Result<Vec<ChannelState>, StoreError> {
        let select = "SELECT name, accepted_at, held_since, held_until, held_code, probes FROM channels ORDER BY name";
        Ok(sql::query_as(select).fetch_all(&self.readers).await?)
    }

    /// P8 for a refusal that speaks of the channel: it is held, unless it took other messages since it refused this one
    /// before. The message is tried again at `retry_at`.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn refuse(
        &self,
        attempt: Uuid,
        channel: &str,
        code: &str,
        retry_at: Instant,
        now: Instant,
    ) -> Result<Held, StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let only_this = takes_others(&mut write, attempt, channel).await?;
        if !end_attempt(&mut write, attempt, FailureClass::Channel, code, now).await? {
            return Ok(Held::NotOurs);
        }
        let free = "UPDATE notices SET state = 'pending' WHERE state = 'committing' \
                    AND message = (SELECT id FROM messages WHERE attempt = $1)";
        sql::query(free).bind(attempt.to_string()).execute(&mut write).await?;
        let update = "UPDATE messages SET state = 'pending', next_try_at = $2, tries = tries + 1, attempt = NULL, \
                      lease_until = NULL WHERE attempt = $1";
        sql::query(update).bind(attempt.to_string()).bind(At::from(retry_at)).execute(&mut write).await?;
        let held = if only_this { Held::OnlyThis } else { Held::Until(hold(&mut write, channel, code, now).await?) };
        if let Held::Until(until) = held {
            // Another message is the probe, where there is one: this one may be what the channel does not want.
            let update = "UPDATE messages SET next_try_at = $2 WHERE next_try_at < $2 AND state = 'pending' \
                          AND id = (SELECT message FROM attempts WHERE id = $1)";
            let later = At::from(until + TimeDelta::seconds(1));
            sql::query(update).bind(attempt.to_string()).bind(later).execute(&mut write).await?;
        }
        write.commit().await?;
        self.forget_noted(channel);
        Ok(held)
    }
}

/// Whether the channel took a message since it refused this attempt's message as a channel before.
async fn takes_others(write: &mut Write, attempt: Uuid, channel: &str) -> Result<bool, StoreError> {
    let select = "SELECT count(*) FROM channels c WHERE c.name = $2 AND c.accepted_at > \
                  (SELECT max(a.ended_at) FROM attempts a JOIN messages m ON m.id = a.message \
                   WHERE m.attempt = $1 AND a.class = 'channel')";
    let count: i64 = sql::query_scalar(select).bind(attempt.to_string()).bind(channel).fetch_one(&mut *write).await?;
    Ok(count > 0)
}

/// Holds a channel, longer with each probe that it refused. Several lines that are refused at once are one refusal.
async fn hold(write: &mut Write, channel: &str, code: &str, now: Instant) -> Result<Instant, StoreError> {
    let select = "SELECT name, accepted_at, held_since, held_until, held_code, probes FROM channels WHERE name = $1";
    let known: Option<ChannelState> = sql::query_as(select).bind(channel).fetch_optional(&mut *write).await?;
    if let Some(until) = known.as_ref().and_then(|known| known.held_at(now)) {
        return Ok(until);
    }
    let probes = known.filter(|known| known.held_since.is_some()).map_or(0, |known| known.probes + 1);
    let place = usize::try_from(probes).unwrap_or(0).min(HOLDS.len() - 1);
    let until = now + TimeDelta::minutes(HOLDS[place]);
    let upsert = "INSERT INTO channels (name, held_since, held_until, held_code, probes) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (name) DO UPDATE SET held_since = coalesce(channels.held_since, excluded.held_since), \
                  held_until = excluded.held_until, held_code = excluded.held_code, probes = excluded.probes";
    let query = sql::query(upsert).bind(channel).bind(At::from(now)).bind(At::from(until)).bind(code).bind(probes);
    query.execute(&mut *write).await?;
    Ok(until)
}
