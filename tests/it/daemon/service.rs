//! What the service manager hears of the real program, on a real socket.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{command, folder, run};

/// What a manager would be: a socket that hears one program.
struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
    program: Child,
}

impl Manager {
    /// Starts the program in a folder, with further variables.
    fn start(folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut command = command(folder.path());
        command.arg("run").env("NOTIFY_SOCKET", &path).envs(variables.iter().copied());
        let program = command.stderr(Stdio::null()).spawn().unwrap();
        Self { folder, socket, program }
    }

    /// The next message, if one comes within `patience`.
    fn next(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    /// Messages up to the first that holds `text`, that one last.
    fn until(&self, text: &str) -> Vec<String> {
        let mut heard = vec![];
        loop {
            let next = self.next(Duration::from_secs(60));
            let next = next.unwrap_or_else(|| panic!("`{text}` does not come after {heard:?}"));
            heard.push(next);
            if heard.last().is_some_and(|last| last.contains(text)) {
                return heard;
            }
        }
    }

    /// What is heard within a time.
    fn within(&self, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        let mut heard = vec![];
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            heard.extend(self.next(left));
        }
        heard
    }

    fn signal(&self, signal: &str) {
        let id = self.program.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A folder with rules of its own and facts in the database.
fn installed(extra: &str) -> TempDir {
    let folder = folder();
    let config = format!("database = \"sqlite://test.db\"\nrules = \"rules\"\n{extra}");
    std::fs::write(folder.path().join("fristvakt.toml"), config).unwrap();
    super::process::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), &folder.path().join("rules"));
    let facts = super::FACTS.replace("2026-0", "2024-0");
    std::fs::write(folder.path().join("facts.ndjson"), facts).unwrap();
    let imported = run(folder.path(), &["import", "facts.ndjson"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    folder
}

const WATCHED: (&str, &str) = ("WATCHDOG_USEC", "600000");

fn is_sign_of_life(message: &str) -> bool {
    message.contains("WATCHDOG=1")
}

#[test]
fn the_manager_hears_when_it_is_ready_reads_its_rules_again_and_stops() {
    let mut manager = Manager::start(installed(""), &[]);
    let heard = manager.until("READY=1");
    assert_eq!(heard, ["READY=1\nSTATUS=Ready.\n"], "nothing before it is ready");
    let working = manager.until("STATUS=Working");
    assert!(working.iter().all(|message| message.lines().count() == 1 && !message.contains("WATCHDOG")), "{working:?}");
    let vocabulary = std::fs::read_to_string(manager.folder.path().join("rules/vocabulary.toml")).unwrap();
    let files = [
        ("vocabulary = 7".to_owned(), "with the rules as they were"),
        (vocabulary.clone(), "the rules on disk are those in use"),
        (format!("{vocabulary}# Changed.\n"), "with the rules as they are on disk"),
    ];
    for (text, expected) in files {
        manager.write("rules/vocabulary.toml", &text);
        manager.signal("-HUP");
        let heard = manager.until("RELOADING=1").pop().unwrap();
        let moment = heard.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!(moment.parse::<u64>().unwrap() > 0, "{heard}");
        let heard = manager.until("READY=1").pop().unwrap();
        assert!(heard.contains(expected), "{heard}");
    }
    manager.signal("-TERM");
    let heard = manager.until("STOPPING=1").pop().unwrap();
    assert!(heard.contains("STATUS=Stopping"), "{heard}");
    assert_eq!(manager.program.wait().unwrap().code(), Some(0));
}

#[test]
fn signs_of_life_come_for_as_long_as_it_waits_or_works() {
    let manager = Manager::start(installed("[watchdog]\npatience = 1\n"), &[WATCHED]);
    manager.until("STATUS=Working");
    // Longer than its patience: to wait for the next moment is no standstill.
    let heard = manager.within(Duration::from_secs(3));
    assert!(heard.iter().filter(|message| is_sign_of_life(message)).count() >= 5, "{heard:?}");
}

#[test]
fn a_sweep_that_stands_still_ends_the_signs_of_life() {
    stands_still(installed("[watchdog]\npatience = 1\n"), "sweep-batch=pause", "the sweep has not come on");
}

#[test]
fn a_delivery_line_that_stands_still_ends_the_signs_of_life() {
    let hook = "[watchdog]\npatience = 1\n[[webhook]]\nname = \"hook\"\nformat = \"slack\"\nurl = \"http://127.0.0.1:1/\"\n\
                allow_insecure_loopback = true\n";
    let folder = installed(hook);
    // The last step of the ladder: years later it still is.
    let escalation = ["run", "--once", "--now", "2024-04-02T08:00:00+02:00"];
    assert!(run(folder.path(), &escalation).status.success());
    let waiting = run(folder.path(), &["messages", "list", "--format", "json"]);
    assert!(String::from_utf8_lossy(&waiting.stdout).contains("webhook:hook"), "something waits: {waiting:?}");
    stands_still(folder, "p2-composed=1*pause", "a delivery line has not come on");
}

/// The program with something in it that never ends: signs of life come, then a sentence that says why, then none.
fn stands_still(folder: TempDir, points: &str, expected: &str) {
    let manager = Manager::start(folder, &[WATCHED, ("FAILPOINTS", points)]);
    let before = manager.until("STATUS=Stands still");
    assert!(before.iter().any(|message| is_sign_of_life(message)), "{before:?}");
    assert!(before.last().is_some_and(|last| last.contains(expected)), "{before:?}");
    let after = manager.within(Duration::from_secs(2));
    assert!(!after.iter().any(|message| is_sign_of_life(message)), "{after:?}");
}
