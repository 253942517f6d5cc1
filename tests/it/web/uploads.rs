//! Bodies as no honest client sends them, and clients as they are: too much, too slow, cut off, packed, nonsense. Each is
//! refused with what to do, nothing of it is taken, and the next request is served.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::facts::join_all;
use super::{BRINGS, READS, Site, json, until};
use crate::daemon::{FACTS, Installation};

const LIMITS: &str =
    "upload = { at_once = 2, bytes = 4096, lines = 20, line_bytes = 500, seconds = 60, idle_seconds = 60 }";

/// An event of the shared facts' case S-1.
fn event(id: &str) -> String {
    format!(r#"{{"type":"event","tenant":"k","case":"S-1","id":"{id}","kind":"concern_raised","on":"2026-03-09"}}"#)
}

fn head(fields: &str) -> String {
    format!(
        "POST /v1/facts HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {BRINGS}\r\n\
         content-type: application/x-ndjson\r\n{fields}\r\n\r\n"
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Reads an answer to its end.
async fn answer(stream: &mut TcpStream) -> (u16, Value) {
    let mut bytes = vec![];
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await.expect("an answer");
    let text = String::from_utf8(bytes).unwrap();
    let status = text.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {text}")).parse().unwrap();
    (status, json(text.split_once("\r\n\r\n").unwrap().1))
}

impl Site {
    async fn limited(limits: &str) -> Self {
        Self::set(Installation::with(FACTS).await, limits).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).await.unwrap()
    }

    /// Sends bytes as they stand; the answer.
    async fn raw(&self, bytes: impl AsRef<[u8]>) -> (u16, Value) {
        let mut stream = self.connect().await;
        // It may answer and close before everything was sent.
        let _ = stream.write_all(bytes.as_ref()).await;
        answer(&mut stream).await
    }

    /// Brings an event until there is room for it; whether it was there before.
    async fn is_stored(&self, id: &str) -> bool {
        let (status, answer) = until(async || self.bring("", BRINGS, event(id)).await, |answer| answer.0 != 429).await;
        assert_eq!(status, 200, "{answer}");
        answer["events"]["unchanged"] == 1
    }
}

/// Status, code, and a part of what is said.
fn check(asked: &str, (status, answer): &(u16, Value), expected: (u16, &str, &str)) {
    let found = (*status, answer["code"].as_str().unwrap_or_default());
    assert_eq!(found, (expected.0, expected.1), "{asked}: {answer}");
    assert!(answer["detail"].as_str().unwrap().contains(expected.2), "{asked}: {answer}");
    assert_eq!(answer["status"], *status);
    assert!(!answer["help"].as_str().unwrap().is_empty() && !answer["title"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_it_is_read() {
    let site = Site::limited(LIMITS).await;
    let (large, many) = ("a".repeat(5000), format!("{}\n", event("e7")).repeat(21));
    let chunked = |body: &str| format!("{}{}0\r\n\r\n", head("transfer-encoding: chunked"), chunk(body));
    let sized = |body: &str| format!("{}{body}", head(&format!("content-length: {}", body.len())));
    let cases = [
        ("said to be large", head("content-length: 4097"), (413, "body_too_large", "larger than 4096 bytes")),
        ("said to be huge", head("content-length: 9223372036854775807"), (413, "body_too_large", "4096")),
        ("large", chunked(&large), (413, "body_too_large", "larger than 4096 bytes")),
        (
            "without an end",
            format!("{}{}", head("transfer-encoding: chunked"), chunk(&large)),
            (413, "body_too_large", ""),
        ),
        ("many lines", sized(&many), (413, "too_many_lines", "more than 20 lines")),
        ("many empty lines", sized(&"\n".repeat(30)), (413, "too_many_lines", "more than 20 lines")),
    ];
    for (name, request, expected) in cases {
        check(name, &site.raw(request).await, expected);
    }
    let long = format!("{}\n{}", event("e7"), event(&"x".repeat(500)));
    let refused = site.raw(sized(&long)).await;
    check("a long line", &refused, (422, "lines_wrong", "1 wrong line; nothing of it was imported"));
    assert_eq!(
        (&refused.1["errors"][0]["line"], &refused.1["errors"][0]["text"]),
        (&2.into(), &"longer than 500 bytes: no record is".into())
    );
    assert!(!site.is_stored("e7").await, "nothing of all that was taken");
    let most = format!("{}\n", event("e8")).repeat(20);
    assert_eq!(site.raw(sized(&most)).await.0, 200, "what is just small enough is taken");
}

#[tokio::test]
async fn a_body_that_stops_or_trickles_is_given_up() {
    let idle = "upload = { at_once = 4, seconds = 60, idle_seconds = 1 }";
    let slow = "upload = { at_once = 4, seconds = 1, idle_seconds = 60 }";
    for (limits, said) in [(idle, "nothing came for 1 seconds"), (slow, "not whole after 1")] {
        let site = Site::limited(limits).await;
        let whole = format!("{}\n", event("e7"));
        let begun = [
            head("content-length: 100"),
            format!("{}{whole}", head("content-length: 500")),
            format!("{}{}", head("transfer-encoding: chunked"), chunk(&whole)),
            format!("{}40\r\n{{\"type\"", head("transfer-encoding: chunked")),
        ];
        let answers = join_all(begun.iter().map(|begun| site.raw(begun))).await;
        for (begun, answer) in begun.iter().zip(&answers) {
            check(begun, answer, (408, "body_too_slow", said));
        }
        assert!(!site.is_stored("e7").await, "nothing of all that was taken");
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_nothing_behind_and_gives_its_place_back() {
    let site = Site::limited("upload = { at_once = 1 }").await;
    let whole = format!("{}\n", event("e7"));
    let begun = [
        head("content-length: 100"),
        format!("{}{whole}", head("content-length: 500")),
        format!("{}{}", head("transfer-encoding: chunked"), chunk(&whole)),
        format!("{}{}1\r\n", head("transfer-encoding: chunked"), chunk(&whole)),
    ];
    for (number, begun) in begun.iter().enumerate() {
        let mut stream = site.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        // It has its place once another one has none.
        until(async || site.bring("", BRINGS, "").await, |answer| answer.0 == 429).await;
        drop(stream);
        assert!(!site.is_stored(&format!("other-{number}")).await, "there is room again");
    }
    assert!(!site.is_stored("e7").await);
}

#[tokio::test]
async fn a_body_whose_framing_breaks_is_refused() {
    let site = Site::limited(LIMITS).await;
    let whole = chunk(&format!("{}\n", event("e7")));
    for broken in ["zz\r\n", "5\r\nabcdefgh\r\n", "ffffffffffffffffff\r\n"] {
        let request = format!("{}{whole}{broken}", head("transfer-encoding: chunked"));
        check(broken, &site.raw(request).await, (400, "body_broken", "nothing of it was taken"));
    }
    for smuggled in ["content-length: 5\r\ncontent-length: 6", "content-length: -1", "transfer-encoding: gzip"] {
        let mut stream = site.connect().await;
        stream.write_all(format!("{}abcdef", head(smuggled)).as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{smuggled}: {answer}");
    }
    assert!(!site.is_stored("e7").await);
}

#[tokio::test]
async fn only_plain_lines_of_json_are_read() {
    let site = Site::limited(LIMITS).await;
    let send = |fields: &'static [(&str, &str)]| {
        let url = format!("http://{}/v1/facts", site.server.address());
        let request = site.client.post(url).bearer_auth(BRINGS).body(event("e7"));
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send()
    };
    let refused: [&[(&str, &str)]; 8] = [
        &[],
        &[("content-type", "")],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json")],
        &[("content-type", "multipart/form-data; boundary=a")],
        &[("content-type", "application/x-ndjson; charset=iso-8859-1")],
        &[("content-type", "application/x-ndjson"), ("content-encoding", "gzip")],
        &[("content-type", "application/x-ndjson-x")],
    ];
    for fields in refused {
        let response = send(fields).await.unwrap();
        let answer = (response.status().as_u16(), json(&response.text().await.unwrap()));
        check(&format!("{fields:?}"), &answer, (415, "media_type_wrong", "lines of JSON in UTF-8"));
    }
    assert!(!site.is_stored("e7").await);
    let taken: [&[(&str, &str)]; 4] = [
        &[("content-type", "application/x-ndjson")],
        &[("content-type", "Application/X-NDJSON; Charset=\"UTF-8\"")],
        &[("content-type", "application/ndjson"), ("content-encoding", "identity")],
        &[("content-type", "application/jsonl;charset=utf-8")],
    ];
    for fields in taken {
        assert_eq!(send(fields).await.unwrap().status().as_u16(), 200, "{fields:?}");
    }
}

/// Lines, and what is said of them. All of them are the second line, after one that is well.
fn hostile() -> Vec<(Vec<u8>, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let with = |id: &str| text(&event(id));
    let deep = |open: &str, depth: usize| text(&open.repeat(depth));
    vec![
        (deep("[", 100_000), "no JSON"),
        (deep("{\"a\":", 100_000), "no JSON: recursion limit exceeded"),
        (text(&format!("{}1{}", "{\"attributes\":".repeat(130), "}".repeat(130))), "recursion limit exceeded"),
        (b"{\"type\":\"event\xff\"}".to_vec(), "not UTF-8"),
        (vec![0; 10], "no JSON"),
        (with("a\0b"), "no JSON: control character"),
        (with("a\\u0000b"), "holds the character U+0000"),
        (text(r#"{"type":"case","tenant":"k","id":"a","attributes":{"x":[{"\u0000":1}]}}"#), "U+0000"),
        (with("a\\ud800b"), "no JSON"),
        (text(r#"{"type":"case","tenant":"k","id":1e999}"#), "no JSON: number out of range"),
        (text(r#"{"type":"case","tenant":"k","id":"a","id":"b"}"#), "duplicate field"),
        (text(r#"{"type":"case","type":"unit","tenant":"k","id":"a"}"#), "duplicate field"),
        (text(r#"{"type":"case","tenant":["k"],"id":"a"}"#), "expected a string"),
        (text(r#"{"__proto__":{},"type":"case","tenant":"k","id":"a"}"#), "unknown field"),
        (text("null"), "a record is an object"),
        (text("[]"), "a record is an object"),
        (text(&format!("{}{{}}", event("e8"))), "no JSON: trailing characters"),
        (text("{\"type\":\"case\""), "no JSON: EOF"),
    ]
}

#[tokio::test]
async fn hostile_lines_are_refused_by_their_number_and_shown_to_nobody() {
    let site = Site::limited("").await;
    for (line, expected) in hostile() {
        let body = [event("e7").as_bytes(), b"\n", &line, b"\n"].concat();
        let (status, answer) = site.bring("", BRINGS, body).await;
        let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
        assert_eq!(status, 422, "{shown}: {answer}");
        let [error] = answer["errors"].as_array().unwrap().as_slice() else { panic!("{shown}: {answer}") };
        assert_eq!(error["line"], 2, "{shown}: {answer}");
        assert!(error["text"].as_str().unwrap().contains(expected), "{shown}: {answer}");
        assert!(answer.to_string().len() < 1000, "{answer}");
    }
    assert!(!site.is_stored("e7").await, "nothing of all that was taken");
}

#[tokio::test]
async fn marks_blank_lines_and_a_missing_last_line_end_are_as_in_a_file() {
    let site = Site::limited("").await;
    let body = format!("\u{feff}{}\r\n\r\n  \n{}\n\n{}", event("a1"), event("a2"), event("a3"));
    let (status, answer) = site.bring("", BRINGS, body).await;
    assert_eq!((status, &answer["events"]["new"]), (200, &3.into()));
    // An escaped backslash is no escape of what follows it.
    assert_eq!(site.bring("", BRINGS, event(r"a\\u0000b")).await.0, 200);
    for nothing in ["", "\n", "\u{feff}"] {
        assert_eq!(site.bring("", BRINGS, nothing).await.0, 200);
    }
}

#[tokio::test]
async fn of_very_many_wrong_lines_a_hundred_are_told() {
    let site = Site::limited("").await;
    let unknown_case = |number: usize| event("e1").replace("S-1", &format!("none-{number}"));
    let wrong: String = (0..20_000).map(|number| format!("{}\n", unknown_case(number))).collect();
    let nonsense = "nonsense\n".repeat(20_000);
    for body in [wrong, nonsense] {
        let (status, answer) = site.bring("", BRINGS, body).await;
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!((status, errors.len()), (422, 100));
        assert!(errors.iter().zip(1..).all(|(error, line)| error["line"] == line), "{answer}");
        assert_eq!(answer["detail"], "100 wrong lines; nothing of it was imported; there may be more");
    }
    // One id for everything, as a broken export has it.
    let same: String = (0..3000)
        .map(|number| {
            format!(
                "{}\n",
                event("e1").replace(
                    "09\"",
                    &format!("09\",\"recorded_at\":\"2026-03-09T00:00:{:02}.{number:06}Z\"", number % 60)
                )
            )
        })
        .collect();
    let (status, answer) = site.bring("", BRINGS, same).await;
    assert_eq!((status, &answer["errors"][0]["line"]), (422, &1001.into()), "{answer}");
    assert!(answer["errors"][0]["text"].as_str().unwrap().contains("more than 1000 lines with this id"));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn slow_clients_hold_their_places_and_neither_the_store_nor_other_pages() {
    let site = Site::limited(LIMITS).await;
    let mut slow = vec![];
    for number in 0..2 {
        let mut stream = site.connect().await;
        let line = event(&format!("slow-{number}"));
        stream
            .write_all(format!("{}{}", head(&format!("content-length: {}", line.len())), &line[..40]).as_bytes())
            .await
            .unwrap();
        slow.push((stream, line));
    }
    // Both have come in once there is no place left.
    let busy = until(async || site.bring("", BRINGS, event("third")).await, |answer| answer.0 == 429).await;
    check("a third", &busy, (429, "too_many_uploads", "as many requests with facts are under way"));
    let url = format!("http://{}/v1/facts", site.server.address());
    let request = site.client.post(url).bearer_auth(BRINGS).header("content-type", "application/x-ndjson");
    let response = request.body(event("third")).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "5");
    site.installation.import(&event("imported")).await;
    site.installation.tick("2026-03-11T08:00:00+01:00").await;
    assert!(!site.installation.mails().is_empty(), "the daemon works");
    assert_eq!(site.json("/v1/obligations", READS).await.0, 200, "and answers");
    for (mut stream, line) in slow {
        stream.write_all(&line.as_bytes()[40..]).await.unwrap();
        let (status, answer) = answer(&mut stream).await;
        assert_eq!((status, &answer["events"]["new"]), (200, &1.into()), "what was begun is finished");
    }
    assert!(site.is_stored("imported").await);
}

#[tokio::test]
async fn who_may_not_bring_facts_is_refused_without_a_byte_of_the_body() {
    let site = Site::limited(LIMITS).await;
    let request = head("content-length: 100\r\nexpect: 100-continue");
    for (token, expected) in [("wrong", (401, "token_unknown", "")), (READS, (403, "scope_missing", "`facts`"))] {
        let refused = site.raw(request.replace(BRINGS, token)).await;
        check(token, &refused, expected);
    }
    for (query, said) in [("replace=maybe", "not `true` or `false`"), ("replase=true", "unknown field `replase`")] {
        let asked = request.replace("/v1/facts", &format!("/v1/facts?{query}"));
        check(query, &site.raw(asked).await, (400, "query_wrong", said));
    }
}

#[tokio::test]
async fn what_was_begun_with_the_store_is_finished_when_the_server_stops() {
    let Site { installation, server, client } = Site::limited("").await;
    let url = format!("http://{}/v1/facts", server.address());
    let lines: String = (0..2000).map(|number| format!("{}\n", event(&format!("e{number}")))).collect();
    let request = client.post(url).bearer_auth(BRINGS).header("content-type", "application/x-ndjson").body(lines);
    let (answer, ()) = tokio::join!(request.send(), async {
        // Stopped once it is in hand, or after it: never is half of it there.
        tokio::task::yield_now().await;
        server.stop().await;
    });
    let taken = answer.is_ok_and(|answer| answer.status().is_success());
    assert_eq!(std::sync::Arc::strong_count(installation.daemon()), 1, "nobody holds the store any more");
    let site = Site::on(installation).await;
    let stored = [site.is_stored("e0").await, site.is_stored("e1999").await];
    assert!(stored[0] == stored[1] && (stored[0] || !taken), "all of it or nothing: {stored:?} {taken}");
}
