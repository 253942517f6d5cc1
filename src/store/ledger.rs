//! The ledger of a case as the engine reads it: what became of its ladder steps.

use std::collections::HashMap;

use super::database::Read;
use super::sql::Builder;
use super::{Day, NoticeRow, ROWS, StoreError};
use crate::notice::{Handled, Outcome, Purpose, Role};

#[derive(sqlx::FromRow)]
struct LedgerRow {
    rule: String,
    start: String,
    step: String,
    repetition: i64,
    due_on: Day,
    role: String,
    purpose: String,
    outcome: String,
    handled_on: Day,
}

/// The ledger of one case, or why it cannot be read.
pub(super) type Ledger = Result<Vec<Handled>, String>;

/// The ledgers of these cases, by case id, each in a fixed order. A step whose mail was withdrawn is not handled, whatever
/// a webhook heard of it. A row that cannot be read spoils the ledger of its own case and no other: what was sent is not
/// known any more, and to go on might send it again.
pub(super) async fn ledgers(
    read: &mut Read,
    tenant: &str,
    cases: &[&str],
) -> Result<HashMap<String, Ledger>, StoreError> {
    let mut ledgers: HashMap<String, Ledger> = HashMap::new();
    for chunk in cases.chunks(ROWS) {
        let mut select = Builder::new(
            "SELECT case_id, rule, start, step, repetition, due_on, role, purpose, outcome, handled_on \
             FROM notices n WHERE state <> 'withdrawn' AND NOT EXISTS (SELECT 1 FROM notices e \
                 WHERE e.tenant = n.tenant AND e.case_id = n.case_id AND e.rule = n.rule AND e.start = n.start \
                 AND e.step = n.step AND e.repetition = n.repetition AND e.due_on = n.due_on AND e.role = n.role \
                 AND e.channel = 'email' AND e.state = 'withdrawn') AND tenant = ",
        );
        select.push_bind(tenant).push(" AND case_id IN ").push_list(chunk.iter().map(|id| (*id).to_owned()));
        select.push(" ORDER BY case_id, rule, start, due_on, step, repetition, role, channel");
        for row in select.build().fetch_rows(&mut *read).await? {
            let ledger = ledgers.entry(row.try_get("case_id")?).or_insert_with(|| Ok(vec![]));
            let Ok(entries) = ledger else { continue };
            match row.decode::<LedgerRow>().and_then(LedgerRow::handled) {
                // One row a channel, one entry a step.
                Ok(handled) if entries.last() == Some(&handled) => {}
                Ok(handled) => entries.push(handled),
                Err(reason) => *ledger = Err(format!("ledger: {reason}")),
            }
        }
    }
    Ok(ledgers)
}

impl LedgerRow {
    fn handled(self) -> Result<Handled, String> {
        Ok(Handled {
            role: Role::parse(&self.role).ok_or("unknown role")?,
            purpose: [Purpose::Reminder, Purpose::Escalation]
                .into_iter()
                .find(|purpose| purpose.word() == self.purpose)
                .ok_or("unknown purpose")?,
            outcome: Outcome::parse(&self.outcome).ok_or("unknown outcome")?,
            rule: self.rule.into(),
            start: self.start.into(),
            step: self.step.into(),
            repetition: u32::try_from(self.repetition).map_err(|_| "a repetition below 0")?,
            due_on: self.due_on.0,
            on: self.handled_on.0,
        })
    }
}

impl NoticeRow {
    /// The entry of the ledger that it is.
    ///
    /// # Errors
    /// Where it holds a word that this program did not write.
    pub fn handled(&self) -> Result<Handled, String> {
        let row = LedgerRow {
            rule: self.rule.clone(),
            start: self.start.clone(),
            step: self.step.clone(),
            repetition: self.repetition,
            due_on: self.due_on,
            role: self.role.clone(),
            purpose: self.purpose.clone(),
            outcome: self.outcome.clone(),
            handled_on: self.handled_on,
        };
        row.handled()
    }
}
