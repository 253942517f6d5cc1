//! The register of deviations against a second, slow one that goes through every instant at which anything can change
//! and writes down what it sees (`rule-language` § 10).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::TimeDelta;
use chrono_tz::Europe::Oslo;
use fristvakt::calendar::{Instant, first_instant};
use fristvakt::case::CaseFile;
use fristvakt::engine::{Municipality, Occasion, plan, plan_notices};
use fristvakt::facts::World;
use fristvakt::obligation::{Closing, Deviation, LateUntil, Obligation, RuleIndex, Status};
use fristvakt::rules::RuleSet;
use proptest::prelude::*;

use super::laws::{RECURRING_TEXT, RULES_TEXT, day, events, facts, moment, records, rules};
use super::world::instant;

/// Where due dates lie before starts, and where only committees have periods.
const MORE: &str = r#"
[[rule]]
id = "late-from-the-start"
within = "-2d"
[[rule]]
id = "agreed-hours"
from = { event = "planned", date = "planned_for" }
within = "30h"
met_by = "held"
[[rule]]
id = "after-age"
from = { due_of = "age" }
within = "5wd"
met_by = "held"
[[rule]]
id = "twice"
within = "8d"
met_by = { event = "held", count = 2 }
[[rule]]
id = "committee"
from = { every = "month" }
within = "0d"
when = { case.subject = "committee" }
"#;

/// Where a state meets it at a time that nothing else decides: of these the past is always gone through.
const STATES: &str = r#"
[[rule]]
id = "state-of-age"
from = { case = "born_on" }
within = "192mo"
met_when = { case.flag = true }
[[rule]]
id = "state-on-the-day"
from = { case = "born_on" }
within = "2d"
met_when = { case.flag = true }
[[rule]]
id = "state-or-event"
within = "3d"
met_when = { case.flag = true }
met_by = "done"
"#;

static ONCE: LazyLock<RuleSet> = LazyLock::new(|| rules(&[RULES_TEXT, MORE]));
static ALL: LazyLock<RuleSet> = LazyLock::new(|| rules(&[RULES_TEXT, MORE, STATES, RECURRING_TEXT]));
static STATE: LazyLock<RuleSet> = LazyLock::new(|| rules(&["says = \"\"\n", STATES]));

/// Looks again and again: nothing changes between an instant and the next one that the plan names.
fn slow_register(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Vec<Deviation> {
    let mut found: BTreeMap<(RuleIndex, Arc<str>), Vec<Deviation>> = BTreeMap::new();
    let mut next = Some(first_instant(municipality.zone(), day(-10_000)));
    while let Some(at) = next.filter(|at| *at <= now) {
        let seen = plan_notices(municipality, case, &[], at, Occasion::Between);
        let recorded = seen.obligations.iter().filter(|one| municipality.rules.rule(one.rule).deviation);
        let lapses: Vec<&Obligation> = recorded.filter(|obligation| obligation.status.is_lapse()).collect();
        for obligation in &lapses {
            record(found.entry((obligation.rule, obligation.start.clone())).or_default(), obligation, at);
        }
        for ((rule, start), deviations) in &mut found {
            let is_lapse = lapses.iter().any(|one| one.rule == *rule && one.start == *start);
            if let Some(last) = deviations.last_mut().filter(|last| !is_lapse && !is_withdrawn(last)) {
                last.closed = Some((at, Closing::Withdrawn));
                last.late_until = LateUntil::NotLate;
            }
        }
        next = seen.next_at;
    }
    found.into_values().flatten().collect()
}

fn record(deviations: &mut Vec<Deviation>, obligation: &Obligation, at: Instant) {
    let due_on = obligation.due.expect("a lapse has a due date").on;
    if deviations.last().is_none_or(is_withdrawn) {
        deviations.push(Deviation {
            rule: obligation.rule,
            start: obligation.start.clone(),
            number: u32::try_from(deviations.len()).expect("few"),
            opened_at: at,
            due_on,
            closed: None,
            late_until: LateUntil::Today,
        });
    }
    let last = deviations.last_mut().expect("one");
    let first_met = last.closed.unwrap_or((at, Closing::MetLate));
    last.due_on = due_on;
    last.closed = (obligation.status == Status::MetLate).then_some(first_met);
    let over = match obligation.status {
        Status::MetLate => obligation.met_on,
        _ => obligation.stopped_on,
    };
    last.late_until = over.map_or(LateUntil::Today, LateUntil::Day);
}

fn is_withdrawn(deviation: &Deviation) -> bool {
    matches!(deviation.closed, Some((_, Closing::Withdrawn)))
}

/// Events as most cases have them: one after the other, typed in soon, nothing corrected.
fn told_straight() -> impl Strategy<Value = Vec<Vec<String>>> {
    const KINDS: [&str; 11] =
        ["started", "started", "restarted", "done", "done", "held", "held", "planned", "undone", "closed", "reopened"];
    let gap = prop_oneof![2 => Just(0i64), 3 => 0i64..8];
    let delay = prop_oneof![4 => Just(0i64), 1 => 0i64..25];
    let event = (0..KINDS.len(), gap, proptest::option::of(0u32..24), delay, 0i64..60);
    proptest::collection::vec(event, 0..14).prop_map(|events| {
        let (mut on, mut recorded_on) = (0, 0);
        let lines = events.into_iter().enumerate().map(|(number, (kind, gap, hour, delay, other))| {
            let kind = KINDS[kind];
            on += gap;
            recorded_on = recorded_on.max(on + delay);
            let time = hour.map_or_else(|| day(on).to_string(), |hour| format!("{}T{hour:02}:30", day(on)));
            // Within a day in the order of the numbers, and after whatever hour it happened at.
            let recorded = format!("{}T23:{:02}", day(recorded_on), 31 + number);
            let attributes = match kind {
                "started" | "restarted" => format!(" service={}", if other % 2 == 0 { "a" } else { "b" }),
                "undone" | "done" => " service=a".to_owned(),
                "planned" => format!(" planned_for={}", day(on + other - 5)),
                _ => String::new(),
            };
            vec![format!("e{number} {kind} {time} @{recorded}{attributes}")]
        });
        lines.collect()
    })
}

/// Records that never change, known from the beginning or from a day on.
fn unchanged_records() -> impl Strategy<Value = String> {
    (any::<bool>(), any::<bool>(), proptest::option::of(0i64..40)).prop_map(|(committee, flag, recorded)| {
        let subject = if committee { "committee" } else { "child" };
        let recorded = recorded.map_or_else(String::new, |on| format!(", recorded_at = {}T10:00:00", day(on)));
        format!(
            "says = \"\"\ncase = [{{ subject = \"{subject}\", \
             attributes = {{ born_on = 2010-02-20, flag = {flag} }}{recorded} }}]\n"
        )
    })
}

fn agree(rules: &'static RuleSet, facts: &str, now: Instant) {
    let world = World::load(facts.as_bytes(), rules).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(rules, &facts.organisation).expect("a municipality");
    let case = &facts.cases[0];
    let slow = slow_register(&municipality, case, now);
    assert_eq!(plan(&municipality, case, &[], now, Occasion::Between).deviations, slow);
    // An instant before anything is due, or recorded, is where mistakes hide.
    let turns = slow.iter().flat_map(|one| [Some(one.opened_at), one.closed.map(|(at, _)| at)]).flatten();
    for instant in turns.take(3) {
        for now in [instant, instant - TimeDelta::seconds(1)] {
            let slow = slow_register(&municipality, case, now);
            assert_eq!(plan(&municipality, case, &[], now, Occasion::Between).deviations, slow, "at {now}");
        }
    }
}

/// Cases of which what is known now does not say how it came, each for one reason: records, events.
const NOT_STRAIGHT: [(&str, &str); 12] = [
    // Closed and done on one day, and the closing became known first: withdrawn then, and not with the meeting.
    (
        "",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 closed 2026-01-10T10:30 @2026-01-25T12:00
         e2 done 2026-01-10T12:30 @2026-01-30T12:00",
    ),
    // A newer date and the meeting on one day.
    (
        "",
        "e0 planned 2026-01-05 @2026-01-05T12:00 planned_for=2026-01-20
         e1 planned 2026-01-12T10:30 @2026-01-25T12:00 planned_for=2026-02-20
         e2 held 2026-01-12T12:30 @2026-01-30T12:00",
    ),
    // A case date: closed in time, open again when it was due, and closed again.
    (
        "case = [{ attributes = { born_on = 2010-02-20 } }]",
        "e0 closed 2026-02-10 @2026-02-10T12:00
         e1 reopened 2026-03-10 @2026-03-10T12:00
         e2 closed 2026-03-20 @2026-03-20T12:00",
    ),
    // A period that lapsed, and then it became known that the case had been closed before it began.
    (
        "tenant.go_live = 2026-02-01\ncase = [{ subject = \"committee\" }]",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 closed 2026-01-28 @2026-03-10T12:00",
    ),
    // The record changed: the rule applied, and lapsed, until then.
    (
        "case = [{ attributes = { word = \"y\" } }, { attributes = { word = \"x\" }, recorded_at = 2026-02-10T10:00:00 }]",
        "e0 started 2026-01-05 @2026-01-05T12:00",
    ),
    // The case became known after its events.
    ("case = [{ recorded_at = 2026-02-15T10:00:00 }]", "e0 started 2026-01-05 @2026-01-05T12:00"),
    // A state met it when the case became known, and then it became known that the case had been closed before.
    (
        "case = [{ attributes = { flag = true }, recorded_at = 2026-01-09T10:00:00 }]",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 closed 2026-01-05 @2026-02-20T12:00",
    ),
    // A pause that became known when it was overdue, and ended.
    (
        "",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 paused 2026-01-10 @2026-02-01T12:00
         e2 resumed 2026-02-10 @2026-02-10T12:00",
    ),
    // An extension that became known when it was overdue.
    (
        "",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 deadline_extended 2026-01-20 @2026-01-20T12:00 rule=p/each until=2026-02-10",
    ),
    // A correction: done in time after all.
    (
        "",
        "e0 started 2026-01-05 @2026-01-05T12:00
         e1 done 2026-01-20 @2026-01-20T12:00
         e1 done 2026-01-12 @2026-02-01T12:00",
    ),
    // An earlier first event became known later.
    (
        "",
        "e0 started 2026-01-12 @2026-01-12T12:00
         e1 started 2026-01-05 @2026-01-30T12:00",
    ),
    // Recorded before it happened: what undoes the consent counts only from then on.
    (
        "",
        "e0 done 2026-01-05 @2026-01-05T12:00 service=a
         e1 undone 2026-02-20 @2026-01-06T12:00 service=a
         e2 started 2026-03-02 @2026-01-07T12:00 service=a",
    ),
];

fn agree_on(rules: &'static RuleSet, records: &str, events: &str) {
    let events: Vec<Vec<String>> = events.lines().map(|line| vec![line.trim().to_owned()]).collect();
    agree(rules, &facts(&format!("says = \"\"\n{records}\n"), &events), instant("2026-04-20T12:00", Oslo));
}

#[test]
fn s10_the_register_agrees_with_a_slow_one_where_what_is_known_now_does_not_say() {
    for (records, events) in NOT_STRAIGHT {
        agree_on(&ONCE, records, events);
    }
    // A state met it on its day, and then it became known that the case had been closed before.
    let records = "case = [{ attributes = { born_on = 2026-02-10, flag = true } }]";
    agree_on(&STATE, records, "e0 closed 2026-02-05 @2026-03-01T12:00");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s10_the_register_agrees_with_a_slow_one_on_cases_told_straight(
        records in unchanged_records(), events in told_straight(), now in moment(),
    ) {
        agree(&ONCE, &facts(&records, &events), now);
    }

    #[test]
    fn s10_the_register_agrees_with_a_slow_one_whatever_was_corrected(
        records in prop_oneof![records(), unchanged_records()],
        events in prop_oneof![events(), told_straight()],
        all in any::<bool>(),
        now in moment(),
    ) {
        agree(if all { &ALL } else { &ONCE }, &facts(&records, &events), now);
    }
}
