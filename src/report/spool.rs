//! The lines of a report, kept outside of the memory until they are written: in a file without a name once they are many.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use chrono::NaiveDate;
use tempfile::SpooledTempFile;

use super::line::Line;
use super::tally::State;

/// Up to so many bytes stay in memory.
const IN_MEMORY: usize = 4 << 20;

/// Lines, of which only the order is in memory.
#[derive(Debug)]
pub(super) struct Spool {
    file: SpooledTempFile,
    places: Vec<Place>,
    end: u64,
}

/// Where a line is; in the order in which lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    closed: bool,
    due_on: NaiveDate,
    at: u64,
    length: u32,
}

impl Spool {
    /// In this folder, or the system's temporary one, once they are many.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let file = match folder {
            Some(folder) => tempfile::spooled_tempfile_in(IN_MEMORY, folder),
            None => tempfile::spooled_tempfile(IN_MEMORY),
        };
        Self { file, places: vec![], end: 0 }
    }

    /// Takes in a line.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn push(&mut self, line: &Line) -> std::io::Result<()> {
        let text = serde_json::to_vec(line)?;
        let length = u32::try_from(text.len()).map_err(std::io::Error::other)?;
        self.file.write_all(&text)?;
        let closed = line.state() != State::Open;
        self.places.push(Place { closed, due_on: line.due_on, at: self.end, length });
        self.end += u64::from(length);
        Ok(())
    }

    /// Brings the lines in order: open ones first, and then by due date.
    pub(super) fn sort(&mut self) {
        self.places.sort_unstable();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The lines, one after the other.
    pub(super) fn lines(&mut self) -> impl Iterator<Item = std::io::Result<Line>> {
        let Self { file, places, .. } = self;
        let mut text = vec![];
        places.iter().map(move |place| {
            text.resize(usize::try_from(place.length).map_err(std::io::Error::other)?, 0);
            file.seek(SeekFrom::Start(place.at))?;
            file.read_exact(&mut text)?;
            Ok(serde_json::from_slice(&text)?)
        })
    }
}
