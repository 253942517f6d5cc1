//! What is only looked at, and what is noted by the way.

use fristvakt::language::Language;
use fristvakt::store::{AuditEntry, DeviationFilter, Load, ObligationFilter, Quarantined, Reconciled};

use super::{BEGIN, House, at, facts};
use crate::fixture::FACTS;

const ROUND: &str = "2026-03-11T08:00:00+01:00";

#[tokio::test]
async fn cases_are_read_one_by_one_many_at_once_and_page_by_page() {
    let Some(house) = House::furnished().await else { return };
    let of = house.organisation().await;
    let cases = house.store.cases(&of, &house.rules, &["S-17", "nowhere"]).await.expect("read");
    assert_eq!(cases.keys().collect::<Vec<_>>(), ["S-17"]);
    let (mut seen, mut after) = (vec![], String::new());
    while let Some(last) = house.store.cases_after(&of, &house.rules, &after, 1).await.expect("read").last {
        seen.push(last.clone());
        after = last;
    }
    assert_eq!(i64::try_from(seen.len()).expect("few"), house.store.case_count("sokndal").await.expect("counted"));
    assert!(seen.is_sorted(), "{seen:?}");
    let documents = house.store.documents("sokndal", "", 100).await.expect("read");
    assert_eq!(documents.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), seen);
    let known = house.store.known_with(facts(FACTS).iter(), Load::Append).await.expect("read");
    assert!(known.tenants.contains_key("sokndal"));
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_a_case_is_explained() {
    let Some(house) = House::furnished().await else { return };
    for now in [ROUND, "2026-03-17T08:00:00+01:00"] {
        house.round(now).await;
    }
    let now = at("2026-03-18T12:00:00+01:00");
    let tenant = Some("sokndal".to_owned());
    let all = house.store.list_obligations(&ObligationFilter::default(), now).await.expect("read");
    let (mut seen, mut place) = (vec![], None);
    let filter = ObligationFilter { tenant: tenant.clone(), limit: Some(1), ..ObligationFilter::default() };
    while let [row] = &house.store.obligations_after(&filter, place.as_ref(), now).await.expect("read")[..] {
        place = Some(row.place());
        seen.push(row.clone());
    }
    assert!(!all.is_empty() && seen.len() == all.len() && all.iter().all(|row| seen.contains(row)), "{seen:?}");
    let of_case = ObligationFilter { case: Some(all[0].reference.clone()), ..filter };
    let first = house.store.obligations_after(&of_case, None, now).await.expect("read");
    assert_eq!((first.len(), &first[0].case), (1, &all[0].case), "by its reference");
    let after = house.store.obligations_after(&of_case, Some(&first[0].place()), now).await.expect("read");
    assert!(after.iter().all(|row| row.case == all[0].case && *row != first[0]));
    let filter = DeviationFilter { tenant, case: Some("S-17".to_owned()), ..DeviationFilter::default() };
    let deviations = house.store.deviations_after(&filter, None).await.expect("read");
    assert_eq!(deviations, house.store.list_deviations(&filter).await.expect("read"));
    let last = deviations.last().expect("a deviation").place();
    assert_eq!(house.store.deviations_after(&filter, Some(&last)).await.expect("read"), []);
    assert_eq!(house.store.tenant_ids().await.expect("read"), ["sokndal"]);
    let (of, case) = (house.organisation().await, house.case("S-17").await);
    let explained = house.store.explain(&of, &house.rules, &case, Some(Language::En), now).await.expect("explained");
    assert!(explained.text().contains("Told") && !explained.obligations().is_empty(), "{}", explained.text());
    assert_eq!(house.case(explained.reference()).await.file.id, case.file.id, "by its reference too");
}

#[tokio::test]
async fn municipalities_are_read_without_rules_and_without_writing() {
    let Some(house) = House::furnished().await else { return };
    let (found, poison) = house.store.read_organisations(&house.rules, at(BEGIN)).await.expect("read");
    assert_eq!((found.len(), poison.len()), (1, 0));
    assert_eq!(house.store.tenants().await.expect("read").len(), 1);
    assert!(house.store.zones().await.expect("read").contains_key("sokndal"));
    let before = house.store.generations().await.expect("read");
    house.store.note_rules("others").await.expect("noted");
    assert_eq!(house.store.rules_in_use().await.expect("read").as_deref(), Some("others"));
    assert_ne!(house.store.generations().await.expect("read"), before, "all cases are planned again");
    house.store.ping().await.expect("it answers");
}

#[tokio::test]
async fn what_was_sent_is_proved_and_the_reconciliation_noted() {
    let Some(house) = House::furnished().await else { return };
    house.round(ROUND).await;
    let claimed = house.claim(ROUND, "here/a").await.remove(0);
    house.store.recall(&[claimed.acceptance("250", at(ROUND))], Default::default(), at(ROUND)).await.expect("recalled");
    let sent = house.store.sent_since("sokndal", at(BEGIN)).await.expect("read");
    assert_eq!((sent.len(), sent[0].has_attempt), (1, 1));
    assert_eq!(house.store.sent_notices("sokndal", &["S-17", "S-18"]).await.expect("read").len(), 1);
    assert_eq!(house.store.reconciled("sokndal").await.expect("read"), None);
    let result = Reconciled { round: at(ROUND).date_naive(), untold: 1, unproven: 0 };
    house.store.note_reconciled("sokndal", &result).await.expect("noted");
    assert_eq!(house.store.reconciliations().await.expect("read"), [("sokndal".to_owned(), result)]);
}

#[tokio::test]
async fn what_people_did_and_what_could_not_be_used_is_on_record() {
    let Some(house) = House::furnished().await else { return };
    let entry = AuditEntry {
        tenant: "sokndal",
        actor: "kari",
        action: "x",
        subject: "y",
        reason: "z",
        ..AuditEntry::default()
    };
    house.store.audit(entry, at(BEGIN)).await.expect("written");
    assert_eq!(house.store.audit_trail("sokndal").await.expect("read").len(), 1);
    let found = Quarantined::new("sokndal", "person p9".to_owned(), "no".to_owned(), at(BEGIN));
    house.store.quarantine(std::slice::from_ref(&found)).await.expect("set aside");
    assert_eq!(house.store.quarantined().await.expect("read"), [found]);
    assert_eq!(
        house.store.list_problems(None).await.expect("read"),
        house.store.list_problems(Some("sokndal")).await.expect("read")
    );
    assert!(!house.store.was_told("sokndal", "backlog").await.expect("read"));
    house.store.nothing_to_tell("sokndal", "backlog", at(BEGIN)).await.expect("noted");
    assert!(house.store.was_told("sokndal", "backlog").await.expect("read"));
}

#[tokio::test]
async fn what_a_wrong_clock_planned_is_planned_again() {
    let Some(house) = House::furnished().await else { return };
    house.round(ROUND).await;
    assert_eq!(house.store.planned_at().await.expect("read"), Some(at(ROUND)));
    house.store.forget_after(at(BEGIN)).await.expect("forgotten");
    assert_eq!(house.notices().await, ["S-17 -3wd withdrawn the clock was wrong"]);
    house.store.forget_round("sokndal").await.expect("forgotten");
    assert_eq!(house.store.last_round("sokndal").await.expect("read"), None);
    house.store.revisit("sokndal", "S-17").await.expect("revisited");
    assert_eq!(house.round(ROUND).await, 1);
}

#[tokio::test]
async fn a_daemon_says_that_it_lives_and_takes_turns() {
    let Some(house) = House::furnished().await else { return };
    let state = house.store.server_state(uuid::Uuid::nil(), "").await.expect("read");
    assert_eq!(state.schema, state.known_schema);
    house.store.work_with(&state.history);
    house.store.introduce("here/a").await.expect("introduced");
    house.store.say_alive("here/a", &state.history, at(BEGIN)).await.expect("said");
    assert_eq!(house.store.other_daemons("here/a", at(BEGIN)).await.expect("read"), 0);
    assert_eq!(house.store.server_state(uuid::Uuid::nil(), "").await.expect("read").behind, 0);
    assert!(house.store.take_turn("sokndal", at(BEGIN)).await.expect("taken"));
    assert!(house.store.take_turn("sokndal", at(BEGIN)).await.expect("renewed"));
    let lent = house.store.take_lease("plan:sokndal", "there/b", chrono::TimeDelta::seconds(9), at(BEGIN)).await;
    assert_eq!(lent.expect("asked"), !house.store.is_shared(), "a file has one daemon, and needs no leases");
    house.store.end_turn("sokndal").await.expect("ended");
    let lent = house.store.take_lease("plan:sokndal", "there/b", chrono::TimeDelta::seconds(9), at(BEGIN)).await;
    assert!(lent.expect("asked"));
    house.store.say_goodbye("here/a").await.expect("said");
}

#[tokio::test]
async fn who_was_overtaken_writes_nothing_although_the_other_one_is_done() {
    let Some(house) = House::furnished().await else { return };
    if !house.store.is_shared() {
        return;
    }
    assert!(house.store.take_turn("sokndal", at(BEGIN)).await.expect("taken"));
    house.base.run("DELETE FROM leases WHERE name = 'plan:sokndal'").await;
    let late = house.store.finish_round("sokndal", at(ROUND).date_naive(), at(ROUND)).await.unwrap_err();
    assert!(matches!(&late, fristvakt::store::StoreError::NotOurTurn(_)), "{late}");
}

#[tokio::test]
async fn who_lost_the_turn_writes_nothing() {
    let Some(house) = House::furnished().await else { return };
    if !house.store.is_shared() {
        return;
    }
    let nine = chrono::TimeDelta::seconds(9);
    assert!(house.store.take_lease("plan:sokndal", "there/b", nine, at(BEGIN)).await.expect("taken"));
    let late = house.store.finish_round("sokndal", at(ROUND).date_naive(), at(ROUND)).await.unwrap_err();
    assert!(matches!(&late, fristvakt::store::StoreError::NotOurTurn(tenant) if tenant == "sokndal"), "{late}");
    house.base.run("UPDATE leases SET until_at = 0").await;
    house.store.finish_round("sokndal", at(ROUND).date_naive(), at(ROUND)).await.expect("nobody has it any more");
}
