//! What people decide about deviations: explained, withdrawn, and taken back. Each in one transaction with its entry in the
//! audit trail, which alone keeps the words of every decision there ever was.

use chrono::NaiveDate;

use super::super::audit::record;
use super::super::sql;
use super::super::{At, AuditEntry, Day, Store, StoreError, Write};
use super::life::{Change, STORED, StoredRow, add};
use crate::calendar::{Instant, civil_date};
use crate::register::{Act, DeviationName, Impossible, Standing};

/// Who decides, and by which way that came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author<'a> {
    /// Who, as they said.
    pub by: &'a str,
    /// By which way: empty for a command on this machine, `token:NAME` for a page.
    pub via: &'a str,
}

/// Why a deviation happened and what is done about it. Texts have passed [`crate::register::free_text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// A code of [`crate::register::Causes`].
    pub cause_code: &'a str,
    /// Why it happened.
    pub cause: &'a str,
    /// What was or will be done; empty: nothing.
    pub action: &'a str,
    /// The day by which that will be done.
    pub action_due: Option<NaiveDate>,
}

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

/// A decision, with its words.
#[derive(Clone, Copy)]
enum Decision<'a> {
    Explain(Explanation<'a>),
    Withdraw(&'a str),
    Reopen(&'a str),
}

impl Store {
    /// A person explains a deviation that is open, met late or explained before.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn explain_away(
        &self,
        name: DeviationName<'_>,
        explanation: Explanation<'_>,
        author: Author<'_>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        self.decide(name, Decision::Explain(explanation), author, now).await
    }

    /// A person says that a deviation was none, though the facts still say so. What was explained before is taken out.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn withdraw_deviation(
        &self,
        name: DeviationName<'_>,
        reason: &str,
        author: Author<'_>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        self.decide(name, Decision::Withdraw(reason), author, now).await
    }

    /// A person takes back what a person decided. The deviation then stands as the facts say.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn reopen_deviation(
        &self,
        name: DeviationName<'_>,
        reason: &str,
        author: Author<'_>,
        now: Instant,
    ) -> Result<Decided, StoreError> {
        self.decide(name, Decision::Reopen(reason), author, now).await
    }

    async fn decide(
        &self,
        name: DeviationName<'_>,
        decision: Decision<'_>,
        author: Author<'_>,
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
        decision.write(&mut write, &row, after, author, now).await?;
        let (details, subject) = (decision.details(), row.subject());
        let entry = AuditEntry {
            tenant: name.tenant,
            actor: author.by,
            via: author.via,
            action: decision.act().audited(),
            subject: &subject,
            reason: decision.reason(),
            details: &details,
        };
        let number = record(&mut write, entry, now).await?;
        let change = row.change(decision.act().happening(), before, after, now, civil_date(zone, now));
        let cause_code = match decision {
            Decision::Explain(explanation) => Some(explanation.cause_code.to_owned()),
            Decision::Withdraw(_) | Decision::Reopen(_) => None,
        };
        // Another cause is news, too.
        let is_news = change.is_news || cause_code.is_some();
        let change = Change { author: Some((author.by.to_owned(), number)), cause_code, is_news, ..change };
        add(&mut write, name.tenant, vec![change], now).await?;
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

impl StoredRow {
    /// What the audit trail calls it.
    fn subject(&self) -> String {
        let name = DeviationName::from(self);
        format!("deviation {}: {} {} {} {}", name.id(), name.case, name.rule, name.start, name.number)
    }
}

impl Decision<'_> {
    fn act(self) -> Act {
        match self {
            Self::Explain(_) => Act::Explain,
            Self::Withdraw(_) => Act::Withdraw,
            Self::Reopen(_) => Act::Reopen,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Explain(explanation) => explanation.cause,
            Self::Withdraw(reason) | Self::Reopen(reason) => reason,
        }
    }

    /// What the audit trail keeps beside the reason.
    fn details(&self) -> String {
        match self {
            Self::Explain(Explanation { cause_code, action, action_due, .. }) => {
                serde_json::json!({ "cause_code": cause_code, "action": action, "action_due": action_due }).to_string()
            }
            Self::Withdraw(_) | Self::Reopen(_) => String::new(),
        }
    }

    /// Writes how the deviation stands afterwards.
    async fn write(
        &self,
        write: &mut Write,
        row: &StoredRow,
        after: Standing,
        author: Author<'_>,
        now: Instant,
    ) -> Result<(), StoreError> {
        let explained = match self {
            Self::Explain(explanation) => Some(explanation),
            Self::Withdraw(_) | Self::Reopen(_) => None,
        };
        let withdrawn = match self {
            Self::Withdraw(reason) => Some(*reason),
            Self::Explain(_) | Self::Reopen(_) => None,
        };
        let at = At::from(now);
        let update = "UPDATE deviations SET closed_at = $6, closed_as = $7, cause_code = $8, cause = $9, action = $10, \
                      action_due = $11, explained_at = $12, explained_by = $13, withdrawn_at = $14, withdrawn_by = $15, \
                      withdrawn_reason = $16 WHERE tenant = $1 AND case_id = $2 AND rule = $3 AND start = $4 \
                      AND number = $5";
        let query = sql::query(update).bind(&row.tenant).bind(&row.case_id).bind(&row.rule).bind(&row.start);
        let closed = after.closed();
        let query = query.bind(row.number).bind(closed.map(|(at, _)| At::from(at)));
        let query = query.bind(closed.map(|(_, how)| how.word()));
        let query = query.bind(explained.map(|one| one.cause_code)).bind(explained.map(|one| one.cause));
        let query = query.bind(explained.map(|one| one.action).filter(|action| !action.is_empty()));
        let query = query.bind(explained.and_then(|one| one.action_due).map(Day)).bind(explained.map(|_| at));
        let query = query.bind(explained.map(|_| author.by)).bind(withdrawn.map(|_| at));
        let query = query.bind(withdrawn.map(|_| author.by)).bind(withdrawn);
        query.execute(&mut *write).await?;
        if matches!(self, Self::Reopen(_)) {
            let update = "UPDATE deviations SET reopened_at = $6, reopened_by = $7 WHERE tenant = $1 AND case_id = $2 \
                          AND rule = $3 AND start = $4 AND number = $5";
            let query = sql::query(update).bind(&row.tenant).bind(&row.case_id).bind(&row.rule).bind(&row.start);
            query.bind(row.number).bind(at).bind(author.by).execute(&mut *write).await?;
        }
        Ok(())
    }
}
