//! What the log says of requests, and what it never says: the binary, at TRACE.

use fristvakt::store::{Access, DeviationFilter, Store};

use super::until;
use crate::daemon::FACTS;
use crate::daemon::process::{CANARIES, Running, folder};

/// A token that no log may show.
const TOKEN: &str = "hemmelig-kanari-4f1c0a8e5d7b9236e1f0a2b3";

/// What is asked of the web server: method, path, token, body, and the status that comes of it. Names stand wherever a
/// client can put them.
const ASKED: &[(&str, &str, &str, &str, u16)] = &[
    ("POST", "/v1/facts", TOKEN, FACTS, 200),
    ("POST", "/v1/facts", TOKEN, r#"{"type":"person","tenant":"k","id":"x","name":"Kanarifugl","Kanarifugl":1}"#, 422),
    ("POST", "/v1/facts", TOKEN, r#"{"type":"person","tenant":"Kanarifugl","id":"x"}"#, 422),
    ("POST", "/v1/facts", TOKEN, "Kanarifugl larer@k.example", 422),
    ("POST", "/v1/facts?Kanarifugl=rektor@k.example", TOKEN, "", 400),
    ("POST", "/v1/facts", "hemmelig-kanari", "Kanarifugl", 401),
    ("GET", "/v1/cases/7F3K", TOKEN, "", 200),
    ("GET", "/v1/cases/Kanarifugl?tenant=k", TOKEN, "", 404),
    ("GET", "/v1/obligations?unit=Kanarifugl&case=larer@k.example", TOKEN, "", 200),
    ("GET", "/v1/deviations?after=Kanarifugl", TOKEN, "", 400),
    ("GET", "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&format=json", TOKEN, "", 200),
    ("GET", "/v1/reports/deviations?from=2026-03-01&to=2026-03-31&unit=Kanarifugl", TOKEN, "", 404),
    ("GET", "/v1/reports/deviations?from=2026-03-01&to=Kanarifugl&rule=larer@k.example", TOKEN, "", 400),
    ("GET", "/Kanarifugl?larer@k.example", TOKEN, "", 404),
    ("POST", "/v1/deviations/Kanarifugl/withdraw", TOKEN, r#"{"by":"Kanarifugl","reason":"Kanarifugl"}"#, 404),
    ("POST", "/v1/deviations/a/withdraw", TOKEN, r#"{"by":"Kanarifugl","reason":"larer@k.example"}"#, 422),
    ("POST", "/v1/deviations/a/explain", TOKEN, r#"{"Kanarifugl":"larer@k.example"}"#, 400),
    ("KANARIFUGL", "/v1/facts", TOKEN, "", 405),
];

/// Withdraws a deviation once there is one, in words that nobody may see.
async fn decide(client: &reqwest::Client, address: &str, database: &std::path::Path) {
    let store = Store::open(database, Access::Read).await.unwrap();
    let list = async || store.list_deviations(&DeviationFilter::default()).await.unwrap();
    let id = until(list, |rows| !rows.is_empty()).await.remove(0).id;
    store.close().await;
    let request = client.post(format!("http://{address}/v1/deviations/{id}/withdraw")).bearer_auth(TOKEN);
    let request = request.header("content-type", "application/json");
    let response = request.body(r#"{"by":"Kari Kanarifugl","reason":"Kanarifugl i 9A"}"#).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_logged_by_page_and_token_and_facts_are_seen_at_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = folder();
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let config = format!(
        "database = \"sqlite://test.db\"\n[log]\nlevel = \"trace\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [[http.token]]\nname = \"case-system\"\nfile = {file:?}\nscopes = [\"facts\", \"read\", \"register\", \"reports\"]\n"
    );
    std::fs::write(folder.path().join("fristvakt.toml"), config).unwrap();
    let mut daemon = Running::begin(folder.path());
    let mut logged = daemon.until(&["ready\n"]);
    let address = logged.split("listening address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path, token, body, expected) in ASKED {
        let facts = body.replace(r#""id":"larer","#, r#""id":"larer","name":"Kari Kanarifugl","#);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = client.request(method, format!("http://{address}{path}")).bearer_auth(token);
        let media = if path.contains("deviations/") { "application/json" } else { "application/x-ndjson" };
        let response = request.header("content-type", media).body(facts).send().await.unwrap();
        assert_eq!(response.status().as_u16(), *expected, "{path} {body}");
    }
    // Not by the pulse, which may be a minute away.
    logged.push_str(&daemon.until(&["wake=Facts"]));
    decide(&client, &address, &folder.path().join("test.db")).await;
    daemon.signal("-TERM");
    logged.push_str(&daemon.until(&["stopping"]));
    daemon.lines.by_ref().for_each(|line| logged.push_str(&format!("{}\n", line.unwrap())));
    assert_eq!(daemon.process.wait().unwrap().code(), Some(0));
    let requests: Vec<&str> = logged.lines().filter(|line| line.contains(" request method=")).collect();
    assert_eq!(requests.len(), ASKED.len() + 1, "{requests:?}");
    for expected in [
        r#"INFO request method="POST" page="/v1/facts" status=200 code="ok""#,
        r#"WARN request method="POST" page="/v1/facts" status=422 code="lines_wrong""#,
        r#"WARN request method="POST" page="/v1/facts" status=401 code="token_unknown""#,
        r#"INFO request method="GET" page="/v1/cases/{id}" status=200 code="ok""#,
        r#"WARN request method="GET" page="none" status=404 code="not_found""#,
        r#"WARN request method="other" page="/v1/facts" status=405"#,
    ] {
        assert!(requests.iter().any(|line| line.contains(expected)), "{expected}\n{}", requests.join("\n"));
    }
    let named = requests.iter().filter(|line| line.contains(r#"token="case-system""#)).count();
    assert_eq!(named, ASKED.len(), "all but the unknown one");
    assert!(logged.contains(r#"did="deviation.withdraw""#), "{logged}");
    for canary in CANARIES {
        let line = logged.lines().find(|line| line.to_lowercase().contains(&canary.to_lowercase()));
        assert_eq!(line, None, "`{canary}` was shown");
    }
}
