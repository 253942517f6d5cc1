//! `POST /v1/deviations/{id}/explain`: why a deviation happened, and what is done about it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::decisions::{NO_NAMES, Request, decide, described};
use crate::register::{Decision, Written};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::Refusal;
use crate::web::openapi::Operation;

/// Why it happened, and what is done about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Explaining {
    /// Who explains it, as the municipality names its people; it lands in the audit trail.
    #[schemars(length(min = 1, max = 100))]
    by: String,
    /// The code of the cause: those of `fristvakt deviations causes`.
    cause: String,
    /// Why it happened, in words.
    #[schemars(length(min = 1, max = 500))]
    reason: String,
    /// What was or will be done about it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    action: Option<String>,
    /// The day by which that will be done; only with an action.
    #[serde(default)]
    action_due: Option<NaiveDate>,
}

pub(in crate::web) fn describe() -> Operation {
    described::<Explaining>("Explain a deviation", NO_NAMES, "Who explains it, and how.")
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    decide(site, caller, request, |site, explaining: &Explaining| {
        let Explaining { by, cause, reason, action, action_due } = explaining;
        let written = Written { cause, reason, action: action.as_deref(), action_due: *action_due };
        Decision::explain(&site.daemon.rules().set.causes, by, written)
    })
    .await
}
