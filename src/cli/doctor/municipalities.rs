//! The municipalities: do their rules load, does somebody get what reaches nobody else, and was today's round held.

use chrono::TimeDelta;

use super::finding::Finding;
use super::time::in_zone;
use super::unreadable;
use crate::calendar::Instant;
use crate::daemon::Rules;
use crate::engine::Municipality;
use crate::notice::Recipient;
use crate::store::{Quarantined, Standing, Store, StoreError, StoredOrganisation};

/// How long after the opening a round should have been held.
const PATIENCE: TimeDelta = TimeDelta::minutes(30);

pub(super) async fn check(store: &Store, rules: &Rules, now: Instant) -> Vec<Finding> {
    match read(store, rules, now).await {
        Ok(read) => read.findings(rules, now),
        Err(error) => vec![unreadable("all", &error)],
    }
}

struct Read {
    organisations: Vec<(StoredOrganisation, i64)>,
    poison: Vec<Quarantined>,
    standing: Standing,
}

async fn read(store: &Store, rules: &Rules, now: Instant) -> Result<Read, StoreError> {
    let (found, poison) = store.read_organisations(&rules.set, now).await?;
    let mut organisations = Vec::with_capacity(found.len());
    for stored in found {
        let cases = store.case_count(&stored.organisation.tenant.id).await?;
        organisations.push((stored, cases));
    }
    Ok(Read { organisations, poison, standing: store.standing(now).await? })
}

impl Read {
    fn findings(&self, rules: &Rules, now: Instant) -> Vec<Finding> {
        if self.standing.tenants.is_empty() {
            let finding = Finding::warning("all", "none is imported yet").means("There is nothing to look after.");
            return vec![finding.mend("fristvakt import facts.ndjson")];
        }
        let unusable = self.poison.iter().filter(|record| record.record == "tenant");
        let mut findings: Vec<Finding> = unusable
            .map(|record| {
                Finding::error(&record.tenant, &record.reason)
                    .means("Nothing is planned or sent for this municipality.")
                    .mend("correct its tenant record, then: fristvakt import FILE")
            })
            .collect();
        for (stored, cases) in &self.organisations {
            findings.extend(self.of_one(stored, *cases, rules, now));
        }
        findings
    }

    fn of_one(&self, stored: &StoredOrganisation, cases: i64, rules: &Rules, now: Instant) -> Vec<Finding> {
        let tenant = &stored.organisation.tenant;
        let id = &*tenant.id;
        let Ok(municipality) = Municipality::new(&rules.set, &stored.organisation) else { return vec![] };
        let standing = self.standing.tenants.iter().find(|standing| standing.id == id);
        let last_round = standing.and_then(|standing| standing.last_round).map(|day| day.0);
        let mut findings = vec![];
        if !tenant.fallback.is_within(&tenant.mail_domains) {
            findings.push(
                Finding::error(id, "the fallback address lies outside `mail_domains`")
                    .means("What reaches nobody else reaches nobody at all.")
                    .mend("correct `fallback` or `mail_domains` of the tenant record, then: fristvakt import FILE"),
            );
        }
        if municipality.coordinator(now) == Recipient::Fallback {
            findings.push(
                Finding::warning(id, "the coordinator reaches nobody")
                    .means(
                        "There is none, or an absence without deputy, or no usable address; the fallback gets it all.",
                    )
                    .mend("correct `coordinator` or that person's record, then: fristvakt import FILE"),
            );
        }
        if let Some(count) = standing.map(|standing| standing.quarantined).filter(|count| *count > 0) {
            findings.push(
                Finding::warning(id, format!("{count} record(s) are set aside"))
                    .means("They cannot be used; whatever hangs on them is not planned.")
                    .mend(format!("fristvakt quarantine list --tenant {id}")),
            );
        }
        if let Some(count) = standing.map(|standing| standing.questioned).filter(|count| *count > 0) {
            findings.push(
                Finding::warning(id, format!("{count} recipient(s) whose address refused mail"))
                    .means("Their notices went to whoever comes next in the chain. The log names them by id.")
                    .mend("journalctl -u fristvakt | grep 'address refused'"),
            );
        }
        let due = municipality.round_at(now).filter(|day| municipality.opening(*day) + PATIENCE <= now);
        if let Some(day) = due.filter(|day| last_round.is_none_or(|last| last < *day)) {
            findings.push(
                Finding::error(id, format!("the round of {day} has not been held"))
                    .means("Nobody has been reminded today.")
                    .mend("systemctl status fristvakt"),
            );
        }
        let last = last_round.map_or_else(|| "no round yet".to_owned(), |day| format!("last round {day}"));
        let next = in_zone(municipality.round_from(now), tenant.zone);
        findings.push(Finding::ok(id, format!("{}; {cases} case(s); {last}, next {next}", live(stored, now))));
        findings
    }
}

/// `tromso; live since 2026-01-01`.
fn live(stored: &StoredOrganisation, now: Instant) -> String {
    let tenant = &stored.organisation.tenant;
    let packs = tenant.packs.join(", ");
    let today = crate::calendar::civil_date(tenant.zone, now);
    match tenant.go_live {
        None => packs,
        Some(day) if day <= today => format!("{packs}; live since {day}"),
        Some(day) => format!("{packs}; nothing is sent before {day}"),
    }
}
