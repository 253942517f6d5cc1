//! A scriptable mail relay: it does what a script says, line by line, and nothing else.
//!
//! ```text
//! S: 220 relay        says a line            C: EHLO    waits for a command that begins so
//! C: .                waits for the dot      TLS        does the handshake
//! CLOSE               hangs up               HANG       says nothing for ever
//! ```
//! `S:` lines that follow each other leave in one packet.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    /// Every line that clients sent.
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
    /// Told when a script comes to `HANG`.
    pub(crate) hangs: Arc<Notify>,
}

/// A certificate and the file that a client trusts it by.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_file: tempfile::NamedTempFile,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Relay {
    /// A relay that plays one script to each connection, in order, and then accepts no more.
    pub(crate) async fn start(scripts: Vec<String>, identity: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { address: listener.local_addr().unwrap(), heard: Arc::default(), hangs: Arc::default() };
        let (heard, hangs) = (relay.heard.clone(), relay.hangs.clone());
        let acceptor = identity.map(|identity| identity.acceptor.clone());
        tokio::spawn(async move {
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                play(&script, Box::new(stream), acceptor.as_ref(), &heard, &hangs).await;
            }
        });
        relay
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Identity {
    /// A certificate made out to `name`, and a file with it for the client.
    pub(crate) fn of(name: &str) -> Self {
        let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
            rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let ca_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), cert.pem()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file }
    }
}

async fn play(
    script: &str,
    stream: Box<dyn Stream>,
    acceptor: Option<&TlsAcceptor>,
    heard: &Mutex<Vec<String>>,
    hangs: &Notify,
) {
    let mut stream = BufReader::new(stream);
    let mut packet = String::new();
    for act in script.lines().map(str::trim).filter(|act| !act.is_empty()) {
        if let Some(line) = act.strip_prefix("S: ") {
            packet.push_str(line);
            packet.push_str("\r\n");
            continue;
        }
        if stream.write_all(packet.as_bytes()).await.is_err() {
            return;
        }
        packet.clear();
        match act.strip_prefix("C: ") {
            Some(expected) => {
                if !hear(&mut stream, expected, heard).await {
                    return;
                }
            }
            None if act == "CLOSE" => return,
            None if act == "HANG" => {
                hangs.notify_one();
                std::future::pending::<()>().await;
            }
            None if act == "TLS" => {
                let Ok(tls) = acceptor.unwrap().accept(stream.into_inner()).await else { return };
                stream = BufReader::new(Box::new(tls) as Box<dyn Stream>);
            }
            None => panic!("no such act: {act}"),
        }
    }
    let _ = stream.write_all(packet.as_bytes()).await;
    // The client hangs up when it has read what there is.
    while hear(&mut stream, "", heard).await {}
}

/// Reads up to the line that begins with `expected`; for a command that is the next one.
async fn hear(stream: &mut BufReader<Box<dyn Stream>>, expected: &str, heard: &Mutex<Vec<String>>) -> bool {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end_matches("\r\n").to_owned();
        heard.lock().unwrap().push(line.clone());
        if line.starts_with(expected) && (expected != "." || line == ".") {
            return true;
        }
        assert_eq!(expected, ".", "the client said {line:?}");
    }
}
