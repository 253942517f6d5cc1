//! The OpenAPI document against the server: every page, every status that it names, every schema, by real answers.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use fristvakt::fact::Fact;
use fristvakt::facts::ndjson;
use hyper::body::Frame;
use jsonschema::Validator;
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};
use sqlx::{Connection, SqliteConnection};

use super::{BRINGS, DECIDES, DECIDES_L, OF_K, READS, REPORTS, REPORTS_L, Site, TOKEN, until};
use crate::daemon::{FACTS, Installation};

/// The document, and the answers that were seen of what it names.
struct Witness {
    document: Value,
    seen: BTreeSet<(String, u16)>,
}

/// Objects hold what their schema names and nothing else: what an answer holds beyond it is missing in the document.
fn closed(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") && !object.contains_key("additionalProperties") {
            object.insert("additionalProperties".to_owned(), json!(false));
        }
        object.values_mut().for_each(closed);
    }
    if let Some(values) = schema.as_array_mut() {
        values.iter_mut().for_each(closed);
    }
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["components"] = json!({ "schemas": document["components"]["schemas"] });
    jsonschema::options().should_validate_formats(true).build(&root).unwrap()
}

impl Witness {
    async fn of(site: &Site) -> Self {
        let (status, mut document) = site.json("/v1/openapi.json", READS).await;
        assert_eq!(status, 200);
        closed(&mut document["components"]["schemas"]);
        Self { document, seen: BTreeSet::new() }
    }

    /// Holds an answer to what the document says of the page.
    async fn see(&mut self, page: &str, response: Response) -> u16 {
        let (method, path) = page.split_once(' ').unwrap();
        let status = response.status().as_u16();
        let described = &self.document["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
        assert!(described.is_object(), "{page} answers {status}, which the document does not name");
        let content_type = response.headers()["content-type"].to_str().unwrap();
        let media = content_type.split(';').next().unwrap().to_owned();
        let schema = &described["content"][&media]["schema"];
        assert!(schema.is_object(), "{page} {status} is {media}, which the document does not name");
        let text = response.text().await.unwrap();
        let body = if media.ends_with("json") { super::json(&text) } else { json!(text) };
        let errors: Vec<String> = validator(&self.document, schema)
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{page} {status}: {errors:?}\n{text}");
        if let Value::Object(mut more) = body
            && page != "GET /v1/openapi.json"
        {
            more.insert("unknown".to_owned(), json!(1));
            assert!(
                !validator(&self.document, schema).is_valid(&Value::Object(more)),
                "{page}: what is not named shows"
            );
        }
        self.seen.insert((page.to_owned(), status));
        status
    }

    /// What the document names: pages, each with its statuses.
    fn named(&self) -> BTreeSet<(String, u16)> {
        let paths = self.document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, operations)| {
            operations.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        });
        let named = operations.flat_map(|(path, method, operation)| {
            let page = format!("{} {path}", method.to_uppercase());
            operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(move |status| (page.clone(), status.parse().unwrap()))
        });
        named.collect()
    }
}

/// What is asked: the page as the document names it, the path, whose token, and the status that comes of it.
const ASKED: &[(&str, &str, Option<&str>, u16)] = &[
    ("GET /healthz", "/healthz", None, 200),
    ("GET /readyz", "/readyz", None, 200),
    ("GET /metrics", "/metrics", Some(TOKEN), 200),
    ("GET /metrics", "/metrics", None, 401),
    ("GET /metrics", "/metrics", Some(READS), 403),
    ("GET /v1/openapi.json", "/v1/openapi.json", Some(BRINGS), 200),
    ("GET /v1/openapi.json", "/v1/openapi.json", Some("nobody's"), 401),
    ("GET /v1/cases/{id}", "/v1/cases/S-1", Some(READS), 200),
    ("GET /v1/cases/{id}", "/v1/cases/9QX2?language=en", Some(OF_K), 200),
    ("GET /v1/cases/{id}", "/v1/cases/S-1?unknown=1", Some(READS), 400),
    ("GET /v1/cases/{id}", "/v1/cases/S-1", None, 401),
    ("GET /v1/cases/{id}", "/v1/cases/S-1", Some(BRINGS), 403),
    ("GET /v1/cases/{id}", "/v1/cases/S-1?tenant=l", Some(OF_K), 403),
    ("GET /v1/cases/{id}", "/v1/cases/none", Some(READS), 404),
    ("GET /v1/cases/{id}", "/v1/cases/broken", Some(READS), 500),
    ("GET /v1/obligations", "/v1/obligations?limit=1", Some(READS), 200),
    (
        "GET /v1/obligations",
        "/v1/obligations?status=met_late&open=true&due_by=2026-03-02&after=&limit=0",
        Some(READS),
        400,
    ),
    ("GET /v1/obligations", "/v1/obligations", None, 401),
    ("GET /v1/obligations", "/v1/obligations", Some(TOKEN), 403),
    ("GET /v1/deviations", "/v1/deviations?limit=1&from=2026-01-01&to=2026-12-31", Some(READS), 200),
    ("GET /v1/deviations", "/v1/deviations?from=nonsense", Some(READS), 400),
    ("GET /v1/deviations", "/v1/deviations", Some(""), 401),
    ("GET /v1/deviations", "/v1/deviations", Some(TOKEN), 403),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=json", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=json&hide_small=true", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-02-01&to=2026-02-28&format=json", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=xlsx", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=csv&table=figures", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=csv_rfc4180", Some(REPORTS), 200),
    (REPORT, "/v1/reports/deviations?from=2026-03-01", Some(REPORTS), 400),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31", None, 401),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31", Some(READS), 403),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&tenant=k", Some(REPORTS_L), 403),
    (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&unit=skola", Some(REPORTS), 404),
];

const REPORT: &str = "GET /v1/reports/deviations";

/// Reports at once, until one of them is refused for that.
async fn too_many_reports(site: &Site) -> Response {
    let path = "/v1/reports/deviations?from=2026-01-01&to=2026-12-31&format=xlsx";
    for _ in 0..100 {
        let asked = tokio::join!(
            ask(site, path, Some(REPORTS)),
            ask(site, path, Some(REPORTS)),
            ask(site, path, Some(REPORTS)),
            ask(site, path, Some(REPORTS))
        );
        let refused = [asked.0, asked.1, asked.2, asked.3].into_iter().find(|answer| answer.status().as_u16() == 429);
        if let Some(refused) = refused {
            return refused;
        }
    }
    panic!("four reports at once, and all of them made, again and again");
}

/// What is brought: query, kind of content, body, whose token, and the status that comes of it.
const BROUGHT: &[(&str, &str, &str, &str, u16)] = &[
    ("?replace=false", "application/x-ndjson", FACTS, BRINGS, 200),
    ("?replace=maybe", "application/x-ndjson", "", BRINGS, 400),
    ("", "application/x-ndjson", "", "nobody's", 401),
    ("", "application/x-ndjson", r#"{"type":"unit","tenant":"l","id":"a"}"#, OF_K, 403),
    ("", "application/json", "", BRINGS, 415),
    ("", "application/x-ndjson", "{\"type\":\"case\",\"tenant\":\"k\",\"id\":\"\"}\nnonsense", BRINGS, 422),
];

/// What is decided, of each page: whose token, kind of content, body, and the status that comes of it.
const DECIDED: &[(&str, &str, &str, u16)] = &[
    (DECIDES, "application/json", "{", 400),
    ("nobody's", "application/json", "{}", 401),
    (READS, "application/json", "{}", 403),
    (DECIDES_L, "application/json", WORDS, 404),
    (DECIDES, "text/plain", WORDS, 415),
    (DECIDES, "application/json", r#"{"by":"kari","reason":"ring 91234567","cause":"other"}"#, 422),
];

/// What `explain` takes; the others take it without a cause.
const WORDS: &str = r#"{"by":"kari","reason":"derfor","cause":"other"}"#;

/// Decides about a deviation.
async fn decide(site: &Site, id: &str, act: &str, (token, media, body): (&str, &str, &str)) -> Response {
    let body = if act == "explain" { body.to_owned() } else { body.replace(r#","cause":"other""#, "") };
    site.post(&format!("/v1/deviations/{id}/{act}"), token, media, body).await
}

/// Every answer of the pages on which people decide, but that of a database which is gone.
async fn decide_all(site: &Site, witness: &mut Witness) {
    let id = &site.deviations().await["S-1"];
    let words = (DECIDES, "application/json", WORDS);
    for act in ["explain", "withdraw", "reopen"] {
        let page = format!("POST /v1/deviations/{{id}}/{act}");
        for (token, media, body, expected) in DECIDED {
            let response = decide(site, id, act, (token, media, body)).await;
            assert_eq!(witness.see(&page, response).await, *expected, "{page} {body}");
        }
        let large = decide(site, id, act, (DECIDES, "application/json", &"a".repeat(70_000))).await;
        assert_eq!(witness.see(&page, large).await, 413);
    }
    // What may be done depends on how it stands.
    for (act, expected) in
        [("reopen", 409), ("explain", 200), ("withdraw", 200), ("withdraw", 409), ("explain", 409), ("reopen", 200)]
    {
        let response = decide(site, id, act, words).await;
        assert_eq!(witness.see(&format!("POST /v1/deviations/{{id}}/{act}"), response).await, expected, "{act}");
    }
}

async fn ask(site: &Site, path: &str, token: Option<&str>) -> Response {
    site.ask(Method::GET, path, token).await
}

async fn bring(site: &Site, query: &str, content_type: &str, body: impl Into<reqwest::Body>, token: &str) -> Response {
    let url = format!("http://{}/v1/facts{query}", site.server.address());
    let request = site.client.post(url).bearer_auth(token).header("content-type", content_type);
    request.body(body).send().await.unwrap()
}

async fn execute(site: &Site, statement: &'static str) {
    let path = site.installation.folder().join("test.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn every_page_answers_what_the_document_says_with_every_status_that_it_names() {
    let limits = "upload = { at_once = 1, bytes = 4000, idle_seconds = 1 }";
    let site = Site::set(Installation::with(FACTS).await, limits).await;
    let mut witness = Witness::of(&site).await;
    assert_eq!(witness.see("GET /readyz", ask(&site, "/readyz", None).await).await, 503);
    site.installation.import(r#"{"type":"case","tenant":"k","id":"broken","ref":"BROKEN"}"#).await;
    for now in ["2026-03-11T08:00:00+01:00", "2026-03-18T12:00:00+01:00"] {
        site.installation.tick(now).await;
    }
    execute(&site, "UPDATE cases SET document = '{' WHERE id = 'broken'").await;
    for (page, path, token, expected) in ASKED {
        assert_eq!(witness.see(page, ask(&site, path, *token).await).await, *expected, "{page} {path}");
    }
    for (query, content_type, body, token, expected) in BROUGHT {
        let response = bring(&site, query, content_type, *body, token).await;
        assert_eq!(witness.see("POST /v1/facts", response).await, *expected, "{query} {body}");
    }
    let refused = too_many_reports(&site).await;
    assert_eq!(witness.see(REPORT, refused).await, 429);
    decide_all(&site, &mut witness).await;
    let large = bring(&site, "", "application/x-ndjson", "a".repeat(5000), BRINGS).await;
    assert_eq!(witness.see("POST /v1/facts", large).await, 413);
    // A body that never comes to its end: while it is waited for, there is no place for another.
    let waiting = bring(&site, "", "application/x-ndjson", reqwest::Body::wrap(Endless), BRINGS);
    let refused = until(
        async || bring(&site, "", "application/x-ndjson", "", BRINGS).await,
        |answer| answer.status().as_u16() == 429,
    );
    let (slow, busy) = tokio::join!(waiting, refused);
    assert_eq!(witness.see("POST /v1/facts", busy).await, 429);
    assert_eq!(witness.see("POST /v1/facts", slow).await, 408);
    for table in ["records", "obligations", "deviations", "messages", "cases"] {
        execute(&site, statement(table)).await;
    }
    let token = |path: &str| match path {
        "/metrics" => TOKEN,
        path if path.starts_with("/v1/reports") => REPORTS,
        _ => READS,
    };
    for (page, path) in [
        ("GET /metrics", "/metrics"),
        ("GET /v1/cases/{id}", "/v1/cases/S-1"),
        ("GET /v1/obligations", "/v1/obligations"),
        ("GET /v1/deviations", "/v1/deviations"),
        (REPORT, "/v1/reports/deviations?from=2026-03-01&to=2026-03-31"),
    ] {
        assert_eq!(witness.see(page, ask(&site, path, Some(token(path))).await).await, 503, "{page}");
    }
    for act in ["explain", "withdraw", "reopen"] {
        let response = decide(&site, "x", act, (DECIDES, "application/json", WORDS)).await;
        assert_eq!(witness.see(&format!("POST /v1/deviations/{{id}}/{act}"), response).await, 503, "{act}");
    }
    let response = bring(&site, "", "application/x-ndjson", "", BRINGS).await;
    assert_eq!(witness.see("POST /v1/facts", response).await, 503);
    assert_eq!(witness.seen, witness.named(), "every status of every page was seen, and no other");
}

/// Takes a table away.
fn statement(table: &str) -> &'static str {
    match table {
        "records" => "ALTER TABLE records RENAME TO records_away",
        "obligations" => "ALTER TABLE obligations RENAME TO obligations_away",
        "deviations" => "ALTER TABLE deviations RENAME TO deviations_away",
        "messages" => "ALTER TABLE messages RENAME TO messages_away",
        _ => "ALTER TABLE cases RENAME TO cases_away",
    }
}

/// A body of which nothing comes.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = hyper::body::Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Pending
    }
}

/// The code says what is there; the document names each of it.
#[tokio::test]
async fn the_document_names_every_page_that_answers_and_no_other() {
    let site = Site::with(FACTS).await;
    let witness = Witness::of(&site).await;
    let named: BTreeSet<String> = witness.named().into_iter().map(|(page, _)| page).collect();
    insta::assert_snapshot!(named.iter().map(|page| format!("{page}\n")).collect::<String>());
    for page in named {
        let (method, path) = page.split_once(' ').unwrap();
        for other in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let asked = Method::from_bytes(other.as_bytes()).unwrap();
            for token in [TOKEN, BRINGS, READS] {
                let status = site.ask(asked.clone(), &path.replace("{id}", "S-1"), Some(token)).await.status().as_u16();
                assert_ne!(status, 404, "{other} {path}");
                assert!(status == 405 || status == 403 || other == method, "{other} {path}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn facts_are_what_their_schema_says() {
    let site = Site::with("").await;
    let (_, document) = site.json("/v1/openapi.json", READS).await;
    let content = &document["paths"]["/v1/facts"]["post"]["requestBody"]["content"]["application/x-ndjson"];
    let fact = validator(&document, &content["schema"]["contentSchema"]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/examples/");
    let mut seen = BTreeSet::new();
    for file in ["01-ordinary", "03-pause", "04-deputy-and-leader-as-holder", "05-correction"] {
        let lines = std::fs::read_to_string(format!("{folder}{file}.ndjson")).unwrap();
        for line in lines.lines().filter(|line| !line.is_empty()) {
            let value = super::json(line);
            assert!(fact.is_valid(&value), "{line}");
            seen.insert(value["type"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen.len(), 5, "each type of record: {seen:?}");
    let case = json!({ "type": "case", "tenant": "k", "id": "a" });
    let with = |name: &str, value: Value| {
        let mut case: Map<String, Value> = case.as_object().unwrap().clone();
        case.insert(name.to_owned(), value);
        Value::Object(case)
    };
    let candidates = [
        case.clone(),
        with("protected", json!(true)),
        with("protected", json!(null)),
        with("protected", json!("yes")),
        with("subject", json!("committee")),
        with("subject", json!("comitee")),
        with("unknown", json!(1)),
        with("type", json!("cases")),
        with("id", json!(7)),
        with("recorded_at", json!("2026-03-02T09:10:00+01:00")),
        with("recorded_at", json!("2026-03-02")),
        with("attributes", json!({ "a": [1, { "b": null }] })),
        with("attributes", json!([])),
        json!({ "tenant": "k", "id": "a" }),
        json!([]),
    ];
    for candidate in candidates {
        let line = candidate.to_string();
        let read = ndjson::read(line.as_bytes()).next().unwrap();
        assert_eq!(fact.is_valid(&candidate), read.is_ok(), "{line}: {read:?}");
        // And what we write of it is a fact again.
        if let Ok(read) = read {
            let written = serde_json::to_value::<Fact>(read.fact).unwrap();
            assert!(fact.is_valid(&written), "{written}");
        }
    }
}
