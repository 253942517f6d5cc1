//! The watcher elsewhere: it hears of every round that was done or could not be, nothing else, and holds up nobody.

use fristvakt::config::Config;
use fristvakt::daemon::Daemon;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{FACTS, Installation, config, instant};

fn section(watcher: &MockServer) -> String {
    format!("[dead_man]\nurl = \"{}/ping/hemmelig-kanari\"\nallow_insecure_loopback = true\n", watcher.uri())
}

async fn answering(status: u16) -> MockServer {
    let watcher = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&watcher).await;
    watcher
}

async fn heard(watcher: &MockServer) -> Vec<String> {
    let requests = watcher.received_requests().await.unwrap();
    for request in &requests {
        assert!(request.body.is_empty() && request.url.query().is_none(), "{request:?}");
        let agent = request.headers["user-agent"].to_str().unwrap();
        assert!(agent.starts_with("fristvakt/"), "{agent}");
    }
    requests.iter().map(|request| request.url.path().to_owned()).collect()
}

#[tokio::test]
async fn it_hears_of_rounds_by_address_alone_and_of_the_same_not_more_than_once_a_minute() {
    let watcher = answering(200).await;
    let here = Installation::configured(FACTS, &section(&watcher)).await;
    here.tick("2026-03-11T08:00:00+01:00").await;
    for is_well in [true, true, false, false, true] {
        here.daemon().tell_dead_man(is_well).await;
    }
    let (well, unwell) = ("/ping/hemmelig-kanari", "/ping/hemmelig-kanari/fail");
    assert_eq!(heard(&watcher).await, [well, unwell, well]);
    assert_eq!(here.daemon().pulse.status().pings, [3, 0]);
}

#[tokio::test]
async fn one_that_refuses_moves_or_is_away_is_counted_and_nothing_else_changes() {
    for status in [500, 404, 302] {
        let watcher = answering(status).await;
        let here = Installation::configured(FACTS, &section(&watcher)).await;
        here.daemon().tell_dead_man(true).await;
        assert_eq!(here.daemon().pulse.status().pings, [0, 1], "{status}");
        assert_eq!(heard(&watcher).await.len(), 1, "no redirection is followed, nothing is repeated");
        assert!(here.tick("2026-03-11T08:00:00+01:00").await.delivered.sent > 0);
    }
    let away = "[dead_man]\nurl = \"http://127.0.0.1:1/\"\nallow_insecure_loopback = true\n";
    let here = Installation::configured(FACTS, away).await;
    here.daemon().tell_dead_man(true).await;
    assert_eq!(here.daemon().pulse.status().pings, [0, 1]);
}

#[tokio::test]
async fn addresses_that_may_not_be_reached_are_errors_that_do_not_show_them() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let problem = async |lines: &str| {
        let config: Config = config(folder.path(), 25, &format!("[dead_man]\n{lines}\n"));
        let clock = fristvakt::clock::Clock::fixed(instant("2026-03-10T12:00:00+01:00"));
        Daemon::open(&config, clock).await.unwrap_err().to_string()
    };
    for (lines, expected) in [
        ("url = \"http://hc.example/hemmelig-kanari\"", "use `https`"),
        ("url = \"http://127.0.0.1/hemmelig-kanari\"", "allow_insecure_loopback"),
        ("url = \"https://10.1.2.3/hemmelig-kanari\"", "allow_private"),
        ("url = \"https://169.254.169.254/hemmelig-kanari\"", "no receiver"),
        ("url = \"https://a:hemmelig-kanari@hc.example/\"", "user or password"),
        ("", "say where"),
        ("url = \"https://hc.example\"\nurl_file = \"x\"", "keep one of them"),
    ] {
        let problem = problem(lines).await;
        assert!(problem.contains("`dead_man.url") && problem.contains(expected), "{problem}");
        assert!(!problem.contains("hemmelig-kanari"), "{problem}");
    }
    // A name that leads inside is found out when it is resolved.
    let here = Installation::configured(FACTS, "[dead_man]\nurl = \"https://localhost/\"\n").await;
    here.daemon().tell_dead_man(true).await;
    assert_eq!(here.daemon().pulse.status().pings, [0, 1]);
}
