//! The web server over real HTTP: who gets in, what each page says, and what it never says.

mod cases;
mod decisions;
mod disk;
mod facts;
mod lists;
mod log;
mod openapi;
mod reports;
mod server;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use fristvakt::config::HttpSettings;
use fristvakt::web::{Server, check};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::{FACTS, Installation, instant};

/// Opens metrics.
const TOKEN: &str = "4f1c0a8e5d7b9236e1f0a2b3c4d5e6f7";
/// Brings facts of any municipality.
const BRINGS: &str = "facts-c0a8e5d7b9236e1f0a2b3c4d5e6f7";
/// Reads everything.
const READS: &str = "read-1c0a8e5d7b9236e1f0a2b3c4d5e6f7";
/// Brings and reads what is of the municipality `k`.
const OF_K: &str = "of-k-1c0a8e5d7b9236e1f0a2b3c4d5e6f7";
/// Brings and reads what is of `l` and `m`.
const OF_L_AND_M: &str = "of-l-and-m-8e5d7b9236e1f0a2b3c4d5e6f7";

/// Decides about every deviation.
const DECIDES: &str = "register-8e5d7b9236e1f0a2b3c4d5e6f7a8";
/// Decides about what is of `l`.
const DECIDES_L: &str = "register-l-5d7b9236e1f0a2b3c4d5e6f7a8";

/// Fetches every report.
const REPORTS: &str = "reports-8e5d7b9236e1f0a2b3c4d5e6f7a8b";
/// Fetches the reports of `l`.
const REPORTS_L: &str = "reports-l-5d7b9236e1f0a2b3c4d5e6f7a8b";
/// Fetches reports with protected cases, too.
const COORDINATOR: &str = "coordinator-7b9236e1f0a2b3c4d5e6f7a8b";

const TOKENS: [(&str, &str, &str); 10] = [
    ("reports", REPORTS, "scopes = [\"reports\"]"),
    ("reports-l", REPORTS_L, "scopes = [\"reports\"]\ntenants = [\"l\"]"),
    ("coordinator", COORDINATOR, "scopes = [\"reports\", \"protected\"]"),
    ("quality", DECIDES, "scopes = [\"register\"]"),
    ("quality-l", DECIDES_L, "scopes = [\"register\"]\ntenants = [\"l\"]"),
    ("prometheus", TOKEN, "scopes = [\"metrics\"]"),
    ("case-system", BRINGS, "scopes = [\"facts\"]"),
    ("reader", READS, "scopes = [\"read\"]"),
    ("k", OF_K, "scopes = [\"facts\", \"read\"]\ntenants = [\"k\"]"),
    ("l-and-m", OF_L_AND_M, "scopes = [\"facts\", \"read\"]\ntenants = [\"l\", \"m\"]"),
];

/// An installation with its web server.
pub(crate) struct Site {
    installation: Installation,
    server: Server,
    client: Client,
}

/// Settings with all tokens; `more` are further lines, sections last.
fn settings(folder: &Path, more: &str) -> HttpSettings {
    let listen = if more.contains("listen") { "" } else { "listen = \"127.0.0.1:0\"\n" };
    let mut text = format!("{listen}{more}\n");
    for (name, token, opens) in TOKENS {
        let file = folder.join(format!("token-{name}"));
        std::fs::write(&file, format!("{token}\n")).unwrap();
        text.push_str(&format!("[[token]]\nname = {name:?}\nfile = {file:?}\n{opens}\n"));
    }
    toml::from_str(&text).unwrap()
}

impl Site {
    async fn with(facts: &str) -> Self {
        Self::on(Installation::with(facts).await).await
    }

    pub(crate) async fn on(installation: Installation) -> Self {
        Self::set(installation, "").await
    }

    /// With further settings.
    async fn set(installation: Installation, more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = settings(installation.folder(), more);
        let server = Server::start(&settings, Arc::clone(installation.daemon())).await.unwrap();
        Self { installation, server, client: Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> Response {
        let request = self.client.request(method, format!("http://{}{path}", self.server.address()));
        token.iter().fold(request, |request, token| request.bearer_auth(token)).send().await.unwrap()
    }

    /// Status and body of a page.
    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, String) {
        let response = self.ask(Method::GET, path, token).await;
        (response.status(), response.text().await.unwrap())
    }

    /// Status and answer of a page that is JSON.
    async fn json(&self, path: &str, token: &str) -> (u16, Value) {
        let (status, body) = self.get(path, Some(token)).await;
        (status.as_u16(), json(&body))
    }

    /// Brings facts: status and answer.
    async fn bring(&self, query: &str, token: &str, lines: impl Into<reqwest::Body>) -> (u16, Value) {
        let url = format!("http://{}/v1/facts{query}", self.server.address());
        let request = self.client.post(url).bearer_auth(token).header("content-type", "application/x-ndjson");
        let response = request.body(lines).send().await.unwrap();
        (response.status().as_u16(), json(&response.text().await.unwrap()))
    }

    /// Decides about a deviation: status and answer.
    async fn decide(&self, id: &str, act: &str, token: &str, body: &Value) -> (u16, Value) {
        let path = format!("/v1/deviations/{id}/{act}");
        let response = self.post(&path, token, "application/json", body.to_string()).await;
        (response.status().as_u16(), json(&response.text().await.unwrap()))
    }

    async fn post(&self, path: &str, token: &str, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(format!("http://{}{path}", self.server.address())).bearer_auth(token);
        request.header("content-type", content_type).body(body).send().await.unwrap()
    }

    /// The ids of the deviations, by case.
    async fn deviations(&self) -> std::collections::BTreeMap<String, String> {
        let (_, page) = self.json("/v1/deviations", READS).await;
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(|row| (text(row, "case"), text(row, "id"))).collect()
    }

    pub(crate) async fn metrics(&self) -> String {
        let (status, page) = self.get("/metrics", Some(TOKEN)).await;
        assert_eq!(status, StatusCode::OK);
        page
    }
}

/// Asks again until the answer is what is waited for; a minute is enough for anything.
async fn until<T>(mut ask: impl AsyncFnMut() -> T, is_it: impl Fn(&T) -> bool) -> T {
    let asking = async {
        loop {
            let answer = ask().await;
            if is_it(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), asking).await.expect("it comes to pass")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn everything_but_health_needs_a_token() {
    let site = Site::with(FACTS).await;
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(site.get("/healthz", None).await.0, StatusCode::OK);
    assert_eq!(site.get("/readyz", None).await.0, StatusCode::OK);
    let wrong = TOKEN.replace('4', "5");
    let nearly = &TOKEN[..31];
    let cases = [
        ("/metrics", None, 401, "token_missing"),
        ("/metrics", Some(""), 401, "token_missing"),
        ("/metrics", Some(wrong.as_str()), 401, "token_unknown"),
        ("/metrics", Some(nearly), 401, "token_unknown"),
        ("/nowhere", None, 401, "token_missing"),
        ("/", Some(wrong.as_str()), 401, "token_unknown"),
        ("/nowhere", Some(TOKEN), 404, "not_found"),
        ("/metrics/", Some(TOKEN), 404, "not_found"),
    ];
    for (path, token, status, code) in cases {
        let (found, body) = site.get(path, token).await;
        let error = &json(&body);
        assert_eq!((found.as_u16(), error["code"].as_str().unwrap()), (status, code), "{path} {token:?}");
        assert!(!error["help"].as_str().unwrap().is_empty() && !body.contains(TOKEN), "{body}");
    }
    assert_eq!(site.get("/metrics", Some(TOKEN)).await.0, StatusCode::OK);
    let posted = |token| site.ask(Method::POST, "/metrics", token);
    assert_eq!(posted(None).await.status().as_u16(), 401);
    assert_eq!(posted(Some(TOKEN)).await.status().as_u16(), 405);
}

#[tokio::test]
async fn every_answer_has_strict_headers_and_no_banner() {
    let site = Site::with(FACTS).await;
    let asked = [
        (Method::GET, "/healthz", None),
        (Method::GET, "/readyz", None),
        (Method::GET, "/metrics", Some(TOKEN)),
        (Method::GET, "/metrics", None),
        (Method::HEAD, "/healthz", None),
        (Method::POST, "/healthz", None),
        (Method::GET, "/nowhere", Some(TOKEN)),
    ];
    for (method, path, token) in asked {
        let response = site.ask(method.clone(), path, token).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {path}");
        assert_eq!(headers["cache-control"], "no-store", "{method} {path}");
        assert_eq!(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert!(!headers.contains_key("server") && !headers.contains_key("set-cookie"), "{headers:?}");
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        assert_eq!(headers.contains_key("www-authenticate"), is_refused, "{method} {path}");
    }
}

#[tokio::test]
async fn ready_means_that_it_has_swept_not_long_ago() {
    let site = Site::with(FACTS).await;
    let ready = || async {
        let (status, body) = site.get("/readyz", None).await;
        (status.as_u16(), json(&body)["checks"]["sweep"].as_str().unwrap().to_owned())
    };
    assert_eq!(ready().await, (503, "none yet".to_owned()));
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(ready().await, (200, "ok".to_owned()));
    for (now, expected) in [("2026-03-11T08:05:00+01:00", 200), ("2026-03-11T08:05:01+01:00", 503)] {
        site.installation.clock().set(instant(now));
        assert_eq!(ready().await.0, expected, "{now}");
    }
    assert_eq!(site.get("/healthz", None).await.0, StatusCode::OK, "it is alive all the same");
}

#[tokio::test]
async fn a_message_under_way_may_delay_the_sweep_and_an_attempt_that_failed_is_no_sign_of_one() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let installation = Installation::on(tempfile::tempdir().unwrap(), None, port, "").await;
    installation.import(FACTS).await;
    let site = Site::on(installation).await;
    site.installation.clock().set(instant("2026-03-11T08:00:00+01:00"));
    let daemon = Arc::clone(site.installation.daemon());
    let tick = tokio::spawn(async move { daemon.tick().await.unwrap() });
    // A relay that takes the call and says nothing.
    let (call, _) = silent.accept().await.unwrap();
    site.installation.clock().set(instant("2026-03-11T08:10:00+01:00"));
    let ready = || async {
        let (status, body) = site.get("/readyz", None).await;
        (status.as_u16(), json(&body)["checks"].to_string())
    };
    let well = r#"{"database":"ok","rules":"ok","sweep":"ok","progress":"ok"}"#;
    assert_eq!(ready().await, (200, well.to_owned()));
    drop((call, silent));
    assert_eq!(tick.await.unwrap().delivered.failed, 1);
    assert_eq!(ready().await, (503, well.replace(r#""sweep":"ok""#, r#""sweep":"too long ago""#)));
}

#[tokio::test]
async fn metrics_show_how_things_stand() {
    let site = Site::with(FACTS).await;
    site.installation.tick("2026-03-10T12:00:00+01:00").await;
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    site.installation.clock().set(instant("2026-03-11T08:00:30+01:00"));
    let page = site.metrics().await;
    let rules = &site.installation.daemon().rules().fingerprint[..12];
    insta::assert_snapshot!(page.replace(rules, "RULES"));
}

#[tokio::test]
async fn a_relay_that_is_down_shows_in_every_number_that_should_alarm() {
    let site = Site::on(Installation::without_relay(FACTS).await).await;
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    site.installation.clock().set(instant("2026-03-11T10:00:00+01:00"));
    let page = site.metrics().await;
    for line in [
        "fristvakt_messages{channel=\"email\",state=\"pending\"} 1.0",
        "fristvakt_oldest_due_message_age_seconds{channel=\"email\"} 7200.0",
        "fristvakt_attempts_total{channel=\"email\",outcome=\"temporary\"} 1.0",
        "fristvakt_attempts_total{channel=\"email\",outcome=\"accepted\"} 0.0",
        "fristvakt_last_sweep_age_seconds 7200.0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn metrics_hold_ids_and_numbers_and_no_person() {
    let facts = FACTS.replace(r#""id":"larer","#, r#""id":"larer","name":"Kari Kanarifugl","#);
    let site = Site::with(&facts).await;
    for now in ["2026-03-11T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
        site.installation.tick(now).await;
    }
    let page = site.metrics().await;
    assert!(!site.installation.mails().is_empty());
    for canary in ["Kanarifugl", "Kommune", "@", "larer", "rektor", "skole", "S-1", "7F3K", "concern"] {
        assert!(!page.contains(canary), "`{canary}` is in\n{page}");
    }
    let labels = ["channel", "state", "outcome", "tenant", "version", "rules", "pack", "rule"];
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let inside = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        for label in inside.split(',').filter(|label| !label.is_empty()) {
            assert!(labels.contains(&label.split('=').next().unwrap()), "{line}");
        }
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_rest_goes_on() {
    let site = Site::with(FACTS).await;
    let long = "a".repeat(20_000);
    let many: String = (0..100).map(|number| format!("x-{number}: a\r\n")).collect();
    for request in [
        format!("GET /healthz?{long} HTTP/1.1\r\nhost: a\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n"),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(site.server.address()).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(site.get("/healthz", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn more_clients_than_it_serves_at_once_wait_for_their_turn() {
    let site = Site::with(FACTS).await;
    let mut idle = vec![];
    for _ in 0..64 {
        idle.push(TcpStream::connect(site.server.address()).await.unwrap());
    }
    let mut waiting = Box::pin(site.get("/healthz", None));
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut waiting).await;
    assert!(early.is_err(), "64 connections are open already");
    drop(idle);
    assert_eq!(waiting.await.0, StatusCode::OK);
}

#[tokio::test]
async fn it_ends_with_its_clients_still_connected_and_lets_go_of_the_store() {
    let Site { installation, server, client } = Site::with(FACTS).await;
    let address = server.address();
    let response = client.get(format!("http://{address}/healthz")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    server.stop().await;
    assert!(client.get(format!("http://{address}/healthz")).send().await.is_err());
    assert_eq!(Arc::strong_count(installation.daemon()), 1);
}

#[tokio::test]
async fn only_this_machine_reaches_it_unless_told_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let problem = |more: &str| check(&settings(folder.path(), more)).unwrap_err().to_string();
    for listen in ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080"] {
        let problem = problem(&format!("listen = \"{listen}\""));
        assert!(problem.contains("`http.listen`") && problem.contains("allow_remote = true"), "{problem}");
    }
    check(&settings(folder.path(), "listen = \"0.0.0.0:8080\"\nallow_remote = true")).unwrap();
    check(&settings(folder.path(), "listen = \"[::1]:8080\"")).unwrap();
    assert!(problem("ready_within = 0").contains("`http.ready_within`"));
    for (key, wrong) in [
        ("at_once", 0_u64),
        ("at_once", 33),
        ("bytes", 100),
        ("bytes", 1 << 40),
        ("lines", 0),
        ("line_bytes", 1 << 21),
        ("seconds", 0),
        ("idle_seconds", 100_000),
    ] {
        let problem = problem(&format!("upload = {{ {key} = {wrong} }}"));
        assert!(problem.contains(&format!("`http.upload.{key}`: choose ")), "{problem}");
    }
}

#[tokio::test]
async fn an_address_in_use_says_so() {
    let installation = Installation::with(FACTS).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("listen = \"{}\"", taken.local_addr().unwrap());
    let settings = settings(installation.folder(), &listen);
    let problem = Server::start(&settings, Arc::clone(installation.daemon())).await.unwrap_err().to_string();
    assert!(problem.contains("cannot listen on 127.0.0.1") && problem.contains("ss -ltnp"), "{problem}");
}

#[test]
fn tokens_that_cannot_be_used_are_errors_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good", TOKEN);
    write("short", "hemmelig-kort");
    write("blank", "hemmelig med mellomrom, og lang nok til det");
    let token = |name: &str, file: &str, scopes: &str| {
        let file = folder.path().join(file);
        format!("[[token]]\nname = \"{name}\"\nfile = {file:?}\nscopes = {scopes}\n")
    };
    let metrics = "[\"metrics\"]";
    let cases = [
        (token("a", "short", metrics), "openssl rand -hex 32"),
        (token("a", "blank", metrics), "at least 32"),
        (token("a", "none", metrics), "cannot read"),
        (token("a b", "good", metrics), "`http.token.name`"),
        (token("a", "good", "[]"), "`http.token.a.scopes`"),
        (token("a", "good", "[\"protected\"]"), "`http.token.a.scopes`"),
        (token("a", "good", "[\"facts\"]\ntenants = []"), "`http.token.a.tenants`"),
        (token("a", "good", "[\"read\"]\ntenants = [\"\"]"), "`http.token.a.tenants`"),
        (token("a", "good", "[\"read\", \"metrics\"]\ntenants = [\"k\"]"), "metrics show all municipalities"),
        (token("a", "good", metrics) + &token("b", "good", metrics), "`a` and `b` have one name or one token"),
    ];
    for (tokens, expected) in cases {
        let settings: HttpSettings = toml::from_str(&format!("listen = \"127.0.0.1:0\"\n{tokens}")).unwrap();
        let problem = check(&settings).unwrap_err().to_string();
        assert!(problem.contains(expected) && !problem.contains("hemmelig") && !problem.contains(TOKEN), "{problem}");
    }
}
