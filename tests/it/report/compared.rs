//! What a period is compared with, and that every format says so beside the change.

use chrono::NaiveDate;
use fristvakt::language::Language;
use fristvakt::report::{Figure, Format, Period, Report, Request, Table};
use serde_json::{Value, json};

use super::formats::rules;
use super::read_back::{bytes, cells, text};
use super::town::{FACTS, instant, town};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn period(from: &str, to: &str) -> Period {
    Period::new(day(from), day(to)).expect("a period")
}

#[test]
fn calendar_months_are_compared_with_calendar_months_and_anything_else_with_as_many_days() {
    for (asked, before) in [
        (["2026-03-01", "2026-03-31"], ["2026-02-01", "2026-02-28"]),
        (["2024-03-01", "2024-03-31"], ["2024-02-01", "2024-02-29"]),
        (["2026-02-01", "2026-02-28"], ["2026-01-01", "2026-01-31"]),
        (["2026-01-01", "2026-03-31"], ["2025-10-01", "2025-12-31"]),
        (["2026-01-01", "2026-12-31"], ["2025-01-01", "2025-12-31"]),
        (["2026-08-01", "2027-07-31"], ["2025-08-01", "2026-07-31"]),
        (["2026-01-01", "2026-02-28"], ["2025-11-01", "2025-12-31"]),
        // A week, a part of a month, and all but a day of one.
        (["2026-03-09", "2026-03-15"], ["2026-03-02", "2026-03-08"]),
        (["2026-03-01", "2026-03-30"], ["2026-01-30", "2026-02-28"]),
        (["2026-03-02", "2026-03-31"], ["2026-01-31", "2026-03-01"]),
        (["2026-03-10", "2026-03-10"], ["2026-03-09", "2026-03-09"]),
    ] {
        let [asked, before] = [asked, before].map(|[from, to]| period(from, to));
        assert_eq!(asked.previous(), before, "{asked:?}");
    }
}

async fn report(period: Period, now: &str) -> Report {
    let (folder, rules) = (tempfile::tempdir().expect("a folder"), rules());
    let store = town(folder.path(), &rules, FACTS).await;
    let request = Request { language: Some(Language::Nb), ..Request::of(period) };
    let report = Report::read(&store, &rules, &request, instant(now), |_| {}).await.expect("read");
    store.close().await;
    report
}

#[tokio::test]
async fn the_days_compared_with_stand_beside_the_change_in_every_format() {
    let mut april = report(period("2026-04-01", "2026-04-30"), "2026-05-01T12:00:00+02:00").await;
    let march = report(period("2026-03-01", "2026-03-31"), "2026-05-01T12:00:00+02:00").await;
    let before = &april.figures().total.before;
    assert_eq!(before.period(), Some(period("2026-03-01", "2026-03-31")));
    let now = &march.figures().total;
    assert_eq!((before.due, before.in_time, before.opened), (now.due, now.in_time, now.opened), "March is March");
    assert!(april.summary().text().contains("fra mars 2026"), "{}", april.summary().text());
    let page = text(&mut april, Format::Html);
    assert!(
        page.contains("Endring<span class=\"sub\">fra mars 2026</span>") && page.contains("01.03.2026 – 31.03.2026")
    );
    let json: Value = serde_json::from_str(&text(&mut april, Format::Json)).expect("JSON");
    assert_eq!(json["period_before"], json!({ "from": "2026-03-01", "to": "2026-03-31" }));
    assert_eq!((&json["figures"]["total"]["before"]["from"], &json["is_over"]), (&json!("2026-03-01"), &json!(true)));
    let table = text(&mut april, Format::CsvRfc4180(Table::Figures));
    assert!(table.lines().next().expect("a header").contains("before_from,before_to"));
    assert!(table.lines().skip(1).all(|line| line.contains(",2026-03-01,2026-03-31,")), "{table}");
    assert!(text(&mut april, Format::Csv(Table::Figures)).contains(";01.03.2026;31.03.2026;"));
    let book = cells(&bytes(&mut april, Format::Xlsx));
    assert!(book.iter().any(|cell| cell == "Forrige periode: fra"), "{book:?}");
}

#[tokio::test]
async fn a_period_that_runs_says_so_and_is_compared_with_nothing() {
    let mut running = report(period("2026-04-01", "2026-04-30"), "2026-04-16T12:00:00+02:00").await;
    assert_eq!(running.about().compared, None);
    assert_eq!(running.figures().total.before.due, Figure::Nothing);
    let said = "Perioden er ikke over: tallene går til 16. april 2026 og er ikke sammenlignet med tidligere.";
    for shown in [running.summary().text(), text(&mut running, Format::Html)] {
        assert!(shown.contains(said) && !shown.contains("fra mars") && !shown.contains("prosentpoeng fra"), "{shown}");
    }
    assert!(cells(&bytes(&mut running, Format::Xlsx)).iter().any(|cell| cell == said));
    let json: Value = serde_json::from_str(&text(&mut running, Format::Json)).expect("JSON");
    assert_eq!((&json["is_over"], &json["period_before"]), (&json!(false), &Value::Null));
    // Its last moment is over when the day is.
    let over = report(period("2026-04-01", "2026-04-30"), "2026-05-01T00:00:00+02:00").await;
    assert!(over.about().compared.is_some());
    let ahead = report(period("2026-06-01", "2026-06-30"), "2026-04-16T12:00:00+02:00").await;
    assert!(ahead.summary().text().contains("Perioden har ikke begynt ennå."), "{}", ahead.summary().text());
}

#[tokio::test]
async fn programs_can_tell_what_is_hidden_from_what_is_nothing() {
    let (folder, rules) = (tempfile::tempdir().expect("a folder"), rules());
    let store = town(folder.path(), &rules, FACTS).await;
    let get = async |hide_small| {
        let request = Request { hide_small, protected: !hide_small, ..Request::of(period("2026-03-01", "2026-03-31")) };
        let now = instant("2026-05-01T12:00:00+02:00");
        let mut report = Report::read(&store, &rules, &request, now, |_| {}).await.expect("read");
        serde_json::from_str::<Value>(&text(&mut report, Format::Json)).expect("JSON")
    };
    let (open, hidden) = (get(false).await, get(true).await);
    assert!(open["figures"]["total"]["worst_days_late"].is_number());
    assert_eq!(hidden["figures"]["total"]["worst_days_late"], "hidden");
    let nothing = |report: &Value| report["figures"]["weeks"].as_array().expect("weeks").clone();
    let empty = nothing(&open).into_iter().find(|week| week["due"] == 0).expect("a week without deadlines");
    assert_eq!(empty["share_in_time"], Value::Null);
    store.close().await;
}
