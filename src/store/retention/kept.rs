//! What keeps a case from being purged, whatever its age.

use std::collections::BTreeMap;

use super::super::sql::Builder;
use super::super::{At, Day, StoreError, Write};
use super::Order;
use crate::calendar::first_instant;

/// Why a case that is old enough stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Somebody holds it.
    Held,
    /// One of its deviations is open, or closed too recently: a person may still have to explain it.
    OpenDeviation,
    /// One of its obligations is open.
    OpenObligation,
    /// Something about it has not left yet.
    Unsent,
    /// Something about it was told or tried too recently: the acceptance journal may still name it.
    Recent,
    /// Its facts changed, and it was not planned since.
    Unplanned,
}

impl Kept {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::OpenDeviation => "open_deviation",
            Self::OpenObligation => "open_obligation",
            Self::Unsent => "unsent",
            Self::Recent => "recent",
            Self::Unplanned => "unplanned",
        }
    }
}

/// How each question begins, and how it goes on after the municipality, before a list of cases. The first that finds a case says
/// why it stays.
const QUESTIONS: [(Kept, &str, &str); 8] = [
    (Kept::Held, "SELECT case_id FROM holds WHERE ended_at IS NULL AND tenant = ", OF_CASE),
    (Kept::OpenDeviation, "SELECT case_id FROM deviations WHERE closed_at IS NULL AND tenant = ", OF_CASE),
    (
        Kept::OpenObligation,
        "SELECT case_id FROM obligations WHERE status IN ('waiting', 'running', 'paused') AND tenant = ",
        OF_CASE,
    ),
    (Kept::Unsent, "SELECT case_id FROM notices WHERE state IN ('pending', 'committing') AND tenant = ", OF_CASE),
    // What waits for the other side, or for a person.
    (
        Kept::Unsent,
        "SELECT n.case_id FROM notices n JOIN messages m ON m.id = n.message \
         AND m.state NOT IN ('sent', 'withdrawn', 'dead') WHERE n.state <> 'withdrawn' AND n.tenant = ",
        " AND n.case_id IN ",
    ),
    (Kept::Unsent, "SELECT case_id FROM deviation_events WHERE told = 0 AND tenant = ", OF_CASE),
    // Of a deviation: the names of such messages begin with its id.
    (
        Kept::Unsent,
        "SELECT d.case_id FROM deviations d JOIN tenant_notices t ON t.tenant = d.tenant \
         AND t.name >= 'deviation:' || d.id || ':' AND t.name < 'deviation:' || d.id || ';' \
         JOIN messages m ON m.id = t.message AND m.state NOT IN ('sent', 'withdrawn', 'dead') WHERE d.tenant = ",
        " AND d.case_id IN ",
    ),
    (Kept::Unplanned, "SELECT case_id FROM agenda WHERE generation < 0 AND tenant = ", OF_CASE),
];

const OF_CASE: &str = " AND case_id IN ";

/// The same of what is too recent: before the municipality, before the day or instant, and whether that is an instant.
const RECENT: [(Kept, &str, &str, bool); 4] = [
    (Kept::OpenDeviation, "SELECT d.case_id FROM deviations d WHERE d.tenant = ", " AND d.closed_at >= ", true),
    (Kept::Recent, "SELECT d.case_id FROM notices d WHERE d.tenant = ", " AND d.handled_on >= ", false),
    (
        Kept::Recent,
        "SELECT d.case_id FROM notices d JOIN attempts a ON a.message = d.message WHERE d.tenant = ",
        " AND coalesce(a.ended_at, a.started_at) >= ",
        true,
    ),
    (
        Kept::Recent,
        "SELECT d.case_id FROM deviations d JOIN tenant_notices t ON t.tenant = d.tenant \
         AND t.name >= 'deviation:' || d.id || ':' AND t.name < 'deviation:' || d.id || ';' \
         JOIN attempts a ON a.message = t.message WHERE d.tenant = ",
        " AND coalesce(a.ended_at, a.started_at) >= ",
        true,
    ),
];

/// Those of these cases that stay, each with the first reason.
pub(super) async fn kept(
    write: &mut Write,
    order: &Order<'_>,
    cases: &[String],
) -> Result<BTreeMap<String, Kept>, StoreError> {
    let since = At::from(first_instant(order.zone, order.before));
    let mut kept = BTreeMap::new();
    for (why, question, of_case) in QUESTIONS {
        let mut select = Builder::new(question);
        select.push_bind(order.tenant).push(of_case).push_list(cases.iter().cloned());
        let found: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        found.into_iter().for_each(|case| {
            kept.entry(case).or_insert(why);
        });
    }
    for (why, question, then, is_instant) in RECENT {
        let mut select = Builder::new(question);
        select.push_bind(order.tenant).push(then);
        match is_instant {
            true => select.push_bind(since),
            false => select.push_bind(Day(order.before)),
        };
        select.push(" AND d.case_id IN ").push_list(cases.iter().cloned());
        let found: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        found.into_iter().for_each(|case| {
            kept.entry(case).or_insert(why);
        });
    }
    Ok(kept)
}
