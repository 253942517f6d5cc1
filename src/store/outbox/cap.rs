//! Caps: how much one person hears a day. What is more waits for the next round and is joined with what that brings.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::database::Scope;
use super::super::sql::{self, Builder};
use super::super::{At, EMAIL, ROWS, Store, StoreError};
use crate::calendar::Instant;

/// Why a message waits that nobody refused.
pub const CAPPED: &str = "cap";

impl Store {
    /// How many mails recipients got since an instant, or are about to get, because somebody has them in hand.
    /// Reports and lists do not count: they come on days that somebody chose.
    ///
    /// # Errors
    /// What the database says.
    pub async fn mails_since(
        &self,
        tenant: &str,
        recipients: &[String],
        since: Instant,
    ) -> Result<HashMap<String, u32>, StoreError> {
        let in_hand = "SELECT recipient, count(*) FROM messages WHERE attempt IS NOT NULL AND tenant = $1 \
                       AND channel = $2 AND coalesce(subject, '') NOT LIKE 'report:%' GROUP BY recipient";
        let mut rows: Vec<(String, i64)> =
            sql::query_as(in_hand).bind(tenant).bind(EMAIL).fetch_all(&self.readers).await?;
        for chunk in recipients.chunks(ROWS) {
            let mut select =
                Builder::new("SELECT recipient, count(*) FROM messages WHERE state = 'sent' AND tenant = ");
            select
                .push_bind(tenant.to_owned())
                .push(" AND coalesce(subject, '') NOT LIKE 'report:%' AND channel = ")
                .push_bind(EMAIL);
            select.push(" AND ended_at >= ").push_bind(At::from(since)).push(" AND recipient IN ");
            select.push_list(chunk.iter().cloned());
            select.push(" GROUP BY recipient");
            let sent: Vec<(String, i64)> = select.build_query_as().fetch_all(&self.readers).await?;
            rows.extend(sent);
        }
        let mut counts: HashMap<String, u32> = HashMap::new();
        for (recipient, count) in rows {
            *counts.entry(recipient).or_default() += u32::try_from(count).unwrap_or(u32::MAX);
        }
        Ok(counts)
    }

    /// Puts back messages in our hands whose recipients have heard enough for a day: they wait until `until`, no longer
    /// urgent, so that the next round joins them with what it brings. Nothing is dropped.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn cap(&self, attempts: &[Uuid], until: Instant) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        for chunk in attempts.chunks(ROWS) {
            let ids = || chunk.iter().map(Uuid::to_string);
            let mut notices = Builder::new("UPDATE notices SET reason = coalesce(reason, ");
            notices.push_bind(CAPPED);
            notices.push(") WHERE state = 'pending' AND message IN (SELECT id FROM messages WHERE attempt IN ");
            notices.push_list(ids());
            notices.push(")");
            notices.build().execute(&mut write).await?;
            let mut messages = Builder::new("UPDATE messages SET reason = coalesce(reason, ");
            messages.push_bind(CAPPED).push("), urgent = 0 WHERE state = 'claimed' AND attempt IN ");
            messages.push_list(ids());
            messages.build().execute(&mut write).await?;
        }
        write.commit().await?;
        self.postpone(attempts, until).await
    }
}
