//! What people decide about deviations, and what the facts say meanwhile.

use fristvakt::engine::Occasion;
use fristvakt::register::{Causes, Decision, DeviationName, Impossible, Written, typed_id};
use fristvakt::store::{Decided, DeviationFilter, DeviationRow};

use super::{House, at, event};

const OVERDUE: &str = "2026-03-17T12:00:00+01:00";
const NAME: DeviationName<'_> =
    DeviationName { tenant: "sokndal", case: "S-17", rule: "sokndal/decision", start: "e1", number: 0 };

fn explain(reason: &str) -> Decision {
    let action_due = "2026-05-01".parse().ok();
    let written = Written { cause: "absence", reason, action: Some("vikar fra mai"), action_due };
    Decision::explain(&Causes::default(), "kari", written).expect("an explanation")
}

fn withdraw() -> Decision {
    Decision::withdraw("ola", "ført dobbelt").expect("a withdrawal")
}

fn reopen() -> Decision {
    Decision::reopen("siri", "det stemte likevel").expect("a reopening")
}

async fn decide(house: &House, decision: &Decision, now: &str) -> Decided {
    house.store.decide(NAME, decision, "token:kvalitet", at(now)).await.expect("decided")
}

async fn row(house: &House) -> DeviationRow {
    let filter = DeviationFilter { id: Some(NAME.id()), ..DeviationFilter::default() };
    house.store.list_deviations(&filter).await.expect("listed").remove(0)
}

/// How it stands, and since when.
async fn standing(house: &House) -> String {
    let row = row(house).await;
    let closed_at = row.closed_at.map(|at| format!(" {at}")).unwrap_or_default();
    format!("{}{closed_at}", row.closed_as.unwrap_or_else(|| "open".to_owned()))
}

/// What happened, in order: what, and how it stood afterwards.
async fn life(house: &House) -> Vec<String> {
    let events = house.store.deviation_events(NAME).await.expect("read");
    let shown = events.iter().enumerate().map(|(place, event)| {
        assert_eq!(event.number, i64::try_from(place + 1).expect("few"), "no place is left out or given twice");
        let by = event.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
        format!("{} → {} {} d{by}", event.kind, event.closed_as.as_deref().unwrap_or("open"), event.days_late)
    });
    shown.collect()
}

async fn lapsed() -> Option<House> {
    let house = House::furnished().await?;
    house.tick(OVERDUE, Occasion::Between).await;
    Some(house)
}

async fn facts(house: &House, line: &str, now: &str) {
    house.append(line).await;
    house.tick(now, Occasion::Between).await;
}

#[tokio::test]
async fn what_a_person_explains_stands_with_all_their_words_until_it_is_reopened() {
    let Some(house) = lapsed().await else { return };
    assert_eq!(decide(&house, &explain("ingen vikar"), "2026-03-18T10:00:00+01:00").await, Decided::Done);
    let explained = row(&house).await;
    let words = [&explained.cause_code, &explained.cause, &explained.action, &explained.explained_by];
    let words = words.map(|word| word.as_deref().unwrap_or_default());
    assert_eq!(words, ["absence", "ingen vikar", "vikar fra mai", "kari"]);
    assert_eq!(explained.action_due.map(|day| day.to_string()).as_deref(), Some("2026-05-01"));
    assert_eq!(explained.explained_at.map(|at| at.to_string()).as_deref(), Some("2026-03-18T09:00:00Z"));
    assert_eq!(standing(&house).await, "explained 2026-03-18T09:00:00Z");
    // A second explanation takes the place of the first, and both are in the trail.
    assert_eq!(decide(&house, &explain("ingen i permisjonstida"), "2026-03-19T10:00:00+01:00").await, Decided::Done);
    assert_eq!(row(&house).await.cause.as_deref(), Some("ingen i permisjonstida"));
    assert_eq!(decide(&house, &reopen(), "2026-03-20T10:00:00+01:00").await, Decided::Done);
    let reopened = row(&house).await;
    assert_eq!(
        (reopened.closed_as, reopened.cause, reopened.action_due, reopened.explained_by),
        (None, None, None, None)
    );
    assert_eq!(reopened.reopened_by.as_deref(), Some("siri"));
    assert_eq!(decide(&house, &reopen(), OVERDUE).await, Decided::Impossible(Impossible::Undecided));
    let trail = house.store.audit_trail("sokndal").await.expect("read");
    let trail: Vec<_> = trail
        .iter()
        .map(|row| format!("{} {} {} {} {}", row.actor, row.via, row.action, row.reason, row.details))
        .collect();
    let details = r#"{"cause_code":"absence","action":"vikar fra mai","action_due":"2026-05-01"}"#;
    let expected = [
        format!("kari token:kvalitet deviation.explain ingen vikar {details}"),
        format!("kari token:kvalitet deviation.explain ingen i permisjonstida {details}"),
        "siri token:kvalitet deviation.reopen det stemte likevel ".to_owned(),
    ];
    assert_eq!(trail, expected);
    let expected = [
        "opened → open 1 d",
        "explained → explained 2 d by kari",
        "explained → explained 3 d by kari",
        "reopened → open 4 d by siri",
    ];
    assert_eq!(life(&house).await, expected);
}

#[tokio::test]
async fn explaining_what_was_met_late_does_not_make_it_close_later() {
    let Some(house) = lapsed().await else { return };
    let met = event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#);
    facts(&house, &met, "2026-03-19T12:00:00+01:00").await;
    let late = standing(&house).await;
    assert!(late.starts_with("met_late 2026-03-17T23:00:00Z"), "{late}");
    assert_eq!(decide(&house, &explain("ferie"), "2026-04-20T10:00:00+02:00").await, Decided::Done);
    assert_eq!(standing(&house).await, "explained 2026-03-17T23:00:00Z");
    assert!(row(&house).await.met_late_at.is_some());
    assert_eq!(decide(&house, &reopen(), "2026-04-21T10:00:00+02:00").await, Decided::Done);
    assert_eq!(standing(&house).await, late, "as the facts say, without a plan");
    let expected = [
        "opened → open 1 d",
        "met_late → met_late 2 d",
        "explained → explained 2 d by kari",
        "reopened → met_late 2 d by siri",
    ];
    assert_eq!(life(&house).await, expected);
}

#[tokio::test]
async fn a_meeting_that_is_revoked_opens_it_again_and_leaves_what_a_person_explained() {
    let Some(house) = lapsed().await else { return };
    let met = event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#);
    facts(&house, &met, "2026-03-19T12:00:00+01:00").await;
    facts(&house, &event("S-17", "e9", r#""revoked":true"#), "2026-03-20T12:00:00+01:00").await;
    assert_eq!(standing(&house).await, "open");
    decide(&house, &explain("ferie"), "2026-03-20T13:00:00+01:00").await;
    facts(&house, &met.replace("e9", "e10"), "2026-03-21T12:00:00+01:00").await;
    facts(&house, &event("S-17", "e10", r#""revoked":true"#), "2026-03-22T12:00:00+01:00").await;
    assert!(standing(&house).await.starts_with("explained"));
    let expected = [
        "opened → open 1 d",
        "met_late → met_late 2 d",
        "reopened → open 4 d",
        "explained → explained 4 d by kari",
        "met_late → explained 2 d",
        "reopened → explained 6 d",
    ];
    assert_eq!(life(&house).await, expected);
}

#[tokio::test]
async fn that_there_was_no_lapse_goes_before_an_explanation_which_comes_back_with_the_lapse() {
    let Some(house) = lapsed().await else { return };
    decide(&house, &explain("ferie"), "2026-03-18T10:00:00+01:00").await;
    let met =
        event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-10","recorded_at":"2026-03-19T12:00:00+01:00""#);
    facts(&house, &met, "2026-03-19T12:00:00+01:00").await;
    assert_eq!(standing(&house).await, "withdrawn 2026-03-19T11:00:00Z");
    assert_eq!(row(&house).await.facts_reason.as_deref(), Some("met"));
    for act in [explain("ferie"), withdraw()] {
        assert_eq!(decide(&house, &act, OVERDUE).await, Decided::Impossible(Impossible::NoLapse));
    }
    facts(&house, &event("S-17", "e9", r#""revoked":true"#), "2026-03-20T12:00:00+01:00").await;
    assert!(standing(&house).await.starts_with("explained"), "{}", standing(&house).await);
    let kept = row(&house).await;
    assert_eq!((kept.cause.as_deref(), kept.facts_reason), (Some("ferie"), None));
}

#[tokio::test]
async fn a_withdrawal_stays_whatever_is_planned_until_a_person_takes_it_back() {
    let Some(house) = lapsed().await else { return };
    decide(&house, &explain("ferie"), "2026-03-18T09:00:00+01:00").await;
    assert_eq!(decide(&house, &withdraw(), "2026-03-18T10:00:00+01:00").await, Decided::Done);
    let withdrawn = row(&house).await;
    assert_eq!(
        (withdrawn.withdrawn_by.as_deref(), withdrawn.withdrawn_reason.as_deref()),
        (Some("ola"), Some("ført dobbelt"))
    );
    assert_eq!((withdrawn.cause, withdrawn.explained_at), (None, None), "one decision at a time");
    for act in [explain("ferie"), withdraw()] {
        assert_eq!(decide(&house, &act, OVERDUE).await, Decided::Impossible(Impossible::Withdrawn));
    }
    let met = event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#);
    facts(&house, &met, "2026-03-19T12:00:00+01:00").await;
    facts(&house, r#"{"type":"case","tenant":"sokndal","id":"S-17","unit":"oppvekst"}"#, "2026-03-19T13:00:00+01:00")
        .await;
    house.store.note_rules("other rules").await.expect("noted");
    house.tick("2026-03-19T14:00:00+01:00", Occasion::Between).await;
    assert_eq!(standing(&house).await, "withdrawn 2026-03-18T09:00:00Z");
    assert_eq!(decide(&house, &reopen(), "2026-03-20T10:00:00+01:00").await, Decided::Done);
    assert!(standing(&house).await.starts_with("met_late"));
}

#[tokio::test]
async fn planning_again_neither_repeats_nor_forgets_what_happened() {
    let Some(house) = lapsed().await else { return };
    decide(&house, &explain("ferie"), "2026-03-18T10:00:00+01:00").await;
    let (before, stood) = (life(&house).await, standing(&house).await);
    for hour in 11..15 {
        house.store.note_rules(&format!("rules {hour}")).await.expect("noted");
        house.base.run("UPDATE agenda SET generation = -1, digest = 0").await;
        house.tick(&format!("2026-03-18T{hour}:00:00+01:00"), Occasion::Between).await;
    }
    assert_eq!((life(&house).await, standing(&house).await), (before, stood));
}

#[tokio::test]
async fn an_id_is_short_lasting_and_read_as_it_was_meant() {
    let Some(house) = lapsed().await else { return };
    let id = row(&house).await.id;
    assert_eq!(id, NAME.id());
    assert_eq!((id.len(), typed_id(&format!(" {} ", id.to_uppercase()))), (12, id.clone()));
    assert_eq!(typed_id("OIl"), "011");
    let other = DeviationName { number: 1, ..NAME };
    assert_ne!(other.id(), id);
    assert_eq!(house.store.decide(other, &withdraw(), "", at(OVERDUE)).await.expect("decided"), Decided::Unknown);
    let foreign = DeviationName { tenant: "nobody", ..NAME };
    assert_eq!(house.store.decide(foreign, &withdraw(), "", at(OVERDUE)).await.expect("decided"), Decided::Unknown);
    assert_eq!(house.store.audit_trail("sokndal").await.expect("read"), []);
}

/// To whom and when is what the ledger says was accepted, not what was planned.
#[tokio::test]
async fn a_deviation_is_escalated_when_the_first_escalation_was_accepted() {
    let Some(house) = lapsed().await else { return };
    let escalated = || async {
        let row = row(&house).await;
        (row.escalated_at.map(|at| at.to_string()), row.escalated_to)
    };
    house.round("2026-03-18T08:00:00+01:00").await;
    house.round("2026-03-19T08:00:00+01:00").await;
    assert_eq!(escalated().await, (None, None), "planned is not sent");
    let claimed = house.claim("2026-03-19T08:00:00+01:00", "a").await;
    let escalation = claimed.iter().find(|one| one.escalation).expect("an escalation");
    let known = escalation.acceptance("250", at("2026-03-19T08:05:00+01:00"));
    house.store.recall(&[known], Default::default(), at(OVERDUE)).await.expect("recalled");
    let to_leader = (Some("2026-03-19T07:05:00Z".to_owned()), Some("leader".to_owned()));
    assert_eq!(escalated().await, to_leader);
    facts(&house, &event("S-17", "e1", r#""revoked":true"#), "2026-03-20T12:00:00+01:00").await;
    assert_eq!(escalated().await, to_leader, "it happened");
    // Before a deviation is opened, nothing can be about it.
    house.base.run("UPDATE deviations SET opened_at = opened_at + 864000000").await;
    assert_eq!(escalated().await, (None, None));
}

/// How many decisions were held against the trail, and the first that contradicts it.
async fn first(house: &House) -> (u64, Option<(String, &'static str)>) {
    let verified = house.store.verify_decisions().await.expect("verified");
    assert_eq!(verified.wrong, verified.first.len() as u64);
    (verified.held, verified.first.first().map(|one| (one.id.clone(), one.what)))
}

#[tokio::test]
async fn a_decision_that_stands_in_another_way_than_its_entry_says_is_found() {
    const AUTHOR: &str = "somebody else decided, or at another time, by its entry in the audit trail";
    const WORDS: &str = "the reason is not the one in the audit trail";
    const DETAILS: &str = "cause or action are not those in the audit trail";
    const OTHER: &str = "the last entry in the audit trail is about another decision, or about none";
    const NO_ENTRY: &str = "somebody decided about it, and the audit trail has no entry of that";
    let attacks = [
        ("UPDATE deviations SET explained_by = 'ola' WHERE explained_by IS NOT NULL", AUTHOR),
        ("UPDATE deviations SET explained_at = explained_at - 1 WHERE explained_by IS NOT NULL", AUTHOR),
        ("UPDATE deviations SET cause = 'noe annet' WHERE explained_by IS NOT NULL", WORDS),
        ("UPDATE deviations SET cause_code = 'other' WHERE explained_by IS NOT NULL", DETAILS),
        ("UPDATE deviations SET action = NULL WHERE explained_by IS NOT NULL", DETAILS),
        ("UPDATE deviations SET action_due = '2027-01-01' WHERE explained_by IS NOT NULL", DETAILS),
        ("UPDATE deviations SET explained_by = NULL, explained_at = NULL WHERE explained_by IS NOT NULL", OTHER),
        ("UPDATE deviations SET withdrawn_by = 'ola' WHERE explained_by IS NOT NULL", OTHER),
        ("DELETE FROM audit", NO_ENTRY),
    ];
    for (attack, what) in attacks {
        let Some(house) = lapsed().await else { return };
        assert_eq!(first(&house).await, (0, None), "nobody decided anything");
        assert_eq!(decide(&house, &explain("ingen vikar"), "2026-03-18T10:00:00+01:00").await, Decided::Done);
        assert_eq!(first(&house).await, (1, None), "{attack}");
        house.base.run(attack).await;
        assert_eq!(first(&house).await, (1, Some((NAME.id(), what))), "{attack}");
    }
    // A withdrawal, one that is taken back, and an earlier explanation put in its place.
    let Some(house) = lapsed().await else { return };
    for (decision, now) in [(explain("ingen vikar"), 18), (withdraw(), 19), (reopen(), 20), (withdraw(), 21)] {
        let now = format!("2026-03-{now}T10:00:00+01:00");
        assert_eq!(decide(&house, &decision, &now).await, Decided::Done);
        assert_eq!(first(&house).await, (1, None), "{now}");
    }
    house.base.run("UPDATE deviations SET withdrawn_reason = 'x' WHERE withdrawn_by IS NOT NULL").await;
    assert_eq!(first(&house).await, (1, Some((NAME.id(), WORDS))));
    house
        .base
        .run("UPDATE deviations SET withdrawn_by = NULL, withdrawn_at = NULL WHERE withdrawn_by IS NOT NULL")
        .await;
    assert_eq!(first(&house).await, (1, Some((NAME.id(), OTHER))));
}
