//! What lists have in common: pages, and whose rows they show.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::{Place, Store, StoreError};
use crate::web::answer::Refusal;

/// How many rows a page has unless said.
pub(super) const USUAL: u32 = 100;
/// How many rows a page may have.
const MOST: u32 = 1000;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct PageOf<T> {
    /// The rows, as `list --format json` prints them; sorted by municipality, case, rule and start.
    items: Vec<T>,
    /// What to ask for with `after` to get the next page; null: there is none.
    next: Option<String>,
}

impl<T> PageOf<T> {
    /// The rows.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }
}

/// Which page is asked for, of whose rows.
#[derive(Debug)]
pub(super) struct Paging {
    limit: usize,
    after: Option<Place>,
    /// Those of these municipalities alone.
    tenants: Option<Vec<String>>,
}

impl Paging {
    pub(super) fn new(limit: Option<u32>, after: Option<&str>, tenants: Option<Vec<String>>) -> Result<Self, Refusal> {
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Refusal::query(format!("limit: choose 1 to {MOST}")));
        }
        let after = after.filter(|text| !text.is_empty()).map(|text| place(text).ok_or(UNKNOWN_PLACE)).transpose()?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), after, tenants })
    }

    /// The municipalities whose rows come from where the page begins on, sorted.
    pub(super) async fn tenants(&self, store: &Store) -> Result<Vec<String>, StoreError> {
        let mut tenants = match &self.tenants {
            Some(tenants) => tenants.clone(),
            None => store.tenant_ids().await?,
        };
        tenants.sort();
        tenants.dedup();
        tenants.retain(|tenant| self.after.as_ref().is_none_or(|place| *tenant >= place.tenant));
        Ok(tenants)
    }

    /// The place after which the rows of a municipality begin.
    pub(super) fn after(&self, tenant: &str) -> Option<&Place> {
        self.after.as_ref().filter(|place| place.tenant == tenant)
    }

    /// How many more rows to read: one more than the page holds, to know whether there is another page.
    pub(super) fn room(&self, rows: usize) -> Option<u32> {
        u32::try_from((self.limit + 1).saturating_sub(rows)).ok()
    }

    /// Whether enough was read.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        rows > self.limit
    }

    /// The page of what was read.
    pub(super) fn page<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> Place) -> PageOf<T> {
        let is_last = !self.is_full(rows.len());
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| !is_last).map(place);
        PageOf { items: rows, next: last.map(|place| cursor(&place)) }
    }
}

const UNKNOWN_PLACE: Refusal = Refusal::new(
    StatusCode::BAD_REQUEST,
    "query_wrong",
    "after: no `next` of an earlier page",
    "take it from the answer as it stands; leave it out for the first page",
);

fn cursor(place: &Place) -> String {
    // Texts and a number: they always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_string(place).unwrap_or_default())
}

fn place(cursor: &str) -> Option<Place> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}
