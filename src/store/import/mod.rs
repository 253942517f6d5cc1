//! `import`: files of facts, each all or nothing, each in one transaction.
//!
//! A file is read as a whole before the first write, for its lines may name each other in any order, and checked
//! against itself and the store to its end, so that all its errors come at once. Whoever reads it twice changes nothing. However large it
//! is, only a part of it is in memory at a time.

mod lines;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::lines::{Part, Spool, bounds};
use super::retention::purged;
use super::sql::{self, Builder};
use super::{Appended, Load, ROWS, Store, StoreError};
use crate::calendar::Instant;
use crate::fact::Fact;
use crate::facts::{FactError, Known, Line, LoadedLines, Names, csv, ndjson, wrong_lines};
use crate::organisation::Tenant;
use crate::rules::RuleSet;

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Lines read of a file.
    Read(&'a Path, usize),
    /// So many records are written of a file and of those that are imported together with it.
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
    /// The file cannot be opened, or its lines cannot be kept in the folder for temporary files.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// Lines are wrong; all of them, by line.
    #[error("{}", wrong_lines(.0.len()))]
    Facts(Vec<FactError>),
    /// The store could not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
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
        let failed = |error: ImportError| vec![FileError { path: paths[0].clone(), error }];
        let mut files = vec![];
        let mut names = Names::default();
        for path in paths {
            let mut read = read_file(path, self.folder.as_deref(), rules, progress)
                .map_err(|error| vec![FileError { path: path.clone(), error }])?;
            names.merge(std::mem::take(&mut read.names));
            files.push(read);
        }
        let tenants: Vec<String> = names.tenants().map(str::to_owned).collect();
        let known = self.known_of(names, load).await.map_err(|error| failed(error.into()))?;
        let mut checking = Checking { rules, known: &known, errors: paths.iter().map(|_| vec![]).collect() };
        let written = self.write_files(files, &tenants, load, now, &mut checking, |records| {
            paths.iter().for_each(|path| progress(Progress::Writing(path, records)));
        });
        let written = written.await.map_err(failed)?;
        let wrong: Vec<FileError> = std::iter::zip(paths, checking.errors)
            .filter(|(_, errors)| !errors.is_empty())
            .map(|(path, mut errors)| {
                errors.sort_by_key(|error| error.line);
                FileError { path: path.clone(), error: ImportError::Facts(errors) }
            })
            .collect();
        written.ok_or(wrong)
    }

    /// Checks all lines of these files, and writes them in one transaction; nothing at all where any of them is wrong.
    async fn write_files(
        &self,
        mut files: Vec<Spool>,
        tenants: &[String],
        load: Load,
        now: Instant,
        checking: &mut Checking<'_>,
        mut progress: impl FnMut(usize),
    ) -> Result<Option<Appended>, ImportError> {
        for (file, spool) in files.iter_mut().enumerate() {
            checking.errors[file].append(&mut spool.errors);
        }
        let records = files.iter_mut().map(|spool| std::mem::take(&mut spool.records)).collect();
        let facts = checking.facts(records);
        let bounds = bounds(checking.known, files.iter().map(Spool::bytes).sum(), files.len());
        let mut parted = vec![];
        for file in files {
            parted.push(file.parts(&bounds)?.into_iter());
        }
        let mut loading = if checking.is_wrong() { None } else { Some(self.begin_load(tenants, load, now).await?) };
        if let Some(loading) = &mut loading {
            loading.records(&facts).await?;
        }
        let mut written = facts.len();
        for _ in 0..=bounds.len() {
            let mut lines = vec![];
            for file in &mut parted {
                lines.push(file.next().map_or(Ok(vec![]), Part::lines)?);
            }
            let facts = checking.facts(lines);
            if checking.is_wrong() {
                // What was written goes with the transaction; the other lines are still looked at.
                loading = None;
            }
            if let Some(loading) = &mut loading {
                loading.cases(&facts).await?;
            }
            written += facts.len();
            progress(written);
        }
        let Some(loading) = loading else { return Ok(None) };
        let is_there = |tenant: &str, case: &str| {
            checking.known.tenants.get(tenant).is_some_and(|tenant| tenant.cases.contains(case))
        };
        Ok(Some(loading.finish(is_there).await?))
    }

    /// What facts may name that are to join the store: what is stored and what they define themselves. Of a full
    /// load's tenants only the latter, for everything else goes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn known_with<'f>(&self, facts: impl Iterator<Item = &'f Fact>, load: Load) -> Result<Known, StoreError> {
        self.known_of(Names::of(facts), load).await
    }

    /// As [`Self::known_with`], by the facts' names.
    async fn known_of(&self, names: Names, load: Load) -> Result<Known, StoreError> {
        let mut known = self.known().await?;
        if load == Load::Replace {
            for tenant in names.tenants() {
                if let Some(tenant) = known.tenants.get_mut(tenant) {
                    tenant.units.clear();
                }
            }
        }
        let missing = known.add_names(names);
        if load == Load::Append {
            self.add_stored_cases(&mut known, &missing).await?;
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

    /// Those of these cases that are stored.
    async fn add_stored_cases(
        &self,
        known: &mut Known,
        missing: &HashMap<Arc<str>, HashSet<Arc<str>>>,
    ) -> Result<(), StoreError> {
        for (tenant, cases) in missing {
            let cases: Vec<&str> = cases.iter().map(|case| &**case).collect();
            for chunk in cases.chunks(ROWS) {
                let mut select = Builder::new("SELECT id FROM cases WHERE tenant = ");
                select.push_bind(&**tenant).push(" AND id IN ").push_list(chunk.iter().map(|case| (*case).to_owned()));
                let found: Vec<String> = select.build_query_scalar().fetch_all(&self.readers).await?;
                // Of a purged case nothing is stored, and still events of it may come again.
                let mut read = self.readers.begin().await?;
                let purged = purged(&mut read, tenant, chunk.iter().copied()).await?;
                if let Some(known) = known.tenants.get_mut(tenant) {
                    known.cases.extend(found.iter().map(|id| id.as_str().into()));
                    known.cases.extend(purged.keys().map(|id| (*id).into()));
                }
            }
        }
        Ok(())
    }
}

/// Checks the lines of some files, part by part.
struct Checking<'a> {
    rules: &'a RuleSet,
    known: &'a Known,
    /// What is wrong, by file.
    errors: Vec<Vec<FactError>>,
}

impl Checking<'_> {
    /// The facts of the next lines of each file; what is wrong with them is kept.
    fn facts(&mut self, lines: Vec<Vec<Line>>) -> Vec<Fact> {
        let mut facts = vec![];
        for (lines, errors) in std::iter::zip(lines, &mut self.errors) {
            let mut loaded = LoadedLines::of(lines);
            loaded.check(self.rules, self.known);
            errors.append(&mut loaded.errors);
            facts.extend(loaded.lines.into_iter().map(|line| line.fact));
        }
        facts
    }

    fn is_wrong(&self) -> bool {
        self.errors.iter().any(|errors| !errors.is_empty())
    }
}

fn read_file(
    path: &Path,
    folder: Option<&Path>,
    rules: &RuleSet,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<Spool, ImportError> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let seen = |read: usize| {
        if read.is_multiple_of(10_000) {
            progress(Progress::Read(path, read));
        }
    };
    if !is_csv {
        return Ok(Spool::read(folder, ndjson::read(reader), seen)?);
    }
    let name = path.file_stem().and_then(|name| name.to_str()).and_then(csv::RecordType::parse);
    let rows = csv::read(reader, name, &rules.vocabulary).map_err(|error| ImportError::Facts(vec![error]))?;
    Ok(Spool::read(folder, rows, seen)?)
}
