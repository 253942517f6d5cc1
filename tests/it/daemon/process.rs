//! The binary as an operating system sees it: exit codes, signals, what is on stdout and what on stderr.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::FACTS;

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
    command.current_dir(folder).env_clear().env("FRISTVAKT_CONFIG", folder.join("fristvakt.toml"));
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fristvakt.toml"), "database = \"sqlite://test.db\"\n").unwrap();
    std::fs::write(folder.path().join("facts.ndjson"), FACTS).unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn importing_twice_changes_nothing() {
    let folder = folder();
    let first = run(folder.path(), &["import", "facts.ndjson"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(
        text(&first.stdout),
        "facts.ndjson: tenants: 1 new; units: 2 new; persons: 5 new; cases: 2 new; events: 2 new\n"
    );
    let second = run(folder.path(), &["import", "facts.ndjson"]);
    assert_eq!(text(&second.stdout), "facts.ndjson: nothing new (12 records were there already)\n");
}

#[test]
fn a_file_with_errors_is_refused_whole_with_every_line() {
    let folder = folder();
    let bad = format!(
        "{FACTS}{}\n{}\n",
        r#"{"type":"event","tenant":"k","case":"S-1","id":"e9","kind":"decision_mad","on":"2026-03-10"}"#,
        r#"{"type":"event","tenant":"k","case":"S-9","id":"e9","kind":"decision_made","on":"2026-02-30"}"#
    );
    std::fs::write(folder.path().join("bad.ndjson"), bad).unwrap();
    let output = run(folder.path(), &["import", "bad.ndjson"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    assert!(shown.contains("line 13") && shown.contains("did you mean `decision_made`?"), "{shown}");
    assert!(shown.contains("line 14") && shown.contains("`on`"), "{shown}");
    let after = run(folder.path(), &["import", "facts.ndjson"]);
    assert!(text(&after.stdout).contains("tenants: 1 new"), "nothing of the bad file was kept");
}

#[test]
fn broken_rules_are_exit_78_with_file_line_and_suggestion() {
    let folder = folder();
    let rules = folder.path().join("rules");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples/rules"), &rules);
    let pack = std::fs::read_to_string(rules.join("example.toml")).unwrap();
    let broken = pack
        .replace("met_by = \"decision_made\"", "met_by = \"decision_mad\"")
        .replace("within = \"1w\"", "withn = \"1w\"");
    std::fs::write(rules.join("example.toml"), broken).unwrap();
    for arguments in [&["check", "rules"][..], &["run", "--once", "--config", "with-rules.toml"]] {
        std::fs::write(folder.path().join("with-rules.toml"), "database = \"sqlite://test.db\"\nrules = \"rules\"\n")
            .unwrap();
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        let shown = text(&output.stderr);
        assert!(shown.contains("example.toml:27:10") && shown.contains("did you mean `decision_made`?"), "{shown}");
        assert!(shown.contains("did you mean `within`?") && shown.contains("needs `within`"), "{shown}");
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(&path, &target).map(|_| ()).unwrap() }
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_exit_78_and_an_unknown_flag_2() {
    let folder = folder();
    std::fs::write(folder.path().join("fristvakt.toml"), "databse = \"sqlite://test.db\"\n").unwrap();
    let output = run(folder.path(), &["run", "--once"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("databse"), "{}", text(&output.stderr));
    assert_eq!(run(folder.path(), &["run", "--twice"]).status.code(), Some(2));
}

#[test]
fn the_daemon_ends_by_itself_on_sigterm_and_leaves_the_database_free() {
    let folder = folder();
    assert!(run(folder.path(), &["import", "facts.ndjson"]).status.success());
    let mut daemon = Running::start(folder.path());
    daemon.signal("-TERM");
    assert_eq!(daemon.process.wait().unwrap().code(), Some(0));
    let once = run(folder.path(), &["run", "--once", "--now", "2026-03-02T08:00:00+01:00"]);
    assert!(once.status.success(), "{}", text(&once.stderr));
}

/// A running daemon, and what it logs.
pub(crate) struct Running {
    pub(crate) process: std::process::Child,
    pub(crate) lines: std::io::Lines<std::io::BufReader<std::process::ChildStderr>>,
}

impl Running {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut running = Self::begin(folder);
        running.until(&["ready"]);
        running
    }

    /// Begins it; what it logs first is still to be read.
    pub(crate) fn begin(folder: &Path) -> Self {
        let mut process = command(folder).arg("run").stderr(Stdio::piped()).spawn().unwrap();
        let stderr = process.stderr.take().unwrap();
        Self { process, lines: std::io::BufRead::lines(std::io::BufReader::new(stderr)) }
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
    }

    /// Reads the log up to a line with any of `texts`; all of it.
    pub(crate) fn until(&mut self, texts: &[&str]) -> String {
        let mut read = String::new();
        for line in self.lines.by_ref() {
            read.push_str(&line.unwrap());
            read.push('\n');
            if texts.iter().any(|text| read.contains(text)) {
                return read;
            }
        }
        panic!("the daemon ended without {texts:?}: {read}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is wrong with a folder of rules when it is read again, and what the log says of it.
const BROKEN: &[(&str, &str, &str)] = &[
    ("example.toml", "[[rule]]\nid = ", "the rules have"),
    ("example.toml", "pack = 7", "the rules have"),
    ("vocabulary.toml", "events = 7", "the rules have"),
    ("messages/nb/message.txt", "Hei {{ nope", "messages/nb/message.txt"),
    ("messages/nb/message.txt", "Hei {{ level }}", "messages/nb/message.txt"),
    ("messages/nb/massage.txt", "Hei", "messages/nb/massage.txt"),
];

#[test]
fn what_is_broken_when_it_is_read_again_leaves_the_rules_in_use_as_they_were() {
    let folder = folder();
    let rules = folder.path().join("rules");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples/rules"), &rules);
    let config = "database = \"sqlite://test.db\"\nrules = \"rules\"\n[log]\nformat = \"text\"\n";
    std::fs::write(folder.path().join("fristvakt.toml"), config).unwrap();
    std::fs::create_dir_all(rules.join("messages/nb")).unwrap();
    let mut daemon = Running::start(folder.path());
    for (file, text, expected) in BROKEN {
        let path = rules.join(file);
        let before = std::fs::read_to_string(&path).ok();
        std::fs::write(&path, text).unwrap();
        daemon.signal("-HUP");
        let logged = daemon.until(&["the ones in use stay", "rules read again"]);
        assert!(logged.contains(expected) && logged.contains("the ones in use stay"), "{file} {text}: {logged}");
        assert!(!logged.contains("rules in use;"), "{file} {text}: {logged}");
        match before {
            Some(before) => std::fs::write(&path, before).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
    }
    std::fs::write(rules.join("messages/nb/message.txt"), "Hei\n").unwrap();
    daemon.signal("-HUP");
    assert!(daemon.until(&["rules read again"]).contains("rules in use; all cases will be planned with them"));
    daemon.signal("-TERM");
    assert_eq!(daemon.process.wait().unwrap().code(), Some(0));
}

/// Every word that may never leave the facts and the mail: names, addresses, a secret.
pub(crate) const CANARIES: [&str; 6] =
    ["drift@k.example", "Kanarifugl", "larer@k.example", "post@k.example", "hemmelig-kanari", "rektor@k.example"];

/// A record that cannot be used, so that there is something to tell the operator.
async fn set_aside(folder: &Path) {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", folder.join("test.db").display())).await.unwrap();
    let insert = "INSERT INTO quarantine (tenant, record, reason, since) VALUES ('k', 'case S-9', 'unknown word', 1773000000000)";
    sqlx::query(insert).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_holds_a_name_an_address_or_a_secret_even_at_trace() {
    let folder = folder();
    let catcher = fristvakt::catcher::Catcher::start(folder.path().join("mail")).await.unwrap();
    let facts = FACTS.replace(r#""id":"larer","#, r#""id":"larer","name":"Kari Kanarifugl","#);
    let poison = r#"{"type":"event","tenant":"k","case":"S-2","id":"e7","kind":"decision_made","on":"Kanarifugl"}"#;
    std::fs::write(folder.path().join("facts.ndjson"), &facts).unwrap();
    std::fs::write(folder.path().join("poison.ndjson"), poison).unwrap();
    std::fs::write(folder.path().join("secret"), "hemmelig-kanari\n").unwrap();
    let chat = wiremock::MockServer::start().await;
    let busy = wiremock::ResponseTemplate::new(429).set_body_string("hemmelig-kanari");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(busy).mount(&chat).await;
    let url = format!("{}/hemmelig-kanari?sig=hemmelig-kanari\n", chat.uri());
    std::fs::write(folder.path().join("url"), url).unwrap();
    let email = |port: u16, login: &str| {
        format!(
            "reports.enabled = false\ndatabase = \"sqlite://test.db\"\n[log]\nlevel = \"trace\"\n[email]\nhost = \"127.0.0.1\"\nport = {port}\n\
             security = \"none\"\nfrom = \"fristvakt@k.example\"\n{login}[[webhook]]\nname = \"hook\"\nformat = \"slack\"\n\
             url_file = \"url\"\nallow_insecure_loopback = true\n[dead_man]\nurl_file = \"url\"\n\
             allow_insecure_loopback = true\n[operator]\nmail = [\"drift@k.example\"]\n"
        )
    };
    let login = "username = \"fristvakt\"\npassword_file = \"secret\"\n";
    std::fs::write(folder.path().join("fristvakt.toml"), email(catcher.address().port(), "")).unwrap();
    std::fs::write(folder.path().join("login.toml"), email(catcher.address().port(), login)).unwrap();
    std::fs::write(folder.path().join("down.toml"), email(1, login)).unwrap();
    let round = ["--once", "--now", "2026-03-11T08:00:00+01:00"];
    let escalation = ["--once", "--now", "2026-03-17T08:00:00+01:00"];
    let imported = run(folder.path(), &["import", "facts.ndjson"]);
    let mut shown = text(&imported.stdout) + &text(&imported.stderr);
    set_aside(folder.path()).await;
    for arguments in [
        [&["import", "poison.ndjson"][..], &[]].concat(),
        [&["run", "--config", "down.toml"][..], &round].concat(),
        [&["run", "--config", "login.toml", "--log-format", "json"][..], &round].concat(),
        [&["run", "--config", "login.toml", "--log-format", "journal"][..], &round].concat(),
        [&["run"][..], &escalation].concat(),
        vec!["messages", "list"],
        vec!["notices", "list", "--format", "json"],
        vec!["quarantine", "list"],
        vec!["explain", "7F3K", "--by", "kari"],
        vec!["hold", "add", "7F3K", "--by", "kari", "--reason", "klage"],
        vec!["hold", "list", "--all"],
        vec!["purge", "--before", "2026-01-01"],
        vec!["purge", "--before", "2026-01-01", "--yes", "--by", "kari", "--format", "json"],
        vec!["export", "7F3K"],
        vec!["access", "list"],
        vec!["audit", "list"],
        vec!["backlog"],
        vec!["backup", "b.db"],
        vec!["drill", "--to", "larer@k.example"],
        vec!["drill", "--to", "kari.kanarifugl@elsewhere.example"],
    ] {
        let output = tokio::task::spawn_blocking({
            let folder = folder.path().to_owned();
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            move || run(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let output = output.await.unwrap();
        shown.push_str(&text(&output.stdout));
        shown.push_str(&text(&output.stderr));
    }
    assert!(catcher.count() > 0 && !chat.received_requests().await.unwrap().is_empty(), "{shown}");
    assert!(shown.contains("DEBUG") && shown.contains("not sent"), "{shown}");
    let mails = std::fs::read_dir(folder.path().join("mail")).unwrap();
    let to_operator = |path: &Path| path.to_string_lossy().contains("drift");
    assert!(mails.filter(|mail| to_operator(&mail.as_ref().unwrap().path())).count() > 0, "the operator hears");
    assert!(
        shown.contains("the operator was told") && shown.contains("the watcher elsewhere does not hear us"),
        "{shown}"
    );
    let has_all_forms = ["<7>", "\"level\":\"TRACE\"", "round{number="].iter().all(|form| shown.contains(form));
    assert!(has_all_forms, "{shown}");
    for canary in CANARIES {
        let line = shown.lines().find(|line| line.contains(canary));
        assert_eq!(line, None, "`{canary}` was shown");
    }
}

#[test]
fn the_journal_gets_priorities_and_other_readers_of_the_log_do_not() {
    use std::os::linux::fs::MetadataExt;
    let folder = folder();
    let path = folder.path().join("journal");
    let file = std::fs::File::create(&path).unwrap();
    let metadata = file.metadata().unwrap();
    let stream = format!("{}:{}", metadata.st_dev(), metadata.st_ino());
    let once = ["run", "--once", "--now", "2026-03-11T08:00:00+01:00"];
    let mut to_the_journal = command(folder.path());
    to_the_journal.args(once).env("JOURNAL_STREAM", &stream).stderr(file);
    assert!(to_the_journal.status().unwrap().success());
    let journal = std::fs::read_to_string(&path).unwrap();
    assert!(journal.lines().any(|line| line.starts_with("<4>`[email]` is not configured")), "{journal}");
    assert!(journal.lines().any(|line| line.starts_with("<6>done")), "{journal}");
    let has_priority = |line: &str| line.as_bytes().first() == Some(&b'<') && line.as_bytes().get(2) == Some(&b'>');
    assert!(journal.lines().all(has_priority), "{journal}");
    // The variable was inherited, and stderr leads elsewhere.
    let elsewhere = command(folder.path()).args(once).env("JOURNAL_STREAM", &stream).output().unwrap();
    let lines = text(&elsewhere.stderr);
    assert!(lines.contains("INFO done") && !lines.lines().any(has_priority), "{lines}");
}

#[test]
fn check_reads_templates_and_tests_too() {
    let folder = folder();
    let rules = folder.path().join("rules");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/examples/rules"), &rules);
    assert!(run(folder.path(), &["check", "rules"]).status.success());
    let template = rules.join("messages/nb/message.txt");
    std::fs::create_dir_all(template.parent().unwrap()).unwrap();
    for broken in ["Hei {{ nope", "Hei {{ level }}"] {
        std::fs::write(&template, broken).unwrap();
        let output = run(folder.path(), &["check", "rules"]);
        assert_eq!(output.status.code(), Some(78));
        assert!(text(&output.stderr).contains("messages/nb/message.txt"), "{}", text(&output.stderr));
    }
    std::fs::remove_file(&template).unwrap();
    std::fs::write(rules.join("example.test.toml"), "pack = \"example\"\n[[tset]]\n").unwrap();
    let output = run(folder.path(), &["check", "rules"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("example.test.toml:2"), "{}", text(&output.stderr));
}
