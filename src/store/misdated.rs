//! What was planned under a clock that ran ahead: once the clock is right again, it is as if it had not been.
//!
//! A machine that starts with a wrong clock and is set right a minute later must not sleep until the date that it
//! believed in. What really left stays on record as told: it happened.

use super::database::Scope;
use super::rounds::withdraw_empty;
use super::sql;
use super::{At, Store, StoreError, Write};
use crate::calendar::Instant;

impl Store {
    /// When anything was last planned, by the clock of that moment.
    ///
    /// # Errors
    /// What the database says.
    pub async fn planned_at(&self) -> Result<Option<Instant>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = 'planned_at'";
        let value: Option<String> = sql::query_scalar(select).fetch_optional(&self.readers).await?;
        Ok(value.and_then(|value| value.parse().ok()).map(|millis| At(millis).instant()))
    }

    /// Takes back what was planned and gathered after `now` and did not leave, has everything that waits tried again, and
    /// all cases planned again.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn forget_after(&self, now: Instant) -> Result<(), StoreError> {
        let mut write = self.write(Scope::All).await?;
        let notices = "UPDATE notices SET state = 'withdrawn', reason = 'the clock was wrong' \
                       WHERE made_at > $1 AND state IN ('pending', 'done', 'shadow') RETURNING message";
        let touched: Vec<Option<String>> = sql::query_scalar(notices).bind(At::from(now)).fetch_all(&mut write).await?;
        let mut touched: Vec<String> = touched.into_iter().flatten().collect();
        touched.sort_unstable();
        touched.dedup();
        withdraw_empty(&mut write, &touched, now).await?;
        let messages = "UPDATE messages SET next_try_at = $1 WHERE state = 'pending' AND next_try_at > $1";
        sql::query(messages).bind(At::from(now)).execute(&mut write).await?;
        let held = "UPDATE channels SET held_until = $1 WHERE held_until > $1";
        let accepted = "UPDATE channels SET accepted_at = $1 WHERE accepted_at > $1";
        for channels in [held, accepted] {
            sql::query(channels).bind(At::from(now)).execute(&mut write).await?;
        }
        sql::query("UPDATE agenda SET generation = -1").execute(&mut write).await?;
        note_planned(&mut write, now).await?;
        write.commit().await?;
        Ok(())
    }
}

/// Remembers that something was planned at `now`.
pub(super) async fn note_planned(write: &mut Write, now: Instant) -> Result<(), StoreError> {
    let upsert = "INSERT INTO settings (name, value) VALUES ('planned_at', $1) \
                  ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sql::query(upsert).bind(now.timestamp_millis().to_string()).execute(&mut *write).await?;
    Ok(())
}
