//! The small web server of the daemon: whether it is alive and ready, and metrics.
//!
//! ```text
//!  connection ─► server (limits) ─► strict headers, 10 s ─┬─► /healthz, /readyz          for anybody who reaches it
//!                                                         └─► access (token, scope) ─► /metrics
//! ```
//!
//! A page is a file with its handler and one line in `routes`, which says what scope it needs. A handler never awaits
//! the database itself, because the library drops it when a client leaves: it asks `Site::read`. Deliberately absent:
//! TLS (a proxy's business), cookies, anything that a browser would run, and every word that is not an id.

mod access;
mod answer;
mod health;
mod metrics;
mod server;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, get};
use tokio::sync::Semaphore;

use crate::config::Scope;
use crate::daemon::Daemon;
use crate::store::StoreError;

use access::{Access, Gate};
use answer::Refusal;

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
    readings: Semaphore,
}

impl Site {
    fn new(daemon: Arc<Daemon>, access: Access, ready_within: Duration) -> Self {
        Self { daemon, access, ready_within, readings: Semaphore::new(READINGS) }
    }

    /// Reads the store in a task of its own, which goes on to its end when the client has left.
    async fn read<T, F>(self: &Arc<Self>, reading: impl FnOnce(Arc<Daemon>) -> F + Send + 'static) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let site = Arc::clone(self);
        let read = tokio::spawn(async move {
            let _permit = site.readings.acquire().await;
            reading(Arc::clone(&site.daemon)).await
        });
        match read.await {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(error)) => {
                tracing::error!(%error, "the web server cannot read the store");
                Err(Refusal::STORE)
            }
            Err(_) => Err(Refusal::STORE),
        }
    }
}

/// Every page, and what it takes to see it.
fn routes(site: Site) -> Router {
    let site = Arc::new(site);
    let with = |scope, page: MethodRouter<Arc<Site>>| {
        let gate = Gate { site: Arc::clone(&site), scope: Some(scope) };
        page.fallback(|| async { Refusal::METHOD }).layer(from_fn_with_state(gate, access::authorize))
    };
    let elsewhere = Gate { site: Arc::clone(&site), scope: None };
    let nowhere = any(|| async { Refusal::NOT_FOUND }).layer(from_fn_with_state(elsewhere, access::authorize));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", with(Scope::Metrics, get(metrics::page)))
        .method_not_allowed_fallback(|| async { Refusal::METHOD })
        // Without a token, nobody learns which paths there are.
        .fallback_service(nowhere)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(answer::strict))
        .with_state(site)
}
