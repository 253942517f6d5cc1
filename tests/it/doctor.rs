//! `doctor` as a person at a terminal sees it: what is well, what is not, and how to mend it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use fristvakt::catcher::Catcher;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::daemon::FACTS;
use crate::hostile::{Act, Begins, Identity, Relay, Setup, Step};

const NOW: &str = "2026-03-11T09:00:00+01:00";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "4f1c0a8e5d7b9236e1f0a2b3c4d5e6f7";

/// A folder with a configuration, its secrets, and facts.
struct House(TempDir);

impl House {
    fn with(configuration: &str) -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        house.write("fristvakt.toml", &format!("database = \"sqlite://test.db\"\n{configuration}"), 0o644);
        house.write("facts.ndjson", FACTS, 0o644);
        house.write("smtp-password", "hemmelig-kanari\n", 0o600);
        house.write("webhook-secret", SECRET, 0o600);
        house.write("token", TOKEN, 0o600);
        house
    }

    /// With facts, and the round of the day held.
    async fn furnished(configuration: &str) -> Self {
        let house = Self::with(configuration);
        for arguments in [&["import", "facts.ndjson"][..], &["run", "--once", "--now", "2026-03-11T08:00:00+01:00"]] {
            let output = house.run(arguments).await;
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        house
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.args(arguments).current_dir(self.path()).env_clear().env("FRISTVAKT_CONFIG", "fristvakt.toml");
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// The exit code, and what is printed, without what differs from machine to machine.
    async fn doctor(&self, more: &[&str]) -> (i32, String) {
        let now = if more.contains(&"--now") { &[][..] } else { &["--now", NOW] };
        let output = self.run(&[&["doctor"], now, more].concat()).await;
        (output.status.code().unwrap(), redacted(&text(&output.stdout)))
    }

    /// Changes the database by hand.
    async fn execute(&self, statement: &'static str) {
        let url = format!("sqlite://{}", self.path().join("test.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// One group of what is printed.
    async fn group(&self, title: &str, more: &[&str]) -> String {
        let (_, shown) = self.doctor(more).await;
        let start = shown.find(&format!("{title}\n")).unwrap_or_else(|| panic!("no {title} in\n{shown}"));
        shown[start..].split("\n\n").next().unwrap().to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Sizes, ports and numbers that grow with the program are as they are.
fn redacted(text: &str) -> String {
    let line = |line: &str| {
        if let Some((before, _)) = line.split_once("the shipped rules: ") {
            return format!("{before}the shipped rules: SO MANY");
        }
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for place in 1..words.len() {
            let unit = words[place].trim_end_matches(',').to_owned();
            let is_size = words[place - 1].starts_with(|char: char| char.is_ascii_digit());
            if ["B", "kB", "MB", "GB", "TB"].contains(&&*unit) && is_size {
                words[place - 1] = "SOME".to_owned();
                words[place] = words[place].replace(&unit, "BYTES");
            }
            if words[place - 1] == "schema" {
                words[place] = "N".to_owned();
            }
        }
        words.iter().map(|word| without_port(word)).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|one| line(one) + "\n").collect()
}

fn without_port(word: &str) -> String {
    for host in ["127.0.0.1:", "localhost:"] {
        if let Some((before, rest)) = word.split_once(host) {
            return format!("{before}{host}PORT{}", rest.trim_start_matches(|char: char| char.is_ascii_digit()));
        }
    }
    word.to_owned()
}

fn email(port: u16, more: &str) -> String {
    let security = if more.contains("security") { "" } else { "security = \"none\"\n" };
    let host = if more.contains("host") { "" } else { "host = \"127.0.0.1\"\n" };
    format!("[email]\n{host}port = {port}\nfrom = \"fristvakt@k.example\"\n{security}{more}\n")
}

/// A relay with a certificate.
fn starttls(identity: &Identity) -> Setup {
    Setup { tls: Some((identity.clone(), Begins::Starttls)), ..Setup::default() }
}

fn login(identity: &Identity, host: &str) -> String {
    let ca = identity.ca_file.path();
    format!(
        "host = \"{host}\"\nsecurity = \"starttls\"\nusername = \"fristvakt\"\npassword_file = \"smtp-password\"\nca_file = {ca:?}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_installation_and_a_test_mail() {
    let mail = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(mail.path().to_owned()).await.unwrap();
    let house = House::furnished(&email(catcher.address().port(), "")).await;
    assert_eq!(catcher.count(), 1, "the round's mail");
    let (code, shown) = house.doctor(&["--send-test", "rektor@k.example"]).await;
    assert_eq!(code, 0, "{shown}");
    insta::assert_snapshot!(shown);
    let kept = std::fs::read(mail.path().join("0002-rektor.eml")).unwrap();
    let sent = mail_parser::MessageParser::default().parse(&kept).unwrap();
    assert!(sent.subject().unwrap().starts_with("[TEST] "), "{:?}", sent.subject());
    let body = sent.body_text(0).unwrap();
    assert!(body.contains("Den gjelder ingen sak"), "{body}");
    let facts = ["7F3K", "9QX2", "larer", "koord", "Kommune"];
    assert!(facts.iter().all(|word| !body.contains(word)), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_goes_nowhere_else_than_real_mail_may() {
    let mail = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(mail.path().to_owned()).await.unwrap();
    let house = House::with(&email(catcher.address().port(), ""));
    assert!(house.run(&["import", "facts.ndjson"]).await.status.success());
    for to in ["kari@other.example", "kari@k.example.com", "kari", "", "a b@k.example"] {
        let (code, shown) = house.doctor(&["--send-test", to]).await;
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("the address lies in no municipality's `mail_domains`"), "{shown}");
        assert!(!shown.contains("kari"), "{shown}");
    }
    assert_eq!(catcher.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_relay_is_shown_step_by_step() {
    let good = Identity::of("localhost");
    let greeting = (Step::Greeting, Act::Say("220 relay ready at Wed, 11 Mar 2026 09:04:00 +0100"));
    let relay = Relay::start(Setup { always: vec![greeting], offers: vec!["AUTH PLAIN"], ..starttls(&good) }).await;
    let house = House::with(&email(relay.address.port(), &login(&good, "localhost")));
    let (_, shown) = house.doctor(&[]).await;
    let groups: Vec<&str> =
        shown.split("\n\n").filter(|group| group.starts_with("Mail") || group.starts_with("Clock")).collect();
    insta::assert_snapshot!("a_relay_that_takes_us_and_tells_the_time", groups.join("\n\n"));
    assert_eq!(relay.accepted(), []);

    let refused = (Step::Auth, Act::Say("535 5.7.8 fristvakt: bad password hemmelig-kanari"));
    let relay = Relay::start(Setup { always: vec![refused], offers: vec!["AUTH PLAIN"], ..starttls(&good) }).await;
    let house = House::with(&email(relay.address.port(), &login(&good, "localhost")));
    insta::assert_snapshot!("a_relay_that_does_not_know_the_password", house.group("Mail", &[]).await);

    let relay = Relay::good().await;
    let house = House::with(&email(relay.address.port(), &login(&good, "localhost")));
    insta::assert_snapshot!("a_relay_that_does_not_encrypt", house.group("Mail", &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_says_what_is_wrong_with_it() {
    let stranger = Identity::of("localhost");
    let cases = [
        (Identity::of("other.example"), None, "the certificate is made out to another name than localhost"),
        (Identity::of("localhost"), Some(&stranger), "signed by nobody whom this machine trusts"),
        (Identity::between("localhost", 2010, 2020), None, "the certificate expired on 2020-01-01"),
    ];
    for (identity, trusted, expected) in cases {
        let relay = Relay::start(starttls(&identity)).await;
        let login = login(trusted.unwrap_or(&identity), "localhost");
        let house = House::with(&email(relay.address.port(), &login));
        let shown = house.group("Mail", &[]).await;
        assert!(shown.contains("error    encryption        ") && shown.contains(expected), "{shown}");
        assert!(shown.contains("Nothing is sent to them.") && shown.contains("→ "), "{shown}");
        assert!(!shown.contains("greeting") && !shown.contains("login "), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_a_warning() {
    let year = 1 + chrono::Datelike::year(&fristvakt::clock::Clock::System.now());
    let identity = Identity::between("localhost", 2010, year);
    let relay = Relay::start(starttls(&identity)).await;
    let more = format!("host = \"localhost\"\nsecurity = \"starttls\"\nca_file = {:?}", identity.ca_file.path());
    let house = House::with(&email(relay.address.port(), &more));
    let late = format!("{}-12-28T12:00:00+01:00", year - 1);
    let output = house.run(&["doctor", "--now", &late]).await;
    let shown = text(&output.stdout);
    assert!(shown.contains(&format!("warning  encryption        TLS 1.3, certificate until {year}-01-01")), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_reached_without_a_request() {
    let identity = Identity::of("localhost");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = identity.acceptor.clone();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![];
        let _ = acceptor.accept(stream).await.unwrap().read_to_end(&mut heard).await;
        heard
    });
    let webhook = |url: &str, more: &str| {
        let ca = identity.ca_file.path();
        format!(
            "[[webhook]]\nname = \"samspill\"\nurl = \"{url}\"\nsecret_files = [\"webhook-secret\"]\nca_file = {ca:?}\n{more}\n"
        )
    };
    let house = House::with(&webhook(&format!("https://localhost:{port}/hemmelig-kanari"), "allow_private = true"));
    insta::assert_snapshot!("a_webhook_that_is_reached", house.group("Webhooks", &[]).await);
    assert_eq!(heard.await.unwrap(), Vec::<u8>::new());
    let house = House::with(&webhook(&format!("https://localhost:{port}/"), ""));
    insta::assert_snapshot!(
        "a_webhook_that_leads_inside",
        house.group("Webhooks", &["--test-webhook", "samspil"]).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_is_signed_and_about_nothing() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let webhook = format!(
        "[[webhook]]\nname = \"samspill\"\nurl = \"{}\"\nsecret_files = [\"webhook-secret\"]\nallow_insecure_loopback = true\n",
        server.uri()
    );
    let house = House::with(&webhook);
    // Receivers refuse signatures that are not of now.
    let output = house.run(&["doctor", "--test-webhook", "samspill"]).await;
    assert!(text(&output.stdout).contains("ok       test event        accepted (204)"), "{}", text(&output.stdout));
    let requests = server.received_requests().await.unwrap();
    let [request] = &requests[..] else { panic!("one request, not {}", requests.len()) };
    let event: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((event["type"].as_str(), &event["data"]), (Some("test"), &serde_json::json!({})));
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(&request.body, &request.headers).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_in_a_chat_says_that_it_is_one() {
    for format in ["slack", "teams"] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_string("ok");
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let house = House::with(&format!(
            "[[webhook]]\nname = \"chat\"\nurl_file = \"url\"\nformat = \"{format}\"\nallow_insecure_loopback = true\n"
        ));
        house.write("url", &format!("{}/hemmelig-kanari", server.uri()), 0o600);
        let (_, shown) = house.doctor(&["--test-webhook", "chat"]).await;
        assert!(shown.contains("ok       test event        accepted (200)") && !shown.contains("hemmelig"), "{shown}");
        let requests = server.received_requests().await.unwrap();
        assert!(String::from_utf8_lossy(&requests[0].body).contains("[TEST] fristvakt"), "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_said_with_its_mend() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let more = "username = \"fristvakt\"\npassword_file = \"smtp-password\"";
    let house = House::with(&email(port, more));
    let facts = FACTS.replace(r#""coordinator":"koord","#, "");
    house.write("facts.ndjson", &facts, 0o644);
    for arguments in [&["import", "facts.ndjson"][..], &["run", "--once", "--now", "2026-03-11T08:00:00+01:00"]] {
        assert!(house.run(arguments).await.status.success());
    }
    house.write("smtp-password", "hemmelig-kanari\n", 0o644);
    std::fs::set_permissions(house.path().join("test.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(house.path().join("fristvakt.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let (code, shown) = house.doctor(&["--send-test", "rektor@k.example"]).await;
    assert_eq!(code, 1);
    insta::assert_snapshot!(shown.replace(&port.to_string(), "PORT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_was_not_held_is_an_error_and_so_is_a_database_ahead_of_the_clock() {
    let mail = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(mail.path().to_owned()).await.unwrap();
    let house = House::furnished(&email(catcher.address().port(), "")).await;
    let at = async |now: &str| text(&house.run(&["doctor", "--now", now]).await.stdout);
    let missed = "the round of 2026-03-12 has not been held";
    assert!(!at("2026-03-12T08:20:00+01:00").await.contains(missed), "there is some patience");
    assert!(at("2026-03-12T08:40:00+01:00").await.contains(missed));
    assert!(!at("2026-03-12T16:30:00+01:00").await.contains(missed), "it comes tomorrow");
    let shown = at("2026-03-11T06:00:00+01:00").await;
    assert!(shown.contains("error    database          written 2 hours ahead of now (2026-03-11 08:00)"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_held_says_why_and_until_when() {
    let refused = (Step::Mail, Act::Say("550 5.7.1 no such sender fristvakt@k.example"));
    let relay = Relay::start(Setup { always: vec![refused], ..Setup::default() }).await;
    let house = House::furnished(&email(relay.address.port(), "")).await;
    let shown = house.group("Messages", &["--now", "2026-03-11T08:02:00+01:00"]).await;
    insta::assert_snapshot!(shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_whose_packs_are_not_there_is_an_error() {
    let house = House::furnished("mode = \"shadow\"").await;
    let rules = format!("{}/tests/data/examples/rules", env!("CARGO_MANIFEST_DIR"));
    house.write("fristvakt.toml", &format!("database = \"sqlite://test.db\"\nrules = {rules:?}\n"), 0o644);
    let shown = house.group("Municipalities", &[]).await;
    assert!(shown.contains("error    k                 unknown pack `tromso`"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_configuration_that_do_not_load_say_where() {
    let house = House::with("rules = \"rules\"");
    std::fs::create_dir(house.path().join("rules")).unwrap();
    house.write("rules/broken.toml", "[pack]\nid = \n", 0o644);
    let shown = house.group("Rules", &[]).await;
    assert!(shown.contains("error    folder") && shown.contains("→ fristvakt check rules"), "{shown}");
    house.write("fristvakt.toml", "databse = \"hemmelig-kanari\"\n", 0o644);
    let (code, shown) = house.doctor(&[]).await;
    assert_eq!(code, 1);
    assert!(shown.contains("did you mean `database`?") && !shown.contains("hemmelig"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_missing_or_damaged_stops_no_other_check() {
    let house = House::with("");
    let shown = house.group("Database", &[]).await;
    assert!(shown.contains("error    file              test.db is not there"), "{shown}");
    assert!(!house.path().join("test.db").exists() && !house.path().join("test.db.lock").exists());
    house.write("test.db", "this is no database, however long one looks at it", 0o600);
    let (code, shown) = house.doctor(&[]).await;
    assert_eq!(code, 1);
    assert!(shown.contains("It cannot be read as a database.") && shown.contains("Clock\n"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_beside_a_running_daemon_and_asks_its_web_server() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let http = format!(
        "[http]\nlisten = \"{listen}\"\n[[http.token]]\nname = \"prometheus\"\nfile = \"token\"\nscopes = [\"metrics\"]\n"
    );
    let house = House::furnished(&format!("mode = \"shadow\"\n{http}")).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut daemon = house.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(daemon.stderr.take().unwrap()));
    assert!(lines.any(|line| line.unwrap().contains("ready")), "it says when it is ready");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let metrics = client.get(format!("http://{listen}/metrics")).bearer_auth(TOKEN).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("fristvakt_last_round_timestamp_seconds{tenant=\"k\"}"));
    let mut shown = String::new();
    // The first sweep may still be under way.
    for _ in 0..50 {
        shown = text(&house.run(&["doctor"]).await.stdout);
        if shown.contains("answer            ready") {
            break;
        }
    }
    assert!(shown.contains("ok       daemon            runs"), "{shown}");
    assert!(shown.contains("ok       answer            ready") && shown.contains("the ones on disk"), "{shown}");
    assert!(shown.contains("ok       writing           possible"), "{shown}");
    assert!(Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap().success());
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    assert!(client.get(format!("http://{listen}/healthz")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_it_is_one_finding_a_line_and_nothing_of_anybody() {
    let mail = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(mail.path().to_owned()).await.unwrap();
    let house =
        House::with(&email(catcher.address().port(), "username = \"fristvakt\"\npassword_file = \"smtp-password\""));
    let facts = FACTS.replace(r#""id":"larer","#, r#""id":"larer","name":"Kari Kanarifugl","#);
    house.write("facts.ndjson", &facts, 0o644);
    for arguments in [&["import", "facts.ndjson"][..], &["run", "--once", "--now", "2026-03-11T08:00:00+01:00"]] {
        assert!(house.run(arguments).await.status.success());
    }
    let mut shown = String::new();
    for to in ["rektor@k.example", "kari@other.example"] {
        let output = house.run(&["doctor", "--now", NOW, "--format", "json", "--send-test", to]).await;
        for line in text(&output.stdout).lines() {
            let finding: Value = serde_json::from_str(line).unwrap();
            let status = finding["status"].as_str().unwrap();
            assert!(["ok", "warning", "error"].contains(&status), "{line}");
            assert!(status == "ok" || finding["meaning"].is_string() || finding["mend"].is_string(), "{line}");
        }
        shown.push_str(&text(&output.stdout));
        shown.push_str(&text(&output.stderr));
        shown.push_str(&house.doctor(&["--send-test", to]).await.1);
    }
    for canary in ["Kanarifugl", "larer", "rektor", "kari", "post@", "koord@", "hemmelig-kanari"] {
        assert!(!shown.contains(canary), "`{canary}` is in\n{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hears_of_trouble_is_checked_where_anybody_is_to() {
    let house = House::with("mode = \"shadow\"\n");
    let about = async |lines: &str| {
        house.write("fristvakt.toml", &format!("database = \"sqlite://test.db\"\n{lines}\n"), 0o644);
        house.group("Configuration", &[]).await
    };
    house.write("dead-man", "https://hc.example/hemmelig-kanari\n", 0o644);
    for (lines, expected) in [
        ("", ""),
        ("[operator]\nmail = [\"drift\"]", "error    operator"),
        ("[operator]\nmail = [\"drift@k.example\"]", "warning  operator"),
        ("[dead_man]\nurl = \"http://hc.example/hemmelig-kanari\"", "error    dead man"),
        ("[dead_man]\nurl_file = \"dead-man\"", "warning  address of the watcher"),
        ("[dead_man]\nurl_file = \"dead-man\"", "ok       dead man"),
        ("[watchdog]\npatience = 0", "error    watchdog"),
    ] {
        let shown = about(lines).await;
        assert!(shown.contains(expected), "{lines}: {shown}");
        assert!(!shown.contains("hemmelig-kanari") && !shown.contains("drift@"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_trail_that_was_cut_off_and_a_decision_that_was_changed_by_hand_are_named() {
    let house = House::furnished("").await;
    let run = async |arguments: &[&str]| {
        let output = house.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["run", "--once", "--now", "2026-03-17T08:00:00+01:00"]).await;
    let listed = run(&["deviations", "list", "--format", "json"]).await;
    let listed: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let id = listed["id"].as_str().unwrap();
    run(&["deviations", "explain-away", id, "--cause", "other", "--reason", "derfor", "--by", "kari"]).await;
    run(&["run", "--once", "--now", "2026-03-18T08:00:00+01:00"]).await;
    let healthy = house.group("Audit trail", &[]).await;
    assert!(healthy.contains("1 entry fits together, and none is missing that the daemon has seen"), "{healthy}");
    assert!(healthy.contains("1 decision stands as its entry says"), "{healthy}");
    house.execute("UPDATE deviations SET cause = 'noe annet' WHERE cause IS NOT NULL").await;
    let changed = house.group("Audit trail", &[]).await;
    assert!(
        changed.contains(&format!("deviation {id} of k: the reason is not the one in the audit trail")),
        "{changed}"
    );
    house.execute("DELETE FROM audit").await;
    let cut = house.group("Audit trail", &[]).await;
    assert!(cut.contains("the trail ends before this entry, which was there when its hash was kept"), "{cut}");
    assert!(cut.contains(&format!("deviation {id} of k: somebody decided about it")), "{cut}");
    assert!(!cut.contains("noe annet") && !cut.contains("derfor"), "{cut}");
}
