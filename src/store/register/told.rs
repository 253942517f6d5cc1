//! What a municipality is told once.

use uuid::Uuid;

use super::super::schedules::{SlotMessage, tell};
use super::super::sql;
use super::super::{At, Store, StoreError};
use crate::calendar::Instant;
use crate::notice::Recipient;

impl Store {
    /// Whether the municipality was told something, or there was nothing to tell.
    ///
    /// # Errors
    /// What the database says.
    pub async fn was_told(&self, tenant: &str, name: &str) -> Result<bool, StoreError> {
        let select = "SELECT count(*) FROM tenant_notices WHERE tenant = $1 AND name = $2";
        let count: i64 = sql::query_scalar(select).bind(tenant).bind(name).fetch_one(&self.readers).await?;
        Ok(count > 0)
    }

    /// How many cases of a municipality there are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn case_count(&self, tenant: &str) -> Result<i64, StoreError> {
        let select = "SELECT count(*) FROM agenda WHERE tenant = $1";
        Ok(sql::query_scalar(select).bind(tenant).fetch_one(&self.readers).await?)
    }

    /// Remembers that there was nothing to tell, so that nobody looks again.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn nothing_to_tell(&self, tenant: &str, name: &str, now: Instant) -> Result<(), StoreError> {
        let insert = "INSERT INTO tenant_notices (tenant, name, message, created_at) VALUES ($1, $2, '', $3) \
                      ON CONFLICT (tenant, name) DO NOTHING";
        let mut write = self.write_in(tenant).await?;
        sql::query(insert).bind(tenant).bind(name).bind(At::from(now)).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }

    /// Tells the municipality something once: `name` is what it is about, such as
    /// `revision:sokndal:2022-12-01` or `backlog`. The message that carries it, or `None` where it was told before.
    ///
    /// # Errors
    /// What the database says; then nothing was told.
    pub async fn tell_once(
        &self,
        tenant: &str,
        name: &str,
        recipient: &Recipient,
        channel: &str,
        now: Instant,
    ) -> Result<Option<Uuid>, StoreError> {
        let mut write = self.write_in(tenant).await?;
        let message = SlotMessage { name: name.to_owned(), recipient: recipient.clone(), channel: channel.to_owned() };
        let Some(id) = tell(&mut write, tenant, &message, now).await? else { return Ok(None) };
        write.commit().await?;
        Ok(Some(id))
    }
}
