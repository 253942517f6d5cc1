//! Legal holds: cases that must not be purged, each with who said so and why, in the audit trail too.

use serde::Serialize;
use sqlx::FromRow;

use super::super::audit::record;
use super::super::database::Scope;
use super::super::sql::{self, Builder};
use super::super::{At, AuditEntry, Store, StoreError};
use crate::calendar::Instant;

/// A hold, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct HoldRow {
    /// Its number.
    #[serde(rename = "id")]
    pub number: i64,
    /// The municipality's id.
    pub tenant: String,
    /// The case's id; empty once the hold was ended and the case purged.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// Who asked for it.
    #[serde(rename = "by")]
    #[sqlx(rename = "author")]
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub made_at: At,
    /// When it was ended.
    pub ended_at: Option<At>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// And why.
    pub end_reason: Option<String>,
}

/// A case, by the municipality's id and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct CaseName {
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
}

/// The lock under which numbers are given: no municipality has such an id.
const NUMBERS: &str = "\0holds";

impl Store {
    /// The cases with this id or reference of which anything is kept, facts or not, in one municipality or in all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cases_named(&self, tenant: Option<&str>, id_or_ref: &str) -> Result<Vec<CaseName>, StoreError> {
        let mut found: Vec<CaseName> = vec![];
        for part in [
            "SELECT tenant, id AS case_id FROM cases WHERE (id = ",
            "SELECT DISTINCT tenant, case_id FROM notices WHERE (case_id = ",
            "SELECT DISTINCT tenant, case_id FROM deviations WHERE (case_id = ",
        ] {
            let mut select = Builder::new(part);
            select.push_bind(id_or_ref).push(" OR ref = ").push_bind(id_or_ref).push(")");
            if let Some(tenant) = tenant {
                select.push(" AND tenant = ").push_bind(tenant);
            }
            let rows: Vec<CaseName> = select.build_query_as().fetch_all(&self.readers).await?;
            found.extend(rows);
        }
        found.sort();
        found.dedup();
        // An id goes before a reference that happens to be the same.
        if found.iter().any(|one| one.case == id_or_ref) {
            found.retain(|one| one.case == id_or_ref);
        }
        Ok(found)
    }

    /// Keeps a case from being purged until the hold is ended. Its number.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn add_hold(&self, case: &CaseName, (by, reason): (&str, &str), now: Instant) -> Result<i64, StoreError> {
        let mut write = self.write(Scope::Tenants(&[&case.tenant, NUMBERS])).await?;
        let insert = "INSERT INTO holds (number, tenant, case_id, author, reason, made_at) \
                      SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5 FROM holds RETURNING number";
        let query = sql::query_scalar(insert).bind(&case.tenant).bind(&case.case).bind(by).bind(reason);
        let number: i64 = query.bind(At::from(now)).fetch_one(&mut write).await?;
        let subject = format!("hold {number}: case {}", case.case);
        let entry = AuditEntry {
            tenant: &case.tenant,
            actor: by,
            action: "hold.add",
            subject: &subject,
            reason,
            ..AuditEntry::default()
        };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(number)
    }

    /// Ends a hold. `false`: there is none such, or it was ended before.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn end_hold(&self, number: i64, (by, reason): (&str, &str), now: Instant) -> Result<bool, StoreError> {
        let select = "SELECT * FROM holds WHERE number = $1 AND ended_at IS NULL";
        let hold: Option<HoldRow> = sql::query_as(select).bind(number).fetch_optional(&self.readers).await?;
        let Some(hold) = hold else { return Ok(false) };
        let mut write = self.write_in(&hold.tenant).await?;
        let update = "UPDATE holds SET ended_at = $2, ended_by = $3, end_reason = $4 \
                      WHERE number = $1 AND ended_at IS NULL";
        let query = sql::query(update).bind(number).bind(At::from(now)).bind(by).bind(reason);
        if query.execute(&mut write).await? != 1 {
            return Ok(false);
        }
        let subject = format!("hold {number}: case {}", hold.case);
        let entry = AuditEntry {
            tenant: &hold.tenant,
            actor: by,
            action: "hold.end",
            subject: &subject,
            reason,
            ..AuditEntry::default()
        };
        record(&mut write, entry, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The holds that stand, or all there ever were, by number.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list_holds(&self, tenant: Option<&str>, all: bool) -> Result<Vec<HoldRow>, StoreError> {
        let mut select = Builder::new("SELECT * FROM holds WHERE 1 = 1");
        if let Some(tenant) = tenant {
            select.push(" AND tenant = ").push_bind(tenant);
        }
        if !all {
            select.push(" AND ended_at IS NULL");
        }
        select.push(" ORDER BY number");
        Ok(select.build_query_as().fetch_all(&self.readers).await?)
    }
}
