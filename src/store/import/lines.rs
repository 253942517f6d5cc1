//! The lines of a file between reading and writing, outside the memory: a file may hold a million cases.
//!
//! ```text
//!  file ─► Spool (in the order of the file) ─► parts, each with all lines of some cases, by id ─► written one by one
//! ```
//!
//! What a line does depends on all lines of its case, and cases are cheapest to write in the order of their ids. What
//! is more than a few megabytes lies in files without a name, beside the database file or in the folder for temporary files;
//! the system removes them however the process ends.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::SpooledTempFile;

use crate::fact::Fact;
use crate::facts::{FactError, Known, Line, Names};

/// About how many bytes of lines are in memory at once. As records they are several times as large.
const PART: u64 = 4 << 20;

/// How many files are open at once, at most.
const MOST_PARTS: u64 = 200;

/// A case: its municipality and its id.
type Key = (Arc<str>, Arc<str>);

/// A file that is read.
pub(super) struct Spool {
    /// Municipalities, units and persons: they are few, and each may say something about all cases.
    pub(super) records: Vec<Line>,
    /// What all its lines name.
    pub(super) names: Names,
    /// What could not be read.
    pub(super) errors: Vec<FactError>,
    cases: Frames,
    folder: Option<PathBuf>,
}

impl Spool {
    /// Reads lines, and keeps in a folder what does not stay in memory; in that for temporary files without one. `seen` is told
    /// how many there were whenever another one was read.
    pub(super) fn read(
        folder: Option<&Path>,
        lines: impl Iterator<Item = Result<Line, FactError>>,
        mut seen: impl FnMut(usize),
    ) -> io::Result<Self> {
        let (records, errors, cases) = (vec![], vec![], Frames::new(PART, folder));
        let folder = folder.map(Path::to_owned);
        let mut spool = Self { records, names: Names::default(), errors, cases, folder };
        for (read, line) in lines.enumerate() {
            match line {
                Ok(line) => {
                    spool.names.see(&line.fact);
                    match line.fact.case() {
                        Some((tenant, case)) => spool.cases.push(&Frame::of(&line, tenant, case)?)?,
                        None => spool.records.push(line),
                    }
                }
                Err(error) => spool.errors.push(error),
            }
            seen(read + 1);
        }
        Ok(spool)
    }

    /// How many bytes its lines take.
    pub(super) fn bytes(&self) -> u64 {
        self.cases.bytes
    }

    /// Its lines about cases, parted before each of the `bounds`.
    pub(super) fn parts(self, bounds: &[Key]) -> io::Result<Vec<Part>> {
        if bounds.is_empty() {
            return Ok(vec![Part(self.cases)]);
        }
        let mut parts: Vec<Frames> = (0..=bounds.len()).map(|_| Frames::new(0, self.folder.as_deref())).collect();
        let mut lines = self.cases.rewind()?;
        while let Some(frame) = Frame::read(&mut lines)? {
            let part = bounds.partition_point(|(tenant, case)| (&**tenant, &**case) <= frame.key());
            parts[part].push(&frame)?;
        }
        Ok(parts.into_iter().map(Part).collect())
    }
}

/// Lines of a file about some cases.
pub(super) struct Part(Frames);

impl Part {
    /// The lines, in the order of the file.
    pub(super) fn lines(self) -> io::Result<Vec<Line>> {
        let mut frames = self.0.rewind()?;
        let mut lines = vec![];
        while let Some(frame) = Frame::read(&mut frames)? {
            lines.push(frame.line()?);
        }
        Ok(lines)
    }
}

/// Where lines of so many bytes in so many files are parted, so that a part fits in memory.
pub(super) fn bounds(known: &Known, bytes: u64, files: usize) -> Vec<Key> {
    let most = MOST_PARTS / u64::try_from(files).unwrap_or(MOST_PARTS).clamp(1, MOST_PARTS);
    let parts = usize::try_from(bytes.div_ceil(PART).clamp(1, most)).unwrap_or(1);
    if parts == 1 {
        return vec![];
    }
    let of_tenant = |(tenant, known): (&Arc<str>, &crate::facts::KnownTenant)| -> Vec<Key> {
        known.cases.iter().map(|case| (tenant.clone(), case.clone())).collect()
    };
    let mut cases: Vec<Key> = known.tenants.iter().flat_map(of_tenant).collect();
    cases.sort_unstable();
    let mut bounds: Vec<Key> = (1..parts).filter_map(|part| cases.get(cases.len() * part / parts).cloned()).collect();
    bounds.dedup();
    bounds
}

/// A line that lies in a file: its number, and its tenant, case and record each with their length before them.
struct Frame {
    number: u64,
    texts: [String; 3],
}

impl Frame {
    fn of(line: &Line, tenant: &str, case: &str) -> io::Result<Self> {
        let number = u64::try_from(line.number).map_err(io::Error::other)?;
        Ok(Self { number, texts: [tenant.to_owned(), case.to_owned(), serde_json::to_string(&line.fact)?] })
    }

    fn key(&self) -> (&str, &str) {
        (&self.texts[0], &self.texts[1])
    }

    fn line(&self) -> io::Result<Line> {
        let number = usize::try_from(self.number).map_err(io::Error::other)?;
        Ok(Line { number, fact: Fact::decode(&self.texts[2]).map_err(io::Error::other)? })
    }

    fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let mut number = [0; 8];
        match reader.read_exact(&mut number) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut texts = [const { String::new() }; 3];
        for text in &mut texts {
            let mut length = [0; 4];
            reader.read_exact(&mut length)?;
            let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?];
            reader.read_exact(&mut bytes)?;
            *text = String::from_utf8(bytes).map_err(io::Error::other)?;
        }
        Ok(Some(Self { number: u64::from_le_bytes(number), texts }))
    }
}

/// Frames, one after the other.
struct Frames {
    file: BufWriter<SpooledTempFile>,
    bytes: u64,
}

impl Frames {
    /// So many bytes stay in memory.
    fn new(in_memory: u64, folder: Option<&Path>) -> Self {
        let in_memory = usize::try_from(in_memory).unwrap_or(usize::MAX);
        let file = match folder {
            Some(folder) => SpooledTempFile::new_in(in_memory, folder),
            None => SpooledTempFile::new(in_memory),
        };
        Self { file: BufWriter::new(file), bytes: 0 }
    }

    fn push(&mut self, frame: &Frame) -> io::Result<()> {
        self.file.write_all(&frame.number.to_le_bytes())?;
        for text in &frame.texts {
            self.file.write_all(&u32::try_from(text.len()).map_err(io::Error::other)?.to_le_bytes())?;
            self.file.write_all(text.as_bytes())?;
            self.bytes += u64::try_from(text.len()).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn rewind(self) -> io::Result<BufReader<SpooledTempFile>> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }
}
