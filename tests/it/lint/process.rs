//! The binary: exit codes, JSON lines, `--explain` and `--list-codes`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    command.current_dir(folder).env_clear().arg("check").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder `rules` with the calibration pack, changed.
fn rules(change: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples/rules");
    std::fs::create_dir_all(folder.path().join("rules/calendars")).unwrap();
    for file in ["vocabulary.toml", "calendars/norway.toml", "example.toml"] {
        let text = std::fs::read_to_string(shipped.join(file)).unwrap();
        let text = if file == "example.toml" { change(text) } else { text };
        std::fs::write(folder.path().join("rules").join(file), text).unwrap();
    }
    folder
}

#[test]
fn shipped_rules_and_examples_have_no_warning() {
    let folder = rules(|text| text);
    for arguments in [&["--strict", "--today", "2026-03-01"][..], &["rules", "--strict", "--today", "2026-03-01"]] {
        let output = check(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("0 errors, 0 warning(s)"), "{}", text(&output.stdout));
    }
}

#[test]
fn warnings_fail_with_strict_alone_and_errors_always() {
    let odd = rules(|text| text.replace("ladder = [ { at = \"0d\", to = \"responsible\" } ]", ""));
    assert_eq!(check(odd.path(), &["rules"]).status.code(), Some(0));
    let strict = check(odd.path(), &["rules", "--strict"]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(text(&strict.stderr).contains("warning[L207]"), "{}", text(&strict.stderr));
    let broken = rules(|text| text.replace("within = \"1w\"", "withn = \"1w\""));
    let output = check(broken.path(), &["rules"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("error[R002]: unknown key of a rule `withn`"), "{}", text(&output.stderr));
}

#[test]
fn json_is_one_finding_a_line_with_its_place() {
    let broken = rules(|text| text.replace("within = \"1w\"", "withn = \"1w\""));
    let output = check(broken.path(), &["rules", "--format", "json"]);
    assert_eq!(output.status.code(), Some(78));
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let unknown = lines.iter().find(|line| line["code"] == "R002").expect("the unknown key");
    assert_eq!(unknown["severity"], "error");
    assert_eq!(unknown["file"], "rules/example.toml");
    assert_eq!((unknown["line"].as_u64(), unknown["column"].as_u64()), (Some(36), Some(1)));
    assert_eq!(unknown["help"], "did you mean `within`?");
}

#[test]
fn facts_are_checked_against_the_rules_and_their_errors_shown_by_line() {
    let folder = rules(|text| text);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples/01-ordinary.ndjson");
    let facts = std::fs::read_to_string(shipped).unwrap();
    std::fs::write(folder.path().join("facts.ndjson"), &facts).unwrap();
    let output =
        check(folder.path(), &["rules", "--facts", "facts.ndjson", "--today", "2026-06-30", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"F102\""), "{}", text(&output.stdout));
    std::fs::write(folder.path().join("facts.ndjson"), format!("{facts}{{\"type\":\"cse\"}}\n")).unwrap();
    let output = check(folder.path(), &["rules", "--facts", "facts.ndjson"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("F001 line 16"), "{}", text(&output.stderr));
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_a_wrong_use() {
    let folder = rules(|text| text);
    let output = check(folder.path(), &["--explain", "l201"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("explain", text(&output.stdout));
    let unknown = check(folder.path(), &["--explain", "L21"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no code `L21`; did you mean"), "{}", text(&unknown.stderr));
    let all = check(folder.path(), &["--list-codes"]);
    insta::assert_snapshot!("codes", text(&all.stdout));
}
