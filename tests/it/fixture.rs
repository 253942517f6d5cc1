//! Rules and facts that tests share, as data.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::Weekday;
use fristvakt::calendar::Calendar;
use fristvakt::language::Localized;
use fristvakt::rules::{CalendarIndex, Pack, RuleSet};
use fristvakt::vocabulary::{EventDefinition, Owner, ValueType, Vocabulary};

/// A rule set without rules: two calendars, one pack, the words that the facts of these tests use.
pub(crate) fn rules() -> RuleSet {
    let mut vocabulary = Vocabulary::built_in_only();
    vocabulary.add_attribute(Owner::Case, "school_environment", ValueType::Bool);
    vocabulary.add_attribute(Owner::Case, "born_on", ValueType::Date);
    vocabulary.add_attribute(Owner::Unit, "service", ValueType::Text);
    let planned_for = vocabulary.attribute("planned_for");
    let hours = vocabulary.attribute("hours");
    event(&mut vocabulary, "concern_raised", vec![(hours, ValueType::Number)]);
    event(&mut vocabulary, "evaluation_planned", vec![(planned_for, ValueType::Date)]);
    event(&mut vocabulary, "case_closed", vec![]);
    let calendar = |id: &str| Calendar::new(id.into(), &[Weekday::Sat, Weekday::Sun], vec![], vec![]);
    let pack = Pack {
        id: "sokndal".into(),
        title: Localized::same("Rutine"),
        source: None,
        revise_by: None,
        calendars: HashMap::new(),
        calendar: CalendarIndex(0),
        rules: vec![],
        file: "sokndal.toml".into(),
    };
    RuleSet {
        vocabulary,
        calendars: vec![calendar("norway"), calendar("sokndal-school")],
        packs: vec![pack],
        rules: vec![],
        templates: HashMap::new(),
    }
}

fn event(vocabulary: &mut Vocabulary, name: &str, attributes: Vec<(fristvakt::vocabulary::AttributeId, ValueType)>) {
    let name: Arc<str> = name.into();
    let title = Localized::same(&name);
    vocabulary.add_event(EventDefinition { name, title, attributes }).expect("a new kind");
}

/// A tenant, two units, two persons, two cases and four events (one revoked).
pub(crate) const FACTS: &str = r#"
{"type":"tenant","id":"sokndal","packs":["sokndal"],"coordinator":"p9","fallback":"postmottak@sokndal.example","mail_domains":["sokndal.example"],"delivery":{"calendar":"norway"}}
{"type":"unit","tenant":"sokndal","id":"oppvekst","leader":"p2"}
{"type":"unit","tenant":"sokndal","id":"skole-1","unit_type":"school","parent":"oppvekst","leader":"p2","calendar":"sokndal-school","attributes":{"service":"school"}}
{"type":"person","tenant":"sokndal","id":"p1","email":"p1@sokndal.example","unit":"skole-1","absent":[{"from":"2026-07-01","to":"2026-07-31","deputy":"p2"}]}
{"type":"person","tenant":"sokndal","id":"p2","email":"p2@sokndal.example"}
{"type":"case","tenant":"sokndal","id":"S-17","ref":"7F3K","level":"0","unit":"skole-1","stafettholder":"p1","attributes":{"school_environment":true}}
{"type":"case","tenant":"sokndal","id":"S-18","unit":"oppvekst","stafettholder":"nobody"}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-03T09:10:00+01:00"}
{"type":"event","tenant":"sokndal","case":"S-17","id":"e2","kind":"evaluation_planned","at":"2026-03-04T10:00:00+01:00","attributes":{"planned_for":"2026-04-01"}}
{"type":"event","tenant":"sokndal","case":"S-18","id":"e1","kind":"concern_raised","on":"2026-02-01"}
{"type":"event","tenant":"sokndal","case":"S-18","id":"e1","revoked":true}
"#;
