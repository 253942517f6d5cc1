//! A small municipality whose deviations came as they come: facts, planned week by week.

use std::path::Path;

use chrono::{DateTime, TimeDelta};
use fristvakt::calendar::Instant;
use fristvakt::engine::{Occasion, plan};
use fristvakt::fact::Fact;
use fristvakt::facts::ndjson;
use fristvakt::rules::RuleSet;
use fristvakt::store::{Access, Application, Channels, Load, Store};

pub(super) const FACTS: &str = include_str!("town.ndjson");

pub(super) fn instant(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

/// Plans everything that is due, as the daemon does between rounds.
pub(super) async fn tick(store: &Store, rules: &RuleSet, now: Instant) {
    let (organisations, _) = store.organisations(rules, now).await.expect("organisations");
    for of in &organisations {
        let municipality = of.municipality(rules).expect("a municipality");
        loop {
            let due = store.due_cases(of, rules, now, 100).await.expect("due cases");
            if due.is_empty() {
                break;
            }
            let plans: Vec<_> = due
                .cases
                .iter()
                .map(|case| plan(&municipality, &case.file, &case.ledger, now, Occasion::Between))
                .collect();
            let pairs = due.cases.iter().zip(&plans);
            let applications: Vec<_> =
                pairs.map(|(case, plan)| Application { case: &case.file, stamp: case.stamp, plan }).collect();
            let tenant = &of.organisation.tenant;
            let channels = Channels::Send(&[]);
            store.apply_batch(tenant, rules, &applications, channels, now, None).await.expect("applied");
        }
    }
}

/// The town in a database, planned once a week in March and April 2026.
pub(super) async fn town(folder: &Path, rules: &RuleSet, facts: &str) -> Store {
    let store = Store::open(&folder.join("f.db"), Access::Daemon).await.expect("a store");
    let begins = instant("2026-03-02T08:00:00+01:00");
    let facts: Vec<Fact> = ndjson::read(facts.trim().as_bytes()).map(|line| line.expect("a record").fact).collect();
    store.append_facts(&facts, Load::Append, begins).await.expect("appended");
    for week in 0..9 {
        tick(&store, rules, begins + TimeDelta::weeks(week)).await;
    }
    store
}
