//! The audit trail: does each entry follow from the one before it, is none missing at the end, and do decisions stand as their
//! entries say.

use super::finding::Finding;
use super::unreadable;
use crate::cli::audit::said;
use crate::config::Config;
use crate::store::{ChainEnd, Contradiction, Store, StoreError, Verified, VerifiedDecisions};

pub(super) async fn check(store: &Store, config: &Config) -> Vec<Finding> {
    let (kept, mut findings) = kept(config);
    let until = if kept.is_empty() { "" } else { ", and none is missing that the daemon has seen" };
    findings.extend(chain(("chain", "audit trail", until), store.verify_audit(None, &kept).await, config));
    findings.extend(decisions(store).await);
    findings.extend(chain(("access log", "access log", ""), store.verify_access(None).await, config));
    findings
}

/// The ends that the daemon kept, and what is wrong with those.
fn kept(config: &Config) -> (Vec<ChainEnd>, Vec<Finding>) {
    let Ok(folder) = config.journal_folder() else { return (vec![], vec![]) };
    match ChainEnd::kept(&folder) {
        Ok(kept) => (kept, vec![]),
        Err(error) => {
            let path = ChainEnd::kept_in(&folder);
            let finding = Finding::error("chain ends", format!("{}: {error}", path.display()))
                .means("Whether the last entries of the audit trail are still there is not checked.")
                .mend("run it as the service's user or as root; a damaged file: see a backup of that folder");
            (vec![], vec![finding])
        }
    }
}

fn chain(
    (name, trail, until): (&str, &str, &str),
    verified: Result<Verified, StoreError>,
    config: &Config,
) -> Vec<Finding> {
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
        return vec![Finding::ok(name, format!("{entries} {plural} together{purged}{until}"))];
    }
    let file =
        config.journal_folder().map(|folder| ChainEnd::kept_in(&folder).display().to_string()).unwrap_or_default();
    let wrong = verified.wrong.iter().map(|wrong| {
        Finding::error(name, said(trail, wrong))
            .means("Somebody changed the database by hand, or it was restored from a backup or a damaged copy. What people \
                    decided since then is not proved.")
            .mend(format!(
                "compare with a backup and with what was kept elsewhere: fristvakt audit verify --kept …; after a restore that \
                 was meant, write down what is lost and remove {file}"
            ))
    });
    wrong.collect()
}

async fn decisions(store: &Store) -> Vec<Finding> {
    let VerifiedDecisions { held, wrong, first } = match store.verify_decisions().await {
        Ok(verified) => verified,
        Err(error) => return vec![unreadable("decisions", &error)],
    };
    if wrong == 0 {
        let plural =
            if held == 1 { "decision stands as its entry says" } else { "decisions stand as their entries say" };
        return vec![Finding::ok("decisions", format!("{held} {plural}"))];
    }
    let named = first.iter().map(|Contradiction { tenant, id, what }| {
        Finding::error("decisions", format!("deviation {id} of {tenant}: {what}"))
            .means("Somebody changed the register by hand: it does not say what was decided.")
            .mend(format!(
                "fristvakt deviations show {id} and fristvakt audit list --tenant {tenant}; then decide about it anew"
            ))
    });
    let mut findings: Vec<Finding> = named.collect();
    if wrong > first.len() as u64 {
        findings.push(Finding::error("decisions", format!("and {} more", wrong - first.len() as u64)));
    }
    findings
}
