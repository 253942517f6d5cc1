//! The built-in mail catcher: a small real SMTP server on this machine that keeps every mail as a file.
//!
//! `demo` and the tests send to it as they would to a municipality's relay. It is strict where relays are: lines end
//! in CRLF, commands come in order, mail is 7-bit with lines of at most 998 characters. So what goes through here
//! has a fair chance elsewhere. Deliberately absent: TLS, users, and any way to reach it from another machine.

mod conversation;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long mails that are being handed over may take once the catcher stops.
const GRACE: Duration = Duration::from_secs(5);

/// A running mail catcher. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Catcher {
    address: SocketAddr,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Where mails are kept.
#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    /// The number of the last file.
    last: AtomicUsize,
    kept: AtomicUsize,
}

impl Catcher {
    /// Starts a catcher on a free port of this machine that keeps mails in `folder`, as
    /// `NNNN-<recipient's local part>.eml`; numbers go on after those that are there.
    ///
    /// # Errors
    /// Where the folder cannot be made or read, or no port is free.
    pub async fn start(folder: PathBuf) -> io::Result<Self> {
        tokio::fs::create_dir_all(&folder).await?;
        let last = last_number(&folder).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Shelf { folder, last: last.into(), kept: 0.into() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, shelf.clone(), stop.clone(), tasks.clone()));
        Ok(Self { address, shelf, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps mails.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shelf.folder
    }

    /// How many mails it has accepted since it started.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shelf.kept.load(Ordering::SeqCst)
    }

    /// Accepts nothing more, lets mails that are being handed over arrive, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        // A client that falls silent in the midst of a mail holds nobody up for ever.
        let _ = tokio::time::timeout(GRACE, self.tasks.wait()).await;
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shelf {
    /// Keeps one mail; it is readable by its final name only once it is whole.
    async fn keep(&self, recipient: &str, mail: &[u8]) -> io::Result<()> {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let name = format!("{number:04}-{}.eml", file_name(recipient));
        let unfinished = self.folder.join(format!("{name}.part"));
        tokio::fs::write(&unfinished, mail).await?;
        tokio::fs::rename(&unfinished, self.folder.join(name)).await?;
        self.kept.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn accept(listener: TcpListener, shelf: Arc<Shelf>, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let _ = stream.set_nodelay(true);
                    tasks.spawn(conversation::hold(stream, shelf.clone(), stop.clone()));
                }
            }
        }
    }
}

async fn last_number(folder: &Path) -> io::Result<usize> {
    let mut last = 0;
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// The local part of an address as a file name: letters, digits, `.`, `_`, `+`, `-`.
fn file_name(recipient: &str) -> String {
    let local = recipient.rsplit_once('@').map_or(recipient, |(local, _)| local);
    let plain = |char: char| if char.is_alphanumeric() || "._+-".contains(char) { char } else { '_' };
    local.chars().take(64).map(plain).collect()
}
