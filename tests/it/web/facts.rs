//! Facts over HTTP: what is taken, what is refused in which words, and whose it may be.

use std::path::PathBuf;

use fristvakt::store::{ImportError, Load, NoticeFilter, ObligationFilter};
use serde_json::{Value, json};

use super::{BRINGS, OF_K, OF_L_AND_M, READS, Site, TOKEN, json};
use crate::daemon::{FACTS, Installation, instant};

/// The shared facts as those of another municipality.
pub(super) fn facts_of(tenant: &str) -> String {
    let own = format!(r#""type":"tenant","id":"{tenant}""#);
    FACTS.replace(r#""tenant":"k""#, &format!(r#""tenant":"{tenant}""#)).replace(r#""type":"tenant","id":"k""#, &own)
}

fn event(tenant: &str, case: &str, id: &str) -> String {
    format!(
        r#"{{"type":"event","tenant":"{tenant}","case":"{case}","id":"{id}","kind":"concern_raised","on":"2026-03-09"}}"#
    )
}

fn counts(answer: &Value, kind: &str) -> [u64; 4] {
    ["new", "changed", "unchanged", "removed"].map(|what| answer[kind][what].as_u64().unwrap())
}

impl Site {
    async fn cases_planned(&self) -> usize {
        self.installation.daemon().sweep(self.installation.clock().now()).await.unwrap().planned
    }

    async fn obligations(&self, tenant: &str) -> usize {
        let filter = ObligationFilter { tenant: Some(tenant.to_owned()), ..ObligationFilter::default() };
        let now = self.installation.clock().now();
        self.installation.daemon().store.list_obligations(&filter, now).await.unwrap().len()
    }

    /// What `import` says of the same lines.
    async fn imported(&self, lines: &str, load: Load) -> Result<Value, Vec<String>> {
        let path: PathBuf = self.installation.folder().join("compared.ndjson");
        std::fs::write(&path, lines).unwrap();
        let (daemon, now) = (self.installation.daemon(), self.installation.clock().now());
        let imported = daemon.store.import(&[path], &daemon.rules().set, load, now, |_| {}).await;
        match imported {
            Ok(imported) => Ok(serde_json::to_value(imported[0].appended).unwrap()),
            Err(errors) => match &errors[0].error {
                ImportError::Facts(lines) => Err(lines.iter().map(ToString::to_string).collect()),
                other => panic!("{other}"),
            },
        }
    }
}

/// The lines of a refusal, as `import` prints them.
fn lines(answer: &Value) -> Vec<String> {
    let line = |error: &Value| {
        let (line, text) = (&error["line"], error["text"].as_str().unwrap());
        match error["field"].as_str() {
            Some(field) => format!("line {line}: `{field}`: {text}"),
            None => format!("line {line}: {text}"),
        }
    };
    answer["errors"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn what_is_brought_is_counted_as_import_does_and_twice_changes_nothing() {
    let (site, other) = (Site::with("").await, Site::with("").await);
    for _ in 0..2 {
        let (status, answer) = site.bring("", BRINGS, FACTS).await;
        assert_eq!((status, answer), (200, other.imported(FACTS, Load::Append).await.unwrap()));
    }
    let (_, again) = site.bring("", BRINGS, FACTS).await;
    assert_eq!((counts(&again, "cases"), counts(&again, "events")), ([0, 0, 2, 0], [0, 0, 2, 0]));
    assert_eq!(site.cases_planned().await, 2);
    site.bring("", BRINGS, FACTS).await;
    assert_eq!(site.cases_planned().await, 0, "what changed nothing has nothing planned again");
    assert!(site.obligations("k").await > 0);
}

#[tokio::test]
async fn a_wrong_line_leaves_everything_as_it_was_and_says_what_import_says() {
    let site = Site::with(FACTS).await;
    let wrong = [
        r#"{"type":"event","tenant":"k","case":"S-1","id":"e9","kind":"decision_mad","on":"2026-03-10"}"#,
        r#"{"type":"event","tenant":"k","case":"S-9","id":"e9","kind":"decision_made","on":"2026-02-30"}"#,
        r#"{"type":"event","tenant":"kk","case":"S-1","id":"e9","kind":"decision_made","on":"2026-02-20"}"#,
        r#"{"type":"case","tenant":"k","id":"S-3","unit":"skol"}"#,
        r#"{"type":"case","tenant":"k","id":"","Kari Nordmann":1}"#,
        r#"{"type":"cas","tenant":"k"}"#,
        "nonsense",
    ];
    let body = format!("{}\n\n{}\n", event("k", "S-1", "e8"), wrong.join("\r\n"));
    let (status, answer) = site.bring("", BRINGS, body.clone()).await;
    assert_eq!((status, answer["code"].as_str().unwrap()), (422, "lines_wrong"), "{answer}");
    assert_eq!(lines(&answer), site.imported(&body, Load::Append).await.unwrap_err());
    assert_eq!(answer["detail"], "7 wrong lines; nothing of it was imported");
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap());
    let (_, alone) = site.bring("", BRINGS, event("k", "S-1", "e8")).await;
    assert_eq!(counts(&alone, "events"), [1, 0, 0, 0], "nothing of the wrong body was kept");
}

#[tokio::test]
async fn a_full_load_removes_what_it_leaves_out_of_its_municipalities_alone() {
    let site = Site::with(FACTS).await;
    site.bring("", BRINGS, facts_of("l")).await;
    let without: String = FACTS.lines().filter(|line| !line.contains("S-2")).map(|line| format!("{line}\n")).collect();
    let (status, answer) = site.bring("?replace=false", OF_K, without.clone()).await;
    assert_eq!((status, counts(&answer, "cases")), (200, [0, 0, 1, 0]));
    let (status, answer) = site.bring("?replace=true", OF_K, without).await;
    assert_eq!((status, counts(&answer, "cases")), (200, [0, 0, 1, 1]));
    site.cases_planned().await;
    let (_, cases) = site.json("/v1/obligations?tenant=k&case=S-2", READS).await;
    assert_eq!(cases["items"], json!([]));
    assert!(site.obligations("l").await > 0, "nobody else loses anything");
    let (status, answer) = site.bring("?replace=true", OF_K, "").await;
    assert_eq!((status, counts(&answer, "cases")), (200, [0, 0, 0, 0]), "of nobody, nothing is left out");
}

#[tokio::test]
async fn a_token_brings_facts_of_its_own_municipalities_alone() {
    let site = Site::with(FACTS).await;
    site.bring("", BRINGS, facts_of("l")).await;
    let foreign = format!("{}\n{}\n{}", event("k", "S-1", "e8"), event("l", "S-1", "e8"), facts_of("nowhere"));
    for query in ["", "?replace=true"] {
        let (status, answer) = site.bring(query, OF_K, foreign.clone()).await;
        assert_eq!((status, answer["code"].as_str().unwrap()), (403, "tenant_not_allowed"));
        let lines = lines(&answer);
        assert_eq!(lines.len(), 13, "{lines:?}");
        // Whether there is such a municipality is not told.
        assert_eq!(lines[0], "line 2: `tenant`: `l` is none of the municipalities of this token");
        assert_eq!(lines[1], "line 3: `id`: `nowhere` is none of the municipalities of this token");
    }
    let (status, answer) = site.bring("", OF_K, event("k", "S-1", "e8")).await;
    assert_eq!((status, counts(&answer, "events")), (200, [1, 0, 0, 0]), "nothing of the mixed body was kept");
    let (status, _) = site.bring("", OF_L_AND_M, format!("{}{}", facts_of("l"), facts_of("m"))).await;
    assert_eq!(status, 200);
    assert_eq!(site.bring("", OF_L_AND_M, event("k", "S-1", "e8")).await.0, 403);
    assert_eq!(site.bring("", READS, event("k", "S-1", "e8")).await.1["code"], "scope_missing");
    assert_eq!(site.bring("", TOKEN, event("k", "S-1", "e8")).await.1["code"], "scope_missing");
}

#[tokio::test]
async fn what_a_token_does_not_open_is_not_even_suggested() {
    let site = Site::with(FACTS).await;
    // `l` is not there yet, and `k` looks like it; another's case and unit look like what is missing here.
    let (status, answer) = site.bring("", OF_L_AND_M, event("l", "S-1", "e1")).await;
    assert_eq!(status, 422);
    assert_eq!(lines(&answer), ["line 1: `tenant`: unknown tenant `l`"]);
    let (_, tenant_only) = site.bring("", OF_L_AND_M, facts_of("l").lines().next().unwrap().to_owned()).await;
    assert_eq!(counts(&tenant_only, "tenants"), [1, 0, 0, 0]);
    let (_, answer) = site.bring("", OF_L_AND_M, event("l", "S-1", "e1")).await;
    assert_eq!(lines(&answer), ["line 1: `case`: unknown case `S-1`"]);
}

#[tokio::test]
async fn many_at_once_are_all_taken() {
    let site = Site::set(Installation::with(FACTS).await, "upload = { at_once = 16 }").await;
    let clients = (0..16).map(|client| {
        let lines: String =
            (0..50).map(|line| format!("{}\n", event("k", "S-1", &format!("c{client}-{line}")))).collect();
        let site = &site;
        async move { site.bring("", BRINGS, lines).await }
    });
    for (status, answer) in join_all(clients).await {
        assert_eq!((status, counts(&answer, "events")), (200, [50, 0, 0, 0]));
    }
    let (_, again) = site.bring("", BRINGS, event("k", "S-1", "c7-49")).await;
    assert_eq!(counts(&again, "events"), [0, 0, 1, 0]);
}

/// All of them at the same time.
pub(super) async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if let Some(std::task::Poll::Ready(value)) = future.as_mut().map(|future| future.as_mut().poll(context)) {
                (*future, *done) = (None, Some(value));
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_is_brought_ends_in_a_mail_like_what_is_imported() {
    let site = Site::with("").await;
    site.bring("", BRINGS, FACTS).await;
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    let recipients = site.installation.recipients();
    assert_eq!(recipients, ["larer@k.example"]);
    let decided = r#"{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-12"}"#;
    let (status, _) = site.bring("", BRINGS, decided).await;
    assert_eq!(status, 200);
    site.installation.tick("2026-03-12T12:00:00+01:00").await;
    let filter = NoticeFilter { case: Some("S-1".to_owned()), ..NoticeFilter::default() };
    let notices = site.installation.daemon().store.list_notices(&filter).await.unwrap();
    assert!(!notices.is_empty());
    assert_eq!(site.installation.clock().now(), instant("2026-03-12T12:00:00+01:00"));
    let (_, met) = site.json("/v1/obligations?case=7F3K&status=met", READS).await;
    assert!(met["items"].as_array().unwrap().iter().any(|row| row["met_on"] == "2026-03-12"), "{met}");
    let text = site.get("/v1/obligations", Some(READS)).await.1;
    assert!(json(&text)["items"].as_array().unwrap().len() > 1);
}
