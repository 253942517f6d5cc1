//! Rule tests as data: a broken one says so, and stops none of the others.

use std::sync::LazyLock;

use fristvakt::folder::RulesFolder;
use fristvakt::rule_tests::{check, run_all};
use fristvakt::rules::RuleSet;
use fristvakt::rules::diagnostics::RuleFiles;
use proptest::prelude::*;
use proptest::sample::select;

use super::cases;
use super::edit::{edited, edits};

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RulesFolder::open(None).expect("the shipped rules").load().expect("no error").0);

const TESTS: [&str; 5] = [
    include_str!("../../../rules/bindal.test.toml"),
    include_str!("../../../rules/korus-sor.test.toml"),
    include_str!("../../../rules/sokndal.test.toml"),
    include_str!("../../../rules/tromso.test.toml"),
    include_str!("../../../rules/tysver.test.toml"),
];

/// A file with its `pack` line and two of its tests, so that much is edited and little is run.
fn shortened(text: &str, from: usize) -> String {
    let mut parts: Vec<&str> = text.split("[[test]]").collect();
    let head = parts.remove(0);
    let from = from % (parts.len() - 1);
    format!("{head}[[test]]{}", parts[from..from + 2].join("[[test]]"))
}

fn run(text: String) -> usize {
    let files = RuleFiles::new(vec![("a.test.toml".into(), text)]);
    let checked = check(&files, str::to_owned);
    match run_all(&files, &RULES, str::to_owned) {
        Ok(outcome) => {
            assert!(checked.is_ok(), "it can be run and not be read");
            outcome.passed + outcome.failures.len()
        }
        Err(report) => {
            assert!(checked.is_err() && report.errors() > 0);
            let _ = report.render(false);
            0
        }
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn any_text_is_a_file_of_tests_or_an_error(text in any::<String>()) {
        run(text);
    }

    #[test]
    fn edited_tests_run_or_say_why(text in select(&TESTS), from in any::<usize>(), edits in edits()) {
        run(edited(&shortened(text, from), &edits));
    }
}

#[test]
fn unedited_tests_run() {
    for text in TESTS {
        assert_eq!(run(shortened(text, 0)), 2);
    }
}
