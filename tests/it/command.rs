//! The binary itself: exit codes, and what it prints when nobody looks.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const RULES: &str = "tests/data/examples/rules";
const EASTER: &str = "tests/data/examples/02-easter-and-late-registration.ndjson";

/// Runs the binary with nothing of our own environment, where no configuration is.
fn run(arguments: &[&str]) -> Output {
    run_in("shadow", arguments)
}

fn run_in(mode: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    command.args(arguments).env_clear().env("FRISTVAKT_RULES", RULES).env("FRISTVAKT_MODE", mode);
    command.env("FRISTVAKT_LOG__LEVEL", "error").current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("it runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The exit code and what stderr says.
fn failure(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert_eq!(text(&output.stdout), "", "{arguments:?}: nothing but data on stdout");
    (output.status.code().expect("an exit code"), text(&output.stderr))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn simulate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["simulate", "--facts", EASTER, "--rules", RULES, "--from", "2026-03-01"];
    arguments.extend(["--to", "2026-06-30"]);
    arguments.extend(more);
    arguments
}

/// A database with the Easter world in it, planned as the daemon does, and its URL.
fn database(folder: &Path) -> String {
    let url = format!("sqlite://{}", folder.join("f.db").display());
    stdout(&["import", EASTER, "--database", &url]);
    for now in ["2026-04-10T08:00:00+02:00", "2026-04-13T08:00:00+02:00", "2026-04-14T08:00:00+02:00"] {
        stdout(&["run", "--once", "--now", now, "--database", &url]);
    }
    url
}

#[test]
fn simulate_shows_the_effect_of_rules_in_plain_columns() {
    insta::assert_snapshot!("simulate", stdout(&simulate(&[])));
}

#[test]
fn simulate_prints_json_as_ever() {
    let lines = stdout(&simulate(&["--format", "json"]));
    let expected = std::fs::read_to_string(EASTER.replace(".ndjson", ".expected.ndjson")).expect("what is expected");
    let parsed =
        |text: &str| text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>();
    assert_eq!(parsed(&lines), parsed(&expected));
}

#[test]
fn wrong_facts_are_all_named_and_nothing_is_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.ndjson");
    std::fs::write(&path, "{\n{\"type\":\"person\",\"tenant\":\"x\",\"id\":\"p\"}\n").expect("written");
    let path = path.to_str().expect("a path");
    let (code, error) =
        failure(&["simulate", "--facts", path, "--rules", RULES, "--from", "2026-01-01", "--to", "2026-01-31"]);
    assert_eq!(code, 1);
    assert!(error.contains("2 wrong lines; nothing was simulated"), "{error}");
    assert!(error.contains("wrong.ndjson: line 1: ") && error.contains("wrong.ndjson: line 2: "), "{error}");
}

#[test]
fn exit_codes_tell_failure_usage_and_configuration_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = format!("sqlite://{}", folder.path().join("none.db").display());
    let facts = ["--facts", EASTER, "--rules", RULES];
    let with = |start: &[&'static str], more: &[&'static str]| [start, &facts[..], more].concat();
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        (with(&["explain", "X-9"], &[]), 1, "there is no case `X-9`"),
        (vec!["explain", "R1", "--database", &none], 1, "there is no database"),
        (vec!["obligations", "list", "--database", &none], 1, "there is no database"),
        (vec!["explain"], 2, "Usage"),
        (vec!["obligations", "list", "--status", "late"], 2, "possible values"),
        (with(&["simulate"], &["--from", "2026-02-01", "--to", "2026-01-01"]), 2, "swap them"),
        (vec!["explain", "R1", "--facts", EASTER, "--rules", "/nowhere"], 78, "cannot read the rules"),
        (vec!["notices", "list", "--config", "/nowhere.toml"], 78, "cannot read the configuration"),
        (vec!["notices", "list", "--database", "mysql://x"], 78, "no database that fristvakt knows"),
    ];
    for (arguments, code, says) in cases {
        let (found, error) = failure(&arguments);
        assert_eq!(found, code, "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn lists_are_plain_columns_in_a_pipe_and_one_object_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let list = |what: &str, more: &[&str]| stdout(&[&[what, "list", "--database", &url], more].concat());
    insta::assert_snapshot!("obligations", list("obligations", &["--open"]));
    insta::assert_snapshot!("notices", list("notices", &[]));
    for (what, more, rows) in [
        ("obligations", &["--status", "overdue"][..], 2),
        ("obligations", &["--case", "R1", "--unit", "skole", "--limit", "1"], 1),
        ("obligations", &["--tenant", "other"], 0),
        ("notices", &["--state", "done"], 2),
        ("notices", &["--recipient", "koord"], 1),
        ("deviations", &["--open"], 2),
        ("deviations", &["--to", "2026-04-10"], 1),
        ("messages", &[], 0),
        ("quarantine", &[], 0),
    ] {
        let lines = list(what, &[more, &["--format", "json"]].concat());
        assert_eq!(lines.lines().count(), rows, "{what} {more:?}: {lines}");
        assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|row| row.is_object())));
    }
}

#[test]
fn explain_says_the_same_from_the_database_and_from_facts() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let now = ["--now", "2026-04-14T09:00:00+02:00", "--format", "json"];
    let explained = |from: &[&str]| -> Vec<Value> {
        let lines = stdout(&[&["explain", "R1"], from, &now[..]].concat());
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let (stored, simulated) = (explained(&["--database", &url]), explained(&["--facts", EASTER, "--rules", RULES]));
    assert_eq!((stored.len(), simulated.len()), (2, 2));
    for (one, other) in stored.iter().zip(&simulated) {
        for part in ["rule", "status", "proof", "next", "unsent", "source"] {
            assert_eq!(one[part], other[part], "{part}");
        }
        let steps = |object: &Value| -> Vec<[Value; 3]> {
            let told = object["told"].as_array().expect("a list").iter();
            let mut steps: Vec<_> = told.map(|told| ["at", "step", "to"].map(|key| told[key].clone())).collect();
            steps.sort_by_key(|step| format!("{step:?}"));
            steps
        };
        assert_eq!(steps(one), steps(other));
    }
}

#[test]
fn a_change_needs_a_reason_and_somebody_who_made_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let id = "019cf2c4-7b1e-7c55-a4a6-0f6f6f0f2d11";
    let hold = |more: &[&str]| failure(&[&["messages", "hold", id, "--database", &url], more].concat());
    assert_eq!(hold(&[]).0, 2, "no reason");
    assert_eq!(hold(&["--reason", "wrong unit"]).0, 2, "nobody is logged in");
    assert_eq!(hold(&["--reason", " ", "--by", "kari"]).0, 2, "a blank reason");
    let (code, error) = hold(&["--reason", "wrong unit", "--by", "kari"]);
    assert_eq!(code, 1);
    assert!(error.contains("there is no message"), "{error}");
}

#[test]
fn a_message_is_held_and_let_go_by_a_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("f.db").display());
    stdout(&["import", EASTER, "--database", &url]);
    // No mail is configured, so the message stays in the outbox.
    run_in("live", &["run", "--once", "--now", "2026-04-10T08:00:00+02:00", "--database", &url]);
    let listed = |state: &str| stdout(&["messages", "list", "--state", state, "--format", "json", "--database", &url]);
    let message: Value = serde_json::from_str(listed("pending").lines().next().expect("a message")).expect("JSON");
    let id = message["id"].as_str().expect("an id");
    let change =
        |what: &str| stdout(&["messages", what, id, "--reason", "wrong unit", "--by", "kari", "--database", &url]);
    assert!(change("hold").contains("held until somebody retries it (by kari: wrong unit)"));
    assert_eq!(listed("held").lines().count(), 1);
    let (code, error) = failure(&["messages", "hold", id, "--reason", "again", "--by", "kari", "--database", &url]);
    assert_eq!(code, 1);
    assert!(error.contains("is held: only one that is gathering or pending can be held"), "{error}");
    change("retry");
    assert_eq!(listed("held"), "");
    let shown = stdout(&["messages", "show", id, "--database", &url]);
    assert!(shown.contains("Notices in it") && shown.contains("It was never tried") && !shown.contains('@'), "{shown}");
}
