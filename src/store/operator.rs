//! What whoever runs the program was told by mail: once a day for each cause, whoever of several daemons says it.

use chrono::{Days, NaiveDate};

use super::database::Scope;
use super::{At, Day, Store, StoreError, sql};
use crate::calendar::Instant;

/// How long it is remembered, in days.
const KEPT: u64 = 90;

impl Store {
    /// Takes it upon us to tell something today. `false`: it was told today, or another daemon is about to.
    ///
    /// # Errors
    /// What the database says.
    pub async fn claim_telling(&self, cause: &str, day: NaiveDate, now: Instant) -> Result<bool, StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let insert = "INSERT INTO operator_told (cause, day, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let query = sql::query(insert).bind(cause).bind(Day(day)).bind(At::from(now));
        let is_ours = query.execute(&mut write).await? == 1;
        if let Some(first) = day.checked_sub_days(Days::new(KEPT)) {
            sql::query("DELETE FROM operator_told WHERE day < $1").bind(Day(first)).execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(is_ours)
    }

    /// It is known not to have been told: it may be tried again the same day.
    ///
    /// # Errors
    /// What the database says.
    pub async fn release_telling(&self, cause: &str, day: NaiveDate) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        let delete = "DELETE FROM operator_told WHERE cause = $1 AND day = $2";
        sql::query(delete).bind(cause).bind(Day(day)).execute(&mut write).await?;
        write.commit().await?;
        Ok(())
    }
}
