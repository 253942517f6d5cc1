//! The first version of what programs may ask: facts in; cases, obligations and deviations out; deviations
//! explained and withdrawn.

pub(super) mod cases;
mod decisions;
pub(super) mod deviations;
pub(super) mod explain;
pub(super) mod facts;
mod lists;
pub(super) mod obligations;
pub(super) mod reopen;
mod upload;
pub(super) mod withdraw;

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use super::answer::Refusal;

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
