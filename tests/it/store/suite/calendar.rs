//! What stands in somebody's calendar, as far as the store knows.

use fristvakt::notice::Recipient;
use fristvakt::store::{CalendarRow, Day};

use super::{House, at};

const SOON: &str = "2026-03-11T08:01:00+01:00";

fn row(start: &str, cancelled: i64) -> CalendarRow {
    CalendarRow {
        case: "S-17".to_owned(),
        reference: "7F3K".to_owned(),
        rule: "sokndal/x".to_owned(),
        start: start.to_owned(),
        role: "responsible".to_owned(),
        due_on: Day("2026-03-16".parse().unwrap()),
        cancelled,
    }
}

/// Sends one message that carries these entries.
async fn send(house: &House, name: &str, now: &str, rows: &[CalendarRow]) {
    let to = Recipient::Person("p1".into());
    house.store.tell_once("sokndal", name, &to, "email", at(now)).await.expect("told");
    let claimed = house.claim(now, "a").await.remove(0);
    house.store.record_calendar(claimed.message, "sokndal", &to, rows).await.expect("recorded");
    let ready = fristvakt::store::Ready {
        attempt: claimed.attempt,
        tenant: "sokndal".to_owned(),
        carried: 0,
        seen: vec![],
        generation: None,
    };
    house.store.begin_commit(&ready, at(now)).await.expect("committed");
    assert!(house.store.accept(claimed.attempt, "email", "250", at(now)).await.expect("accepted"));
}

async fn held(house: &House) -> Vec<String> {
    let rows = house.store.calendar_of("sokndal", &Recipient::Person("p1".into())).await.expect("rows");
    rows.into_iter().map(|row| row.start).collect()
}

#[tokio::test]
async fn the_last_mail_that_was_sent_says_what_stands_in_a_calendar() {
    let Some(house) = House::furnished().await else { return };
    let to = Recipient::Person("p1".into());
    house.store.tell_once("sokndal", "unsent", &to, "email", at(SOON)).await.expect("told");
    let unsent = house.claim(SOON, "a").await.remove(0);
    house.store.record_calendar(unsent.message, "sokndal", &to, &[row("e1", 0)]).await.expect("recorded");
    assert_eq!(held(&house).await, Vec::<String>::new(), "a mail that was not sent brought nothing");
    // Composed again, it carries something else.
    house.store.record_calendar(unsent.message, "sokndal", &to, &[row("e2", 0)]).await.expect("recorded");
    let ready = fristvakt::store::Ready {
        attempt: unsent.attempt,
        tenant: "sokndal".to_owned(),
        carried: 0,
        seen: vec![],
        generation: None,
    };
    house.store.begin_commit(&ready, at(SOON)).await.expect("committed");
    assert!(house.store.accept(unsent.attempt, "email", "250", at(SOON)).await.expect("accepted"));
    assert_eq!(held(&house).await, ["e2"]);
    send(&house, "a", "2026-03-12T08:00:00+01:00", &[row("e1", 0), row("e2", 1)]).await;
    assert_eq!(held(&house).await, ["e1"]);
    send(&house, "b", "2026-03-13T08:00:00+01:00", &[row("e2", 0)]).await;
    assert_eq!(held(&house).await, ["e1", "e2"]);
    let other = house.store.calendar_of("sokndal", &Recipient::Unit("p1".into())).await.expect("rows");
    assert_eq!(other, []);
}
