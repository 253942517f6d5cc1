//! A look at a source without reading it: does it answer, does it only let us read, does each query run.

use tokio_util::sync::CancellationToken;

use super::database::Rights;
use super::failure::Failure;
use super::mark::Bound;
use super::read::{Before, check_shape, open};
use super::settings::{Query, Source};
use crate::calendar::Instant;
use crate::facts::csv::RecordType;
use crate::rules::RuleSet;
use crate::store::SourceState;

/// What was found.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What the server calls itself, or why it cannot be asked.
    pub version: Result<String, Failure>,
    /// What the role may write, if it may; `None` where that is not known.
    pub writes: Option<Result<Option<String>, Failure>>,
    /// Each query.
    pub queries: Vec<QueryProbe>,
}

/// What was found of one query.
#[derive(Clone, Debug)]
pub struct QueryProbe {
    /// What its rows are.
    pub record_type: RecordType,
    /// How many columns it has, and whether there is a row; or why it does not run.
    pub found: Result<(usize, bool), Failure>,
}

/// Looks at a source. Nothing is changed, and of each query no more than the first row is fetched.
pub async fn probe(source: &Source, state: &SourceState, rules: &RuleSet, now: Instant) -> Probe {
    let stop = CancellationToken::new();
    let mut session = match open(source, &stop).await {
        Ok(session) => session,
        Err(failure) => return Probe { version: Err(failure), writes: None, queries: vec![] },
    };
    let version = session.version().await;
    let writes = match session.rights().await {
        Ok(Rights::Reads) => Ok(None),
        Ok(Rights::Writes(what)) => Ok(Some(what)),
        Err(failure) => Err(failure),
    };
    session.close().await;
    let before = Before { state, aside: &[], retry: false, is_whole: true, vocabulary: &rules.vocabulary, now };
    let mut queries = vec![];
    for query in &source.queries {
        let found = probe_query(source, query, &before, &stop).await;
        queries.push(QueryProbe { record_type: query.record_type, found });
    }
    Probe { version, writes: Some(writes), queries }
}

/// On a connection of its own: of the rest of the rows nobody waits for the end.
async fn probe_query(
    source: &Source,
    query: &Query,
    before: &Before<'_>,
    stop: &CancellationToken,
) -> Result<(usize, bool), Failure> {
    let mut session = open(source, stop).await?;
    let shape = session.describe(&query.sql, query.watermark()).await?;
    check_shape(source, query, &shape, before)?;
    let lowest = Bound::Lowest(shape.comparison);
    let first = session.first(&query.sql, query.watermark().map(|_| &lowest)).await?;
    if let Some(values) = &first {
        let unreadable = shape.columns.iter().zip(values).find_map(|(name, value)| Some((name, value.as_ref().err()?)));
        if let Some((name, text)) = unreadable {
            return Err(Failure::of_statement(format!("the column `{name}`: {text}")));
        }
    }
    Ok((shape.columns.len(), first.is_some()))
}
