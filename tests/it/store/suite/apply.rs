use fristvakt::engine::{Municipality, Occasion, plan};
use fristvakt::notice::Outcome;
use fristvakt::store::{Application, Applied, Channels, ObligationFilter, Subscription};

use super::{BEGIN, House, at, event};

const ROUND: &str = "2026-03-11T08:00:00+01:00";

/// Plans S-17 as it is read now and writes that plan `times` times.
async fn apply(house: &House, now: &str, times: usize, channels: Channels<'_>) -> Vec<Applied> {
    let of = house.organisation().await;
    let municipality = Municipality::new(&house.rules, &of.organisation).expect("a municipality");
    let case = house.case("S-17").await;
    let plan = plan(&municipality, &case.file, &case.ledger, at(now), Occasion::Round);
    let application = Application { case: &case.file, stamp: case.stamp, plan: &plan };
    let tenant = &of.organisation.tenant;
    let mut outcomes = vec![];
    for _ in 0..times {
        let applied = house.store.apply(tenant, &house.rules, application, channels, at(now), Some(at(now))).await;
        outcomes.push(applied.expect("applied"));
    }
    outcomes
}

#[tokio::test]
async fn writing_a_plan_twice_is_writing_it_once() {
    let Some(house) = House::furnished().await else { return };
    let written = apply(&house, ROUND, 3, Channels::Send(&[])).await;
    assert_eq!(written, [Applied::Written; 3]);
    assert_eq!(house.notices().await, ["S-17 -3wd pending"]);
    assert_eq!(house.messages().await, ["gathering"]);
    assert_eq!(apply(&house, ROUND, 1, Channels::Send(&[])).await, [Applied::Unchanged]);
    assert_eq!(house.case("S-17").await.ledger.len(), 1);
}

#[tokio::test]
async fn a_plan_of_older_facts_is_refused_and_its_case_stays_due() {
    let Some(house) = House::furnished().await else { return };
    let of = house.organisation().await;
    let municipality = Municipality::new(&house.rules, &of.organisation).expect("a municipality");
    let case = house.case("S-17").await;
    let plan = plan(&municipality, &case.file, &case.ledger, at(ROUND), Occasion::Round);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-10""#)).await;
    let application = Application { case: &case.file, stamp: case.stamp, plan: &plan };
    let channels = Channels::Send(&[]);
    let tenant = &of.organisation.tenant;
    let applied = house.store.apply(tenant, &house.rules, application, channels, at(ROUND), Some(at(ROUND))).await;
    assert_eq!(applied.expect("applied"), Applied::Stale);
    assert_eq!(house.notices().await, Vec::<String>::new());
    assert_eq!(house.tick(ROUND, Occasion::Round).await.len(), 2);
}

#[tokio::test]
async fn a_plan_of_an_older_municipality_is_written_and_its_case_stays_due() {
    let Some(house) = House::furnished().await else { return };
    house.tick(BEGIN, Occasion::Between).await;
    let before = house.organisation().await;
    house.append(r#"{"type":"person","tenant":"sokndal","id":"p1","email":"new@sokndal.example"}"#).await;
    let due = house.store.due_cases(&before, &house.rules, at(BEGIN), 10).await.expect("read");
    assert!(due.is_empty(), "for the older state nothing is due");
    assert_eq!(house.tick(BEGIN, Occasion::Between).await.len(), 2);
}

#[tokio::test]
async fn what_is_met_before_it_is_sent_is_taken_out_of_the_message() {
    let Some(house) = House::furnished().await else { return };
    assert_eq!(house.round(ROUND).await, 1);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-10""#)).await;
    house.tick(ROUND, Occasion::Between).await;
    assert_eq!(house.notices().await, ["S-17 -3wd withdrawn met"]);
    assert_eq!(house.messages().await, ["withdrawn"]);
    assert!(house.case("S-17").await.ledger.is_empty(), "it was never sent");
    house.append(&event("S-17", "e9", r#""revoked":true"#)).await;
    house.round("2026-03-12T08:00:00+01:00").await;
    assert_eq!(house.notices().await, ["S-17 -3wd pending"], "the same notice applies again");
    assert_eq!(house.messages().await, ["pending", "withdrawn"]);
}

#[tokio::test]
async fn nothing_leaves_for_a_case_that_became_protected() {
    let Some(house) = House::furnished().await else { return };
    assert_eq!(house.round(ROUND).await, 1);
    let record = r#"{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","level":"0","unit":"skole-1",
        "stafettholder":"p1","protected":true,"attributes":{"school_environment":true}}"#;
    house.append(&record.replace('\n', "")).await;
    house.tick(ROUND, Occasion::Between).await;
    assert_eq!(house.notices().await, ["S-17 -3wd withdrawn protected"]);
    assert_eq!(house.messages().await, ["withdrawn"]);
}

#[tokio::test]
async fn one_message_carries_a_recipients_notices_of_a_round() {
    let Some(house) = House::furnished().await else { return };
    let case = r#"{"type":"case","tenant":"sokndal","id":"S-19","unit":"skole-1","stafettholder":"p1"}"#;
    house.append(&format!("{case}\n{}", event("S-19", "e1", r#""kind":"concern_raised","on":"2026-03-02""#))).await;
    assert_eq!(house.round(ROUND).await, 1);
    let claimed = house.claim(ROUND, "a").await;
    let carried: Vec<_> = claimed[0].notices.iter().map(|notice| notice.case.as_str()).collect();
    assert_eq!(carried, ["S-17", "S-19"]);
    assert_eq!(claimed[0].recipient.to_string(), "p1");
}

#[tokio::test]
async fn urgent_messages_do_not_wait_for_a_round() {
    let Some(house) = House::furnished().await else { return };
    house.append(&event("S-17", "e9", r#""kind":"alarm","at":"2026-03-03T11:00:00+01:00""#)).await;
    house.tick(BEGIN, Occasion::Between).await;
    assert_eq!(house.notices().await, ["S-17 0d pending"]);
    assert_eq!(house.messages().await, ["pending"]);
    assert!(house.claim(BEGIN, "a").await[0].urgent);
}

#[tokio::test]
async fn in_shadow_the_ledger_is_filled_and_nothing_is_sent() {
    let Some(house) = House::furnished().await else { return };
    apply(&house, ROUND, 1, Channels::Shadow).await;
    assert_eq!(house.notices().await, ["S-17 -3wd shadow"]);
    assert_eq!(house.messages().await, Vec::<String>::new());
    assert_eq!(house.case("S-17").await.ledger[0].outcome, Outcome::Sent);
}

#[tokio::test]
async fn several_channels_are_several_messages_and_one_entry_of_the_ledger() {
    let Some(house) = House::furnished().await else { return };
    apply(
        &house,
        ROUND,
        1,
        Channels::Send(&[Subscription {
            channel: "webhook".to_owned(),
            purposes: None,
            roles: None,
            deviations: false,
        }]),
    )
    .await;
    assert_eq!(house.messages().await, ["pending", "gathering"], "a webhook waits for nobody");
    assert_eq!(house.case("S-17").await.ledger.len(), 1);
}

#[tokio::test]
async fn obligations_are_listed_as_they_stand_at_the_moment_of_asking() {
    let Some(house) = House::furnished().await else { return };
    house.tick(BEGIN, Occasion::Between).await;
    for (now, status) in [(BEGIN, "running"), ("2026-03-17T00:00:00+01:00", "overdue")] {
        let rows = house.store.list_obligations(&ObligationFilter::default(), at(now)).await.expect("listed");
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        let shown = (row.reference.as_str(), row.status.as_str(), row.unit.as_deref(), row.responsible.as_str());
        assert_eq!(shown, ("7F3K", status, Some("skole-1"), "stafettholder"));
        let overdue = ObligationFilter { status: Some("overdue".to_owned()), ..ObligationFilter::default() };
        let listed = house.store.list_obligations(&overdue, at(now)).await.expect("listed");
        assert_eq!(listed.len(), usize::from(status == "overdue"));
    }
}
