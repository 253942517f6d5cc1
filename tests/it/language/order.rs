//! The order of the lines of § 12 a second time: by the keys as the text gives them, read from the printed lines alone.

use chrono::{DateTime, FixedOffset};
use fristvakt::engine::Municipality;
use fristvakt::facts::World;
use fristvakt::rules::RuleSet;
use fristvakt::simulate::{Stretch, lines, run_case, sort};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::laws::{RULES, events, facts, records};
use super::world::Description;

/// What `simulate` prints for all cases of a world.
fn printed(facts: &str, rules: &RuleSet, from: &str, to: &str) -> Vec<Json> {
    let world = World::load(facts.as_bytes(), rules).expect("a world");
    let mut all = Vec::new();
    for facts in &world.municipalities {
        let municipality = Municipality::new(rules, &facts.organisation).expect("a municipality");
        let stretch = Stretch::of_days(&municipality, from.parse().expect("a date"), to.parse().expect("a date"));
        for case in &facts.cases {
            let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
            all.extend(lines(&municipality, case, &run, stretch));
        }
    }
    sort(&mut all);
    all.iter().map(|line| serde_json::from_str(&line.json().to_string()).expect("JSON")).collect()
}

fn word(line: &Json, key: &str) -> String {
    line[key].as_str().unwrap_or_else(|| panic!("`{key}` of {line}")).to_owned()
}

/// Where the step of a notice stands in its ladder.
fn position(rules: &RuleSet, line: &Json) -> usize {
    let rule = rules.rule(rules.rule_named(&word(line, "rule")).expect("a rule"));
    let is_it = |(at, to, purpose): (&str, Vec<String>, &str)| {
        at == word(line, "step") && to.contains(&word(line, "role")) && purpose == word(line, "as")
    };
    let steps = rule
        .ladder
        .iter()
        .map(|step| (&*step.at, step.to.iter().map(ToString::to_string).collect::<Vec<_>>(), step.purpose.word()));
    steps.map(is_it).position(|found| found).expect("a step")
}

type Key = (DateTime<FixedOffset>, [String; 4], Option<(usize, u64, String)>);

/// (time, tenant, case, rule, start, ladder position, repetition, to); a deviation has no ladder position, and stands
/// before the notices of its moment.
fn happening(rules: &RuleSet, line: &Json) -> Key {
    let names = ["tenant", "case", "rule", "start"].map(|key| word(line, key));
    let time = |key: &str| DateTime::parse_from_rfc3339(&word(line, key)).expect("an instant");
    if line["type"] == "deviation" {
        return (time("opened_at"), names, None);
    }
    let repetition = line["repetition"].as_u64().expect("a number");
    (time("at"), names, Some((position(rules, line), repetition, word(line, "to"))))
}

fn check(rules: &RuleSet, lines: &[Json]) {
    let is_obligation = |line: &&Json| line["type"] == "obligation";
    let first = lines.iter().position(|line| line["type"] == "obligation").unwrap_or(lines.len());
    let (happenings, obligations) = lines.split_at(first);
    assert!(obligations.iter().all(|line| is_obligation(&line)), "obligations come last");
    let keys: Vec<Key> = happenings.iter().map(|line| happening(rules, line)).collect();
    for (pair, lines) in keys.windows(2).zip(happenings.windows(2)) {
        assert!(pair[0] <= pair[1], "{}\n{}", lines[0], lines[1]);
        assert!(pair[0] != pair[1] || lines[0]["type"] == "deviation", "twice: {}", lines[0]);
    }
    let keys: Vec<_> =
        obligations.iter().map(|line| ["tenant", "case", "rule", "start"].map(|key| word(line, key))).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:#?}");
}

/// The same lines for another tenant, in another zone, and another case.
fn moved(facts: &str, tenant: &str, zone: &str, case: &str) -> String {
    let lines = facts.lines().map(|line| {
        let mut record: Json = serde_json::from_str(line).expect("a record");
        match record["type"].as_str() {
            Some("tenant") => (record["id"], record["time_zone"]) = (tenant.into(), zone.into()),
            Some("case") => (record["tenant"], record["id"]) = (tenant.into(), case.into()),
            Some("event") => (record["tenant"], record["case"]) = (tenant.into(), case.into()),
            _ => record["tenant"] = tenant.into(),
        }
        record.to_string() + "\n"
    });
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s12_lines_stand_in_the_order_of_their_keys(
        one in (records(), events()), two in (records(), events()), three in (records(), events()),
    ) {
        let all = [
            moved(&facts(&one.0, &one.1), "t", "Europe/Oslo", "S-2"),
            moved(&facts(&two.0, &two.1), "t", "Europe/Oslo", "S-10"),
            moved(&facts(&three.0, &three.1), "other", "America/Halifax", "S-2"),
        ];
        check(&RULES, &printed(&all.concat(), &RULES, "2026-01-01", "2026-06-30"));
    }
}

/// Times are printed in whole seconds, and lines of one printed time go on by tenant and case.
#[test]
fn s12_parts_of_a_second_do_not_show_in_the_order() {
    let text = r#"
says = ""
ladder.standard = [{ at = "start", to = "responsible", urgent = true }]
rule = [{}]
"#;
    let description = Description::parse(text);
    let rules = description.load_rules().expect("rules").0;
    let started = |case: &str, recorded: &str| {
        format!(
            r#"{{"type":"case","tenant":"t","id":"{case}","stafettholder":"holder"}}
{{"type":"event","tenant":"t","case":"{case}","id":"e1","kind":"started","on":"2026-03-02","recorded_at":"2026-03-02T{recorded}+01:00"}}
"#
        )
    };
    let facts = description.facts() + &started("A", "10:00:00.9") + &started("B", "10:00:00.1");
    let lines = printed(&facts, &rules, "2026-03-01", "2026-03-31");
    check(&rules, &lines);
    let cases: Vec<_> = lines.iter().filter(|line| line["type"] == "notice").map(|line| word(line, "case")).collect();
    assert_eq!(cases, ["A", "B"]);
}
