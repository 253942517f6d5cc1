//! What is sound before it is edited: the shipped rules, the worked patterns, and the worlds of the language's own tests.

use std::path::Path;
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use fristvakt::calendar::{Instant, first_instant};
use fristvakt::delivery::message::Counted;
use fristvakt::engine::{Municipality, Occasion, explain, plan};
use fristvakt::explanation::{Explanation, Subject, from_run};
use fristvakt::facts::World;
use fristvakt::folder::RulesFolder;
use fristvakt::language::Language;
use fristvakt::lint::{lint, lint_facts};
use fristvakt::rules::diagnostics::{Report, RuleFiles};
use fristvakt::rules::{RuleSet, Written, load};
use fristvakt::simulate::{Stretch, lines, run_case, sort};

use crate::language::all;

/// A rules folder and facts for it.
pub(super) struct Base {
    pub(super) files: Vec<(String, String)>,
    pub(super) facts: String,
}

/// The worlds of the language's own tests.
pub(super) static WORLDS: LazyLock<Vec<Base>> = LazyLock::new(|| {
    all().iter().map(|description| Base { files: description.files(), facts: description.facts() }).collect()
});

/// The shipped packs and the worked patterns, with a sample municipality for the first.
pub(super) static PACKS: LazyLock<Vec<Base>> = LazyLock::new(|| {
    let patterns = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/patterns");
    let files = |folder: Option<&Path>| {
        let folder = RulesFolder::open(folder).expect("a folder");
        let files = folder.files.files.iter().map(|(path, text)| (folder.below(path), text.clone()));
        files.filter(|(path, _)| path.ends_with(".toml") && !path.starts_with("patterns/")).collect()
    };
    let sample = include_str!("../../../src/demo/sample.ndjson").to_owned();
    vec![Base { files: files(None), facts: sample }, Base { files: files(Some(&patterns)), facts: String::new() }]
});

/// Loads a folder as every command does, with all that it says of it.
pub(super) fn loaded(files: &[(String, String)]) -> Option<RuleSet> {
    let files = files.iter().map(|(path, text)| (path.as_str().into(), text.clone())).collect();
    let files = RuleFiles::new(files);
    let result = load(files.clone(), str::to_owned);
    let rules = match result {
        Ok((rules, report)) => {
            let written = Written::read(&files, str::to_owned);
            show(&report.with(lint(&rules, &written, day("2026-03-02"))));
            Some(rules)
        }
        Err(report) => {
            assert!(report.errors() > 0, "refused without an error");
            show(&report);
            None
        }
    };
    // The tests beside the rules are read, and run.
    if let Some(rules) = &rules
        && let Err(report) = fristvakt::rule_tests::run_all(&files, rules, str::to_owned)
    {
        show(&report);
    }
    rules
}

fn show(report: &Report) {
    let text = format!("{report}{}", report.render(true));
    assert_eq!(report.findings.is_empty(), text.is_empty());
}

/// Does with a world whatever a command does with one.
pub(super) fn live(rules: &RuleSet, world: &World, now: Instant) {
    let mut all = Vec::new();
    for facts in &world.municipalities {
        let municipality = Municipality::new(rules, &facts.organisation).expect("it was checked");
        let until = municipality.date(now) + TimeDelta::days(60);
        let stretch = Stretch::of_days(&municipality, municipality.date(now), until);
        for case in &facts.cases {
            let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
            all.extend(lines(&municipality, case, &run, stretch));
            let (told, ledger) = from_run(&run);
            for occasion in [Occasion::Round, Occasion::Between] {
                let _ = plan(&municipality, case, &ledger, now, occasion);
            }
            let explained = explain(&municipality, case, &ledger, now);
            for one in &explained {
                let from = &rules.rule(one.obligation.rule).from;
                let _ = Counted::from_proof(&one.proof, from, &one.obligation.start);
            }
            for language in Language::ALL {
                let subject = Subject { municipality: &municipality, case, now, language };
                let explanation = Explanation::of(&subject, &explained, &told);
                assert!(!explanation.text().is_empty());
                let _ = explanation.objects();
            }
        }
    }
    sort(&mut all);
    let _ = lint_facts(rules, &Written::default(), world, now);
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub(super) fn noon(text: &str) -> Instant {
    first_instant(chrono_tz::Tz::Europe__Oslo, day(text)) + TimeDelta::hours(12)
}
