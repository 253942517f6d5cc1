//! One connection to the relay: commands in, replies out, and the script's acts between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::relay::{Act, Begins, Record, Script, Setup, Step, Taken};

pub(super) struct Conversation {
    /// `None` only while a handshake takes it.
    stream: Option<BufReader<Box<dyn Stream>>>,
    script: Script,
    offers: Vec<&'static str>,
    tls: Option<(TlsAcceptor, Begins)>,
    delay: Duration,
    record: Arc<Mutex<Record>>,
    hangs: Arc<Notify>,
    recipient: String,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0.socket()
    }
}

/// The connection is over.
struct Over;

/// Whether the relay said yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Yes,
    No,
}

impl Conversation {
    pub(super) fn new(
        stream: TcpStream,
        script: Script,
        setup: &Setup,
        record: Arc<Mutex<Record>>,
        hangs: Arc<Notify>,
    ) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream: Some(BufReader::new(Box::new(stream) as Box<dyn Stream>)),
            script,
            offers: setup.offers.clone(),
            tls: setup.tls.as_ref().map(|(identity, begins)| (identity.acceptor.clone(), *begins)),
            delay: setup.delay,
            record,
            hangs,
            recipient: String::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let _ = self.converse().await;
    }

    async fn converse(&mut self) -> Result<(), Over> {
        if self.has_act(Step::Connect) {
            self.step(Step::Connect, "").await?;
        }
        if matches!(self.tls, Some((_, Begins::AtOnce))) {
            self.handshake().await?;
        }
        self.step(Step::Greeting, "220 relay").await?;
        loop {
            let line = self.line().await?;
            self.record.lock().unwrap().heard.push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => drop(self.hello().await?),
                "STARTTLS" => self.starttls().await?,
                "AUTH" => self.auth(&line).await?,
                "MAIL" => drop(self.step(Step::Mail, "250 2.1.0 ok").await?),
                "RCPT" => {
                    let recipient = between(&line, '<', '>').to_owned();
                    let refused = self.record.lock().unwrap().refused.clone();
                    let usual = refused.iter().find(|(known, _)| *known == recipient).map(|(_, reply)| *reply);
                    if self.step(Step::Rcpt, usual.unwrap_or("250 2.1.5 ok")).await? == Said::Yes {
                        self.recipient = recipient;
                    }
                }
                "DATA" => self.data().await?,
                "RSET" => drop(self.step(Step::Rset, "250 2.0.0 ok").await?),
                "QUIT" => {
                    self.step(Step::Quit, "221 2.0.0 bye").await?;
                    return Ok(());
                }
                _ => self.say("500 5.5.2 what").await?,
            }
        }
    }

    async fn hello(&mut self) -> Result<Said, Over> {
        let mut lines = vec!["250-relay"];
        lines.extend(&self.offers);
        if matches!(self.tls, Some((_, Begins::Starttls))) {
            lines.push("STARTTLS");
        }
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate().map(|(place, line)| {
            let line = line.trim_start_matches("250-");
            format!("250{}{line}", if place == last { ' ' } else { '-' })
        });
        let usual = lines.collect::<Vec<_>>().join("\n");
        self.step(Step::Ehlo, &usual).await
    }

    async fn starttls(&mut self) -> Result<(), Over> {
        if self.step(Step::Starttls, "220 2.0.0 go").await? == Said::No {
            return Ok(());
        }
        self.tls.as_mut().ok_or(Over)?.1 = Begins::AtOnce;
        self.handshake().await
    }

    async fn handshake(&mut self) -> Result<(), Over> {
        if self.has_act(Step::Handshake) {
            // Not before the client has begun, so that it is an answer.
            let _ = self.stream.as_mut().ok_or(Over)?.fill_buf().await;
            self.step(Step::Handshake, "").await?;
            return Err(Over);
        }
        let acceptor = self.tls.as_ref().ok_or(Over)?.0.clone();
        let plain = self.stream.take().ok_or(Over)?.into_inner();
        let tls = acceptor.accept(plain).await.map_err(|_| Over)?;
        self.stream = Some(BufReader::new(Box::new(tls)));
        Ok(())
    }

    async fn auth(&mut self, line: &str) -> Result<(), Over> {
        if line.to_ascii_uppercase().starts_with("AUTH LOGIN") {
            for challenge in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                if self.step(Step::Auth, challenge).await? == Said::No {
                    return Ok(());
                }
                let answer = self.line().await?;
                self.record.lock().unwrap().heard.push(answer);
            }
        }
        self.step(Step::Auth, "235 2.7.0 welcome").await?;
        Ok(())
    }

    async fn data(&mut self) -> Result<(), Over> {
        if self.step(Step::Data, "354 go on").await? == Said::No {
            return Ok(());
        }
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
            if self.has_act(Step::Body) {
                self.step(Step::Body, "").await?;
            }
        }
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        self.dot(text).await
    }

    /// The mail is on the record before the reply is tried: a relay has a mail before it says so.
    async fn dot(&mut self, text: String) -> Result<(), Over> {
        let refuses = self.next_act(Step::Dot).is_some_and(|act| match act {
            Act::Say(lines) | Act::Last(lines) => lines.starts_with(['4', '5']),
            _ => false,
        });
        if refuses {
            return self.step(Step::Dot, "").await.map(drop);
        }
        let header = |line: &&str| line.to_ascii_lowercase().starts_with("message-id:");
        let message_id = between(text.lines().find(header).unwrap_or_default(), '<', '>').to_owned();
        let taken = Taken { message_id, recipient: self.recipient.clone(), replied: false, text };
        let place = {
            let mut record = self.record.lock().unwrap();
            record.taken.push(taken);
            record.taken.len() - 1
        };
        let says_250 = self.next_act(Step::Dot).is_none_or(Act::says_the_usual);
        let said = self.step(Step::Dot, "250 2.0.0 queued").await;
        if says_250 && said.is_ok() {
            self.record.lock().unwrap().taken[place].replied = true;
        }
        said.map(drop)
    }

    fn next_act(&self, step: Step) -> Option<Act> {
        self.script.iter().find(|(at, _)| *at == step).map(|(_, act)| *act)
    }

    fn has_act(&self, step: Step) -> bool {
        self.next_act(step).is_some()
    }

    /// Plays the act that is left for this step, or gives the usual reply.
    async fn step(&mut self, step: Step, usual: &str) -> Result<Said, Over> {
        let place = self.script.iter().position(|(at, _)| *at == step);
        let Some(place) = place else {
            self.say(usual).await?;
            return Ok(Said::Yes);
        };
        let (_, act) = self.script.remove(place);
        self.act(act, usual).await
    }

    async fn act(&mut self, act: Act, usual: &str) -> Result<Said, Over> {
        match act {
            Act::Say(lines) => {
                self.say(lines).await?;
                return Ok(if lines.starts_with(['4', '5']) { Said::No } else { Said::Yes });
            }
            Act::Last(lines) => {
                self.say(lines).await?;
                return Err(Over);
            }
            Act::Raw(bytes) => self.write(bytes).await?,
            Act::Ahead(more) => self.say(&format!("{usual}\n{more}")).await?,
            Act::Split => self.pieces(&packet(usual), usual.len() / 2, Duration::from_millis(20)).await?,
            Act::Dribble(pause) => self.pieces(&packet(usual), 1, pause).await?,
            Act::Late(pause) => {
                sleep(pause).await;
                self.say(usual).await?;
            }
            Act::Long(bytes) => {
                let code = usual.get(..3).unwrap_or("250");
                self.say(&format!("{code} {}", "x".repeat(bytes))).await?;
            }
            Act::Forever(line) => loop {
                self.say(line).await?;
            },
            Act::Flood => loop {
                self.write(&[b'2'; 4096]).await?;
            },
            Act::Hang => {
                self.hangs.notify_one();
                std::future::pending::<()>().await;
            }
            Act::Close => return Err(Over),
            Act::Reset => {
                let stream = self.stream.take().ok_or(Over)?;
                stream.get_ref().socket().set_zero_linger().unwrap();
                return Err(Over);
            }
        }
        Ok(Said::Yes)
    }

    async fn pieces(&mut self, bytes: &[u8], size: usize, pause: Duration) -> Result<(), Over> {
        for piece in bytes.chunks(size.max(1)) {
            self.write(piece).await?;
            sleep(pause).await;
        }
        Ok(())
    }

    async fn say(&mut self, lines: &str) -> Result<(), Over> {
        self.write(&packet(lines)).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let stream = self.stream.as_mut().ok_or(Over)?;
        stream.write_all(bytes).await.map_err(|_| Over)?;
        stream.flush().await.map_err(|_| Over)
    }

    async fn line(&mut self) -> Result<String, Over> {
        let mut line = vec![];
        let read = self.stream.as_mut().ok_or(Over)?.read_until(b'\n', &mut line).await;
        match line.strip_suffix(b"\r\n") {
            Some(line) if read.is_ok() => Ok(String::from_utf8_lossy(line).into_owned()),
            _ => Err(Over),
        }
    }
}

impl Act {
    /// Whether the client is told that all is well, sooner or later.
    fn says_the_usual(self) -> bool {
        match self {
            Self::Say(lines) | Self::Last(lines) => lines.starts_with("250"),
            Self::Raw(bytes) => bytes.starts_with(b"250"),
            Self::Ahead(_) | Self::Split | Self::Dribble(_) | Self::Late(_) | Self::Long(_) => true,
            Self::Forever(_) | Self::Flood | Self::Hang | Self::Close | Self::Reset => false,
        }
    }
}

/// Lines as they leave.
fn packet(lines: &str) -> Vec<u8> {
    lines.lines().flat_map(|line| format!("{line}\r\n").into_bytes()).collect()
}

fn between(text: &str, open: char, close: char) -> &str {
    let after = text.split_once(open).map_or("", |(_, after)| after);
    after.split_once(close).map_or("", |(inner, _)| inner)
}
