//! `GET /v1/deviations`: the register, as `deviations list` shows it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::lists::{PageOf, Paging};
use super::{note_looks, query};
use crate::calendar::{civil_date, end_of_day, first_instant};
use crate::daemon::Daemon;
use crate::store::{DeviationFilter, ListedDeviation, StoreError};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{Refusal, json_answer};
use crate::web::openapi::{Answer, Operation};

/// What may be asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Asking {
    /// Only of this municipality.
    tenant: Option<String>,
    /// Only of the case with this id or reference.
    case: Option<String>,
    /// Only of this unit.
    unit: Option<String>,
    /// Only those that are not closed.
    open: bool,
    /// Only those open at any time from this day on, as the municipality counts days.
    from: Option<NaiveDate>,
    /// Only those opened on or before this day.
    to: Option<NaiveDate>,
    /// How many at most, 1 to 1000; 100 unless said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// What follows the page whose `next` this is; the first page where it is empty.
    after: Option<String>,
}

pub(in crate::web) fn describe() -> Operation {
    Operation::get("Deviations (avvik)").query::<Asking>().answers([
        Answer::json::<PageOf<ListedDeviation>>("A page of them."),
        Answer::problem(400, "The query is not understood."),
        Answer::problem(403, "The token opens something else, or other municipalities."),
        Answer::problem(503, "The database does not answer."),
    ])
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let asking = query::<Asking>(&uri)?;
    let tenants = caller.asked(asking.tenant.as_deref())?;
    let paging = Paging::new(asking.limit, asking.after.as_deref(), tenants)?;
    let rows = site.read(move |daemon| async move {
        let rows = read(&daemon, &asking, &paging).await?;
        if asking.case.is_some() {
            let cases = rows.items().iter().map(|one| (&*one.row.tenant, &*one.row.case)).collect();
            note_looks(&daemon, &caller, "list", cases).await?;
        }
        Ok(rows)
    });
    Ok(json_answer(&rows.await?))
}

async fn read(daemon: &Daemon, asking: &Asking, paging: &Paging) -> Result<PageOf<ListedDeviation>, StoreError> {
    let zones = daemon.store.zones().await?;
    let mut rows = vec![];
    for tenant in paging.tenants(&daemon.store).await? {
        let zone = zones.get(&tenant).copied().unwrap_or(chrono_tz::Europe::Oslo);
        let filter = DeviationFilter {
            id: None,
            tenant: Some(tenant.clone()),
            case: asking.case.clone(),
            unit: asking.unit.clone(),
            from: asking.from.map(|day| first_instant(zone, day)),
            until: asking.to.map(|day| end_of_day(zone, day)),
            open: asking.open,
            limit: paging.room(rows.len()),
        };
        let found = daemon.store.deviations_after(&filter, paging.after(&tenant)).await?;
        let today = civil_date(zone, daemon.clock.now());
        rows.extend(found.into_iter().map(|row| ListedDeviation::on(row, today)));
        if paging.is_full(rows.len()) {
            break;
        }
    }
    Ok(paging.page(rows, |listed| listed.row.place()))
}
