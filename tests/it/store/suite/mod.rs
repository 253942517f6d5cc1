//! What the store does, whatever it stands on: read once for each database, see [`super`]. Time is a value, nothing sleeps.

mod announced;
mod append;
mod apply;
mod audit;
mod calendar;
mod decisions;
mod kept_rules;
mod looking;
mod operator;
mod outbox;
mod oversight;
mod planning;
mod refused;
mod register;
mod reported;
mod retention;
mod silences;
mod sources;
mod standing;
mod walks;

use chrono::{DateTime, TimeDelta};
use fristvakt::calendar::Instant;
use fristvakt::engine::{Occasion, plan};
use fristvakt::fact::Fact;
use fristvakt::facts::ndjson;
use fristvakt::rules::RuleSet;
use fristvakt::store::{
    Access, Appended, Application, Applied, Channels, Claimed, Load, MessageFilter, NoticeFilter, Store, StoredCase,
    StoredOrganisation,
};

use crate::fixture;

use super::Base;

/// A store of its own.
pub(in crate::store) struct House {
    pub(in crate::store) base: Base,
    pub(in crate::store) store: Store,
    pub(in crate::store) rules: RuleSet,
}

pub(in crate::store) fn at(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

pub(in crate::store) fn facts(lines: &str) -> Vec<Fact> {
    ndjson::read(lines.as_bytes()).map(|line| line.expect("a record").fact).collect()
}

pub(in crate::store) const BEGIN: &str = "2026-03-03T12:00:00+01:00";
const LEASE: TimeDelta = TimeDelta::minutes(5);

impl House {
    /// `None` where there is no such database here.
    pub(in crate::store) async fn empty() -> Option<Self> {
        let base = Base::new()?;
        let store = Store::open(base.location(), Access::Daemon).await.expect("a store");
        Some(Self { base, store, rules: fixture::rules() })
    }

    /// With the shared facts, of which only S-17 has an obligation: due 2026-03-16, told of on the 11th and 16th, and
    /// to the leader on the 17th.
    pub(in crate::store) async fn furnished() -> Option<Self> {
        let house = Self::empty().await?;
        house.append(fixture::FACTS).await;
        Some(house)
    }

    async fn append(&self, lines: &str) -> Appended {
        self.store.append_facts(&facts(lines), Load::Append, at(BEGIN)).await.expect("appended")
    }

    async fn organisation(&self) -> StoredOrganisation {
        let (mut found, _) = self.store.organisations(&self.rules, at(BEGIN)).await.expect("organisations");
        found.remove(0)
    }

    async fn case(&self, id: &str) -> StoredCase {
        let case = self.store.case(&self.organisation().await, &self.rules, id).await.expect("read");
        case.expect("a case")
    }

    /// Plans everything that is due, as the daemon does; what became of each case.
    pub(in crate::store) async fn tick(&self, now: &str, occasion: Occasion) -> Vec<(String, Applied)> {
        self.tick_to(now, occasion, Channels::Send(&[])).await
    }

    /// The same, with other ways out than mail.
    async fn tick_to(&self, now: &str, occasion: Occasion, channels: Channels<'_>) -> Vec<(String, Applied)> {
        let now = at(now);
        let round = (occasion == Occasion::Round).then_some(now);
        let (organisations, _) = self.store.organisations(&self.rules, now).await.expect("organisations");
        let mut outcomes = vec![];
        for of in &organisations {
            let tenant = &of.organisation.tenant;
            let municipality = of.municipality(&self.rules).expect("a municipality");
            loop {
                let due = self.store.due_cases(of, &self.rules, now, 1).await.expect("due cases");
                if due.is_empty() {
                    break;
                }
                let planned = |case: &StoredCase| plan(&municipality, &case.file, &case.ledger, now, occasion);
                let plans: Vec<_> = due.cases.iter().map(planned).collect();
                let pairs = due.cases.iter().zip(&plans);
                let applications: Vec<_> =
                    pairs.map(|(case, plan)| Application { case: &case.file, stamp: case.stamp, plan }).collect();
                let written = self.store.apply_batch(tenant, &self.rules, &applications, channels, now, round).await;
                let ids = due.cases.iter().map(|case| case.file.id.to_string());
                outcomes.extend(ids.zip(written.expect("applied")));
            }
        }
        outcomes.sort_by(|one, other| one.0.cmp(&other.0));
        outcomes
    }

    /// A whole round: everything due is planned, and what it gathered is released.
    pub(in crate::store) async fn round(&self, now: &str) -> u64 {
        self.tick(now, Occasion::Round).await;
        self.store.finish_round("sokndal", at(now).date_naive(), at(now)).await.expect("finished")
    }

    async fn claim(&self, now: &str, owner: &str) -> Vec<Claimed> {
        self.claim_on("email", now, owner).await
    }

    async fn claim_on(&self, channel: &str, now: &str, owner: &str) -> Vec<Claimed> {
        self.store.claim(channel, at(now), 10, owner, LEASE).await.expect("claimed")
    }

    /// Case, step, state and reason of all notices, the newest first.
    pub(in crate::store) async fn notices(&self) -> Vec<String> {
        let rows = self.store.list_notices(&NoticeFilter::default()).await.expect("notices");
        let text = |reason: Option<String>| reason.map_or_else(String::new, |reason| format!(" {reason}"));
        rows.into_iter().map(|row| format!("{} {} {}{}", row.case, row.step, row.state, text(row.reason))).collect()
    }

    /// The states of all messages, the newest first.
    pub(in crate::store) async fn messages(&self) -> Vec<String> {
        let rows = self.store.list_messages(&MessageFilter::default()).await.expect("messages");
        rows.into_iter().map(|row| row.state).collect()
    }
}

fn event(case: &str, id: &str, rest: &str) -> String {
    format!(r#"{{"type":"event","tenant":"sokndal","case":"{case}","id":"{id}",{rest}}}"#)
}
