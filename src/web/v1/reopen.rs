//! `POST /v1/deviations/{id}/reopen`: an explanation or a withdrawal is taken back.

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
    described::<Deciding>("Take back an explanation or a withdrawal", NO_NAMES, "Who takes it back, and why.")
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    decide(site, caller, request, |_, Deciding { by, reason }| Decision::reopen(by, reason)).await
}
