//! Purging, holds, exports, the access log, the backlog, backups and drills, as somebody at a terminal has them, beside a daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use chrono::TimeDelta;
use fristvakt::clock::Clock;
use serde_json::Value;

use super::process::CANARIES;
use super::retention::CLOSED;
use super::server::County;
use super::{FACTS, Installation, instant};
use crate::servers::postgres::{self, PASSWORD};

/// Exit code, stdout and stderr of a command.
type Said = (Option<i32>, String, String);

async fn run(folder: &Path, config: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    command.current_dir(folder).env_clear().env("FRISTVAKT_CONFIG", folder.join(config)).args(arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A daemon, and the configuration with which commands find its database.
async fn installed(facts: &str, more: &str) -> Installation {
    let here = Installation::with(facts).await;
    let port = here.catcher.as_ref().unwrap().address().port();
    let text = format!(
        "database = \"sqlite://test.db\"\nreports.enabled = false\n{more}\n[email]\nhost = \"127.0.0.1\"\nport = {port}\n\
         security = \"none\"\nfrom = \"fristvakt@k.example\"\n"
    );
    fs::write(here.folder().join("fristvakt.toml"), text).unwrap();
    here
}

impl Installation {
    async fn said(&self, arguments: &[&str]) -> Said {
        run(self.folder(), "fristvakt.toml", arguments).await
    }

    /// What a command that succeeds prints on stdout.
    async fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.said(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        out
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn contains(path: &Path, word: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
}

async fn closed() -> Installation {
    let here = installed(FACTS, "").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(CLOSED).await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    here
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_held_and_then_purged_and_nothing_of_it_can_be_read_in_the_database() {
    let here = closed().await;
    let (code, _, err) = here.said(&["purge"]).await;
    assert!(code == Some(2) && err.contains("closed cases are kept for ever"), "{err}");
    let recent = (Clock::System.now() - TimeDelta::days(80)).date_naive().to_string();
    let (code, _, err) = here.said(&["purge", "--before", &recent]).await;
    assert!(code == Some(2) && err.contains("for 88 days"), "{err}");
    let purge = ["purge", "--before", "2026-06-01", "--format", "json"];
    let counts = async |more: &[&str]| {
        let out = here.done(&[&purge, more].concat()).await;
        serde_json::from_str::<Value>(out.lines().next().unwrap()).unwrap()
    };
    let tried = counts(&[]).await;
    assert_eq!((&tried["done"], &tried["purged"]["cases"]), (&Value::Bool(false), &1.into()));
    let (code, _, err) =
        here.said(&["hold", "add", "7F3K", "--by", "kari", "--reason", "født 01019012345, se 13097248022"]).await;
    assert!(code == Some(2) && err.contains("national identity number"), "{err}");
    let out = here.done(&["hold", "add", "7F3K", "--by", "kari", "--reason", "klage"]).await;
    assert_eq!(out, "hold 1: case S-1 of k is not purged (by kari: klage)\n");
    let held = counts(&["--yes", "--by", "kari"]).await;
    assert_eq!((&held["purged"]["cases"], &held["purged"]["kept"]["held"]), (&0.into(), &1.into()));
    assert!(here.done(&["hold", "list"]).await.contains("klage"));
    here.done(&["hold", "end", "1", "--by", "kari", "--reason", "avgjort"]).await;
    assert_eq!(here.said(&["hold", "end", "1", "--by", "kari", "--reason", "avgjort"]).await.0, Some(1));
    let database = here.folder().join("test.db");
    let gone = counts(&["--yes", "--by", "kari"]).await;
    assert_eq!(gone["purged"]["notices"], tried["purged"]["notices"]);
    assert_eq!((&gone["done"], &gone["purged"]["cases"]), (&Value::Bool(true), &1.into()));
    for file in [database.clone(), here.folder().join("test.db-wal")] {
        assert!(!contains(&file, "7F3K") && !contains(&file, "klage"), "{}", file.display());
    }
    assert!(contains(&database, "9QX2"), "the other case is there");
    assert_eq!(here.said(&["explain", "7F3K"]).await.0, Some(1));
    let (code, _, err) = here.said(&["audit", "verify"]).await;
    assert!(code == Some(0) && err.contains("2 entries have no words any more"), "{err}");
    // The daemon goes on with it.
    here.tick("2026-03-17T08:00:00+01:00").await;
    let (code, _, err) = here.said(&["hold", "add", "7F3K", "--by", "kari", "--reason", "klage"]).await;
    assert!(code == Some(1) && err.contains("it may have been purged"), "{err}");
}

/// Somebody tries what the service will do in two years.
#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_is_tried_ahead_of_the_clock_purges_nothing() {
    let here = installed(FACTS, "retention.months = 3\n").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    here.import(CLOSED).await;
    here.tick("2026-03-13T08:00:00+01:00").await;
    let Installation { folder, catcher: _catcher, daemon, .. } = here;
    Arc::into_inner(daemon).unwrap().store.close().await;
    let ahead = |days| (Clock::System.now() + TimeDelta::days(days)).to_rfc3339();
    let past = |day: &str| format!("2026-06-{day}T08:00:00+02:00");
    for (now, is_there) in [(ahead(800), true), (ahead(801), true), (past("16"), true), (past("17"), false)] {
        let (code, _, err) = run(folder.path(), "fristvakt.toml", &["run", "--once", "--now", &now]).await;
        assert_eq!(code, Some(0), "{err}");
        let (code, ..) = run(folder.path(), "fristvakt.toml", &["explain", "7F3K"]).await;
        assert_eq!(code == Some(0), is_there, "{now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_a_case_or_exports_it_stands_in_the_access_log() {
    let here = closed().await;
    here.done(&["explain", "7F3K", "--by", "kari"]).await;
    here.done(&["notices", "list", "--case", "S-1"]).await;
    here.done(&["obligations", "list", "--case", "S-1", "--by", "per"]).await;
    here.done(&["obligations", "list"]).await;
    let file = here.folder().join("S-1.ndjson");
    here.done(&["export", "7F3K", "--by", "kari", "--output", "S-1.ndjson"]).await;
    assert_eq!(mode(&file), 0o600);
    let exported = fs::read_to_string(&file).unwrap();
    let kinds: Vec<String> = exported
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in ["export", "explanation", "case", "event", "obligation", "notice", "message", "attempt", "access"] {
        assert!(kinds.iter().any(|found| found == kind), "{kind}: {kinds:?}");
    }
    assert!(!exported.contains("9QX2") && !exported.contains("\"S-2\""));
    let person = here.done(&["export", "--person", "larer", "--by", "kari"]).await;
    assert!(
        person.contains("larer@k.example")
            && person.contains(r#""role":"stafettholder""#)
            && !person.contains("rektor@")
    );
    let all = here.done(&["export", "--all"]).await;
    assert!(all.contains(r#""type":"tenant""#) && all.contains("9QX2"));
    let (code, _, err) = here.said(&["export", "7F3K", "--person", "larer"]).await;
    assert!(code == Some(2), "{err}");
    let log = here.done(&["access", "list"]).await;
    let lines: Vec<Vec<&str>> = log
        .lines()
        .skip(1)
        .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect())
        .collect();
    let said: Vec<String> = lines.iter().map(|cells| format!("{} {} {}", cells[3], cells[5], cells[6])).collect();
    let nobody = format!("uid {}", fristvakt::config::user_number());
    let expected = [
        format!("{nobody} export everything"),
        "kari explain case S-1".to_owned(),
        format!("{nobody} list case S-1"),
        "per list case S-1".to_owned(),
        "kari export case S-1".to_owned(),
        "kari export person larer".to_owned(),
    ];
    assert_eq!(said, expected, "{log}");
    assert_eq!(here.done(&["access", "list", "--person", "larer"]).await.lines().count(), 2);
    for canary in CANARIES {
        assert!(!log.contains(canary), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backlog_lists_what_was_due_before_the_first_day() {
    let facts = FACTS
        .replace("2026-01-01", "2026-03-20")
        .replace(r#""id":"S-2","ref":"9QX2","#, r#""id":"S-2","ref":"9QX2","protected":true,"#);
    let here = installed(&facts, "").await;
    here.tick("2026-03-19T08:00:00+01:00").await;
    let out = here.done(&["backlog", "--now", "2026-03-23T12:00:00+01:00", "--format", "json"]).await;
    let cases: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cases: Vec<_> =
        cases.iter().map(|row| (row["ref"].as_str().unwrap(), row["due_on"].as_str().unwrap())).collect();
    assert_eq!(cases, [("7F3K", "2026-03-16"), ("9QX2", "2026-03-16")], "{out}");
    here.tick("2026-03-20T08:00:00+01:00").await;
    let [(to, text)] = &here.mails()[..] else { panic!("one list") };
    assert!(to == "koord@k.example" && text.contains("7F3K") && !text.contains("9QX2"), "{text}");
    assert_eq!(here.done(&["backlog", "--tenant", "other"]).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_goes_through_every_channel_and_says_what_each_answered() {
    let hook = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(200))
        .mount(&hook)
        .await;
    let webhook = |name: &str, more: &str| {
        format!(
            "[[webhook]]\nname = \"{name}\"\nformat = \"slack\"\nurl_file = \"url\"\nallow_insecure_loopback = true\n{more}\n"
        )
    };
    let more = format!("{}{}", webhook("laget", ""), webhook("andre", "tenants = [\"other\"]"));
    let here = installed(FACTS, &more).await;
    fs::write(here.folder().join("url"), format!("{}/hemmelig-kanari\n", hook.uri())).unwrap();
    let (code, _, err) = here.said(&["drill", "--to", "kari@elsewhere.example"]).await;
    assert!(code == Some(2) && err.contains("nowhere else") && !err.contains("kari@"), "{err}");
    assert_eq!(here.mails(), []);
    let out = here.done(&["drill", "--to", "larer@k.example"]).await;
    assert!(out.contains("test mail") && out.contains("laget") && !out.contains("andre"), "{out}");
    let got = hook.received_requests().await.unwrap();
    assert!(got.len() == 1 && String::from_utf8_lossy(&got[0].body).contains("[TEST]"));
    let mail = fs::read_dir(here.folder().join("mail")).unwrap().next().unwrap().unwrap().path();
    assert!(contains(&mail, "[TEST]"));
    hook.reset().await;
    let (code, out, err) = here.said(&["drill", "--to", "larer@k.example", "--tenant", "k"]).await;
    assert!(code == Some(1) && out.contains("404") && err.contains("1 channel(s) did not take the test"), "{out}{err}");
    for canary in CANARIES {
        assert!(!format!("{out}{err}").contains(canary), "{out}{err}");
    }
    assert_eq!(here.said(&["drill", "--to", "larer@k.example", "--tenant", "x"]).await.0, Some(1));
}

const OLDER: &str =
    "the database is older than the acceptance journal; what the journal knows was recalled and is not sent again";

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_of_the_file_is_restored_and_nothing_is_sent_twice() {
    let here = installed(FACTS, "").await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    // The daemon has it open, and goes on.
    let out = here.done(&["backup", "b.db"]).await;
    assert!(
        out.starts_with("b.db: the database, schema ")
            && out.contains("b.db.accepted: the acceptance journal, 1 lines"),
        "{out}"
    );
    let [file, journal] = ["b.db", "b.db.accepted"].map(|name| here.folder().join(name));
    assert_eq!((mode(&file), mode(&journal), mode(&journal.join("00000001.journal"))), (0o600, 0o700, 0o600));
    let (code, _, err) = here.said(&["backup", "b.db"]).await;
    assert!(code == Some(1) && err.contains("is there already; name another file"), "{err}");
    for round in ["2026-03-16T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
        here.tick(round).await;
    }
    let sent = here.mails().len();
    assert!(sent >= 3, "{sent}");
    let Installation { folder, catcher, daemon, .. } = here;
    Arc::into_inner(daemon).unwrap().store.close().await;
    let here = folder.path();
    for companion in ["test.db-wal", "test.db-shm"] {
        let _ = fs::remove_file(here.join(companion));
    }
    fs::copy(&file, here.join("test.db")).unwrap();
    let once = ["run", "--once", "--now", "2026-03-17T08:05:00+01:00"];
    let (code, _, log) = run(here, "fristvakt.toml", &once).await;
    assert_eq!((code, log.matches(OLDER).count()), (Some(0), 1), "{log}");
    let (code, _, log) = run(here, "fristvakt.toml", &once).await;
    assert!(code == Some(0) && !log.contains(OLDER), "{log}");
    assert_eq!(catcher.unwrap().count(), sent, "nothing is sent twice");
    // Somebody goes back to an older program.
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", here.join("test.db").display())).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    for arguments in [&once[..], &["explain", "7F3K"], &["purge", "--before", "2026-01-01"]] {
        let (code, _, err) = run(here, "fristvakt.toml", arguments).await;
        let sentence = "the database has schema 9999, newer than this program's";
        assert!(
            code == Some(78) && err.contains(sentence) && err.contains("install the version that wrote it"),
            "{err}"
        );
    }
    // What a newer program wrote can be backed up all the same.
    assert_eq!(run(here, "fristvakt.toml", &["backup", "c.db"]).await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_dump_of_the_server_is_restored_and_nothing_is_sent_twice() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, FACTS).await;
    county.set(instant("2026-03-11T08:00:00+01:00"));
    daemon.tick().await.unwrap();
    let folder = county.folder();
    let (code, _, err) = run(folder, "a.toml", &["backup", "b.db"]).await;
    assert!(code == Some(2) && err.contains("use `pg_dump") && !err.contains(PASSWORD), "{err}");
    let url = database.url();
    let dump = folder.join("b.dump");
    let tool = async |name: &'static str, arguments: Vec<String>| {
        let mut command = Command::new(name);
        command.args(arguments);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap()
    };
    let dumped =
        tool("pg_dump", vec!["--format=custom".into(), format!("--file={}", dump.display()), url.clone()]).await;
    // It comes with most installations of the server, and not with all.
    let Ok(dumped) = dumped else { return };
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    for round in ["2026-03-16T08:00:00+01:00", "2026-03-17T08:00:00+01:00"] {
        county.set(instant(round));
        daemon.tick().await.unwrap();
    }
    let sent = county.told().len();
    assert!(sent >= 3, "{sent}");
    daemon.leave().await.unwrap();
    Arc::into_inner(daemon).unwrap().store.close().await;
    let arguments = ["--clean", "--if-exists", "--no-owner", "--single-transaction"].map(str::to_owned);
    let restored =
        tool("pg_restore", [&arguments[..], &[format!("--dbname={url}"), dump.display().to_string()]].concat()).await;
    let restored = restored.unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let once = ["run", "--once", "--now", "2026-03-17T08:05:00+01:00"];
    let (code, _, log) = run(folder, "a.toml", &once).await;
    assert_eq!((code, log.matches(OLDER).count()), (Some(0), 1), "{log}");
    assert_eq!(county.told().len(), sent, "nothing is sent twice");
}
