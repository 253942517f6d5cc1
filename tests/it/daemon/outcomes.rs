//! What becomes of a message that was not taken: passed on, held with its channel, capped, told to somebody else.

use fristvakt::store::{MessageFilter, NoticeFilter};

use super::{FACTS, Installation};
use crate::hostile::Act::Say;
use crate::hostile::Step::{Mail, Rcpt};
use crate::hostile::{Relay, Script, Setup};

const MORNING: &str = "2026-03-11T08:00:00+01:00";

/// An installation whose relay's connections go through these scripts, one each; the ones after them are good.
async fn with(scripts: Vec<Script>, facts: &str, extra: &str) -> (Installation, Relay) {
    let relay = Relay::start(Setup { scripts: scripts.into(), ..Setup::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let here = Installation::on(folder, None, relay.address.port(), extra).await;
    here.import(facts).await;
    (here, relay)
}

/// The facts, with the second case in the hands of another teacher.
fn of_two_teachers() -> String {
    FACTS.replace(
        r#""id":"S-2","ref":"9QX2","unit":"skole","stafettholder":"larer""#,
        r#""id":"S-2","ref":"9QX2","unit":"skole","stafettholder":"vikar""#,
    )
}

async fn messages(here: &Installation) -> Vec<String> {
    let mut rows = here.daemon.store.list_messages(&MessageFilter::default()).await.unwrap();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows.iter().map(|row| format!("{} {} {}", row.recipient, row.state, row.reason.as_deref().unwrap_or("-"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_address_passes_each_cases_notices_to_whoever_is_next_for_that_case() {
    // Two cases of one teacher, in two schools with leaders of their own.
    let facts = FACTS.replace(r#""id":"S-2","ref":"9QX2","unit":"skole""#, r#""id":"S-2","ref":"9QX2","unit":"andre""#)
        + r#"{"type":"unit","tenant":"k","id":"andre","leader":"vikar"}"#;
    let (here, relay) = with(vec![vec![(Rcpt, Say("550 5.1.1 nobody"))]], &facts, "").await;
    here.tick(MORNING).await;
    let mut told = relay.recipients();
    told.sort();
    assert_eq!(told, ["rektor@k.example", "vikar@k.example"]);
    for taken in relay.accepted() {
        let (own, other) = if taken.recipient.starts_with("vikar") { ("9QX2", "7F3K") } else { ("7F3K", "9QX2") };
        assert!(taken.text.contains(own) && !taken.text.contains(other), "{}", taken.text);
    }
    assert_eq!(messages(&here).await[0], "larer withdrawn address refused, passed on");
    let quality = here.daemon.store.data_quality(None).await.unwrap();
    let shown: Vec<_> =
        quality.iter().map(|row| format!("{} {} {} {}", row.subject, row.kind, row.code, row.times)).collect();
    assert_eq!(shown, ["larer address_refused smtp 550 5.1.1 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_refuses_us_is_held_and_probed_with_one_message() {
    let refuses = || vec![(Mail, Say("530 5.7.0 authenticate first"))];
    let (here, relay) = with(vec![refuses(), refuses()], FACTS, "").await;
    here.tick(MORNING).await;
    let state = || async { here.daemon.store.channels().await.unwrap().remove(0) };
    let held = state().await;
    assert_eq!((held.name.as_str(), held.probes, held.held_code.as_deref()), ("email", 0, Some("smtp 530 5.7.0")));
    // Not before its time, however often one looks.
    here.tick("2026-03-11T08:04:59+01:00").await;
    assert_eq!(relay.connections(), 1);
    here.tick("2026-03-11T08:05:01+01:00").await;
    assert_eq!((relay.connections(), state().await.probes), (2, 1), "one probe, refused: the hold grows");
    here.tick("2026-03-11T08:14:59+01:00").await;
    assert_eq!(relay.connections(), 2);
    assert_eq!(here.tick("2026-03-11T08:15:02+01:00").await.delivered.sent, 1);
    assert_eq!((relay.recipients(), state().await.held_until), (vec!["larer@k.example".to_owned()], None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_alone_is_refused_holds_nobody_up() {
    // Of two mails the relay never wants one, and says so as if it were about us.
    let facts = of_two_teachers();
    let (here, relay) = with(vec![], &facts, "").await;
    relay.refuses("larer@k.example", "530 5.7.0 authenticate first");
    here.tick(MORNING).await;
    // When the hold is over, it is another message that is the probe.
    let probe = async || {
        // Both lines may have been under way at once: then the one that was taken has freed the channel.
        if let Some(held) = here.daemon.store.channels().await.unwrap()[0].held_until {
            here.clock.set(held.instant());
        }
        here.daemon.tick().await.unwrap();
    };
    probe().await;
    assert_eq!(relay.recipients(), ["vikar@k.example"], "{:?}", messages(&here).await);
    here.tick("2026-03-11T09:00:00+01:00").await;
    let coordinator = fristvakt::notice::Recipient::parse("koord");
    here.daemon
        .store
        .tell_once("k", "revision:tromso:2022-12-01", &coordinator, "email", here.clock.now())
        .await
        .unwrap();
    probe().await;
    assert_eq!(relay.recipients().len(), 2, "{:?}", messages(&here).await);
    // From then on it is a matter of that message alone: nothing is held for it.
    here.tick("2026-03-11T12:00:00+01:00").await;
    assert_eq!(here.daemon.store.channels().await.unwrap()[0].held_until, None);
    assert!(messages(&here).await.contains(&"larer pending -".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn caps_hold_and_merge_and_never_drop() {
    let (here, relay) = with(vec![], FACTS, "[limits]\nmails_per_recipient_and_day = 1").await;
    here.tick(MORNING).await;
    assert_eq!(relay.recipients(), ["larer@k.example"]);
    // Told to the coordinator twice on one day: the backlog and a routine's revision, say.
    let store = &here.daemon.store;
    let coordinator = fristvakt::notice::Recipient::parse("koord");
    for pack in ["revision:sokndal:2022-12-01", "revision:tromso:2022-12-01"] {
        store.tell_once("k", pack, &coordinator, "email", here.clock.now()).await.unwrap();
    }
    here.tick("2026-03-11T09:00:00+01:00").await;
    assert_eq!(relay.recipients().len(), 2, "one of the two");
    assert!(messages(&here).await.contains(&"koord pending cap".to_owned()), "{:?}", messages(&here).await);
    here.tick("2026-03-11T15:00:00+01:00").await;
    assert_eq!(relay.recipients().len(), 2);
    here.tick("2026-03-12T08:00:00+01:00").await;
    assert_eq!(relay.recipients().len(), 3, "the next morning");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_does_not_arrive_is_told_to_the_leader_when_its_next_step_comes() {
    let facts = of_two_teachers();
    let (here, relay) = with(vec![], &facts, "").await;
    relay.refuses("larer@k.example", "452 4.2.2 mailbox full");
    here.tick(MORNING).await;
    assert_eq!(relay.recipients(), ["vikar@k.example"]);
    // There is time yet: it is only tried again. Somebody else gets a mail meanwhile, so it is not the relay.
    let coordinator = fristvakt::notice::Recipient::parse("koord");
    here.daemon
        .store
        .tell_once("k", "revision:tromso:2022-12-01", &coordinator, "email", here.clock.now())
        .await
        .unwrap();
    here.tick("2026-03-12T08:00:00+01:00").await;
    assert!(!relay.recipients().contains(&"rektor@k.example".to_owned()));
    here.tick("2026-03-16T08:00:00+01:00").await;
    let told = relay.recipients();
    assert!(told.contains(&"rektor@k.example".to_owned()), "{told:?}");
    let passed = NoticeFilter { recipient: Some("rektor".to_owned()), ..NoticeFilter::default() };
    let passed = here.daemon.store.list_notices(&passed).await.unwrap();
    assert_eq!(
        passed[0].reason.as_deref(),
        Some("undelivered when its next step came, passed on"),
        "kept when it is sent"
    );
    assert_eq!(passed.iter().map(|one| (one.case.as_str(), one.step.as_str())).collect::<Vec<_>>(), [("S-1", "-3wd")]);
    // The mailbox is emptied: the last step still arrives.
    relay.refuses("larer@k.example", "");
    here.tick("2026-03-16T12:00:00+01:00").await;
    assert!(relay.recipients().contains(&"larer@k.example".to_owned()));
}

/// Changes a database behind the daemon's back.
async fn tamper(here: &Installation, statement: &'static str) {
    use sqlx::Connection;
    let url = format!("sqlite://{}", here.folder.path().join("test.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_reconciliation_finds_what_was_never_told_and_what_nothing_proves() {
    let (here, relay) = with(vec![], FACTS, "").await;
    assert_eq!(here.tick(MORNING).await.differences, 0);
    // A case that fell off the agenda: its next step never comes.
    tamper(&here, "UPDATE agenda SET next_at = NULL WHERE case_id = 'S-1'").await;
    // A row that claims to have been sent, and a mail that nobody took.
    tamper(
        &here,
        "INSERT INTO messages (id, tenant, recipient, channel, slot, urgent, escalation, state, possible_repeat, tries, \
         next_try_at, created_at, ended_at) VALUES ('01a20073-a2cc-730b-9481-b8c61b9e855c', 'k', 'larer', 'email', 0, 0, 0, \
         'sent', 0, 0, 0, 1773644400000, 1773644400000)",
    )
    .await;
    let tick = here.tick("2026-03-16T08:00:00+01:00").await;
    assert_eq!(tick.differences, 2, "S-1's step on the due date, and the mail");
    assert!(relay.accepted().last().unwrap().text.contains("9QX2"));
    let found = here.daemon.store.reconciled("k").await.unwrap().unwrap();
    assert_eq!((found.untold, found.unproven), (1, 1));
    assert_eq!(here.tick("2026-03-16T12:00:00+01:00").await.differences, 0, "once a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_its_receiver_lost_is_replayed_by_hand_under_the_same_id() {
    let receiver = crate::hostile::Receiver::start(vec![], None).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let extra = format!(
        "[[webhook]]\nname = \"hook\"\nurl = \"{}\"\nsecret_files = [{secret:?}]\nallow_insecure_loopback = true",
        receiver.url()
    );
    let (here, relay) = with(vec![], FACTS, &extra).await;
    here.tick(MORNING).await;
    let sent = receiver.requests();
    assert_eq!((sent.len(), relay.recipients().len()), (2, 1));
    // Meanwhile one is met: what was sent is sent again all the same.
    let met = r#"{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"decision_made","on":"2026-03-11"}"#;
    here.import(&format!("{FACTS}{met}\n")).await;
    let store = &here.daemon.store;
    for one in &sent {
        let id = one.id.parse().unwrap();
        assert!(store.replay_message(id, "kari", "the receiver was restored", here.clock.now()).await.unwrap());
        assert!(!store.replay_message(id, "kari", "again", here.clock.now()).await.unwrap(), "it waits already");
    }
    here.tick("2026-03-11T09:00:00+01:00").await;
    let ids = |requests: &[crate::hostile::Got]| {
        let mut ids: Vec<_> = requests.iter().map(|one| one.id.clone()).collect();
        ids.sort();
        ids
    };
    let again = receiver.requests().split_off(2);
    assert_eq!(ids(&again), ids(&sent));
    assert!(again.iter().all(|one| one.body.contains("possible_repeat")), "{again:?}");
    here.tick("2026-03-11T10:00:00+01:00").await;
    assert_eq!((receiver.requests().len(), relay.recipients().len()), (4, 1), "once, and no mail with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_relay_is_no_matter_of_one_person() {
    let facts = of_two_teachers();
    // One mail gets through; then the relay is down until after the next step.
    let down = || vec![(Mail, Say("421 4.3.2 going down"))];
    let scripts = std::iter::once(vec![]).chain(std::iter::repeat_with(down).take(20)).collect();
    let (here, relay) = with(scripts, &facts, "").await;
    here.tick(MORNING).await;
    here.tick("2026-03-12T08:00:00+01:00").await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    assert!(!relay.recipients().contains(&"rektor@k.example".to_owned()), "{:?}", messages(&here).await);
    let quality = here.daemon.store.data_quality(None).await.unwrap();
    assert!(quality.is_empty(), "{quality:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_to_one_person_is_one_mail() {
    let facts = of_two_teachers();
    let (here, relay) = with(vec![], &facts, "").await;
    for address in ["larer@k.example", "vikar@k.example"] {
        relay.refuses(address, "550 5.1.1 nobody");
    }
    here.tick(MORNING).await;
    here.tick("2026-03-11T09:00:00+01:00").await;
    assert_eq!(relay.recipients(), ["rektor@k.example"]);
    let text = &relay.accepted()[0].text;
    assert!(text.contains("7F3K") && text.contains("9QX2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_row_of_long_ago_stops_nobodys_escalation() {
    let (here, relay) = with(vec![], FACTS, "").await;
    here.tick(MORNING).await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    tamper(&here, "UPDATE notices SET due_on = 'soon' WHERE case_id = 'S-1' AND step = '-3wd'").await;
    here.tick("2026-03-17T08:00:00+01:00").await;
    assert!(relay.recipients().contains(&"rektor@k.example".to_owned()), "{:?}", messages(&here).await);
}
