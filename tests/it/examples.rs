//! The calibration worlds: what `simulate` prints for them was worked out by an independent program and checked by hand.

use std::fs;
use std::path::{Path, PathBuf};

use fristvakt::engine::Municipality;
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::simulate::{Stretch, lines, run_case, sort};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples")
}

#[test]
fn simulate_prints_what_every_example_expects() {
    let index: serde_json::Map<String, Value> =
        serde_json::from_str(&fs::read_to_string(folder().join("index.json")).expect("an index")).expect("JSON");
    assert_eq!(index.len(), 6);
    for (name, window) in index {
        let day = |key: &str| window[key].as_str().expect("a day").parse().expect("a date");
        assert_eq!(simulated(&name, day("from"), day("to")), expected(&name), "{name}");
    }
}

fn expected(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(format!("{name}.expected.ndjson"))).expect("what is expected");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn simulated(name: &str, from: chrono::NaiveDate, to: chrono::NaiveDate) -> Vec<Value> {
    let rules = RulesFolder::open(Some(&folder().join("rules"))).expect("a folder").load().expect("rules").0;
    let facts = fs::File::open(folder().join(format!("{name}.ndjson"))).expect("facts");
    let world = World::load(std::io::BufReader::new(facts), &rules).expect("a world");
    let mut all = Vec::new();
    for facts in &world.municipalities {
        let municipality = Municipality::new(&rules, &facts.organisation).expect("a municipality");
        let stretch = Stretch::of_days(&municipality, from, to);
        for case in &facts.cases {
            let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
            all.extend(lines(&municipality, case, &run, stretch));
        }
    }
    sort(&mut all);
    all.iter().map(|line| line.json().clone()).collect()
}
