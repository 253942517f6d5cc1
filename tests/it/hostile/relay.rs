//! A mail relay that behaves well but where its script says otherwise, and that keeps a record of what it took.
//!
//! A script is a list of steps with what happens there. Each time the conversation comes to a step, the first act that is
//! left for it is played instead of the usual reply; without one the relay does what a good relay does. So
//! `[(Rcpt, Say("450 4.2.0 busy"))]` refuses the first recipient of a connection and takes the next.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::conversation::Conversation;
use super::identity::Identity;

/// A relay that runs until it is dropped, with its connections.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    /// Told when a script comes to [`Act::Hang`].
    pub(crate) hangs: Arc<Notify>,
    record: Arc<Mutex<Record>>,
    _tasks: tokio::task::JoinSet<()>,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Before a word is said, and before a TLS handshake on a port that begins with one.
    Connect,
    Greeting,
    Ehlo,
    Starttls,
    /// In place of the server's part of the TLS handshake.
    Handshake,
    /// AUTH, and each line that answers a challenge.
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the first line of a mail.
    Body,
    Dot,
    Rset,
    Quit,
}

/// What happens at a step in place of the usual reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Says these lines, in one packet. 4xx and 5xx refuse; after anything else the relay goes on as usual.
    Say(&'static str),
    /// Says these lines and hangs up: the client's next command meets a closed connection.
    Last(&'static str),
    /// Writes these bytes as they are.
    Raw(&'static [u8]),
    /// The usual reply and these lines, in one packet.
    Ahead(&'static str),
    /// The usual reply, cut into two packets.
    Split,
    /// The usual reply, byte by byte.
    Dribble(Duration),
    /// The usual reply, late.
    Late(Duration),
    /// A reply of one line with so many bytes of text.
    Long(usize),
    /// This line, again and again, as long as the client listens.
    Forever(&'static str),
    /// These bytes, again and again, never a line end.
    Flood,
    /// Says nothing, and reads nothing more.
    Hang,
    /// Hangs up.
    Close,
    /// Hangs up with a reset.
    Reset,
}

/// What a connection goes through.
pub(crate) type Script = Vec<(Step, Act)>;

/// How a relay is set up.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    /// Of the first connections, one each, in order.
    pub(crate) scripts: VecDeque<Script>,
    /// Of every connection after those.
    pub(crate) always: Script,
    /// Lines of the reply to EHLO, such as `AUTH PLAIN LOGIN`. STARTTLS is among them where there is a certificate.
    pub(crate) offers: Vec<&'static str>,
    /// The certificate, and whether TLS begins with the connection or with STARTTLS.
    pub(crate) tls: Option<(Identity, Begins)>,
    /// How long it takes for each mail, before it says 250.
    pub(crate) delay: Duration,
    /// The port; any free one for 0.
    pub(crate) port: u16,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    AtOnce,
    Starttls,
}

/// A mail of which the whole was read, the dot too, and that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) message_id: String,
    pub(crate) recipient: String,
    /// Whether the 250 was written whole. Whether the client read it only the client knows.
    pub(crate) replied: bool,
    pub(crate) text: String,
}

/// What happened so far.
#[derive(Default)]
pub(super) struct Record {
    pub(super) heard: Vec<String>,
    pub(super) taken: Vec<Taken>,
    pub(super) connections: usize,
    /// Recipients that are refused, with the reply.
    pub(super) refused: Vec<(String, &'static str)>,
}

impl Relay {
    pub(crate) async fn start(mut setup: Setup) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", setup.port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (record, hangs) = (Arc::<Mutex<Record>>::default(), Arc::<Notify>::default());
        let mut tasks = tokio::task::JoinSet::new();
        let (shared, told) = (Arc::clone(&record), Arc::clone(&hangs));
        tasks.spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let script = setup.scripts.pop_front().unwrap_or_else(|| setup.always.clone());
                let conversation = Conversation::new(stream, script, &setup, Arc::clone(&shared), Arc::clone(&told));
                open.spawn(conversation.run());
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, hangs, record, _tasks: tasks }
    }

    /// One that does nothing wrong: a plain sink.
    pub(crate) async fn good() -> Self {
        Self::start(Setup::default()).await
    }

    /// One whose first connection goes through `script`; the others are good.
    pub(crate) async fn with(script: Script) -> Self {
        Self::start(Setup { scripts: [script].into(), ..Setup::default() }).await
    }

    /// One that comes to stand on a port on which there was nothing before.
    pub(crate) async fn on(port: u16) -> Self {
        Self::start(Setup { port, ..Setup::default() }).await
    }

    /// The mails that it took, in the order in which their dots came.
    pub(crate) fn accepted(&self) -> Vec<Taken> {
        self.record.lock().unwrap().taken.clone()
    }

    /// The recipients of the mails that it took.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.accepted().into_iter().map(|taken| taken.recipient).collect()
    }

    /// Every command that clients gave, without their mails.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.record.lock().unwrap().heard.clone()
    }

    /// Refuses a recipient from now on, on every connection; with an empty reply no longer.
    pub(crate) fn refuses(&self, recipient: &str, reply: &'static str) {
        let mut record = self.record.lock().unwrap();
        record.refused.retain(|(known, _)| known != recipient);
        if !reply.is_empty() {
            record.refused.push((recipient.to_owned(), reply));
        }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.record.lock().unwrap().connections
    }
}
