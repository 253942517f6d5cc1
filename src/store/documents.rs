//! Cases as they are stored, one after the other: for commands that go over all of them and keep none.

use sqlx::FromRow;

use super::document::Document;
use super::sql;
use super::{Store, StoreError};
use crate::case::CaseFile;
use crate::facts::assemble_case;
use crate::organisation::Tenant;
use crate::rules::RuleSet;

/// A case's facts, not yet read with any rules.
#[derive(Clone, Debug, FromRow)]
pub struct StoredDocument {
    /// The case's id.
    pub id: String,
    document: String,
}

impl Store {
    /// The next cases of a municipality by id: those after `after`, from the first with an empty text; at most `limit`.
    /// Each is as it stands when it is read.
    ///
    /// # Errors
    /// What the database says.
    pub async fn documents(&self, tenant: &str, after: &str, limit: u32) -> Result<Vec<StoredDocument>, StoreError> {
        let select = "SELECT id, document FROM cases WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
        let query = sql::query_as(select).bind(tenant).bind(after).bind(i64::from(limit));
        Ok(query.fetch_all(&self.readers).await?)
    }
}

impl StoredDocument {
    /// The case, in the words of these rules.
    ///
    /// # Errors
    /// Text for a person, naming the field that does not parse.
    pub fn case(&self, tenant: &Tenant, rules: &RuleSet) -> Result<CaseFile, String> {
        case_file(&self.id, &self.document, tenant, rules)
    }
}

/// A case from its document's text.
pub(super) fn case_file(id: &str, document: &str, tenant: &Tenant, rules: &RuleSet) -> Result<CaseFile, String> {
    let document: Document = serde_json::from_str(document).map_err(|error| error.to_string())?;
    assemble_case(id, &document.records, &document.events, tenant, &rules.vocabulary)
}
