//! The audit trail: does each entry follow from the one before it.

use super::finding::Finding;
use super::unreadable;
use crate::cli::audit::said;
use crate::store::{Store, StoreError, Verified};

pub(super) async fn check(store: &Store) -> Vec<Finding> {
    let mut findings = chain(("chain", "audit trail"), store.verify_audit(None, &[]).await);
    findings.extend(chain(("access log", "access log"), store.verify_access(None).await));
    findings
}

fn chain((name, trail): (&str, &str), verified: Result<Verified, StoreError>) -> Vec<Finding> {
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => return vec![unreadable(name, &error)],
    };
    if verified.wrong.is_empty() {
        let entries: i64 = verified.ends.iter().map(|end| end.number).sum();
        let plural = if entries == 1 { "entry fits" } else { "entries fit" };
        let purged = match verified.redacted {
            0 => String::new(),
            redacted => format!(", {redacted} without words: their cases were purged"),
        };
        return vec![Finding::ok(name, format!("{entries} {plural} together{purged}"))];
    }
    let wrong = verified.wrong.iter().map(|wrong| {
        Finding::error(name, said(trail, wrong))
            .means("Somebody changed the database by hand, or it was restored from a damaged copy. What people decided since \
                    then is not proved.")
            .mend("compare with a backup and with what was kept elsewhere: fristvakt audit verify --kept …")
    });
    wrong.collect()
}
