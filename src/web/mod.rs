//! The small web server of the daemon: whether it is alive and ready, metrics, facts in, cases out, and what
//! people decide about deviations.
//!
//! ```text
//!  connection ─► server (limits) ─► log ─► strict headers ─┬─► /healthz, /readyz       for anybody who reaches it
//!                                                          └─► access (token, scope) ─┬─► /metrics
//!                                                                                     └─► v1: facts, cases, lists, reports, decisions
//! ```
//!
//! A page is a file with its handler and its description, and one line in `pages`, which says what scope it needs. A
//! handler never awaits the database itself, because the library drops it when a client leaves: it asks `Site::read` or
//! `Site::finish`. Deliberately absent: TLS (a proxy's business), cookies, and anything that a browser would run.

mod access;
mod answer;
mod health;
mod log;
mod metrics;
mod openapi;
mod server;
mod sources;
mod v1;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, get, post};
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::config::{HttpSettings, Scope};
use crate::daemon::Daemon;
use crate::store::StoreError;

use access::{Access, Gate};
use answer::Refusal;
use openapi::Operation;
use v1::Uploads;
use v1::reports::Reports;

pub use server::{Server, check};

/// The largest body that is read where a page does not say otherwise.
const BODY_LIMIT: usize = 64 * 1024;

/// How many readings of the database may run at once, so that the daemon always finds a connection free.
const READINGS: usize = 2;

/// What all pages share.
#[derive(Debug)]
struct Site {
    daemon: Arc<Daemon>,
    access: Access,
    /// How old the last sign of work may be.
    ready_within: Duration,
    readings: Arc<Semaphore>,
    uploads: Uploads,
    reports: Reports,
    /// What goes on although its client may have left. The server waits for it when it stops.
    tasks: TaskTracker,
    document: Arc<Json>,
}

impl Site {
    fn new(daemon: Arc<Daemon>, access: Access, settings: &HttpSettings) -> Self {
        Self {
            access,
            ready_within: Duration::from_secs(settings.ready_within),
            readings: Arc::new(Semaphore::new(READINGS)),
            uploads: Uploads::new(&settings.upload, &daemon),
            reports: Reports::default(),
            tasks: TaskTracker::new(),
            document: Arc::new(openapi::document(&pages())),
            daemon,
        }
    }

    /// Reads the store in a task of its own, which goes on to its end when the client has left.
    async fn read<T, F>(&self, reading: impl FnOnce(Arc<Daemon>) -> F + Send + 'static) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        // Waited for here, so that who gives up leaves the queue: while the database is away, nothing piles up.
        let permit = Arc::clone(&self.readings).acquire_owned().await;
        let daemon = Arc::clone(&self.daemon);
        self.finish(async move {
            let _permit = permit;
            reading(daemon).await.map_err(Refusal::from)
        })
        .await
    }

    /// Does something in a task of its own, to its end, also when the client has left.
    async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.tasks.spawn(work).await.unwrap_or(Err(Refusal::STORE))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the web server cannot use the store");
        if error.may_pass() { Self::STORE.retry_after(30) } else { Self::STORE }
    }
}

/// What has to be shown to see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// Any token.
    Token,
    /// A token with this scope.
    Scope(Scope),
}

/// A page: where it is, what it takes to see it, what it does, and how it describes that.
struct Page {
    path: &'static str,
    needs: Needs,
    handler: MethodRouter<Arc<Site>>,
    describe: fn() -> Operation,
    /// Whether its limits of time are its own.
    is_slow: bool,
}

impl Page {
    fn new(needs: Needs, path: &'static str, handler: MethodRouter<Arc<Site>>, describe: fn() -> Operation) -> Self {
        Self { path, needs, handler, describe, is_slow: false }
    }

    fn slow(self) -> Self {
        Self { is_slow: true, ..self }
    }

    /// What is behind the path, with everything that stands before it.
    fn guarded(self, site: &Arc<Site>) -> MethodRouter<Arc<Site>> {
        let mut page = self.handler.fallback(|| async { Refusal::METHOD });
        let scope = match self.needs {
            Needs::Nothing => return page.layer(from_fn(answer::timely)),
            Needs::Token => None,
            Needs::Scope(scope) => Some(scope),
        };
        if !self.is_slow {
            page = page.layer(from_fn(answer::timely));
        }
        page.layer(from_fn_with_state(Gate { site: Arc::clone(site), scope }, access::authorize))
    }
}

/// Every page, and what it takes to see it.
fn pages() -> Vec<Page> {
    let scope = Needs::Scope;
    vec![
        Page::new(Needs::Nothing, "/healthz", get(health::alive), health::describe_alive),
        Page::new(Needs::Nothing, "/readyz", get(health::ready), health::describe_ready),
        Page::new(scope(Scope::Metrics), "/metrics", get(metrics::page), metrics::describe),
        Page::new(scope(Scope::Facts), "/v1/facts", post(v1::facts::take), v1::facts::describe).slow(),
        Page::new(scope(Scope::Read), "/v1/cases/{id}", get(v1::cases::page), v1::cases::describe),
        Page::new(scope(Scope::Read), "/v1/obligations", get(v1::obligations::page), v1::obligations::describe),
        Page::new(scope(Scope::Read), "/v1/deviations", get(v1::deviations::page), v1::deviations::describe),
        Page::new(scope(Scope::Reports), "/v1/reports/deviations", get(v1::reports::page), v1::reports::describe)
            .slow(),
        Page::new(
            scope(Scope::Register),
            "/v1/deviations/{id}/explain",
            post(v1::explain::page),
            v1::explain::describe,
        ),
        Page::new(
            scope(Scope::Register),
            "/v1/deviations/{id}/withdraw",
            post(v1::withdraw::page),
            v1::withdraw::describe,
        ),
        Page::new(scope(Scope::Register), "/v1/deviations/{id}/reopen", post(v1::reopen::page), v1::reopen::describe),
        Page::new(Needs::Token, "/v1/openapi.json", get(openapi::page), openapi::describe),
    ]
}

fn routes(site: &Arc<Site>) -> Router {
    let elsewhere = Gate { site: Arc::clone(site), scope: None };
    let nowhere = any(|| async { Refusal::NOT_FOUND }).layer(from_fn_with_state(elsewhere, access::authorize));
    let all = pages().into_iter().fold(Router::new(), |all, page| all.route(page.path, page.guarded(site)));
    // Without a token, nobody learns which paths there are.
    all.fallback_service(nowhere)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(answer::strict))
        .layer(from_fn(log::access))
        .with_state(Arc::clone(site))
}
