//! Everything there is, page by page.

use serde_json::Value as Json;

use super::super::document::Document;
use super::super::sql::{self, Builder, Value};
use super::super::{ROWS, Snapshot, StoreError};
use super::Exported;
use crate::fact::Fact;

/// How far an export has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPlace {
    step: usize,
    after: Vec<Value>,
}

/// Facts come first: records, then cases.
const FACTS: usize = 2;

impl Snapshot {
    /// The next records after a place, of one municipality or of all, in the order in which `import` takes facts; and where to go
    /// on. `None`: that was all.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where facts are none.
    pub async fn export(
        &mut self,
        tenant: Option<&str>,
        place: &ExportPlace,
    ) -> Result<(Vec<Json>, Option<ExportPlace>), StoreError> {
        let (records, after) = match place.step {
            0 => self.records_page(tenant, &place.after).await?,
            1 => self.cases_page(tenant, &place.after).await?,
            step => match Exported::ALL.get(step - FACTS) {
                Some(table) => table.page(self, tenant, &place.after, ROWS).await?,
                None => return Ok((vec![], None)),
            },
        };
        let next = match after {
            Some(after) => ExportPlace { step: place.step, after },
            None => ExportPlace { step: place.step + 1, after: vec![] },
        };
        Ok((records, Some(next)))
    }

    /// Tenants, units and persons: a municipality before what is in it.
    async fn records_page(
        &mut self,
        tenant: Option<&str>,
        after: &[Value],
    ) -> Result<(Vec<Json>, Option<Vec<Value>>), StoreError> {
        if !after.is_empty() {
            return Ok((vec![], None));
        }
        let mut select = Builder::new("SELECT tenant, id, fact FROM records WHERE 1 = 1");
        if let Some(tenant) = tenant {
            select.push(" AND tenant = ").push_bind(tenant);
        }
        select.push(" ORDER BY CASE type WHEN 'tenant' THEN 0 WHEN 'unit' THEN 1 ELSE 2 END, tenant, id, version");
        let rows: Vec<(String, String, String)> = select.build_query_as().fetch_all(self.read()).await?;
        let mut records = vec![];
        for (tenant, id, text) in &rows {
            let record = serde_json::from_str(text).map_err(|_| unreadable("records", tenant, id))?;
            records.push(record);
        }
        Ok((records, Some(vec!["".into()])))
    }

    async fn cases_page(
        &mut self,
        tenant: Option<&str>,
        after: &[Value],
    ) -> Result<(Vec<Json>, Option<Vec<Value>>), StoreError> {
        let mut select = Builder::new("SELECT tenant, id, document FROM cases WHERE 1 = 1");
        if let Some(tenant) = tenant {
            select.push(" AND tenant = ").push_bind(tenant);
        }
        if let [of, id] = after {
            select.push(" AND (tenant, id) > (").push_bind(of.clone()).push(", ").push_bind(id.clone()).push(")");
        }
        select.push(" ORDER BY tenant, id LIMIT 500");
        let rows: Vec<(String, String, String)> = select.build_query_as().fetch_all(self.read()).await?;
        let mut records = vec![];
        for (tenant, id, text) in &rows {
            records.extend(fact_lines(text).ok_or_else(|| unreadable("cases", tenant, id))?);
        }
        Ok((records, rows.last().map(|(tenant, id, _)| vec![tenant.into(), id.into()])))
    }

    /// The facts of one case, as `import` takes them; none where they are gone.
    ///
    /// # Errors
    /// As [`Snapshot::export`].
    pub(super) async fn case_facts(&mut self, tenant: &str, case: &str) -> Result<Vec<Json>, StoreError> {
        let select = "SELECT document FROM cases WHERE tenant = $1 AND id = $2";
        let query = sql::query_scalar(select).bind(tenant).bind(case);
        let text: Option<String> = query.fetch_optional(self.read()).await?;
        match text {
            Some(text) => fact_lines(&text).ok_or_else(|| unreadable("cases", tenant, case)),
            None => Ok(vec![]),
        }
    }
}

/// A document's facts, one by one.
fn fact_lines(document: &str) -> Option<Vec<Json>> {
    let document: Document = serde_json::from_str(document).ok()?;
    let records = document.records.into_iter().map(Fact::Case);
    let facts = records.chain(document.events.into_iter().map(Fact::Event));
    facts.map(|fact| serde_json::to_value(fact).ok()).collect()
}

fn unreadable(table: &'static str, tenant: &str, id: &str) -> StoreError {
    StoreError::Unreadable { table, row: format!("{tenant}/{id}"), reason: "it holds no facts".to_owned() }
}
