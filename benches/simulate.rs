//! A year of 100,000 cases, one after the other on one core: what `fristvakt simulate` does, without reading and printing.
//!
//! `cargo bench --bench simulate` shows cases per second.

#[path = "scene/chance.rs"]
mod chance;
mod scene;

use std::fmt::Write;
use std::hint::black_box;
use std::sync::OnceLock;

use chrono::{NaiveDate, TimeDelta};
use divan::Bencher;
use divan::counter::ItemsCount;
use fristvakt::engine::Municipality;
use fristvakt::simulate::{Stretch, run_case};

use chance::Chance;
use scene::Scene;

fn main() {
    divan::main();
}

const CASES: u32 = 100_000;
/// Schools, each with a leader and five teachers.
const SCHOOLS: u32 = 200;

/// Writes the events of one case.
struct Story<'a> {
    facts: &'a mut String,
    case: u32,
    number: u32,
}

impl Story<'_> {
    /// An event that was typed in on its day at noon, or some days later.
    fn tell(&mut self, kind: &str, on: NaiveDate, chance: &mut Chance, attributes: &str) {
        let delay = if chance.percent(20) { chance.below(6).into() } else { 0 };
        let recorded = on + TimeDelta::days(delay);
        self.number += 1;
        let _ = writeln!(
            self.facts,
            r#"{{"type":"event","tenant":"k","case":"S-{}","id":"e{}","kind":"{kind}","on":"{on}","recorded_at":"{recorded}T12:{:02}:00+01:00","attributes":{{{attributes}}}}}"#,
            self.case, self.number, self.number,
        );
    }

    /// A concern, and what comes of it: in time, late, or never; a pause in between; an evaluation or two; an end.
    fn unfold(&mut self, opened: NaiveDate, chance: &mut Chance) {
        self.tell("concern_raised", opened, chance, "");
        if chance.percent(4) {
            return;
        }
        let mut day = opened + TimeDelta::days(chance.done_within(14));
        if chance.percent(90) {
            let talked = opened + TimeDelta::days(chance.done_within(14));
            self.tell("conversation_held", talked, chance, "");
            self.tell("consent_given", talked.min(day), chance, "");
        }
        if chance.percent(6) {
            self.tell("case_paused", day, chance, "");
            day += TimeDelta::days(10 + i64::from(chance.below(30)));
            self.tell("case_resumed", day, chance, "");
        }
        let closes = chance.percent(30);
        self.tell(
            "decision_made",
            day,
            chance,
            &format!(r#""outcome":"{}""#, if closes { "close" } else { "measures" }),
        );
        if !closes && chance.percent(95) {
            self.tell("cooperation_meeting_held", day + TimeDelta::days(chance.done_within(28)), chance, "");
            for _ in 0..chance.below(3) {
                day += TimeDelta::days(chance.done_within(7));
                let planned = day + TimeDelta::days(42);
                self.tell("evaluation_planned", day, chance, &format!(r#""planned_for":"{planned}""#));
                day = planned + TimeDelta::days(i64::from(chance.below(10)) - 6);
                self.tell("evaluation_held", day, chance, "");
            }
        }
        if closes || chance.percent(70) {
            self.tell("case_closed", day + TimeDelta::days(chance.below(20).into()), chance, "");
        }
    }
}

fn facts() -> String {
    let mut facts = r#"{"type":"tenant","id":"k","packs":["bench"],"coordinator":"koord","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}
{"type":"person","tenant":"k","id":"koord","email":"koord@k.example"}
"#
    .to_owned();
    for school in 0..SCHOOLS {
        let _ = writeln!(facts, r#"{{"type":"unit","tenant":"k","id":"skole-{school}","leader":"p{school}-0"}}"#);
        for person in 0..6 {
            let _ = writeln!(
                facts,
                r#"{{"type":"person","tenant":"k","id":"p{school}-{person}","email":"p{school}-{person}@k.example","unit":"skole-{school}"}}"#
            );
        }
    }
    let mut chance = Chance(1);
    let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default();
    for case in 0..CASES {
        let (school, holder, starter) = (chance.below(SCHOOLS), 1 + chance.below(5), 1 + chance.below(5));
        let _ = writeln!(
            facts,
            r#"{{"type":"case","tenant":"k","id":"S-{case}","unit":"skole-{school}","stafettholder":"p{school}-{holder}","initiator":"p{school}-{starter}"}}"#
        );
        let opened = first + TimeDelta::days(chance.below(365).into());
        Story { facts: &mut facts, case, number: 0 }.unfold(opened, &mut chance);
    }
    facts
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_year_of_cases(bencher: Bencher<'_, '_>) {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    let scene = SCENE.get_or_init(|| Scene::new(&facts()));
    let world = &scene.world.municipalities[0];
    let Ok(municipality) = Municipality::new(&scene.rules, &world.organisation) else { return };
    let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default();
    let stretch = Stretch::of_days(&municipality, day(1, 1), day(12, 31));
    bencher.counter(ItemsCount::new(world.cases.len())).bench_local(|| {
        for case in &world.cases {
            drop(black_box(run_case(&municipality, case, world.first_recorded_at, stretch)));
        }
    });
}
