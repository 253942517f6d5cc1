//! What becomes of a case that a full load no longer holds.
//!
//! Its facts and what is derived from them go; unsent notices and open deviations are withdrawn, because there is no
//! obligation any more. What was sent and how closed deviations closed stays: it happened. Since when it is gone is
//! remembered: only long after that is the rest purged, for the load may have been wrong.

use super::append::Counts;
use super::sql;
use super::{At, StoreError, Write};
use crate::calendar::Instant;

/// Removes the tenant's cases that are not there.
pub(super) async fn remove_absent_cases(
    write: &mut Write,
    tenant: &str,
    is_there: impl Fn(&str) -> bool,
    now: Instant,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let ids: Vec<String> =
        sql::query_scalar("SELECT id FROM cases WHERE tenant = $1").bind(tenant).fetch_all(&mut *write).await?;
    for id in ids.iter().filter(|id| !is_there(id)) {
        remove_case(write, tenant, id, now).await?;
        counts.removed += 1;
    }
    Ok(())
}

pub(super) async fn remove_case(write: &mut Write, tenant: &str, case: &str, now: Instant) -> Result<(), StoreError> {
    // What was not planned since its facts changed may be open again.
    let gone = "INSERT INTO gone_cases (tenant, case_id, gone_at, through) \
                VALUES ($1, $2, $3, (SELECT closed_through FROM agenda WHERE tenant = $1 AND case_id = $2 AND generation >= 0)) \
                ON CONFLICT (tenant, case_id) DO UPDATE SET gone_at = excluded.gone_at, through = excluded.through";
    sql::query(gone).bind(tenant).bind(case).bind(At::from(now)).execute(&mut *write).await?;
    for delete in [
        "DELETE FROM cases WHERE tenant = $1 AND id = $2",
        "DELETE FROM agenda WHERE tenant = $1 AND case_id = $2",
        "DELETE FROM obligations WHERE tenant = $1 AND case_id = $2",
        "DELETE FROM problems WHERE tenant = $1 AND case_id = $2",
    ] {
        sql::query(delete).bind(tenant).bind(case).execute(&mut *write).await?;
    }
    let withdraw = "UPDATE notices SET state = 'withdrawn', reason = 'gone' \
                    WHERE tenant = $1 AND case_id = $2 AND state = 'pending' RETURNING message";
    let touched: Vec<Option<String>> =
        sql::query_scalar(withdraw).bind(tenant).bind(case).fetch_all(&mut *write).await?;
    super::register::withdraw_absent(write, tenant, case, now).await?;
    let touched: Vec<String> = touched.into_iter().flatten().collect();
    super::rounds::withdraw_empty(write, &touched, now).await
}
