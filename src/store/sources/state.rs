//! How far a source was read, and how its last reading ended.

use sqlx::FromRow;

use super::super::database::Scope;
use super::super::{At, Store, StoreError, Write, sql};
use crate::calendar::Instant;
use crate::facts::csv::RecordType;

/// What is known of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// Its name in the configuration.
    pub name: String,
    /// When it was last tried.
    pub tried_at: Option<Instant>,
    /// As of when its facts are: when the last reading began that read all of it.
    pub ok_at: Option<Instant>,
    /// Since when it cannot be read, or not all of it.
    pub failed_since: Option<Instant>,
    /// Why not; no values.
    pub failure: Option<String>,
    /// When everything was last read, however old.
    pub reread_at: Option<Instant>,
    /// The fingerprint of the rules that rows were last checked with.
    pub rules: Option<String>,
    /// Its queries that were read before.
    pub queries: Vec<QueryState>,
    /// How many rows its full loads gave.
    pub counts: Vec<TenantCount>,
    /// How many of its rows could not be taken.
    pub set_aside: i64,
}

/// What is known of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryState {
    /// What its rows are.
    pub record_type: RecordType,
    /// The digest of its text.
    pub digest: String,
    /// The columns that it had, separated by commas; empty where any will do.
    pub columns: String,
    /// The greatest watermark so far, as it is stored.
    pub watermark: Option<String>,
    /// How many rows it gave last.
    pub rows: i64,
    /// When.
    pub read_at: Instant,
}

/// How many rows a full load gave of one municipality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantCount {
    /// What the rows are.
    pub record_type: RecordType,
    /// The municipality's id.
    pub tenant: String,
    /// How many there were when they last counted as all.
    pub rows: i64,
    /// So few that what is missing stays, and since when.
    pub held: Option<HeldCount>,
}

/// A full load that gave too few rows to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldCount {
    /// How many it gave.
    pub rows: i64,
    /// Since when it gives too few.
    pub since: Instant,
}

/// A reading of a source, as it is written down once its facts are.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The source's name.
    pub source: String,
    /// When it began: as of when its facts are.
    pub at: Instant,
    /// The fingerprint of the rules that its rows were checked with.
    pub rules: String,
    /// Whether everything was read, however old.
    pub is_whole: bool,
    /// The queries that were read to their end.
    pub queries: Vec<PolledQuery>,
    /// Why others were not; no values.
    pub failure: Option<String>,
}

/// One query that was read to its end.
#[derive(Clone, Debug)]
pub struct PolledQuery {
    /// What its rows are.
    pub record_type: RecordType,
    /// The digest of its text.
    pub digest: String,
    /// Its columns, separated by commas.
    pub columns: String,
    /// The greatest watermark so far.
    pub watermark: Option<String>,
    /// How many rows it gave.
    pub rows: usize,
    /// Of a full load, how many of each municipality.
    pub counts: Vec<TenantCount>,
}

/// What a reading changed about how a source stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// It failed, and either had not failed before or for another reason.
    pub fails_anew: bool,
    /// It failed before, since then, and does no longer.
    pub back_since: Option<Instant>,
}

type StateRow = (String, Option<At>, Option<At>, Option<At>, Option<String>, Option<At>, Option<String>, i64);

/// Source, type, digest, columns, watermark, rows and moment.
type QueryRow = (String, String, String, String, Option<String>, i64, At);

#[derive(FromRow)]
struct CountRow {
    source: String,
    r#type: String,
    tenant: String,
    row_count: i64,
    held_count: Option<i64>,
    held_since: Option<At>,
}

impl Store {
    /// Every source that was ever tried, by name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn source_states(&self) -> Result<Vec<SourceState>, StoreError> {
        let mut read = self.readers.begin().await?;
        let select = "SELECT s.name, s.tried_at, s.ok_at, s.failed_since, s.failure, s.reread_at, s.rules, \
                      (SELECT count(*) FROM source_rows r WHERE r.source = s.name) FROM sources s ORDER BY s.name";
        let rows: Vec<StateRow> = sql::query_as(select).fetch_all(&mut read).await?;
        let select = "SELECT source, type, digest, columns, watermark, row_count, read_at FROM source_queries";
        let queries: Vec<QueryRow> = sql::query_as(select).fetch_all(&mut read).await?;
        let select = "SELECT source, type, tenant, row_count, held_count, held_since FROM source_counts \
                      ORDER BY source, type, tenant";
        let counts: Vec<CountRow> = sql::query_as(select).fetch_all(&mut read).await?;
        drop(read);
        let states = rows.into_iter().map(|(name, tried, ok, since, failure, reread, rules, set_aside)| {
            let of_source = queries.iter().filter(|(source, ..)| *source == name);
            let mut of_source: Vec<QueryState> = of_source
                .filter_map(|(_, word, digest, columns, watermark, rows, read_at)| {
                    Some(QueryState {
                        record_type: RecordType::parse(word)?,
                        digest: digest.clone(),
                        columns: columns.clone(),
                        watermark: watermark.clone(),
                        rows: *rows,
                        read_at: read_at.instant(),
                    })
                })
                .collect();
            of_source.sort_by_key(|query| query.record_type);
            let counted = counts.iter().filter(|row| row.source == name).filter_map(CountRow::count).collect();
            SourceState {
                tried_at: tried.map(At::instant),
                ok_at: ok.map(At::instant),
                failed_since: since.map(At::instant),
                failure,
                reread_at: reread.map(At::instant),
                rules,
                queries: of_source,
                counts: counted,
                set_aside,
                name,
            }
        });
        Ok(states.collect())
    }

    /// One source; as good as new where it was never tried.
    ///
    /// # Errors
    /// What the database says.
    pub async fn source_state(&self, name: &str) -> Result<SourceState, StoreError> {
        let found = self.source_states().await?.into_iter().find(|state| state.name == name);
        Ok(found.unwrap_or_else(|| SourceState { name: name.to_owned(), ..SourceState::default() }))
    }

    /// Writes a reading down. Its facts must have been written before.
    ///
    /// # Errors
    /// What the database says; then it was not, and is made again.
    pub async fn finish_poll(&self, polled: &Polled) -> Result<Ended, StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        for query in &polled.queries {
            write_query(&mut write, polled, query).await?;
        }
        let ended = write_state(&mut write, polled).await?;
        write.commit().await?;
        Ok(ended)
    }
}

impl CountRow {
    fn count(&self) -> Option<TenantCount> {
        let held = self.held_count.zip(self.held_since);
        Some(TenantCount {
            record_type: RecordType::parse(&self.r#type)?,
            tenant: self.tenant.clone(),
            rows: self.row_count,
            held: held.map(|(rows, since)| HeldCount { rows, since: since.instant() }),
        })
    }
}

async fn write_query(write: &mut Write, polled: &Polled, query: &PolledQuery) -> Result<(), StoreError> {
    let upsert = "INSERT INTO source_queries (source, type, digest, columns, watermark, row_count, read_at) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source, type) DO UPDATE \
                  SET digest = excluded.digest, columns = excluded.columns, watermark = excluded.watermark, \
                  row_count = excluded.row_count, read_at = excluded.read_at";
    let word = query.record_type.word();
    let bound = sql::query(upsert).bind(&polled.source).bind(word).bind(&query.digest).bind(&query.columns);
    let bound = bound.bind(&query.watermark).bind(i64::try_from(query.rows).unwrap_or(i64::MAX));
    bound.bind(At::from(polled.at)).execute(&mut *write).await?;
    for count in &query.counts {
        let upsert = "INSERT INTO source_counts (source, type, tenant, row_count, held_count, held_since) \
                      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, type, tenant) DO UPDATE \
                      SET row_count = excluded.row_count, held_count = excluded.held_count, \
                      held_since = excluded.held_since";
        let held = count.held;
        let bound = sql::query(upsert).bind(&polled.source).bind(word).bind(&count.tenant).bind(count.rows);
        let bound = bound.bind(held.map(|held| held.rows)).bind(held.map(|held| At::from(held.since)));
        bound.execute(&mut *write).await?;
    }
    Ok(())
}

async fn write_state(write: &mut Write, polled: &Polled) -> Result<Ended, StoreError> {
    let select = "SELECT failed_since, failure FROM sources WHERE name = $1";
    let before: Option<(Option<At>, Option<String>)> =
        sql::query_as(select).bind(&polled.source).fetch_optional(&mut *write).await?;
    let (failed_since, failure) = before.unwrap_or_default();
    let at = At::from(polled.at);
    let is_ok = polled.failure.is_none();
    let upsert = "INSERT INTO sources (name, tried_at, ok_at, failed_since, failure, reread_at, rules) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE \
                  SET tried_at = excluded.tried_at, ok_at = coalesce(excluded.ok_at, sources.ok_at), \
                  failed_since = excluded.failed_since, failure = excluded.failure, \
                  reread_at = coalesce(excluded.reread_at, sources.reread_at), \
                  rules = coalesce(excluded.rules, sources.rules)";
    let query = sql::query(upsert).bind(&polled.source).bind(at).bind(is_ok.then_some(at));
    let query = query.bind(if is_ok { None } else { Some(failed_since.unwrap_or(at)) }).bind(&polled.failure);
    let query = query.bind((is_ok && polled.is_whole).then_some(at)).bind(is_ok.then_some(polled.rules.as_str()));
    query.execute(&mut *write).await?;
    Ok(Ended {
        fails_anew: !is_ok && failure != polled.failure,
        back_since: failed_since.filter(|_| is_ok).map(At::instant),
    })
}
