//! A receiver of webhooks that answers as it is told, and keeps a record of what it got.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::identity::Identity;

/// A receiver that runs until it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    /// Told when a whole request was read.
    pub(crate) got: Arc<Notify>,
    record: Arc<Mutex<Record>>,
    _tasks: JoinSet<()>,
}

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// This status, with these headers (each with its line end) and an empty body.
    Status(u16, &'static str),
    /// These bytes, as they are, and the connection stays open.
    Raw(&'static [u8]),
    /// These bytes, and the connection ends.
    Last(&'static [u8]),
    /// The first bytes, and then nothing more.
    Stall(&'static [u8]),
    /// These bytes, one at a time.
    Dribble(&'static [u8], Duration),
    /// The first bytes, and then the second ones for ever.
    Forever(&'static [u8], &'static [u8]),
    /// Hangs up.
    Close,
}

/// A request that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    /// The `webhook-id`.
    pub(crate) id: String,
    pub(crate) body: String,
    /// Whether the whole head of an answer with a status of 2xx was written.
    pub(crate) accepted: bool,
}

#[derive(Default)]
struct Record {
    got: Vec<Got>,
    connections: usize,
}

impl Receiver {
    /// One that gives these answers in order, over all connections, and 204 after them.
    pub(crate) async fn start(answers: Vec<Answer>, identity: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (record, got) = (Arc::<Mutex<Record>>::default(), Arc::<Notify>::default());
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let acceptor = identity.map(|identity| identity.acceptor.clone());
        let mut tasks = JoinSet::new();
        let (shared, told) = (Arc::clone(&record), Arc::clone(&got));
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (record, got, answers) = (Arc::clone(&shared), Arc::clone(&told), Arc::clone(&answers));
                let acceptor = acceptor.clone();
                open.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    match acceptor {
                        None => serve(stream, &answers, &record, &got).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            serve(stream, &answers, &record, &got).await;
                        }
                    }
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, got, record, _tasks: tasks }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Got> {
        self.record.lock().unwrap().got.clone()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.record.lock().unwrap().connections
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/varsel", self.address)
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &Mutex<VecDeque<Answer>>,
    record: &Mutex<Record>,
    got: &Notify,
) {
    let mut read = vec![];
    while let Some(request) = request(&mut stream, &mut read).await {
        let place = {
            let mut record = record.lock().unwrap();
            record.got.push(request);
            record.got.len() - 1
        };
        let answer = answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(204, ""));
        got.notify_one();
        let accepts = answer.is_2xx();
        if give(&mut stream, answer, || record.lock().unwrap().got[place].accepted = accepts).await.is_none() {
            return;
        }
    }
}

/// Reads one request: its id and its body.
async fn request(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<Got> {
    loop {
        if let Some(head) = read.windows(4).position(|end| end == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&read[..head]).into_owned();
            let header = |name: &str| {
                let named = |line: &str| Some(line.split_once(':')?.1.trim().to_owned());
                text.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).and_then(named)
            };
            let length: usize = header("content-length:")?.parse().ok()?;
            if read.len() >= head + 4 + length {
                let body = String::from_utf8_lossy(&read[head + 4..head + 4 + length]).into_owned();
                read.drain(..head + 4 + length);
                return Some(Got { id: header("webhook-id:")?, body, accepted: false });
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Gives an answer; `None` where the connection is over. `said` is called once the answer's head was written.
async fn give(stream: &mut (impl AsyncWrite + Unpin), answer: Answer, said: impl FnOnce()) -> Option<()> {
    match answer {
        Answer::Status(status, headers) => {
            let length = if status == 204 || status < 200 { "" } else { "content-length: 0\r\n" };
            write(stream, format!("HTTP/1.1 {status} Status\r\n{headers}{length}\r\n").as_bytes()).await?;
            said();
        }
        Answer::Raw(bytes) => {
            write(stream, bytes).await?;
            said();
        }
        Answer::Last(bytes) => {
            write(stream, bytes).await?;
            said();
            let _ = stream.shutdown().await;
            return None;
        }
        Answer::Stall(bytes) => {
            write(stream, bytes).await?;
            said();
            std::future::pending::<()>().await;
        }
        Answer::Dribble(bytes, pause) => {
            for byte in bytes.chunks(1) {
                write(stream, byte).await?;
                sleep(pause).await;
            }
            said();
        }
        Answer::Forever(first, then) => {
            write(stream, first).await?;
            said();
            loop {
                write(stream, then).await?;
            }
        }
        Answer::Close => return None,
    }
    Some(())
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

impl Answer {
    fn is_2xx(&self) -> bool {
        match self {
            Self::Status(status, _) => (200..300).contains(status),
            Self::Raw(bytes)
            | Self::Last(bytes)
            | Self::Stall(bytes)
            | Self::Dribble(bytes, _)
            | Self::Forever(bytes, _) => {
                let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
                (has(b"HTTP/1.1 2") || has(b"HTTP/1.0 2")) && has(b"\r\n\r\n")
            }
            Self::Close => false,
        }
    }
}
