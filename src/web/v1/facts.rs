//! `POST /v1/facts`: facts, NDJSON. All of a request or nothing, as `import` takes a file, in the same words.

use std::io::BufReader;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::query;
use super::upload::{Arrived, NDJSON};
use crate::fact::Fact;
use crate::facts::{FactError, LoadedLines, ndjson, wrong_lines};
use crate::store::{Appended, Load};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{Refusal, json_answer};
use crate::web::openapi::{Answer, Operation};

/// How many wrong lines are found and told.
const MOST_ERRORS: usize = 100;

/// What may be asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Taking {
    /// Whether this is a full load: what it leaves out of the municipalities that it mentions is gone.
    replace: bool,
}

pub(in crate::web) fn describe() -> Operation {
    Operation::post("Facts in")
        .says(
            "A request is taken as a whole or not at all, and what is there already changes nothing. So a request may be \
             sent again whenever its answer did not arrive, and needs no key of its own. A token that is for certain \
             municipalities brings facts of those alone.",
        )
        .query::<Taking>()
        .lines::<Fact>(NDJSON, "One record a line, in UTF-8.")
        .answers([
            Answer::json::<Appended>("What became of the records, by type. It is in the database."),
            Answer::problem(400, "The query is not understood, or the body ended before it was whole."),
            Answer::problem(403, "The token opens something else, or other municipalities than the lines are of."),
            Answer::problem(408, "The body came too slowly."),
            Answer::problem(413, "The body is too large, or has too many lines."),
            Answer::problem(415, "The body is not NDJSON in UTF-8."),
            Answer::problem(422, "Lines are wrong: which, and why."),
            Answer::problem(429, "As many requests with facts are under way as are taken at once."),
            Answer::problem(503, "The database or its disk cannot be used."),
        ])
}

pub(in crate::web) async fn take(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let load = if query::<Taking>(&uri).map_err(Refusal::closing)?.replace { Load::Replace } else { Load::Append };
    let arrived = site.uploads.receive(&headers, body).await?;
    let importing = import(Arc::clone(&site), caller, arrived, load);
    let appended = site.finish(importing).await?;
    Ok(json_answer(&appended))
}

async fn import(site: Arc<Site>, caller: Caller, arrived: Arrived, load: Load) -> Result<Appended, Refusal> {
    let _turn = site.uploads.turn.acquire().await;
    let (daemon, rules) = (&site.daemon, site.daemon.rules());
    let longest = site.uploads.limits.line_bytes;
    let Arrived { file, place: _place } = arrived;
    let read = move || {
        let lines = ndjson::read_lines(BufReader::with_capacity(1 << 16, file), longest);
        LoadedLines::read(lines, MOST_ERRORS, |_| {})
    };
    let mut loaded = spawn_blocking(read).await.map_err(|_| Refusal::STORE)?;
    if let Err(foreign) = loaded.confine(|tenant| caller.may(tenant)) {
        return Err(Refusal::TENANT.detail(undone(foreign.len())).lines(foreign));
    }
    let mut known = daemon.store.known_with(loaded.facts(), load).await?;
    // What is not open to them is not there, not even as a suggestion.
    known.tenants.retain(|tenant, _| caller.may(tenant));
    let check = move || {
        loaded.check(&rules.set, &known);
        loaded.into_facts()
    };
    let facts = spawn_blocking(check).await.map_err(|_| Refusal::STORE)?.map_err(wrong)?;
    let appended = daemon.store.append_facts(&facts, load, daemon.clock.now()).await?;
    tracing::info!(token = caller.name(), records = facts.len(), changed = appended.any_change(), "facts taken");
    if appended.any_change() {
        daemon.wake();
    }
    Ok(appended)
}

fn wrong(errors: Vec<FactError>) -> Refusal {
    let help = "correct the lines and send all of it again; `fristvakt check --facts FILE` finds them too";
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "lines_wrong", "", help).detail(undone(errors.len())).lines(errors)
}

/// As `import` says it.
fn undone(count: usize) -> String {
    let more = if count >= MOST_ERRORS { "; there may be more" } else { "" };
    format!("{}; nothing of it was imported{more}", wrong_lines(count))
}
