//! The binary itself: exit codes, and what it prints when nobody looks.

use std::path::Path;
use std::process::{Command, Output};

use fristvakt::silence::{Covered, SilenceId};
use fristvakt::store::{Access, NewSilence, Store};
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
fn lists_show_ids_and_dates_and_refuse_what_is_no_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let now = ["--now", "2027-01-04T08:00:00+01:00", "--database", &url];
    insta::assert_snapshot!("lists", stdout(&[&["lists"], &now[..]].concat()));
    let one = stdout(&[&["lists", "without_holder", "--format", "json"], &now[..]].concat());
    assert!(one.lines().all(|line| line.contains(r#""list":"without_holder""#)), "{one}");
    let (code, said) = failure(&["lists", "without_holders", "--database", &url]);
    assert!(code == 2 && said.contains("there is no list `without_holders`"), "{code} {said}");
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
fn simulate_says_the_same_from_the_database_and_from_facts() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("rules");
    copy(Path::new(RULES), &other);
    let pack = other.join("example.toml");
    let longer = std::fs::read_to_string(&pack).expect("a pack").replace("\"14d\"", "\"15d\"");
    std::fs::write(&pack, longer).expect("written");
    let other = other.to_str().expect("a path");
    for example in ["01-ordinary", "02-easter-and-late-registration", "05-correction"] {
        let facts = format!("tests/data/examples/{example}.ndjson");
        let url = format!("sqlite://{}", folder.path().join(format!("{example}.db")).display());
        stdout(&["import", &facts, "--database", &url]);
        // What somebody has silenced is none of its business.
        stdout(&[
            "silence",
            "add",
            "--unit",
            "skole",
            "--until",
            "2099-12-31",
            "--reason",
            "x",
            "--by",
            "kari",
            "--database",
            &url,
        ]);
        for more in [&[][..], &["--format", "json"], &["--compare", other], &["--compare", other, "--format", "json"]] {
            let run = |from: &[&str]| {
                let stretch = ["--from", "2026-03-01", "--to", "2026-06-30"];
                stdout(&[&["simulate"], from, &stretch[..], more].concat())
            };
            let stored = run(&["--store", "--database", &url]);
            assert_eq!(stored, run(&["--facts", &facts, "--rules", RULES]), "{example} {more:?}");
            assert!(!stored.is_empty(), "{example} {more:?}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, &target).expect("copied");
        }
    }
}

#[test]
fn silences_are_added_listed_and_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let silence = |more: &[&str]| stdout(&[&["silence"], more, &["--database", &url]].concat());
    let why = ["--reason", "agreed", "--by", "kari"];
    let until = ["--until", "2099-12-31"];
    let added = silence(&[&["add", "--case", "R1"], &until[..], &why].concat());
    insta::assert_snapshot!(added, @"silence 1: nobody is told of case S-1 until the end of 2099-12-31 (by kari: agreed)");
    insta::assert_snapshot!(silence(&[&["add", "--person", "larer"], &until[..], &why].concat()), @"silence 2: larer is told nothing until the end of 2099-12-31 (by kari: agreed)");
    let listed = silence(&["list", "--format", "json"]);
    let first: Value = serde_json::from_str(listed.lines().next().expect("a silence")).expect("JSON");
    for (field, value) in [
        ("id", Value::from(1)),
        ("covers", "case".into()),
        ("until", "2099-12-31".into()),
        ("by", "kari".into()),
        ("reason", "agreed".into()),
        ("state", "active".into()),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    insta::assert_snapshot!(silence(&["end", "1", "--reason", "answered", "--by", "per"]), @"silence 1 is ended; what it held back goes out in the next round, if it still applies (by per: answered)");
    assert_eq!(silence(&["list", "--format", "json"]).lines().count(), 1);
    assert_eq!(silence(&["list", "--all", "--format", "json"]).lines().count(), 2);
    assert_eq!(silence(&["list", "--all", "--tenant", "other"]), "");

    let refused = |more: &[&str]| failure(&[&["silence"], more, &["--database", &url]].concat());
    let add = |target: [&str; 2], until: &str| refused(&[&["add"], &target[..], &["--until", until], &why].concat());
    for (found, code, says) in [
        (add(["--case", "S-9"], "2099-12-31"), 1, "there is no case `S-9` by id or reference; did you mean `S-1`?"),
        (add(["--unit", "skolen"], "2099-12-31"), 1, "there is no unit `skolen`; did you mean `skole`?"),
        (add(["--rule", "decison"], "2099-12-31"), 1, "there is no rule `decison`; did you mean `example/decision`?"),
        (add(["--person", "zzz"], "2099-12-31"), 1, "there is no person `zzz`; check its spelling"),
        (add(["--case", "R1"], "2020-01-01"), 2, "--until 2020-01-01 has passed; today is"),
        (refused(&["end", "1", "--reason", "x", "--by", "per"]), 1, "silence 1 is over already: ended"),
        (refused(&["end", "9", "--reason", "x", "--by", "per"]), 1, "there is no silence 9; `fristvakt silence list`"),
        (refused(&["add", "--until", "2099-12-31", "--reason", "x"]), 2, "Usage"),
        (refused(&["add", "--case", "R1", "--unit", "skole", "--until", "2099-12-31", "--reason", "x"]), 2, "Usage"),
        (refused(&["end", "2", "--reason", " ", "--by", "per"]), 2, "--reason says nothing"),
    ] {
        assert_eq!(found.0, code, "{}", found.1);
        assert!(found.1.contains(says), "{}", found.1);
    }
}

#[tokio::test]
async fn silences_are_a_table_and_explain_names_them_by_their_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = database(folder.path());
    let store = Store::open(&folder.path().join("f.db"), Access::Write).await.expect("a store");
    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc();
    for (kind, name, until, made_at) in [
        ("case", "S-1", "2099-12-31", "2026-04-10T12:00:00+02:00"),
        ("unit", "oppvekst", "2099-12-31", "2026-04-11T12:00:00+02:00"),
        ("rule", "example/decision", "2020-01-01", "2020-01-01T12:00:00+01:00"),
    ] {
        let covers = Covered::parse(kind, name).expect("a kind");
        let until = until.parse().expect("a date");
        let silence = NewSilence { tenant: "k", covers: &covers, until, by: "kari", reason: "talk with home" };
        store.add_silence(&silence, at(made_at)).await.expect("added");
    }
    store.end_silence(SilenceId(2), "per", "answered", at("2026-04-12T09:30:00+02:00")).await.expect("ended");
    store.close().await;
    let list = |more: &[&str]| stdout(&[&["silence", "list", "--database", &url], more].concat());
    insta::assert_snapshot!("silences", format!("{}\n{}", list(&[]), list(&["--all"])));
    let explained = |now: &str, more: &[&str]| {
        stdout(&[&["explain", "R1", "--language", "en", "--now", now, "--database", &url], more].concat())
    };
    let text = explained("2026-04-14T09:00:00+02:00", &[]);
    assert!(text.contains("silenced until the end of") && text.contains("(silence 1)"), "{text}");
    let objects = explained("2026-04-14T09:00:00+02:00", &["--format", "json"]);
    assert!(objects.contains(r#""silence":1"#), "{objects}");
    for free in ["kari", "talk"] {
        assert!(!text.contains(free) && !objects.contains(free), "{free}");
    }
    assert!(!explained("2026-04-10T11:59:59+02:00", &[]).contains("silence"), "it was not there yet");
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
        (vec!["simulate", "--from", "2026-01-01", "--to", "2026-01-31"], 2, "--facts <FILE>"),
        (with(&["simulate", "--store"], &["--from", "2026-01-01", "--to", "2026-01-31"]), 2, "cannot be used with"),
        (
            vec!["simulate", "--store", "--from", "2026-01-01", "--to", "2026-01-31", "--database", &none],
            1,
            "no database",
        ),
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

#[test]
fn the_schema_of_facts_takes_what_is_read_and_nothing_else() {
    let schema: Value = serde_json::from_str(&stdout(&["schema", "facts"])).expect("JSON");
    let fact = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let lines = std::fs::read_to_string(EASTER).expect("facts");
    for line in lines.lines() {
        let mut value: Value = serde_json::from_str(line).expect("a line");
        assert!(fact.is_valid(&value), "{line}");
        value["unknown"] = 1.into();
        assert!(!fact.is_valid(&value), "{line}");
    }
    assert!(!fact.is_valid(&serde_json::json!({ "type": "case", "id": "a" })), "whose?");
}

#[test]
fn completions_are_what_their_shells_can_read_and_know_every_command() {
    let help = stdout(&["help"]);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"simulate") && commands.contains(&"completions"), "{help}");
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command), "{shell} knows {command}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("fristvakt.bash");
    std::fs::write(&script, stdout(&["completions", "bash"])).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
    assert_eq!(failure(&["completions", "dos"]).0, 2);
    // And a page for each, that names its own command.
    let pages = folder.path().join("man/man1");
    assert_eq!(stdout(&["man", pages.to_str().unwrap()]), "");
    for command in commands.iter().filter(|command| **command != "help") {
        let page = std::fs::read_to_string(pages.join(format!("fristvakt-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS") && page.contains(command), "{command}: {page}");
    }
    let whole = std::fs::read_to_string(pages.join("fristvakt.1")).unwrap();
    assert!(whole.contains("Exit codes: 0 done"), "{whole}");
}
