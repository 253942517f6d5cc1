//! A small process beside the tests. It holds the other end of a pipe; when the test process is gone, however it went,
//! the pipe ends, and it stops what is left, removes the folder, and says what was skipped.
//!
//! A static is no place for this: the test harness ends by `process::exit`, which drops nothing, and a killed process
//! drops nothing at all.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const SCRIPT: &str = r#"
folder=$1 servers= skipped= count=0
while read -r word rest; do
    case $word in
        started) servers="$servers $rest" ;;
        ended)
            left=
            for server in $servers; do [ "${server#*:}" = "$rest" ] || left="$left $server"; done
            servers=$left ;;
        skipped)
            count=$((count + 1))
            skipped="$skipped
    $rest" ;;
    esac
done
for server in $servers; do kill -s "${server%%:*}" "${server#*:}" 2>/dev/null; done
for server in $servers; do
    tries=0
    while kill -0 "${server#*:}" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || kill -s KILL "${server#*:}" 2>/dev/null
        sleep 0.02
    done
done
tries=0
# What was being set up in there may still write.
until rm -rf "$folder" 2>/dev/null || [ "$tries" -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
[ "$count" -eq 0 ] || printf '\nSKIPPED, although they are said to be ok (%s):%s\n' "$count" "$skipped" >&2
"#;

/// The watcher of this process.
pub(super) struct Watcher {
    folder: PathBuf,
    /// Never waited for: it has to outlive this process.
    process: Mutex<Child>,
}

impl Watcher {
    /// The one of this process, which starts at its first use.
    pub(super) fn of_this_process() -> &'static Self {
        static WATCHER: OnceLock<Watcher> = OnceLock::new();
        WATCHER.get_or_init(|| {
            let folder = tempfile::Builder::new().prefix("fristvakt-").tempdir().unwrap().keep();
            // Servers run as another user where this is root.
            std::fs::set_permissions(&folder, Permissions::from_mode(0o711)).unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", SCRIPT, "watcher"]).arg(&folder);
            // In a group of its own, for Ctrl-C goes to the whole group of the tests.
            command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null());
            Self { process: Mutex::new(command.spawn().unwrap()), folder }
        })
    }

    /// Where everything belongs that is to go with this process.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A server runs, and ends well by a signal (`QUIT`).
    pub(super) fn started(&self, pid: u32, signal: &str) {
        self.tell(&format!("started {signal}:{pid}"));
    }

    /// A server has ended.
    pub(super) fn ended(&self, pid: u32) {
        self.tell(&format!("ended {pid}"));
    }

    /// A test is skipped.
    pub(super) fn skipped(&self, what: &str) {
        self.tell(&format!("skipped {what}"));
    }

    fn tell(&self, line: &str) {
        let mut process = self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // In one write: lines of several threads do not mix.
        process.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}
