//! What is to be planned now: the cases whose moment has come or whose facts changed.

use std::collections::{HashMap, HashSet};

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::database::Write;
use super::documents::case_file;
use super::ledger::{Ledger, ledgers};
use super::quarantine::set_aside;
use super::sql::{self, Builder};
use super::{At, Quarantined, ROWS, Store, StoreError, StoredOrganisation};
use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::notice::Handled;
use crate::organisation::Tenant;
use crate::rules::RuleSet;

/// Which state of the facts a case was read in; [`Store::apply`] refuses what was planned from an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The version of the case's document.
    pub version: i64,
    /// The generation of its municipality.
    pub generation: i64,
    /// The digest of what was derived last; 0: nothing.
    pub(super) digest: i64,
}

/// A case as it is stored.
#[derive(Clone, Debug)]
pub struct StoredCase {
    /// Its facts.
    pub file: CaseFile,
    /// What was handled before, in a fixed order. Withdrawn notices are not among it: they were never sent.
    pub ledger: Vec<Handled>,
    /// Which state of the facts this is.
    pub stamp: Stamp,
}

/// Cases to plan now.
#[derive(Clone, Debug, Default)]
pub struct DueCases {
    /// The cases.
    pub cases: Vec<StoredCase>,
    /// Cases that do not parse. They are set aside until their facts or the rules change.
    pub quarantined: Vec<Quarantined>,
}

impl DueCases {
    /// Whether nothing more is due.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.quarantined.is_empty()
    }
}

struct CaseRow {
    id: String,
    version: i64,
    /// The document, or why it is no text.
    document: Result<String, String>,
    digest: i64,
}

impl<'r, R: Row> FromRow<'r, R> for CaseRow
where
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let document = row.try_get("document").map_err(|_| "the document is no text".to_owned());
        Ok(Self { id: row.try_get("id")?, version: row.try_get("version")?, document, digest: row.try_get("digest")? })
    }
}

impl Store {
    /// Up to `limit` cases that are to be planned at `now`: whose moment has come, or whose facts, municipality or
    /// rules changed. After [`Store::apply`] a case is no longer among them, so call it until nothing is left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_cases(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        now: Instant,
        limit: u32,
    ) -> Result<DueCases, StoreError> {
        let tenant = &of.organisation.tenant;
        let mut read = self.readers.begin().await?;
        let outdated = "SELECT c.id, c.version, c.document, a.digest FROM agenda a \
                        JOIN cases c ON c.tenant = a.tenant AND c.id = a.case_id \
                        WHERE a.tenant = $1 AND a.generation < $2 LIMIT $3";
        let query = sql::query_as(outdated).bind(&*tenant.id).bind(of.generation).bind(i64::from(limit));
        let mut rows: Vec<CaseRow> = query.fetch_all(&mut read).await?;
        let room = i64::from(limit).saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        if room > 0 {
            // Two statements, each on its own index: one with both conditions would scan or collect everything.
            let come = "SELECT c.id, c.version, c.document, a.digest FROM agenda a \
                        JOIN cases c ON c.tenant = a.tenant AND c.id = a.case_id \
                        WHERE a.tenant = $1 AND a.next_at <= $2 LIMIT $3";
            let query = sql::query_as(come).bind(&*tenant.id).bind(At::from(now)).bind(room);
            let come: Vec<CaseRow> = query.fetch_all(&mut read).await?;
            let outdated: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
            rows.extend(come.into_iter().filter(|row| !outdated.contains(&row.id)));
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut ledgers = ledgers(&mut read, &tenant.id, &ids).await?;
        drop(read);
        let mut due = DueCases::default();
        let mut poison = vec![];
        for row in &rows {
            let ledger = ledgers.remove(&row.id).unwrap_or_else(|| Ok(vec![]));
            match stored_case(row, ledger, of.generation, tenant, rules) {
                Ok(case) => due.cases.push(case),
                Err(reason) => {
                    due.quarantined.push(Quarantined::new(&tenant.id, format!("case {}", row.id), reason, now));
                    poison.push(row);
                }
            }
        }
        if !poison.is_empty() {
            self.set_cases_aside(of, &poison, &due.quarantined).await?;
        }
        Ok(due)
    }

    /// Takes cases that do not parse off the agenda until their facts, municipality or rules change.
    async fn set_cases_aside(
        &self,
        of: &StoredOrganisation,
        poison: &[&CaseRow],
        found: &[Quarantined],
    ) -> Result<(), StoreError> {
        let tenant = &*of.organisation.tenant.id;
        let mut write = self.write_in(tenant).await?;
        for row in poison {
            let update = "UPDATE agenda SET generation = $3, next_at = NULL WHERE tenant = $1 AND case_id = $2 \
                          AND EXISTS (SELECT 1 FROM cases WHERE tenant = $1 AND id = $2 AND version = $4)";
            let query = sql::query(update).bind(tenant).bind(&row.id).bind(of.generation).bind(row.version);
            query.execute(&mut write).await?;
        }
        set_aside(&mut write, found).await?;
        write.commit().await?;
        Ok(())
    }

    /// One case by its id or its reference, whether it is due or not. `None` where there is none.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where its facts do not parse.
    pub async fn case(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        id_or_ref: &str,
    ) -> Result<Option<StoredCase>, StoreError> {
        let tenant = &of.organisation.tenant;
        // Not `id = $2 OR ref = $2`: that would read all of a municipality's cases.
        let select = "SELECT c.id, c.version, c.document, a.digest FROM cases c \
                      JOIN agenda a ON a.tenant = c.tenant AND a.case_id = c.id \
                      WHERE c.tenant = $1 AND c.id IN (SELECT CAST($2 AS TEXT) UNION ALL \
                      SELECT id FROM cases WHERE tenant = $1 AND ref = $2) ORDER BY c.id <> $2, c.id LIMIT 1";
        let mut read = self.readers.begin().await?;
        let row: Option<CaseRow> =
            sql::query_as(select).bind(&*tenant.id).bind(id_or_ref).fetch_optional(&mut read).await?;
        let Some(row) = row else { return Ok(None) };
        let ledger = ledgers(&mut read, &tenant.id, &[&row.id]).await?.remove(&row.id).unwrap_or_else(|| Ok(vec![]));
        let case = stored_case(&row, ledger, of.generation, tenant, rules);
        let named =
            |reason| StoreError::Unreadable { table: "cases", row: format!("{}/{}", tenant.id, row.id), reason };
        case.map(Some).map_err(named)
    }

    /// Cases by their ids, with their ledgers. Those that are gone or do not parse are left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn cases(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        ids: &[&str],
    ) -> Result<HashMap<String, StoredCase>, StoreError> {
        let tenant = &of.organisation.tenant;
        let mut cases = HashMap::with_capacity(ids.len());
        let mut read = self.readers.begin().await?;
        for chunk in ids.chunks(ROWS) {
            let mut select = Builder::new(
                "SELECT c.id, c.version, c.document, a.digest FROM cases c \
                 JOIN agenda a ON a.tenant = c.tenant AND a.case_id = c.id WHERE c.tenant = ",
            );
            select.push_bind(tenant.id.to_string()).push(" AND c.id IN ");
            select.push_list(chunk.iter().map(|id| (*id).to_owned()));
            let rows: Vec<CaseRow> = select.build_query_as().fetch_all(&mut read).await?;
            let mut ledgers = ledgers(&mut read, &tenant.id, chunk).await?;
            for row in rows {
                let ledger = ledgers.remove(&row.id).unwrap_or_else(|| Ok(vec![]));
                if let Ok(case) = stored_case(&row, ledger, of.generation, tenant, rules) {
                    cases.insert(row.id, case);
                }
            }
        }
        Ok(cases)
    }

    /// Has one case planned again at the next sweep, although none of its facts changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revisit(&self, tenant: &str, case: &str) -> Result<(), StoreError> {
        let mut write = self.write_in(tenant).await?;
        plan_again(&mut write, tenant, case).await?;
        write.commit().await?;
        Ok(())
    }

    /// The earliest moment after `now` at which something is due, over all municipalities; `None`: never, of itself.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_at(&self, now: Instant) -> Result<Option<Instant>, StoreError> {
        // One step into the index for each tenant; a plain minimum would read the whole agenda.
        let select = "SELECT min(due.next_at) FROM (SELECT (SELECT a.next_at FROM agenda a WHERE a.tenant = t.id \
                      AND a.next_at > $1 ORDER BY a.next_at LIMIT 1) AS next_at FROM tenants t) due";
        let next: Option<At> = sql::query_scalar(select).bind(At::from(now)).fetch_one(&self.readers).await?;
        Ok(next.map(At::instant))
    }
}

/// Has a case planned again at the next sweep. Its version grows, so that what was planned before is not written.
pub(super) async fn plan_again(write: &mut Write, tenant: &str, case: &str) -> Result<(), StoreError> {
    let version = "UPDATE cases SET version = version + 1 WHERE tenant = $1 AND id = $2";
    let due = "UPDATE agenda SET generation = -1 WHERE tenant = $1 AND case_id = $2";
    for update in [version, due] {
        sql::query(update).bind(tenant).bind(case).execute(&mut *write).await?;
    }
    Ok(())
}

fn stored_case(
    row: &CaseRow,
    ledger: Ledger,
    generation: i64,
    tenant: &Tenant,
    rules: &RuleSet,
) -> Result<StoredCase, String> {
    let file = case_file(&row.id, row.document.as_deref()?, tenant, rules)?;
    Ok(StoredCase { file, ledger: ledger?, stamp: Stamp { version: row.version, generation, digest: row.digest } })
}
