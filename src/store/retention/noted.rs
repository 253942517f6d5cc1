//! When a municipality was purged last, which days were seen, and when the file was last written anew.

use chrono::{NaiveDate, TimeDelta};
use uuid::Uuid;

use super::super::database::Scope;
use super::super::{At, Store, StoreError, Write, sql};
use crate::calendar::Instant;
use crate::case::parse_date;

/// The name of when the file was last written anew.
const SCRUBBED: &str = "scrubbed";

/// The name of what says that it has to be.
const OWED: &str = "scrub_owed";

/// How far a day may lie after another one that was seen. Longer than any row of holidays, on which there are no rounds.
const FOLLOWS: TimeDelta = TimeDelta::days(7);

/// Behind a day that followed another one.
const FOLLOWED: &str = " followed";

/// Notes in the transaction of a purge that the file is to be scrubbed.
pub(super) async fn owe_scrub(write: &mut Write) -> Result<(), StoreError> {
    // Another value each time, so that a scrub that began before pays for nothing that came after.
    let value = Uuid::new_v4().simple().to_string();
    sql::query(REMEMBER).bind(OWED).bind(value).execute(write).await?;
    Ok(())
}

const REMEMBER: &str = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                        ON CONFLICT (name) DO UPDATE SET value = excluded.value";

fn seen(tenant: &str) -> String {
    format!("purge_day:{tenant}")
}

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

    /// Notes that a civil day was seen in a municipality, and says whether it follows another one that was, at most 7 days before.
    /// What a clock says that jumped is not to be believed on the first day.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sees_day(&self, tenant: &str, today: NaiveDate) -> Result<bool, StoreError> {
        let name = seen(tenant);
        let noted = self.noted(&name).await?.unwrap_or_default();
        let (day, has_followed) = noted.strip_suffix(FOLLOWED).map_or((&*noted, false), |day| (day, true));
        let day = parse_date(day);
        if day == Some(today) {
            return Ok(has_followed);
        }
        let follows = day.is_some_and(|day| day < today && today - day <= FOLLOWS);
        self.remember(&name, format!("{today}{}", if follows { FOLLOWED } else { "" })).await?;
        Ok(follows)
    }

    /// Whether the file is to be scrubbed: something was purged and that was not done since. What names that debt.
    ///
    /// # Errors
    /// What the database says.
    pub async fn scrub_owed(&self) -> Result<Option<String>, StoreError> {
        self.noted(OWED).await
    }

    /// Notes that it was done.
    pub(super) async fn pay_scrub(&self, debt: &str) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let delete = "DELETE FROM settings WHERE name = $1 AND value = $2";
        sql::query(delete).bind(OWED).bind(debt).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
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
        let mut write = self.write(Scope::Rows).await?;
        sql::query(REMEMBER).bind(name).bind(value).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}
