use chrono::NaiveDate;

use super::{BEGIN, House, at};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[tokio::test]
async fn a_cause_is_taken_once_a_day_whoever_asks_and_given_back_where_it_was_not_told() {
    let Some(house) = House::empty().await else { return };
    let (today, tomorrow) = (day("2026-03-03"), day("2026-03-04"));
    let claim = async |cause: &str, day| house.store.claim_telling(cause, day, at(BEGIN)).await.expect("asked");
    let both = tokio::join!(claim("clock", today), claim("clock", today));
    assert_ne!(both.0, both.1, "one of two that ask at once");
    assert!(!claim("clock", today).await);
    assert!(claim("quarantine:k", today).await, "another cause");
    assert!(claim("clock", tomorrow).await, "another day");
    house.store.release_telling("clock", today).await.expect("given back");
    assert!(claim("clock", today).await && !claim("quarantine:k", today).await);
    // What is older than anybody asks for is forgotten.
    assert!(claim("clock", day("2026-08-01")).await);
    assert!(claim("quarantine:k", today).await);
}
