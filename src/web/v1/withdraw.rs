//! `POST /v1/deviations/{id}/withdraw`: it was no deviation, though the facts say so.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::decisions::{Deciding, NO_NAMES, Request, decide, described};
use crate::register::Decision;
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::Refusal;
use crate::web::openapi::Operation;

pub(in crate::web) fn describe() -> Operation {
    described::<Deciding>("Withdraw a deviation", NO_NAMES, "Who says so, and why.")
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    decide(site, caller, request, |_, Deciding { by, reason }| Decision::withdraw(by, reason)).await
}
