//! `import`: files of facts, each all or nothing, each in one transaction.
//!
//! A file is read and checked against itself and the store before the first write, so that all its errors come at
//! once. Whoever reads it twice changes nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sql::{self, Builder};
use super::{Appended, Load, ROWS, Store, StoreError};
use crate::calendar::Instant;
use crate::fact::Fact;
use crate::facts::{Checker, FactError, Known, Line, csv, ndjson};
use crate::organisation::Tenant;
use crate::rules::RuleSet;

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Lines read of a file.
    Read(&'a Path, usize),
    /// A file is checked, and is being written with so many records.
    Writing(&'a Path, usize),
}

/// What importing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The files of one transaction: one file, or all those of a full load.
    pub paths: Vec<PathBuf>,
    /// What their records did.
    pub appended: Appended,
}

/// Why a file was not imported; nothing of it was.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub error: ImportError,
}

/// Why facts were not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be opened.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// Lines are wrong; all of them, by line.
    #[error("{} wrong {}", .0.len(), if .0.len() == 1 { "line" } else { "lines" })]
    Facts(Vec<FactError>),
    /// The store could not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A file's records, and what could not be read of it.
struct FileLines {
    path: PathBuf,
    lines: Vec<Line>,
    errors: Vec<FactError>,
}

impl Store {
    /// Imports files in this order, `.csv` as CSV and everything else as NDJSON. The record type of a CSV file without
    /// a `type` column is its name: `cases.csv`.
    ///
    /// Appending, each file is a transaction of its own, and files before the one that fails stay imported. A full
    /// load is one transaction over all files: they may hold one record type each and still be whole together.
    ///
    /// # Errors
    /// The files that fail, each with everything that is wrong with it.
    pub async fn import(
        &self,
        files: &[PathBuf],
        rules: &RuleSet,
        load: Load,
        now: Instant,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Vec<Imported>, Vec<FileError>> {
        let together = if load == Load::Replace { files.len().max(1) } else { 1 };
        let mut imported = vec![];
        for paths in files.chunks(together) {
            let appended = self.import_together(paths, rules, load, now, &mut progress).await?;
            imported.push(Imported { paths: paths.to_vec(), appended });
        }
        Ok(imported)
    }

    async fn import_together(
        &self,
        paths: &[PathBuf],
        rules: &RuleSet,
        load: Load,
        now: Instant,
        progress: &mut impl FnMut(Progress<'_>),
    ) -> Result<Appended, Vec<FileError>> {
        let mut files = vec![];
        for path in paths {
            let read = read_file(path, rules, progress);
            files.push(read.map_err(|error| vec![FileError { path: path.clone(), error }])?);
        }
        let failed = |error: StoreError| vec![FileError { path: paths[0].clone(), error: error.into() }];
        let known = self.known_with(files.iter().flat_map(|file| &file.lines), load).await.map_err(failed)?;
        let mut wrong = vec![];
        for file in &mut files {
            let mut errors = std::mem::take(&mut file.errors);
            errors.extend(Checker::new(rules, &known).check_all(file.lines.iter()));
            if !errors.is_empty() {
                errors.sort_by_key(|error| error.line);
                wrong.push(FileError { path: file.path.clone(), error: ImportError::Facts(errors) });
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let facts: Vec<Fact> = files.into_iter().flat_map(|file| file.lines).map(|line| line.fact).collect();
        for path in paths {
            progress(Progress::Writing(path, facts.len()));
        }
        self.append_facts(&facts, load, now).await.map_err(failed)
    }

    /// What lines may name that are to join the store: what is stored and what they define themselves. Of a full
    /// load's tenants only the latter, for everything else goes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn known_with<'l>(
        &self,
        lines: impl Iterator<Item = &'l Line> + Clone,
        load: Load,
    ) -> Result<Known, StoreError> {
        let mut known = self.known().await?;
        if load == Load::Replace {
            for line in lines.clone() {
                if let Some(tenant) = known.tenants.get_mut(line.fact.tenant()) {
                    tenant.units.clear();
                }
            }
        }
        known.add_records(lines.clone().map(|line| &line.fact));
        if load == Load::Append {
            self.add_stored_cases(&mut known, lines).await?;
        }
        Ok(known)
    }

    /// The tenants and units of the store. Cases are looked up when lines name them: there may be a million.
    async fn known(&self) -> Result<Known, StoreError> {
        let select = "SELECT tenant, type, id, fact FROM records WHERE type <> 'person' ORDER BY tenant, type, version";
        let rows: Vec<(String, String, String, String)> = sql::query_as(select).fetch_all(&self.readers).await?;
        let mut known = Known::default();
        for (tenant, record_type, id, text) in &rows {
            if record_type == "tenant"
                && let Ok(Fact::Tenant(fact)) = Fact::decode(text)
            {
                known.add_tenant(tenant, Tenant::parse(&fact).map_or(chrono_tz::Europe::Oslo, |tenant| tenant.zone));
            } else if let Some(known) = known.tenants.get_mut(tenant.as_str()) {
                known.units.insert(id.as_str().into());
            }
        }
        Ok(known)
    }

    /// The stored cases that lines name and do not define.
    async fn add_stored_cases<'l>(
        &self,
        known: &mut Known,
        lines: impl Iterator<Item = &'l Line>,
    ) -> Result<(), StoreError> {
        let mut missing: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        for (tenant, case) in known.missing_cases(lines.map(|line| &line.fact)) {
            missing.entry(tenant.into()).or_default().push(case.to_owned());
        }
        for (tenant, cases) in &missing {
            for chunk in cases.chunks(ROWS) {
                let mut select = Builder::new("SELECT id FROM cases WHERE tenant = ");
                select.push_bind(&**tenant).push(" AND id IN ").push_list(chunk.iter().cloned());
                let found: Vec<String> = select.build_query_scalar().fetch_all(&self.readers).await?;
                if let Some(known) = known.tenants.get_mut(tenant) {
                    known.cases.extend(found.iter().map(|id| id.as_str().into()));
                }
            }
        }
        Ok(())
    }
}

fn read_file(path: &Path, rules: &RuleSet, progress: &mut impl FnMut(Progress<'_>)) -> Result<FileLines, ImportError> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let mut lines = vec![];
    let mut errors = vec![];
    let mut take = |line: Result<Line, FactError>| {
        match line {
            Ok(line) => lines.push(line),
            Err(error) => errors.push(error),
        }
        let read = lines.len() + errors.len();
        if read.is_multiple_of(10_000) {
            progress(Progress::Read(path, read));
        }
    };
    if is_csv {
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(csv::RecordType::parse);
        let rows = csv::read(reader, name, &rules.vocabulary).map_err(|error| ImportError::Facts(vec![error]))?;
        rows.for_each(&mut take);
    } else {
        ndjson::read(reader).for_each(&mut take);
    }
    Ok(FileLines { path: path.to_owned(), lines, errors })
}
