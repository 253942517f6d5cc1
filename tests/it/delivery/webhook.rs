//! Webhooks: what is sent where, and how it is signed. What each answer leads to is in `hostile::hook`.

use fristvakt::case::CaseRef;
use fristvakt::clock::Clock;
use fristvakt::delivery::webhook::{
    Webhook, WebhookDeviation, WebhookEvent, WebhookKind, WebhookSettings, WebhookSubject,
};
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use fristvakt::language::Language;
use fristvakt::notice::{Purpose, Role};
use fristvakt::obligation::Closing;
use fristvakt::register::Happening;
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::samples::{ID, at, date};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub(crate) fn event() -> WebhookEvent {
    WebhookEvent {
        subject: WebhookSubject::Notice(Purpose::Escalation),
        tenant: "blafjell".into(),
        reference: CaseRef::parse("7F3K").unwrap(),
        code: "T1".into(),
        due_on: date("2026-03-10"),
        days: -3,
        overdue: true,
        language: Language::Nb,
        tenant_name: "Blåfjell kommune".into(),
        notice: "Ta en beslutning".into(),
        link: Some("https://samspill.example/sak/7F3K".to_owned()),
        role: Role::Leader,
        at: at(),
        possible_repeat: false,
    }
}

pub(crate) fn webhook(url: &str, more: &str) -> Webhook {
    let folder = tempfile::tempdir().unwrap();
    let files = [("new", SECRET), ("old", OLD_SECRET)].map(|(name, secret)| {
        std::fs::write(folder.path().join(name), format!("{secret}\n")).unwrap();
        folder.path().join(name)
    });
    let loopback = if more.contains("allow_") { "" } else { "allow_insecure_loopback = true" };
    let text = format!("name = \"varsel\"\nurl = \"{url}\"\nsecret_files = {files:?}\n{loopback}\n{more}");
    toml::from_str::<WebhookSettings>(&text).unwrap().load().unwrap().0
}

#[tokio::test]
async fn a_webhook_is_thin_and_signed_with_every_secret() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/varsel")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let webhook = webhook(&format!("{}/varsel", server.uri()), "");
    assert_eq!(webhook.send(ID, &event(), at()).await, Ok(Accepted { code: 204 }));
    let requests = server.received_requests().await.unwrap();
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
async fn a_receiver_that_is_not_there_may_come_back() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let result = webhook(&format!("http://{address}/"), "").send(ID, &event(), at()).await;
    assert_eq!(result, Err(Failure::new(FailureClass::Temporary, "connect")));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = Err(Failure::new(FailureClass::Channel, "address not allowed"));
    // With a dot at its end, not every machine knows the name at all.
    let dotted = format!("https://localhost.:{}/", listener.local_addr().unwrap().port());
    webhook(&dotted, "allow_insecure_loopback = false").send(ID, &event(), at()).await.unwrap_err();
    for host in ["localhost", "LOCALHOST", "%6cocalhost"] {
        let url = format!("https://{host}:{}/", listener.local_addr().unwrap().port());
        let strict = webhook(&url, "allow_insecure_loopback = false");
        assert_eq!(strict.send(ID, &event(), at()).await, refused, "{host}");
    }
    let nobody = std::time::Duration::ZERO;
    assert!(tokio::time::timeout(nobody, listener.accept()).await.is_err(), "nobody connected");
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
        ("blafjell", WebhookKind::Escalation, Role::Coordinator, false),
        ("blafjell", WebhookKind::Reminder, Role::Leader, false),
        // A deviation is told to no role.
        ("blafjell", WebhookKind::Deviation, Role::Coordinator, true),
        ("sokndal", WebhookKind::Escalation, Role::Leader, false),
        ("sokndal", WebhookKind::Deviation, Role::Leader, false),
    ];
    for (tenant, kind, role, expected) in cases {
        assert_eq!(all.wants(tenant, kind, &role), kind != WebhookKind::Deviation, "deviations have to be asked for");
        assert_eq!(some.wants(tenant, kind, &role), expected, "{tenant} {kind:?} {role}");
    }
    assert!(!format!("{all:?}").contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
}

/// Something that happened to a deviation.
pub(crate) fn deviation(happening: Happening) -> WebhookEvent {
    let subject = WebhookSubject::Deviation(WebhookDeviation {
        id: "7k3qm9x2ab4t".to_owned(),
        sequence: 2,
        happening,
        unit: Some("skole-1".to_owned()),
        days_late: 3,
        cause_code: (happening == Happening::Closed(Closing::Explained)).then(|| "absence".to_owned()),
    });
    WebhookEvent { subject, overdue: !matches!(happening, Happening::Closed(_)), ..event() }
}

#[test]
fn a_deviation_is_ids_dates_and_codes_and_a_contact_has_no_name() {
    let happened = [
        Happening::Opened,
        Happening::Closed(Closing::MetLate),
        Happening::Closed(Closing::Explained),
        Happening::Closed(Closing::Withdrawn),
        Happening::Reopened,
    ];
    let mut lines: Vec<String> = happened.into_iter().map(|one| deviation(one).standard()).collect();
    let contact = Role::Contact("barnevern".into());
    lines.push(WebhookEvent { role: contact, possible_repeat: true, ..deviation(Happening::Opened) }.standard());
    insta::assert_snapshot!(lines.join("\n"));
}
