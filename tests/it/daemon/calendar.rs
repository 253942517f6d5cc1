//! Calendar entries, end to end: which mails bring them, and which take them back.

use super::{FACTS, Installation};

const ON: &str = "[email]\ncalendar_entries = true\n";
const DECISION: &str = r#"{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-12","attributes":{"outcome":"close"}}"#;

/// The calendar files of each mail so far: "larer PUBLISH 20260316 7F3K: ta en beslutning".
fn entries(here: &Installation) -> Vec<Vec<String>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(here.folder.path().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let of_mail = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap().split('@').next().unwrap().to_owned();
        mail.attachments().map(|part| shown(&to, std::str::from_utf8(part.contents()).unwrap())).collect()
    };
    paths.iter().map(of_mail).collect()
}

fn shown(to: &str, file: &str) -> String {
    let file = file.replace("\r\n ", "");
    let value = |name: &str| file.split("\r\n").find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    format!("{to} {} {} {}", value("METHOD:"), value("DTSTART;VALUE=DATE:"), value("SUMMARY:"))
}

const FIRST: [&str; 2] =
    ["larer PUBLISH 20260316 7F3K: ta en beslutning", "larer PUBLISH 20260316 9QX2: ta en beslutning"];
const SECOND: &str = "larer PUBLISH 20260316 9QX2: ta en beslutning";
const ENDED: &str = "larer CANCEL 20260316 Utgår: 7F3K: ta en beslutning";

#[tokio::test(flavor = "multi_thread")]
async fn mails_bring_no_entries_unless_asked_for() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(entries(&here), [Vec::<String>::new()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_brings_an_entry_for_each_due_date_ahead() {
    let here = Installation::configured(FACTS, ON).await;
    for at in ["2026-03-11T08:00:00+01:00", "2026-03-16T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
        here.tick(at).await;
    }
    // The leader hears of what is overdue: there is no day to come for it.
    assert_eq!(here.recipients(), ["larer@k.example", "larer@k.example", "rektor@k.example"]);
    assert_eq!(entries(&here), [FIRST.to_vec(), FIRST.to_vec(), vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_mail_takes_back_what_was_met_once() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(&format!("{FACTS}{DECISION}\n")).await;
    // Nothing leaves for a calendar's sake.
    here.tick("2026-03-12T15:00:00+01:00").await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    assert_eq!(here.mails().len(), 1);
    here.tick("2026-03-16T08:00:00+01:00").await;
    here.import(&format!("{FACTS}{DECISION}\n{}\n", concern("S-2", "e3", "2026-03-16"))).await;
    here.tick("2026-03-25T08:00:00+01:00").await;
    here.tick("2026-03-30T08:00:00+02:00").await;
    let found = entries(&here);
    assert!(here.recipients()[2..].contains(&"larer@k.example".to_owned()), "{:?}", here.recipients());
    assert_eq!(found[..2], [FIRST.to_vec(), vec![SECOND, ENDED]]);
    let again = found[2..].iter().flatten().filter(|entry| entry.contains("CANCEL")).count();
    assert_eq!(again, 0, "{found:?}");
}

fn concern(case: &str, id: &str, on: &str) -> String {
    format!(r#"{{"type":"event","tenant":"k","case":"{case}","id":"{id}","kind":"concern_raised","on":"{on}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_is_taken_back_from_one_and_brought_to_the_other() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    let moved = r#""id":"S-1","ref":"7F3K","unit":"skole","stafettholder":"vikar""#;
    here.import(&FACTS.replace(r#""id":"S-1","ref":"7F3K","unit":"skole","stafettholder":"larer""#, moved)).await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    let mut found = entries(&here).split_off(1);
    found.sort();
    assert_eq!(found, [vec![SECOND, ENDED], vec!["vikar PUBLISH 20260316 7F3K: ta en beslutning"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_due_date_replaces_the_entry_and_a_pause_leaves_it() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    let extended = r#"{"type":"event","tenant":"k","case":"S-1","id":"x1","kind":"deadline_extended","on":"2026-03-12","attributes":{"rule":"concern-decision","until":"2026-03-18"}}"#;
    here.import(&format!("{FACTS}{extended}\n")).await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    let found = entries(&here).concat();
    assert!(found.contains(&"larer PUBLISH 20260318 7F3K: ta en beslutning".to_owned()), "{found:?}");
    assert!(found.iter().all(|entry| !entry.contains("CANCEL")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_about_a_case_that_is_protected_since() {
    let here = Installation::configured(FACTS, ON).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(&FACTS.replace(r#""ref":"7F3K""#, r#""ref":"7F3K","protected":true"#)).await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    assert_eq!(entries(&here)[1..], [vec![SECOND]]);
}
