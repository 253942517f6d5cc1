//! What happens to deviations, told to the webhooks that asked: each once, on either database, whatever restarts, and to each
//! webhook in the order in which it happened.
//!
//! A message has a name made of what happened, under which it is told once (`tenant_notices`), like everything that a
//! municipality is told once. The acceptance journal knows that name too, so a database that is older than the journal tells it
//! no second time. `lane` and `lane_place` keep messages about one obligation from overtaking one another, see `claim`.

use chrono::NaiveDate;
use sqlx::FromRow;
use uuid::Uuid;

use super::super::apply::{Channels, Subscription};
use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::obligation::Closing;
use crate::organisation::Tenant;
use crate::register::Happening;

/// How the names of these messages begin.
const PREFIX: &str = "deviation:";

/// Whom such a message is for: no person, but a program.
const NOBODY: &str = "-";

/// Something that happened to a deviation, as a webhook is told of it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DeviationEvent {
    /// What names the deviation.
    pub id: String,
    /// Its place among everything that happened to the obligation's deviations.
    pub number: i64,
    /// The case's id.
    pub case_id: String,
    /// What messages call the case.
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// What messages call the rule.
    pub code: String,
    /// The role that the rule asks first.
    pub responsible: String,
    /// The case's unit at that time.
    pub unit: Option<String>,
    /// When it happened.
    pub at: At,
    /// The due date at that time.
    pub due_on: Day,
    /// Calendar days late at that time.
    pub days_late: i64,
    /// The cause that was given.
    pub cause_code: Option<String>,
    /// 1 where no message may leave for the case.
    pub protected: i64,
    kind: String,
    closed_as: Option<String>,
    start: String,
}

/// What a [`DeviationEvent`] is read from.
const EVENTS: &str = "SELECT d.id AS id, e.number AS number, e.case_id AS case_id, d.ref AS ref, e.rule AS rule, d.code AS code, \
     d.responsible AS responsible, e.unit AS unit, e.at AS at, e.due_on AS due_on, e.days_late AS days_late, \
     e.cause_code AS cause_code, d.protected AS protected, e.kind AS kind, e.closed_as AS closed_as, e.start AS start \
     FROM deviation_events e JOIN deviations d ON d.tenant = e.tenant AND d.case_id = e.case_id AND d.rule = e.rule \
     AND d.start = e.start AND d.number = e.lapse WHERE ";

impl DeviationEvent {
    /// What happened, as seen from outside: how the deviation stood afterwards. `None`: somebody else wrote the row.
    #[must_use]
    pub fn happening(&self) -> Option<Happening> {
        if self.kind == Happening::Opened.word() {
            return Some(Happening::Opened);
        }
        match &self.closed_as {
            None => Some(Happening::Reopened),
            Some(word) => Closing::parse(word).map(Happening::Closed),
        }
    }

    fn name(&self, channel: &str) -> String {
        let word = self.closed_as.as_deref().unwrap_or("open");
        format!("{PREFIX}{}:{}:{}:{word}:{channel}", self.id, self.number, self.kind)
    }
}

/// The deviation's id, and the number of what happened, of which a message to a webhook speaks; `None`: it speaks of something else.
#[must_use]
pub fn announced(subject: &str) -> Option<(&str, i64)> {
    let mut parts = subject.strip_prefix(PREFIX)?.split(':');
    Some((parts.next()?, parts.next()?.parse().ok()?))
}

/// What keeps messages about one obligation in their order.
pub(in super::super) fn lane(case: &str, rule: &str, start: &str) -> String {
    format!("{case} {rule} {start}")
}

impl Store {
    /// The municipalities of which something happened that webhooks were not told yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn unannounced(&self) -> Result<Vec<String>, StoreError> {
        let select = "SELECT DISTINCT tenant FROM deviation_events WHERE told = 0";
        Ok(sql::query_scalar(select).fetch_all(&self.readers).await?)
    }

    /// Makes messages of what happened to a municipality's deviations, for the webhooks among `channels` that asked for
    /// it. In shadow mode nothing is told, then or later. How many messages were made.
    ///
    /// # Errors
    /// What the database says; then nothing was made.
    pub async fn announce(&self, tenant: &Tenant, channels: Channels<'_>, now: Instant) -> Result<usize, StoreError> {
        let mut write = self.write_in(&tenant.id).await?;
        let made = announce(&mut write, tenant, channels, now).await?;
        write.commit().await?;
        Ok(made)
    }

    /// What happened, by the deviation's id and the number of what happened.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`].
    pub async fn deviation_event(
        &self,
        tenant: &str,
        (id, number): (&str, i64),
    ) -> Result<Option<DeviationEvent>, StoreError> {
        let mut select = Builder::new(EVENTS);
        select.push("d.id = ").push_bind(id).push(" AND d.tenant = ").push_bind(tenant);
        select.push(" AND e.number = ").push_bind(number);
        let rows = select.build().fetch_rows(&self.readers).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let unreadable =
            |reason| StoreError::Unreadable { table: "deviation_events", row: format!("{id} {number}"), reason };
        row.decode::<DeviationEvent>().map(Some).map_err(unreadable)
    }
}

/// See [`Store::announce`], in a transaction that has the municipality to itself.
pub(in super::super) async fn announce(
    write: &mut Write,
    tenant: &Tenant,
    channels: Channels<'_>,
    now: Instant,
) -> Result<usize, StoreError> {
    let asking: Vec<&Subscription> = match channels {
        Channels::Send(subscriptions) => subscriptions.iter().filter(|one| one.deviations).collect(),
        Channels::Shadow => vec![],
    };
    let mut made = 0;
    if !asking.is_empty() {
        let mut select = Builder::new(EVENTS);
        select.push("e.told = 0 AND e.tenant = ").push_bind(&*tenant.id);
        select.push(" ORDER BY e.case_id, e.rule, e.start, e.number");
        let rows = select.build().fetch_rows(&mut *write).await?;
        // A row that a person broke is told to nobody, and stops nothing else.
        let events: Vec<DeviationEvent> = rows.iter().filter_map(|row| row.decode().ok()).collect();
        let told: Vec<&DeviationEvent> =
            events.iter().filter(|event| is_told(event, tenant.go_live) && event.happening().is_some()).collect();
        for channel in asking {
            for chunk in told.chunks(ROWS) {
                made += tell(write, &tenant.id, &channel.channel, chunk, now).await?;
            }
        }
    }
    let update = "UPDATE deviation_events SET told = 1 WHERE told = 0 AND tenant = $1";
    sql::query(update).bind(&*tenant.id).execute(write).await?;
    Ok(made)
}

/// Whether anybody outside is told: not of a protected case, and not of what was due before the municipality began.
fn is_told(event: &DeviationEvent, go_live: Option<NaiveDate>) -> bool {
    event.protected == 0 && go_live.is_none_or(|go_live| event.due_on.0 >= go_live)
}

/// A message for each of these that was not told on the channel before. How many.
async fn tell(
    write: &mut Write,
    tenant: &str,
    channel: &str,
    events: &[&DeviationEvent],
    now: Instant,
) -> Result<usize, StoreError> {
    let named: Vec<(String, String, &DeviationEvent)> =
        events.iter().map(|event| (event.name(channel), Uuid::now_v7().to_string(), *event)).collect();
    let mut once = Builder::new("INSERT INTO tenant_notices (tenant, name, message, created_at) ");
    once.push_values(&named, |row, (name, id, _)| {
        row.push_bind(tenant).push_bind(name).push_bind(id).push_bind(At::from(now));
    });
    once.push(" ON CONFLICT (tenant, name) DO NOTHING RETURNING name");
    let new: Vec<String> = once.build_query_scalar().fetch_all(&mut *write).await?;
    let new: Vec<_> = named.iter().filter(|(name, ..)| new.contains(name)).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let mut insert = Builder::new(
        "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, subject, state, possible_repeat, \
         tries, next_try_at, created_at, lane, lane_place) ",
    );
    insert.push_values(&new, |row, (name, id, event)| {
        row.push_bind(id).push_bind(tenant).push_bind(NOBODY).push_bind(channel).push_bind(event.at);
        row.push_bind(1).push_bind(0).push_bind(name).push_bind("pending").push_bind(0).push_bind(0);
        row.push_bind(At::from(now)).push_bind(At::from(now));
        row.push_bind(lane(&event.case_id, &event.rule, &event.start)).push_bind(event.number);
    });
    insert.build().execute(&mut *write).await?;
    Ok(new.len())
}
