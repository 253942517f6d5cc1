//! What is brought again of cases that were purged is left out.

use std::collections::{BTreeMap, HashSet};

use chrono_tz::Tz;

use super::super::retention::{purged, sift};
use super::super::sql::{self, Builder};
use super::super::{ROWS, StoreError, Write};
use super::Appended;
use crate::fact::Fact;

/// Takes out of a load what purged cases knew when they went; that counts as unchanged. A case of which something later is brought
/// lives again, with that.
pub(super) async fn leave_out_purged(
    write: &mut Write,
    (tenant, zone): (&str, Tz),
    cases: &mut BTreeMap<&str, Vec<&Fact>>,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    let purged = purged(write, tenant, cases.keys().copied()).await?;
    if purged.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = purged.keys().copied().collect();
    let living = stored(write, tenant, &ids).await?;
    let has_record = |facts: &[&Fact]| facts.iter().any(|fact| matches!(fact, Fact::Case(_)));
    let mut is_torn = false;
    for (case, through) in purged {
        let Some(facts) = cases.remove(case) else { continue };
        let lives = living.contains(case);
        let sifted = sift(&facts, through, zone, lives);
        let is_gone = sifted.kept.is_empty() && has_record(&facts);
        appended.cases.unchanged += usize::from(is_gone);
        appended.events.unchanged += sifted.dropped - usize::from(is_gone).min(sifted.dropped);
        if !sifted.kept.is_empty() {
            is_torn |= !lives && !has_record(&sifted.kept);
            cases.insert(case, sifted.kept);
        }
    }
    if is_torn {
        // Only events of the case were brought: sources read everything again, and so its own record.
        sql::query("UPDATE sources SET reread_at = NULL").execute(write).await?;
    }
    Ok(())
}

/// Those of these cases that are stored.
async fn stored(write: &mut Write, tenant: &str, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for chunk in ids.chunks(ROWS) {
        let mut select = Builder::new("SELECT id FROM cases WHERE tenant = ");
        select.push_bind(tenant).push(" AND id IN ").push_list(chunk.iter().map(|id| (*id).to_owned()));
        let rows: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        found.extend(rows);
    }
    Ok(found)
}
