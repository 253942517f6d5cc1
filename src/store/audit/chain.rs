//! The chain of the audit trail: made, and held against what stands there.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::sql::{self, Builder};
use super::super::{ROWS, Store, StoreError, Write};
use super::AuditRow;

/// The hash of an entry of a chain, such as somebody outside keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    /// The municipality's id; empty for what concerns all.
    pub tenant: String,
    /// The place of the last entry; 0: there is none.
    pub number: i64,
    /// Its hash; empty where there is none.
    pub hash: String,
}

/// What checking the trail found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Where each chain ends that fits together.
    pub ends: Vec<ChainEnd>,
    /// The first entry of each chain that does not.
    pub wrong: Vec<Wrong>,
}

/// An entry that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The municipality's id; empty for what concerns all.
    pub tenant: String,
    /// The place at which the chain ends to fit.
    pub number: i64,
    /// The id of the entry that stands there, where one does.
    pub id: Option<String>,
    /// What is wrong with it; never what it says.
    pub what: &'static str,
}

const CHANGED: &str = "the entry was changed, or one before it was put in or taken out";
const GAP: &str = "the entry that belongs here is missing";
const UNCHAINED: &str = "the entry has no place: something that is not this program wrote it";
const MISSING: &str = "the trail ends before this entry, which was there when its hash was kept";
const REWRITTEN: &str = "the entry has another hash than the one that was kept: the trail was rewritten";

impl AuditRow {
    /// Its hash after the entry whose hash is `before`; that of the first entry is empty.
    pub(super) fn hash_after(&self, before: &str) -> String {
        let mut digest = Sha256::new();
        let (number, at) = (self.number.to_string(), self.at.0.to_string());
        let parts = [
            before,
            &self.tenant,
            &number,
            &at,
            &self.id,
            &self.actor,
            &self.via,
            &self.action,
            &self.subject,
            &self.reason,
            &self.details,
        ];
        for part in parts {
            // With its length before it, so that nothing can be moved from one part to the next.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Store {
    /// Works out every chain anew, of one municipality or of all, and holds it against what stands there and against what
    /// somebody kept.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify_audit(&self, tenant: Option<&str>, kept: &[ChainEnd]) -> Result<Verified, StoreError> {
        let select = "SELECT DISTINCT tenant FROM audit UNION SELECT id FROM tenants UNION SELECT '' ORDER BY 1";
        let all: Vec<String> = sql::query_scalar(select).fetch_all(&self.readers).await?;
        let unknown = kept.iter().map(|end| end.tenant.clone()).filter(|kept| !all.contains(kept));
        let mut asked: Vec<String> = all.iter().cloned().chain(unknown).collect();
        asked.dedup();
        let mut verified = Verified::default();
        for one in asked.into_iter().filter(|one| tenant.is_none_or(|tenant| tenant == one)) {
            let kept: Vec<&ChainEnd> = kept.iter().filter(|end| end.tenant == one).collect();
            match self.verify_chain(&one, &kept).await? {
                Ok(end) => verified.ends.push(end),
                Err(wrong) => verified.wrong.push(wrong),
            }
        }
        Ok(verified)
    }

    async fn verify_chain(&self, tenant: &str, kept: &[&ChainEnd]) -> Result<Result<ChainEnd, Wrong>, StoreError> {
        let wrong = |number, id: Option<String>, what| Ok(Err(Wrong { tenant: tenant.to_owned(), number, id, what }));
        let mut end = ChainEnd { tenant: tenant.to_owned(), number: 0, hash: String::new() };
        loop {
            let mut page = Builder::new(super::ENTRIES);
            page.push(" AND tenant = ").push_bind(tenant).push(" AND number > ").push_bind(end.number);
            page.push(" ORDER BY number LIMIT ").push_bind(i64::try_from(ROWS).unwrap_or(i64::MAX));
            let rows: Vec<AuditRow> = page.build_query_as().fetch_all(&self.readers).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.number != end.number + 1 {
                    return wrong(end.number + 1, None, GAP);
                }
                if row.hash != row.hash_after(&end.hash) {
                    return wrong(row.number, Some(row.id), CHANGED);
                }
                if kept.iter().any(|kept| kept.number == row.number && kept.hash != row.hash) {
                    return wrong(row.number, Some(row.id), REWRITTEN);
                }
                (end.number, end.hash) = (row.number, row.hash);
            }
        }
        let select = "SELECT id FROM audit WHERE tenant = $1 AND number < 1 ORDER BY id LIMIT 1";
        let unchained: Option<String> = sql::query_scalar(select).bind(tenant).fetch_optional(&self.readers).await?;
        if unchained.is_some() {
            return wrong(0, unchained, UNCHAINED);
        }
        match kept.iter().find(|kept| kept.number > end.number) {
            Some(kept) => wrong(kept.number, None, MISSING),
            None => Ok(Ok(end)),
        }
    }
}

/// Gives the entries of an older program their places and hashes, in the order in which they were written.
pub(in super::super) async fn chain_older(write: &mut Write) -> Result<(), StoreError> {
    let mut select = Builder::new(super::ENTRIES);
    select.push(" AND number = 0 ORDER BY tenant, at, id");
    let rows: Vec<AuditRow> = select.build_query_as().fetch_all(&mut *write).await?;
    let (mut tenant, mut number, mut before) = (None, 0, String::new());
    for mut row in rows {
        if tenant.as_ref() != Some(&row.tenant) {
            (tenant, number, before) = (Some(row.tenant.clone()), 0, String::new());
        }
        number += 1;
        row.number = number;
        before = row.hash_after(&before);
        let update = "UPDATE audit SET number = $2, hash = $3 WHERE id = $1";
        sql::query(update).bind(&row.id).bind(number).bind(&before).execute(&mut *write).await?;
    }
    Ok(())
}
