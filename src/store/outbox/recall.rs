//! What the acceptance journal knows and the database does not: taken as sent, and never sent again.

use serde::Serialize;

use super::super::database::Scope;
use super::super::planning::plan_again;
use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, Store, StoreError, Write};
use super::settle::mark_notices_sent;
use super::{Claimed, ClaimedNotice};
use uuid::Uuid;

use crate::calendar::Instant;
use crate::journal::{Acceptance, HandledStep, Mark};
use crate::notice::Purpose;

/// What was recalled from the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recalled {
    /// Messages that the database had, and held for unsent.
    pub settled: usize,
    /// Messages that the database had forgotten, or never had: it is older than the journal.
    pub restored: usize,
}

impl Claimed {
    /// What the journal has of it once it is taken: what it told, and the earlier steps that this stood for. `code` is the
    /// answer's, such as `250`.
    #[must_use]
    pub fn acceptance(&self, code: &str, at: Instant) -> Acceptance {
        Acceptance {
            at: at.timestamp_millis(),
            message: self.message,
            attempt: self.attempt,
            code: code.to_owned(),
            tenant: self.tenant.clone(),
            recipient: self.recipient.to_string(),
            channel: self.channel.clone(),
            slot: self.slot.timestamp_millis(),
            subject: self.subject.clone(),
            steps: self.notices.iter().chain(&self.stood_for).map(ClaimedNotice::step).collect(),
        }
    }
}

impl ClaimedNotice {
    fn step(&self) -> HandledStep {
        HandledStep {
            case: self.case.clone(),
            reference: self.reference.clone(),
            rule: self.rule.clone(),
            start: self.start.clone(),
            step: self.step.clone(),
            repetition: self.repetition,
            due_on: self.due_on.0,
            role: self.role.clone(),
            position: self.position,
            purpose: self.purpose.clone(),
            outcome: self.outcome.clone(),
            handled_on: self.handled_on.0,
        }
    }
}

impl Store {
    /// The name under which the place in a journal is kept. Beside a file there is one.
    pub(in super::super) fn mark(&self, journal: Uuid) -> String {
        if self.is_shared() { format!("journal:{journal}") } else { "journal".to_owned() }
    }

    /// Up to where a journal, named by its id, is known to be in the database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn journal_mark(&self, journal: Uuid) -> Result<Mark, StoreError> {
        let select = "SELECT value FROM settings WHERE name = $1";
        let text: Option<String> =
            sql::query_scalar(select).bind(self.mark(journal)).fetch_optional(&self.readers).await?;
        Ok(text.and_then(|text| Mark::parse(&text)).unwrap_or_default())
    }

    /// Takes what the journal says as sent, and remembers up to where it was read. What is known as sent already stays.
    /// Of messages that the database never had, the ledger is filled in, so that nothing they told is told again.
    ///
    /// # Errors
    /// What the database says; then the same call may be repeated.
    pub async fn recall(
        &self,
        accepted: &[Acceptance],
        (journal, mark): (Uuid, Mark),
        now: Instant,
    ) -> Result<Recalled, StoreError> {
        let mut recalled = Recalled::default();
        for chunk in accepted.chunks(ROWS) {
            let tenants: Vec<&str> = chunk.iter().map(|one| one.tenant.as_str()).collect();
            let mut write = self.write(Scope::Tenants(&tenants)).await?;
            for one in chunk {
                if settle(&mut write, one, now).await? {
                    recalled.settled += 1;
                } else if restore(&mut write, one).await? {
                    recalled.restored += 1;
                }
            }
            write.commit().await?;
        }
        let mut write = self.write(Scope::Rows).await?;
        let upsert = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <> excluded.value";
        sql::query(upsert).bind(self.mark(journal)).bind(mark.to_string()).execute(&mut write).await?;
        write.commit().await?;
        Ok(recalled)
    }
}

/// Settles a message that the database has. `false`: it has none such, or knows it as sent.
async fn settle(write: &mut Write, one: &Acceptance, now: Instant) -> Result<bool, StoreError> {
    let update = "UPDATE messages SET state = 'sent', attempt = NULL, lease_until = NULL, ended_at = $2 \
                  WHERE id = $1 AND state <> 'sent' AND NOT EXISTS \
                      (SELECT 1 FROM attempts WHERE id = $3 AND phase = 'accepted') RETURNING id";
    // What was accepted with this attempt and waits again is replayed by hand: this line does not speak of that.
    let query = sql::query_scalar(update).bind(one.message.to_string()).bind(one.at).bind(one.attempt.to_string());
    let message: Option<String> = query.fetch_optional(&mut *write).await?;
    let Some(message) = message else { return Ok(false) };
    if one.steps.is_empty() {
        mark_notices_sent(write, std::slice::from_ref(&message)).await?;
    }
    for chunk in one.steps.chunks(ROWS) {
        restore_steps(write, one, chunk).await?;
    }
    leave_behind(write, &message).await?;
    let others = "UPDATE attempts SET phase = 'failed', code = 'recalled', ended_at = $3 \
                  WHERE message = $1 AND id <> $2 AND phase IN ('claimed', 'committing')";
    let query = sql::query(others).bind(&message).bind(one.attempt.to_string());
    query.bind(At::from(now)).execute(&mut *write).await?;
    record_attempt(write, one, now).await?;
    Ok(true)
}

/// What has joined a message since it was handed over was not in it: it is planned again.
async fn leave_behind(write: &mut Write, message: &str) -> Result<(), StoreError> {
    let withdraw = "UPDATE notices SET state = 'withdrawn', reason = 'not in what was sent' \
                    WHERE message = $1 AND state IN ('pending', 'committing') RETURNING tenant, case_id";
    let cases: Vec<(String, String)> = sql::query_as(withdraw).bind(message).fetch_all(&mut *write).await?;
    for (tenant, case) in &cases {
        plan_again(write, tenant, case).await?;
    }
    Ok(())
}

async fn record_attempt(write: &mut Write, one: &Acceptance, now: Instant) -> Result<(), StoreError> {
    let insert = "INSERT INTO attempts (id, message, phase, owner, lease_until, started_at, ended_at, code) \
                  VALUES ($1, $2, 'accepted', 'journal', $3, $4, $4, $5) ON CONFLICT (id) DO UPDATE \
                  SET phase = excluded.phase, ended_at = excluded.ended_at, class = NULL, code = excluded.code";
    let query = sql::query(insert).bind(one.attempt.to_string()).bind(one.message.to_string());
    query.bind(At::from(now)).bind(one.at).bind(&one.code).execute(&mut *write).await?;
    Ok(())
}

/// Writes down a message that the database never had, with everything that was handled by it.
async fn restore(write: &mut Write, one: &Acceptance) -> Result<bool, StoreError> {
    let escalation = one.steps.iter().any(|step| step.purpose == Purpose::Escalation.word());
    let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, reason, \
                      possible_repeat, tries, next_try_at, created_at, ended_at) \
                  VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 'sent', 'recalled from the journal', 0, 0, $8, $8, $8) \
                  ON CONFLICT (id) DO NOTHING";
    let query = sql::query(insert).bind(one.message.to_string()).bind(&one.tenant).bind(&one.recipient);
    let query = query.bind(&one.channel).bind(one.slot).bind(i64::from(escalation)).bind(&one.subject).bind(one.at);
    if query.execute(&mut *write).await? == 0 {
        return Ok(false);
    }
    if let Some(subject) = &one.subject {
        let insert = "INSERT INTO tenant_notices (tenant, name, message, created_at) VALUES ($1, $2, $3, $4) \
                      ON CONFLICT (tenant, name) DO NOTHING";
        let query = sql::query(insert).bind(&one.tenant).bind(subject);
        query.bind(one.message.to_string()).bind(one.at).execute(&mut *write).await?;
    }
    for chunk in one.steps.chunks(ROWS) {
        restore_steps(write, one, chunk).await?;
    }
    let attempt = Acceptance { steps: vec![], ..one.clone() };
    record_attempt(write, &attempt, At(one.at).instant()).await?;
    Ok(true)
}

async fn restore_steps(write: &mut Write, one: &Acceptance, steps: &[HandledStep]) -> Result<(), StoreError> {
    let mut insert = Builder::new(
        "INSERT INTO notices (tenant, case_id, rule, start, step, repetition, due_on, role, channel, ref, position, \
         purpose, outcome, recipient, state, message, handled_on, made_at) ",
    );
    insert.push_values(steps, |row, step| {
        let is_sent = step.outcome == "sent";
        row.push_bind(one.tenant.clone()).push_bind(step.case.clone()).push_bind(step.rule.clone());
        row.push_bind(step.start.clone()).push_bind(step.step.clone()).push_bind(step.repetition);
        row.push_bind(Day(step.due_on)).push_bind(step.role.clone());
        row.push_bind(if is_sent { one.channel.clone() } else { String::new() });
        row.push_bind(step.reference.clone()).push_bind(step.position).push_bind(step.purpose.clone());
        row.push_bind(step.outcome.clone()).push_bind(is_sent.then(|| one.recipient.clone()));
        row.push_bind(if is_sent { "sent" } else { "done" }).push_bind(one.message.to_string());
        row.push_bind(Day(step.handled_on)).push_bind(one.at);
    });
    // What was planned again meanwhile is not sent again: it leaves the message that it waits in.
    insert.push(
        " ON CONFLICT (tenant, case_id, rule, start, step, repetition, due_on, role, channel) DO UPDATE \
         SET outcome = excluded.outcome, recipient = excluded.recipient, state = excluded.state, reason = NULL, \
             message = excluded.message, handled_on = excluded.handled_on WHERE notices.state <> 'sent'",
    );
    insert.build().execute(&mut *write).await?;
    Ok(())
}
