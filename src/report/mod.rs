//! Reports of the deviation register: what was opened and closed, how many deadlines were kept, and where it takes long.
//!
//! ```text
//!  register, obligations ─► reading ─► counting ─► Figures ─┐
//!        (one moment)          │                            ├─► html · xlsx · csv · json, in nb, nn, en
//!                              └─► spool: lines, with proof ┘
//! ```
//!
//! One pass reads everything of one moment. Figures are counted as rows pass by; lines wait in a file without a name. So a
//! report needs as much memory for a hundred thousand deviations as for ten, all formats say the same, and nobody holds
//! the database while a reader is slow. What the figures mean is defined once, in `tally` and in the readers' words in
//! `words::definitions`.
//!
//! Deliberately absent: persons. No report names one, ranks one, or can be made to.

mod cells;
mod counting;
mod csv;
mod figure;
mod figures;
mod hide;
mod html;
mod json;
mod line;
mod reading;
mod request;
mod scope;
mod spool;
mod summary;
mod tally;
mod text;
mod units;
mod words;
mod xlsx;

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::calendar::Instant;
use crate::language::Language;
use crate::rules::RuleSet;
use crate::store::{Store, StoreError};

use self::scope::Scope;
use self::spool::Spool;

pub use figure::Figure;
pub use figures::{
    About, Age, Before, Figures, KindFigures, LevelFigures, Row, RuleFigures, UnitFigures, Waiting, Week,
};
pub use hide::UNDER;
pub use line::Line;
pub use request::{Listed, Period, Request, monday};
pub use summary::{Brief, Headline, Summary};
pub use tally::{Oldest, State};

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page with everything in it.
    Html,
    /// A workbook.
    Xlsx,
    /// A table for spreadsheets as they are set up in Norway: `;`, decimal comma, dates as people write them, UTF-8 with BOM.
    Csv(Table),
    /// A table for programs: RFC 4180, names of columns that stay, ISO dates.
    CsvRfc4180(Table),
    /// One object.
    Json,
}

/// What a CSV file holds: it has one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// A line each deviation.
    #[default]
    Lines,
    /// A line each group, with its figures.
    Figures,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A municipality, unit or rule that does not exist.
    #[error("{0}")]
    Unknown(String),
    /// A name that several have.
    #[error("{0}")]
    Ambiguous(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the report is written to, or the temporary file for its lines.
    #[error("the report cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// The workbook.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
}

/// A report, read and counted, to be written in any format.
#[derive(Debug)]
pub struct Report {
    language: Language,
    about: About,
    figures: Figures,
    spool: Spool,
    left_out: u64,
    now: Instant,
    /// The same in words, local.
    made_at: String,
}

/// Writes a report into a file, which takes its place when it is whole; readable by its owner alone.
///
/// # Errors
/// What the file system says; then there is no such file, or the one that there was.
pub fn save(report: &mut Report, format: Format, path: &Path) -> Result<(), ReportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    report.write(format, &mut file)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

impl Report {
    /// Reads a report as of now. `progress` hears, again and again, how many deviations of a municipality were read.
    ///
    /// The database is read as of one moment and let go before this returns.
    ///
    /// # Errors
    /// What of the request names nothing or several things, or what the database or the file system says.
    pub async fn read(
        store: &Store,
        rules: &RuleSet,
        request: &Request,
        now: Instant,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, ReportError> {
        let (organisations, _) = store.read_organisations(rules, now).await?;
        let mut scope = Scope::new(rules, &organisations, request, now)?;
        let mut snapshot = store.snapshot().await?;
        let read = reading::read(&mut scope, &mut snapshot, now, &mut progress).await?;
        drop(snapshot);
        let about = scope.about(read.unreadable, now);
        let figures = read.counting.figures(&scope);
        let (language, made_at) = (scope.language, scope.moment(now));
        Ok(Self { language, about, figures, spool: read.spool, left_out: read.left_out, now, made_at })
    }

    /// Its figures.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What it is about.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Its language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// How many deviations it lists.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.spool.len()
    }

    /// How many deviations of protected cases are not in it, because it was asked for without; 0 where small counts are
    /// hidden. Whoever may not see such cases should not hear this number either.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What a leader reads in ten seconds, as text: for mails and for pages.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(self.language, &self.about, &self.figures)
    }

    /// Writes it. Lines pass through one by one.
    ///
    /// # Errors
    /// What whoever takes it says.
    pub fn write(&mut self, format: Format, out: &mut dyn Write) -> Result<(), ReportError> {
        match format {
            Format::Html => html::write(self, out),
            Format::Xlsx => xlsx::write(self, out),
            Format::Csv(table) => csv::write(self, csv::Dialect::Norwegian, table, out),
            Format::CsvRfc4180(table) => csv::write(self, csv::Dialect::Rfc4180, table, out),
            Format::Json => json::write(self, out),
        }
    }
}
