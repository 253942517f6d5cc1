//! `fristvakt report deviations` as it is typed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::formats::rules;
use super::town::{FACTS, town};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    let url = format!("sqlite://{}", folder.join("f.db").display());
    command.args(["report", "deviations", "--database", &url, "--now", "2026-05-01T12:00:00+02:00"]).args(arguments);
    command.env_clear().env("FRISTVAKT_LOG__LEVEL", "trace").current_dir(folder).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

const PERIOD: [&str; 4] = ["--from", "2026-03-01", "--to", "2026-04-30"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&PERIOD[..], more].concat()
}

#[tokio::test]
async fn every_format_is_written_whole_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    town(folder.path(), &rules(), FACTS).await.close().await;
    for format in ["html", "csv", "csv-rfc4180", "xlsx", "json"] {
        let name = format!("report.{format}");
        std::fs::write(folder.path().join(&name), "an older one").expect("written");
        let output = run(folder.path(), &with(&["--format", format, "--output", &name, "--with-protected"]));
        assert!(output.status.success(), "{format}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{format}: nothing on stdout");
        let path = folder.path().join(&name);
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{format}");
        let written = std::fs::read(&path).expect("a file");
        let piped = run(folder.path(), &with(&["--format", format, "--with-protected"]));
        assert_eq!(piped.stderr, b"", "{format}");
        assert_eq!(written, piped.stdout, "{format}: the same to a file and to a pipe");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".tmp")), "{left:?}");
}

#[tokio::test]
async fn what_names_nothing_is_a_usage_error_that_helps() {
    let folder = tempfile::tempdir().expect("a folder");
    town(folder.path(), &rules(), FACTS).await.close().await;
    for (arguments, said) in [
        (with(&["--tenant", "fjordvk"]), "there is no municipality `fjordvk`; did you mean `fjordvik`?"),
        (with(&["--unit", "stand"]), "there is no unit `stand`; did you mean `strand`?"),
        (with(&["--rule", "sokndal/conversatoin"]), "did you mean `sokndal/conversation`?"),
        (with(&["--kind", "dutty"]), "a similar value exists: 'duty'"),
        (
            vec!["--from", "2026-04-30", "--to", "2026-03-01"],
            "the period ends on 2026-03-01, before it begins on 2026-04-30",
        ),
        (vec!["--from", "1900-01-01", "--to", "2026-03-01"], "longer than twenty years"),
        (with(&["--open", "--closed"]), "cannot be used with"),
    ] {
        let output = run(folder.path(), &arguments);
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let output = run(folder.path(), &with(&["--output", "nowhere/report.html"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere/report.html"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn a_rule_may_be_named_by_its_code_and_a_period_may_be_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    town(folder.path(), &rules(), FACTS).await.close().await;
    let by = |name: &'static str| text(&run(folder.path(), &with(&["--rule", name, "--format", "csv-rfc4180"])).stdout);
    assert_eq!(by("S1"), by("sokndal/share-with-leader"));
    assert_eq!(by("share-with-leader"), by("S1"));
    assert!(by("S1").lines().count() > 1);
    let empty = run(folder.path(), &["--from", "2020-01-01", "--to", "2020-01-31", "--format", "html"]);
    let page = text(&empty.stdout);
    assert!(page.contains("Ingen frister falt i perioden, og ingen avvik står åpne."), "{page}");
    assert!(page.contains("Ingen avvik å liste."));
}

#[tokio::test]
async fn protected_cases_are_left_out_unless_asked_for_and_stderr_says_how_many() {
    let folder = tempfile::tempdir().expect("a folder");
    town(folder.path(), &rules(), FACTS).await.close().await;
    let lines = |output: &Output| text(&output.stdout).matches("\"start\":").count();
    let usual = run(folder.path(), &with(&["--format", "json"]));
    let all = run(folder.path(), &with(&["--format", "json", "--with-protected"]));
    let left = lines(&all) - lines(&usual);
    assert!(left > 0 && text(&all.stdout).contains("TT4X") && !text(&usual.stdout).contains("TT4X"));
    let said =
        format!("{left} deviations of address-protected cases are left out; --with-protected is for the coordinator\n");
    assert_eq!((text(&usual.stderr), text(&all.stderr)), (said, String::new()));
    // Of what is asked about alone, and nothing where even a number would tell.
    let elsewhere = run(folder.path(), &with(&["--format", "json", "--unit", "sol"]));
    assert_eq!(text(&elsewhere.stderr), "", "no protected case there");
    let hidden = run(folder.path(), &with(&["--format", "json", "--hide-small"]));
    assert_eq!(text(&hidden.stderr), "");
}

#[tokio::test]
async fn hiding_a_selection_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    town(folder.path(), &rules(), FACTS).await.close().await;
    for narrowed in [["--unit", "strand"], ["--rule", "S1"], ["--kind", "duty"], ["--level", "must"]] {
        let output = run(folder.path(), &with(&["--hide-small", narrowed[0], narrowed[1]]));
        assert!(text(&output.stderr).starts_with("warning: who also has a report about everything"), "{narrowed:?}");
        let page = text(&output.stdout);
        assert!(page.contains("Et utvalg") && page.contains("trekke den ene fra den andre"), "{narrowed:?}");
        let open = run(folder.path(), &with(&[narrowed[0], narrowed[1]]));
        assert!(!text(&open.stdout).contains("Et utvalg") && !text(&open.stderr).contains("warning"), "{narrowed:?}");
    }
    assert!(!text(&run(folder.path(), &with(&["--hide-small"])).stdout).contains("Et utvalg"));
}
