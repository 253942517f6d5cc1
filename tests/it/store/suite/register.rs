use chrono::NaiveDate;
use fristvakt::engine::Occasion;
use fristvakt::notice::Recipient;
use fristvakt::register::{Causes, Decision, Written};
use fristvakt::register::{DeviationName, Impossible};
use fristvakt::store::{Decided, DeviationFilter};

use super::{BEGIN, House, at, event};

const OVERDUE: &str = "2026-03-17T12:00:00+01:00";
const NAME: DeviationName<'_> =
    DeviationName { tenant: "sokndal", case: "S-17", rule: "sokndal/decision", start: "e1", number: 0 };

fn explanation() -> Decision {
    let written = Written { cause: "absence", reason: "sykdom", action: Some("vikar"), action_due: None };
    Decision::explain(&Causes::default(), "kari", written).expect("an explanation")
}

/// Rule, start, how it closed and days late on 20 March.
async fn deviations(house: &House) -> Vec<String> {
    let rows = house.store.list_deviations(&DeviationFilter::default()).await.expect("listed");
    let today = NaiveDate::from_ymd_opt(2026, 3, 20).expect("a date");
    let shown = rows.iter().map(|row| {
        format!(
            "{} {} {:?} {}",
            row.start,
            row.number,
            row.closed_as.as_deref().unwrap_or("open"),
            row.days_late(today)
        )
    });
    shown.collect()
}

#[tokio::test]
async fn a_lapse_is_recorded_and_closes_when_it_is_met_late() {
    let Some(house) = House::furnished().await else { return };
    house.tick(OVERDUE, Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "open" 4"#]);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#)).await;
    house.tick("2026-03-19T12:00:00+01:00", Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "met_late" 2"#]);
}

#[tokio::test]
async fn a_deviation_whose_obligation_is_gone_is_withdrawn_and_kept() {
    let Some(house) = House::furnished().await else { return };
    house.tick(OVERDUE, Occasion::Between).await;
    house.append(&event("S-17", "e1", r#""revoked":true"#)).await;
    house.tick("2026-03-18T12:00:00+01:00", Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "withdrawn" 0"#]);
}

#[tokio::test]
async fn what_a_person_explained_stays_explained_until_there_was_no_lapse() {
    let Some(house) = House::furnished().await else { return };
    house.tick(OVERDUE, Occasion::Between).await;
    let explanation = explanation();
    let explain = || house.store.decide(NAME, &explanation, "", at(OVERDUE));
    assert_eq!(explain().await.expect("explained"), Decided::Done);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-18""#)).await;
    house.tick("2026-03-19T12:00:00+01:00", Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "explained" 2"#]);
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-10""#)).await;
    house.tick("2026-03-19T13:00:00+01:00", Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "withdrawn" 0"#]);
    assert_eq!(explain().await.expect("decided"), Decided::Impossible(Impossible::NoLapse));
    let trail = house.store.audit_trail("sokndal").await.expect("read");
    assert_eq!((trail.len(), trail[0].action.as_str(), trail[0].actor.as_str()), (1, "deviation.explain", "kari"));
}

#[tokio::test]
async fn what_a_person_withdrew_stays_withdrawn() {
    let Some(house) = House::furnished().await else { return };
    house.tick(OVERDUE, Occasion::Between).await;
    let withdrawal = Decision::withdraw("kari", "feilført").expect("a withdrawal");
    let withdrawn = house.store.decide(NAME, &withdrawal, "", at(OVERDUE)).await.expect("withdrawn");
    assert_eq!(withdrawn, Decided::Done);
    house.append(r#"{"type":"case","tenant":"sokndal","id":"S-17","unit":"oppvekst"}"#).await;
    house.tick("2026-03-18T12:00:00+01:00", Occasion::Between).await;
    assert_eq!(deviations(&house).await, [r#"e1 0 "withdrawn" 0"#]);
}

#[tokio::test]
async fn a_round_is_finished_once_and_lets_go_of_what_it_gathered() {
    let Some(house) = House::furnished().await else { return };
    let (day, now) = (NaiveDate::from_ymd_opt(2026, 3, 11).expect("a date"), "2026-03-11T08:00:00+01:00");
    house.tick(now, Occasion::Round).await;
    assert_eq!(house.messages().await, ["gathering"]);
    assert_eq!(house.claim(now, "a").await, []);
    assert_eq!(house.store.last_round("sokndal").await.expect("read"), None);
    assert_eq!(house.store.finish_round("sokndal", day, at(now)).await.expect("finished"), 1);
    assert_eq!(house.store.finish_round("sokndal", day, at(now)).await.expect("finished"), 0);
    assert_eq!(house.store.last_round("sokndal").await.expect("read"), Some(day));
    assert_eq!(house.claim(now, "a").await.len(), 1);
}

#[tokio::test]
async fn a_municipality_is_told_once() {
    let Some(house) = House::furnished().await else { return };
    let coordinator = Recipient::Person("p9".into());
    let tell = || house.store.tell_once("sokndal", "revision:sokndal:2022-12-01", &coordinator, "email", at(BEGIN));
    assert!(tell().await.expect("told").is_some());
    assert_eq!(tell().await.expect("told"), None);
    let claimed = house.claim(BEGIN, "a").await;
    assert_eq!(claimed[0].subject.as_deref(), Some("revision:sokndal:2022-12-01"));
    assert_eq!(house.tick(BEGIN, Occasion::Between).await.len(), 2);
    assert_eq!(house.messages().await, ["claimed"], "it carries no notices and is kept all the same");
}
