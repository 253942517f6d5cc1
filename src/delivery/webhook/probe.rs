//! Trying the way to a webhook without a request: name, connection, TLS.

use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::host_without_brackets;
use super::guard::Refused;
use super::send::Webhook;

use crate::delivery::{Failure, Trail, tls};

/// How long each step may take.
const STEP: Duration = Duration::from_secs(10);

impl Webhook {
    /// The host and port that its address names.
    #[must_use]
    pub fn endpoint(&self) -> (&str, u16) {
        (host_without_brackets(&self.url.0), self.url.0.port_or_known_default().unwrap_or(443))
    }

    /// Connects and encrypts as for an event, says nothing, and hangs up. Returns what was seen, and why it ended early.
    pub async fn probe(&self) -> (Trail, Result<(), Failure>) {
        let mut trail = Trail::default();
        let result = self.walk(&mut trail).await;
        (trail, result)
    }

    async fn walk(&self, trail: &mut Trail) -> Result<(), Failure> {
        let (host, port) = self.endpoint();
        let found =
            timeout(STEP, self.guard.lookup(host, port)).await.map_err(|_| Failure::temporary("timeout dns"))?;
        let addresses = found.map_err(|refused| match refused {
            Refused::Lookup(_) => Failure::temporary("dns"),
            Refused::Address(_) => Failure::channel("address not allowed"),
        })?;
        trail.resolved = addresses.iter().map(std::net::SocketAddr::ip).collect();
        let mut failure = Failure::temporary("dns");
        let mut connected = None;
        for address in addresses {
            match timeout(STEP, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    connected = Some((address, stream));
                    break;
                }
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    failure = Failure::temporary("connect refused");
                }
                Ok(Err(_)) => failure = Failure::temporary("connect"),
                Err(_) => failure = Failure::temporary("timeout connect"),
            }
        }
        let (address, stream) = connected.ok_or(failure)?;
        trail.connected = Some(address);
        if self.url.0.scheme() == "https" { self.encrypt(host, stream, trail).await } else { Ok(()) }
    }

    async fn encrypt(&self, host: &str, stream: TcpStream, trail: &mut Trail) -> Result<(), Failure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Failure::channel("tls name"))?;
        let handshake = TlsConnector::from(self.tls.clone()).connect(name, stream);
        match timeout(STEP, handshake).await {
            Ok(Ok(stream)) => {
                trail.encrypted = Some(tls::encrypted(stream.get_ref().1));
                Ok(())
            }
            Ok(Err(error)) => {
                trail.flaw = tls::flaw(&error);
                Err(tls::failure(&error))
            }
            Err(_) => Err(Failure::temporary("timeout tls")),
        }
    }
}
