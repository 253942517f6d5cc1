//! Notices: put into messages once, and taken out again as long as they are not sent.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::super::register::lane;
use super::super::rounds::{Gathered, release, withdraw_empty};
use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, StoreError, Write};
use super::{Application, Batch, Channels, EMAIL, push_cases};
use crate::notice::{Handled, Notice, Outcome, Purpose};
use crate::obligation::Obligation;

/// A row of the ledger that is to be.
struct Entry<'a> {
    application: &'a Application<'a>,
    handled: &'a Handled,
    /// What goes out, for a step that is sent.
    notice: Option<&'a Notice>,
    channel: &'a str,
    message: Option<String>,
}

/// Writes what becomes of ladder steps on this occasion, and gathers what is sent into messages.
pub(super) async fn write(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    let mut entries: Vec<Entry<'_>> = applications.iter().flat_map(|one| entries(batch, one)).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let mut messages = HashMap::new();
    for entry in &mut entries {
        let (Some(notice), false) = (entry.notice, batch.channels == Channels::Shadow) else { continue };
        let escalation = notice.purpose == Purpose::Escalation;
        if entry.channel != EMAIL {
            let lane = is_in_lane(batch, entry.channel).then(|| {
                let handled = entry.handled;
                lane(&entry.application.case.id, &handled.rule, &handled.start)
            });
            entry.message = Some(single(write, batch, notice, entry.channel, lane).await?.to_string());
            continue;
        }
        let key = (notice.recipient.to_string(), entry.channel.to_owned());
        let message = match messages.get(&key) {
            Some((id, escalates)) if *escalates || !escalation => Uuid::clone(id),
            _ => {
                let id = gather(write, batch, &key, escalation).await?;
                messages.insert(key, (id, escalation));
                id
            }
        };
        entry.message = Some(message.to_string());
    }
    stand_for(&mut entries);
    for chunk in entries.chunks(ROWS) {
        insert(write, batch, chunk).await?;
    }
    if batch.round.is_none() {
        release(write, &batch.tenant.id, Gathered::Urgent, batch.now).await?;
    }
    Ok(())
}

fn entries<'a>(batch: &Batch<'a>, application: &'a Application<'a>) -> Vec<Entry<'a>> {
    let mut entries = vec![];
    for handled in &application.plan.handled {
        let matches = |notice: &&Notice| {
            let key = (&notice.start, &notice.step, notice.repetition, notice.due_on, &notice.role);
            key == (&handled.start, &handled.step, handled.repetition, handled.due_on, &handled.role)
                && batch.rules.rule(notice.rule).name == handled.rule
        };
        let entry = |notice, channel| Entry { application, handled, notice, channel, message: None };
        match (handled.outcome, batch.channels) {
            (Outcome::Sent, Channels::Send(others)) => {
                let notice = application.plan.notices.iter().find(matches);
                entries.push(entry(notice, EMAIL));
                let asking = others.iter().filter(|other| other.asks_for(handled));
                entries.extend(asking.map(|other| entry(notice, other.channel.as_str())));
            }
            (Outcome::Sent, Channels::Shadow) => {
                entries.push(entry(application.plan.notices.iter().find(matches), ""));
            }
            (Outcome::Overtaken | Outcome::Merged, _) => entries.push(entry(None, "")),
        }
    }
    entries
}

/// Steps that were overtaken or merged belong to a message that tells of the same obligation: when it is taken, they are
/// handled too, whatever becomes of the database.
fn stand_for(entries: &mut [Entry<'_>]) {
    let told: Vec<(usize, String)> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.channel == EMAIL)
        .filter_map(|(index, entry)| Some((index, entry.message.clone()?)))
        .collect();
    let same = |one: &Entry<'_>, other: &Entry<'_>| {
        let key = |entry: &Entry<'_>| (entry.handled.rule.clone(), entry.handled.start.clone(), entry.handled.due_on);
        std::ptr::eq(one.application, other.application) && key(one) == key(other)
    };
    for place in 0..entries.len() {
        if entries[place].notice.is_none() {
            let message = told.iter().find(|(index, _)| same(&entries[*index], &entries[place]));
            entries[place].message = message.map(|(_, message)| message.clone());
        }
    }
}

/// Whether a channel also hears of deviations, which its notices are not to overtake.
fn is_in_lane(batch: &Batch<'_>, channel: &str) -> bool {
    match batch.channels {
        Channels::Send(subscriptions) => subscriptions.iter().any(|one| one.channel == channel && one.deviations),
        Channels::Shadow => false,
    }
}

/// A message of one notice, ready to leave.
async fn single(
    write: &mut Write,
    batch: &Batch<'_>,
    notice: &Notice,
    channel: &str,
    lane: Option<String>,
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    let insert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, state, \
                      possible_repeat, tries, next_try_at, created_at, lane) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, 0, $8, $8, $9)";
    let query = sql::query(insert).bind(id.to_string()).bind(&*batch.tenant.id).bind(notice.recipient.to_string());
    let query = query.bind(channel).bind(At::from(batch.round.unwrap_or(batch.now)));
    let query = query.bind(i64::from(batch.round.is_none()));
    let query = query.bind(i64::from(notice.purpose == Purpose::Escalation)).bind(At::from(batch.now)).bind(lane);
    query.execute(&mut *write).await?;
    Ok(id)
}

/// The message that still gathers notices for this recipient, made where there is none.
async fn gather(
    write: &mut Write,
    batch: &Batch<'_>,
    (recipient, channel): &(String, String),
    escalation: bool,
) -> Result<Uuid, StoreError> {
    let slot = At::from(batch.round.unwrap_or(batch.now));
    let upsert = "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, state, \
                      possible_repeat, tries, next_try_at, created_at) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, 'gathering', 0, 0, $8, $8) \
                  ON CONFLICT (tenant, recipient, channel, slot) WHERE state = 'gathering' DO UPDATE \
                  SET escalation = CASE WHEN excluded.escalation = 1 THEN 1 ELSE messages.escalation END \
                  RETURNING id";
    let query = sql::query_scalar(upsert).bind(Uuid::now_v7().to_string()).bind(&*batch.tenant.id);
    let query = query.bind(recipient).bind(channel).bind(slot).bind(i64::from(batch.round.is_none()));
    let query = query.bind(i64::from(escalation)).bind(At::from(batch.now));
    let id: String = query.fetch_one(&mut *write).await?;
    Uuid::parse_str(&id).map_err(|_| StoreError::Unreadable {
        table: "messages",
        row: id,
        reason: "the id is no UUID".to_owned(),
    })
}

async fn insert(write: &mut Write, batch: &Batch<'_>, entries: &[Entry<'_>]) -> Result<(), StoreError> {
    let mut insert = Builder::new(
        "INSERT INTO notices (tenant, case_id, rule, start, step, repetition, due_on, role, channel, ref, position, \
         purpose, outcome, recipient, state, message, handled_on, made_at) ",
    );
    insert.push_values(entries, |row, entry| {
        let handled = entry.handled;
        let state = match (handled.outcome, batch.channels) {
            (Outcome::Sent, Channels::Send(_)) if entry.notice.is_some() => "pending",
            (Outcome::Sent, _) => "shadow",
            (Outcome::Overtaken | Outcome::Merged, _) => "done",
        };
        row.push_bind(&*batch.tenant.id).push_bind(&*entry.application.case.id).push_bind(&*handled.rule);
        row.push_bind(&*handled.start).push_bind(&*handled.step).push_bind(i64::from(handled.repetition));
        row.push_bind(Day(handled.due_on)).push_bind(handled.role.to_string()).push_bind(entry.channel);
        row.push_bind(entry.application.reference(batch.now).to_string());
        row.push_bind(entry.notice.and_then(|notice| i64::try_from(notice.position).ok()).unwrap_or(0));
        row.push_bind(handled.purpose.word()).push_bind(handled.outcome.word());
        row.push_bind(entry.notice.map(|notice| notice.recipient.to_string())).push_bind(state);
        row.push_bind(entry.message.as_deref()).push_bind(Day(handled.on)).push_bind(At::from(batch.now));
    });
    // A notice that was withdrawn before it was sent may apply again, as it is now.
    insert.push(
        " ON CONFLICT (tenant, case_id, rule, start, step, repetition, due_on, role, channel) DO UPDATE \
         SET ref = excluded.ref, position = excluded.position, purpose = excluded.purpose, \
             outcome = excluded.outcome, recipient = excluded.recipient, state = excluded.state, reason = NULL, \
             message = excluded.message, handled_on = excluded.handled_on, made_at = excluded.made_at \
         WHERE notices.state = 'withdrawn'",
    );
    insert.build().execute(&mut *write).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Pending {
    case_id: String,
    rule: String,
    start: String,
    due_on: Day,
}

/// Takes unsent notices out of their messages whose obligation is no longer open or has another due date.
pub(super) async fn withdraw(
    write: &mut Write,
    batch: &Batch<'_>,
    applications: &[Application<'_>],
) -> Result<(), StoreError> {
    let mut touched: Vec<Option<String>> = vec![];
    for chunk in applications.chunks(ROWS) {
        let mut select = Builder::new(
            "SELECT DISTINCT case_id, rule, start, due_on FROM notices WHERE state = 'pending' AND tenant = ",
        );
        select.push_bind(&*batch.tenant.id).push(" AND case_id IN ");
        push_cases(&mut select, chunk);
        let pending: Vec<Pending> = select.build_query_as().fetch_all(&mut *write).await?;
        let by_case: HashMap<&str, &Application<'_>> = chunk.iter().map(|one| (&*one.case.id, one)).collect();
        for one in &pending {
            let Some(application) = by_case.get(one.case_id.as_str()) else { continue };
            let named = |obligation: &&Obligation| {
                *obligation.start == *one.start && *batch.rules.rule(obligation.rule).name == *one.rule
            };
            let obligation = application.plan.obligations.iter().find(named);
            let Some(reason) = why_not(application, batch, obligation, one.due_on) else { continue };
            let update = "UPDATE notices SET state = 'withdrawn', reason = $6 WHERE tenant = $1 AND case_id = $2 \
                          AND rule = $3 AND start = $4 AND due_on = $5 AND state = 'pending' \
                          RETURNING message";
            let query = sql::query_scalar(update).bind(&*batch.tenant.id).bind(&one.case_id).bind(&one.rule);
            let query = query.bind(&one.start).bind(one.due_on).bind(reason);
            touched.extend(query.fetch_all(&mut *write).await?);
        }
    }
    let touched: HashSet<String> = touched.into_iter().flatten().collect();
    withdraw_empty(write, &touched.into_iter().collect::<Vec<_>>(), batch.now).await
}

/// Why an unsent notice no longer applies, if so.
fn why_not(
    application: &Application<'_>,
    batch: &Batch<'_>,
    obligation: Option<&Obligation>,
    due_on: Day,
) -> Option<&'static str> {
    let Some(obligation) = obligation else { return Some("gone") };
    if application.is_protected(batch.now) {
        return Some("protected");
    }
    if !obligation.status.is_open() {
        return Some(obligation.status.word());
    }
    if obligation.held_by_pause {
        return Some("paused");
    }
    (obligation.due.map(|due| due.on) != Some(due_on.0)).then_some("moved")
}
