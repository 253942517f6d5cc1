//! The engine alone: one case of about five events, under a pack of six rules that apply.
//!
//! `cargo bench --bench plan`. Targets: a plan ≤ 3 µs, with its proof written out ≤ 15 µs, a condition ≤ 100 ns.

mod scene;

use std::hint::black_box;
use std::sync::OnceLock;

use divan::Bencher;
use fristvakt::calendar::Instant;
use fristvakt::case::CaseFile;
use fristvakt::engine::{Municipality, Occasion, explain, plan, plan_notices};
use fristvakt::rules::{Field, FieldValue};

use scene::Scene;

fn main() {
    divan::main();
}

/// Four cases: one that is under way, one that was closed with everything done, one where something was late and
/// something is overdue, and the same with a correction, so that what was known when matters.
const FACTS: &str = r#"
{"type":"tenant","id":"k","packs":["bench"],"coordinator":"koord","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}
{"type":"unit","tenant":"k","id":"skole","leader":"rektor"}
{"type":"person","tenant":"k","id":"rektor","email":"rektor@k.example","unit":"skole"}
{"type":"person","tenant":"k","id":"koord","email":"koord@k.example","unit":"skole"}
{"type":"person","tenant":"k","id":"larer","email":"larer@k.example","unit":"skole"}
{"type":"case","tenant":"k","id":"S-1","ref":"R1","unit":"skole","stafettholder":"larer","initiator":"larer"}
{"type":"event","tenant":"k","case":"S-1","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-03T09:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"consent_given","on":"2026-03-09","recorded_at":"2026-03-09T10:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-1","id":"e3","kind":"conversation_held","on":"2026-03-10","recorded_at":"2026-03-10T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-1","id":"e4","kind":"decision_made","on":"2026-03-12","recorded_at":"2026-03-12T09:00:00+01:00","attributes":{"outcome":"measures"}}
{"type":"event","tenant":"k","case":"S-1","id":"e5","kind":"evaluation_planned","on":"2026-03-16","recorded_at":"2026-03-16T09:00:00+01:00","attributes":{"planned_for":"2026-05-11"}}
{"type":"case","tenant":"k","id":"S-2","ref":"R2","unit":"skole","stafettholder":"larer","initiator":"larer"}
{"type":"event","tenant":"k","case":"S-2","id":"e1","kind":"concern_raised","on":"2026-01-12","recorded_at":"2026-01-12T09:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-2","id":"e2","kind":"conversation_held","on":"2026-01-19","recorded_at":"2026-01-20T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-2","id":"e3","kind":"consent_given","on":"2026-01-19","recorded_at":"2026-01-20T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-2","id":"e4","kind":"decision_made","on":"2026-01-22","recorded_at":"2026-01-22T09:00:00+01:00","attributes":{"outcome":"close"}}
{"type":"event","tenant":"k","case":"S-2","id":"e5","kind":"case_closed","on":"2026-01-26","recorded_at":"2026-01-26T09:00:00+01:00"}
{"type":"case","tenant":"k","id":"S-3","ref":"R3","unit":"skole","stafettholder":"larer","initiator":"larer"}
{"type":"event","tenant":"k","case":"S-3","id":"e1","kind":"concern_raised","on":"2026-01-12","recorded_at":"2026-01-12T09:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-3","id":"e2","kind":"conversation_held","on":"2026-02-20","recorded_at":"2026-02-20T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-3","id":"e3","kind":"consent_given","on":"2026-02-23","recorded_at":"2026-02-23T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-3","id":"e4","kind":"decision_made","on":"2026-02-26","recorded_at":"2026-02-26T09:00:00+01:00","attributes":{"outcome":"measures"}}
{"type":"event","tenant":"k","case":"S-3","id":"e5","kind":"evaluation_planned","on":"2026-03-09","recorded_at":"2026-03-09T09:00:00+01:00","attributes":{"planned_for":"2026-03-16"}}
{"type":"case","tenant":"k","id":"S-4","ref":"R4","unit":"skole","stafettholder":"larer","initiator":"larer"}
{"type":"event","tenant":"k","case":"S-4","id":"e1","kind":"concern_raised","on":"2026-01-12","recorded_at":"2026-01-12T09:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-4","id":"e2","kind":"conversation_held","on":"2026-02-20","recorded_at":"2026-02-20T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-4","id":"e2","kind":"conversation_held","on":"2026-01-20","recorded_at":"2026-03-02T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-4","id":"e3","kind":"consent_given","on":"2026-02-23","recorded_at":"2026-02-23T12:00:00+01:00"}
{"type":"event","tenant":"k","case":"S-4","id":"e4","kind":"decision_made","on":"2026-02-26","recorded_at":"2026-02-26T09:00:00+01:00","attributes":{"outcome":"measures"}}
{"type":"event","tenant":"k","case":"S-4","id":"e5","kind":"evaluation_planned","on":"2026-03-09","recorded_at":"2026-03-09T09:00:00+01:00","attributes":{"planned_for":"2026-03-16"}}
"#;

/// On this day the case that is under way has two obligations running, and the late one an overdue one.
fn now() -> Instant {
    chrono::DateTime::parse_from_rfc3339("2026-03-20T08:00:00+01:00").map(|now| now.to_utc()).unwrap_or_default()
}

fn with_case(bencher: Bencher<'_, '_>, id: &str, work: impl Fn(&Municipality<'_>, &CaseFile) + Sync) {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    let scene = SCENE.get_or_init(|| Scene::new(FACTS));
    let facts = &scene.world.municipalities[0];
    let Ok(municipality) = Municipality::new(&scene.rules, &facts.organisation) else { return };
    let Some(case) = facts.cases.iter().find(|case| *case.id == *id) else { return };
    bencher.bench_local(|| work(black_box(&municipality), black_box(case)));
}

fn plan_of(bencher: Bencher<'_, '_>, id: &str) {
    let now = now();
    with_case(bencher, id, |municipality, case| {
        drop(black_box(plan(municipality, case, &[], now, Occasion::Between)));
    });
}

#[divan::bench]
fn plan_of_one_case(bencher: Bencher<'_, '_>) {
    plan_of(bencher, "S-1");
}

#[divan::bench]
fn plan_of_a_closed_case(bencher: Bencher<'_, '_>) {
    plan_of(bencher, "S-2");
}

#[divan::bench]
fn plan_of_a_case_with_lapses(bencher: Bencher<'_, '_>) {
    plan_of(bencher, "S-3");
}

#[divan::bench]
fn plan_of_a_case_with_lapses_and_a_correction(bencher: Bencher<'_, '_>) {
    plan_of(bencher, "S-4");
}

#[divan::bench]
fn plan_without_deviations(bencher: Bencher<'_, '_>) {
    let now = now();
    with_case(bencher, "S-1", |municipality, case| {
        drop(black_box(plan_notices(municipality, case, &[], now, Occasion::Between)));
    });
}

#[divan::bench]
fn plan_with_the_written_out_proof(bencher: Bencher<'_, '_>) {
    let now = now();
    with_case(bencher, "S-1", |municipality, case| drop(black_box(explain(municipality, case, &[], now))));
}

/// `unless = { case.school_environment = true }` on the record that is known.
#[divan::bench]
fn one_condition(bencher: Bencher<'_, '_>) {
    let now = now();
    with_case(bencher, "S-1", |municipality, case| {
        let condition = municipality.rules.rules.iter().find_map(|rule| rule.unless.as_ref());
        let record = case.records.at(now);
        let read = |_, field| match (record, field) {
            (Some(record), Field::Attribute(id)) => record.attributes.get(id).map(FieldValue::from),
            _ => None,
        };
        black_box(condition.map(|condition| condition.holds(read)));
    });
}
