//! One line in the log for each request: method, page, status, how long it took, and whose token it was. Never a query,
//! a path's ids, or anything of a body.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use super::access::Caller;
use super::answer::Code;

/// Pages that are asked all the time: they are logged where somebody looks closely.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// A request, until it is logged: answered, or given up by its client.
struct Asked {
    method: &'static str,
    page: Option<MatchedPath>,
    since: Instant,
    answered: bool,
}

/// Logs a request when it is answered, or when its client leaves before that.
pub(super) async fn access(request: Request, next: Next) -> Response {
    let page = request.extensions().get::<MatchedPath>().cloned();
    let mut asked = Asked { method: known(request.method()), page, since: Instant::now(), answered: false };
    let response = next.run(request).await;
    asked.answered = true;
    asked.log(&response);
    response
}

impl Asked {
    fn page(&self) -> &str {
        self.page.as_ref().map_or("none", MatchedPath::as_str)
    }

    fn ms(&self) -> u64 {
        let took: Duration = self.since.elapsed();
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
    }

    fn log(&self, response: &Response) {
        let (method, page, ms, status) = (self.method, self.page(), self.ms(), response.status());
        let token = response.extensions().get::<Caller>().map_or("none", |caller| caller.name());
        let code = response.extensions().get::<Code>().map_or("ok", |code| code.0);
        let is_locked = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let status = status.as_u16();
        if QUIET.contains(&page) && !is_locked {
            tracing::debug!(method, page, status, code, ms, token, "request");
        } else if status < 400 {
            tracing::info!(method, page, status, code, ms, token, "request");
        } else {
            tracing::warn!(method, page, status, code, ms, token, "request");
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.answered {
            let (method, page, ms) = (self.method, self.page(), self.ms());
            tracing::warn!(method, page, ms, "the client left before it was answered");
        }
    }
}

/// A method that HTTP has. Anything else is a word of the client's.
fn known(method: &Method) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
