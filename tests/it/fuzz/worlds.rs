//! Odd facts that are valid all the same: dates at the edges, changes of the clock, absurd absences, circles of units and
//! deputies, thousands of events. Plans, explanations and simulations of them come to an end.

use std::sync::LazyLock;

use fristvakt::engine::{Municipality, Occasion, explain, plan};
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::rules::RuleSet;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use super::base::{day, live, noon};
use super::cases;
use crate::language::Description;

/// Every form of start, spans that lead beyond all calendars, and ladders that never stop.
const RULES_TEXT: &str = r#"
says = ""
pack.roll = "forward"
pack.escalation_grace = "2wd"
[ladder]
standard = [
  { at = "-3wd", to = "responsible" }, { at = "0d", to = ["responsible", "unit", "next_leader"] },
  { at = "+1w", to = ["leader", "coordinator"], as = "escalation", every = "1y", times = 3 },
]
endless = [{ at = "0d", to = "responsible" }, { at = "+1wd", to = "leader", as = "escalation", every = "9mo" }]
hurry = [
  { at = "start", to = "responsible", urgent = true }, { at = "-2h", to = "responsible", urgent = true },
  { at = "+100000h", to = "contact:x", urgent = true, every = "10y", times = 5 },
]
far = [{ at = "-100000y", to = "initiator" }, { at = "+100000y", to = "leader", every = "100000y", times = 10000 }]
[[rule]]
id = "each"
ladder = "endless"
[[rule]]
id = "last"
from = { last_of = ["started", "restarted"] }
within = "-2mo"
met_by = { all_of = ["done", "held"] }
roll = "back"
[[rule]]
id = "date"
from = { event = "planned", date = "planned_for" }
within = "0wd"
met_by = { event = "done", match = ["service"], count = 2 }
[[rule]]
id = "age"
from = { case = "born_on" }
within = "100y"
ladder = "far"
[[rule]]
id = "beyond"
within = "100000y"
ladder = "far"
[[rule]]
id = "behind"
within = "-100000y"
ladder = "far"
[[rule]]
id = "then"
from = { due_of = "beyond" }
within = "100000y"
[[rule]]
id = "after"
from = { due_of = "then" }
within = "100000y"
ladder = "far"
[[rule]]
id = "easter"
ladder = "none"
from = { yearly = { easter = 366 } }
within = "0d"
opens = "-300d"
[[rule]]
id = "leap"
ladder = "none"
from = { yearly = "02-29" }
within = "1mo"
met_by = "held"
[[rule]]
id = "school-year"
ladder = "none"
from = { every = "school_year" }
within = "10wd"
stops_on = ["done"]
[[rule]]
id = "free"
from = { every = "10000d", since = 0001-01-01 }
within = "5d"
[[rule]]
id = "hours"
within = "100000h"
ladder = "hurry"
[[rule]]
id = "growing"
within = ["0d", "1h", "2w", "3wd", "-1mo"]
sequence_from = ["restarted", "held"]
snap = { weekday = "mon", direction = "back" }
earliest = "100wd"
[[rule]]
id = "consent"
met_by = { event = "done", earlier = true, match = ["service"], undone_by = "undone", expires = "valid_until" }
[[rule]]
id = "state"
met_when = { holder = { staffed = true } }
unless = { unit = { parent = "u1" } }
"#;

static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let description = Description::parse(RULES_TEXT);
    description.load_rules().unwrap_or_else(|report| panic!("{report}")).0
});

fn date() -> impl Strategy<Value = String> {
    // A case that is open for a century takes its time; now and then is enough.
    const OLD: [&str; 3] = ["1900-01-01", "1900-02-28", "1945-05-08"];
    const EDGES: [&str; 13] = [
        "1999-12-31",
        "2000-02-29",
        "2011-12-30",
        "2026-02-28",
        "2026-03-01",
        "2026-03-29",
        "2026-10-25",
        "2026-12-31",
        "2027-01-01",
        "2028-02-29",
        "2090-12-31",
        "2199-12-31",
        "2199-01-01",
    ];
    let near = (0i64..500).prop_map(|days| (day("2025-09-01") + chrono::TimeDelta::days(days)).to_string());
    prop_oneof![1 => select(&OLD).prop_map(str::to_owned), 120 => select(&EDGES).prop_map(str::to_owned), 480 => near]
}

fn instant() -> impl Strategy<Value = String> {
    let time = prop_oneof![
        Just("00:00:00".to_owned()),
        (0u32..24, 0u32..60).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}:59.999999999")),
        Just("02:30:00".to_owned()),
        Just("23:59:60".to_owned()),
    ];
    let offset = select(&["Z", "+01:00", "+02:00", "-11:00", "+14:00"]);
    (date(), time, offset).prop_map(|(date, time, offset)| format!("{date}T{time}{offset}"))
}

/// A record without the fields that are null.
fn record(mut fields: Json) -> String {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields.to_string()
}

fn tenant() -> impl Strategy<Value = String> {
    const ZONES: [&str; 8] = [
        "Europe/Oslo",
        "Europe/Oslo",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Africa/Casablanca",
        "Antarctica/Troll",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    ];
    let hours = select(&["08:00-16:00", "00:00-00:01", "23:58-23:59", "02:30-03:00"]);
    (select(&ZONES), hours, weighted(0.4, date()), select(&["norway", "every-day", "school"])).prop_map(
        |(zone, hours, go_live, calendar)| {
            record(json!({
                "type": "tenant", "id": "t", "packs": ["p"], "coordinator": "p0", "contacts": { "x": "p5" },
                "fallback": "post@t.example", "mail_domains": ["t.example"], "time_zone": zone, "go_live": go_live,
                "delivery": { "hours": hours, "calendar": calendar },
            }))
        },
    )
}

fn number(prefix: char) -> impl Strategy<Value = String> {
    (0u32..5).prop_map(move |number| format!("{prefix}{number}"))
}

fn unit() -> impl Strategy<Value = String> {
    let recorded = weighted(0.3, instant());
    (number('u'), weighted(0.8, number('u')), weighted(0.8, number('p')), recorded, any::<bool>()).prop_map(
        |(id, parent, leader, recorded_at, staffed)| {
            record(json!({
                "type": "unit", "tenant": "t", "id": id, "parent": parent, "leader": leader, "recorded_at": recorded_at,
                "email": "u@t.example", "attributes": { "staffed": staffed },
            }))
        },
    )
}

fn person() -> impl Strategy<Value = String> {
    let absence = (date(), date(), weighted(0.8, number('p')), any::<bool>()).prop_map(|(one, other, deputy, ends)| {
        let to = ends.then(|| one.clone().max(other.clone()));
        json!({ "from": one.min(other), "to": to, "deputy": deputy })
    });
    let domain = select(&["t.example", "T.EXAMPLE", "t.example", "other.example"]);
    (number('p'), domain, vec(absence, 0..4), weighted(0.7, number('u')), weighted(0.3, instant())).prop_map(
        |(id, domain, absent, unit, recorded_at)| {
            let email = format!("{id}@{domain}");
            record(json!({
                "type": "person", "tenant": "t", "id": id, "email": email, "absent": absent, "unit": unit,
                "recorded_at": recorded_at,
            }))
        },
    )
}

fn case() -> impl Strategy<Value = String> {
    let people = (weighted(0.9, number('p')), weighted(0.8, number('p')), weighted(0.8, number('u')));
    (people, select(&["child", "committee", "routine"]), weighted(0.5, date()), weighted(0.4, instant())).prop_map(
        |((holder, initiator, unit), subject, born_on, recorded_at)| {
            record(json!({
                "type": "case", "tenant": "t", "id": "S", "unit": unit, "stafettholder": holder, "initiator": initiator,
                "subject": subject, "attributes": { "born_on": born_on }, "recorded_at": recorded_at,
            }))
        },
    )
}

fn event() -> impl Strategy<Value = String> {
    const KINDS: [&str; 14] = [
        "started",
        "started",
        "restarted",
        "done",
        "held",
        "planned",
        "undone",
        "paused",
        "resumed",
        "closed",
        "reopened",
        "deadline_extended",
        "rule_exempted",
        "revoked",
    ];
    let when = prop_oneof![date().prop_map(|on| (Some(on), None)), instant().prop_map(|at| (None, Some(at)))];
    (0u32..12, select(&KINDS), when, weighted(0.4, instant()), date(), select(&["a", "b"])).prop_map(
        |(id, kind, (on, at), recorded_at, other, service)| {
            let id = format!("e{id}");
            if kind == "revoked" {
                let fields = json!({ "type": "event", "tenant": "t", "case": "S", "id": id, "revoked": true, "recorded_at": recorded_at });
                return record(fields);
            }
            let attributes = match kind {
                "started" | "restarted" | "undone" => json!({ "service": service }),
                "done" => json!({ "service": service, "valid_until": other }),
                "planned" => json!({ "service": service, "planned_for": other }),
                "deadline_extended" => json!({ "rule": "each", "until": other }),
                "rule_exempted" => json!({ "rule": "p/date", "start": id }),
                _ => json!({}),
            };
            record(json!({
                "type": "event", "tenant": "t", "case": "S", "id": id, "kind": kind, "on": on, "at": at,
                "recorded_at": recorded_at, "attributes": attributes,
            }))
        },
    )
}

/// Every unit and person that others may name, the case, and then whatever changes them.
fn facts() -> impl Strategy<Value = String> {
    let all = (0..5).map(|number| record(json!({ "type": "unit", "tenant": "t", "id": format!("u{number}") })));
    let all: Vec<String> = all.collect();
    (tenant(), vec(unit(), 0..8), vec(person(), 0..8), vec(case(), 1..4), vec(event(), 0..24)).prop_map(
        move |(tenant, units, persons, cases, events)| {
            [vec![tenant], all.clone(), units, persons, cases, events].concat().join("\n")
        },
    )
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn odd_facts_are_lived_with(facts in facts(), now in select(&["1900-01-02", "2026-03-16", "2027-06-01"])) {
        let world = match World::load(facts.as_bytes(), &RULES) {
            Ok(world) => world,
            Err(errors) => panic!("{errors:?}\n{facts}"),
        };
        live(&RULES, &world, noon(now));
    }
}

fn lines(kind: &str, number: usize, on: impl Fn(usize) -> String) -> String {
    let line = |id| {
        let fields = json!({ "type": "event", "tenant": "t", "case": "S", "id": format!("{kind}{id}"), "kind": kind, "on": on(id) });
        format!("{fields}\n")
    };
    (0..number).map(line).collect()
}

/// A year typed wrong, and a ladder that reminds every week until the obligation ends: thousands of steps at once, of
/// which one goes out.
#[test]
fn a_date_a_century_ago_does_not_hang_a_plan() {
    let text = r#"
says = ""
ladder.standard = [{ at = "0d", to = "responsible" }, { at = "+1w", to = "leader", as = "escalation", every = "1w" }]
rule = [{}]
"#;
    let description = Description::parse(text);
    let rules = description.load_rules().unwrap().0;
    let facts = description.facts() + &lines("started", 1, |_| "1926-03-02".to_owned());
    let world = World::load(facts.as_bytes(), &rules).unwrap();
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&rules, &facts.organisation).unwrap();
    let now = municipality.opening(day("2026-03-02"));
    let first = plan(&municipality, &facts.cases[0], &[], now, Occasion::Round);
    assert!(first.handled.len() > 5000 && first.notices.len() == 2, "{}", first.notices.len());
    let second = plan(&municipality, &facts.cases[0], &first.handled, now, Occasion::Round);
    assert_eq!(second.notices, vec![]);
    assert_eq!(explain(&municipality, &facts.cases[0], &first.handled, now)[0].pending.len(), 1);
}

/// Time grows with the cube of a case's events: a few hundred take a moment, many thousands would not.
#[test]
fn a_case_with_many_events_does_not_hang_a_plan() {
    let rules = RulesFolder::open(None).unwrap().load().unwrap().0;
    let head = r#"{"type":"tenant","id":"t","packs":["sokndal"],"fallback":"a@t.example","mail_domains":["t.example"]}
{"type":"case","tenant":"t","id":"S"}
"#;
    let on = |id: usize| (day("2020-01-01") + chrono::TimeDelta::days(i64::try_from(id).unwrap() * 9)).to_string();
    let facts = format!("{head}{}{}", lines("concern_raised", 40, on), lines("decision_made", 40, on));
    let world = World::load(facts.as_bytes(), &rules).unwrap();
    live(&rules, &world, noon("2026-03-02"));
}
