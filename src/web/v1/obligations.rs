//! `GET /v1/obligations`: obligations as they stand now, as `obligations list` shows them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lists::{PageOf, Paging};
use super::{note_looks, query};
use crate::daemon::Daemon;
use crate::store::{ObligationFilter, ObligationRow, StoreError};
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
    /// Only with this status.
    status: Option<Stands>,
    /// Only those that are still to be met, paused ones among them.
    open: bool,
    /// Only those due on or before this day.
    due_by: Option<NaiveDate>,
    /// How many at most, 1 to 1000; 100 unless said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// What follows the page whose `next` this is; the first page where it is empty.
    after: Option<String>,
}

/// How an obligation stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ObligationStatus")]
enum Stands {
    Waiting,
    Running,
    Overdue,
    Paused,
    Met,
    MetLate,
    Missed,
    Void,
}

impl Stands {
    fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Overdue => "overdue",
            Self::Paused => "paused",
            Self::Met => "met",
            Self::MetLate => "met_late",
            Self::Missed => "missed",
            Self::Void => "void",
        }
    }
}

pub(in crate::web) fn describe() -> Operation {
    Operation::get("Obligations as they stand now").query::<Asking>().answers([
        Answer::json::<PageOf<ObligationRow>>("A page of them."),
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
    let filter = ObligationFilter {
        tenant: None,
        case: asking.case,
        unit: asking.unit,
        status: asking.status.map(|status| status.word().to_owned()),
        open: asking.open,
        due_by: asking.due_by,
        limit: None,
    };
    let rows = site.read(move |daemon| async move {
        let is_one = filter.case.is_some();
        let rows = read(&daemon, filter, &paging).await?;
        if is_one {
            let cases = rows.items().iter().map(|row| (&*row.tenant, &*row.case)).collect();
            note_looks(&daemon, &caller, "list", cases).await?;
        }
        Ok(rows)
    });
    Ok(json_answer(&rows.await?))
}

async fn read(
    daemon: &Daemon,
    mut filter: ObligationFilter,
    paging: &Paging,
) -> Result<PageOf<ObligationRow>, StoreError> {
    let mut rows = vec![];
    for tenant in paging.tenants(&daemon.store).await? {
        filter.limit = paging.room(rows.len());
        let after = paging.after(&tenant);
        filter.tenant = Some(tenant.clone());
        rows.extend(daemon.store.obligations_after(&filter, after, daemon.clock.now()).await?);
        if paging.is_full(rows.len()) {
            break;
        }
    }
    Ok(paging.page(rows, ObligationRow::place))
}
