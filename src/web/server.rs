//! Listening, limits for each connection, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Access;
use super::{Site, routes};
use crate::config::HttpSettings;
use crate::daemon::Daemon;
use crate::delivery::setting::{SettingError, SettingWarning};

/// How many connections at once; others wait.
const CONNECTIONS: usize = 64;
/// How long a client may take to say what it wants, and stay silent between requests.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How many header fields a request may have.
const HEADER_FIELDS: usize = 64;
/// How much is read of a request before its body, in bytes.
const HEADER_SIZE: usize = 16 * 1024;
/// How long requests under way may take once the daemon ends.
const GRACE: Duration = Duration::from_secs(5);

/// A running web server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    tasks: TaskTracker,
}

impl Server {
    /// Reads the tokens and listens.
    ///
    /// # Errors
    /// Where a setting cannot be used, or the address cannot be listened on.
    pub async fn start(settings: &HttpSettings, daemon: Arc<Daemon>) -> Result<Self, SettingError> {
        let (access, warnings) = checked(settings)?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| cannot_listen(settings, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(settings, &error))?;
        let site = Arc::new(Site::new(daemon, access, settings));
        let (stop, tasks) = (CancellationToken::new(), site.tasks.clone());
        let accepting = tokio::spawn(accept(listener, routes(&site), stop.clone()));
        tracing::info!(%address, "listening");
        Ok(Self { address, stop, accepting, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets requests under way be answered, and ends. What was begun with the store is brought to
    /// its end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.accepting).await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Whether the settings can be used, with what should be mended all the same. Nothing is listened on.
///
/// # Errors
/// The first setting that cannot be used.
pub fn check(settings: &HttpSettings) -> Result<Vec<SettingWarning>, SettingError> {
    Ok(checked(settings)?.1)
}

/// The tokens, where all settings can be used.
fn checked(settings: &HttpSettings) -> Result<(Access, Vec<SettingWarning>), SettingError> {
    if !settings.listen.ip().is_loopback() && !settings.allow_remote {
        let problem = "is an address that other machines reach; listen on 127.0.0.1 and put a proxy with TLS before \
                       it, or set `allow_remote = true`";
        return Err(SettingError::new("http.listen", problem));
    }
    if settings.ready_within == 0 {
        return Err(SettingError::new("http.ready_within", "choose 1 second or more; the daemon sweeps once a minute"));
    }
    if let Some((key, problem)) = settings.upload.problem() {
        return Err(SettingError::new(format!("http.upload.{key}"), problem));
    }
    Access::load(settings)
}

fn cannot_listen(settings: &HttpSettings, error: &std::io::Error) -> SettingError {
    let address = settings.listen;
    let mend = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("see what does with `ss -ltnp sport = :{}`, or choose another port", address.port())
        }
        std::io::ErrorKind::PermissionDenied => format!(
            "in fristvakt.service, say `SocketBindAllow=tcp:{}` beside `SocketBindDeny=any`, and choose a port above 1023",
            address.port()
        ),
        _ => "choose an address of this machine, like `127.0.0.1:8080`".to_owned(),
    };
    SettingError::new("http.listen", format!("cannot listen on {address}: {error}; {mend}"))
}

async fn accept(listener: TcpListener, site: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(graceful.watcher().watch(connection(stream, site.clone())));
                }
                // No file is free, for instance: what is open has to end first.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    connections.shutdown().await;
}

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connection(stream: TcpStream, site: Router) -> Connection {
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder.max_headers(HEADER_FIELDS).max_buf_size(HEADER_SIZE);
    builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(site))
}
