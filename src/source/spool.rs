//! Rows between the source and the store: what was read lies here until all of it was.
//!
//! So nothing changes because of rows that come before an error, the source's transaction is open no longer than reading
//! takes, and a million rows need no memory: what is more than a few megabytes goes into a file without a name, which
//! the system removes however the process ends.

use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tempfile::SpooledTempFile;

/// How many bytes stay in memory.
const IN_MEMORY: usize = 4 << 20;

/// A row of a source, as the object of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// The municipality that it names; empty where it names none.
    #[serde(rename = "t")]
    pub(super) tenant: String,
    /// What it is among its kind; empty where it has no id.
    #[serde(rename = "i")]
    pub(super) id: String,
    /// From where it has to be read again.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<String>,
    /// The column that cannot be read, and why.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<(String, String)>,
    /// The record.
    #[serde(rename = "r")]
    pub(super) record: Map<String, Json>,
}

/// Rows that are being written down.
pub(super) struct Spool(BufWriter<SpooledTempFile>);

/// Rows that were written down, from the first.
pub(super) struct Rows(BufReader<SpooledTempFile>);

impl Spool {
    pub(super) fn new() -> Self {
        Self(BufWriter::new(SpooledTempFile::new(IN_MEMORY)))
    }

    pub(super) fn push(&mut self, row: &Row) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.0, row)?;
        self.0.write_all(b"\n")
    }

    pub(super) fn rows(self) -> std::io::Result<Rows> {
        let mut file = self.0.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Rows(BufReader::new(file)))
    }
}

impl Rows {
    /// The next rows, at most `most`; none at the end.
    pub(super) fn next(&mut self, most: usize) -> std::io::Result<Vec<Row>> {
        let mut rows = vec![];
        let mut line = String::new();
        while rows.len() < most {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                break;
            }
            rows.push(serde_json::from_str(&line)?);
        }
        Ok(rows)
    }
}
