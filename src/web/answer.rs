//! What every answer has in common: strict headers, a time limit, and refusals that say what to do.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::timeout;

use super::health::Checks;
use crate::config::Scope;
use crate::facts::FactError;

/// How long a page may take, unless it has limits of its own.
const LIMIT: Duration = Duration::from_secs(10);

/// What refusals are: RFC 9457.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Nothing here is to be run, framed, guessed at or kept.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// A request that is not answered.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    help: &'static str,
    errors: Vec<WrongLine>,
    checks: Option<Box<Checks>>,
    /// When to come again, in seconds.
    retry_after: Option<u32>,
    /// Whether the rest of the request is not waited for.
    closes: bool,
}

/// The refusal's word for programs, for whoever logs the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code(pub(super) &'static str);

/// Why a request was not answered, and what to do (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    /// What HTTP calls it.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, as a word for programs.
    code: &'a str,
    /// What is wrong, for people.
    detail: &'a str,
    /// What to do.
    help: &'a str,
    /// Of facts that were refused: the lines that are wrong, the first hundred of them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [WrongLine],
    /// Of a daemon that is not ready: what is well and what is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a Checks>,
}

/// A line of facts that is wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct WrongLine {
    /// Its number in the body, from 1.
    line: usize,
    /// The field, where one is to blame.
    field: Option<String>,
    /// What is wrong and how to mend it, as `fristvakt import` says it.
    text: String,
}

impl From<FactError> for WrongLine {
    fn from(FactError { line, field, text }: FactError) -> Self {
        Self { line, field, text }
    }
}

impl Refusal {
    pub(super) const NO_TOKEN: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "this page needs a token",
        "send `Authorization: Bearer TOKEN`; tokens are made in `[[http.token]]` of the configuration",
    );
    pub(super) const WRONG_TOKEN: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "token_unknown",
        "no such token",
        "compare it with the file that `[[http.token]]` names; the daemon reads the file when it starts",
    );
    pub(super) const TENANT: Self = Self::new(
        StatusCode::FORBIDDEN,
        "tenant_not_allowed",
        "the token does not open this municipality",
        "ask for one of the token's `tenants`, or add this one there and reload the daemon",
    );
    pub(super) const NOT_FOUND: Self =
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such page", "GET /v1/openapi.json lists the pages");
    pub(super) const METHOD: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this page does not take that method",
        "the header `Allow` says which it takes; GET /v1/openapi.json lists the pages, each with its method",
    );
    pub(super) const STORE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store_unavailable",
        "the database does not answer",
        "run `fristvakt doctor` on the machine; the log says more",
    );
    const TIMEOUT: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "timeout",
        "it took longer than 10 seconds",
        "try again; if it stays so, run `fristvakt doctor` on the machine",
    );

    pub(super) const fn new(status: StatusCode, code: &'static str, detail: &'static str, help: &'static str) -> Self {
        let detail = Cow::Borrowed(detail);
        Self { status, code, detail, help, errors: vec![], checks: None, retry_after: None, closes: false }
    }

    /// The token is known and opens something else.
    pub(super) fn scope(scope: Scope) -> Self {
        let missing = Self::new(
            StatusCode::FORBIDDEN,
            "scope_missing",
            "",
            "add the scope to the token's `scopes` in the configuration, and reload the daemon",
        );
        missing.detail(format!("the token does not open this page; it needs the scope `{}`", scope.word()))
    }

    /// The query says something that the page does not know.
    pub(super) fn query(problem: impl Into<String>) -> Self {
        let help = "GET /v1/openapi.json lists what each page may be asked";
        Self::new(StatusCode::BAD_REQUEST, "query_wrong", "", help).detail(problem.into())
    }

    /// With other words for people.
    pub(super) fn detail(self, detail: String) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Over these lines.
    pub(super) fn lines(self, errors: Vec<FactError>) -> Self {
        Self { errors: errors.into_iter().map(WrongLine::from).collect(), ..self }
    }

    /// With what is well and what is not.
    pub(super) fn checks(self, checks: Checks) -> Self {
        Self { checks: Some(Box::new(checks)), ..self }
    }

    /// For now: it may be tried again after so many seconds.
    pub(super) const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Without waiting for the rest of the request.
    pub(super) const fn closing(mut self) -> Self {
        self.closes = true;
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = Problem {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            help: self.help,
            errors: &self.errors,
            checks: self.checks.as_deref(),
        };
        let mut response = as_json(self.status, PROBLEM, &problem);
        response.extensions_mut().insert(Code(self.code));
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fristvakt\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer for programs, with a line end for people.
pub(super) fn json_answer(body: &impl Serialize) -> Response {
    as_json(StatusCode::OK, "application/json", body)
}

fn as_json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response {
    // Answers hold texts, numbers, truth values, lists and objects with names: they always have a JSON form.
    let mut text = serde_json::to_string(body).unwrap_or_default();
    text.push('\n');
    (status, [(CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
}

/// An answer that brings a policy of its own, because a browser shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnPolicy;

/// Adds the headers that every answer has.
pub(super) async fn strict(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let own = response.extensions().get::<OwnPolicy>().is_some();
    for (name, value) in HEADERS.into_iter().filter(|(name, _)| !own || *name != CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Ends what takes too long.
pub(super) async fn timely(request: Request, next: Next) -> Response {
    timeout(LIMIT, next.run(request)).await.unwrap_or_else(|_| Refusal::TIMEOUT.retry_after(10).into_response())
}
