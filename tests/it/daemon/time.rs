//! A clock that is wrong, the nights on which clocks change, and weeks of standing still: nobody is woken, nobody hears
//! anything twice, and nothing is forgotten.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{TimeDelta, Timelike};
use chrono_tz::Europe::Oslo;
use fristvakt::store::NoticeFilter;

use super::{FACTS, Installation, instant, without_relay};
use crate::hostile::Relay;

/// Moments at which the daemon looks, in their order, and who gets a mail then.
type Day<'a> = (&'a str, &'a [&'a str]);

const TEACHER: &[&str] = &["larer@k.example"];
const HEAD: &[&str] = &["rektor@k.example"];
const BOTH_LEADERS: &[&str] = &["koord@k.example", "rektor@k.example"];

/// What becomes of 16 March where nothing goes wrong, from its morning on.
const REST: [Day<'_>; 5] = [
    ("2026-03-16T08:00:00+01:00", TEACHER),
    ("2026-03-16T12:00:00+01:00", &[]),
    ("2026-03-17T08:00:00+01:00", HEAD),
    ("2026-03-18T08:00:00+01:00", &[]),
    ("2026-03-23T08:00:00+01:00", BOTH_LEADERS),
];

/// How the clock runs before that.
const CLOCKS: &[(&str, &[Day<'_>])] = &[
    ("right", &[("2026-03-11T08:00:00+01:00", TEACHER)]),
    (
        // The reminder of the 11th leaves a day early, and not again.
        "a day ahead",
        &[
            ("2026-03-10T12:00:00+01:00", &[]),
            ("2026-03-11T12:00:00+01:00", TEACHER),
            ("2026-03-10T12:01:00+01:00", &[]),
            ("2026-03-11T08:00:00+01:00", &[]),
        ],
    ),
    (
        "a day behind",
        &[
            ("2026-03-11T08:00:00+01:00", TEACHER),
            ("2026-03-10T08:00:00+01:00", &[]),
            ("2026-03-11T08:30:00+01:00", &[]),
        ],
    ),
    (
        "a few minutes ahead over the opening",
        &[
            ("2026-03-11T08:02:00+01:00", TEACHER),
            ("2026-03-11T07:55:00+01:00", &[]),
            ("2026-03-11T08:00:00+01:00", &[]),
        ],
    ),
    (
        "ahead into the weekend",
        &[
            ("2026-03-11T08:00:00+01:00", TEACHER),
            ("2026-03-14T12:00:00+01:00", &[]),
            ("2026-03-11T12:01:00+01:00", &[]),
        ],
    ),
    (
        "a year ahead, on a Sunday",
        &[
            ("2026-03-11T08:00:00+01:00", TEACHER),
            ("2027-03-14T12:00:00+01:00", &[]),
            ("2026-03-11T12:01:00+01:00", &[]),
        ],
    ),
    (
        "a year ahead before the first reminder, at night",
        &[
            ("2027-03-11T03:00:00+01:00", &[]),
            ("2026-03-11T07:59:00+01:00", &[]),
            ("2026-03-11T08:00:00+01:00", TEACHER),
        ],
    ),
    (
        "at its beginning",
        &[
            ("2026-03-11T08:00:00+01:00", TEACHER),
            ("1970-01-01T09:00:00+01:00", &[]),
            ("2026-03-11T08:01:00+01:00", &[]),
        ],
    ),
];

/// The recipients of the mails since `mails` mails ago, in order.
fn since(here: &Installation, mails: usize) -> Vec<String> {
    let mut told = here.recipients().split_off(mails);
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_wrong_is_forgotten_and_nothing_with_it() {
    for (clock, days) in CLOCKS {
        let here = Installation::with(FACTS).await;
        for (at, expected) in days.iter().chain(&REST) {
            let before = here.recipients().len();
            here.tick(at).await;
            assert_eq!(since(&here, before), *expected, "{clock}: at {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_under_a_wrong_clock_was_told() {
    // There is no telling such a clock from a year of standing still, and what left has left. What was only counted as
    // overtaken is told in its time.
    let days: [Day<'_>; 6] = [
        ("2026-03-11T08:00:00+01:00", TEACHER),
        ("2027-03-11T12:00:00+01:00", &["koord@k.example", "larer@k.example", "rektor@k.example"]),
        ("2026-03-11T12:01:00+01:00", &[]),
        ("2026-03-16T08:00:00+01:00", &[]),
        ("2026-03-17T08:00:00+01:00", HEAD),
        ("2026-03-23T08:00:00+01:00", BOTH_LEADERS),
    ];
    let here = Installation::with(FACTS).await;
    for (at, expected) in days {
        let before = here.recipients().len();
        here.tick(at).await;
        assert_eq!(since(&here, before), *expected, "at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_started_with_a_wrong_clock_is_made_up_for_by_the_next() {
    let here = Installation::with(FACTS).await;
    here.tick("2027-03-14T12:00:00+01:00").await;
    let here = here.restarted().await;
    for (at, expected) in [("2026-03-11T08:00:00+01:00", TEACHER)].iter().chain(&REST) {
        let before = here.recipients().len();
        here.tick(at).await;
        assert_eq!(since(&here, before), *expected, "at {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_relay_does_not_wait_for_a_wrong_clock() {
    for wrong in ["2027-03-14T12:00:00+01:00", "2027-03-11T12:00:00+01:00", "2027-03-11T22:00:00+01:00"] {
        let (here, port) = without_relay(FACTS, "").await;
        here.tick("2026-03-11T08:00:00+01:00").await;
        here.tick(wrong).await;
        let relay = Relay::on(port).await;
        here.tick("2026-03-11T09:00:00+01:00").await;
        // What was gathered under the wrong clock never left; what it took away is told in the next round at the latest.
        here.tick("2026-03-12T08:00:00+01:00").await;
        assert_eq!(relay.recipients(), TEACHER, "{wrong}");
        let text = relay.accepted().remove(0).text;
        assert!(text.contains("7F3K") && text.contains("9QX2"), "{wrong}");
        here.tick("2026-03-16T08:00:00+01:00").await;
        assert_eq!(relay.recipients().len(), 2, "{wrong}");
    }
}

/// Concerns whose day falls on the first morning after the clocks changed.
const CHANGES: &[(&str, &str, &str)] = &[
    ("2026-03-16", "2026-03-27T12:00:00+01:00", "2026-03-30T08:00:00+02:00"),
    ("2026-10-12", "2026-10-23T12:00:00+02:00", "2026-10-26T08:00:00+01:00"),
    ("2027-03-15", "2027-03-24T16:00:00+01:00", "2027-03-30T08:00:00+02:00"),
];

#[tokio::test(flavor = "multi_thread")]
async fn on_the_morning_after_the_clocks_change_a_round_is_at_eight_as_ever() {
    for (concern, from, morning) in CHANGES {
        let here = Installation::with(&FACTS.replace("\"2026-03-02\"", &format!("\"{concern}\""))).await;
        here.tick(from).await;
        let before = here.recipients().len();
        let (mut now, morning) = (instant(from), instant(morning));
        while now < morning + TimeDelta::hours(4) {
            now += TimeDelta::minutes(30);
            let mails = here.recipients().len();
            let tick = here.tick(&now.to_rfc3339()).await;
            let told = since(&here, mails);
            assert_eq!(!told.is_empty(), now == morning, "{now}: {told:?}");
            assert!(told.is_empty() || now.with_timezone(&Oslo).hour() == 8);
            // The loop would sleep until exactly that moment.
            let next = here.daemon.next_at(&tick.swept).await.unwrap().unwrap();
            assert!(now >= morning || next <= morning, "{now}: {next}");
        }
        assert_eq!(since(&here, before), TEACHER, "{concern}");
    }
}

/// Thirty holders with three cases each: one met, one due while nobody is there, one due later.
fn crowd() -> String {
    let mut facts: String =
        FACTS.lines().filter(|line| !line.contains("\"S-")).fold(String::new(), |all, line| all + line + "\n");
    for person in 0..30 {
        let _ = writeln!(
            facts,
            r#"{{"type":"person","tenant":"k","id":"p{person}","email":"p{person}@k.example","unit":"skole"}}"#
        );
        for (number, concern) in [(0, "2026-03-02"), (1, "2026-03-09"), (2, "2026-03-27")] {
            let id = format!("C-{person}-{number}");
            let _ = writeln!(
                facts,
                r#"{{"type":"case","tenant":"k","id":"{id}","ref":"{id}","unit":"skole","stafettholder":"p{person}","initiator":"p{person}"}}"#
            );
            let _ = writeln!(
                facts,
                r#"{{"type":"event","tenant":"k","case":"{id}","id":"e1","kind":"concern_raised","on":"{concern}"}}"#
            );
        }
        let _ = writeln!(
            facts,
            r#"{{"type":"event","tenant":"k","case":"C-{person}-0","id":"e2","kind":"decision_made","on":"2026-03-13","attributes":{{"outcome":"close"}}}}"#
        );
    }
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_weeks_of_standing_still_everybody_gets_one_message() {
    let here = Installation::with(&crowd()).await;
    here.tick("2026-03-09T08:00:00+01:00").await;
    assert!(here.recipients().is_empty());
    // Down until the first morning after Easter. 0: met; 1: two weeks overdue, of which the leader has not heard; 2: to come.
    here.tick("2026-04-07T08:00:00+02:00").await;
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (to, text) in here.mails() {
        told.entry(to).or_default().push(text);
    }
    assert!(told.values().all(|texts| texts.len() == 1), "one message a person");
    for person in 0..30 {
        let text = &told[&format!("p{person}@k.example")][0];
        let has = [0, 1, 2].map(|number| text.contains(&format!("C-{person}-{number}:")));
        assert_eq!(has, [false, true, true], "{text}");
    }
    let before = here.recipients().len();
    here.tick("2026-04-07T12:00:00+02:00").await;
    assert_eq!(here.recipients().len(), before);
    // Nothing was sent twice, and nothing is on its way any more.
    let notices = here.daemon.store.list_notices(&NoticeFilter::default()).await.unwrap();
    assert!(notices.iter().all(|notice| matches!(&*notice.state, "sent" | "done")), "{notices:?}");
}
