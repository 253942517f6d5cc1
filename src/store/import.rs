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
use crate::facts::{FactError, Known, LoadedLines, csv, ndjson, wrong_lines};
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
        let mut files = vec![];
        for path in paths {
            let read = read_file(path, rules, progress);
            files.push((path, read.map_err(|error| vec![FileError { path: path.clone(), error }])?));
        }
        let failed = |error: StoreError| vec![FileError { path: paths[0].clone(), error: error.into() }];
        let known = self.known_with(files.iter().flat_map(|(_, file)| file.facts()), load).await.map_err(failed)?;
        let (mut facts, mut wrong) = (vec![], vec![]);
        for (path, mut file) in files {
            file.check(rules, &known);
            match file.into_facts() {
                Ok(of_file) => facts.extend(of_file),
                Err(errors) => wrong.push(FileError { path: path.clone(), error: ImportError::Facts(errors) }),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        for path in paths {
            progress(Progress::Writing(path, facts.len()));
        }
        self.append_facts(&facts, load, now).await.map_err(failed)
    }

    /// What facts may name that are to join the store: what is stored and what they define themselves. Of a full
    /// load's tenants only the latter, for everything else goes.
    ///
    /// # Errors
    /// What the database says.
    pub async fn known_with<'f>(
        &self,
        facts: impl Iterator<Item = &'f Fact> + Clone,
        load: Load,
    ) -> Result<Known, StoreError> {
        let mut known = self.known().await?;
        if load == Load::Replace {
            for fact in facts.clone() {
                if let Some(tenant) = known.tenants.get_mut(fact.tenant()) {
                    tenant.units.clear();
                }
            }
        }
        known.add_records(facts.clone());
        if load == Load::Append {
            self.add_stored_cases(&mut known, facts).await?;
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

    /// The stored cases that facts name and do not define.
    async fn add_stored_cases<'f>(
        &self,
        known: &mut Known,
        facts: impl Iterator<Item = &'f Fact>,
    ) -> Result<(), StoreError> {
        let mut missing: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        for (tenant, case) in known.missing_cases(facts) {
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

fn read_file(
    path: &Path,
    rules: &RuleSet,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<LoadedLines, ImportError> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let seen = |read: usize| {
        if read.is_multiple_of(10_000) {
            progress(Progress::Read(path, read));
        }
    };
    if !is_csv {
        return Ok(LoadedLines::read(ndjson::read(reader), usize::MAX, seen));
    }
    let name = path.file_stem().and_then(|name| name.to_str()).and_then(csv::RecordType::parse);
    let rows = csv::read(reader, name, &rules.vocabulary).map_err(|error| ImportError::Facts(vec![error]))?;
    Ok(LoadedLines::read(rows, usize::MAX, seen))
}
