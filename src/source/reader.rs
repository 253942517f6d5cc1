//! From rows of values to rows of records: what each is among its kind, its watermark, and what cannot be read of it.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value as Json};

use super::database::{Shape, Value};
use super::failure::Failure;
use super::mark::Mark;
use super::read::Before;
use super::settings::{Kind, Query, Source};
use super::spool::{Row, Spool};
use crate::facts::columns;
use crate::facts::csv::RecordType;
use crate::vocabulary::Vocabulary;

/// What a full load has of a municipality.
#[derive(Default)]
pub(super) struct Present {
    pub(super) count: i64,
    /// Whether rows without an id are among it: which records they are, nobody knows.
    pub(super) has_unnamed: bool,
    /// Digests of ids: of a million cases these are a few megabytes. Two ids with one digest would keep a record that
    /// should go; that happens once in more lifetimes than there are municipalities.
    ids: HashSet<u64>,
}

impl Present {
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(&digest(id))
    }
}

fn digest(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// Makes records of rows, and keeps them.
pub(super) struct Reader<'a> {
    source: &'a Source,
    query: &'a Query,
    columns: &'a [String],
    vocabulary: &'a Vocabulary,
    /// What rows that could not be taken wait for, by municipality.
    awaited: HashSet<(&'a str, &'a str)>,
    pub(super) count: usize,
    /// The greatest watermark.
    pub(super) mark: Option<Mark>,
    pub(super) present: HashMap<String, Present>,
    pub(super) spool: Spool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source, query: &'a Query, shape: &'a Shape, before: &Before<'a>) -> Self {
        let awaited = before.aside.iter().filter_map(|row| Some((row.tenant.as_str(), row.waits_for.as_deref()?)));
        Self {
            source,
            query,
            columns: &shape.columns,
            vocabulary: before.vocabulary,
            awaited: awaited.collect(),
            count: 0,
            mark: None,
            present: HashMap::new(),
            spool: Spool::new(),
        }
    }

    pub(super) fn take(&mut self, values: Vec<Value>, come: &mut HashSet<(String, String)>) -> Result<(), Failure> {
        self.count += 1;
        let row = self.row(values)?;
        if self.query.kind == Kind::Full {
            let present = self.present.entry(row.tenant.clone()).or_default();
            present.count += 1;
            if row.id.is_empty() {
                present.has_unnamed = true;
            } else {
                present.ids.insert(digest(&row.id));
            }
        }
        if !self.awaited.is_empty() {
            let what = format!("{} {}", self.query.record_type.word(), row.id);
            if self.awaited.contains(&(row.tenant.as_str(), what.as_str())) {
                come.insert((row.tenant.clone(), what));
            }
        }
        self.spool.push(&row).map_err(|error| no_room(&error))
    }

    fn row(&mut self, values: Vec<Value>) -> Result<Row, Failure> {
        let (mut cells, mut fault, mut mark) = (Vec::with_capacity(values.len()), None, None);
        for (name, value) in self.columns.iter().zip(values) {
            let is_watermark = self.query.watermark() == Some(name);
            match value {
                Ok(Some(cell)) => {
                    if is_watermark {
                        mark = Mark::of(&cell);
                        if mark.is_none() {
                            let text = format!("the column `{name}` holds nothing that can be a watermark");
                            return Err(Failure::fatal(text));
                        }
                    }
                    if self.query.gives(name) {
                        cells.push((name.as_str(), cell));
                    }
                }
                Ok(None) => {}
                Err(text) if is_watermark => {
                    return Err(Failure::fatal(format!("the column `{name}`, its watermark: {text}")));
                }
                Err(text) => fault = fault.or_else(|| Some((name.clone(), text))),
            }
        }
        if let Some(mark) = &mark {
            let greatest = self.mark.take();
            self.mark = Some(greatest.map_or_else(|| mark.clone(), |greatest| greatest.greater(mark.clone())));
        }
        let word = self.query.record_type.word();
        let mut record = columns::record(word, cells, self.vocabulary, Some(self.source.zone));
        let tenant_field = if self.query.record_type == RecordType::Tenant { "id" } else { "tenant" };
        if let ([only], false) = (self.source.tenants.as_slice(), record.contains_key(tenant_field)) {
            record.insert(tenant_field.to_owned(), only.as_str().into());
        }
        let (tenant, id) = (text(&record, tenant_field).to_owned(), self.id(&record));
        Ok(Row { tenant, id, mark: mark.map(|mark| mark.encode()), fault, record })
    }

    /// What a record is among its kind.
    fn id(&self, record: &Map<String, Json>) -> String {
        let (case, id) = (text(record, "case"), text(record, "id"));
        match self.query.record_type {
            RecordType::Event if case.is_empty() || id.is_empty() => String::new(),
            RecordType::Event => format!("{case}/{id}"),
            _ => id.to_owned(),
        }
    }
}

/// A text that can be part of a key; empty where there is none.
fn text<'r>(record: &'r Map<String, Json>, field: &str) -> &'r str {
    record.get(field).and_then(Json::as_str).filter(|text| !text.contains('\0')).unwrap_or_default()
}

pub(super) fn no_room(error: &std::io::Error) -> Failure {
    Failure::fatal(format!("what was read cannot be kept in the temporary folder: {error}"))
}
