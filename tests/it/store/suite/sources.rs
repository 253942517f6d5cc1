//! What is known of sources: how far they were read, what is aside, what is missing.

use fristvakt::facts::csv::RecordType;
use fristvakt::store::{HeldCount, Polled, PolledQuery, RowKey, SetAside, TenantCount};

use super::{BEGIN, House, at, event};

const LATER: &str = "2026-03-04T12:00:00+01:00";

fn polled(now: &str, rows: usize, held: Option<i64>) -> Polled {
    let held = held.map(|rows| HeldCount { rows, since: at(now) });
    let count = TenantCount { record_type: RecordType::Case, tenant: "sokndal".to_owned(), rows: 2, held };
    let query = PolledQuery {
        record_type: RecordType::Case,
        digest: "d".to_owned(),
        columns: "id,ref".to_owned(),
        watermark: Some("integer 7".to_owned()),
        rows,
        counts: vec![count],
    };
    Polled {
        source: "a".to_owned(),
        at: at(now),
        rules: "one".to_owned(),
        is_whole: true,
        queries: vec![query],
        failure: None,
    }
}

fn failing(now: &str, why: &str) -> Polled {
    Polled { queries: vec![], failure: Some(why.to_owned()), is_whole: false, ..polled(now, 0, None) }
}

fn aside(id: &str, reason: &str) -> SetAside {
    SetAside {
        source: "a".to_owned(),
        r#type: "event".to_owned(),
        tenant: "sokndal".to_owned(),
        id: id.to_owned(),
        reason: reason.to_owned(),
        since: at(BEGIN).into(),
        watermark: Some("integer 3".to_owned()),
        waits_for: Some("case S-9".to_owned()),
    }
}

#[tokio::test]
async fn a_source_is_as_it_was_last_read() {
    let Some(house) = House::empty().await else { return };
    let store = &house.store;
    assert_eq!(store.source_states().await.expect("read"), []);
    let fresh = store.source_state("a").await.expect("read");
    assert_eq!((fresh.name.as_str(), fresh.tried_at), ("a", None));
    let ended = store.finish_poll(&polled(BEGIN, 2, None)).await.expect("written");
    assert_eq!((ended.fails_anew, ended.back_since), (false, None));
    let state = store.source_state("a").await.expect("read");
    assert_eq!((state.ok_at, state.reread_at, state.rules.as_deref()), (Some(at(BEGIN)), Some(at(BEGIN)), Some("one")));
    let query = &state.queries[0];
    assert_eq!((query.record_type, query.rows, query.read_at), (RecordType::Case, 2, at(BEGIN)));
    assert_eq!((query.columns.as_str(), query.watermark.as_deref()), ("id,ref", Some("integer 7")));
    assert_eq!(state.counts, polled(BEGIN, 2, None).queries[0].counts);
}

#[tokio::test]
async fn a_failure_is_new_once_and_over_once() {
    let Some(house) = House::empty().await else { return };
    let store = &house.store;
    store.finish_poll(&polled(BEGIN, 2, None)).await.expect("written");
    let cases = [
        ("2026-03-04T12:00:00+01:00", "down", true),
        ("2026-03-04T12:01:00+01:00", "down", false),
        ("2026-03-04T12:02:00+01:00", "refused", true),
    ];
    for (now, why, is_new) in cases {
        let ended = store.finish_poll(&failing(now, why)).await.expect("written");
        assert_eq!((ended.fails_anew, ended.back_since), (is_new, None), "{now}");
        let state = store.source_state("a").await.expect("read");
        assert_eq!(
            (state.ok_at, state.failed_since, state.failure.as_deref()),
            (Some(at(BEGIN)), Some(at(LATER)), Some(why))
        );
        assert_eq!((state.queries.len(), state.tried_at), (1, Some(at(now))), "what was read before stays");
    }
    let ended = store.finish_poll(&polled("2026-03-04T12:03:00+01:00", 2, None)).await.expect("written");
    assert_eq!((ended.fails_anew, ended.back_since), (false, Some(at(LATER))));
}

#[tokio::test]
async fn rows_that_are_aside_keep_their_beginning_until_they_are_let_go() {
    let Some(house) = House::empty().await else { return };
    let store = &house.store;
    store.set_rows_aside("a", &[aside("S-1/e1", "one"), aside("S-1/e2", "one")], &[]).await.expect("written");
    let again = SetAside { since: at(LATER).into(), ..aside("S-1/e1", "two") };
    store.set_rows_aside("a", &[again], &[]).await.expect("written");
    let rows = store.source_rows(Some("a")).await.expect("read");
    assert_eq!(rows, [aside("S-1/e1", "two"), aside("S-1/e2", "one")]);
    assert_eq!(store.source_rows(Some("b")).await.expect("read"), []);
    assert_eq!(store.source_rows(None).await.expect("read").len(), 2);
    let key = RowKey { record_type: RecordType::Event, tenant: "sokndal".to_owned(), id: "S-1/e1".to_owned() };
    assert_eq!(rows[0].key().as_ref(), Some(&key));
    store.set_rows_aside("a", &[], &[key]).await.expect("written");
    store.finish_poll(&polled(BEGIN, 2, None)).await.expect("written");
    assert_eq!(store.source_state("a").await.expect("read").set_aside, 1);
}

#[tokio::test]
async fn what_a_person_accepts_counts_from_then_on() {
    let Some(house) = House::empty().await else { return };
    let store = &house.store;
    store.finish_poll(&polled(BEGIN, 1, Some(1))).await.expect("written");
    let accepted = store.accept_source("a", "kari", "merged", at(LATER)).await.expect("accepted");
    assert_eq!((accepted[0].r#type.as_str(), accepted[0].before, accepted[0].now), ("case", 2, 1));
    let state = store.source_state("a").await.expect("read");
    assert_eq!((state.counts[0].rows, state.counts[0].held, state.tried_at), (1, None, None));
    assert_eq!(state.queries[0].columns, "");
    assert_eq!(store.accept_source("a", "kari", "again", at(LATER)).await.expect("accepted"), []);
    let trail = store.audit_trail("sokndal").await.expect("read");
    assert_eq!((trail.len(), trail[0].subject.as_str()), (1, "a: case 2 to 1"));
}

#[tokio::test]
async fn what_is_missing_goes_with_all_that_follows_from_it() {
    let Some(house) = House::furnished().await else { return };
    let store = &house.store;
    house.append(&event("S-17", "e9", r#""kind":"alarm","on":"2026-03-03""#)).await;
    house.round("2026-03-11T08:00:00+01:00").await;
    let count = async |record_type| store.record_count(record_type, "sokndal").await.expect("read");
    assert_eq!([count(RecordType::Unit).await, count(RecordType::Person).await], [2, 2]);
    assert_eq!([count(RecordType::Case).await, count(RecordType::Event).await], [2, 4]);
    let remove = async |record_type, kept: &'static [&'static str]| {
        let is_present = |id: &str| kept.contains(&id);
        store.remove_missing(record_type, "sokndal", &is_present, at(LATER)).await.expect("removed")
    };
    assert_eq!(remove(RecordType::Event, &["S-17/e1", "S-17/e2", "S-18/e1"]).await, 1);
    assert_eq!(house.tick(LATER, fristvakt::engine::Occasion::Between).await.len(), 1, "its case is looked at again");
    assert_eq!(remove(RecordType::Event, &["S-17/e1", "S-17/e2", "S-18/e1"]).await, 0);
    assert_eq!(remove(RecordType::Case, &["S-18"]).await, 1);
    assert_eq!(remove(RecordType::Unit, &["oppvekst"]).await, 1);
    assert_eq!(remove(RecordType::Person, &["p1"]).await, 1);
    assert_eq!(remove(RecordType::Tenant, &[]).await, 0, "a municipality's own record never goes");
    assert_eq!([count(RecordType::Unit).await, count(RecordType::Person).await], [1, 1]);
    assert_eq!([count(RecordType::Case).await, count(RecordType::Event).await], [1, 1]);
    let states = house.notices().await;
    assert!(states.iter().all(|notice| notice.contains("gone") || !notice.contains("pending")), "{states:?}");
    assert_eq!(store.record_count(RecordType::Case, "elsewhere").await.expect("read"), 0);
}
