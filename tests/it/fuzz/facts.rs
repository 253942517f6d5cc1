//! Reading facts: lines of NDJSON and rows of CSV become records, or errors that name the line and show nothing of it.

use std::sync::LazyLock;

use fristvakt::facts::csv::{self, RecordType};
use fristvakt::facts::{FactError, World, ndjson};
use fristvakt::rules::RuleSet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::base::{PACKS, WORLDS, live, loaded, noon};
use super::cases;
use super::edit::{edited, edits};
use crate::fixture;

/// Facts with everything that a line may hold: a name, an address, and a text that is nobody's business.
const FULL: &str = r#"
{"type":"tenant","id":"sokndal","name":"Sokndal kommune","packs":["sokndal"],"language":"nb","time_zone":"Europe/Oslo","coordinator":"p9","contacts":{"coordinating_unit":"p8"},"fallback":"postmottak@sokndal.example","mail_domains":["sokndal.example"],"case_url":"https://samspill.example/sak/{ref}","go_live":"2026-08-01","delivery":{"hours":"08:00-16:00","calendar":"norway"}}
{"type":"unit","tenant":"sokndal","id":"skole-1","name":"Skolen","unit_type":"school","parent":"skole-1","leader":"p2","email":"skole1@sokndal.example","calendar":"sokndal-school","attributes":{"service":"school"}}
{"type":"person","tenant":"sokndal","id":"p1","name":"Kari Nordmann","email":"p1@sokndal.example","unit":"skole-1","language":"nn","absent":[{"from":"2026-07-01","to":"2026-07-31","deputy":"p2"}]}
{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","level":"0","unit":"skole-1","stafettholder":"p1","initiator":"p3","attributes":{"school_environment":true,"born_on":"2015-02-03"}}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-03T09:10:00+01:00","attributes":{"hours":3}}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e2","kind":"deadline_extended","at":"2026-03-02T10:00:00+01:00","attributes":{"rule":"decision","until":"2026-05-01","reason":"Kari Nordmann ringte","decided_by":"p2"}}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e1","revoked":true}
"#;

const TABLES: [(RecordType, &str); 5] = [
    (
        RecordType::Tenant,
        "id,packs,fallback,mail_domains,contacts.x,delivery.hours\nsokndal,sokndal,a@b.example,b.example|c.example,p1,08:00-16:00\n",
    ),
    (RecordType::Unit, "tenant;id;parent;attributes.service\nsokndal;u;;\"a;b\"\nsokndal;v;u;school\n"),
    (
        RecordType::Person,
        "tenant\tid\temail\tabsent.from\tabsent.to\nsokndal\tp1\tp1@b.example\t2026-07-01\t2026-07-31\n",
    ),
    (RecordType::Case, "tenant,id,protected,attributes.school_environment\nsokndal,S,true,false\n"),
    (RecordType::Event, "tenant,case,id,kind,on,attributes.hours\nsokndal,S,e1,concern_raised,2026-03-02,3.5\n"),
];

static RULES: LazyLock<RuleSet> = LazyLock::new(fixture::rules);

/// An error names a line that there is, and holds nothing that only a person's record does.
fn check(errors: &[FactError], text: &[u8]) {
    let lines = text.split(|byte| *byte == b'\n').count() + 1;
    for error in errors {
        let shown = error.to_string();
        assert!(error.line <= lines, "{shown} of {lines}");
        assert!(!shown.contains(char::is_control), "{shown:?}");
        for secret in ["Kari", "Nordmann", "ringte", "@"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

fn read(text: &[u8], rules: &RuleSet) -> Option<World> {
    let read: Vec<_> = ndjson::read(text).collect();
    let errors: Vec<FactError> = read.into_iter().filter_map(Result::err).collect();
    check(&errors, text);
    match World::load(text, rules) {
        Ok(world) => Some(world),
        Err(errors) => {
            assert!(!errors.is_empty());
            check(&errors, text);
            None
        }
    }
}

fn rows(text: &[u8], record_type: Option<RecordType>) {
    match csv::read(text, record_type, &RULES.vocabulary) {
        Ok(rows) => {
            let rows: Vec<_> = rows.collect();
            let errors: Vec<FactError> = rows.iter().filter_map(|row| row.clone().err()).collect();
            check(&errors, text);
            if let Err(errors) = World::from_lines(rows.into_iter(), &RULES) {
                check(&errors, text);
            }
        }
        Err(error) => check(&[error], text),
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_bytes_are_facts_or_errors(bytes in vec(any::<u8>(), 0..400)) {
        read(&bytes, &RULES);
    }

    #[test]
    fn any_json_is_facts_or_errors(lines in vec(any::<Json>(), 0..4)) {
        let text: Vec<String> = lines.into_iter().map(|json| json.0).collect();
        read(text.join("\n").as_bytes(), &RULES);
    }

    #[test]
    fn edited_lines_are_facts_or_errors(edits in edits()) {
        if let Some(world) = read(edited(FULL, &edits).as_bytes(), &RULES) {
            live(&RULES, &world, noon("2026-03-16"));
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in vec(any::<u8>(), 0..400), record_type in option::of(record_type())) {
        rows(&bytes, record_type);
    }

    #[test]
    fn an_edited_table_is_read_or_says_why(
        (known, table) in select(&TABLES), record_type in option::of(record_type()), edits in edits(), as_said: bool,
    ) {
        rows(edited(table, &edits).as_bytes(), if as_said { Some(known) } else { record_type });
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn edited_worlds_are_facts_or_errors(base in any::<Index>(), edits in edits()) {
        let base = base.get(&WORLDS);
        let Some(rules) = loaded(&base.files) else { return Ok(()) };
        if let Some(world) = read(edited(&base.facts, &edits).as_bytes(), &rules) {
            live(&rules, &world, noon("2026-03-16"));
        }
    }
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn an_edited_sample_is_facts_or_errors(edits in edits()) {
        static SHIPPED: LazyLock<RuleSet> =
            LazyLock::new(|| fristvakt::folder::RulesFolder::open(None).unwrap().load().unwrap().0);
        read(edited(&PACKS[0].facts, &edits).as_bytes(), &SHIPPED);
    }
}

#[test]
fn unedited_facts_are_read() {
    assert!(read(FULL.as_bytes(), &RULES).is_some());
}

fn record_type() -> impl Strategy<Value = RecordType> {
    select(&RecordType::ALL)
}

/// The text of any JSON value, with the words of facts among its keys and texts.
#[derive(Clone, Debug)]
struct Json(String);

impl Arbitrary for Json {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        const WORDS: [&str; 18] = [
            "type",
            "tenant",
            "unit",
            "person",
            "case",
            "event",
            "id",
            "kind",
            "on",
            "at",
            "attributes",
            "absent",
            "from",
            "packs",
            "recorded_at",
            "revoked",
            "sokndal",
            "2026-03-02",
        ];
        let word = || prop_oneof![4 => select(&WORDS).prop_map(str::to_owned), 1 => any::<String>()];
        let quoted = |text: String| serde_json::Value::from(text).to_string();
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| format!("{value:e}")),
            word().prop_map(quoted),
        ];
        let value = leaf.prop_recursive(3, 24, 6, move |inner| {
            let entries = vec((word(), inner.clone()), 0..6);
            let object = entries.prop_map(move |entries| {
                let entries = entries.into_iter().map(|(key, value)| format!("{}:{value}", quoted(key)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            });
            prop_oneof![vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(","))), object]
        });
        value.prop_map(Json).boxed()
    }
}
