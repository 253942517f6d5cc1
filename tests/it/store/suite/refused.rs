//! What becomes of messages that nobody took: held, capped, passed on, tried again by hand.

use fristvakt::notice::Recipient;
use fristvakt::store::{CAPPED, FailureClass, Held, Next, Ready, Refusal};
use uuid::Uuid;

use super::{House, at};

const ROUND: &str = "2026-03-11T08:00:00+01:00";
const SOON: &str = "2026-03-11T08:01:00+01:00";
const LATER: &str = "2026-03-11T09:00:00+01:00";
const NEXT_ROUND: &str = "2026-03-16T08:00:00+01:00";

async fn claimed() -> Option<(House, fristvakt::store::Claimed)> {
    let house = House::furnished().await?;
    house.round(ROUND).await;
    let claimed = house.claim(SOON, "here/a").await.remove(0);
    Some((house, claimed))
}

#[tokio::test]
async fn a_channel_that_refuses_is_held_until_it_takes_something() {
    let Some((house, first)) = claimed().await else { return };
    let held = house.store.refuse(first.attempt, "email", "535", at(LATER), at(SOON)).await.expect("refused");
    let Held::Until(until) = held else { panic!("{held:?}") };
    let channels = house.store.channels().await.expect("read");
    assert_eq!((channels.len(), channels[0].held_at(at(SOON)), channels[0].probes), (1, Some(until), 0));
    assert_eq!(
        house.store.refuse(first.attempt, "email", "535", at(LATER), at(SOON)).await.expect("read"),
        Held::NotOurs
    );
    let again = house.claim(LATER, "here/a").await.remove(0);
    let ready = Ready { attempt: again.attempt, tenant: again.tenant, carried: 1, seen: vec![], generation: None };
    house.store.settle(&[ready], &[], at(LATER)).await.expect("committed");
    assert!(house.store.accept(again.attempt, "email", "250", at(LATER)).await.expect("accepted"));
    assert_eq!(house.store.channels().await.expect("read")[0].held_at(at(LATER)), None);
    let codes: Vec<_> =
        house.store.attempts(&again.message.to_string()).await.expect("read").into_iter().map(|one| one.code).collect();
    assert_eq!(codes, [Some("535".to_owned()), Some("250".to_owned())]);
}

#[tokio::test]
async fn who_has_heard_enough_today_hears_the_rest_with_the_next_round() {
    let Some((house, first)) = claimed().await else { return };
    let recipients = [first.recipient.to_string()];
    let heard = house.store.mails_since("sokndal", &recipients, at(ROUND)).await.expect("counted");
    assert_eq!(heard.get(&recipients[0]), Some(&1), "what is in somebody's hands counts");
    house.store.cap(&[first.attempt], at(NEXT_ROUND)).await.expect("capped");
    assert_eq!(house.notices().await, [format!("S-17 -3wd pending {CAPPED}")]);
    assert_eq!(house.store.next_try_at("email").await.expect("read"), Some(at(NEXT_ROUND)));
    assert_eq!(house.store.mails_since("sokndal", &recipients, at(ROUND)).await.expect("counted").len(), 0);
}

#[tokio::test]
async fn what_an_address_refuses_goes_to_the_next_in_the_chain() {
    let Some((house, first)) = claimed().await else { return };
    let names = vec![first.notices[0].name()];
    let onward = [(Recipient::Person("p2".into()), names.clone())];
    let refusal = Refusal { class: FailureClass::Address, code: "550", reason: "address refused" };
    let passed = |attempt| house.store.pass_on(attempt, refusal, &onward, at(LATER), at(SOON));
    assert!(passed(first.attempt).await.expect("passed on"));
    assert!(!passed(first.attempt).await.expect("read"), "it is in nobody's hands any more");
    assert!(!passed(Uuid::now_v7()).await.expect("read"));
    let next = house.claim(LATER, "here/a").await.remove(0);
    assert_eq!((next.recipient.to_string().as_str(), next.rerouted), ("p2", true));
    house.store.postpone(&[next.attempt], at(LATER)).await.expect("put back");
    let back = [(Recipient::Unit("skole-1".into()), names)];
    let waits = |message: String| {
        let (store, back) = (&house.store, &back);
        async move { store.pass_on_waiting(&message, "undelivered", back, at(LATER)).await.expect("passed on") }
    };
    assert!(waits(next.message.to_string()).await);
    assert!(!waits(next.message.to_string()).await, "nothing waits in it");
    assert_eq!(house.claim(LATER, "here/a").await[0].recipient.to_string(), "unit:skole-1");
    house.store.note_data_quality("sokndal", "p1", "address_refused", "550", at(SOON)).await.expect("noted");
    house.store.note_data_quality("sokndal", "p1", "address_refused", "551", at(LATER)).await.expect("noted");
    let found = house.store.data_quality(Some("sokndal")).await.expect("read");
    assert_eq!((found.len(), found[0].times, found[0].code.as_str()), (1, 2, "551"));
    assert_eq!(house.store.data_quality(None).await.expect("read"), found);
}

#[tokio::test]
async fn a_message_that_waits_in_vain_is_found_when_its_next_step_comes() {
    let Some((house, first)) = claimed().await else { return };
    let next = Next::RetryAt(at(LATER));
    house.store.fail(first.attempt, FailureClass::Temporary, "450", &next, at(SOON)).await.expect("failed");
    // The channel takes something else.
    house.store.tell_once("sokndal", "x", &Recipient::Fallback, "email", at(SOON)).await.expect("told");
    let other = house.claim(SOON, "here/a").await.remove(0);
    let ready = Ready { attempt: other.attempt, tenant: other.tenant, carried: 0, seen: vec![], generation: None };
    house.store.settle(&[ready], &[], at(SOON)).await.expect("committed");
    house.store.accept(other.attempt, "email", "250", at(LATER)).await.expect("accepted");
    assert_eq!(house.store.undelivered("sokndal").await.expect("read"), []);
    house.tick(NEXT_ROUND, fristvakt::engine::Occasion::Round).await;
    let found = house.store.undelivered("sokndal").await.expect("read");
    assert_eq!((found.len(), found[0].code.as_str()), (1, "450"));
    assert_eq!(found[0].notices.len(), 1);
}

#[tokio::test]
async fn what_is_taken_back_of_ourselves_is_only_ours() {
    let Some((house, ours)) = claimed().await else { return };
    let none = house.store.take_back_own_attempts(at(SOON), "here/b").await.expect("taken");
    assert_eq!(none.unsent, 0);
    assert!(!house.store.replay_message(ours.message, "kari", "lost", at(SOON)).await.expect("decided"), "a mail");
    let taken = house.store.take_back_own_attempts(at(SOON), "here/a").await.expect("taken");
    assert_eq!((taken.unsent, taken.maybe_sent), (1, 0));
}
