//! When a municipality was purged last, and when the file was last written anew.

use chrono::NaiveDate;

use super::super::database::Scope;
use super::super::{At, Store, StoreError, sql};
use crate::calendar::Instant;
use crate::case::parse_date;

/// The name of when the file was last written anew.
const SCRUBBED: &str = "scrubbed";

fn purged(tenant: &str) -> String {
    format!("purged:{tenant}")
}

impl Store {
    /// The civil day on which a municipality was last purged as a whole.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last_purge(&self, tenant: &str) -> Result<Option<NaiveDate>, StoreError> {
        Ok(self.noted(&purged(tenant)).await?.and_then(|text| parse_date(&text)))
    }

    /// Remembers that.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_purge(&self, tenant: &str, day: NaiveDate) -> Result<(), StoreError> {
        self.remember(&purged(tenant), day.to_string()).await
    }

    /// When the file was last written anew.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last_scrub(&self) -> Result<Option<Instant>, StoreError> {
        let text = self.noted(SCRUBBED).await?;
        Ok(text.and_then(|text| text.parse().ok()).map(|millis| At(millis).instant()))
    }

    /// Remembers that.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_scrub(&self, now: Instant) -> Result<(), StoreError> {
        self.remember(SCRUBBED, now.timestamp_millis().to_string()).await
    }

    async fn noted(&self, name: &str) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = $1";
        Ok(sql::query_scalar(select).bind(name).fetch_optional(&self.readers).await?)
    }

    async fn remember(&self, name: &str, value: String) -> Result<(), StoreError> {
        let upsert = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let mut write = self.write(Scope::Rows).await?;
        sql::query(upsert).bind(name).bind(value).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}
