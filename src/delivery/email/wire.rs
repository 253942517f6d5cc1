//! The connection under a session: TCP without delay, and TLS before the mail library sees it.
//!
//! STARTTLS is done here and not by the library, which would keep what a man in the middle appends to the plain reply
//! and read it as an answer from inside the encrypted connection.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::DateTime;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::settings::{Security, Smtp};
use crate::calendar::Instant;
use crate::delivery::{Failure, Trail, tls};

/// The reply that the library waits for before it says EHLO, and that a server does not repeat after STARTTLS.
const GREETING: &[u8] = b"220 ready\r\n";

/// A connection to a relay.
#[derive(Debug)]
pub(super) enum Wire {
    /// To this machine only.
    Plain(TcpStream),
    /// Encrypted, with a verified certificate.
    Tls {
        /// What is still to be read before anything the server sends.
        greeting: &'static [u8],
        /// The encrypted stream.
        stream: Box<TlsStream<TcpStream>>,
    },
}

impl Wire {
    /// Connects, and encrypts as the settings say.
    pub(super) async fn open(smtp: &Smtp, trail: &mut Trail) -> Result<Self, Failure> {
        let tcp = connect(smtp, trail).await?;
        tcp.set_nodelay(true).map_err(|_| Failure::temporary("connect"))?;
        match &smtp.tls {
            None => Ok(Self::Plain(tcp)),
            Some(_) if smtp.security == Security::Tls => {
                Ok(Self::Tls { greeting: b"", stream: encrypt(smtp, tcp, trail).await? })
            }
            Some(_) => {
                let tcp = timeout(smtp.timeouts.command, ask_for_tls(smtp, tcp, trail))
                    .await
                    .map_err(|_| Failure::temporary("timeout starttls"))??;
                Ok(Self::Tls { greeting: GREETING, stream: encrypt(smtp, tcp, trail).await? })
            }
        }
    }

    /// Where the other end is.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(stream) => stream.peer_addr(),
            Self::Tls { stream, .. } => stream.get_ref().0.peer_addr(),
        }
    }
}

async fn connect(smtp: &Smtp, trail: &mut Trail) -> Result<TcpStream, Failure> {
    let limit = smtp.timeouts.connect;
    let found = timeout(limit, lookup_host((smtp.host.as_str(), smtp.port)))
        .await
        .map_err(|_| Failure::temporary("timeout dns"))?
        .map_err(|_| Failure::temporary("dns"))?;
    // Unencrypted mail stays on this machine, whatever the name means today.
    let addresses: Vec<SocketAddr> =
        found.filter(|address| smtp.security != Security::None || address.ip().is_loopback()).collect();
    trail.resolved = addresses.iter().map(SocketAddr::ip).collect();
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut failure = Failure::temporary("dns");
    for address in addresses {
        match connect_to(address, share).await {
            Ok(stream) => {
                trail.connected = Some(address);
                return Ok(stream);
            }
            Err(next) => failure = next,
        }
    }
    Err(failure)
}

async fn connect_to(address: SocketAddr, limit: Duration) -> Result<TcpStream, Failure> {
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(Failure::temporary("connect refused"))
        }
        Ok(Err(_)) => Err(Failure::temporary("connect")),
        Err(_) => Err(Failure::temporary("timeout connect")),
    }
}

async fn encrypt(smtp: &Smtp, tcp: TcpStream, trail: &mut Trail) -> Result<Box<TlsStream<TcpStream>>, Failure> {
    let Some((config, name)) = &smtp.tls else { return Err(Failure::channel("tls")) };
    let handshake = TlsConnector::from(config.clone()).connect(name.clone(), tcp);
    match timeout(smtp.timeouts.connect, handshake).await {
        Ok(Ok(stream)) => {
            trail.encrypted = Some(tls::encrypted(stream.get_ref().1));
            Ok(Box::new(stream))
        }
        Ok(Err(error)) => {
            trail.flaw = tls::flaw(&error);
            Err(tls::failure(&error))
        }
        Err(_) => Err(Failure::temporary("timeout tls")),
    }
}

/// The plain part of a STARTTLS conversation: greeting, EHLO, STARTTLS, and not one byte more.
async fn ask_for_tls(smtp: &Smtp, tcp: TcpStream, trail: &mut Trail) -> Result<TcpStream, Failure> {
    let mut plain = BufReader::new(tcp);
    let greeting = expect(&mut plain, 220).await?;
    trail.their_clock = greeting.last().and_then(|text| time_in(text));
    say(&mut plain, &format!("EHLO {}\r\n", smtp.hello)).await?;
    let offers = expect(&mut plain, 250).await?;
    if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
        return Err(Failure::channel("tls not offered"));
    }
    say(&mut plain, "STARTTLS\r\n").await?;
    expect(&mut plain, 220).await?;
    if plain.buffer().is_empty() { Ok(plain.into_inner()) } else { Err(Failure::channel("tls injection")) }
}

/// The time with which many servers end their greeting: `… ready at Mon, 2 Mar 2026 08:00:00 +0100`.
fn time_in(greeting: &str) -> Option<Instant> {
    let comma = greeting.find(", ")?;
    let day = greeting.get(..comma)?.rsplit(' ').next()?;
    let date = format!("{day}{}", greeting.get(comma..)?);
    DateTime::parse_from_rfc2822(date.trim()).ok().map(|time| time.to_utc())
}

async fn say(plain: &mut BufReader<TcpStream>, command: &str) -> Result<(), Failure> {
    plain.write_all(command.as_bytes()).await.map_err(|_| Failure::temporary("connection lost"))
}

/// Reads one reply of the `expected` code, and gives the text of its lines.
async fn expect(plain: &mut BufReader<TcpStream>, expected: u16) -> Result<Vec<String>, Failure> {
    /// More lines than any server has extensions.
    const MOST_LINES: usize = 100;
    let mut texts = vec![];
    while texts.len() < MOST_LINES {
        let line = read_line(plain).await?;
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        let Some(code) = code else { return Err(Failure::temporary("protocol")) };
        texts.push(line.get(4..).unwrap_or_default().trim().to_owned());
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        return match code {
            code if code == expected => Ok(texts),
            500..600 => Err(Failure::channel(format!("smtp {code}"))),
            code => Err(Failure::temporary(format!("smtp {code}"))),
        };
    }
    Err(Failure::temporary("protocol"))
}

async fn read_line(plain: &mut BufReader<TcpStream>) -> Result<String, Failure> {
    const LONGEST: u64 = 1024;
    let mut line = vec![];
    plain.take(LONGEST).read_until(b'\n', &mut line).await.map_err(|_| Failure::temporary("connection lost"))?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None if line.is_empty() => Err(Failure::temporary("connection lost")),
        None => Err(Failure::temporary("protocol")),
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls { greeting, .. } if !greeting.is_empty() => {
                let (now, later) = greeting.split_at(greeting.len().min(buffer.remaining()));
                buffer.put_slice(now);
                *greeting = later;
                Poll::Ready(Ok(()))
            }
            Self::Tls { stream, .. } => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls { stream, .. } => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls { stream, .. } => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls { stream, .. } => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_may_tell_the_time() {
        let at = |text: &str| time_in(text).map(|at| at.to_rfc3339());
        let exchange = "mail.example.no Microsoft ESMTP MAIL Service ready at Mon, 2 Mar 2026 08:00:00 +0100";
        assert_eq!(at(exchange).as_deref(), Some("2026-03-02T07:00:00+00:00"));
        let sendmail = "mail.example.no ESMTP Sendmail 8.17; Mon, 2 Mar 2026 08:00:00 +0100 (CET)";
        assert_eq!(at(sendmail).as_deref(), Some("2026-03-02T07:00:00+00:00"));
        for silent in ["mail.example.no ESMTP Postfix", "hello, world", ", ", "a, 99 Mar 2026 08:00:00 +0100"] {
            assert_eq!(at(silent), None, "{silent}");
        }
    }
}
