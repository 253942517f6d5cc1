//! What happens to deviations, told to a municipality's quality system: end to end, over a receiver that misbehaves.

use fristvakt::register::{Causes, Decision, Written};
use fristvakt::store::{Decided, DeviationFilter};
use serde_json::Value;

use super::server::{County, municipalities};
use super::{FACTS, Installation, instant};
use crate::hostile::Answer::{self, Close, Status};
use crate::hostile::Receiver;
use crate::servers::postgres;

const MIDNIGHT: &str = "2026-03-17T00:00:10+01:00";

/// What free text might hold, which nobody outside may see.
const CANARY: &str = "Kanarifugl i 9A, barnevern";

fn secret(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("secret");
    std::fs::write(&path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    path
}

/// A webhook for these kinds, and more of its settings.
fn webhook(receiver: &Receiver, folder: &std::path::Path, more: &str) -> String {
    let (url, secret) = (receiver.url(), secret(folder));
    format!(
        "[[webhook]]\nname = \"kvalitet\"\nurl = {url:?}\nsecret_files = [{secret:?}]\nallow_insecure_loopback = true\n{more}\n"
    )
}

const KINDS: &str = "kinds = [\"escalation\", \"deviation\"]";

/// The requests so far, each as its type and the fields that tell of it.
fn told(receiver: &Receiver) -> Vec<String> {
    let told = receiver.requests().into_iter().map(|got| {
        let body: Value = serde_json::from_str(&got.body).unwrap();
        let data = &body["data"];
        let text = |key: &str| data[key].as_str().unwrap_or_default();
        let repeat = if data["possible_repeat"] == Value::Bool(true) { " repeat" } else { "" };
        let words = [body["type"].as_str().unwrap(), text("reference"), text("closed_as"), text("cause_code")];
        format!("{}{repeat}", words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    });
    told.collect()
}

async fn decide(here: &Installation, case: &str, decision: &Decision) {
    let store = &here.daemon().store;
    let filter = DeviationFilter { case: Some(case.to_owned()), ..DeviationFilter::default() };
    let row = store.list_deviations(&filter).await.unwrap().remove(0);
    assert_eq!(store.decide(row.name(), decision, "", here.clock().now()).await.unwrap(), Decided::Done);
}

fn explanation() -> Decision {
    let written = Written { cause: "absence", reason: CANARY, action: Some(CANARY), action_due: None };
    Decision::explain(&Causes::default(), "kari", written).unwrap()
}

fn decided_on(case: &str, day: &str) -> String {
    format!(r#"{{"type":"event","tenant":"k","case":"{case}","id":"e2","kind":"decision_made","on":"{day}"}}"#)
}

async fn set(answers: Vec<Answer>, more: &str, facts: &str) -> (Installation, Receiver, tempfile::TempDir) {
    let (receiver, folder) = (Receiver::start(answers, None).await, tempfile::tempdir().unwrap());
    let extra = webhook(&receiver, folder.path(), more);
    let here = Installation::configured(facts, &format!("{extra}[email]\n")).await;
    (here, receiver, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_is_told_in_order_and_without_a_word_of_anybody() {
    let (here, receiver, _folder) = set(vec![], KINDS, FACTS).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.tick("2026-03-16T23:59:59+01:00").await;
    assert_eq!(told(&receiver), [""; 0], "a deviation is not opened before it is one");
    here.tick(MIDNIGHT).await;
    let mut opened = told(&receiver);
    opened.sort();
    assert_eq!(opened, ["deviation.opened 7F3K", "deviation.opened 9QX2"]);
    for now in ["2026-03-17T08:00:00+01:00", "2026-03-18T08:00:00+01:00"] {
        here.tick(now).await;
    }
    let escalations = told(&receiver).iter().filter(|one| one.starts_with("notice.escalation")).count();
    assert_eq!(escalations, 2, "{:?}", told(&receiver));
    here.import(&decided_on("S-1", "2026-03-18")).await;
    here.tick("2026-03-18T12:00:00+01:00").await;
    decide(&here, "S-1", &explanation()).await;
    decide(&here, "S-2", &Decision::withdraw("kari", CANARY).unwrap()).await;
    here.tick("2026-03-18T13:00:00+01:00").await;
    decide(&here, "S-2", &Decision::reopen("ola", CANARY).unwrap()).await;
    here.tick("2026-03-18T14:00:00+01:00").await;
    for now in ["2026-03-18T15:00:00+01:00", "2026-03-18T16:00:00+01:00"] {
        here.tick(now).await;
    }
    let all = told(&receiver);
    let of = |reference: &str| -> Vec<&str> {
        let of = all.iter().filter(|one| one.starts_with("deviation") && one.contains(reference));
        of.map(String::as_str).collect()
    };
    let first = ["deviation.opened 7F3K", "deviation.closed 7F3K met_late", "deviation.closed 7F3K explained absence"];
    assert_eq!(of("7F3K"), first);
    assert_eq!(of("9QX2"), ["deviation.opened 9QX2", "deviation.closed 9QX2 withdrawn", "deviation.reopened 9QX2"]);
    let requests = receiver.requests();
    let mut ids: Vec<&str> = requests.iter().map(|got| got.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), requests.len(), "each thing has an id of its own");
    for text in requests.iter().map(|got| &got.body).chain(here.mails().iter().map(|(_, text)| text)) {
        for word in ["Kanarifugl", "barnevern", "kari", "larer", "S-1", "S-2", "vikar", "@k.example"] {
            assert!(!text.contains(word), "`{word}` is in {text}");
        }
    }
    let explained = requests.iter().find(|got| got.body.contains("explained")).unwrap();
    let mut body: Value = serde_json::from_str(&explained.body).unwrap();
    body["data"]["id"] = "ID".into();
    insta::assert_snapshot!(body, @r#"{"type":"deviation.closed","timestamp":"2026-03-18T11:00:00Z","data":{"tenant":"k","id":"ID","sequence":3,"reference":"7F3K","rule":"T1","unit":"skole","responsible":"stafettholder","due_on":"2026-03-16","days_late":2,"closed_as":"explained","cause_code":"absence"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_is_repeated_and_nothing_overtakes_it() {
    // Nobody knows whether the first arrived; the second try is refused, the third taken.
    let (here, receiver, folder) = set(vec![Close, Status(503, "")], KINDS, &one_case()).await;
    here.tick(MIDNIGHT).await;
    here.import(&decided_on("S-1", "2026-03-17")).await;
    here.tick("2026-03-17T00:00:20+01:00").await;
    let here = here.restarted_with(&webhook(&receiver, folder.path(), KINDS)).await;
    for minute in [1, 2, 5, 9, 20, 59] {
        here.tick(&format!("2026-03-17T00:{minute:02}:40+01:00")).await;
    }
    let expected = [
        "deviation.opened 7F3K",
        "deviation.opened 7F3K repeat",
        "deviation.opened 7F3K repeat",
        "deviation.closed 7F3K met_late",
    ];
    assert_eq!(told(&receiver), expected);
    let ids: Vec<String> = receiver.requests().into_iter().map(|got| got.id).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3], "{ids:?}");
}

fn one_case() -> String {
    FACTS.lines().filter(|line| !line.contains("S-2")).map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_mode_and_unasked_nothing_is_told() {
    for (mode, kinds) in [("shadow", KINDS), ("live", "kinds = [\"escalation\"]"), ("live", "tenants = [\"andre\"]")] {
        let (receiver, folder) = (Receiver::start(vec![], None).await, tempfile::tempdir().unwrap());
        let extra = format!("mode = \"{mode}\"\n{}[email]\n", webhook(&receiver, folder.path(), kinds));
        let here = Installation::configured(&one_case(), &extra).await;
        here.tick(MIDNIGHT).await;
        decide(&here, "S-1", &explanation()).await;
        here.tick("2026-03-17T00:05:00+01:00").await;
        assert_eq!(told(&receiver), [""; 0], "{mode} {kinds}");
        // Asked for later, it hears of what happens then, and of nothing before.
        let here = here.restarted_with(&webhook(&receiver, folder.path(), KINDS)).await;
        decide(&here, "S-1", &Decision::reopen("kari", "feil").unwrap()).await;
        here.tick("2026-03-17T00:10:00+01:00").await;
        assert_eq!(told(&receiver), ["deviation.reopened 7F3K"], "{mode} {kinds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_became_protected_meanwhile_is_told_to_nobody() {
    let (here, receiver, _folder) = set(vec![Status(503, ""); 3], KINDS, &one_case()).await;
    here.tick(MIDNIGHT).await;
    let protected = r#"{"type":"case","tenant":"k","id":"S-1","ref":"7F3K","unit":"skole","stafettholder":"larer","protected":true}"#;
    here.import(protected).await;
    let tried = receiver.requests().len();
    assert_eq!(tried, 1);
    for now in ["2026-03-17T01:00:00+01:00", "2026-03-17T03:00:00+01:00"] {
        here.tick(now).await;
    }
    decide(&here, "S-1", &explanation()).await;
    here.tick("2026-03-17T04:00:00+01:00").await;
    assert_eq!(receiver.requests().len(), tried);
    let rows = here.daemon().store.list_deviations(&DeviationFilter::default()).await.unwrap();
    assert_eq!((rows.len(), rows[0].protected), (1, 1), "the register has it all the same");
}

/// Three daemons, each of which finds the same deviations at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_share_a_server_tell_each_thing_once() {
    let Some(database) = postgres::database() else { return };
    let (receiver, folder) = (Receiver::start(vec![], None).await, tempfile::tempdir().unwrap());
    let county = County::at(&database.url()).await.with(&webhook(&receiver, folder.path(), KINDS));
    let daemons = [county.daemon("a").await, county.daemon("b").await, county.daemon("c").await];
    county.import(&daemons[0], &municipalities(8)).await;
    for now in [MIDNIGHT, "2026-03-17T00:01:10+01:00"] {
        county.set(instant(now));
        let ticks: Vec<_> =
            daemons.iter().cloned().map(|daemon| tokio::spawn(async move { daemon.tick().await })).collect();
        for tick in ticks {
            tick.await.unwrap().unwrap();
        }
        let store = &daemons[0].store;
        for row in store.list_deviations(&DeviationFilter { open: true, ..DeviationFilter::default() }).await.unwrap() {
            let by = daemons[usize::from(row.tenant.bytes().last().unwrap()) % 3].clone();
            let decided = by.store.decide(row.name(), &explanation(), "", instant(now)).await.unwrap();
            assert_eq!(decided, Decided::Done);
        }
    }
    let mut all = told(&receiver);
    all.sort();
    let opened = (0..8).map(|number| format!("deviation.opened R{number}"));
    let closed = (0..8).map(|number| format!("deviation.closed R{number} explained absence"));
    assert_eq!(all, closed.chain(opened).collect::<Vec<_>>());
    let verified = daemons[0].store.verify_audit(None, &[]).await.unwrap();
    assert_eq!((verified.wrong.len(), verified.ends.len()), (0, 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_sent_again_when_a_person_asks() {
    let (here, receiver, _folder) = set(vec![], KINDS, &one_case()).await;
    here.tick(MIDNIGHT).await;
    let id = receiver.requests()[0].id.parse().unwrap();
    let store = &here.daemon().store;
    assert!(store.replay_message(id, "kari", "mistet", here.clock().now()).await.unwrap());
    here.tick("2026-03-17T00:05:00+01:00").await;
    assert_eq!(told(&receiver), ["deviation.opened 7F3K", "deviation.opened 7F3K repeat"]);
}
