//! The shipped packs: they load without a warning, and every one of their own tests passes.

use fristvakt::folder::RulesFolder;
use fristvakt::rule_tests::run_all;
use fristvakt::rules::Basis;

#[test]
fn shipped_rules_load_without_a_finding() {
    let (rules, report) = RulesFolder::open(None).expect("the shipped rules").load().expect("no error");
    assert_eq!(report.findings, vec![]);
    let packs: Vec<&str> = rules.packs.iter().map(|pack| &*pack.id).collect();
    assert_eq!(packs, ["bindal", "korus-sor", "sokndal", "tromso", "tysver"]);
}

#[test]
fn shipped_rules_pass_their_own_tests() {
    let folder = RulesFolder::open(None).expect("the shipped rules");
    let (rules, _) = folder.load().expect("no error");
    let outcome = run_all(&folder.files, &rules, |path| folder.below(path)).expect("readable tests");
    let failures: Vec<String> = outcome
        .failures
        .iter()
        .map(|failure| format!("{}: {}", failure.name, failure.differences.join("\n")))
        .collect();
    assert_eq!(failures, Vec::<String>::new());
    assert!(outcome.passed >= 200, "{} tests", outcome.passed);
}

#[test]
fn the_worked_patterns_load_without_a_finding_and_pass_their_tests() {
    let patterns = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/patterns");
    let folder = RulesFolder::open(Some(&patterns)).expect("the patterns");
    let (rules, report) = folder.load().expect("no error");
    assert_eq!(report.findings, vec![]);
    assert_eq!(rules.packs.len(), 10);
    let outcome = run_all(&folder.files, &rules, |path| folder.below(path)).expect("readable tests");
    let failures: Vec<&str> = outcome.failures.iter().map(|failure| &*failure.name).collect();
    assert_eq!(failures, Vec::<&str>::new());
    assert!(outcome.passed >= 50, "{} tests", outcome.passed);
}

#[test]
fn every_shipped_rule_cites_its_routine_and_says_where_its_number_comes_from() {
    let (rules, _) = RulesFolder::open(None).expect("the shipped rules").load().expect("no error");
    for rule in &rules.rules {
        assert!(rule.cite.is_some(), "{} cites nothing", rule.name);
        let pack = &rules.packs[rule.pack];
        let numberless = ["bindal", "korus-sor", "tysver"].contains(&&*pack.id);
        assert!(!numberless || rule.basis == Basis::Local, "{}: the routine gives no number", rule.name);
    }
}

#[test]
fn codes_are_unique_and_notices_are_neutral() {
    let (rules, _) = RulesFolder::open(None).expect("the shipped rules").load().expect("no error");
    let mut codes: Vec<&str> = rules.rules.iter().map(|rule| &*rule.code).collect();
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count, "two rules share a code");
    let telling = ["9a", "barnevern", "child welfare", "skolemilj", "school", "nivå", "level", "mobb", "vold", "barn"];
    for rule in &rules.rules {
        for language in fristvakt::language::Language::ALL {
            let notice = rule.notice.text(language).to_lowercase();
            assert!(!telling.iter().any(|word| notice.contains(word)), "{}: `{notice}` says too much", rule.name);
        }
    }
}
