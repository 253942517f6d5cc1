//! The register's own acts: a person explains a deviation or says that it was none; a municipality is told once.

use uuid::Uuid;

use super::audit::record;
use super::sql;
use super::{At, AuditEntry, Store, StoreError};
use crate::calendar::Instant;
use crate::notice::Recipient;

/// What names a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviationName<'a> {
    /// The municipality's id.
    pub tenant: &'a str,
    /// The case's id.
    pub case: &'a str,
    /// The rule's full name.
    pub rule: &'a str,
    /// The obligation's start.
    pub start: &'a str,
    /// Which lapse of the obligation, from 0.
    pub number: u32,
}

impl DeviationName<'_> {
    fn subject(&self) -> String {
        let Self { case, rule, start, number, .. } = self;
        format!("{case} {rule} {start} {number}")
    }
}

/// Why a deviation happened and what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// Why it happened.
    pub cause: &'a str,
    /// What was done.
    pub action: &'a str,
    /// Who says so.
    pub by: &'a str,
}

impl Store {
    /// A person explains a deviation that is open or closed as met late. `false`: there is none such.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn explain_away(
        &self,
        name: DeviationName<'_>,
        explanation: Explanation<'_>,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.decide(name, ("explained", "deviation.explain"), explanation, now).await
    }

    /// A person says that a deviation was none, though the facts still say so. `false`: there is none such.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn withdraw_deviation(
        &self,
        name: DeviationName<'_>,
        reason: &str,
        by: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let explanation = Explanation { cause: reason, action: "", by };
        self.decide(name, ("withdrawn", "deviation.withdraw"), explanation, now).await
    }

    async fn decide(
        &self,
        name: DeviationName<'_>,
        (closed_as, action): (&'static str, &'static str),
        explanation: Explanation<'_>,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE deviations SET closed_as = $6, closed_at = $7, cause = $8, action = $9, \
                      explained_by = $10 WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 \
                      AND number = $5 AND coalesce(closed_as, '') <> 'withdrawn'";
        let mut write = self.write_in(name.tenant).await?;
        let query = sql::query(update).bind(name.tenant).bind(name.case).bind(name.rule).bind(name.start);
        let query = query.bind(i64::from(name.number)).bind(closed_as).bind(At::from(now));
        let query = query.bind(explanation.cause).bind(explanation.action).bind(explanation.by);
        if query.execute(&mut write).await? != 1 {
            return Ok(false);
        }
        let (actor, subject, reason) = (explanation.by, name.subject(), explanation.cause);
        let entry = AuditEntry { tenant: name.tenant, actor, action, subject: &subject, reason };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(true)
    }

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
        let id = Uuid::now_v7();
        let mut write = self.write_in(tenant).await?;
        let insert = "INSERT INTO tenant_notices (tenant, name, message, created_at) VALUES ($1, $2, $3, $4) \
                      ON CONFLICT (tenant, name) DO NOTHING";
        let query = sql::query(insert).bind(tenant).bind(name).bind(id.to_string()).bind(At::from(now));
        if query.execute(&mut write).await? == 0 {
            return Ok(None);
        }
        let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, \
                          possible_repeat, tries, next_try_at, created_at) \
                      VALUES ($1, $2, $3, $4, $5, 0, 0, $6, 'pending', 0, 0, $5, $5)";
        let query = sql::query(insert).bind(id.to_string()).bind(tenant).bind(recipient.to_string());
        query.bind(channel).bind(At::from(now)).bind(name).execute(&mut write).await?;
        write.commit().await?;
        Ok(Some(id))
    }
}
