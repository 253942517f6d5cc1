//! `fristvakt check`: small packs as data, each with the codes that it gives; what is rendered; the binary's exit codes.

mod facts;
mod process;

use chrono::NaiveDate;
use fristvakt::lint::lint;
use fristvakt::rules::diagnostics::{Report, RuleFiles, Severity};
use fristvakt::rules::{Code, Written, load};
use serde::Deserialize;

/// One small folder and what `check` finds in it on 1 March 2026.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    name: String,
    /// Keys of the rule, instead of the defaults or beside them.
    rule: String,
    /// Default keys to leave out.
    cut: Vec<String>,
    /// Further rules.
    more: String,
    /// Keys of the pack.
    pack: String,
    ladders: Option<String>,
    calendar: Option<String>,
    other_calendar: Option<String>,
    vocabulary: String,
    /// Whether notes count.
    notes: bool,
    /// The codes found, one for each finding.
    codes: Vec<String>,
    /// A code that this case is close to, and does not give.
    not: Option<String>,
}

const VOCABULARY: &str = r#"
[events.concern]
attributes = { service = "text", points = "number" }
[events.done]
[events.accepted]
attributes = { service = "text" }
[events.plan_agreed]
attributes = { planned_for = "date", service = "text" }
[events.closed]
[case.urgent]
type = "bool"
[case.points]
type = "number"
[case.born_on]
type = "date"
"#;

const RULE: [(&str, &str); 5] =
    [("id", "\"r\""), ("cite", "\"1\""), ("from", "\"concern\""), ("within", "\"2w\""), ("met_by", "\"done\"")];

const STANDARD: &str = r#"standard = [
  { at = "0d", to = "responsible" },
  { at = "+1w", to = "leader", as = "escalation" },
]"#;

/// A rule that uses every word, and is in no way odd.
const ORDINARY: &str = r#"
[[rule]]
id = "ordinary"
cite = "0"
from = ["plan_agreed", "accepted"]
within = "1w"
met_by = "done"
sequence_from = "concern"
"#;

const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();

impl Case {
    fn files(&self) -> RuleFiles {
        let calendar = self.calendar.as_deref().unwrap_or("weekend = [\"sat\", \"sun\"]");
        let mut files = vec![
            ("vocabulary.toml".into(), format!("{VOCABULARY}{}\n", self.vocabulary)),
            ("calendars/norway.toml".into(), format!("id = \"norway\"\n{calendar}\n")),
            ("small.toml".into(), self.pack_file()),
        ];
        if let Some(other) = &self.other_calendar {
            files.push(("calendars/other.toml".into(), format!("id = \"other\"\n{other}\n")));
        }
        RuleFiles::new(files)
    }

    fn pack_file(&self) -> String {
        let says = |key: &str| {
            let own = self.rule.lines().any(|line| line.starts_with(&format!("{key} =")));
            own || self.cut.iter().any(|cut| cut == key)
        };
        let defaults: Vec<String> =
            RULE.iter().filter(|(key, _)| !says(key)).map(|(key, value)| format!("{key} = {value}")).collect();
        let own = self.rule.lines().filter(|line| !self.cut.iter().any(|cut| line.starts_with(&format!("{cut} ="))));
        let stops = if self.cut.iter().any(|cut| cut == "stops_on") { "" } else { "stops_on = [\"closed\"]" };
        format!(
            "[pack]\nid = \"small\"\ncalendar = \"norway\"\n{stops}\n{}\n[ladder]\n{}\n[[rule]]\n{}\n{}\n{}{ORDINARY}",
            self.pack,
            self.ladders.as_deref().unwrap_or(STANDARD),
            defaults.join("\n"),
            own.collect::<Vec<_>>().join("\n"),
            self.more,
        )
    }

    /// The codes found, and how that is shown.
    fn found(&self) -> (Vec<String>, String) {
        let report = check(self.files());
        let counts = |severity| self.notes || severity != Severity::Note;
        let findings = report.findings.iter().filter(|finding| counts(finding.severity()));
        let mut codes: Vec<String> = findings.map(|finding| finding.code.to_string()).collect();
        codes.sort();
        (codes, report.render(false))
    }
}

/// What `check` finds in a folder.
fn check(files: RuleFiles) -> Report {
    let written = Written::read(&files, str::to_owned);
    match load(files, str::to_owned) {
        Ok((rules, report)) => report.with(lint(&rules, &written, TODAY)),
        Err(report) => report,
    }
}

fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Cases {
        case: Vec<Case>,
    }
    toml::from_str::<Cases>(include_str!("cases.toml")).expect("readable cases").case
}

#[test]
fn every_small_pack_gives_its_codes_and_no_other() {
    let mut wrong = String::new();
    for case in cases() {
        let (found, shown) = case.found();
        if found != case.codes {
            wrong.push_str(&format!("## {}: expected {:?}, found {found:?}\n{shown}\n", case.name, case.codes));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_about_rules_has_a_case_and_every_lint_one_in_which_it_is_silent() {
    let cases = cases();
    for code in Code::ALL.iter().filter(|code| !code.word().starts_with('F') && **code != Code::NoPack) {
        let word = code.word();
        assert!(cases.iter().any(|case| case.codes.iter().any(|found| found == word)), "no case gives {word}");
        let is_silent = |case: &Case| case.not.as_deref() == Some(word) && case.codes.is_empty();
        // L112 and L113 are silent together: one version after the other.
        assert!(word.starts_with('R') || cases.iter().any(is_silent), "no case shows {word} to be silent");
    }
}

#[test]
fn a_folder_without_a_pack_says_so() {
    let report = check(RuleFiles::new(vec![("vocabulary.toml".into(), VOCABULARY.to_owned())]));
    assert_eq!(report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::NoPack]);
}

#[test]
fn every_code_is_explained_and_every_explanation_has_its_code() {
    let text = include_str!("../../../src/rules/explanations.md");
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(headings, words);
    for code in Code::ALL {
        assert!(code.explanation().contains("To mend it: "), "{code}");
        assert_eq!(Code::parse(&code.word().to_lowercase()), Some(*code));
    }
}

#[test]
fn many_findings_at_once_as_people_see_them() {
    let errors = Case {
        rule: "withn = \"1w\"\nfrom = \"concrn\"\nmet_by = { event = \"done\", where = { service = \"ppt\" } }\n\
               ladder = [{ at = \"+4h\", to = \"boss\" }]\nforce = \"shall\"\nvalid_to = 2026-13-01"
            .to_owned(),
        calendar: Some("weekend = [\"sat\", \"sunday\"]".to_owned()),
        vocabulary: "[events.done]".to_owned(),
        ..Case::default()
    };
    insta::assert_snapshot!("errors", check(errors.files()).render(false));
    let warnings = Case {
        rule:
            "code = \"9A\"\nwhen = { case.level = \"0\" }\nunless = { case.level = [\"0\", \"1\"] }\nbasis = \"law\"\n\
               ladder = [{ at = \"0d\", to = \"leader\", as = \"escalation\" }]\nroll = \"forward\""
                .to_owned(),
        cut: vec!["cite".to_owned()],
        pack: "revise_by = 2022-12-01".to_owned(),
        ..Case::default()
    };
    insta::assert_snapshot!("warnings", check(warnings.files()).render(false));
}
