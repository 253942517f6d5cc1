//! Decisions held against the audit trail: how a deviation stands by what a person decided must be what their last entry says.
//! The chain alone does not tell: whoever changes a deviation's row by hand touches no entry.

use chrono::NaiveDate;
use serde::Deserialize;
use sqlx::FromRow;

use super::super::sql::Builder;
use super::super::{At, Day, ROWS, Store, StoreError};
use crate::register::Act;

/// A deviation that stands in another way than its last entry in the audit trail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The municipality's id.
    pub tenant: String,
    /// The deviation's id.
    pub id: String,
    /// What is wrong with it; never what it says.
    pub what: &'static str,
}

/// What holding decisions against the trail came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedDecisions {
    /// How many deviations were held against their entries.
    pub held: u64,
    /// How many contradict them.
    pub wrong: u64,
    /// The first of these.
    pub first: Vec<Contradiction>,
}

/// How many contradictions are named.
const NAMED: usize = 20;

const NO_ENTRY: &str = "somebody decided about it, and the audit trail has no entry of that";
const OTHER: &str = "the last entry in the audit trail is about another decision, or about none";
const AUTHOR: &str = "somebody else decided, or at another time, by its entry in the audit trail";
const WORDS: &str = "the reason is not the one in the audit trail";
const DETAILS: &str = "cause or action are not those in the audit trail";

/// A deviation about which somebody decided, with the last entry that names it.
#[derive(FromRow)]
struct Decided {
    tenant: String,
    case_id: String,
    rule: String,
    start: String,
    number: i64,
    id: String,
    cause_code: Option<String>,
    cause: Option<String>,
    action: Option<String>,
    action_due: Option<Day>,
    explained_at: Option<At>,
    explained_by: Option<String>,
    withdrawn_at: Option<At>,
    withdrawn_by: Option<String>,
    withdrawn_reason: Option<String>,
    act: Option<String>,
    actor: Option<String>,
    at: Option<At>,
    reason: Option<String>,
    details: Option<String>,
}

/// What an entry keeps of an explanation beside the cause's words.
#[derive(Default, PartialEq, Deserialize)]
struct Details {
    cause_code: Option<String>,
    action: Option<String>,
    action_due: Option<NaiveDate>,
}

const SELECT: &str = "SELECT d.tenant AS tenant, d.case_id AS case_id, d.rule AS rule, d.start AS start, d.number AS number, \
     d.id AS id, d.cause_code AS cause_code, d.cause AS cause, d.action AS action, d.action_due AS action_due, \
     d.explained_at AS explained_at, d.explained_by AS explained_by, d.withdrawn_at AS withdrawn_at, \
     d.withdrawn_by AS withdrawn_by, d.withdrawn_reason AS withdrawn_reason, a.action AS act, a.actor AS actor, a.at AS at, \
     a.reason AS reason, a.details AS details \
     FROM deviations d LEFT JOIN audit a ON a.tenant = d.tenant AND a.number = (SELECT max(x.number) FROM audit x \
     WHERE x.tenant = d.tenant AND x.subject = 'deviation ' || d.id || ': ' || d.case_id || ' ' || d.rule || ' ' || d.start \
     || ' ' || CAST(d.number AS TEXT)) \
     WHERE (a.number IS NOT NULL OR d.explained_at IS NOT NULL OR d.explained_by IS NOT NULL OR d.withdrawn_at IS NOT NULL \
     OR d.withdrawn_by IS NOT NULL)";

impl Decided {
    fn contradiction(&self) -> Option<&'static str> {
        let Some(act) = &self.act else { return Some(NO_ENTRY) };
        let acts = [Act::Explain, Act::Withdraw, Act::Reopen];
        let act = acts.into_iter().find(|known| known.audited() == act);
        let explained = self.explained_at.is_some() || self.explained_by.is_some();
        let withdrawn = self.withdrawn_at.is_some() || self.withdrawn_by.is_some();
        let (at, by, reason) = match act {
            Some(Act::Explain) if explained && !withdrawn => (self.explained_at, &self.explained_by, &self.cause),
            Some(Act::Withdraw) if withdrawn && !explained => {
                (self.withdrawn_at, &self.withdrawn_by, &self.withdrawn_reason)
            }
            // What was taken back says nothing more.
            Some(Act::Reopen) if !explained && !withdrawn => return None,
            _ => return Some(OTHER),
        };
        let stands = Details {
            cause_code: self.cause_code.clone(),
            action: self.action.clone().filter(|text| !text.is_empty()),
            action_due: self.action_due.map(|day| day.0),
        };
        let written = self.details.as_deref().filter(|text| !text.is_empty());
        let written: Details = written.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if (at, by) != (self.at, &self.actor) {
            Some(AUTHOR)
        } else if *reason != self.reason {
            Some(WORDS)
        } else if stands != written {
            Some(DETAILS)
        } else {
            None
        }
    }
}

impl Store {
    /// Holds what people decided about deviations against their last entries in the audit trail.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify_decisions(&self) -> Result<VerifiedDecisions, StoreError> {
        let mut verified = VerifiedDecisions::default();
        let mut last: Option<Decided> = None;
        loop {
            let mut page = Builder::new(SELECT);
            if let Some(last) = &last {
                page.push(" AND (d.tenant, d.case_id, d.rule, d.start, d.number) > (").push_bind(&last.tenant);
                page.push(", ").push_bind(&last.case_id).push(", ").push_bind(&last.rule);
                page.push(", ").push_bind(&last.start).push(", ").push_bind(last.number).push(")");
            }
            page.push(" ORDER BY d.tenant, d.case_id, d.rule, d.start, d.number LIMIT ");
            page.push_bind(i64::try_from(ROWS).unwrap_or(i64::MAX));
            let rows: Vec<Decided> = page.build_query_as().fetch_all(&self.readers).await?;
            for row in &rows {
                verified.held += 1;
                let Some(what) = row.contradiction() else { continue };
                verified.wrong += 1;
                if verified.first.len() < NAMED {
                    verified.first.push(Contradiction { tenant: row.tenant.clone(), id: row.id.clone(), what });
                }
            }
            match rows.into_iter().next_back() {
                Some(row) => last = Some(row),
                None => return Ok(verified),
            }
        }
    }
}
