//! A chat channel, end to end: what a round posts there.

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{FACTS, Installation};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_hears_in_the_municipalitys_language_and_again_of_what_was_refused() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(400)).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("ok")).mount(&server).await;
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("url");
    std::fs::write(&file, format!("{}/services/T0/hemmelig\n", server.uri())).unwrap();
    let extra = format!(
        "[[webhook]]\nname = \"slack\"\nformat = \"slack\"\nurl_file = {file:?}\nper_minute = 60000\n\
         allow_insecure_loopback = true\n"
    );
    // The teacher reads bokmål; the channel is the municipality's.
    let facts = FACTS
        .replace(r#""language":"nb""#, r#""language":"nn""#)
        .replace(r#""id":"larer","#, r#""id":"larer","language":"nb","#);
    let here = Installation::configured(&facts, &extra).await;
    // The first post is refused, which keeps the other from nothing.
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    here.tick("2026-03-11T08:05:00+01:00").await;
    here.tick("2026-03-11T12:00:00+01:00").await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 3);
    let again = requests.iter().filter(|one| one.body == requests[0].body).collect::<Vec<_>>();
    assert_eq!(again.len(), 2, "what was refused, once more");
    assert_eq!(again[0].headers["webhook-id"], again[1].headers["webhook-id"]);
    let mut shown: Vec<String> = requests.iter().map(|one| text(&one.body)).collect();
    shown.sort();
    shown.dedup();
    assert_eq!(shown, ["Sak 7F3K: ta ei avgjerd. 5 dagar igjen.", "Sak 9QX2: ta ei avgjerd. 5 dagar igjen."]);
    for request in &requests {
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(body.contains("|Opne saka>") && !body.contains("larer") && !body.contains("S-1"), "{body}");
    }
}

fn text(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["text"].as_str().unwrap().to_owned()
}
