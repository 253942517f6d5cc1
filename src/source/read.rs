//! Reading a source: each query to its end, in one state of its data, before anything is done with it.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value as Json};
use tokio_util::sync::CancellationToken;

use super::database::{Patience, Session, Shape, Value};
use super::failure::Failure;
use super::mark::{Bound, Mark};
use super::settings::{Kind, Query, Source};
use super::spool::{Row, Rows, Spool};
use crate::calendar::Instant;
use crate::facts::columns;
use crate::facts::csv::RecordType;
use crate::store::{SetAside, SourceState};
use crate::vocabulary::Vocabulary;

/// From where a source is read, and how it is understood.
pub(super) struct Before<'a> {
    pub(super) state: &'a SourceState,
    /// Its rows that could not be taken.
    pub(super) aside: &'a [SetAside],
    /// Whether what could not be taken may be taken now: the rules are others.
    pub(super) retry: bool,
    /// Whether everything is read, however old.
    pub(super) is_whole: bool,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) now: Instant,
}

/// What was read.
pub(super) struct Reading {
    /// The queries that came to their end.
    pub(super) queries: Vec<QueryRead>,
    /// Why others did not.
    pub(super) failures: Vec<Failure>,
}

/// A query that came to its end.
pub(super) struct QueryRead {
    pub(super) record_type: RecordType,
    pub(super) digest: String,
    pub(super) is_full: bool,
    pub(super) columns: String,
    pub(super) count: usize,
    pub(super) mark: Option<Mark>,
    /// Of a full load, what it has of each municipality.
    pub(super) present: HashMap<String, Present>,
    pub(super) rows: Rows,
}

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

/// Reads a source. What cannot be read is among the failures, and everything else is read all the same.
pub(super) async fn read(source: &Source, before: &Before<'_>, stop: &CancellationToken) -> Reading {
    let mut reading = Reading { queries: vec![], failures: vec![] };
    let mut session = None;
    let mut come = HashSet::new();
    for query in &source.queries {
        let opened = match session.take() {
            Some(session) => Ok(session),
            None => open(source, stop).await,
        };
        let mut open = match opened {
            Ok(session) => session,
            Err(failure) => {
                reading.failures.push(failure);
                return reading;
            }
        };
        match read_query(source, query, before, &mut open, &mut come).await {
            Ok(read) => {
                reading.queries.push(read);
                session = Some(open);
            }
            Err(failure) => {
                let is_open = !failure.is_fatal;
                reading.failures.push(failure.of(query.record_type));
                if stop.is_cancelled() {
                    return reading;
                }
                if is_open && open.begin_anew().await.is_ok() {
                    session = Some(open);
                }
            }
        }
    }
    if let Some(session) = session {
        session.close().await;
    }
    reading
}

pub(super) async fn open(source: &Source, stop: &CancellationToken) -> Result<Session, Failure> {
    let patience = Patience { timeout: source.timeout, stop: stop.clone() };
    Session::open(&source.target, source.zone, patience).await
}

async fn read_query(
    source: &Source,
    query: &Query,
    before: &Before<'_>,
    session: &mut Session,
    come: &mut HashSet<(String, String)>,
) -> Result<QueryRead, Failure> {
    let shape = session.describe(&query.sql, query.watermark()).await?;
    check_shape(source, query, &shape, before)?;
    let bound = match &query.kind {
        Kind::Full => None,
        Kind::Incremental { overlap, .. } => Some(bound(source, query, *overlap, &shape, before, come)),
    };
    let mut reader = Reader::new(source, query, &shape, before);
    session.read(&query.sql, bound.as_ref(), &mut |values| reader.take(values, come)).await?;
    let known = before.state.queries.iter().find(|known| known.record_type == query.record_type);
    let known = known.filter(|known| known.digest == query.digest).and_then(|known| known.watermark.as_deref());
    let known = known.and_then(Mark::decode);
    let mark = match (known, reader.mark.map(|mark| mark.capped(before.now, source.zone))) {
        (Some(known), Some(new)) => Some(known.greater(new)),
        (known, new) => new.or(known),
    };
    let rows = reader.spool.rows().map_err(|error| no_room(&error))?;
    Ok(QueryRead {
        record_type: query.record_type,
        digest: query.digest.clone(),
        is_full: query.kind == Kind::Full,
        columns: shape.columns.join(","),
        count: reader.count,
        mark,
        present: reader.present,
        rows,
    })
}

fn no_room(error: &std::io::Error) -> Failure {
    Failure::fatal(format!("what was read cannot be kept in the temporary folder: {error}"))
}

impl Query {
    pub(super) fn watermark(&self) -> Option<&str> {
        match &self.kind {
            Kind::Full => None,
            Kind::Incremental { watermark, .. } => Some(watermark),
        }
    }
}

/// Whether the rows of a query can be records at all.
pub(super) fn check_shape(source: &Source, query: &Query, shape: &Shape, before: &Before<'_>) -> Result<(), Failure> {
    let parameters = usize::from(query.watermark().is_some());
    if shape.parameters != parameters {
        let text = format!("it has {} parameters where {parameters} is expected", shape.parameters);
        return Err(Failure::of_statement(text));
    }
    if let Some(watermark) = query.watermark().filter(|name| !shape.columns.iter().any(|column| column == name)) {
        let text = format!("it gives no column `{watermark}`, which `watermark` names; add it to the columns");
        return Err(Failure::of_statement(text));
    }
    let names: Vec<&str> = shape.columns.iter().map(String::as_str).filter(|name| query.gives(name)).collect();
    let given: &[&str] = if source.tenants.len() == 1 { &["tenant"] } else { &[] };
    let faults = columns::faults(query.record_type, &names, given, before.vocabulary);
    if !faults.is_empty() {
        return Err(Failure::of_statement(faults.join("; ")));
    }
    let known = before.state.queries.iter().find(|known| known.record_type == query.record_type);
    let known = known.filter(|known| known.digest == query.digest && !known.columns.is_empty());
    let gone = known.and_then(|known| known.columns.split(',').find(|old| !shape.columns.iter().any(|new| new == old)));
    match gone {
        None => Ok(()),
        Some(gone) => Err(Failure::of_statement(format!(
            "the column `{gone}`, which it had before, is gone: every record would lose what it held. If that is meant: \
             fristvakt source accept {}",
            source.name
        ))),
    }
}

impl Query {
    /// Whether a column is part of the record, and not only the watermark.
    pub(super) fn gives(&self, column: &str) -> bool {
        self.watermark() != Some(column) || matches!(column, "recorded_at" | "id" | "on" | "at")
    }
}

/// Where reading begins.
fn bound(
    source: &Source,
    query: &Query,
    overlap: Option<u32>,
    shape: &Shape,
    before: &Before<'_>,
    come: &HashSet<(String, String)>,
) -> Bound {
    let lowest = Bound::Lowest(shape.comparison);
    let known = before.state.queries.iter().find(|known| known.record_type == query.record_type);
    let known = known.filter(|known| known.digest == query.digest).and_then(|known| known.watermark.as_deref());
    let Some(last) = known.and_then(Mark::decode).filter(|_| !before.is_whole) else { return lowest };
    let mut from = last.before(overlap);
    // What could not be taken is read again once what it waits for has come.
    for row in before.aside.iter().filter(|row| row.r#type == query.record_type.word()) {
        let has_come = row.waits_for.as_ref().is_some_and(|what| come.contains(&(row.tenant.clone(), what.clone())));
        let mark = row.watermark.as_deref().and_then(Mark::decode).filter(|_| before.retry || has_come);
        if let Some(mark) = mark {
            from = if from.clone().greater(mark.clone()) == from { mark } else { from };
        }
    }
    from.conformed(shape.comparison, source.zone).map_or(lowest, Bound::At)
}

/// Makes records of rows, and keeps them.
struct Reader<'a> {
    source: &'a Source,
    query: &'a Query,
    columns: &'a [String],
    vocabulary: &'a Vocabulary,
    /// What rows that could not be taken wait for, by municipality.
    awaited: HashSet<(&'a str, &'a str)>,
    count: usize,
    mark: Option<Mark>,
    present: HashMap<String, Present>,
    spool: Spool,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source, query: &'a Query, shape: &'a Shape, before: &Before<'a>) -> Self {
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

    fn take(&mut self, values: Vec<Value>, come: &mut HashSet<(String, String)>) -> Result<(), Failure> {
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

fn text<'r>(record: &'r Map<String, Json>, field: &str) -> &'r str {
    record.get(field).and_then(Json::as_str).unwrap_or_default()
}

/// How many rows each municipality has, of those that a source may speak of.
pub(super) fn counts(read: &QueryRead, source: &Source) -> BTreeMap<String, i64> {
    let count = |tenant: &String| read.present.get(tenant).map_or(0, |present| present.count);
    source.tenants.iter().map(|tenant| (tenant.clone(), count(tenant))).collect()
}
