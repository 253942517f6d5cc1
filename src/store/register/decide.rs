//! What people decide about deviations: explained, withdrawn, and taken back. Each in one transaction with its entry in the
//! audit trail, which alone keeps the words of every decision there ever was.

use chrono::NaiveDate;
use serde::Serialize;

use super::super::audit::record;
use super::super::sql;
use super::super::{At, AuditEntry, Day, Store, StoreError, Write};
use super::life::{Change, STORED, StoredRow, add};
use crate::calendar::{Instant, civil_date};
use crate::register::{Act, Decision, DeviationName, Explanation, Impossible, Standing};

/// What became of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It was written down.
    Done,
    /// There is no such deviation.
    Unknown,
    /// It stands in a way that does not allow it.
    Impossible(Impossible),
}

impl Store {
    /// Writes down what a person decided: an explanation of what is open, met late or explained before; a withdrawal of
    /// what the facts still call a lapse; or that such a decision is taken back, and the deviation stands as the facts say.
    /// `via` is by which way it came: empty for a command on this machine, `token:NAME` for a page.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn decide(
        &self,
        name: DeviationName<'_>,
        decision: &Decision,
        via: &str,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        let zone = self.zones().await?.get(name.tenant).copied().unwrap_or(chrono_tz::Europe::Oslo);
        let mut write = self.write_in(name.tenant).await?;
        let Some(row) = one(&mut write, name).await? else { return Ok(Decided::Unknown) };
        let before = row.standing();
        let after = match before.after(decision.act(), now) {
            Ok(after) => after,
            Err(impossible) => return Ok(Decided::Impossible(impossible)),
        };
        row.stand(&mut write, decision, after, now).await?;
        let (subject, details) = (subject(name), details(decision));
        let entry = AuditEntry {
            tenant: name.tenant,
            actor: decision.by(),
            via,
            action: decision.act().audited(),
            subject: &subject,
            reason: decision.reason(),
            details: &details,
        };
        let number = record(&mut write, entry, now).await?;
        let change = row.change(decision.act().happening(), before, after, now, civil_date(zone, now));
        let cause_code = decision.explanation().map(|explanation| explanation.cause_code.clone());
        // Another cause is news, too.
        let is_news = change.is_news || cause_code.is_some();
        let author = Some((decision.by().to_owned(), number));
        add(&mut write, name.tenant, vec![Change { author, cause_code, is_news, ..change }], now).await?;
        write.commit().await?;
        Ok(Decided::Done)
    }
}

async fn one(write: &mut Write, name: DeviationName<'_>) -> Result<Option<StoredRow>, StoreError> {
    let mut select = sql::Builder::new(STORED);
    select.push("tenant = ").push_bind(name.tenant).push(" AND case_id = ").push_bind(name.case);
    select.push(" AND rule = ").push_bind(name.rule).push(" AND start = ").push_bind(name.start);
    select.push(" AND number = ").push_bind(name.number);
    Ok(select.build_query_as().fetch_optional(write).await?)
}

/// What the audit trail calls a deviation.
fn subject(name: DeviationName<'_>) -> String {
    format!("deviation {}: {} {} {} {}", name.id(), name.case, name.rule, name.start, name.number)
}

/// What the audit trail keeps beside the reason.
fn details(decision: &Decision) -> String {
    let Some(explanation) = decision.explanation() else { return String::new() };
    let Explanation { cause_code, action, action_due, .. } = explanation;
    // Texts and a date: they always have a JSON form.
    serde_json::to_string(&Details { cause_code, action: action.as_deref(), action_due: *action_due })
        .unwrap_or_default()
}

#[derive(Serialize)]
struct Details<'a> {
    cause_code: &'a str,
    action: Option<&'a str>,
    action_due: Option<NaiveDate>,
}

impl StoredRow {
    /// Writes how the deviation stands after a decision.
    async fn stand(
        &self,
        write: &mut Write,
        decision: &Decision,
        after: Standing,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (at, act) = (At::from(now), decision.act());
        let explained = decision.explanation();
        let withdrawn = (act == Act::Withdraw).then(|| decision.reason());
        let reopened = act == Act::Reopen;
        let closed = after.closed();
        let update = "UPDATE deviations SET closed_at = $6, closed_as = $7, cause_code = $8, cause = $9, action = $10, \
                      action_due = $11, explained_at = $12, explained_by = $13, withdrawn_at = $14, withdrawn_by = $15, \
                      withdrawn_reason = $16, reopened_at = coalesce($17, reopened_at), \
                      reopened_by = coalesce($18, reopened_by) \
                      WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 AND number = $5";
        let query = sql::query(update).bind(&self.tenant).bind(&self.case_id).bind(&self.rule).bind(&self.start);
        let query = query.bind(self.number).bind(closed.map(|(at, _)| At::from(at)));
        let query = query.bind(closed.map(|(_, how)| how.word()));
        let query = query.bind(explained.map(|one| one.cause_code.as_str()));
        let query = query.bind(explained.map(|one| one.cause.as_str()));
        let query = query.bind(explained.and_then(|one| one.action.as_deref()));
        let query = query.bind(explained.and_then(|one| one.action_due).map(Day));
        let query = query.bind(explained.map(|_| at)).bind(explained.map(|_| decision.by()));
        let query = query.bind(withdrawn.map(|_| at)).bind(withdrawn.map(|_| decision.by())).bind(withdrawn);
        let query = query.bind(reopened.then_some(at)).bind(reopened.then(|| decision.by()));
        query.execute(write).await?;
        Ok(())
    }
}
