//! `/healthz`: the process is alive. `/readyz`: it does its work. Neither says anything about anybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Site;
use super::answer::json_answer;
use crate::calendar::Instant;

pub(super) async fn alive() -> Response {
    json_answer(StatusCode::OK, &json!({ "status": "alive" }))
}

/// Ready: the database answers, rules are loaded, and the daemon showed a sign of work not long ago.
pub(super) async fn ready(State(site): State<Arc<Site>>) -> Response {
    let database = site.read(|daemon| async move { daemon.store.ping().await }).await.is_ok();
    let rules = !site.daemon.rules().set.packs.is_empty();
    let work = site.work(site.daemon.clock.now());
    let word = |is_well: bool, otherwise: &'static str| if is_well { "ok" } else { otherwise };
    let checks = json!({
        "database": word(database, "does not answer"),
        "rules": word(rules, "none are loaded"),
        "sweep": work,
    });
    if database && rules && work == "ok" {
        return json_answer(StatusCode::OK, &json!({ "status": "ready", "checks": checks }));
    }
    let error = json!({
        "code": "not_ready",
        "message": "the daemon does not do its work now",
        "help": "run `fristvakt doctor` on the machine; the log says more",
    });
    json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "not ready", "checks": checks, "error": error }))
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
