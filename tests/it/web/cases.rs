//! A case over HTTP: what `explain --format json` says of it.

use std::process::Command;

use serde_json::{Value, json};

use super::facts::facts_of;
use super::{BRINGS, OF_K, OF_L_AND_M, READS, Site};
use crate::daemon::FACTS;

const NOW: &str = "2026-03-18T12:00:00+01:00";

/// Some days later, with notices sent and a deviation.
async fn site() -> Site {
    let facts = FACTS.replace(r#""stafettholder":"larer","initiator":"larer"}"#, r#""stafettholder":"nobody"}"#);
    let site = Site::with(&facts).await;
    let later = r#"{"type":"event","tenant":"k","case":"S-CASE","id":"e4","kind":"concern_raised","on":"2026-03-17"}"#;
    for case in ["1", "2"] {
        site.installation.import(&later.replace("CASE", case)).await;
    }
    for now in ["2026-03-11T08:00:00+01:00", "2026-03-17T08:00:00+01:00", NOW] {
        site.installation.tick(now).await;
    }
    site
}

fn explained_by_command(site: &Site, arguments: &[&str]) -> Vec<Value> {
    let database = format!("sqlite://{}", site.installation.folder().join("test.db").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    command.env_clear().args(["explain", "--format", "json", "--now", NOW, "--database", &database]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(super::json).collect()
}

#[tokio::test]
async fn a_case_is_explained_as_the_command_does_it() {
    let site = site().await;
    for (asked, arguments) in [
        ("S-1", &["S-1"][..]),
        ("7F3K", &["S-1"]),
        ("S-2?language=en", &["S-2", "--language", "en"]),
        ("9QX2?tenant=k&language=nn", &["S-2", "--language", "nn"]),
    ] {
        let (status, answer) = site.json(&format!("/v1/cases/{asked}"), READS).await;
        assert_eq!(status, 200, "{answer}");
        let rows: Vec<Value> = [&answer["obligations"], &answer["problems"]]
            .into_iter()
            .flat_map(|rows| rows.as_array().unwrap().clone())
            .collect();
        let expected = explained_by_command(&site, arguments);
        assert!(expected.iter().any(|row| row["type"] == "problem"), "both kinds of rows are compared");
        assert_eq!(rows, expected, "{asked}");
        assert_eq!((&answer["as_of"], &answer["left_out"]), (&json!("2026-03-18T11:00:00Z"), &json!(0)));
        assert_eq!((&answer["tenant"], &answer["case"]), (&json!("k"), &json!(arguments[0])));
    }
    assert!(site.json("/v1/cases/S-1", READS).await.1.to_string().contains("\"told\":[{"), "notices are told");
}

#[tokio::test]
async fn whoever_reads_a_case_stands_in_the_access_log() {
    let site = site().await;
    for (path, status) in [
        ("/v1/cases/7F3K", 200),
        ("/v1/cases/nothing", 404),
        ("/v1/obligations?case=S-2", 200),
        ("/v1/deviations?case=9QX2", 200),
        ("/v1/obligations", 200),
        ("/v1/obligations?case=nothing", 200),
    ] {
        assert_eq!(site.json(path, READS).await.0, status, "{path}");
    }
    site.json("/v1/cases/S-1", OF_L_AND_M).await;
    let store = &site.installation.daemon().store;
    let log = store.list_access(&fristvakt::store::AuditFilter::default()).await.unwrap();
    let said: Vec<String> =
        log.iter().map(|row| format!("{} {} {} {}", row.actor, row.via, row.action, row.subject)).collect();
    let expected =
        ["read case S-1", "list case S-2", "list case S-2"].map(|what| format!("reader token:reader {what}"));
    assert_eq!(said, expected);
    assert_eq!(store.verify_access(None).await.unwrap().wrong, []);
}

#[tokio::test]
async fn one_of_several_has_to_be_named_and_only_what_the_token_opens_counts() {
    let site = site().await;
    for tenant in ["l", "m"] {
        site.bring("", BRINGS, facts_of(tenant)).await;
    }
    let code = |answer: &Value| answer["code"].as_str().unwrap_or("none").to_owned();
    let (status, answer) = site.json("/v1/cases/S-1", READS).await;
    assert_eq!((status, code(&answer).as_str()), (400, "query_wrong"));
    assert!(answer["detail"].as_str().unwrap().contains("say which with `tenant`"), "{answer}");
    assert_eq!(site.json("/v1/cases/S-1?tenant=l", READS).await.1["tenant"], "l");
    assert_eq!(site.json("/v1/cases/S-1", OF_K).await.1["tenant"], "k", "others are not there for this token");
    assert_eq!(site.json("/v1/cases/S-1", OF_L_AND_M).await.0, 400);
    assert_eq!(site.json("/v1/cases/S-1?tenant=m", OF_L_AND_M).await.1["tenant"], "m");
    let foreign = [
        site.json("/v1/cases/S-1?tenant=l", OF_K).await,
        site.json("/v1/cases/S-1?tenant=nowhere", OF_K).await,
        site.json("/v1/cases/nothing?tenant=l", OF_K).await,
    ];
    assert!(foreign.iter().all(|answer| answer == &foreign[0]), "{foreign:?}");
    assert_eq!((foreign[0].0, code(&foreign[0].1).as_str()), (403, "tenant_not_allowed"));
    let own = r#"{"type":"case","tenant":"l","id":"L-1","ref":"LL11"}"#;
    site.bring("", BRINGS, own).await;
    for asked in ["L-1", "LL11", "nothing", "%00", "%ff", "..%2f..%2fetc", "Kari%20Nordmann"] {
        let (status, answer) = site.json(&format!("/v1/cases/{asked}"), OF_K).await;
        assert_eq!((status, code(&answer).as_str()), (404, "case_unknown"), "{asked}");
        assert!(!answer.to_string().contains("Nordmann"), "{answer}");
    }
}

#[tokio::test]
async fn an_id_with_any_characters_is_found() {
    let site = site().await;
    let cases = r#"{"type":"case","tenant":"k","id":"2026/17 æ?#%","ref":"AB/12"}"#;
    assert_eq!(site.bring("", BRINGS, cases).await.0, 200);
    for asked in ["2026%2F17%20%C3%A6%3F%23%25", "AB%2F12"] {
        let (status, answer) = site.json(&format!("/v1/cases/{asked}"), READS).await;
        assert_eq!((status, &answer["case"], &answer["ref"]), (200, &json!("2026/17 æ?#%"), &json!("AB/12")));
        assert_eq!(answer["obligations"], json!([]), "known at once, before anything is planned");
    }
}
