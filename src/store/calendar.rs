//! Calendar entries that mails brought their recipients: what stands in somebody's calendar, as far as we know.

use sqlx::FromRow;
use uuid::Uuid;

use super::database::Scope;
use super::sql::{self, Builder};
use super::{Day, Store, StoreError, Write};
use crate::notice::Recipient;
use crate::obligation::ObligationKey;

/// A calendar entry for one obligation, brought by a mail or taken back by one.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CalendarRow {
    /// The case's id.
    #[sqlx(rename = "case_id")]
    pub case: String,
    /// What messages call the case.
    #[sqlx(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// The role for which the recipient had it; empty where a message was passed on to them.
    pub role: String,
    /// The day on which it stands.
    pub due_on: Day,
    /// 1 where the mail takes it back.
    pub cancelled: i64,
}

impl Store {
    /// Writes down which entries a mail carries, in place of what an earlier try to compose it wrote. They count once
    /// the mail is sent.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn record_calendar(
        &self,
        message: Uuid,
        tenant: &str,
        recipient: &Recipient,
        rows: &[CalendarRow],
    ) -> Result<(), StoreError> {
        let message = message.to_string();
        let held = "SELECT count(*) FROM calendar_entries WHERE message = $1";
        if rows.is_empty() {
            let held: i64 = sql::query_scalar(held).bind(&message).fetch_one(&self.readers).await?;
            if held == 0 {
                return Ok(());
            }
        }
        let mut write = self.write(Scope::Rows).await?;
        let delete = "DELETE FROM calendar_entries WHERE message = $1";
        sql::query(delete).bind(&message).execute(&mut write).await?;
        insert(&mut write, &message, tenant, recipient, rows).await?;
        write.commit().await?;
        Ok(())
    }

    /// What stands in a recipient's calendar: the entries whose last sent mail brought them, by case, rule and start.
    ///
    /// # Errors
    /// What the database says.
    pub async fn calendar_of(&self, tenant: &str, recipient: &Recipient) -> Result<Vec<CalendarRow>, StoreError> {
        let select = "SELECT e.case_id, e.ref, e.rule, e.start, e.role, e.due_on, e.cancelled \
                      FROM calendar_entries e JOIN messages m ON m.id = e.message \
                      WHERE e.tenant = $1 AND e.recipient = $2 AND m.state = 'sent' \
                      ORDER BY e.case_id, e.rule, e.start, m.ended_at, m.id";
        let query = sql::query_as(select).bind(tenant).bind(recipient.to_string());
        let sent: Vec<CalendarRow> = query.fetch_all(&self.readers).await?;
        let last = sent.chunk_by(CalendarRow::names_the_same).filter_map(<[CalendarRow]>::last);
        Ok(last.filter(|row| row.cancelled == 0).cloned().collect())
    }
}

impl CalendarRow {
    /// Whether it stands for this obligation.
    #[must_use]
    pub fn is_of(&self, obligation: &ObligationKey) -> bool {
        *self.case == *obligation.case && *self.rule == *obligation.rule && *self.start == *obligation.start
    }

    /// The obligation that it stands for.
    #[must_use]
    pub fn key(&self, tenant: &str) -> ObligationKey {
        ObligationKey {
            tenant: tenant.into(),
            case: self.case.as_str().into(),
            rule: self.rule.as_str().into(),
            start: self.start.as_str().into(),
        }
    }

    fn names_the_same(&self, other: &Self) -> bool {
        (&self.case, &self.rule, &self.start) == (&other.case, &other.rule, &other.start)
    }
}

async fn insert(
    write: &mut Write,
    message: &str,
    tenant: &str,
    recipient: &Recipient,
    rows: &[CalendarRow],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let recipient = recipient.to_string();
    let mut query = Builder::new(
        "INSERT INTO calendar_entries \
         (message, tenant, recipient, case_id, ref, rule, start, role, due_on, cancelled) ",
    );
    query.push_values(rows, |values, row| {
        values.push_bind(message).push_bind(tenant).push_bind(&recipient);
        values.push_bind(&row.case).push_bind(&row.reference).push_bind(&row.rule).push_bind(&row.start);
        values.push_bind(&row.role).push_bind(row.due_on).push_bind(row.cancelled);
    });
    query.build().execute(&mut *write).await?;
    Ok(())
}
