//! The audit trail: does each entry follow from the one before it.

use super::finding::Finding;
use super::unreadable;
use crate::cli::audit::said;
use crate::store::Store;

pub(super) async fn check(store: &Store) -> Vec<Finding> {
    let verified = match store.verify_audit(None, &[]).await {
        Ok(verified) => verified,
        Err(error) => return vec![unreadable("chain", &error)],
    };
    if verified.wrong.is_empty() {
        let entries: i64 = verified.ends.iter().map(|end| end.number).sum();
        let plural = if entries == 1 { "entry fits" } else { "entries fit" };
        return vec![Finding::ok("chain", format!("{entries} {plural} together"))];
    }
    let wrong = verified.wrong.iter().map(|wrong| {
        Finding::error("chain", said(wrong))
            .means("Somebody changed the database by hand, or it was restored from a damaged copy. What people decided since \
                    then is not proved.")
            .mend("compare with a backup and with what was kept elsewhere: fristvakt audit verify --kept …")
    });
    wrong.collect()
}
