//! A daemon with a source: it reads by itself, waits for nobody, and says how old its facts are.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::base::{self, Base};
use crate::daemon::Installation;

/// The organisation by hand, the cases from a source.
const ORGANISATION: &str = r#"
{"type":"tenant","id":"k","name":"Kommune","packs":["tromso"],"fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}
{"type":"unit","tenant":"k","id":"skole"}
{"type":"person","tenant":"k","id":"larer","email":"larer@k.example","unit":"skole"}
{"type":"person","tenant":"k","id":"gjest","email":"gjest@k.example","language":"en"}
{"type":"person","tenant":"k","id":"nynorsk","email":"nynorsk@k.example","language":"nn"}
"#;

const TABLES: &str = "CREATE TABLE c (id VARCHAR(9), ref VARCHAR(9), holder VARCHAR(9), dato VARCHAR(10)); \
    INSERT INTO c VALUES ('S-1', '7F3K', 'larer', '2026-03-02'), ('S-2', '9QX2', 'gjest', '2026-03-02'), ('S-3', 'M4TD', 'nynorsk', '2026-03-02')";

const QUERIES: &str = "[source.query.case]\nsql = \"SELECT id, ref, holder AS stafettholder FROM c\"\nfull = true\n\
    [source.query.event]\nsql = '''SELECT id AS \"case\", 'e1' AS id, 'concern_raised' AS kind, dato AS \"on\" FROM c'''\nfull = true\n";

fn section(url: &str, more: &str) -> String {
    format!("[[source]]\nname = \"fagsystem\"\nurl = \"{url}\"\ntenants = [\"k\"]\n{more}\n{QUERIES}")
}

fn file(base: &Base) -> std::path::PathBuf {
    Path::new(base.url().strip_prefix("sqlite://").unwrap()).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn known_deadlines_go_on_and_mails_say_as_of_when_their_facts_are() {
    let base = base::sqlite();
    base.run(TABLES);
    let here = Installation::configured(ORGANISATION, &section(&base.url(), "")).await;
    here.tick("2026-03-09T14:30:00+01:00").await;
    assert_eq!(here.daemon().poll_sources().await, 1);
    // It cannot be read any more; the first reminder is due two days later.
    std::fs::rename(file(&base), file(&base).with_extension("away")).unwrap();
    for moment in ["2026-03-10T14:00:00+01:00", "2026-03-11T07:55:00+01:00"] {
        here.tick(moment).await;
        here.daemon().poll_sources().await;
    }
    here.tick("2026-03-11T08:00:00+01:00").await;
    let mut mails = here.mails();
    mails.sort();
    let line = |mail: &(String, String)| mail.1.lines().find(|line| line.contains("9")).unwrap().to_owned();
    let texts: Vec<(String, String)> = mails.iter().map(|mail| (mail.0.clone(), line(mail))).collect();
    let expected = [
        (
            "gjest@k.example",
            "This is as of Monday 9 March at 14:30. What was recorded in the case system since then is not in it.",
        ),
        (
            "larer@k.example",
            "Opplysningene er fra mandag 9. mars kl. 14.30. Det som er registrert i fagsystemet siden da, er ikke med.",
        ),
        (
            "nynorsk@k.example",
            "Opplysningane er frå måndag 9. mars kl. 14.30. Det som er registrert i fagsystemet sidan då, er ikkje med.",
        ),
    ];
    assert_eq!(texts, expected.map(|(to, text)| (to.to_owned(), text.to_owned())));
    // It is back: the next mail says nothing of it.
    std::fs::rename(file(&base).with_extension("away"), file(&base)).unwrap();
    here.tick("2026-03-16T07:50:00+01:00").await;
    here.daemon().poll_sources().await;
    here.tick("2026-03-16T08:00:00+01:00").await;
    let later = &here.mails()[3..];
    assert_eq!(later.len(), 3);
    assert!(later.iter().all(|(_, text)| !text.contains("14.30") && !text.contains("14:30")), "{later:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_before_facts_are_old_or_of_a_source_that_was_never_read() {
    let base = base::sqlite();
    base.run(TABLES);
    let here = Installation::configured(ORGANISATION, &section(&base.url(), "stale_after = 172800")).await;
    here.tick("2026-03-09T14:30:00+01:00").await;
    here.daemon().poll_sources().await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    assert_eq!(here.mails().len(), 3);
    assert!(here.mails().iter().all(|(_, text)| !text.contains("14.30")), "two days have not passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_how_a_source_stands_and_readiness_does_not_ask() {
    let base = base::sqlite();
    base.run(TABLES);
    let here = Installation::configured(ORGANISATION, &section(&base.url(), "")).await;
    let site = crate::web::Site::on(here).await;
    let metric = |page: &str, name: &str| {
        let start = format!("fristvakt_source_{name}{{source=\"fagsystem\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    };
    let page = site.metrics().await;
    assert_eq!((metric(&page, "failing"), metric(&page, "lag_seconds")), (Some("0.0".to_owned()), None), "never read");
    site.installation().tick("2026-03-09T14:30:00+01:00").await;
    site.installation().daemon().poll_sources().await;
    base.run("DELETE FROM c WHERE id <> 'S-1'; UPDATE c SET dato = '9.3.2026'");
    site.installation().tick("2026-03-09T14:40:00+01:00").await;
    site.installation().daemon().poll_sources().await;
    let page = site.metrics().await;
    let value = |name: &str| metric(&page, name).unwrap_or_else(|| panic!("no {name} in\n{page}"));
    assert_eq!([value("failing"), value("held"), value("rows_set_aside")], ["0.0", "1.0", "1.0"]);
    base.run("DROP TABLE c");
    site.installation().tick("2026-03-09T15:40:00+01:00").await;
    site.installation().daemon().poll_sources().await;
    let page = site.metrics().await;
    let value = |name: &str| metric(&page, name).unwrap_or_else(|| panic!("no {name} in\n{page}"));
    assert_eq!([value("failing"), value("lag_seconds")], ["1.0", "3600.0"]);
    let at = super::at("2026-03-09T14:40:00+01:00").timestamp();
    assert_eq!(value("last_success_timestamp_seconds").parse::<f64>().unwrap() as i64, at);
    let (status, _) = site.get("/readyz", None).await;
    assert_eq!(status, reqwest::StatusCode::OK, "known deadlines go on");
}

/// A daemon of its own process, and its log.
struct Running {
    process: Child,
    log: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Running {
    fn start(folder: &Path, configuration: &str) -> Self {
        let path = folder.join("fristvakt.toml");
        std::fs::write(&path, configuration).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.arg("run").env_clear().env("FRISTVAKT_CONFIG", path).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, log }
    }

    /// Reads the log up to a line that holds `text`; all of it.
    fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        for line in self.log.by_ref() {
            read.push_str(&line.unwrap());
            read.push('\n');
            if read.lines().last().is_some_and(|line| line.contains(text)) {
                return read;
            }
        }
        panic!("no `{text}` in\n{read}");
    }

    fn stop(mut self) -> String {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let rest: Vec<String> = self.log.by_ref().map(Result::unwrap).collect();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
        rest.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

#[test]
fn a_running_daemon_reads_by_itself_and_acts_on_it_at_once() {
    let base = base::sqlite();
    base.run(TABLES);
    base.run("CREATE TABLE k (id VARCHAR(9)); INSERT INTO k VALUES ('k')");
    let tenant = "[source.query.tenant]\nsql = \"SELECT 'k' AS id, 'tromso' AS packs, 'post@k.example' AS fallback, 'k.example' AS mail_domains\"\nfull = true\n";
    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        "database = \"sqlite://f.db\"\nmode = \"shadow\"\n[log]\nlevel = \"info,fristvakt=debug\"\n{}{tenant}",
        section(&base.url(), "")
    );
    let mut daemon = Running::start(folder.path(), &configuration);
    let log = daemon.until("awake wake=Facts");
    assert!(log.contains("facts taken source=\"fagsystem\" query=\"event\" rows=3 new=3"), "{log}");
    daemon.stop();
}

/// The other side takes the connection and never says a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_hangs_holds_up_neither_the_rounds_nor_the_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://vakt@{}/samspill", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        "database = \"sqlite://f.db\"\nmode = \"shadow\"\n[log]\nlevel = \"info,fristvakt=debug\"\n{}",
        section(&url, "timeout = 3600")
    );
    let path = folder.path().to_owned();
    let mut daemon = tokio::task::spawn_blocking(move || Running::start(&path, &configuration)).await.unwrap();
    let (connection, _) = silent.accept().await.unwrap();
    let stopped = tokio::task::spawn_blocking(move || {
        daemon.until("awake");
        let begun = std::time::Instant::now();
        daemon.stop();
        begun.elapsed()
    });
    assert!(stopped.await.unwrap() < std::time::Duration::from_secs(5));
    drop(connection);
}

/// What every daemon of a test is: it can be dropped and opened again, and goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_starts_again_goes_on_where_it_was() {
    let base = base::sqlite();
    base.run("CREATE TABLE c (id VARCHAR(9), changed INTEGER); INSERT INTO c VALUES ('S-1', 5000), ('S-2', 9000)");
    let queries = "[source.query.case]\nsql = \"SELECT id, changed FROM c WHERE changed >= ?\"\nwatermark = \"changed\"\noverlap = 0\n";
    let extra = format!("[[source]]\nname = \"a\"\nurl = \"{}\"\ntenants = [\"k\"]\n{queries}", base.url());
    let here = Installation::configured(ORGANISATION, &extra).await;
    here.tick("2026-03-09T14:30:00+01:00").await;
    here.daemon().poll_sources().await;
    let here = here.restarted_with(&extra).await;
    here.tick("2026-03-09T14:40:00+01:00").await;
    here.daemon().poll_sources().await;
    let state = here.daemon().store.source_state("a").await.unwrap();
    assert_eq!((state.queries[0].rows, state.queries[0].watermark.as_deref()), (1, Some("integer 9000")));
    assert!(Arc::strong_count(here.daemon()) == 1, "no poll is left behind");
}
