use fristvakt::engine::Occasion;
use fristvakt::store::Applied;

use super::{BEGIN, House, at, event};
use crate::fixture::rules_without_school_environment;

#[tokio::test]
async fn a_tick_reads_only_what_is_due() {
    let Some(house) = House::furnished().await else { return };
    let first = house.tick(BEGIN, Occasion::Between).await;
    assert_eq!(first.len(), 2);
    assert_eq!(house.tick("2026-03-03T13:00:00+01:00", Occasion::Between).await, []);
    assert_eq!(house.store.next_at(at(BEGIN)).await.expect("read"), Some(at("2026-03-04T10:00:00+01:00")));
    let later = house.tick("2026-03-11T08:00:00+01:00", Occasion::Round).await;
    assert_eq!(later.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["S-17"]);
}

#[tokio::test]
async fn a_case_is_found_by_its_id_and_by_its_reference() {
    let Some(house) = House::furnished().await else { return };
    assert_eq!(&*house.case("7F3K").await.file.id, "S-17");
    assert_eq!(&*house.case("S-18").await.file.id, "S-18");
    let none = house.store.case(&house.organisation().await, &house.rules, "nobody").await.expect("read");
    assert!(none.is_none());
}

#[tokio::test]
async fn a_record_that_does_not_parse_is_set_aside_and_stops_nothing_else() {
    let Some(mut house) = House::furnished().await else { return };
    house.append(&event("S-18", "e5", r#""kind":"concern_raised","on":"2026-03-03""#)).await;
    let rules = std::mem::replace(&mut house.rules, rules_without_school_environment());
    let planned = house.tick(BEGIN, Occasion::Between).await;
    assert_eq!(planned, [("S-18".to_owned(), Applied::Written)]);
    let aside = house.store.quarantined().await.expect("read");
    assert_eq!(aside.iter().map(|one| one.record.as_str()).collect::<Vec<_>>(), ["case S-17"]);
    assert!(aside[0].reason.contains("school_environment"), "{}", aside[0].reason);
    assert_eq!(house.tick(BEGIN, Occasion::Between).await, [], "it is not tried again and again");
    house.rules = rules;
    house.store.note_rules("mended").await.expect("noted");
    assert_eq!(house.tick(BEGIN, Occasion::Between).await.len(), 2);
    assert_eq!(house.store.quarantined().await.expect("read"), []);
}

#[tokio::test]
async fn a_municipality_whose_own_record_does_not_parse_is_left_out_alone() {
    let Some(house) = House::furnished().await else { return };
    let other = r#"{"type":"tenant","id":"bindal","packs":["none"],"fallback":"a@b.example","mail_domains":[]}"#;
    house.append(other).await;
    let (found, poison) = house.store.organisations(&house.rules, at(BEGIN)).await.expect("read");
    assert_eq!(found.iter().map(|of| &*of.organisation.tenant.id).collect::<Vec<_>>(), ["sokndal"]);
    assert_eq!(poison.iter().map(|one| (&*one.tenant, &*one.record)).collect::<Vec<_>>(), [("bindal", "tenant")]);
    let mended = other.replace("\"none\"", "\"sokndal\"");
    house.append(&mended).await;
    assert_eq!(house.store.organisations(&house.rules, at(BEGIN)).await.expect("read").0.len(), 2);
    assert_eq!(house.store.quarantined().await.expect("read"), []);
}

#[tokio::test]
async fn the_first_moment_that_anything_was_recorded_is_kept() {
    let Some(house) = House::furnished().await else { return };
    assert_eq!(house.organisation().await.first_recorded_at, Some(at("2026-02-01T00:00:00+01:00")));
}

#[tokio::test]
async fn all_cases_are_read_one_batch_after_the_other() {
    let Some(house) = House::furnished().await else { return };
    let tenant = house.organisation().await.organisation.tenant;
    let (mut after, mut found) = (String::new(), vec![]);
    loop {
        let batch = house.store.documents("sokndal", &after, 1).await.expect("read");
        let Some(document) = batch.last() else { break };
        after.clone_from(&document.id);
        found.push(document.case(&tenant, &house.rules).expect("a case"));
    }
    assert_eq!(found.iter().map(|case| &*case.id).collect::<Vec<_>>(), ["S-17", "S-18"]);
    assert_eq!(format!("{:?}", found[0]), format!("{:?}", house.case("S-17").await.file));
}
