//! What becomes of a case that a full load no longer holds.
//!
//! Its facts and what is derived from them go; unsent notices and open deviations are withdrawn, because there is no
//! obligation any more. What was sent and how closed deviations closed stays: it happened.

use super::append::Counts;
use super::sql;
use super::{StoreError, Write};
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
