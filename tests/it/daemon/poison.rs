//! Records that are broken in the database, as a half-written restore or a hand might leave them: each is set aside with its
//! reason, and everybody else hears what they should.

use sqlx::{Connection, SqliteConnection};

use super::{FACTS, Installation, without_relay};
use crate::hostile::Relay;

const FIRST: &str = "2026-03-11T08:00:00+01:00";
const SECOND: &str = "2026-03-16T08:00:00+01:00";

/// Municipalities `k` and `l`, alike; each has the cases 7F3K and 9QX2, held by `larer`.
fn two_municipalities() -> String {
    let other = FACTS.replace("\"k\"", "\"l\"").replace("k.example", "l.example");
    format!("{FACTS}{other}")
}

async fn break_with(here: &Installation, statement: &'static str) {
    let path = here.folder.path().join("test.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let broken = sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected();
    assert!(broken > 0, "{statement}");
    connection.close().await.unwrap();
}

/// Who heard of which cases, since `mails` mails ago.
fn heard(here: &Installation, mails: usize) -> Vec<String> {
    let mut heard: Vec<String> = here.mails()[mails..]
        .iter()
        .map(|(to, text)| {
            let cases: Vec<&str> = ["7F3K", "9QX2"].into_iter().filter(|case| text.contains(case)).collect();
            format!("{to} {}", cases.join(" "))
        })
        .collect();
    heard.sort();
    heard
}

async fn set_aside(here: &Installation) -> Vec<String> {
    let quarantined = here.daemon.store.quarantined().await.unwrap();
    for one in &quarantined {
        assert!(!one.reason.is_empty() && !one.reason.contains('@'), "{one:?}");
    }
    quarantined.into_iter().map(|one| format!("{} {}", one.tenant, one.record)).collect()
}

const BOTH_OF_L: &str = "larer@l.example 7F3K 9QX2";

/// What is broken before anything was sent, what is set aside, and who hears of what in the first round.
const FACTS_BROKEN: &[(&str, &[&str], &[&str])] = &[
    ("UPDATE records SET fact = '{' WHERE tenant = 'k' AND type = 'tenant'", &["k tenant", "k tenant k"], &[BOTH_OF_L]),
    (
        "UPDATE records SET fact = '{\"type\":\"tenant\",\"id\":\"k\",\"name\":\"K\",\"packs\":[\"none\"],\"fallback\":\"a@k.example\",\"mail_domains\":[\"k.example\"]}' WHERE tenant = 'k' AND type = 'tenant'",
        &["k tenant"],
        &[BOTH_OF_L],
    ),
    ("DELETE FROM records WHERE tenant = 'k' AND type = 'tenant'", &["k tenant"], &[BOTH_OF_L]),
    (
        "UPDATE records SET fact = 'nonsense' WHERE tenant = 'k' AND type = 'unit' AND id = 'skole'",
        &["k unit skole"],
        &["larer@k.example 7F3K 9QX2", BOTH_OF_L],
    ),
    // Nobody is found for what the holder should hear: the next in the chain hears it.
    (
        "UPDATE records SET fact = '[]' WHERE tenant = 'k' AND type = 'person' AND id = 'larer'",
        &["k person larer"],
        &[BOTH_OF_L, "rektor@k.example 7F3K 9QX2"],
    ),
    (
        "UPDATE records SET fact = '{\"type\":\"person\",\"id\":7}' WHERE tenant = 'k' AND type = 'person' AND id = 'koord'",
        &["k person koord"],
        &["larer@k.example 7F3K 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE records SET type = 'gnome' WHERE tenant = 'k' AND type = 'person' AND id = 'koord'",
        &[],
        &["larer@k.example 7F3K 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = '{\"nonsense\":1}' WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = substr(document, 1, 40) WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = '' WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = x'00ff00ff' WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = replace(document, 'concern_raised', 'concern_rased') WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    (
        "UPDATE cases SET document = replace(document, '2026-03-02', '2026-02-30') WHERE tenant = 'k' AND id = 'S-1'",
        &["k case S-1"],
        &["larer@k.example 9QX2", BOTH_OF_L],
    ),
    // What was sent is in the ledger: a round more does no harm.
    ("UPDATE tenants SET last_round = 'yesterday' WHERE id = 'k'", &[], &["larer@k.example 7F3K 9QX2", BOTH_OF_L]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_fact_is_set_aside_and_stops_nobody_else() {
    for (statement, expected, told) in FACTS_BROKEN {
        let here = Installation::with(&two_municipalities()).await;
        break_with(&here, statement).await;
        here.tick(FIRST).await;
        assert_eq!(heard(&here, 0), *told, "{statement}");
        assert_eq!(set_aside(&here).await, *expected, "{statement}");
        // What is set aside is not tried at every tick, and nobody hears twice.
        assert_eq!(here.tick("2026-03-11T08:01:00+01:00").await.delivered.sent, 0, "{statement}");
    }
}

/// Rows of the ledger, broken between two rounds. The case is set aside: what it heard already is not known any more.
const LEDGER_BROKEN: &[&str] = &[
    "UPDATE notices SET role = 'boss' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET purpose = 'fun' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET outcome = '' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET due_on = 'soon' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET handled_on = '2026-02-30' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET repetition = -1 WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET repetition = 'once' WHERE tenant = 'k' AND case_id = 'S-1'",
    "UPDATE notices SET start = x'ff00' WHERE tenant = 'k' AND case_id = 'S-1'",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_row_of_the_ledger_sets_its_case_aside_and_stops_nobody_else() {
    for statement in LEDGER_BROKEN {
        let here = Installation::with(&two_municipalities()).await;
        here.tick(FIRST).await;
        assert_eq!(heard(&here, 0), ["larer@k.example 7F3K 9QX2", BOTH_OF_L]);
        break_with(&here, statement).await;
        here.tick(SECOND).await;
        assert_eq!(heard(&here, 2), ["larer@k.example 9QX2", BOTH_OF_L], "{statement}");
        assert_eq!(set_aside(&here).await, ["k case S-1"], "{statement}");
    }
}

const BOTH: &[&str] = &["larer@k.example", "larer@l.example"];
const OF_L: &[&str] = &["larer@l.example"];

/// What waits for a relay, broken while it waits; who hears of anything when the relay is back; and whether the next round
/// makes up for what is missing, or it waits for a person.
const WAITING_BROKEN: &[(&str, &[&str], bool)] = &[
    ("UPDATE notices SET due_on = 'soon' WHERE tenant = 'k' AND case_id = 'S-1'", BOTH, true),
    ("UPDATE notices SET role = 'boss' WHERE tenant = 'k' AND case_id = 'S-1'", BOTH, true),
    ("UPDATE notices SET repetition = 'once' WHERE tenant = 'k' AND case_id = 'S-1'", BOTH, true),
    ("UPDATE notices SET ref = '' WHERE tenant = 'k' AND case_id = 'S-1'", BOTH, true),
    ("UPDATE messages SET recipient = 'gnome:7' WHERE tenant = 'k'", OF_L, true),
    ("UPDATE messages SET id = 'nonsense' WHERE tenant = 'k'", OF_L, false),
    ("UPDATE messages SET slot = 'noon' WHERE tenant = 'k'", OF_L, false),
    ("UPDATE messages SET tenant = 'nowhere' WHERE tenant = 'k'", OF_L, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_while_it_waits_holds_nobody_else() {
    for (statement, told, heals) in WAITING_BROKEN {
        let (here, port) = without_relay(&two_municipalities(), "").await;
        here.tick(FIRST).await;
        break_with(&here, statement).await;
        let relay = Relay::on(port).await;
        here.tick("2026-03-11T09:00:00+01:00").await;
        let mut recipients = relay.recipients();
        recipients.sort();
        assert_eq!(recipients, *told, "{statement}");
        here.tick("2026-03-12T08:00:00+01:00").await;
        let told = relay.accepted().into_iter().filter(|mail| mail.recipient == "larer@k.example");
        let text: String = told.map(|mail| mail.text).collect();
        assert_eq!(text.matches("Sak 7F3K").count() > 0, *heals, "{statement}");
    }
}
