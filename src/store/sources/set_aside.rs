//! Rows of a source that could not be taken: set aside by what they are, and let go once they can.

use serde::Serialize;
use sqlx::FromRow;

use super::super::database::Scope;
use super::super::sql::{self, Builder};
use super::super::{At, ROWS, Store, StoreError};
use crate::case::is_plain_id;
use crate::facts::csv::RecordType;

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// What it is.
    pub record_type: RecordType,
    /// Its municipality; empty where it names none that the source may speak of.
    pub tenant: String,
    /// Its id, with its case before it where it is an event's; empty for rows without one.
    pub id: String,
}

/// A row that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct SetAside {
    /// The source's name.
    pub source: String,
    /// What the row is: `case`, `event`, …
    pub r#type: String,
    /// Its municipality; empty where it names none that the source may speak of.
    pub tenant: String,
    /// Its id; empty for all rows without one.
    pub id: String,
    /// What is wrong with it; ids only.
    pub reason: String,
    /// When it was first found.
    pub since: At,
    /// From where it has to be read again.
    #[serde(skip)]
    pub watermark: Option<String>,
    /// What it names and what is not there: a type and an id.
    #[serde(skip)]
    pub waits_for: Option<String>,
}

impl SetAside {
    /// Its id as others may see it: what does not look like an id may be a name.
    #[must_use]
    pub fn shown_id(&self) -> String {
        // An event's has its case before it.
        let is_id = |part: &str| is_plain_id(part);
        match self.id.as_str() {
            "" => "(without an id)".to_owned(),
            id if id.split('/').all(is_id) => id.to_owned(),
            _ => "(not shown: it does not look like an id)".to_owned(),
        }
    }

    /// What it is; `None` where the type is none of ours.
    #[must_use]
    pub fn key(&self) -> Option<RowKey> {
        let record_type = RecordType::parse(&self.r#type)?;
        Some(RowKey { record_type, tenant: self.tenant.clone(), id: self.id.clone() })
    }
}

impl Store {
    /// The rows that are set aside, of one source or of all, by source, type, municipality and id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn source_rows(&self, source: Option<&str>) -> Result<Vec<SetAside>, StoreError> {
        let select = "SELECT source, type, tenant, id, reason, since, watermark, waits_for FROM source_rows \
                      WHERE $1 = '' OR source = $1 ORDER BY source, type, tenant, id";
        Ok(sql::query_as(select).bind(source.unwrap_or_default()).fetch_all(&self.readers).await?)
    }

    /// Sets rows of a source aside, and lets others go. One that already is aside keeps its `since`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn set_rows_aside(&self, source: &str, found: &[SetAside], mended: &[RowKey]) -> Result<(), StoreError> {
        if found.is_empty() && mended.is_empty() {
            return Ok(());
        }
        let mut write = self.write(Scope::Rows).await?;
        for rows in found.chunks(ROWS) {
            let mut upsert = Builder::new(
                "INSERT INTO source_rows (source, type, tenant, id, reason, since, watermark, waits_for) ",
            );
            upsert.push_values(rows, |row, one| {
                row.push_bind(source).push_bind(&one.r#type).push_bind(&one.tenant).push_bind(&one.id);
                row.push_bind(&one.reason).push_bind(one.since).push_bind(&one.watermark).push_bind(&one.waits_for);
            });
            upsert.push(
                " ON CONFLICT (source, type, tenant, id) DO UPDATE SET reason = excluded.reason, \
                 watermark = excluded.watermark, waits_for = excluded.waits_for",
            );
            upsert.build().execute(&mut write).await?;
        }
        for key in mended {
            let delete = "DELETE FROM source_rows WHERE source = $1 AND type = $2 AND tenant = $3 AND id = $4";
            let query = sql::query(delete).bind(source).bind(key.record_type.word()).bind(&key.tenant);
            query.bind(&key.id).execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(())
    }
}
