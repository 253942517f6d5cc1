//! `import`: files of facts, each all or nothing, each in one transaction.
//!
//! A file is read and checked against itself and the store before the first write, so that all its errors come at
//! once. Whoever reads it twice changes nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::{QueryBuilder, Sqlite};

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

/// What importing one file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The file.
    pub path: PathBuf,
    /// What its records did.
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

impl Store {
    /// Imports files in this order, `.csv` as CSV and everything else as NDJSON. The record type of a CSV file without
    /// a `type` column is its name: `cases.csv`. Files before the one that fails stay imported.
    ///
    /// # Errors
    /// The first file that fails, with everything that is wrong with it.
    pub async fn import(
        &self,
        files: &[PathBuf],
        rules: &RuleSet,
        load: Load,
        now: Instant,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Vec<Imported>, FileError> {
        let mut imported = vec![];
        for path in files {
            let appended = self.import_file(path, rules, load, now, &mut progress).await;
            let appended = appended.map_err(|error| FileError { path: path.clone(), error })?;
            imported.push(Imported { path: path.clone(), appended });
        }
        Ok(imported)
    }

    async fn import_file(
        &self,
        path: &Path,
        rules: &RuleSet,
        load: Load,
        now: Instant,
        progress: &mut impl FnMut(Progress<'_>),
    ) -> Result<Appended, ImportError> {
        let (lines, errors) = read_file(path, rules, progress)?;
        let errors = self.check(&lines, errors, rules).await?;
        if !errors.is_empty() {
            return Err(ImportError::Facts(errors));
        }
        progress(Progress::Writing(path, lines.len()));
        let facts: Vec<Fact> = lines.into_iter().map(|line| line.fact).collect();
        Ok(self.append_facts(&facts, load, now).await?)
    }

    /// Everything that is wrong with lines that are to join the store, by line: `errors` of reading them, and what
    /// they name that is neither among them nor in the store.
    ///
    /// # Errors
    /// What the database says.
    pub async fn check(
        &self,
        lines: &[Line],
        mut errors: Vec<FactError>,
        rules: &RuleSet,
    ) -> Result<Vec<FactError>, StoreError> {
        let mut known = self.known().await?;
        known.add_records(lines.iter().map(|line| &line.fact));
        self.add_stored_cases(&mut known, lines).await?;
        errors.extend(Checker::new(rules, &known).check_all(lines.iter()));
        errors.sort_by_key(|error| error.line);
        Ok(errors)
    }

    /// The tenants and units of the store. Cases are looked up when lines name them: there may be a million.
    async fn known(&self) -> Result<Known, StoreError> {
        let select = "SELECT tenant, type, id, fact FROM records WHERE type <> 'person' ORDER BY tenant, type, version";
        let rows: Vec<(String, String, String, String)> = sqlx::query_as(select).fetch_all(&self.readers).await?;
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
    async fn add_stored_cases(&self, known: &mut Known, lines: &[Line]) -> Result<(), StoreError> {
        let mut missing: HashMap<Arc<str>, Vec<String>> = HashMap::new();
        for (tenant, case) in known.missing_cases(lines.iter().map(|line| &line.fact)) {
            missing.entry(tenant.into()).or_default().push(case.to_owned());
        }
        for (tenant, cases) in &missing {
            for chunk in cases.chunks(ROWS) {
                let mut select = QueryBuilder::<Sqlite>::new("SELECT id FROM cases WHERE tenant = ");
                select.push_bind(&**tenant).push(" AND id IN (");
                let mut ids = select.separated(", ");
                for id in chunk {
                    ids.push_bind(id);
                }
                ids.push_unseparated(")");
                let found: Vec<String> = select.build_query_scalar().fetch_all(&self.readers).await?;
                if let Some(known) = known.tenants.get_mut(tenant) {
                    known.cases.extend(found.iter().map(|id| id.as_str().into()));
                }
            }
        }
        Ok(())
    }
}

/// The records of a file, and what could not be read.
fn read_file(
    path: &Path,
    rules: &RuleSet,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<(Vec<Line>, Vec<FactError>), ImportError> {
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
    Ok((lines, errors))
}
