use fristvakt::facts::World;

use crate::fixture::{FACTS, rules};

fn errors(lines: &str) -> Vec<String> {
    let text = format!("{}\n{lines}", FACTS.trim());
    let errors = World::load(text.as_bytes(), &rules()).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn first_recorded(lines: &str) -> Option<String> {
    let tenant = FACTS.trim().lines().next().expect("a tenant");
    let text = format!("{tenant}\n{lines}");
    let world = World::load(text.as_bytes(), &rules()).expect("good facts");
    world.municipalities[0].first_recorded_at.map(|instant| instant.to_rfc3339())
}

#[test]
fn facts_become_organisations_with_their_case_files() {
    let world = World::load(FACTS.as_bytes(), &rules()).expect("good facts");
    let municipality = &world.municipalities[0];
    let cases: Vec<_> = municipality.cases.iter().map(|case| (&*case.id, case.events.len())).collect();
    assert_eq!(cases, [("S-17", 2), ("S-18", 0)], "a revocation without a time leaves no event");
    assert!(municipality.organisation.has_unit("skole-1") && municipality.organisation.has_person("p2"));
}

#[test]
fn records_may_come_before_what_they_name() {
    let backwards: Vec<&str> = FACTS.trim().lines().take(10).collect::<Vec<_>>().into_iter().rev().collect();
    let world = World::load(backwards.join("\n").as_bytes(), &rules()).expect("good facts");
    assert_eq!(world.municipalities[0].cases.len(), 2);
}

#[test]
fn what_names_something_unknown_is_an_error_with_line_field_and_suggestion() {
    let cases = [
        (
            r#"{"type":"person","tenant":"sokndl","id":"p3"}"#,
            "`tenant`: unknown tenant `sokndl`; did you mean `sokndal`?",
        ),
        (
            r#"{"type":"person","tenant":"sokndal","id":"p3","unit":"skole-2"}"#,
            "`unit`: unknown unit `skole-2`; did you mean `skole-1`?",
        ),
        (
            r#"{"type":"unit","tenant":"sokndal","id":"u","parent":"oppvekt"}"#,
            "`parent`: unknown unit `oppvekt`; did you mean `oppvekst`?",
        ),
        (
            r#"{"type":"unit","tenant":"sokndal","id":"u","calendar":"norwy"}"#,
            "`calendar`: unknown calendar `norwy`; did you mean `norway`?",
        ),
        (r#"{"type":"case","tenant":"sokndal","id":"S-1","unit":"xyz"}"#, "`unit`: unknown unit `xyz`"),
        (
            r#"{"type":"event","tenant":"sokndal","case":"zzzzz","id":"e1","kind":"case_closed","on":"2026-01-01"}"#,
            "`case`: unknown case `zzzzz`",
        ),
        (
            r#"{"type":"event","tenant":"sokndal","case":"S-17","id":"e9","kind":"case_closd","on":"2026-01-01"}"#,
            "unknown event kind `case_closd`; did you mean `case_closed`?",
        ),
        (
            r#"{"type":"tenant","id":"sokndal","packs":["sokndall"],"fallback":"a@b","mail_domains":["b"]}"#,
            "`packs`: unknown rule pack `sokndall`; did you mean `sokndal`?",
        ),
        (
            r#"{"type":"tenant","id":"b","packs":["sokndal"],"fallback":"a@b","mail_domains":["b"],"delivery":{"calendar":"x"}}"#,
            "`delivery.calendar`: unknown calendar `x`",
        ),
        (
            r#"{"type":"case","tenant":"sokndal","id":"S-1","attributes":{"school_environment":"ja"}}"#,
            "attribute `school_environment` of a case is a bool; this text is none",
        ),
        (
            r#"{"type":"event","tenant":"sokndal","case":"S-17","id":"e9","kind":"case_closed"}"#,
            "an event has either `on` (a date) or `at` (an instant), and not both",
        ),
        (
            r#"{"type":"person","tenant":"sokndal","id":"fallback"}"#,
            "`id`: `fallback` and `unit:…` name recipients that are no persons; choose another id",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(errors(line), [format!("line 12: {expected}")], "{line}");
    }
}

#[test]
fn what_does_not_look_like_an_id_is_not_shown() {
    let hidden = ["Kari Nordmann", "kari@k.example", "Kåre", "31011299999", "", "x\\u0007", &"x".repeat(41)];
    for word in hidden {
        let lines = [
            format!(r#"{{"type":"person","tenant":"{word}","id":"p3"}}"#),
            format!(r#"{{"type":"person","tenant":"sokndal","id":"p3","unit":"{word}"}}"#),
            format!(r#"{{"type":"unit","tenant":"sokndal","id":"u","calendar":"{word}"}}"#),
            format!(
                r#"{{"type":"event","tenant":"sokndal","case":"{word}","id":"e","kind":"case_closed","on":"2026-01-01"}}"#
            ),
            format!(
                r#"{{"type":"event","tenant":"sokndal","case":"S-17","id":"e","kind":"{word}","on":"2026-01-01"}}"#
            ),
            format!(r#"{{"type":"case","tenant":"sokndal","id":"S-1","attributes":{{"{word}":1}}}}"#),
        ];
        for line in lines {
            let found = errors(&line).join("\n");
            assert!(found.contains("(not shown: it does not look like an id)"), "{line} gave {found}");
            assert!(word.is_empty() || !found.contains(word), "{found}");
        }
    }
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_lines() {
    let found = errors(
        "{\"type\":\"person\",\"tenant\":\"x\",\"id\":\"p\"}\n{\n{\"type\":\"person\",\"tenant\":\"sokndal\",\"id\":\"\"}",
    );
    let starts: Vec<_> = found.iter().map(|text| &text[..8]).collect();
    assert_eq!(starts, ["line 12:", "line 13:", "line 14:"]);
}

#[test]
fn an_unknown_person_in_a_role_is_no_error() {
    assert!(errors(r#"{"type":"case","tenant":"sokndal","id":"S-1","stafettholder":"who"}"#).is_empty());
}

#[test]
fn rounds_may_begin_at_the_first_recorded_line_with_defaults_replaced_and_revoked_ones() {
    let case = r#"{"type":"case","tenant":"sokndal","id":"S"}"#;
    let event = |rest: &str| format!(r#"{{"type":"event","tenant":"sokndal","case":"S","id":"e1",{rest}}}"#);
    let cases = [
        (vec![], None),
        (vec![event(r#""kind":"case_closed","on":"2026-03-02""#)], Some("2026-03-01T23:00:00+00:00")),
        (vec![event(r#""kind":"case_closed","at":"2026-03-02T10:00:00+01:00""#)], Some("2026-03-02T09:00:00+00:00")),
        (
            vec![
                event(r#""kind":"case_closed","on":"2026-03-02","recorded_at":"2026-03-09T09:00:00Z""#),
                event(r#""kind":"case_closed","on":"2026-03-03","recorded_at":"2026-03-08T09:00:00Z""#),
                event(r#""revoked":true"#),
            ],
            Some("2026-03-08T09:00:00+00:00"),
        ),
        (vec![event(r#""revoked":true,"on":"2026-03-02""#)], None),
        (vec![event(r#""revoked":true,"recorded_at":"2026-03-02T09:00:00Z""#)], Some("2026-03-02T09:00:00+00:00")),
    ];
    for (events, expected) in cases {
        let lines = format!("{case}\n{}", events.join("\n"));
        assert_eq!(first_recorded(&lines).as_deref(), expected, "{lines}");
    }
}
