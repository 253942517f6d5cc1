//! What happens to deviations, on its way to webhooks.

use chrono::TimeDelta;
use fristvakt::engine::Occasion;
use fristvakt::journal::Mark;
use fristvakt::register::{Decision, DeviationName};
use fristvakt::store::{Channels, Claimed, Decided, FailureClass, Next, Subscription, announced};
use uuid::Uuid;

use super::{House, at, event};

const OVERDUE: &str = "2026-03-17T12:00:00+01:00";
const LATER: &str = "2026-03-19T12:00:00+01:00";
const HOOK: &str = "webhook:kvalitet";
const NAME: DeviationName<'_> =
    DeviationName { tenant: "sokndal", case: "S-17", rule: "sokndal/decision", start: "e1", number: 0 };

fn subscription() -> Subscription {
    Subscription { channel: HOOK.to_owned(), purposes: None, roles: None, deviations: true }
}

fn met() -> String {
    event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#)
}

impl House {
    async fn hook_tick(&self, now: &str, occasion: Occasion) {
        self.tick_to(now, occasion, Channels::Send(&[subscription()])).await;
    }

    async fn announce(&self, channels: Channels<'_>, now: &str) -> usize {
        let tenant = self.organisation().await.organisation.tenant.clone();
        self.store.announce(&tenant, channels, at(now)).await.expect("announced")
    }

    async fn decide(&self, decision: &Decision, now: &str) {
        assert_eq!(self.store.decide(NAME, decision, "", at(now)).await.expect("decided"), Decided::Done);
    }

    /// What stands in claimed messages: what happened and its place.
    async fn told(&self, claimed: &[Claimed]) -> Vec<String> {
        let mut told = vec![];
        for one in claimed {
            let Some(subject) = &one.subject else {
                told.push(format!("notice {}", one.notices[0].step));
                continue;
            };
            let what = announced(subject).expect("about a deviation");
            let event = self.store.deviation_event("sokndal", what).await.expect("read").expect("there");
            told.push(format!("{} {:?}", event.number, event.happening().expect("known")));
        }
        told
    }

    /// Claims what may leave, has it taken, and says what it was.
    async fn leave(&self, now: &str) -> Vec<String> {
        let claimed = self.claim_on(HOOK, now, "a").await;
        for one in &claimed {
            self.taken(one, now).await;
        }
        self.told(&claimed).await
    }

    async fn taken(&self, one: &Claimed, now: &str) {
        let known = one.acceptance("204", at(now));
        self.store.recall(&[known], (Uuid::nil(), Mark::default()), at(now)).await.expect("recalled");
    }
}

#[tokio::test]
async fn each_thing_that_happens_is_told_once_and_in_order() {
    let Some(house) = House::furnished().await else { return };
    house.hook_tick(OVERDUE, Occasion::Between).await;
    house.append(&met()).await;
    house.hook_tick(LATER, Occasion::Between).await;
    house.decide(&Decision::withdraw("ola", "feil").expect("a decision"), LATER).await;
    house.decide(&Decision::reopen("ola", "rett").expect("a decision"), LATER).await;
    assert_eq!(house.store.unannounced().await.expect("read"), ["sokndal"]);
    assert_eq!(house.announce(Channels::Send(&[subscription()]), LATER).await, 2);
    for _ in 0..2 {
        assert_eq!(house.announce(Channels::Send(&[subscription()]), LATER).await, 0);
        house.base.run("UPDATE agenda SET generation = -1, digest = 0").await;
        house.hook_tick(LATER, Occasion::Between).await;
    }
    assert_eq!(house.store.unannounced().await.expect("read"), [""; 0]);
    // Four are due, and one at a time may leave, whoever asks.
    let first = house.claim_on(HOOK, LATER, "a").await;
    assert_eq!(house.told(&first).await, ["1 Opened"]);
    assert_eq!(house.claim_on(HOOK, LATER, "b").await, []);
    assert_eq!(house.store.next_try_at(HOOK).await.expect("read"), None, "nothing else may leave before it did");
    house.taken(&first[0], LATER).await;
    assert_eq!(house.leave(LATER).await, ["2 Closed(MetLate)"]);
    assert_eq!(house.leave(LATER).await, ["3 Closed(Withdrawn)"]);
    assert_eq!(house.leave(LATER).await, ["4 Closed(MetLate)"]);
    assert_eq!(house.leave(LATER).await, [""; 0]);
}

#[tokio::test]
async fn what_fails_or_is_held_keeps_what_comes_after_it_waiting() {
    let Some(house) = House::furnished().await else { return };
    house.hook_tick(OVERDUE, Occasion::Between).await;
    house.append(&met()).await;
    house.hook_tick(LATER, Occasion::Between).await;
    let first = house.claim_on(HOOK, LATER, "a").await.remove(0);
    let again = Next::RetryAt(at(LATER) + TimeDelta::hours(1));
    house.store.fail(first.attempt, FailureClass::Temporary, "503", &again, at(LATER)).await.expect("failed");
    assert_eq!(house.claim_on(HOOK, LATER, "a").await, []);
    let retry_at = house.store.next_try_at(HOOK).await.expect("read");
    assert_eq!(retry_at, Some(at(LATER) + TimeDelta::hours(1)), "the daemon sleeps until then");
    assert!(house.store.hold_message(first.message, "kari", "feil mottaker", at(LATER)).await.expect("held"));
    assert_eq!(house.claim_on(HOOK, "2026-03-20T12:00:00+01:00", "a").await, []);
    assert!(house.store.bury_message(first.message, "kari", "ikke nødvendig", at(LATER)).await.expect("buried"));
    assert_eq!(house.leave(LATER).await, ["2 Closed(MetLate)"]);
}

#[tokio::test]
async fn notices_of_the_obligation_come_after_it_unless_the_receiver_keeps_refusing() {
    let Some(house) = House::furnished().await else { return };
    for now in ["2026-03-18T08:00:00+01:00", "2026-03-19T08:00:00+01:00"] {
        house.hook_tick(now, Occasion::Round).await;
    }
    let now = "2026-03-19T08:00:00+01:00";
    let opened = house.claim_on(HOOK, now, "a").await;
    assert_eq!(house.told(&opened).await, ["1 Opened"], "escalations go first otherwise");
    assert_eq!(house.claim_on(HOOK, now, "b").await, []);
    let mut attempt = opened[0].attempt;
    for tries in 1..=5 {
        let next = Next::RetryAt(at(now));
        assert!(house.store.fail(attempt, FailureClass::Temporary, "400", &next, at(now)).await.expect("failed"));
        let claimed = house.claim_on(HOOK, now, "a").await;
        let told = house.told(&claimed).await;
        assert_eq!(told.len() > 1, tries == 5, "{tries}: {told:?}");
        let of_deviation = claimed.iter().find(|one| one.subject.is_some()).expect("still due");
        attempt = of_deviation.attempt;
    }
}

#[tokio::test]
async fn what_has_no_deviations_asked_for_is_not_kept_waiting() {
    let Some(house) = House::furnished().await else { return };
    let other = Subscription { channel: "webhook:andre".to_owned(), deviations: false, ..subscription() };
    let ways = [subscription(), other];
    for now in ["2026-03-18T08:00:00+01:00", "2026-03-19T08:00:00+01:00"] {
        house.tick_to(now, Occasion::Round, Channels::Send(&ways)).await;
    }
    let claimed = house.claim_on("webhook:andre", "2026-03-19T08:00:00+01:00", "a").await;
    assert!(claimed.len() > 1 && claimed.iter().all(|one| one.subject.is_none()), "{claimed:?}");
}

#[tokio::test]
async fn in_shadow_mode_nothing_is_told_then_or_later() {
    let Some(house) = House::furnished().await else { return };
    house.tick_to(OVERDUE, Occasion::Between, Channels::Shadow).await;
    house.decide(&Decision::withdraw("ola", "feil").expect("a decision"), LATER).await;
    assert_eq!(house.announce(Channels::Shadow, LATER).await, 0);
    assert_eq!(house.announce(Channels::Send(&[subscription()]), LATER).await, 0);
    assert_eq!(house.messages().await, [""; 0]);
    // What happens once it is live is told, also of what was opened before.
    house.decide(&Decision::reopen("ola", "rett").expect("a decision"), LATER).await;
    assert_eq!(house.announce(Channels::Send(&[subscription()]), LATER).await, 1);
    assert_eq!(house.leave(LATER).await, ["3 Reopened"]);
}

#[tokio::test]
async fn nothing_is_told_of_a_protected_case_or_of_what_was_due_before_the_municipality_began() {
    for (find, with) in [
        (r#""id":"S-17","ref""#, r#""id":"S-17","protected":true,"ref""#),
        (r#""packs":["sokndal"],"#, r#""packs":["sokndal"],"go_live":"2026-03-17","#),
    ] {
        let Some(house) = House::empty().await else { return };
        house.append(&crate::fixture::FACTS.replace(find, with)).await;
        house.hook_tick(OVERDUE, Occasion::Between).await;
        assert_eq!(house.store.deviation_events(NAME).await.expect("read").len(), 1, "it is in the register");
        assert_eq!(house.messages().await, [""; 0], "{with}");
    }
}

#[tokio::test]
async fn a_case_that_a_full_load_leaves_out_is_told_as_withdrawn() {
    let Some(house) = House::furnished().await else { return };
    house.hook_tick(OVERDUE, Occasion::Between).await;
    assert_eq!(house.leave(OVERDUE).await, ["1 Opened"]);
    let left: String =
        crate::fixture::FACTS.lines().filter(|line| !line.contains("S-17")).map(|line| format!("{line}\n")).collect();
    house.store.append_facts(&super::facts(&left), fristvakt::store::Load::Replace, at(LATER)).await.expect("replaced");
    assert_eq!(house.announce(Channels::Send(&[subscription()]), LATER).await, 1);
    assert_eq!(house.leave(LATER).await, ["2 Closed(Withdrawn)"]);
}

/// A backup from before it was told: the journal knows what was taken.
#[tokio::test]
async fn a_database_older_than_the_journal_tells_nothing_twice() {
    let Some(house) = House::furnished().await else { return };
    house.hook_tick(OVERDUE, Occasion::Between).await;
    let taken = house.claim_on(HOOK, OVERDUE, "a").await.remove(0).acceptance("204", at(OVERDUE));
    let Some(restored) = House::furnished().await else { return };
    restored.store.recall(&[taken], (Uuid::nil(), Mark::default()), at(LATER)).await.expect("recalled");
    restored.hook_tick(OVERDUE, Occasion::Between).await;
    assert_eq!(restored.claim_on(HOOK, LATER, "a").await, []);
    restored.append(&met()).await;
    restored.hook_tick(LATER, Occasion::Between).await;
    assert_eq!(restored.leave(LATER).await, ["2 Closed(MetLate)"]);
}
