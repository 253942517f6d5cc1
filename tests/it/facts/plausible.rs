//! What can be read and yet cannot be right is refused where it comes in.

use fristvakt::facts::World;

use crate::fixture::{FACTS, rules};

/// What is wrong with one line after good facts.
fn errors(line: &str) -> Vec<String> {
    let text = format!("{}\n{line}", FACTS.trim());
    let errors = World::load(text.as_bytes(), &rules()).err().unwrap_or_default();
    errors.iter().map(|error| error.to_string().replace("line 12: ", "")).collect()
}

fn tenant(rest: &str) -> String {
    format!(r#"{{"type":"tenant","id":"b","packs":["sokndal"],{rest}}}"#)
}

fn event(rest: &str) -> String {
    format!(r#"{{"type":"event","tenant":"sokndal","case":"S-17","id":"e9",{rest}}}"#)
}

const REACHABLE: &str = r#""fallback":"post@b.example","mail_domains":["b.example"]"#;

#[test]
fn years_that_cannot_be_right_are_refused_wherever_they_stand() {
    let case = |rest: &str| format!(r#"{{"type":"case","tenant":"sokndal","id":"S-1",{rest}}}"#);
    let person = |rest: &str| format!(r#"{{"type":"person","tenant":"sokndal","id":"p3",{rest}}}"#);
    let cases = [
        (event(r#""kind":"case_closed","on":"0026-03-02""#), "on", "0026"),
        (event(r#""kind":"case_closed","on":"+262142-12-31""#), "on", "262142"),
        (event(r#""kind":"case_closed","at":"0202-03-02T08:00:00+01:00""#), "at", "0202"),
        (
            event(r#""kind":"case_closed","on":"2026-03-02","recorded_at":"2200-01-01T00:00:00Z""#),
            "recorded_at",
            "2200",
        ),
        (event(r#""revoked":true,"recorded_at":"1899-12-31T00:00:00Z""#), "recorded_at", "1899"),
        (
            event(r#""kind":"deadline_extended","on":"2026-03-02","attributes":{"rule":"a","until":"2926-03-20"}"#),
            "attributes.until",
            "2926",
        ),
        (case(r#""recorded_at":"0001-01-01T00:00:00Z""#), "recorded_at", "0001"),
        (case(r#""attributes":{"born_on":"0012-01-31"}"#), "attributes.born_on", "0012"),
        (
            r#"{"type":"unit","tenant":"sokndal","id":"u","recorded_at":"1066-01-01T00:00:00Z"}"#.to_owned(),
            "recorded_at",
            "1066",
        ),
        (person(r#""recorded_at":"9999-01-01T00:00:00Z""#), "recorded_at", "9999"),
        (person(r#""absent":[{"from":"0026-07-01"}]"#), "absent.from", "0026"),
        (person(r#""absent":[{"from":"2026-07-01","to":"9999-12-31"}]"#), "absent.to", "9999"),
        (tenant(&format!(r#"{REACHABLE},"go_live":"0026-01-01""#)), "go_live", "0026"),
    ];
    for (line, field, year) in cases {
        let expected = format!("`{field}`: the year {year} cannot be right; dates lie between 1900 and 2199");
        assert_eq!(errors(&line), [expected], "{line}");
    }
}

#[test]
fn the_first_and_the_last_year_are_good() {
    for on in ["1900-01-01", "2199-12-31"] {
        let line = event(&format!(r#""kind":"case_closed","on":"{on}""#));
        assert_eq!(errors(&line), [""; 0], "{line}");
    }
}

#[test]
fn a_municipality_has_to_be_reachable() {
    let fallback = "`fallback`: no address within `mail_domains`; what reaches nobody else would be lost";
    let cases = [
        (r#""fallback":"post@c.example","mail_domains":["b.example"]"#, fallback),
        (r#""fallback":"post@mail.b.example","mail_domains":["b.example"]"#, fallback),
        (r#""fallback":"b.example","mail_domains":["b.example"]"#, fallback),
        (r#""fallback":"@b.example","mail_domains":["b.example"]"#, fallback),
        (r#""fallback":"","mail_domains":["b.example"]"#, fallback),
        (
            r#""fallback":"post@b.example","mail_domains":[]"#,
            "`mail_domains`: without a domain no mail may leave; name at least one",
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(errors(&tenant(rest)), [expected], "{rest}");
    }
    assert_eq!(errors(&tenant(REACHABLE)), [""; 0]);
}

#[test]
fn a_link_to_a_case_is_encrypted_and_has_a_place_for_the_reference() {
    let of = |url: &str| errors(&tenant(&format!(r#"{REACHABLE},"case_url":"{url}""#)));
    let wrong = [
        "",
        "http://b.example/{ref}",
        "b.example/{ref}",
        "https://b.example/sak",
        "https://{ref}",
        "https:///{ref}",
        "https://b.example/a b/{ref}",
        "javascript:{ref}",
    ];
    for url in wrong {
        let expected = "`case_url`: no link like `https://cases.example/{ref}`, with `https` and `{ref}`";
        assert_eq!(of(url), [expected], "{url}");
    }
    for url in ["https://b.example/sak/{ref}", "https://b.example?sak={ref}", "https://b.example:8443/#/{ref}/les"] {
        assert_eq!(of(url), [""; 0], "{url}");
    }
}

#[test]
fn an_extension_and_an_exemption_say_what_they_mean() {
    let lacks = |kind: &str, attribute: &str| {
        format!("`attributes.{attribute}`: `{kind}` does nothing without `{attribute}`; say it")
    };
    let (extended, exempted) = ("deadline_extended", "rule_exempted");
    let cases = [
        (extended, "", vec![lacks(extended, "rule"), lacks(extended, "until")]),
        (extended, r#","attributes":{"until":"2026-03-20","rule":null}"#, vec![lacks(extended, "rule")]),
        (extended, r#","attributes":{"rule":"sokndal/a"}"#, vec![lacks(extended, "until")]),
        (extended, r#","attributes":{"rule":"sokndal/a","until":"2026-03-20"}"#, vec![]),
        (exempted, r#","attributes":{"reason":"x"}"#, vec![lacks(exempted, "rule")]),
        (exempted, r#","attributes":{"rule":" "}"#, vec![lacks(exempted, "rule")]),
        (exempted, r#","attributes":{"rule":"sokndal/a"}"#, vec![]),
        (exempted, r#","revoked":true"#, vec![]),
    ];
    for (kind, rest, expected) in cases {
        assert_eq!(errors(&event(&format!(r#""kind":"{kind}","on":"2026-03-02"{rest}"#))), expected, "{kind}{rest}");
    }
}
