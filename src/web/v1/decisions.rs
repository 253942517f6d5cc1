//! What pages have in common on which a person decides about a deviation: a body of JSON, whose author and words are checked,
//! one decision in one transaction, and how the deviation stands afterwards.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{self, FromRequest, FromRequestParts, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::calendar::civil_date;
use crate::case::shown;
use crate::register::{Decision, Unusable, typed_id};
use crate::store::{Decided, DeviationFilter, DeviationRow, ListedDeviation};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{Refusal, json_answer};
use crate::web::openapi::{Answer, JSON, Operation, path_text};

/// What free text may say, for the document.
pub(super) const NO_NAMES: &str = "Texts stand in the register, its reports and the audit trail: name no child, no parent and \
     no colleague. A text of more than 500 characters, or with a national identity number, an e-mail address or a telephone \
     number, is refused. No mail, webhook, metric or log ever holds it. The token's name is written down beside the author.";

/// Who decides, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deciding {
    /// Who decides, as the municipality names its people; it lands in the audit trail.
    #[schemars(length(min = 1, max = 100))]
    pub(super) by: String,
    /// Why; it lands in the audit trail.
    #[schemars(length(min = 1, max = 500))]
    pub(super) reason: String,
}

/// What a request brings.
pub(in crate::web) struct Request {
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
}

/// Nothing is refused here: [`decide`] says what is wrong, in the words of all pages.
impl FromRequest<Arc<Site>> for Request {
    type Rejection = Infallible;

    async fn from_request(request: extract::Request, site: &Arc<Site>) -> Result<Self, Infallible> {
        let (mut parts, body) = request.into_parts();
        let path = Path::from_request_parts(&mut parts, site).await;
        let headers = parts.headers.clone();
        let body = Bytes::from_request(extract::Request::from_parts(parts, body), site).await;
        Ok(Self { path, headers, body })
    }
}

/// What each of these pages says of itself.
pub(super) fn described<B: JsonSchema>(summary: &'static str, says: &'static str, body: &'static str) -> Operation {
    let id = |_: &mut _| path_text("id", "The deviation's id, as the lists show it.");
    Operation::post(summary).says(says).path(id).json::<B>(body).answers([
        Answer::json::<ListedDeviation>("It is in the register; this is how the deviation stands."),
        Answer::problem(400, "The body is no such JSON object, or did not arrive whole."),
        Answer::problem(404, "There is no such deviation among what the token opens."),
        Answer::problem(409, "The deviation stands in a way that does not allow it."),
        Answer::problem(413, "The body is too large."),
        Answer::problem(415, "The body is not JSON."),
        Answer::problem(422, "The author, a text or the cause cannot be taken: which, and why."),
        Answer::problem(503, "The database does not answer."),
    ])
}

/// Checks what was brought, and writes it down.
pub(super) async fn decide<B: DeserializeOwned>(
    site: Arc<Site>,
    caller: Caller,
    request: Request,
    decision: impl FnOnce(&Site, &B) -> Result<Decision, Unusable>,
) -> Result<Response, Refusal> {
    // What is no text after decoding is no id.
    let Ok(Path(typed)) = request.path else { return Err(unknown("")) };
    let written: B = body(&request.headers, request.body)?;
    let decision = decision(&site, &written).map_err(unusable)?;
    let deciding = write_down(Arc::clone(&site), caller, typed_id(&typed), decision);
    Ok(json_answer(&site.finish(deciding).await?))
}

async fn write_down(
    site: Arc<Site>,
    caller: Caller,
    id: String,
    decision: Decision,
) -> Result<ListedDeviation, Refusal> {
    let (daemon, now) = (&site.daemon, site.daemon.clock.now());
    let row = found(&site, &caller, &id).await?;
    let via = format!("token:{}", caller.name());
    match daemon.store.decide(row.name(), &decision, &via, now).await? {
        Decided::Done => {}
        Decided::Unknown => return Err(unknown(&id)),
        Decided::Impossible(why) => return Err(impossible(&why.to_string())),
    }
    tracing::info!(token = caller.name(), deviation = %id, did = decision.act().audited(), "decided");
    daemon.wake();
    let zone = daemon.store.zones().await?.get(&row.tenant).copied().unwrap_or(chrono_tz::Europe::Oslo);
    Ok(ListedDeviation::on(found(&site, &caller, &id).await?, civil_date(zone, now)))
}

/// The deviation of an id. What is not open to them is not there.
async fn found(site: &Site, caller: &Caller, id: &str) -> Result<DeviationRow, Refusal> {
    let filter = DeviationFilter { id: Some(id.to_owned()), ..DeviationFilter::default() };
    let mut rows = site.daemon.store.list_deviations(&filter).await?;
    rows.retain(|row| caller.may(&row.tenant));
    match rows.len() {
        1 => Ok(rows.remove(0)),
        _ => Err(unknown(id)),
    }
}

/// The object in a body. What is wrong with it is told by its place, for a text may be what nobody is to see.
fn body<B: DeserializeOwned>(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<B, Refusal> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().is_none_or(|media| !media.trim().eq_ignore_ascii_case(JSON)) {
        return Err(NOT_JSON);
    }
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE,
        _ => body_wrong("it did not arrive whole".to_owned()),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        let what = if error.is_data() { "a field is missing, unknown or of another kind" } else { "it is no JSON" };
        body_wrong(format!("{what}, at line {} column {}", error.line(), error.column()))
    })
}

const NOT_JSON: Refusal = Refusal::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "body_not_json",
    "the body is not JSON",
    "send a JSON object with `Content-Type: application/json`",
);

const TOO_LARGE: Refusal = Refusal::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "body_too_large",
    "the body is larger than 64 KiB",
    "a text may have 500 characters; send the object alone",
)
.closing();

fn body_wrong(detail: String) -> Refusal {
    let help = "GET /v1/openapi.json says what the body is to be";
    Refusal::new(StatusCode::BAD_REQUEST, "body_wrong", "", help).detail(detail)
}

fn unusable(Unusable { part, problem }: Unusable) -> Refusal {
    let help = "change that part and send it again; nothing was written down";
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "text_unfit", "", help).detail(format!("{part}: {problem}"))
}

fn impossible(why: &str) -> Refusal {
    let help = "GET /v1/deviations says how it stands";
    Refusal::new(StatusCode::CONFLICT, "not_possible_now", "", help).detail(why.to_owned())
}

fn unknown(id: &str) -> Refusal {
    let refusal =
        Refusal::new(StatusCode::NOT_FOUND, "deviation_unknown", "", "GET /v1/deviations shows those there are");
    refusal.detail(format!("there is no deviation {}", shown(id)))
}
