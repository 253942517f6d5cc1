//! Laws of the register, after any sequence of facts, plans and decisions: nothing that a person decided is undone by a plan,
//! no change is lost or told twice, the audit trail fits together, and nothing ever leaves the register.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fristvakt::engine::{Occasion, plan};
use fristvakt::obligation::Closing;
use fristvakt::register::{Causes, Decision, DeviationName, Standing, Written};
use fristvakt::store::{Channels, Decided, DeviationFilter, DeviationRow, Load, MessageFilter, Subscription};

use super::{House, at, event, facts};
use crate::fixture::FACTS;

const RULE: &str = "sokndal/decision";
const HOOK: &str = "webhook:kvalitet";

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A register, and what has to be true of it.
struct Walk {
    house: House,
    now: DateTime<Utc>,
    /// The events of the case that say that it was met, and are not revoked.
    met: Vec<String>,
    events: usize,
    is_there: bool,
    /// What people decided, by lapse.
    decisions: BTreeMap<i64, Closing>,
    decided: i64,
    known: BTreeSet<String>,
    steps: Vec<String>,
}

impl Walk {
    async fn begun() -> Option<Self> {
        let house = House::furnished().await?;
        let mut walk = Self {
            house,
            now: at("2026-03-19T12:00:00+01:00"),
            met: vec![],
            events: 0,
            is_there: true,
            decisions: BTreeMap::new(),
            decided: 0,
            known: BTreeSet::new(),
            steps: vec![],
        };
        walk.planned().await;
        Some(walk)
    }

    async fn planned(&mut self) {
        let subscription = Subscription { channel: HOOK.to_owned(), purposes: None, roles: None, deviations: true };
        let channels = [subscription];
        self.house.tick_to(&self.now.to_rfc3339(), Occasion::Between, Channels::Send(&channels)).await;
        let tenant = self.house.organisation().await.organisation.tenant.clone();
        self.house.store.announce(&tenant, Channels::Send(&channels), self.now).await.expect("announced");
    }

    async fn step(&mut self, dice: &mut Dice) {
        self.now += TimeDelta::minutes(37);
        let recorded = format!(r#""recorded_at":"{}""#, self.now.to_rfc3339());
        let step = dice.below(9);
        self.steps.push(step.to_string());
        match step {
            0 | 1 if self.is_there => {
                self.events += 1;
                let (id, on) = (format!("m{}", self.events), if step == 0 { "2026-03-18" } else { "2026-03-10" });
                let met = event("S-17", &id, &format!(r#""kind":"decision_made","on":"{on}",{recorded}"#));
                self.house.append(&met).await;
                self.met.push(id);
            }
            2 | 3 => {
                let Some(id) = self.met.pop() else { return };
                // That it never was, or that it no longer is.
                let when = if step == 2 { String::new() } else { format!(",{recorded}") };
                self.house.append(&event("S-17", &id, &format!(r#""revoked":true{when}"#))).await;
            }
            4 => self.house.base.run("UPDATE agenda SET generation = -1, digest = 0").await,
            5 => self.moved().await,
            _ => self.decide(step).await,
        }
        self.planned().await;
    }

    /// A full load leaves the case out, or brings it back.
    async fn moved(&mut self) {
        let (mine, others): (Vec<&str>, Vec<&str>) = FACTS.lines().partition(|line| line.contains("S-17"));
        if self.is_there {
            let load = Load::Replace;
            self.house.store.append_facts(&facts(&others.join("\n")), load, self.now).await.expect("replaced");
            self.met.clear();
        } else {
            self.house.append(&mine.join("\n")).await;
        }
        self.is_there = !self.is_there;
    }

    async fn decide(&mut self, step: u64) {
        let Some(number) = self.rows().await.iter().map(|row| row.number).max() else { return };
        let written = Written { cause: "capacity", reason: "to på en gang", ..Written::default() };
        let (decision, outcome) = match step {
            6 => (Decision::explain(&Causes::default(), "kari", written), Some(Closing::Explained)),
            7 => (Decision::withdraw("ola", "ført dobbelt"), Some(Closing::Withdrawn)),
            _ => (Decision::reopen("siri", "stemte likevel"), None),
        };
        let name = DeviationName { tenant: "sokndal", case: "S-17", rule: RULE, start: "e1", number };
        let decided = self.house.store.decide(name, &decision.expect("a decision"), "", self.now).await;
        if decided.expect("decided") == Decided::Done {
            self.decided += 1;
            match outcome {
                Some(closing) => self.decisions.insert(number, closing),
                None => self.decisions.remove(&number),
            };
        }
    }

    async fn rows(&self) -> Vec<DeviationRow> {
        let filter = DeviationFilter { case: Some("S-17".to_owned()), ..DeviationFilter::default() };
        let mut rows = self.house.store.list_deviations(&filter).await.expect("listed");
        rows.retain(|row| row.rule == RULE && row.start == "e1");
        rows
    }

    /// How the facts close each lapse that there is by them.
    async fn by_facts(&self) -> BTreeMap<i64, Option<Closing>> {
        let organisation = self.house.organisation().await;
        let municipality = organisation.municipality(&self.house.rules).expect("a municipality");
        let case = self.house.case("S-17").await;
        let plan = plan(&municipality, &case.file, &case.ledger, self.now, Occasion::Between);
        let of_rule =
            plan.deviations.iter().filter(|one| *self.house.rules.rule(one.rule).name == *RULE && &*one.start == "e1");
        of_rule.map(|one| (one.number.into(), one.closed.map(|(_, how)| how))).collect()
    }

    async fn check(&mut self, before: &[DeviationRow]) {
        let after = format!("after {}", self.steps.join(" "));
        let rows = self.rows().await;
        let by_facts = if self.is_there { Some(self.by_facts().await) } else { None };
        for row in &rows {
            let before = before.iter().find(|one| one.number == row.number);
            let closed = |row: &DeviationRow| row.closed_as.as_deref().and_then(Closing::parse);
            let decision = self.decisions.get(&row.number).map(|how| (self.now, *how));
            let expected = match &by_facts {
                Some(by_facts) => {
                    // What the facts do not speak of any more is withdrawn.
                    let facts = by_facts.get(&row.number).copied().unwrap_or(Some(Closing::Withdrawn));
                    Standing { facts: facts.map(|how| (self.now, how)), decision }.closed().map(|(_, how)| how)
                }
                // What closed before the case was gone stays as it closed.
                None => before.and_then(closed).or(Some(Closing::Withdrawn)),
            };
            if self.is_there || self.steps.last().is_some_and(|step| step == "5") {
                assert_eq!(closed(row), expected, "{} {after}", row.number);
            }
            assert_eq!(row.id, row.name().id(), "{after}");
            self.known.insert(row.id.clone());
        }
        assert_eq!(rows.len(), self.known.len(), "nothing leaves the register, {after}");
        self.check_events(&rows, &after).await;
        let verified = self.house.store.verify_audit(Some("sokndal"), &[]).await.expect("verified");
        assert_eq!((verified.wrong.as_slice(), verified.ends[0].number), (&[][..], self.decided), "{after}");
    }

    /// Each change of each deviation was noted, and what others see of it was told once.
    async fn check_events(&self, rows: &[DeviationRow], after: &str) {
        let mut news = 0;
        let mut numbers = vec![];
        for row in rows {
            let events = self.house.store.deviation_events(row.name()).await.expect("read");
            assert_eq!(events[0].kind, "opened", "{after}");
            assert_eq!(events.last().expect("one").closed_as, row.closed_as, "{after}");
            assert_eq!(events.iter().filter(|event| event.kind == "opened").count(), 1, "{after}");
            let mut stood = None;
            for event in &events {
                news += usize::from(
                    event.kind == "opened"
                        || event.kind == "explained" && event.author.is_some()
                        || event.closed_as != stood,
                );
                stood.clone_from(&event.closed_as);
                numbers.push(event.number);
            }
        }
        numbers.sort_unstable();
        let places: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, places, "{after}");
        let messages = self.house.store.list_messages(&MessageFilter::default()).await.expect("listed");
        let told: BTreeSet<_> = messages.iter().filter_map(|message| message.subject.clone()).collect();
        let all = messages.iter().filter(|message| message.subject.is_some() && message.channel == HOOK).count();
        assert_eq!((told.len(), all), (news, news), "{after}");
    }
}

#[tokio::test]
async fn whatever_happens_in_whatever_order_nothing_is_lost_or_undone() {
    let (mut kinds, mut lapses) = (BTreeSet::new(), 0);
    for seed in 1..=6_u64 {
        let Some(mut walk) = Walk::begun().await else { return };
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..40 {
            let before = walk.rows().await;
            walk.step(&mut dice).await;
            walk.check(&before).await;
        }
        for row in walk.rows().await {
            lapses += 1;
            for event in walk.house.store.deviation_events(row.name()).await.expect("read") {
                kinds.insert(format!("{} {}", event.kind, event.closed_as.as_deref().unwrap_or("open")));
            }
        }
    }
    assert!(lapses > 6, "more than one lapse of one obligation: {lapses}");
    for kind in [
        "opened open",
        "met_late met_late",
        "withdrawn withdrawn",
        "explained explained",
        "reopened open",
        "reopened met_late",
        "met_late explained",
        "reopened explained",
    ] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
}
