//! The acceptance journal (P7): what the other side took, on disk before anything else is done about it.
//!
//! The database says "sent" a moment later. If the process ends in between, or if the database is restored from an
//! older backup, the journal still knows: what it names is never sent again.
//!
//! ```text
//!  250 ─► append (one fsync for all that wait) ─► store::settle ─► mark: everything up to here is in the database
//!                                                                    │
//!  start: entries after the mark ─► store::recall ───────────────────┘
//! ```
//!
//! It is a folder of numbered files, each line one acceptance with a checksum. A line that is torn or damaged is left out
//! and reported; the lines after it are read. The folder has an id, so that several daemons that share a database each keep
//! a mark of their own in it, and is locked against a second process. Lines hold ids, never an address or a text. Old files are deleted when
//! no backup that is that old should be restored any more ([`KEPT`]).

mod copy;
mod entry;
mod writer;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use uuid::Uuid;

use crate::calendar::Instant;

pub use copy::copy;
pub use entry::{Acceptance, HandledStep};

use self::writer::Writer;

/// For how long acceptances are kept: the oldest backup that can be restored without anything being sent twice.
pub const KEPT: TimeDelta = TimeDelta::days(60);

/// How large a file becomes before the next one is begun, in bytes.
const FILE_SIZE: u64 = 8 * 1024 * 1024;

/// For how long one file is written, so that it can be deleted some day, however little is sent.
const FILE_AGE: TimeDelta = TimeDelta::days(28);

/// For how long a line can be there: in a file that is written for 28 days and then kept for [`KEPT`].
pub const LONGEST: TimeDelta = TimeDelta::days(KEPT.num_days() + FILE_AGE.num_days());

/// A place in the journal: file number and byte. Later places are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The file's number.
    pub file: u64,
    /// The byte after the last line that it speaks of.
    pub byte: u64,
}

impl Mark {
    /// The mark that a text form names: `file:byte`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (file, byte) = text.split_once(':')?;
        Some(Self { file: file.parse().ok()?, byte: byte.parse().ok()? })
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.byte)
    }
}

/// The journal, open for writing. Only the daemon that holds the database has it.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    writer: Writer,
    id: Uuid,
    /// Held for as long as it is open.
    _lock: File,
}

/// The journal's folder or a file in it cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the acceptance journal {0}: {1}; see that it can be written and that its disk has room")]
pub struct JournalError(pub PathBuf, pub io::Error);

/// What reading found.
#[derive(Debug, Default)]
pub struct Found {
    /// Acceptances, in the order in which they were written.
    pub entries: Vec<Acceptance>,
    /// Places of lines that cannot be used: torn by a crash, or damaged.
    pub damaged: Vec<Mark>,
}

/// Messages that the journal knows as taken.
#[derive(Debug, Default)]
pub struct Taken {
    /// Their ids.
    pub messages: HashSet<Uuid>,
    /// When the first of them was taken, in milliseconds since 1970 (UTC).
    pub first: Option<i64>,
}

impl Found {
    /// Everything in `folder` after a mark, also while a daemon writes there: a last line that is not whole yet counts as
    /// damaged.
    ///
    /// # Errors
    /// What the file system says.
    pub fn after(folder: &Path, mark: Mark) -> io::Result<Self> {
        let mut found = Self::default();
        for number in numbers(folder)?.into_iter().filter(|number| *number >= mark.file) {
            let skip = if number == mark.file { mark.byte } else { 0 };
            found.read(&file_path(folder, number), number, skip)?;
        }
        Ok(found)
    }

    fn read(&mut self, path: &Path, number: u64, skip: u64) -> io::Result<()> {
        let mut reader = BufReader::new(File::open(path)?);
        reader.seek_relative(i64::try_from(skip).unwrap_or(i64::MAX))?;
        let (mut byte, mut line) = (skip, vec![]);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)? as u64;
            if length == 0 {
                return Ok(());
            }
            byte += length;
            match Acceptance::parse(&line) {
                Some(entry) => self.entries.push(entry),
                None => self.damaged.push(Mark { file: number, byte }),
            }
        }
    }
}

impl Journal {
    /// Opens the journal in `folder`, which is made readable by its owner alone where there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let open = || {
            if !folder.exists() {
                fs::DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
            }
            let lock = lock(folder)?;
            let writer = Writer::start(folder, numbers(folder)?.last().copied().unwrap_or(0))?;
            Ok(Self { folder: folder.to_owned(), writer, id: id(folder)?, _lock: lock })
        };
        open().map_err(|error| JournalError(folder.to_owned(), error))
    }

    /// What names this journal among those of other daemons.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The latest history of a database server that this journal was compared with, if any.
    #[must_use]
    pub fn history(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("history")).ok().filter(|text| !text.is_empty())
    }

    /// Notes with which history of a database server this journal was compared.
    ///
    /// # Errors
    /// What the file system says.
    pub fn note_history(&self, history: &str) -> Result<(), JournalError> {
        let write = || {
            let new = self.folder.join("history.new");
            let mut file = private().truncate(true).create(true).open(&new)?;
            file.write_all(history.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, self.folder.join("history"))
        };
        write().map_err(|error| self.error(error))
    }

    /// P7: writes one acceptance down. When it returns, it is on the disk.
    ///
    /// # Errors
    /// What the file system says: nothing may be relied on then but the database.
    pub async fn append(&self, acceptance: &Acceptance) -> Result<(), JournalError> {
        self.writer.append(acceptance.line(), acceptance.at).await.map_err(|error| self.error(error))
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The end of what is written.
    #[must_use]
    pub fn end(&self) -> Mark {
        self.writer.end()
    }

    /// Everything after a mark; after one that lies beyond the end everything there is, for then it is another journal
    /// than the one that the mark was made of.
    ///
    /// # Errors
    /// What the file system says.
    pub fn after(&self, mark: Mark) -> Result<Found, JournalError> {
        let mark = if mark > self.end() { Mark::default() } else { mark };
        Found::after(&self.folder, mark).map_err(|error| self.error(error))
    }

    /// The messages that were taken since an instant, and when the first of them was; read line by line, for there may be
    /// many.
    ///
    /// # Errors
    /// What the file system says.
    pub fn taken_since(&self, since: Instant) -> Result<Taken, JournalError> {
        let read = || {
            let mut taken = Taken::default();
            for number in numbers(&self.folder)? {
                let path = file_path(&self.folder, number);
                if Instant::from(fs::metadata(&path)?.modified()?) < since {
                    continue;
                }
                for line in BufReader::new(File::open(path)?).split(b'\n') {
                    let line = [line?, vec![b'\n']].concat();
                    if let Some(entry) = Acceptance::parse(&line).filter(|entry| entry.at >= since.timestamp_millis()) {
                        taken.first = Some(taken.first.map_or(entry.at, |first: i64| first.min(entry.at)));
                        taken.messages.insert(entry.message);
                    }
                }
            }
            Ok(taken)
        };
        read().map_err(|error| self.error(error))
    }

    /// Deletes the files whose last acceptance is older than [`KEPT`]; never the one that is being written.
    ///
    /// # Errors
    /// What the file system says.
    pub fn forget_old(&self, now: Instant) -> Result<(), JournalError> {
        self.delete_older(now - KEPT).map_err(|error| self.error(error))
    }

    fn delete_older(&self, than: Instant) -> io::Result<()> {
        let numbers = numbers(&self.folder)?;
        for number in numbers.iter().rev().skip(1) {
            let path = file_path(&self.folder, *number);
            let written: Instant = fs::metadata(&path)?.modified()?.into();
            if written < than {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn error(&self, error: io::Error) -> JournalError {
        JournalError(self.folder.clone(), error)
    }
}

/// Keeps every other process from writing here; the system lets go of it when this one ends.
fn lock(folder: &Path) -> io::Result<File> {
    let file = private().truncate(false).create(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another daemon writes it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The id of the journal in a folder, given to it when it is opened first.
fn id(folder: &Path) -> io::Result<Uuid> {
    let path = folder.join("id");
    let known = fs::read_to_string(&path).ok().and_then(|text| Uuid::parse_str(text.trim()).ok());
    if let Some(known) = known {
        return Ok(known);
    }
    let id = Uuid::now_v7();
    let mut file = private().truncate(true).create(true).open(&path)?;
    file.write_all(id.to_string().as_bytes())?;
    file.sync_all()?;
    Ok(id)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn file_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.journal"))
}

/// The numbers of the files that there are, in order.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = vec![];
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".journal")?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
