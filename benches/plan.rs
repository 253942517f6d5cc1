//! The engine alone: one case of about five events, under a pack of six rules that apply.
//!
//! `cargo bench --bench plan`. Targets: a plan ≤ 3 µs, with its proof written out ≤ 15 µs, a condition ≤ 100 ns.

use std::hint::black_box;
use std::io::BufReader;
use std::sync::OnceLock;

use divan::Bencher;
use fristvakt::calendar::Instant;
use fristvakt::engine::{Municipality, Occasion, explain, plan};
use fristvakt::facts::World;
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::{RuleSet, load};

fn main() {
    divan::main();
}

/// Six rules: a decision, a conversation, a meeting, a consent that may be earlier, an agreed evaluation, the next one.
const PACK: &str = r#"
[pack]
id = "bench"
calendar = "norway"
roll = "forward"
stops_on = ["case_closed"]
reopens_on = ["case_reopened"]
pauses = { from = "case_paused", until = "case_resumed" }
escalation_grace = "1wd"
[ladder]
standard = [
  { at = "-3wd", to = "responsible" },
  { at = "0d", to = "responsible" },
  { at = "+1wd", to = "leader", as = "escalation" },
  { at = "+1w", to = ["leader", "coordinator"], as = "escalation", every = "1w", times = 4 },
]
[[rule]]
id = "decision"
from = "concern_raised"
within = "14d"
met_by = "decision_made"
[[rule]]
id = "conversation"
from = "concern_raised"
unless = { case.school_environment = true }
within = "4w"
met_by = "conversation_held"
[[rule]]
id = "meeting"
from = "decision_made"
unless = { start.outcome = "close" }
within = "20wd"
met_by = "cooperation_meeting_held"
[[rule]]
id = "consent"
from = "decision_made"
within = "0d"
met_by = { event = "consent_given", earlier = true, undone_by = "consent_withdrawn" }
[[rule]]
id = "evaluation"
from = { event = "evaluation_planned", date = "planned_for" }
within = "0d"
met_by = "evaluation_held"
[[rule]]
id = "next-evaluation"
from = ["decision_made", "evaluation_held"]
unless = { start.outcome = "close" }
within = "5wd"
met_by = "evaluation_planned"
"#;

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
"#;

struct Scene {
    rules: RuleSet,
    world: World,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let shipped = fristvakt::rules::embedded();
        let words = shipped
            .files
            .into_iter()
            .filter(|(path, _)| &**path == "vocabulary.toml" || path.starts_with("calendars/"));
        let files = words.chain([("bench.toml".into(), PACK.to_owned())]).collect();
        let (rules, _) = load(RuleFiles::new(files), str::to_owned).unwrap_or_else(|report| panic!("{report}"));
        let world = World::load(BufReader::new(FACTS.trim().as_bytes()), &rules);
        let world = world.unwrap_or_else(|errors| panic!("{errors:?}"));
        Scene { rules, world }
    })
}

fn now() -> Instant {
    chrono::DateTime::parse_from_rfc3339("2026-03-20T08:00:00+01:00").map(|now| now.to_utc()).unwrap_or_default()
}

fn with_case(bencher: Bencher<'_, '_>, work: impl Fn(&Municipality<'_>, &fristvakt::case::CaseFile) + Sync) {
    let scene = scene();
    let facts = &scene.world.municipalities[0];
    let Ok(municipality) = Municipality::new(&scene.rules, &facts.organisation) else { return };
    bencher.bench_local(|| work(black_box(&municipality), black_box(&facts.cases[0])));
}

#[divan::bench]
fn plan_of_one_case(bencher: Bencher<'_, '_>) {
    with_case(bencher, |municipality, case| drop(black_box(plan(municipality, case, &[], now(), Occasion::Between))));
}

#[divan::bench]
fn plan_without_deviations(bencher: Bencher<'_, '_>) {
    with_case(bencher, |municipality, case| {
        drop(black_box(fristvakt::engine::plan_notices(municipality, case, &[], now(), Occasion::Between)));
    });
}

#[divan::bench]
fn plan_with_the_written_out_proof(bencher: Bencher<'_, '_>) {
    with_case(bencher, |municipality, case| drop(black_box(explain(municipality, case, &[], now()))));
}
