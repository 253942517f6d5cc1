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
use crate::daemon::Part;

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
    /// Whether the last whole sweep was not long ago; while messages leave, the next one may be late.
    sweep: &'static str,
    /// Whether everything that has work comes on with it.
    progress: &'static str,
}

pub(super) fn describe_alive() -> Operation {
    Operation::get("Whether the process is alive").answers([Answer::json::<Alive>("It is.")])
}

pub(super) fn describe_ready() -> Operation {
    Operation::get("Whether the daemon does its work")
        .says(
            "The database answers, rules are loaded, the last whole sweep was not long ago, and nothing stands still.",
        )
        .answers([Answer::json::<Ready>("It does."), Answer::problem(503, "It does not, or not yet.")])
}

pub(super) async fn alive() -> Response {
    json_answer(&Alive { status: "alive" })
}

/// Ready: the database answers, rules are loaded, the daemon has swept not long ago, and nothing stands still.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Result<Response, Refusal> {
    let database = site.read(|daemon| async move { daemon.store.ping().await }).await.is_ok();
    let rules = !site.daemon.rules().set.packs.is_empty();
    let (sweep, progress) = (site.sweep(site.daemon.clock.now()), site.progress());
    let word = |is_well: bool, otherwise: &'static str| if is_well { "ok" } else { otherwise };
    let (database, rules) = (word(database, "does not answer"), word(rules, "none are loaded"));
    let checks = Checks { database, rules, sweep, progress };
    if [database, rules, sweep, progress] == ["ok"; 4] {
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
    /// Whether the daemon plans: it sweeps once a minute, but for when it is busy sending. Attempts alone are no sign of
    /// that: they go on, and fail, where nothing can be planned.
    fn sweep(&self, now: Instant) -> &'static str {
        let daemon = &self.daemon;
        let is_sending = daemon.progress.is_busy(Part::Line);
        match daemon.pulse.status().sweep {
            _ if daemon.stands_back() => "left to other daemons: the log says why",
            None => "none yet",
            Some(sweep) if (now - sweep.at).to_std().unwrap_or_default() <= self.ready_within => "ok",
            Some(_) if is_sending => "ok",
            Some(_) => "too long ago",
        }
    }

    fn progress(&self) -> &'static str {
        if self.daemon.progress.standstill().is_none() { "ok" } else { "stands still" }
    }
}
