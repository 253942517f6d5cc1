use std::collections::HashSet;

use fristvakt::engine::Occasion;
use fristvakt::journal::Mark;
use fristvakt::notice::Recipient;
use fristvakt::store::{
    Access, Application, Applied, Channels, CommitVerdict, FailureClass, Next, Ready, Recalled, Store, TakenBack,
};
use uuid::Uuid;

use super::{BEGIN, House, LEASE, at, event};

const ROUND: &str = "2026-03-11T08:00:00+01:00";
const SOON: &str = "2026-03-11T08:01:00+01:00";
const LATER: &str = "2026-03-11T09:00:00+01:00";

/// A store with one message pending, to p1.
const JOURNAL: Uuid = Uuid::from_u128(7);

async fn loaded() -> Option<House> {
    let house = House::furnished().await?;
    assert_eq!(house.round(ROUND).await, 1);
    Some(house)
}

fn ready(attempt: Uuid, carried: usize) -> Ready {
    Ready { attempt, tenant: "sokndal".to_owned(), carried, seen: vec![], generation: None }
}

async fn commit(house: &House, attempt: Uuid) -> CommitVerdict {
    house.store.begin_commit(&ready(attempt, 1), at(SOON)).await.expect("decided")
}

#[tokio::test]
async fn a_message_goes_from_pending_to_sent() {
    let Some(house) = loaded().await else { return };
    let claimed = house.claim(SOON, "a").await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(house.claim(SOON, "a").await, [], "nobody else gets it");
    let attempt = claimed[0].attempt;
    assert!(
        !house.store.accept(attempt, "email", "250", at(SOON)).await.expect("decided"),
        "not before it is committed"
    );
    assert_eq!(commit(&house, attempt).await, CommitVerdict::Go);
    assert_eq!(commit(&house, attempt).await, CommitVerdict::NotOurs, "once only");
    assert!(house.store.accept(attempt, "email", "250", at(SOON)).await.expect("decided"));
    assert_eq!((house.messages().await, house.notices().await), (vec!["sent".into()], vec!["S-17 -3wd sent".into()]));
    let again = house.store.accept(attempt, "email", "250", at(SOON)).await.expect("decided");
    assert!(again, "whoever did not hear the answer asks again");
    let failed = house.store.fail(attempt, FailureClass::Temporary, "451", &Next::RetryAt(at(LATER)), at(SOON)).await;
    assert!(!failed.expect("decided"));
    assert_eq!(house.messages().await, ["sent"]);
}

#[tokio::test]
async fn what_changed_since_it_was_composed_is_not_handed_over() {
    let Some(house) = loaded().await else { return };
    let attempt = house.claim(SOON, "a").await[0].attempt;
    let seen = vec![("S-17".to_owned(), house.case("S-17").await.stamp.version)];
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-10""#)).await;
    let stale = Ready { seen, ..ready(attempt, 1) };
    assert_eq!(house.store.begin_commit(&stale, at(SOON)).await.expect("decided"), CommitVerdict::Changed);
    house.tick(SOON, Occasion::Between).await;
    assert_eq!(commit(&house, attempt).await, CommitVerdict::Changed, "its notice is withdrawn");
    let left = house.store.withdraw_notices(("sokndal", attempt), &[], &[], at(SOON)).await.expect("decided");
    assert_eq!(left, Some(0));
    assert_eq!(house.messages().await, ["withdrawn"]);
}

#[tokio::test]
async fn a_notice_that_no_longer_applies_is_taken_out() {
    let Some(house) = loaded().await else { return };
    let claimed = house.claim(SOON, "a").await.remove(0);
    let names: Vec<_> = claimed.notices.iter().map(|notice| (notice.name(), "silenced")).collect();
    let stranger =
        house.store.withdraw_notices(("sokndal", Uuid::now_v7()), &names, &[], at(SOON)).await.expect("decided");
    assert_eq!(stranger, None);
    let left =
        house.store.withdraw_notices(("sokndal", claimed.attempt), &names, &[], at(SOON)).await.expect("decided");
    assert_eq!(left, Some(0));
    assert_eq!(house.notices().await, ["S-17 -3wd withdrawn silenced"]);
    assert_eq!(commit(&house, claimed.attempt).await, CommitVerdict::NotOurs);
}

#[tokio::test]
async fn what_was_planned_before_a_notice_was_taken_out_is_not_written() {
    let Some(house) = loaded().await else { return };
    let claimed = house.claim(SOON, "a").await.remove(0);
    let before = house.case("S-17").await;
    let names: Vec<_> = claimed.notices.iter().map(|notice| (notice.name(), "another recipient")).collect();
    let again = ["S-17".to_owned()];
    house.store.withdraw_notices(("sokndal", claimed.attempt), &names, &again, at(SOON)).await.expect("taken out");
    let of = house.organisation().await;
    let municipality = of.municipality(&house.rules).expect("a municipality");
    let plan = fristvakt::engine::plan(&municipality, &before.file, &before.ledger, at(SOON), Occasion::Between);
    let old = Application { case: &before.file, stamp: before.stamp, plan: &plan };
    let channels = Channels::Send(&[]);
    let applied = house.store.apply(&of.organisation.tenant, &house.rules, old, channels, at(SOON), None).await;
    assert_eq!(applied.expect("decided"), Applied::Stale, "or nobody would ever be told");
    assert_eq!(house.tick(SOON, Occasion::Between).await, [("S-17".to_owned(), Applied::Unchanged)]);
}

#[tokio::test]
async fn a_lease_that_ran_out_commits_nothing() {
    let Some(house) = loaded().await else { return };
    let attempt = house.claim(SOON, "a").await[0].attempt;
    house.base.run("UPDATE messages SET lease_until = lease_until - 300000").await;
    assert_eq!(commit(&house, attempt).await, CommitVerdict::NotOurs);
}

#[tokio::test]
async fn dead_owners_attempts_are_taken_back_by_what_they_had_done() {
    let Some(house) = loaded().await else { return };
    let first = house.claim(SOON, "here/dead").await.remove(0);
    let taken = house.store.take_back_dead_attempts(at(SOON), "here/alive").await.expect("taken");
    assert_eq!(taken, TakenBack { unsent: 1, maybe_sent: 0 });
    let second = house.claim(SOON, "here/dead").await.remove(0);
    assert_eq!((second.message, second.possible_repeat), (first.message, false));
    assert_eq!(commit(&house, second.attempt).await, CommitVerdict::Go);
    let mine = house.store.take_back_dead_attempts(at(SOON), "here/dead").await.expect("taken");
    assert_eq!(mine, TakenBack::default(), "our own stay ours");
    let taken = house.store.take_back_dead_attempts(at(SOON), "here/alive").await.expect("taken");
    assert_eq!(taken, TakenBack { unsent: 0, maybe_sent: 1 });
    let third = house.claim(SOON, "here/alive").await.remove(0);
    assert_eq!((third.message, third.possible_repeat, third.notices.len()), (first.message, true, 1));
    for attempt in [first.attempt, second.attempt] {
        assert!(!house.store.accept(attempt, "email", "250", at(SOON)).await.expect("decided"), "fenced off");
    }
    assert_eq!(commit(&house, third.attempt).await, CommitVerdict::Go);
    assert!(house.store.accept(third.attempt, "email", "250", at(SOON)).await.expect("decided"));
}

#[tokio::test]
async fn what_the_journal_knows_is_sent_whatever_the_database_thinks() {
    let Some(house) = loaded().await else { return };
    let claimed = house.claim(SOON, "here/dead").await.remove(0);
    house.store.take_back_dead_attempts(at(SOON), "here/alive").await.expect("taken");
    let known = [claimed.acceptance("250", at(SOON))];
    let recall = || house.store.recall(&known, (JOURNAL, Mark { file: 1, byte: 9 }), at(SOON));
    assert_eq!(recall().await.expect("recalled"), Recalled { settled: 1, restored: 0 });
    assert_eq!(recall().await.expect("recalled"), Recalled::default());
    assert_eq!(house.store.journal_mark(JOURNAL).await.expect("read"), Mark { file: 1, byte: 9 });
    assert_eq!((house.messages().await, house.claim(LATER, "here/alive").await), (vec!["sent".to_owned()], vec![]));
    assert_eq!(house.notices().await, ["S-17 -3wd sent"]);
}

#[tokio::test]
async fn a_database_older_than_the_journal_sends_nothing_twice() {
    let Some(house) = loaded().await else { return };
    let sent = house.claim(SOON, "a").await.remove(0).acceptance("250", at(SOON));
    // A backup from before the round: the same facts, and nothing of what was sent.
    let Some(restored) = House::furnished().await else { return };
    let recalled = restored.store.recall(std::slice::from_ref(&sent), (JOURNAL, Mark::default()), at(SOON)).await;
    assert_eq!(recalled.expect("recalled"), Recalled { settled: 0, restored: 1 });
    assert_eq!(restored.notices().await, ["S-17 -3wd sent"]);
    assert_eq!(restored.round(ROUND).await, 0, "what the journal knows is not planned again");
    // A backup after which the same was planned again, under another message.
    let Some(again) = loaded().await else { return };
    let recalled = again.store.recall(&[sent], (JOURNAL, Mark::default()), at(SOON)).await;
    assert_eq!(recalled.expect("recalled"), Recalled { settled: 0, restored: 1 });
    assert_eq!(again.notices().await, ["S-17 -3wd sent"]);
    let empty = again.claim(LATER, "a").await;
    assert_eq!(empty.iter().map(|one| one.notices.len()).collect::<Vec<_>>(), [0], "nothing is left in it");
}

#[tokio::test]
async fn a_failure_says_what_becomes_of_the_message() {
    let to = |text: &str| Recipient::parse(text);
    let cases = [
        (FailureClass::Temporary, Next::RetryAt(at(LATER)), "pending", Some(("p1", false))),
        (FailureClass::Unknown, Next::RetryAt(at(LATER)), "pending", Some(("p1", true))),
        (FailureClass::Address, Next::Reroute(to("p9"), at(LATER)), "pending", Some(("p9", false))),
        (FailureClass::Channel, Next::Hold("channel refused"), "held", None),
    ];
    for (class, next, state, expected) in cases {
        let Some(house) = loaded().await else { return };
        let claimed = house.claim(SOON, "a").await.remove(0);
        assert_eq!(commit(&house, claimed.attempt).await, CommitVerdict::Go);
        assert!(house.store.fail(claimed.attempt, class, "550", &next, at(SOON)).await.expect("decided"));
        assert_eq!(house.messages().await, [state], "{class:?}");
        assert_eq!(house.claim(SOON, "a").await, [], "{class:?}: not before its time");
        let again = house.claim(LATER, "a").await;
        let shown = again.first().map(|one| (one.recipient.to_string(), one.possible_repeat, one.tries));
        assert_eq!(shown, expected.map(|(to, repeat)| (to.to_owned(), repeat, 1)), "{class:?}");
        assert!(again.iter().all(|one| one.message == claimed.message && one.notices.len() == 1));
    }
}

#[tokio::test]
async fn escalations_go_first_then_the_oldest() {
    let Some(house) = loaded().await else { return };
    assert_eq!(house.round("2026-03-17T08:00:00+01:00").await, 2);
    let order = house.claim("2026-03-17T08:00:00+01:00", "a").await;
    let shown: Vec<_> = order.iter().map(|one| (one.recipient.to_string(), one.escalation)).collect();
    // What waited for p1 since the round before joined this one's message.
    assert_eq!(shown, [("p2".to_owned(), true), ("p1".to_owned(), false)]);
}

#[tokio::test]
async fn two_processes_never_claim_the_same_message() {
    let Some(house) = House::furnished().await else { return };
    for number in 0..40 {
        let name = format!("n{number}");
        let told = house.store.tell_once("sokndal", &name, &Recipient::Fallback, "email", at(BEGIN));
        assert!(told.await.expect("told").is_some());
    }
    let other = Store::open(house.base.location(), Access::Write).await.expect("a second process");
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let ours = house.store.claim("email", at(BEGIN), 3, "a", LEASE);
        let theirs = other.claim("email", at(BEGIN), 3, "b", LEASE);
        let (ours, theirs) = tokio::join!(ours, theirs);
        for claimed in ours.expect("claimed").into_iter().chain(theirs.expect("claimed")) {
            assert!(seen.insert(claimed.message), "claimed twice");
        }
    }
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn people_hold_retry_and_bury_messages_and_it_is_recorded() {
    let Some(house) = loaded().await else { return };
    let message = house.claim(SOON, "here/dead").await[0].message;
    let hold = || house.store.hold_message(message, "kari", "check first", at(SOON));
    assert!(!hold().await.expect("decided"), "it is in somebody's hands");
    house.store.take_back_dead_attempts(at(SOON), "here/alive").await.expect("taken");
    assert!(hold().await.expect("decided"));
    assert_eq!(house.claim(LATER, "a").await, []);
    assert!(house.store.bury_message(message, "kari", "no such person", at(SOON)).await.expect("decided"));
    assert!(house.store.retry_message(message, "kari", "she is back", at(SOON)).await.expect("decided"));
    assert_eq!(house.claim(LATER, "a").await.len(), 1);
    let trail = house.store.audit_trail("sokndal").await.expect("read");
    let actions: Vec<_> = trail.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["message.hold", "message.bury", "message.retry"]);
}
