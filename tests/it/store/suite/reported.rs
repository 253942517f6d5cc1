use std::fmt::Write as _;

use chrono::NaiveDate;
use fristvakt::engine::Occasion;
use fristvakt::report::{Figure, Format, Period, Report, Request};
use fristvakt::store::{Day, DeviationFilter, Sieve};

use super::{House, at, event};

const OVERDUE: &str = "2026-03-17T12:00:00+01:00";
const LATER: &str = "2026-03-20T12:00:00+01:00";
const SIEVE: Sieve<'_> = Sieve { tenant: "sokndal", rule: None, protected: true };

fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).expect("a date")
}

fn march() -> Request {
    Request::of(Period::new(day(3, 1), day(3, 31)).expect("a period"))
}

/// Six hundred cases more, each with a deviation.
async fn crowd(house: &House) {
    let mut lines = String::new();
    for number in 0..600 {
        let _ = writeln!(lines, r#"{{"type":"case","tenant":"sokndal","id":"M-{number}","unit":"skole-1"}}"#);
        let _ =
            writeln!(lines, "{}", event(&format!("M-{number}"), "e1", r#""kind":"concern_raised","on":"2026-03-01""#));
    }
    house.append(&lines).await;
    house.tick(OVERDUE, Occasion::Between).await;
}

#[tokio::test]
async fn the_register_is_read_page_by_page_as_of_one_moment() {
    let Some(house) = House::furnished().await else { return };
    crowd(&house).await;
    let all = house.store.list_deviations(&DeviationFilter::default()).await.expect("listed");
    let mut snapshot = house.store.snapshot().await.expect("a snapshot");
    let within = (at("2026-01-01T00:00:00+01:00"), at("2026-04-01T00:00:00+02:00"));
    let (mut seen, mut after, mut pages) = (vec![], None, 0);
    loop {
        let page = snapshot.register(SIEVE, within, after.as_ref()).await.expect("a page");
        seen.extend(page.rows);
        pages += 1;
        if pages == 1 {
            // What is written meanwhile is not of this moment.
            house.append(&event("M-599", "e1", r#""revoked":true"#)).await;
            house.tick(OVERDUE, Occasion::Between).await;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (601, 2));
    assert!(seen.iter().all(|row| row.closed_as.is_none()) && all.iter().all(|row| seen.contains(row)));
    let ids: Vec<&str> = seen.iter().map(|row| row.case.as_str()).collect();
    let documents = snapshot.documents("sokndal", &ids).await.expect("documents");
    assert_eq!(documents.len(), 601);
    let later = snapshot.register(SIEVE, (within.1, within.1), None).await.expect("a page");
    assert_eq!((later.rows.len(), later.next.is_some()), (500, true), "what is open is open in every later period");
    let early = snapshot.register(SIEVE, (within.0, at("2026-03-10T00:00:00+01:00")), None).await.expect("a page");
    assert_eq!(early.rows.len(), 0, "and in no earlier one");
}

#[tokio::test]
async fn obligations_are_counted_by_unit_rule_and_day() {
    let Some(house) = House::furnished().await else { return };
    house.append(&event("S-17", "e5", r#""kind":"concern_raised","on":"2026-03-04""#)).await;
    house.append(&event("S-17", "e9", r#""kind":"decision_made","on":"2026-03-17""#)).await;
    house.tick(LATER, Occasion::Between).await;
    let mut snapshot = house.store.snapshot().await.expect("a snapshot");
    let days = (Day(day(3, 1)), Day(day(3, 31)));
    let groups = snapshot.due(SIEVE, days, at(LATER)).await.expect("groups");
    let told: Vec<_> = groups.iter().map(|one| (one.unit.as_deref(), one.due_on.0, one.in_time, one.late)).collect();
    assert_eq!(told, [(Some("skole-1"), day(3, 16), 0, 1), (Some("skole-1"), day(3, 18), 1, 0)]);
    // Not yet due, of another rule, of days before.
    assert_eq!(snapshot.due(SIEVE, days, at("2026-03-16T12:00:00+01:00")).await.expect("groups"), []);
    let other = Sieve { rule: Some("sokndal/alarm"), ..SIEVE };
    assert_eq!(snapshot.due(other, days, at(LATER)).await.expect("groups"), []);
    let before = (Day(day(2, 1)), Day(day(3, 15)));
    assert_eq!(snapshot.due(SIEVE, before, at(LATER)).await.expect("groups"), []);
}

#[tokio::test]
async fn a_protected_case_is_left_out_and_one_that_was_never_planned_is_taken_for_one() {
    let Some(house) = House::furnished().await else { return };
    house.tick(OVERDUE, Occasion::Between).await;
    let without = Request { protected: false, ..march() };
    let lines = async |request: &Request| {
        Report::read(&house.store, &house.rules, request, at(OVERDUE), |_| {}).await.expect("read").lines()
    };
    assert_eq!((lines(&march()).await, lines(&without).await), (1, 1));
    house
        .append(r#"{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","unit":"skole-1","protected":true}"#)
        .await;
    house.tick(OVERDUE, Occasion::Between).await;
    assert_eq!((lines(&march()).await, lines(&without).await), (1, 0));
    house.append(r#"{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","unit":"skole-1"}"#).await;
    house.tick(OVERDUE, Occasion::Between).await;
    assert_eq!(lines(&without).await, 1);
    house.base.run("UPDATE agenda SET protected = NULL").await;
    assert_eq!((lines(&march()).await, lines(&without).await), (1, 0));
}

#[tokio::test]
async fn a_report_counts_and_lists_what_is_there() {
    let Some(house) = House::furnished().await else { return };
    crowd(&house).await;
    let mut heard = vec![];
    let read = Report::read(&house.store, &house.rules, &march(), at(LATER), |seen| heard.push(seen)).await;
    let mut report = read.expect("read");
    let total = report.figures().total.clone();
    assert_eq!((total.opened, total.open, total.due), (Figure::Is(601), Figure::Is(601), Figure::Is(601)));
    assert_eq!((total.in_time, total.worst_days_late), (Figure::Is(0), Figure::Is(5)));
    assert_eq!((report.lines(), heard), (601, vec![500, 601]));
    let mut json = vec![];
    report.write(Format::Json, &mut json).expect("written");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let proof = json["lines"][0]["proof"].as_array().expect("a proof");
    assert_eq!(proof.last().and_then(serde_json::Value::as_str), Some("Frist: søndag 15. mars"));
}

#[tokio::test]
async fn a_broken_row_is_left_out_and_told_of() {
    let Some(house) = House::furnished().await else { return };
    crowd(&house).await;
    house.base.run("UPDATE deviations SET due_on = 'i går' WHERE case_id = 'M-7'").await;
    house.base.run("UPDATE cases SET document = '{}x' WHERE id = 'M-8'").await;
    let report = Report::read(&house.store, &house.rules, &march(), at(LATER), |_| {}).await.expect("read");
    assert_eq!(
        (report.lines(), report.about().unreadable),
        (600, 1),
        "a case that does not parse has no proof, but a line"
    );
}
