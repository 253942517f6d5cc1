//! What keeps a case from being purged, whatever its age.

use std::collections::BTreeMap;

use super::super::sql::Builder;
use super::super::{At, StoreError, Write};
use crate::calendar::Instant;

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

/// Those of these cases that stay, each with the first reason. `since`: what closed then or later is too recent.
pub(super) async fn kept(
    write: &mut Write,
    tenant: &str,
    cases: &[String],
    since: Instant,
) -> Result<BTreeMap<String, Kept>, StoreError> {
    let mut kept = BTreeMap::new();
    for (why, question, of_case) in QUESTIONS {
        let mut select = Builder::new(question);
        select.push_bind(tenant).push(of_case).push_list(cases.iter().cloned());
        let found: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        for case in found {
            kept.entry(case).or_insert(why);
        }
    }
    let mut recent = Builder::new("SELECT case_id FROM deviations WHERE tenant = ");
    recent.push_bind(tenant).push(" AND closed_at >= ").push_bind(At::from(since));
    recent.push(OF_CASE).push_list(cases.iter().cloned());
    let found: Vec<String> = recent.build_query_scalar().fetch_all(&mut *write).await?;
    for case in found {
        kept.entry(case).or_insert(Kept::OpenDeviation);
    }
    Ok(kept)
}
