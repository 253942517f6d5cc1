//! `simulate --compare`: what a coordinator sees of a rule before it goes live.

use std::io::BufReader;

use fristvakt::comparison::{Change, by_person, by_rule, compare};
use fristvakt::engine::Municipality;
use fristvakt::facts::World;
use fristvakt::rules::diagnostics::RuleFiles;
use fristvakt::rules::load;
use fristvakt::simulate::{Line, Stretch, lines, run_case, sort};

const FACTS: &str = include_str!("daemon/facts.ndjson");

fn simulated(change: impl Fn(&str, String) -> String) -> Vec<Line> {
    let files = fristvakt::rules::embedded().files.into_iter();
    let files = RuleFiles::new(files.map(|(path, text)| (path.clone(), change(&path, text))).collect());
    let (rules, _) = load(files, str::to_owned).expect("rules");
    let world = World::load(BufReader::new(FACTS.as_bytes()), &rules).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&rules, &facts.organisation).expect("a municipality");
    let day = |text: &str| text.parse().expect("a date");
    let stretch = Stretch::of_days(&municipality, day("2026-03-01"), day("2026-04-10"));
    let mut all = Vec::new();
    for case in &facts.cases {
        let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
        all.extend(lines(&municipality, case, &run, stretch));
    }
    sort(&mut all);
    all
}

fn as_it_is() -> Vec<Line> {
    simulated(|_, text| text)
}

#[test]
fn the_same_rules_change_nothing() {
    assert_eq!(compare(&as_it_is(), &as_it_is()), vec![]);
}

#[test]
fn a_shorter_span_moves_what_it_moves_and_nothing_else() {
    let shorter =
        simulated(
            |path, text| {
                if path == "tromso.toml" { text.replacen("within = \"14d\"", "within = \"7d\"", 1) } else { text }
            },
        );
    let differences = compare(&as_it_is(), &shorter);
    assert!(!differences.is_empty());
    assert!(differences.iter().all(|one| one.field("rule") == "tromso/concern-decision"));
    let first = &differences[0];
    assert_eq!(
        (first.of.as_str(), first.change, first.field("at")),
        ("notice", Change::Moved, "2026-03-04T08:00:00+01:00")
    );
    let tally = by_rule(&differences)["tromso/concern-decision"]["obligation"];
    assert_eq!((tally.added, tally.dropped, tally.moved), (0, 0, 2));
}

#[test]
fn a_rule_that_no_longer_applies_drops_its_obligations_and_notices() {
    let narrower = simulated(|path, text| {
        if path != "tromso.toml" {
            return text;
        }
        text.replacen("from = \"concern_raised\"\n", "from = \"concern_raised\"\nwhen = { case.unborn = true }\n", 1)
    });
    let differences = compare(&as_it_is(), &narrower);
    assert!(differences.iter().all(|one| one.change == Change::Dropped), "{differences:?}");
    let people = by_person(&as_it_is(), &narrower);
    assert_eq!(people[&("k".to_owned(), "larer".to_owned())], (4, 0));
}
