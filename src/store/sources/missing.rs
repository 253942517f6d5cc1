//! Records that a full load no longer has.

use super::super::absent::remove_case;
use super::super::append::{documents, write_documents};
use super::super::document::Document;
use super::super::{ROWS, Store, StoreError, sql};
use crate::calendar::Instant;
use crate::facts::csv::RecordType;

/// How many documents are looked through at once.
const PAGE: u32 = 1000;

impl Store {
    /// How many records of a type a municipality has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn record_count(&self, record_type: RecordType, tenant: &str) -> Result<i64, StoreError> {
        match record_type {
            RecordType::Case => {
                let count = "SELECT count(*) FROM cases WHERE tenant = $1";
                Ok(sql::query_scalar(count).bind(tenant).fetch_one(&self.readers).await?)
            }
            RecordType::Event => {
                let mut count = 0;
                self.each_document(tenant, |_, document| {
                    count += event_ids(document).len();
                })
                .await?;
                Ok(i64::try_from(count).unwrap_or(i64::MAX))
            }
            RecordType::Tenant | RecordType::Unit | RecordType::Person => {
                let count = "SELECT count(DISTINCT id) FROM records WHERE tenant = $1 AND type = $2";
                let query = sql::query_scalar(count).bind(tenant).bind(record_type.word());
                Ok(query.fetch_one(&self.readers).await?)
            }
        }
    }

    /// Removes the records of a type that are not present, as a full load does; how many. A municipality's own record
    /// never goes. `is_present` is asked for the id, of events for `CASE/ID`.
    ///
    /// # Errors
    /// What the database says. Some of them may have gone; the same call removes the others.
    pub async fn remove_missing(
        &self,
        record_type: RecordType,
        tenant: &str,
        is_present: &(dyn Fn(&str) -> bool + Send + Sync),
        now: Instant,
    ) -> Result<usize, StoreError> {
        match record_type {
            RecordType::Tenant => Ok(0),
            RecordType::Unit | RecordType::Person => self.remove_records(record_type, tenant, is_present).await,
            RecordType::Case => self.remove_cases(tenant, is_present, now).await,
            RecordType::Event => self.remove_events(tenant, is_present).await,
        }
    }

    async fn remove_records(
        &self,
        record_type: RecordType,
        tenant: &str,
        is_present: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<usize, StoreError> {
        let select = "SELECT DISTINCT id FROM records WHERE tenant = $1 AND type = $2";
        let query = sql::query_scalar(select).bind(tenant).bind(record_type.word());
        let mut ids: Vec<String> = query.fetch_all(&self.readers).await?;
        ids.retain(|id| !is_present(id));
        if ids.is_empty() {
            return Ok(0);
        }
        let mut write = self.write_in(tenant).await?;
        for id in &ids {
            let delete = "DELETE FROM records WHERE tenant = $1 AND type = $2 AND id = $3";
            sql::query(delete).bind(tenant).bind(record_type.word()).bind(id).execute(&mut write).await?;
        }
        let touch = "UPDATE tenants SET generation = generation + 1 WHERE id = $1";
        sql::query(touch).bind(tenant).execute(&mut write).await?;
        write.commit().await?;
        Ok(ids.len())
    }

    async fn remove_cases(
        &self,
        tenant: &str,
        is_present: &(dyn Fn(&str) -> bool + Send + Sync),
        now: Instant,
    ) -> Result<usize, StoreError> {
        let select = "SELECT id FROM cases WHERE tenant = $1 ORDER BY id";
        let mut ids: Vec<String> = sql::query_scalar(select).bind(tenant).fetch_all(&self.readers).await?;
        ids.retain(|id| !is_present(id));
        for chunk in ids.chunks(ROWS) {
            let mut write = self.write_in(tenant).await?;
            for id in chunk {
                remove_case(&mut write, tenant, id, now).await?;
            }
            write.commit().await?;
        }
        Ok(ids.len())
    }

    async fn remove_events(
        &self,
        tenant: &str,
        is_present: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<usize, StoreError> {
        let is_gone = |case: &str, id: &str| !is_present(&format!("{case}/{id}"));
        let mut cases: Vec<String> = vec![];
        self.each_document(tenant, |case, document| {
            if document.events.iter().any(|event| is_gone(case, &event.id)) {
                cases.push(case.to_owned());
            }
        })
        .await?;
        let mut removed = 0;
        for chunk in cases.chunks(ROWS) {
            let mut write = self.write_in(tenant).await?;
            let mut stored = documents(&mut write, tenant, chunk.iter().map(String::as_str)).await?;
            let mut changed: Vec<(&str, i64, Document)> = vec![];
            for case in chunk {
                let Some((version, mut document)) = stored.remove(case) else { continue };
                let before = event_ids(&document).len();
                document.events.retain(|event| !is_gone(case, &event.id));
                removed += before - event_ids(&document).len();
                changed.push((case, version + 1, document));
            }
            write_documents(&mut write, tenant, &changed).await?;
            write.commit().await?;
        }
        Ok(removed)
    }

    /// Looks through the documents of a municipality. One that does not parse is passed over; planning names it.
    async fn each_document(&self, tenant: &str, mut look: impl FnMut(&str, &Document)) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let select = "SELECT id, document FROM cases WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
            let query = sql::query_as(select).bind(tenant).bind(&after).bind(i64::from(PAGE));
            let page: Vec<(String, String)> = query.fetch_all(&self.readers).await?;
            for (id, text) in &page {
                if let Ok(document) = serde_json::from_str(text) {
                    look(id, &document);
                }
            }
            match page.into_iter().next_back() {
                Some((last, _)) => after = last,
                None => return Ok(()),
            }
        }
    }
}

/// The events of a case, each once, however many versions it has.
fn event_ids(document: &Document) -> std::collections::HashSet<&str> {
    document.events.iter().map(|event| event.id.as_str()).collect()
}
