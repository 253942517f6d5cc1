//! What every answer has in common: strict headers, a time limit, and refusals that say what to do.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use crate::config::Scope;

/// How long a request may take in all.
const LIMIT: Duration = Duration::from_secs(10);

/// Nothing here is to be run, framed, guessed at or kept.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// A request that is not answered: `{"error": {"code", "message", "help"}}`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// A word for programs.
    pub(super) code: &'static str,
    message: Cow<'static, str>,
    help: &'static str,
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
    pub(super) const NOT_FOUND: Self = Self::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is no such page",
        "there are /healthz, /readyz and /metrics",
    );
    pub(super) const METHOD: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this page does not take that method",
        "README.md lists the pages, each with its method",
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

    const fn new(status: StatusCode, code: &'static str, message: &'static str, help: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), help }
    }

    /// The token is known and opens something else.
    pub(super) fn scope(scope: Scope) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "scope_missing",
            message: format!("the token does not open this page; it needs the scope `{}`", scope.word()).into(),
            help: "add the scope to the token's `scopes` in the configuration, and restart the daemon",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.code, "message": self.message, "help": self.help } });
        let mut response = json_answer(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fristvakt\""));
        }
        response
    }
}

/// An answer for programs, with a line end for people.
pub(super) fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [content_type], format!("{body}\n")).into_response()
}

/// Ends what takes too long, and adds the headers that every answer has.
pub(super) async fn strict(request: Request, next: Next) -> Response {
    let mut response = match timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::TIMEOUT.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}
