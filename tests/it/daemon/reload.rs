//! Rules and configuration come into use all or nothing; what is broken, or would send far more, does not.

use std::path::Path;

use fristvakt::clock::Clock;
use fristvakt::config::{Config, ReloadSettings};
use fristvakt::daemon::{Daemon, forecast};
use fristvakt::folder::RulesFolder;
use fristvakt::store::Load;

use super::process::{Running, copy, folder, run};
use super::{FACTS, instant};

/// On this day the shipped rules will remind once in the next seven days.
const DAY: &str = "2026-03-05T12:00:00+01:00";

/// The rules of a municipality, in a folder of its own.
fn rules(folder: &Path) -> std::path::PathBuf {
    let rules = folder.join("rules");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &rules);
    rules
}

fn change(rules: &Path, from: &str, to: &str) {
    let pack = rules.join("tromso.toml");
    let text = std::fs::read_to_string(&pack).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(pack, text.replace(from, to)).unwrap();
}

/// One that reminds, and one that reminds every day.
const ONCE: &str = r#"{ at = "-3wd", to = "responsible" },"#;
const DAILY: &str = r#"{ at = "-9wd", to = "responsible", every = "1wd", times = 9 },"#;

async fn open(folder: &Path, extra: &str) -> Daemon {
    let text = format!(
        "database = \"sqlite://{}\"\nrules = \"{}\"\nreports.enabled = false\n{extra}",
        folder.join("test.db").display(),
        folder.join("rules").display()
    );
    Daemon::open(&Config::parse(&text, None, &[]).unwrap(), Clock::fixed(instant(DAY))).await.unwrap()
}

/// Gives everything free that a daemon holds.
async fn close(daemon: Daemon) {
    daemon.store.close().await;
}

async fn import(daemon: &Daemon, folder: &Path) {
    let path = folder.join("facts.ndjson");
    std::fs::write(&path, FACTS).unwrap();
    daemon.store.import(&[path], &daemon.rules().set, Load::Append, instant(DAY), |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_rules_would_send_is_known_before_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = rules(folder.path());
    let daemon = open(folder.path(), "").await;
    import(&daemon, folder.path()).await;
    change(&path, ONCE, DAILY);
    let (other, _) = RulesFolder::open(Some(&path)).unwrap().load().unwrap();
    let in_use = daemon.rules();
    let ahead = async |both| forecast(&daemon.store, both, 1000, instant(DAY), || ()).await.unwrap();
    let there = ahead([&in_use.set, &other]).await;
    // The 5th in the afternoon: the round of the 11th with the rules in use; with the others those of 6 and 9 to 12 March.
    assert_eq!((there.added, there.dropped, there.before, there.after, there.cases), (10, 2, 1, 5, 2));
    let back = ahead([&other, &in_use.set]).await;
    assert_eq!((back.added, back.dropped, back.before, back.after), (2, 10, 5, 1));
    let same = ahead([&other, &other]).await;
    assert_eq!((same.added, same.dropped, same.before, same.after), (0, 0, 5, 5));
    let case = |number| format!("{{\"type\":\"case\",\"tenant\":\"k\",\"id\":\"M-{number}\"}}\n");
    let path = folder.path().join("more.ndjson");
    std::fs::write(&path, (0..300).map(case).collect::<String>()).unwrap();
    daemon.store.import(&[path], &in_use.set, Load::Append, instant(DAY), |_| {}).await.unwrap();
    let part = forecast(&daemon.store, [&other, &other], 100, instant(DAY), || ()).await.unwrap();
    assert_eq!((part.cases, part.is_part), (200, true), "a page at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_would_send_far_more_wait_for_a_person_also_at_the_start() {
    const GUARD: &str = "[reload]\ntimes = 3\nfrom = 2\n";
    let folder = tempfile::tempdir().unwrap();
    let path = rules(folder.path());
    let daemon = open(folder.path(), GUARD).await;
    import(&daemon, folder.path()).await;
    let first = daemon.rules().fingerprint.clone();
    close(daemon).await;
    change(&path, ONCE, DAILY);
    let daemon = open(folder.path(), GUARD).await;
    assert_eq!(daemon.rules().fingerprint, first, "five messages where there was one");
    let disk = fristvakt::daemon::Rules::load(Some(&path)).unwrap().fingerprint;
    daemon.store.confirm_rules(&disk, "kari", "the year begins", instant(DAY)).await.unwrap();
    let trail = daemon.store.audit_trail("").await.unwrap();
    assert_eq!((&*trail[0].action, &*trail[0].actor, &*trail[0].subject), ("rules.confirm", "kari", &*disk));
    close(daemon).await;
    let daemon = open(folder.path(), GUARD).await;
    assert_eq!(daemon.rules().fingerprint, disk, "a person let them go");
    close(daemon).await;
    change(&path, DAILY, ONCE);
    let daemon = open(folder.path(), GUARD).await;
    assert_eq!(daemon.rules().fingerprint, first, "fewer are never too many");
}

#[test]
fn a_few_are_never_too_many_and_a_guard_can_be_taken_away() {
    let guard = ReloadSettings { times: 3, from: 50 };
    let cases = [(0, 50, false), (0, 51, true), (17, 51, false), (16, 51, true), (100, 300, false), (100, 301, true)];
    for (before, after, held) in cases {
        assert_eq!(guard.holds(before, after), held, "{before} {after}");
        assert!(!ReloadSettings { times: 0, ..guard }.holds(before, after));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_rules_at_the_start_give_way_to_those_that_were_last_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = rules(folder.path());
    let daemon = open(folder.path(), "").await;
    let first = daemon.rules().fingerprint.clone();
    close(daemon).await;
    change(&path, "[ladder]", "[laddr]");
    let daemon = open(folder.path(), "").await;
    assert_eq!(daemon.rules().fingerprint, first);
    assert!(daemon.rules().set.pack("tromso").is_some());
    close(daemon).await;
}

#[test]
fn a_changed_configuration_comes_into_use_whole_or_not_at_all() {
    let folder = folder();
    let config = |text: &str| std::fs::write(folder.path().join("fristvakt.toml"), text).unwrap();
    let begins = "database = \"sqlite://test.db\"\n[log]\nformat = \"text\"\n";
    config(begins);
    let mut daemon = Running::start(folder.path());
    let refused = [
        (format!("{begins}nonsense = 1\n"), "nonsense"),
        (begins.replace("test.db", "other.db"), "change with a restart"),
        (format!("{begins}[watchdog]\npatience = 0\n"), "watchdog.patience"),
        (format!("rules = \"missing\"\n{begins}"), "cannot read the rules in"),
    ];
    for (text, expected) in &refused {
        config(text);
        daemon.signal("-HUP");
        let logged = daemon.until(&["stays as it is", "the ones in use stay", "another configuration"]);
        assert!(logged.contains(expected) && !logged.contains("another configuration"), "{text}: {logged}");
    }
    // What shows only when the new one begins gives way to the earlier one.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config(&format!("{begins}[http]\nlisten = \"{}\"\n", taken.local_addr().unwrap()));
    daemon.signal("-HUP");
    let logged = daemon.until(&["the earlier one is again"]);
    assert!(logged.contains("going on with another configuration"), "{logged}");
    daemon.until(&["ready"]);
    config(&format!("mode = \"shadow\"\n{begins}"));
    daemon.signal("-HUP");
    let logged = daemon.until(&["ready", "stays as it is"]);
    assert!(logged.contains("going on with another configuration"), "{logged}");
    let held = run(folder.path(), &["run", "--once"]);
    assert!(!held.status.success(), "the database is still that daemon's");
    daemon.signal("-HUP");
    daemon.until(&["nothing changed"]);
    daemon.signal("-TERM");
    assert_eq!(daemon.process.wait().unwrap().code(), Some(0));
    let status = run(folder.path(), &["rules", "status"]);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.starts_with("in use:  ") && status.ends_with("\non disk: the same\n"), "{status}");
}
