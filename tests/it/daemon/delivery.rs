//! What reaches people, and what does not: rounds, rechecks, refusals, outages, restarts.

use fristvakt::store::{MessageFilter, NoticeFilter};
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{FACTS, Installation, config, instant, without_relay};
use crate::hostile::Relay;

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
    let (here, port) = without_relay(FACTS, "").await;
    let tick = here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!((tick.delivered.sent, tick.delivered.failed), (0, 1));
    let pending = MessageFilter { state: Some("pending".to_owned()), ..MessageFilter::default() };
    let waiting = here.daemon.store.list_messages(&pending).await.unwrap();
    assert_eq!(waiting.iter().map(|message| message.recipient.as_str()).collect::<Vec<_>>(), ["larer"]);
    // The relay comes back on the same port.
    let relay = Relay::on(port).await;
    let tick = here.tick("2026-03-11T09:00:00+01:00").await;
    assert_eq!(tick.delivered.sent, 1);
    assert_eq!(relay.recipients(), ["larer@k.example"]);
    let tick = here.tick("2026-03-11T10:00:00+01:00").await;
    assert_eq!(tick.delivered, fristvakt::daemon::Delivered::default());
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
    let claimed =
        store.claim("email", now, 1, "another process", chrono::TimeDelta::minutes(5)).await.unwrap().remove(0);
    let ready = fristvakt::store::Ready {
        tenant: "sokndal".to_owned(),
        attempt: claimed.attempt,
        carried: claimed.notices.len(),
        seen: vec![],
        generation: None,
    };
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
}

/// The configuration of a webhook that leads to a server of the test's own.
pub(super) fn webhook(server: &MockServer, secrets: &std::path::Path, subscription: &str) -> String {
    let secret = secrets.join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    format!(
        "[[webhook]]\nname = \"hook\"\nurl = \"{}/hook\"\nsecret_files = [\"{}\"]\n{subscription}\nallow_insecure_loopback = true\n",
        server.uri(),
        secret.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_of_what_it_asked_for() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let secrets = tempfile::tempdir().unwrap();
    let extra = webhook(&server, secrets.path(), "kinds = [\"escalation\"]");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_waits_for_the_hours_of_whoever_receives_it() {
    let (here, port) = without_relay(FACTS, "").await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    let relay = Relay::on(port).await;
    // Friday night and Saturday: the relay is back, and nobody is disturbed.
    for at in ["2026-03-13T23:00:00+01:00", "2026-03-14T03:00:00+01:00", "2026-03-14T10:00:00+01:00"] {
        assert_eq!(here.tick(at).await.delivered.sent, 0, "{at}");
    }
    assert_eq!(here.tick("2026-03-16T08:00:00+01:00").await.delivered.sent, 1);
    assert_eq!(relay.recipients(), ["larer@k.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_for_a_protected_case_not_even_in_the_backlog() {
    let facts = FACTS
        .replace("\"go_live\":\"2026-01-01\"", "\"go_live\":\"2026-04-01\"")
        .replace("\"ref\":\"9QX2\"", "\"ref\":\"SECRET\",\"protected\":true");
    let here = Installation::with(&facts).await;
    here.tick("2026-04-01T08:00:00+02:00").await;
    let mails = here.mails();
    assert_eq!(here.recipients(), ["koord@k.example"]);
    assert!(mails[0].1.contains("7F3K") && !mails[0].1.contains("SECRET"), "{}", mails[0].1);
    here.tick("2026-04-07T08:00:00+02:00").await;
    assert_eq!(here.mails().len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_cannot_be_read_any_more_does_not_hold_the_others_in_its_mail() {
    let here = Installation::with(FACTS).await;
    here.clock.set(instant("2026-03-11T08:00:00+01:00"));
    here.daemon.sweep(here.clock.now()).await.unwrap();
    poison(&here.folder.path().join("test.db")).await;
    assert_eq!(here.tick("2026-03-11T08:00:10+01:00").await.delivered.sent, 1);
    let mails = here.mails();
    assert!(mails[0].1.contains("9QX2") && !mails[0].1.contains("7F3K"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_heard_of_a_reminder_does_not_replace_the_mail() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let secrets = tempfile::tempdir().unwrap();
    let extra = webhook(&server, secrets.path(), "");
    let (here, port) = without_relay(FACTS, &extra).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    // Before the relay is back, the holder is away and somebody stands in.
    let away = r#""id":"larer","email":"larer@k.example","absent":[{"from":"2026-03-10","to":"2026-03-20","deputy":"vikar"}],"#;
    here.import(&FACTS.replace(r#""id":"larer","email":"larer@k.example","#, away)).await;
    let relay = Relay::on(port).await;
    here.tick("2026-03-11T10:00:00+01:00").await;
    assert_eq!(here.tick("2026-03-12T08:00:00+01:00").await.delivered.sent, 1);
    assert_eq!(relay.recipients(), ["vikar@k.example"]);
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "the webhook hears of it once");
}

#[tokio::test(flavor = "multi_thread")]
async fn shadow_mode_keeps_back_what_was_already_waiting() {
    let (here, port) = without_relay(FACTS, "").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    let Installation { folder, daemon, .. } = here;
    std::sync::Arc::into_inner(daemon).unwrap().store.close().await;
    let relay = Relay::on(port).await;
    let here = Installation::on(folder, None, port, "mode = \"shadow\"").await;
    assert_eq!(here.tick("2026-03-11T09:00:00+01:00").await.delivered, fristvakt::daemon::Delivered::default());
    assert_eq!(relay.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_forgotten_once_it_is_right_again() {
    let here = Installation::with(FACTS).await;
    here.tick("2027-01-11T08:00:00+01:00").await;
    let swept = here.tick("2026-03-11T08:00:00+01:00").await.swept;
    assert_eq!((swept.planned, swept.rounds), (2, 1));
    let swept = here.tick("2026-03-12T08:00:00+01:00").await.swept;
    assert_eq!(swept.rounds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_told_that_the_holder_was_told_only_where_a_mail_left() {
    let shadow = Installation::configured(FACTS, "mode = \"shadow\"").await;
    shadow.tick("2026-03-11T08:00:00+01:00").await;
    shadow.tick("2026-03-16T08:00:00+01:00").await;
    let Installation { folder, catcher, daemon, .. } = shadow;
    std::sync::Arc::into_inner(daemon).unwrap().store.close().await;
    let port = catcher.as_ref().unwrap().address().port();
    let here = Installation::on(folder, catcher, port, "").await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    assert_eq!(here.recipients(), ["rektor@k.example"]);
    assert!(!here.mails()[0].1.contains("ble varslet"), "{}", here.mails()[0].1);

    let here = Installation::with(FACTS).await;
    for at in ["2026-03-11T08:00:00+01:00", "2026-03-16T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
        here.tick(at).await;
    }
    let last = here.mails().pop().unwrap();
    assert!(last.0 == "rektor@k.example" && last.1.contains("Stafettholderen ble varslet 16. mars."), "{}", last.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_over_several_rounds_is_one_mail_with_the_last_word() {
    let (here, port) = without_relay(FACTS, "").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    let relay = Relay::on(port).await;
    assert_eq!(here.tick("2026-03-16T09:00:00+01:00").await.delivered.sent, 1);
    assert_eq!(relay.recipients(), ["larer@k.example"]);
    let notices = here.daemon.store.list_notices(&NoticeFilter::default()).await.unwrap();
    let mut told: Vec<_> =
        notices.iter().map(|one| format!("{} {} {}", one.reference, one.step, one.outcome)).collect();
    told.sort();
    assert_eq!(told, ["7F3K -3wd overtaken", "7F3K 0d sent", "9QX2 -3wd overtaken", "9QX2 0d sent"]);
}
