//! The journal's one writer: a thread that takes every line that waits, writes them together, and waits for the disk
//! once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{FILE_SIZE, Mark, file_path};

/// A line, and who waits for it to be on the disk.
struct Request {
    line: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

/// The writer's handle. Dropping it ends the thread when everything is written.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Where the journal ends.
    end: Arc<Mutex<Mark>>,
}

impl Writer {
    /// Goes on in the file of number `last`; 0: there is none yet.
    pub(super) fn start(folder: &Path, last: u64) -> io::Result<Self> {
        let mut tail = Tail::open(folder, last.max(1))?;
        tail.end_torn_line()?;
        let end = Arc::new(Mutex::new(tail.mark()));
        let (requests, waiting) = mpsc::channel();
        let shared = Arc::clone(&end);
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            tail.serve(&waiting, &shared);
        })?;
        Ok(Self { requests: Some(requests), thread: Some(thread), end })
    }

    pub(super) async fn append(&self, line: Vec<u8>) -> io::Result<()> {
        let gone = || io::Error::other("the journal's writer has ended");
        let (written, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { line, written }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) fn end(&self) -> Mark {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The file that is being written.
struct Tail {
    folder: PathBuf,
    number: u64,
    file: File,
    length: u64,
}

impl Tail {
    fn open(folder: &Path, number: u64) -> io::Result<Self> {
        let path = file_path(folder, number);
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        // The name is as durable as what is written under it.
        File::open(folder)?.sync_all()?;
        let length = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), number, file, length })
    }

    fn mark(&self) -> Mark {
        Mark { file: self.number, byte: self.length }
    }

    /// A line that a crash tore gets an end, so that the next one begins on its own.
    fn end_torn_line(&mut self) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        let mut last = [b'\n'];
        if self.length > 0 {
            self.file.read_exact_at(&mut last, self.length - 1)?;
        }
        if last != [b'\n'] {
            self.write(b"\n")?;
        }
        Ok(())
    }

    fn serve(&mut self, waiting: &mpsc::Receiver<Request>, end: &Mutex<Mark>) {
        while let Ok(first) = waiting.recv() {
            let requests: Vec<Request> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let lines: Vec<u8> = requests.iter().flat_map(|request| request.line.iter().copied()).collect();
            let outcome = self.write(&lines);
            *end.lock().unwrap_or_else(PoisonError::into_inner) = self.mark();
            for request in requests {
                let told = match &outcome {
                    Ok(()) => Ok(()),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                };
                let _ = request.written.send(told);
            }
        }
    }

    /// Writes and waits for the disk. What was written only half is cut off again, so that no line is torn in the midst.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.length >= FILE_SIZE {
            *self = Self::open(&self.folder, self.number + 1)?;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += lines.len() as u64,
            Err(_) => {
                let _ = self.file.set_len(self.length);
            }
        }
        written
    }
}
