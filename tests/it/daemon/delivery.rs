//! What reaches people, and what does not: rounds, rechecks, refusals, outages, restarts.

use fristvakt::store::{Channels, MessageFilter, NoticeFilter};
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{FACTS, Installation, config, instant};

const DECISION: &str = r#"{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-10","recorded_at":"2026-03-10T14:00:00+01:00","attributes":{"outcome":"close"}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_cases_are_one_mail_in_the_morning() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-11T07:59:59+01:00").await;
    assert_eq!(here.recipients(), Vec::<String>::new());
    here.tick("2026-03-11T08:00:00+01:00").await;
    let mails = here.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0, "larer@k.example");
    let line = "Sak 7F3K: ta en beslutning, frist mandag 16. mars 2026 (14 dager fra 2. mars, regel T1)";
    assert!(mails[0].1.contains(line), "{}", mails[0].1);
    assert!(mails[0].1.contains("Sak 9QX2"));
    here.tick("2026-03-11T08:01:00+01:00").await;
    here.tick("2026-03-11T12:00:00+01:00").await;
    assert_eq!(here.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_round_runs_until_closing_time_and_never_at_night() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-11T16:00:00+01:00").await;
    here.tick("2026-03-11T23:00:00+01:00").await;
    assert_eq!(here.recipients(), Vec::<String>::new());
    here.tick("2026-03-12T11:30:00+01:00").await;
    assert_eq!(here.recipients(), ["larer@k.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_weeks_of_downtime_are_one_message_per_person() {
    let here = Installation::with(FACTS).await;
    here.tick("2026-03-03T08:00:00+01:00").await;
    here.import(&format!("{FACTS}{DECISION}\n")).await;
    // Down until after Easter: S-1 is met meanwhile, S-2 is three weeks overdue.
    here.tick("2026-04-07T08:00:00+02:00").await;
    let mails = here.mails();
    assert_eq!(here.recipients(), ["larer@k.example"]);
    assert!(mails[0].1.contains("9QX2") && !mails[0].1.contains("7F3K"));
    here.tick("2026-04-08T08:00:00+02:00").await;
    let mut next = here.recipients().split_off(1);
    next.sort();
    assert_eq!(next, ["koord@k.example", "rektor@k.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_down_delays_everything_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let here = Installation::on(folder, None, port, "").await;
    here.import(FACTS).await;
    let tick = here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!((tick.delivered.sent, tick.delivered.failed), (0, 1));
    let pending = MessageFilter { state: Some("pending".to_owned()), ..MessageFilter::default() };
    let waiting = here.daemon.store.list_messages(&pending).await.unwrap();
    assert_eq!(waiting.iter().map(|message| message.recipient.as_str()).collect::<Vec<_>>(), ["larer"]);
    // The relay comes back on the same port.
    let relay = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let received = tokio::spawn(one_mail(relay));
    let tick = here.tick("2026-03-11T09:00:00+01:00").await;
    assert_eq!(tick.delivered.sent, 1);
    assert!(received.await.unwrap().contains("RCPT TO:<larer@k.example>"));
    let tick = here.tick("2026-03-11T10:00:00+01:00").await;
    assert_eq!(tick.delivered, fristvakt::daemon::Delivered::default());
}

/// A relay that takes one mail; what it was told.
async fn one_mail(listener: tokio::net::TcpListener) -> String {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let (stream, _) = listener.accept().await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut told = String::new();
    write.write_all(b"220 relay\r\n").await.unwrap();
    let mut in_data = false;
    while let Ok(Some(line)) = lines.next_line().await {
        told.push_str(&line);
        told.push('\n');
        let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "." if in_data => {
                in_data = false;
                b"250 taken\r\n"
            }
            _ if in_data => continue,
            "DATA" => {
                in_data = true;
                b"354 go on\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await.unwrap();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_met_before_sending_is_taken_out() {
    let here = Installation::with(FACTS).await;
    here.clock.set(instant("2026-03-11T08:00:00+01:00"));
    here.daemon.sweep(here.clock.now()).await.unwrap();
    // Planned, not sent; the decision comes in between.
    here.import(&format!("{FACTS}{DECISION}\n")).await;
    let tick = here.tick("2026-03-11T08:00:01+01:00").await;
    assert_eq!(tick.delivered.sent, 1);
    let mails = here.mails();
    assert!(mails[0].1.contains("9QX2") && !mails[0].1.contains("7F3K"), "{}", mails[0].1);
    let withdrawn = NoticeFilter { case: Some("S-1".to_owned()), ..NoticeFilter::default() };
    let withdrawn = here.daemon.store.list_notices(&withdrawn).await.unwrap();
    assert!(withdrawn.iter().all(|notice| notice.state == "withdrawn"), "{withdrawn:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_without_address_is_passed_over_and_recorded() {
    let facts =
        FACTS.replace(r#""id":"larer","email":"larer@k.example""#, r#""id":"larer","email":"larer@elsewhere.example""#);
    let here = Installation::with(&facts).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.recipients(), ["rektor@k.example"]);
    let problems = here.daemon.store.list_problems(None).await.unwrap();
    assert!(!problems.is_empty());
    let text = format!("{problems:?}");
    assert!(!text.contains('@'), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_when_the_process_ended_goes_again_with_the_same_id_marked() {
    let here = Installation::with(FACTS).await;
    here.clock.set(instant("2026-03-11T08:00:00+01:00"));
    here.daemon.sweep(here.clock.now()).await.unwrap();
    let store = &here.daemon.store;
    let now = here.clock.now();
    let claimed = store.claim(now, 1, "another process", chrono::TimeDelta::minutes(5)).await.unwrap().remove(0);
    let ready = fristvakt::store::Ready { attempt: claimed.attempt, carried: claimed.notices.len(), seen: vec![] };
    store.begin_commit(&ready, now).await.unwrap();
    let taken = store.take_back_dead_attempts(now, "this process").await.unwrap();
    assert_eq!((taken.unsent, taken.maybe_sent), (0, 1));
    here.tick("2026-03-11T08:00:05+01:00").await;
    let mails = here.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].1.contains("Mulig gjentakelse"));
    let raw = std::fs::read_to_string(here.folder.path().join("mail/0001-larer.eml")).unwrap();
    assert!(raw.contains(&claimed.message.to_string()), "the same Message-ID");
}

#[tokio::test(flavor = "multi_thread")]
async fn shadow_mode_fills_the_ledger_and_sends_nothing() {
    let here = Installation::configured(FACTS, "mode = \"shadow\"").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.recipients(), Vec::<String>::new());
    let notices = here.daemon.store.list_notices(&NoticeFilter::default()).await.unwrap();
    assert_eq!(notices.iter().map(|notice| notice.state.as_str()).collect::<Vec<_>>(), ["shadow", "shadow"]);
    let _ = Channels::Shadow;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_of_what_it_asked_for() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let secrets = tempfile::tempdir().unwrap();
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let extra = format!(
        "[[webhook]]\nname = \"avvik\"\nurl = \"{}/hook\"\nsecret_files = [\"{}\"]\nkinds = [\"escalation\"]\nallow_insecure_loopback = true\n",
        server.uri(),
        secret.display()
    );
    let here = Installation::configured(FACTS, &extra).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(server.received_requests().await.unwrap().len(), 0, "reminders were not asked for");
    here.tick("2026-03-16T08:00:00+01:00").await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["type"], "notice.escalation");
        assert_eq!(body["data"]["rule"], "T1");
        let webhook = standardwebhooks::Webhook::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let _ = webhook;
    }
    let ids: Vec<_> = requests.iter().map(|request| request.headers["webhook-id"].clone()).collect();
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poison_case_does_not_stop_the_others() {
    let here = Installation::with(FACTS).await;
    let path = here.folder.path().join("test.db");
    poison(&path).await;
    let tick = here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(tick.swept.quarantined, 1);
    let mails = here.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].1.contains("9QX2"));
    assert_eq!(here.daemon.store.quarantined().await.unwrap().len(), 1);
    // Not again at every tick, and not for ever: mended facts are planned.
    assert_eq!(here.tick("2026-03-11T08:05:00+01:00").await.swept.quarantined, 0);
}

/// Breaks a stored document, as a half-written restore might.
async fn poison(path: &std::path::Path) {
    use sqlx::Connection;
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("UPDATE cases SET document = '{\"nonsense\":1}' WHERE id = 'S-1'")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_database_is_refused() {
    let here = Installation::with(FACTS).await;
    let again = fristvakt::daemon::Daemon::open(&config(here.folder.path(), 25, ""), here.clock.clone()).await;
    assert!(again.unwrap_err().to_string().contains("another fristvakt daemon"));
    drop(here.catcher);
}
