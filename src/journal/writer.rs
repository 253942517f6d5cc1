//! The journal's one writer: a thread that takes every line that waits, writes them together, and waits for the disk
//! once.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{Acceptance, FILE_AGE, FILE_SIZE, Mark, file_path};

/// A line, of when it is, and who waits for it to be on the disk.
struct Request {
    line: Vec<u8>,
    at: i64,
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

    /// `at` is the line's own moment, in milliseconds since 1970 (UTC).
    pub(super) async fn append(&self, line: Vec<u8>, at: i64) -> io::Result<()> {
        let gone = || io::Error::other("the journal's writer has ended");
        let (written, answer) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { line, at, written }).map_err(|_| gone())?;
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
    /// The moment of its first line, once it has one that can be read.
    began: Option<i64>,
}

impl Tail {
    fn open(folder: &Path, number: u64) -> io::Result<Self> {
        let path = file_path(folder, number);
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        // The name is as durable as what is written under it.
        File::open(folder)?.sync_all()?;
        let length = file.metadata()?.len();
        let began = Acceptance::parse(&first_line(&file)?).map(|first| first.at);
        Ok(Self { folder: folder.to_owned(), number, file, length, began })
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
            self.write(b"\n", None)?;
        }
        Ok(())
    }

    fn serve(&mut self, waiting: &mpsc::Receiver<Request>, end: &Mutex<Mark>) {
        while let Ok(first) = waiting.recv() {
            let requests: Vec<Request> = std::iter::once(first).chain(waiting.try_iter()).collect();
            let lines: Vec<u8> = requests.iter().flat_map(|request| request.line.iter().copied()).collect();
            let outcome = self.write(&lines, requests.first().map(|request| request.at));
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
    fn write(&mut self, lines: &[u8], at: Option<i64>) -> io::Result<()> {
        let age = self.began.zip(at).map_or(0, |(began, at)| at.saturating_sub(began));
        if self.length >= FILE_SIZE || age >= FILE_AGE.num_milliseconds() {
            *self = Self::open(&self.folder, self.number + 1)?;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length += lines.len() as u64;
                self.began = self.began.or(at);
            }
            Err(_) => {
                let _ = self.file.set_len(self.length);
            }
        }
        written
    }
}

fn first_line(file: &File) -> io::Result<Vec<u8>> {
    use std::io::Seek;
    let mut reader = BufReader::new(file);
    reader.rewind()?;
    let mut line = vec![];
    reader.read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::{FILE_AGE, Journal, numbers};
    use super::*;
    use uuid::Uuid;

    fn taken(at: i64) -> Acceptance {
        let id = Uuid::from_u128(at.unsigned_abs().into());
        let text = String::new;
        Acceptance {
            at,
            message: id,
            attempt: id,
            code: text(),
            tenant: text(),
            recipient: text(),
            channel: text(),
            slot: at,
            subject: None,
            steps: vec![],
        }
    }

    #[tokio::test]
    async fn a_file_is_written_for_a_month_at_most_also_over_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("accepted");
        let month = FILE_AGE.num_milliseconds();
        for (at, files) in [(1, vec![1]), (month, vec![1]), (month + 1, vec![1, 2]), (2 * month, vec![1, 2])] {
            // Opened anew each time.
            let journal = Journal::open(&path).expect("a journal");
            journal.append(&taken(at)).await.expect("written");
            assert_eq!(numbers(&path).expect("files"), files, "{at}");
        }
        let journal = Journal::open(&path).expect("a journal");
        assert_eq!(journal.after(Mark::default()).expect("read").entries.len(), 4);
        journal.append(&taken(2 * month + 1)).await.expect("written");
        assert_eq!(numbers(&path).expect("files"), [1, 2, 3]);
    }
}
