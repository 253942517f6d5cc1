//! The chain of the audit trail: made, and held against what stands there.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::sql::{self, Builder};
use super::super::{ROWS, Store, StoreError, Write};
use super::{AuditRow, Trail};

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
    /// How many entries of these have no words any more, by retention.
    pub redacted: u64,
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

const EMPTIED: &str = "the words of the entry were taken out, and no purge says so";

/// What a purge did.
pub(in super::super) const PURGED: &str = "retention.purge";

/// Which entries' words a purge took out: part of the details of its own entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Redacted {
    /// Of the audit trail, by number.
    #[serde(default)]
    pub(in super::super) audit: Vec<i64>,
    /// Of the access log.
    #[serde(default)]
    pub(in super::super) access: Vec<i64>,
}

#[derive(Deserialize)]
struct PurgeDetails {
    redacted: Redacted,
}

/// A hash of parts, each with its length before it, so that nothing can be moved from one to the next.
fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AuditRow {
    /// The digest of its words.
    pub(super) fn digest_of_words(&self) -> String {
        hash(&[&self.salt, &self.subject, &self.reason, &self.details])
    }

    /// Its hash after the entry whose hash is `before`; that of the first entry is empty.
    pub(super) fn hash_after(&self, before: &str) -> String {
        let (number, at) = (self.number.to_string(), self.at.0.to_string());
        let head = [before, &self.tenant, &number, &at, &self.id, &self.actor, &self.via, &self.action];
        let words: &[&str] = match self.digest.as_str() {
            "" => &[&self.subject, &self.reason, &self.details],
            digest => &[digest],
        };
        hash(&[&head, words].concat())
    }

    /// Whether its words are those that its digest was made of, or are gone.
    fn has_its_words(&self) -> bool {
        let words = [&self.salt, &self.subject, &self.reason, &self.details];
        match self.redacted {
            0 => self.digest.is_empty() || self.digest == self.digest_of_words(),
            _ => !self.digest.is_empty() && words.iter().all(|word| word.is_empty()),
        }
    }
}

impl Store {
    /// Works out every chain anew, of one municipality or of all, and holds it against what stands there and against what
    /// somebody kept.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify_audit(&self, tenant: Option<&str>, kept: &[ChainEnd]) -> Result<Verified, StoreError> {
        self.verify_trail(Trail::Audit, tenant, kept).await
    }

    pub(super) async fn verify_trail(
        &self,
        trail: Trail,
        tenant: Option<&str>,
        kept: &[ChainEnd],
    ) -> Result<Verified, StoreError> {
        let select = match trail {
            Trail::Audit => "SELECT DISTINCT tenant FROM audit UNION SELECT id FROM tenants UNION SELECT '' ORDER BY 1",
            Trail::Access => "SELECT DISTINCT tenant FROM access_log ORDER BY 1",
        };
        let all: Vec<String> = sql::query_scalar(select).fetch_all(&self.readers).await?;
        let unknown = kept.iter().map(|end| end.tenant.clone()).filter(|kept| !all.contains(kept));
        let mut asked: Vec<String> = all.iter().cloned().chain(unknown).collect();
        asked.dedup();
        let mut verified = Verified::default();
        for one in asked.into_iter().filter(|one| tenant.is_none_or(|tenant| tenant == one)) {
            let kept: Vec<&ChainEnd> = kept.iter().filter(|end| end.tenant == one).collect();
            match self.verify_chain(trail, &one, &kept).await? {
                Ok((end, redacted)) => {
                    verified.ends.push(end);
                    verified.redacted += redacted;
                }
                Err(wrong) => verified.wrong.push(wrong),
            }
        }
        Ok(verified)
    }

    /// Where a chain ends, and how many of its entries have no words any more.
    async fn verify_chain(
        &self,
        trail: Trail,
        tenant: &str,
        kept: &[&ChainEnd],
    ) -> Result<Result<(ChainEnd, u64), Wrong>, StoreError> {
        let purged = self.purged_words(trail, tenant).await?;
        let mut redacted = 0;
        let wrong = |number, id: Option<String>, what| Ok(Err(Wrong { tenant: tenant.to_owned(), number, id, what }));
        let mut end = ChainEnd { tenant: tenant.to_owned(), number: 0, hash: String::new() };
        loop {
            let mut page = Builder::new(trail.entries());
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
                if row.hash != row.hash_after(&end.hash) || !row.has_its_words() {
                    return wrong(row.number, Some(row.id), CHANGED);
                }
                if row.redacted != 0 && !purged.contains(&row.number) {
                    return wrong(row.number, Some(row.id), EMPTIED);
                }
                redacted += u64::from(row.redacted != 0);
                if kept.iter().any(|kept| kept.number == row.number && kept.hash != row.hash) {
                    return wrong(row.number, Some(row.id), REWRITTEN);
                }
                (end.number, end.hash) = (row.number, row.hash);
            }
        }
        let select = match trail {
            Trail::Audit => "SELECT id FROM audit WHERE tenant = $1 AND number < 1 ORDER BY id LIMIT 1",
            Trail::Access => "SELECT id FROM access_log WHERE tenant = $1 AND number < 1 ORDER BY id LIMIT 1",
        };
        let unchained: Option<String> = sql::query_scalar(select).bind(tenant).fetch_optional(&self.readers).await?;
        if unchained.is_some() {
            return wrong(0, unchained, UNCHAINED);
        }
        match kept.iter().find(|kept| kept.number > end.number) {
            Some(kept) => wrong(kept.number, None, MISSING),
            None => Ok(Ok((end, redacted))),
        }
    }

    /// The entries whose words purges say that they took out. Their own entries are part of the chain of the audit trail.
    async fn purged_words(&self, trail: Trail, tenant: &str) -> Result<HashSet<i64>, StoreError> {
        let select = "SELECT details FROM audit WHERE tenant = $1 AND action = $2";
        let query = sql::query_scalar(select).bind(tenant).bind(PURGED);
        let details: Vec<String> = query.fetch_all(&self.readers).await?;
        let redacted = details.iter().filter_map(|text| serde_json::from_str::<PurgeDetails>(text).ok());
        Ok(redacted
            .flat_map(|details| match trail {
                Trail::Audit => details.redacted.audit,
                Trail::Access => details.redacted.access,
            })
            .collect())
    }
}

/// Gives the entries of an older program their places and hashes, in the order in which they were written.
pub(in super::super) async fn chain_older(write: &mut Write) -> Result<(), StoreError> {
    let mut select = Builder::new(Trail::Audit.entries());
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
