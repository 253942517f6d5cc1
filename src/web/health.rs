//! `/healthz`: the process is alive. `/readyz`: it does its work. Neither says anything about anybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::Site;
use super::answer::{Refusal, json_answer};
use super::openapi::{Answer, Operation};
use crate::calendar::Instant;

/// The process is alive.
#[derive(Debug, Serialize, JsonSchema)]
struct Alive {
    /// `alive`.
    status: &'static str,
}

/// The daemon does its work.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    /// `ready`.
    status: &'static str,
    checks: Checks,
}

/// What is well (`ok`), and of the rest what is not.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Checks {
    /// Whether the database answers.
    database: &'static str,
    /// Whether rules are loaded.
    rules: &'static str,
    /// Whether there was a sign of work not long ago.
    sweep: &'static str,
}

pub(super) fn describe_alive() -> Operation {
    Operation::get("Whether the process is alive").answers([Answer::json::<Alive>("It is.")])
}

pub(super) fn describe_ready() -> Operation {
    Operation::get("Whether the daemon does its work")
        .says("The database answers, rules are loaded, and there was a sign of work not long ago.")
        .answers([Answer::json::<Ready>("It does."), Answer::problem(503, "It does not, or not yet.")])
}

pub(super) async fn alive() -> Response {
    json_answer(&Alive { status: "alive" })
}

/// Ready: the database answers, rules are loaded, and the daemon showed a sign of work not long ago.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Result<Response, Refusal> {
    let database = site.read(|daemon| async move { daemon.store.ping().await }).await.is_ok();
    let rules = !site.daemon.rules().set.packs.is_empty();
    let work = site.work(site.daemon.clock.now());
    let word = |is_well: bool, otherwise: &'static str| if is_well { "ok" } else { otherwise };
    let checks =
        Checks { database: word(database, "does not answer"), rules: word(rules, "none are loaded"), sweep: work };
    if database && rules && work == "ok" {
        return Ok(json_answer(&Ready { status: "ready", checks }));
    }
    let refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
        "the daemon does not do its work now",
        "run `fristvakt doctor` on the machine; the log says more",
    );
    Err(refusal.checks(checks))
}

impl Site {
    /// Whether the daemon works: it sweeps once a minute, or is busy sending.
    fn work(&self, now: Instant) -> &'static str {
        match self.daemon.pulse.status().last_sign() {
            None => "none yet",
            Some(sign) if (now - sign).to_std().unwrap_or_default() > self.ready_within => "too long ago",
            Some(_) => "ok",
        }
    }
}
