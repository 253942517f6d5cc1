//! The clerk: what many lines ask of the database at once becomes one transaction, for each costs a write to the disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

use super::crash;
use crate::daemon::{Daemon, Part};
use crate::store::{Accepted, CommitVerdict, Ready, StoreError};

/// What a line asks.
enum Request {
    /// P4: may this be handed over?
    Commit(Ready, oneshot::Sender<CommitVerdict>),
    /// P8: this was taken. It is in the journal, so nobody has to wait.
    Accept(Uuid, Accepted),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// The desk of the clerk, for lines.
#[derive(Clone)]
pub(super) struct Desk(mpsc::UnboundedSender<Request>);

/// The clerk at work.
pub(super) struct Clerk {
    desk: Desk,
    task: JoinHandle<Result<bool, StoreError>>,
}

impl Clerk {
    pub(super) fn start(daemon: Arc<Daemon>) -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        Self { desk: Desk(sender), task: tokio::spawn(serve(daemon, requests).in_current_span()) }
    }

    pub(super) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Waits until everything is written, once all lines have left. `false`: something that was taken is in the journal
    /// alone, and has to be recalled from there.
    pub(super) async fn finish(self) -> Result<bool, StoreError> {
        drop(self.desk);
        self.task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the clerk ended early; what it owed is in the journal");
            Ok(false)
        })
    }
}

impl Desk {
    /// P4. `None`: the database did not answer, and nothing may be handed over.
    pub(super) async fn commit(&self, ready: Ready) -> Option<CommitVerdict> {
        let (verdict, answer) = oneshot::channel();
        self.0.send(Request::Commit(ready, verdict)).ok()?;
        answer.await.ok()
    }

    /// P8. Its message is named in the log if it was taken back meanwhile.
    pub(super) fn accept(&self, message: Uuid, accepted: Accepted) {
        // A clerk that is gone has left its error; what is in the journal is settled from there.
        let _ = self.0.send(Request::Accept(message, accepted));
    }

    /// Waits until everything that was asked before is written.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.send(Request::Flush(done)).is_ok() {
            let _ = written.await;
        }
    }
}

/// How many acceptances are written together: they are in the journal, and nobody waits for them.
const OWED: usize = 64;

/// How long an acceptance waits for others.
const PATIENCE: Duration = Duration::from_millis(20);

/// Serves until all lines have left, or the database fails: then nobody gets an answer any more. Lines wait for P4, so
/// that goes first; P8 is owed until there is more of it, or nothing else to do.
async fn serve(daemon: Arc<Daemon>, mut requests: mpsc::UnboundedReceiver<Request>) -> Result<bool, StoreError> {
    let (mut waiting, mut owed, mut is_whole) = (Vec::new(), Owed::default(), true);
    loop {
        let received = if owed.is_empty() {
            Ok(requests.recv_many(&mut waiting, 1000).await)
        } else {
            timeout(PATIENCE, requests.recv_many(&mut waiting, 1000)).await
        };
        let mut batch = Batch::default();
        waiting.drain(..).for_each(|request| batch.take(request, &mut owed));
        let may_wait = received.as_ref().is_ok_and(|count| *count > 0) && owed.len() < OWED && batch.flushes.is_empty();
        let settling = if may_wait { Owed::default() } else { std::mem::take(&mut owed) };
        let work = daemon.progress.begin(Part::Delivery);
        is_whole &= batch.write(&daemon, settling).await?;
        drop(work);
        if received == Ok(0) {
            return Ok(is_whole);
        }
    }
}

/// Acceptances, with their messages.
#[derive(Default)]
struct Owed {
    messages: Vec<Uuid>,
    accepted: Vec<Accepted>,
}

impl Owed {
    fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    fn len(&self) -> usize {
        self.accepted.len()
    }
}

/// Requests that are answered together.
#[derive(Default)]
struct Batch {
    ready: Vec<Ready>,
    verdicts: Vec<oneshot::Sender<CommitVerdict>>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, request: Request, owed: &mut Owed) {
        match request {
            Request::Commit(ready, verdict) => {
                self.ready.push(ready);
                self.verdicts.push(verdict);
            }
            Request::Accept(message, accepted) => {
                owed.messages.push(message);
                owed.accepted.push(accepted);
            }
            Request::Flush(done) => self.flushes.push(done),
        }
    }

    /// Whether every acceptance was written down under its attempt.
    async fn write(self, daemon: &Daemon, owed: Owed) -> Result<bool, StoreError> {
        let Settled { verdicts, settled, in_doubt } = settle(daemon, &self.ready, &owed.accepted).await?;
        if !owed.is_empty() {
            crash::point(crash::SETTLED);
        }
        for (message, _) in owed.messages.iter().zip(&settled).filter(|(_, ours)| !**ours) {
            tracing::error!(id = %message, "accepted, but taken back meanwhile; it is recalled from the journal");
        }
        for (sender, verdict) in self.verdicts.into_iter().zip(verdicts) {
            let _ = sender.send(verdict);
        }
        for done in self.flushes {
            let _ = done.send(());
        }
        Ok(!in_doubt && settled.iter().all(|ours| *ours))
    }
}

/// What became of requests that were written together.
#[derive(Default)]
struct Settled {
    verdicts: Vec<CommitVerdict>,
    settled: Vec<bool>,
    /// Whether an answer of the database was lost: a message may stand as about to be handed over that is not.
    in_doubt: bool,
}

/// Again and again as long as the database is only busy: what is forgotten here is asked of the journal.
async fn settle(daemon: &Daemon, ready: &[Ready], accepted: &[Accepted]) -> Result<Settled, StoreError> {
    const TRIES: usize = 5;
    if ready.is_empty() && accepted.is_empty() {
        return Ok(Settled::default());
    }
    let mut tries = 0;
    loop {
        let settled = daemon.store.settle(ready, accepted, daemon.clock.now()).await;
        tries += 1;
        match settled {
            Err(error) if error.may_pass() && tries < TRIES => {}
            settled => {
                let (verdicts, settled) = settled?;
                return Ok(Settled { verdicts, settled, in_doubt: tries > 1 });
            }
        }
    }
}
