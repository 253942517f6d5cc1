//! The first version of what programs may ask: facts in; cases, obligations and deviations out; deviations
//! explained and withdrawn; reports.

pub(super) mod cases;
mod decisions;
pub(super) mod deviations;
pub(super) mod explain;
pub(super) mod facts;
mod lists;
pub(super) mod obligations;
pub(super) mod reopen;
pub(super) mod reports;
mod upload;
pub(super) mod withdraw;

use std::collections::BTreeSet;

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::answer::Refusal;
use crate::daemon::Daemon;
use crate::store::{AuditEntry, StoreError};

pub(super) use upload::Uploads;

/// What a query asks.
fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, Refusal> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(error) => {
            let text = error.body_text();
            Err(Refusal::query(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text)))
        }
    }
}

/// Writes into the access log that whoever holds a token is about to be shown these cases, by municipality and id.
async fn note_looks(
    daemon: &Daemon,
    caller: &Caller,
    action: &str,
    cases: BTreeSet<(&str, &str)>,
) -> Result<(), StoreError> {
    let via = format!("token:{}", caller.name());
    let subjects: Vec<(&str, String)> =
        cases.into_iter().map(|(tenant, case)| (tenant, format!("case {case}"))).collect();
    let mut entries = vec![];
    for (tenant, subject) in &subjects {
        entries.push(AuditEntry { tenant, actor: caller.name(), via: &via, action, subject, ..AuditEntry::default() });
    }
    if entries.is_empty() { Ok(()) } else { daemon.store.note_access(&entries, daemon.clock.now()).await }
}
