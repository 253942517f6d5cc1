//! Reading a source: each query to its end, in one state of its data, before anything is done with it.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio_util::sync::CancellationToken;

use super::database::{Patience, Session, Shape};
use super::failure::Failure;
use super::mark::{Bound, Mark};
use super::reader::{Present, Reader, no_room};
use super::settings::{Kind, Query, Source};
use super::spool::Rows;
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

/// How many rows each municipality has, of those that a source may speak of.
pub(super) fn counts(read: &QueryRead, source: &Source) -> BTreeMap<String, i64> {
    let count = |tenant: &String| read.present.get(tenant).map_or(0, |present| present.count);
    source.tenants.iter().map(|tenant| (tenant.clone(), count(tenant))).collect()
}
