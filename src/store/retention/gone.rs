//! What is left of cases that a full load left out.
//!
//! The load may have been wrong, so what counts is how long a case has been gone, not what was last known of it.

use super::super::sql::{self, Builder};
use super::super::{At, Day, ROWS, Store, StoreError};
use super::purge::{Order, Purged, documents};
use crate::calendar::{Instant, first_instant};

/// Cases of which anything is kept that are neither stored nor known to be gone: they went before that was written down.
const STRAYS: &str = "SELECT r.case_id FROM (SELECT case_id FROM notices WHERE tenant = $1 \
     UNION SELECT case_id FROM deviations WHERE tenant = $1 \
     UNION SELECT case_id FROM holds WHERE tenant = $1 AND case_id <> '' \
     UNION SELECT name AS case_id FROM silences WHERE tenant = $1 AND covers = 'case' AND name <> '') r \
     WHERE NOT EXISTS (SELECT 1 FROM cases c WHERE c.tenant = $1 AND c.id = r.case_id) \
     AND NOT EXISTS (SELECT 1 FROM gone_cases g WHERE g.tenant = $1 AND g.case_id = r.case_id)";

impl Store {
    /// Purges what is left of cases whose facts are gone since before the order's day, as [`Store::purge`] does.
    ///
    /// # Errors
    /// As [`Store::purge`].
    pub async fn purge_gone(&self, order: &Order<'_>, now: Instant) -> Result<Purged, StoreError> {
        let order = &order.limited(now);
        if !order.dry {
            self.note_strays(order.tenant, now).await?;
        }
        let mut purged = Purged::default();
        let mut after = String::new();
        let since = At::from(first_instant(order.zone, order.before));
        loop {
            let select = "SELECT case_id FROM gone_cases WHERE tenant = $1 AND case_id > $2 AND gone_at < $3 \
                          ORDER BY case_id LIMIT 100";
            let query = sql::query_scalar(select).bind(order.tenant).bind(&after).bind(since);
            let ids: Vec<String> = query.fetch_all(&self.readers).await?;
            let Some(last) = ids.last() else { return Ok(purged) };
            after.clone_from(last);
            let mut write = self.begin_purge(order.tenant).await?;
            let back = documents(&mut write, order.tenant, &ids).await?;
            // As it stands now: it may have come back, and gone again.
            let mut select = Builder::new("SELECT case_id, through FROM gone_cases WHERE tenant = ");
            select.push_bind(order.tenant).push(" AND gone_at < ").push_bind(since);
            select.push(" AND case_id IN ").push_list(ids.into_iter());
            let gone: Vec<(String, Option<Day>)> = select.build_query_as().fetch_all(&mut write).await?;
            let is_gone = |(id, _): &(String, _)| back.iter().all(|document| document.id != *id);
            let gone = gone.into_iter().filter(is_gone).map(|(id, day)| (id, day.map(|day| day.0))).collect();
            purged.add(&self.purge_batch(write, order, gone, now).await?);
        }
    }

    /// Counts from now on for cases of which nobody wrote down when they went.
    async fn note_strays(&self, tenant: &str, now: Instant) -> Result<(), StoreError> {
        let strays: Vec<String> = sql::query_scalar(STRAYS).bind(tenant).fetch_all(&self.readers).await?;
        for chunk in strays.chunks(ROWS) {
            let mut write = self.write_in(tenant).await?;
            let mut insert = Builder::new("INSERT INTO gone_cases (tenant, case_id, gone_at) ");
            insert.push_values(chunk, |row, case| {
                row.push_bind(tenant).push_bind(case).push_bind(At::from(now));
            });
            insert.push(" ON CONFLICT (tenant, case_id) DO NOTHING");
            insert.build().execute(&mut write).await?;
            write.commit().await?;
        }
        Ok(())
    }
}
