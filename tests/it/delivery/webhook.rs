//! Webhooks: what is sent where, how it is signed, and what each answer leads to.

use fristvakt::case::CaseRef;
use fristvakt::clock::Clock;
use fristvakt::delivery::webhook::{Webhook, WebhookEvent, WebhookKind, WebhookSettings};
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use fristvakt::notice::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::samples::{ID, at, date};
use crate::hostile::Identity;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn event() -> WebhookEvent {
    WebhookEvent {
        kind: WebhookKind::Escalation,
        tenant: "blafjell".into(),
        reference: CaseRef::parse("7F3K").unwrap(),
        code: "T1".into(),
        due_on: date("2026-03-10"),
        days: -3,
        role: Role::Leader,
        at: at(),
        possible_repeat: false,
    }
}

fn webhook(url: &str, more: &str) -> Webhook {
    let folder = tempfile::tempdir().unwrap();
    let files = [("new", SECRET), ("old", OLD_SECRET)].map(|(name, secret)| {
        std::fs::write(folder.path().join(name), format!("{secret}\n")).unwrap();
        folder.path().join(name)
    });
    let loopback = if more.contains("allow_") { "" } else { "allow_insecure_loopback = true" };
    let text = format!("name = \"varsel\"\nurl = \"{url}\"\nsecret_files = {files:?}\n{loopback}\n{more}");
    toml::from_str::<WebhookSettings>(&text).unwrap().load().unwrap().0
}

/// A server that gives one answer, and the requests it got.
async fn answered(answer: ResponseTemplate, expected: Result<Accepted, Failure>) -> Vec<Request> {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/varsel")).respond_with(answer).mount(&server).await;
    assert_eq!(webhook(&format!("{}/varsel", server.uri()), "").send(ID, &event(), at()).await, expected);
    server.received_requests().await.unwrap()
}

#[tokio::test]
async fn a_webhook_is_thin_and_signed_with_every_secret() {
    let requests = answered(ResponseTemplate::new(204), Ok(Accepted { code: 204 })).await;
    let [request] = &requests[..] else { panic!("one request") };
    insta::assert_snapshot!(std::str::from_utf8(&request.body).unwrap(), @r#"{"type":"notice.escalation","timestamp":"2026-03-13T07:00:00Z","data":{"tenant":"blafjell","reference":"7F3K","rule":"T1","due_on":"2026-03-10","days":-3,"role":"leader","purpose":"escalation"}}"#);
    let sign = |secret| {
        standardwebhooks::Webhook::new(secret).unwrap().sign(&ID.to_string(), at().timestamp(), &request.body).unwrap()
    };
    let expected = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", ID.to_string()),
        ("webhook-timestamp", at().timestamp().to_string()),
        ("webhook-signature", format!("{} {}", sign(SECRET), sign(OLD_SECRET))),
    ];
    for (name, value) in expected {
        assert_eq!(request.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn receivers_of_another_make_accept_the_signature() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    webhook(&server.uri(), "").send(ID, &event(), Clock::System.now()).await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    for secret in [SECRET, OLD_SECRET] {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&request.body, &request.headers).unwrap();
    }
    let mut tampered = request.body.clone();
    tampered[3] ^= 1;
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(&tampered, &request.headers).unwrap_err();
}

#[tokio::test]
async fn every_answer_says_what_to_do_next() {
    use FailureClass::{Channel, Temporary};
    let accepted = [200, 201, 202, 204];
    let refused = [
        (301, Channel),
        (302, Channel),
        (307, Channel),
        (400, Channel),
        (401, Channel),
        (403, Channel),
        (404, Channel),
        (410, Channel),
        (408, Temporary),
        (425, Temporary),
        (429, Temporary),
        (500, Temporary),
        (503, Temporary),
        (504, Temporary),
    ];
    for code in accepted {
        answered(ResponseTemplate::new(code), Ok(Accepted { code })).await;
    }
    for (code, class) in refused {
        answered(ResponseTemplate::new(code), Err(Failure::new(class, format!("http {code}")))).await;
    }
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let elsewhere = MockServer::start().await;
    let answer = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    answered(answer, Err(Failure::new(FailureClass::Channel, "http 307"))).await;
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_busy_receiver_says_when_to_come_back() {
    let answer = ResponseTemplate::new(429).insert_header("retry-after", "120");
    let expected = Failure {
        retry_after: Some(std::time::Duration::from_secs(120)),
        ..Failure::new(FailureClass::Temporary, "http 429")
    };
    answered(answer, Err(expected)).await;
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    answered(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 20 << 20]), Ok(Accepted { code: 200 })).await;
}

/// A server that reads a request and then does `act` with its connection.
async fn odd_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer).await.unwrap();
    });
    url
}

#[tokio::test]
async fn what_broke_off_after_the_request_may_have_arrived() {
    let lost = Failure::new(FailureClass::Unknown, "connection lost");
    for answer in [&b""[..], b"HTTP/1.1 ", b"no http at all\r\n\r\n"] {
        assert_eq!(
            webhook(&odd_server(answer).await, "").send(ID, &event(), at()).await,
            Err(lost.clone()),
            "{answer:?}"
        );
    }
    // The status came whole: the rest does not matter.
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc";
    assert_eq!(webhook(&odd_server(cut).await, "").send(ID, &event(), at()).await, Ok(Accepted { code: 200 }));
}

#[tokio::test]
async fn a_receiver_that_is_not_there_may_come_back() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = webhook(&format!("http://{address}/"), "").send(ID, &event(), at()).await;
    assert_eq!(result, Err(Failure::new(FailureClass::Temporary, "connect")));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let strict = webhook(&url, "allow_insecure_loopback = false");
    assert_eq!(strict.send(ID, &event(), at()).await, Err(Failure::new(FailureClass::Channel, "address not allowed")));
    let nobody = std::time::Duration::ZERO;
    assert!(tokio::time::timeout(nobody, listener.accept()).await.is_err(), "nobody connected");
}

#[tokio::test]
async fn tls_is_verified() {
    let (ours, theirs) = (Identity::of("localhost"), Identity::of("localhost"));
    for (server, expected) in
        [(&ours, Ok(Accepted { code: 204 })), (&theirs, Err(Failure::new(FailureClass::Channel, "tls")))]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let acceptor = server.acceptor.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(stream).await else { return };
            let mut request = [0; 4096];
            let _ = tls.read(&mut request).await.unwrap();
            tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            tls.flush().await.unwrap();
            let _ = tls.read(&mut request).await;
        });
        let more = format!("allow_private = true\nca_file = \"{}\"", ours.ca_file.path().display());
        assert_eq!(webhook(&url, &more).send(ID, &event(), at()).await, expected);
    }
}

#[test]
fn a_webhook_hears_what_it_asked_for() {
    let all = webhook("https://a.example", "");
    let some = webhook(
        "https://a.example",
        "tenants = [\"blafjell\"]\nkinds = [\"escalation\", \"deviation\"]\nroles = [\"leader\"]",
    );
    let cases = [
        ("blafjell", WebhookKind::Escalation, Role::Leader, true),
        ("blafjell", WebhookKind::Reminder, Role::Leader, false),
        ("blafjell", WebhookKind::Deviation, Role::Coordinator, false),
        ("sokndal", WebhookKind::Escalation, Role::Leader, false),
    ];
    for (tenant, kind, role, expected) in cases {
        assert!(all.wants(tenant, kind, &role));
        assert_eq!(some.wants(tenant, kind, &role), expected, "{tenant} {kind:?} {role}");
    }
    assert!(!format!("{all:?}").contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
}

#[test]
fn a_deviation_has_no_purpose_and_a_contact_no_name() {
    let deviation = WebhookEvent {
        kind: WebhookKind::Deviation,
        role: Role::Contact("barnevern".into()),
        possible_repeat: true,
        ..event()
    };
    insta::assert_snapshot!(deviation.standard(), @r#"{"type":"deviation.opened","timestamp":"2026-03-13T07:00:00Z","data":{"tenant":"blafjell","reference":"7F3K","rule":"T1","due_on":"2026-03-10","days":-3,"role":"contact","possible_repeat":true}}"#);
}
