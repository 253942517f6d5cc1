use fristvakt::facts::ndjson;

/// The error of the only line.
fn error(line: &str) -> String {
    let mut lines = ndjson::read(line.as_bytes());
    lines.next().expect("a line").expect_err("an error").to_string()
}

#[test]
fn empty_lines_carriage_returns_and_a_byte_order_mark_are_passed_over() {
    let text = "\u{feff}\r\n\n  {\"type\":\"person\",\"tenant\":\"k\",\"id\":\"p1\"}\r\n";
    let lines: Vec<_> = ndjson::read(text.as_bytes()).collect::<Result<_, _>>().expect("no error");
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [3]);
}

#[test]
fn an_error_names_line_and_field_and_never_the_value() {
    let cases = [
        (r#"{"type":"person","tenant":"k","id":"p1","emial":"x"}"#, "line 1: `emial`: unknown field `emial`"),
        (r#"{"type":"person","id":"p1"}"#, "line 1: `tenant`: missing field `tenant`"),
        (r#"{"type":"case","tenant":"k","id":"s","protected":"Kari"}"#, "line 1: `protected`: expected a boolean"),
        (r#"{"type":"event","tenant":"k","case":"s","id":"e","on":"2. mars"}"#, "line 1: `on`: no date like"),
        (
            r#"{"type":"person","tenant":"k","id":"p1","language":"Kari"}"#,
            "line 1: `language`: expected one of `nb`, `nn`, `en`",
        ),
        (
            r#"{"type":"case","tenant":"k","id":"s","subject":"Kari, expected 2. mars"}"#,
            "line 1: `subject`: expected one of `child`, `committee`, `unit`, `routine`",
        ),
        (
            r#"{"type":"person","tenant":"k","id":"p1","Kari Nordmann":"x"}"#,
            "line 1: unknown field (not shown: it does not look like an id), expected one of `tenant`",
        ),
        (
            r#"{"type":"person","tenant":"k","id":"p1","`, expected Kari`":"x"}"#,
            "line 1: unknown field (not shown: it does not look like an id), expected one of `tenant`",
        ),
        (r#"{"type":"Kari"}"#, "line 1: `type`: no record type; there are tenant"),
        (r#"{"type":"kase"}"#, "line 1: `type`: no record type; there are tenant"),
        (r#"{"type":"case""#, "line 1: no JSON: "),
        (r#"[1]"#, "line 1: a record is an object"),
    ];
    for (line, expected) in cases {
        let text = error(line);
        assert!(text.starts_with(expected), "{line}\n gave {text}\n not {expected}");
        assert!(!text.contains("Kari") && !text.contains("2. mars"), "{text}");
    }
}

#[test]
fn a_bad_line_does_not_hide_the_next_ones() {
    let text = b"{\n\xff\xfe\n{\"type\":\"person\",\"tenant\":\"k\",\"id\":\"p1\"}\n{\"type\":1}\n";
    let lines: Vec<_> = ndjson::read(&text[..]).collect();
    let wrong: Vec<_> = lines.iter().filter_map(|line| line.as_ref().err()).map(|error| error.line).collect();
    assert_eq!(wrong, [1, 2, 4]);
    assert_eq!(lines.len(), 4);
}

#[test]
fn a_line_without_end_is_refused_without_being_kept() {
    let text = "x".repeat(3 * ndjson::MAX_LINE);
    assert!(error(&text).contains("longer than"));
}
