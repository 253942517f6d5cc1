//! How far schedules have come, and what their slots make: once, whoever comes first.

use std::collections::HashMap;

use uuid::Uuid;

use super::sql;
use super::{At, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::notice::Recipient;
use crate::schedule::Scheduled;

/// A message that a slot makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotMessage {
    /// What it is about, which names it in the municipality: `report:weekly:2026-W11:p2`.
    pub name: String,
    /// Who receives it.
    pub recipient: Recipient,
    /// How it leaves.
    pub channel: String,
}

impl Store {
    /// Up to which slot each schedule has come, by municipality and the schedule's word.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last_slots(&self) -> Result<HashMap<(String, String), Instant>, StoreError> {
        let select = "SELECT tenant, schedule, last_slot FROM schedules";
        let rows: Vec<(String, String, At)> = sql::query_as(select).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|(tenant, schedule, last)| ((tenant, schedule), last.instant())).collect())
    }

    /// Moves a schedule to a slot, and makes its messages, in one transaction. Each is made once for its name, whatever was
    /// moved before. How many were made; `None`: the schedule has come that far already, and nothing was made.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn claim_slot(
        &self,
        tenant: &str,
        scheduled: Scheduled,
        slot: Instant,
        messages: &[SlotMessage],
        now: Instant,
    ) -> Result<Option<usize>, StoreError> {
        let mut write = self.write_in(tenant).await?;
        let upsert = "INSERT INTO schedules (tenant, schedule, last_slot) VALUES ($1, $2, $3) \
                      ON CONFLICT (tenant, schedule) DO UPDATE SET last_slot = excluded.last_slot \
                      WHERE schedules.last_slot < excluded.last_slot";
        let query = sql::query(upsert).bind(tenant).bind(scheduled.word()).bind(At::from(slot));
        if query.execute(&mut write).await? == 0 {
            return Ok(None);
        }
        let mut made = 0;
        for message in messages {
            made += usize::from(tell(&mut write, tenant, message, now).await?.is_some());
        }
        write.commit().await?;
        Ok(Some(made))
    }

    /// Takes a schedule back that has come further than the clock, which was wrong. What was made then stays made; but of
    /// periods that are not over by `now`, something will be made again.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_slot(
        &self,
        tenant: &str,
        scheduled: Scheduled,
        is_over: impl Fn(&str) -> bool,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mut write = self.write_in(tenant).await?;
        let update = "UPDATE schedules SET last_slot = $3 WHERE tenant = $1 AND schedule = $2 AND last_slot > $3";
        let query = sql::query(update).bind(tenant).bind(scheduled.word()).bind(At::from(now));
        query.execute(&mut write).await?;
        let select =
            "SELECT name FROM tenant_notices WHERE tenant = $1 AND (name LIKE 'report:%' OR name LIKE 'ready:%')";
        let names: Vec<String> = sql::query_scalar(select).bind(tenant).fetch_all(&mut write).await?;
        for name in names.iter().filter(|name| !is_over(name)) {
            let delete = "DELETE FROM tenant_notices WHERE tenant = $1 AND name = $2";
            sql::query(delete).bind(tenant).bind(name.as_str()).execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(())
    }
}

/// Tells a municipality something under a name. The message, or `None` where something was told under it before.
pub(super) async fn tell(
    write: &mut Write,
    tenant: &str,
    message: &SlotMessage,
    now: Instant,
) -> Result<Option<Uuid>, StoreError> {
    let id = Uuid::now_v7();
    let insert = "INSERT INTO tenant_notices (tenant, name, message, created_at) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (tenant, name) DO NOTHING";
    let query = sql::query(insert).bind(tenant).bind(&message.name).bind(id.to_string()).bind(At::from(now));
    if query.execute(&mut *write).await? == 0 {
        return Ok(None);
    }
    let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, \
                      possible_repeat, tries, next_try_at, created_at) \
                  VALUES ($1, $2, $3, $4, $5, 0, 0, $6, 'pending', 0, 0, $5, $5)";
    let query = sql::query(insert).bind(id.to_string()).bind(tenant).bind(message.recipient.to_string());
    query.bind(&message.channel).bind(At::from(now)).bind(&message.name).execute(&mut *write).await?;
    Ok(Some(id))
}
