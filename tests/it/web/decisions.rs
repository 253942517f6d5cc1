//! What people decide about deviations over HTTP: by whom, with which words, and what is refused.

use fristvakt::store::{AuditFilter, Verified};
use serde_json::{Value, json};

use super::{DECIDES, DECIDES_L, OF_K, READS, Site};
use crate::daemon::FACTS;

async fn lapsed() -> Site {
    let site = Site::with(FACTS).await;
    site.installation.tick("2026-03-18T12:00:00+01:00").await;
    site
}

fn because(reason: &str) -> Value {
    json!({ "by": "kari", "reason": reason })
}

#[tokio::test]
async fn a_deviation_is_explained_withdrawn_and_reopened_with_author_reason_and_token() {
    let site = lapsed().await;
    let id = &site.deviations().await["S-1"];
    let explanation = json!({
        "by": "kari", "cause": "capacity", "reason": "to på\nen gang", "action": "kveldsmøte", "action_due": "2026-05-01",
    });
    let (status, explained) = site.decide(id, "explain", DECIDES, &explanation).await;
    assert_eq!(status, 200, "{explained}");
    let names = ["closed_as", "cause_code", "cause", "action", "action_due", "explained_by"];
    let expected = ["explained", "capacity", "to på en gang", "kveldsmøte", "2026-05-01", "kari"];
    assert_eq!(names.map(|name| explained[name].as_str()), expected.map(Some));
    let (status, withdrawn) = site.decide(&id.to_uppercase(), "withdraw", DECIDES, &because("ført dobbelt")).await;
    let stands = (withdrawn["closed_as"].as_str(), withdrawn["days_late"].as_i64());
    assert_eq!((status, stands), (200, (Some("withdrawn"), Some(0))));
    let (status, reopened) = site.decide(id, "reopen", DECIDES, &because("stemte likevel")).await;
    assert_eq!((status, &reopened["closed_as"], reopened["reopened_by"].as_str()), (200, &Value::Null, Some("kari")));
    let (_, listed) = site.json("/v1/deviations?case=S-1", READS).await;
    assert_eq!(listed["items"][0], reopened);
    let store = &site.installation.daemon().store;
    let trail = store.list_audit(&AuditFilter::default()).await.unwrap();
    let trail: Vec<_> =
        trail.iter().map(|row| [&row.actor, &row.via, &row.action, &row.reason].map(String::as_str)).collect();
    let expected = [
        ["kari", "token:quality", "deviation.explain", "to på en gang"],
        ["kari", "token:quality", "deviation.withdraw", "ført dobbelt"],
        ["kari", "token:quality", "deviation.reopen", "stemte likevel"],
    ];
    assert_eq!(trail, expected);
    let Verified { wrong, .. } = store.verify_audit(None, &[]).await.unwrap();
    assert_eq!(wrong, []);
}

#[tokio::test]
async fn whoever_may_not_changes_nothing_and_learns_nothing() {
    let site = lapsed().await;
    let id = &site.deviations().await["S-1"];
    for (token, expected, code) in [
        (READS, 403, "scope_missing"),
        (OF_K, 403, "scope_missing"),
        // To a token of another municipality it is not there.
        (DECIDES_L, 404, "deviation_unknown"),
        ("nobody's", 401, "token_unknown"),
    ] {
        for act in ["explain", "withdraw", "reopen"] {
            let explained = json!({ "by": "a", "reason": "b", "cause": "other" });
            let body = if act == "explain" { explained } else { because("b") };
            let (status, answer) = site.decide(id, act, token, &body).await;
            assert_eq!((status, answer["code"].as_str()), (expected, Some(code)), "{act} {token}");
        }
    }
    let (_, listed) = site.json("/v1/deviations?case=S-1", READS).await;
    assert_eq!(listed["items"][0]["closed_as"], Value::Null);
    assert_eq!(site.installation.daemon().store.list_audit(&AuditFilter::default()).await.unwrap(), []);
}

#[tokio::test]
async fn hostile_words_are_refused_and_quoted_nowhere() {
    let site = lapsed().await;
    let id = &site.deviations().await["S-1"];
    let long = "å".repeat(501);
    for (reason, says) in [
        ("ring 912 34 567", "telephone number"),
        ("spør kari@kommune.no", "e-mail address"),
        ("\u{202e}765", "cannot be seen"),
        ("a\u{0}b", "cannot be seen"),
        ("", "says nothing"),
        (long.as_str(), "longer than 500 characters"),
    ] {
        let (status, answer) = site.decide(id, "withdraw", DECIDES, &because(reason)).await;
        let detail = answer["detail"].as_str().unwrap();
        assert_eq!((status, answer["code"].as_str()), (422, Some("text_unfit")), "{answer}");
        assert!(detail.starts_with("reason: ") && detail.contains(says), "{answer}");
        assert!(reason.is_empty() || !answer.to_string().contains(reason), "{answer}");
    }
    let wrong = [
        json!({ "by": "kari" }),
        json!({ "reason": "Kanarifugl" }),
        json!({ "by": "kari", "reason": "x", "Kanarifugl": 1 }),
        json!({ "by": ["Kanarifugl"], "reason": "x" }),
        json!("Kanarifugl"),
        json!(null),
    ];
    for body in wrong {
        let (status, answer) = site.decide(id, "reopen", DECIDES, &body).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("body_wrong")), "{body}");
        assert!(!answer.to_string().contains("Kanarifugl"), "{answer}");
    }
    let cause = json!({ "by": "kari", "reason": "x", "cause": "absense" });
    let (status, answer) = site.decide(id, "explain", DECIDES, &cause).await;
    assert!(status == 422 && answer["detail"].as_str().unwrap().contains("did you mean `absence`?"), "{answer}");
    // What is no formula, page or template here is text, and stays what it is.
    let odd = "=1+1 <script>alert(1)</script> {{7*7}} ${x} '; DROP TABLE audit; --";
    let (status, answer) = site.decide(id, "withdraw", DECIDES, &because(odd)).await;
    assert_eq!((status, answer["withdrawn_reason"].as_str()), (200, Some(odd)));
}
