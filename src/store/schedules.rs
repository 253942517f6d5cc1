//! How far schedules have come, and what their slots make: once, whoever comes first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::sql::{self, Builder};
use super::{At, Day, Store, StoreError, Write};
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

    /// How many obligations of a municipality, or of some of its units, fell due from one day to another, both included; and
    /// how many of those were met in time. What has passed with nothing that follows from it does not count.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_and_met(
        &self,
        tenant: &str,
        (first, last): (NaiveDate, NaiveDate),
        units: Option<&BTreeSet<Arc<str>>>,
        now: Instant,
    ) -> Result<(usize, usize), StoreError> {
        let mut select = Builder::new("SELECT status, count(*) FROM obligations WHERE tenant = ");
        select.push_bind(tenant.to_owned()).push(" AND due_on >= ").push_bind(Day(first));
        select.push(" AND due_on <= ").push_bind(Day(last));
        select
            .push(" AND (status IN ('met', 'met_late', 'missed') OR (status IN ('running', 'waiting') AND due_at <= ");
        select.push_bind(At::from(now)).push("))");
        if let Some(units) = units {
            select.push(" AND unit IN ").push_list(units.iter().map(ToString::to_string));
        }
        select.push(" GROUP BY status");
        let rows: Vec<(String, i64)> = select.build_query_as().fetch_all(&self.readers).await?;
        let count = |rows: &mut dyn Iterator<Item = &(String, i64)>| {
            usize::try_from(rows.map(|(_, count)| count).sum::<i64>()).unwrap_or(0)
        };
        let met = count(&mut rows.iter().filter(|(status, _)| status == "met"));
        Ok((count(&mut rows.iter()), met))
    }

    /// Takes a schedule back that has come further than the clock: that was wrong. What was made then stays made.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn take_back_slot(&self, tenant: &str, scheduled: Scheduled, now: Instant) -> Result<(), StoreError> {
        let mut write = self.write_in(tenant).await?;
        let update = "UPDATE schedules SET last_slot = $3 WHERE tenant = $1 AND schedule = $2 AND last_slot > $3";
        let query = sql::query(update).bind(tenant).bind(scheduled.word()).bind(At::from(now));
        query.execute(&mut write).await?;
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
