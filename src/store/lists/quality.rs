//! What the outside says is wrong with our facts.

use serde::Serialize;
use sqlx::FromRow;

use super::super::sql;
use super::super::{At, Store, StoreError};

/// A fact that something outside did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct QualityRow {
    /// The municipality's id.
    pub tenant: String,
    /// Whose fact: `p1`, `unit:ID` or `fallback`.
    pub subject: String,
    /// `address_refused`: mail will never reach it; `undelivered`: mail did not reach it in time.
    pub kind: String,
    /// The last answer's short code.
    pub code: String,
    /// When it was first seen.
    pub since: At,
    /// When it was last seen.
    pub last_at: At,
    /// How often.
    pub times: i64,
}

impl Store {
    /// What the outside says is wrong, of one municipality or of all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn data_quality(&self, tenant: Option<&str>) -> Result<Vec<QualityRow>, StoreError> {
        let select = "SELECT tenant, subject, kind, code, since, last_at, times FROM data_quality \
                      WHERE tenant = coalesce($1, tenant) ORDER BY tenant, subject, kind";
        Ok(sql::query_as(select).bind(tenant).fetch_all(&self.readers).await?)
    }
}
