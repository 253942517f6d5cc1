//! What rules and facts say of each other.

use chrono::{DateTime, Utc};
use fristvakt::facts::World;
use fristvakt::lint::lint_facts;
use fristvakt::rules::diagnostics::{Finding, RuleFiles};
use fristvakt::rules::{Written, load};

const VOCABULARY: &str = "[events.concern]\n[events.done]\n[events.plan]\n[events.late]\n[events.closed]\n";
const PACK: &str = r#"
[pack]
id = "one"
calendar = "norway"
stops_on = ["closed"]
[ladder]
standard = [
  { at = "0d", to = "responsible" },
  { at = "+1w", to = ["leader", "next_leader", "unit", "contact:school"], as = "escalation" },
]
[[rule]]
id = "decision"
cite = "1"
from = "concern"
within = "2w"
met_by = ["done", "plan"]
"#;
const OTHER: &str = r#"
[pack]
id = "two"
calendar = "norway"
[[rule]]
id = "late"
cite = "1"
from = "late"
within = "2w"
met_by = "done"
ladder = [{ at = "0d", to = "responsible" }]
[[rule]]
id = "never-met"
cite = "1"
from = "concern"
within = "2w"
met_by = "plan"
ladder = [{ at = "0d", to = "responsible" }]
[[rule]]
id = "committee"
cite = "1"
from = "concern"
when = { case.subject = "committee" }
within = "2w"
met_by = "done"
ladder = [{ at = "0d", to = "responsible" }]
"#;

/// Facts in which everything is in order for the pack `one`.
const GOOD: &str = r#"
{"type":"tenant","id":"k","packs":["one"],"coordinator":"c","contacts":{"school":"s"},"fallback":"post@k.example","mail_domains":["k.example"]}
{"type":"person","tenant":"k","id":"c","email":"c@k.example"}
{"type":"person","tenant":"k","id":"s","email":"s@k.example"}
{"type":"person","tenant":"k","id":"l","email":"l@k.example"}
{"type":"person","tenant":"k","id":"n","email":"n@k.example"}
{"type":"unit","tenant":"k","id":"top","leader":"n"}
{"type":"unit","tenant":"k","id":"school","parent":"top","leader":"l","email":"school@k.example"}
{"type":"case","tenant":"k","id":"S-1","unit":"school"}
{"type":"event","tenant":"k","case":"S-1","id":"e1","kind":"concern","on":"2026-02-02"}
{"type":"event","tenant":"k","case":"S-1","id":"e2","kind":"done","on":"2026-02-03"}
{"type":"event","tenant":"k","case":"S-1","id":"e3","kind":"plan","on":"2026-02-04"}
{"type":"event","tenant":"k","case":"S-1","id":"e4","kind":"closed","on":"2026-02-05"}
"#;

fn findings(packs: &[&str], facts: &str) -> Vec<Finding> {
    let names = ["one.toml", "two.toml"];
    let calendar = "id = \"norway\"\nweekend = [\"sat\", \"sun\"]\n";
    let mut files =
        vec![("vocabulary.toml".into(), VOCABULARY.to_owned()), ("calendars/norway.toml".into(), calendar.to_owned())];
    files.extend(names.iter().zip(packs).map(|(name, text)| ((*name).into(), (*text).to_owned())));
    let files = RuleFiles::new(files);
    let written = Written::read(&files, str::to_owned);
    let (rules, _) = load(files, str::to_owned).expect("rules");
    let world = World::load(facts.as_bytes(), &rules).expect("facts");
    let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().expect("an instant");
    lint_facts(&rules, &written, &world, now)
}

/// Code and message of each finding, a line each.
fn lines(packs: &[&str], facts: &str) -> String {
    let findings = findings(packs, facts);
    findings.iter().map(|finding| format!("{} {}\n", finding.code, finding.message)).collect()
}

#[test]
fn where_everything_is_in_order_nothing_is_found() {
    assert_eq!(lines(&[PACK], GOOD), "");
}

#[test]
fn what_rules_wait_for_and_nobody_records() {
    let facts =
        GOOD.replace(r#""packs":["one"]"#, r#""packs":["one","two"]"#).replace(r#""kind":"plan""#, r#""kind":"done""#);
    insta::assert_snapshot!(lines(&[PACK, OTHER], &facts), @r"
    F101 nobody records `late`, so `two/late` never starts
    F102 nobody records `plan`, so `two/never-met` is never met
    F104 `two/committee` applies to no case in these facts
    F203 municipality `k`: messages call `one/decision` and `two/late` by the same code, `1`
    ");
}

#[test]
fn roles_that_reach_nobody_each_with_its_reason() {
    let facts = GOOD
        .replace(r#","contacts":{"school":"s"}"#, "")
        .replace("c@k.example", "c@elsewhere.example")
        .replace(
            r#""id":"l","email":"l@k.example""#,
            r#""id":"l","email":"l@k.example","absent":[{"from":"2026-02-01","to":"2026-04-01"}]"#,
        )
        .replace(r#","email":"school@k.example""#, "")
        .replace(r#""id":"top","leader":"n""#, r#""id":"top","leader":"nobody""#);
    insta::assert_snapshot!(lines(&[PACK], &facts), @r"
    F201 municipality `k`: `coordinator` reaches nobody: the address of `c` is outside `mail_domains`
    F201 municipality `k`: `contact:school` reaches nobody: the record names nobody
    F201 unit `school` of `k`: `leader` reaches nobody: `l` is away, and nobody reachable stands in
    F201 unit `school` of `k`: `next_leader` reaches nobody: `nobody` is not in the facts
    F201 unit `school` of `k`: `unit` reaches nobody: `school` has no address
    ");
    let shown = format!("{:?}", findings(&[PACK], &facts));
    assert!(!shown.contains('@'), "no finding holds an address");
}

#[test]
fn packs_of_nobody_are_a_note() {
    insta::assert_snapshot!(lines(&[PACK, OTHER], GOOD), @"F204 no municipality uses the pack `two`");
}
