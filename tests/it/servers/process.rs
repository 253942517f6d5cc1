//! A server as a process: found, started as a user that it accepts, waited for, ended.

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::watcher::Watcher;

/// How long a server may take to start, to stop, or to come to a state.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is there.
pub(super) fn wait<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} for {}", what());
        sleep(Duration::from_millis(10));
    }
}

/// The folder that has all of these programs: one of `more`, or one on the `PATH`.
pub(super) fn folder_with(programs: &[&str], more: Vec<PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Links such as /usr/local/bin/initdb lead to where the others are.
    let real = |folder: PathBuf| Some(fs::canonicalize(folder.join(programs[0])).ok()?.parent()?.to_owned());
    let folders = more.into_iter().chain(std::env::split_paths(&path).filter_map(real));
    folders.into_iter().find(|folder| programs.iter().all(|program| folder.join(program).is_file()))
}

/// The user a server runs as: ourselves, or where we are root, the one whom its package made for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum User {
    Own,
    Other { user: u32, group: u32 },
}

impl User {
    pub(super) fn for_server(name: &str) -> Option<Self> {
        if fs::metadata("/proc/self").ok()?.uid() != 0 {
            return Some(Self::Own);
        }
        let id = |option| {
            let output = Command::new("id").args([option, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self::Other { user: id("-u")?, group: id("-g")? })
    }

    /// A program run as this user, which keeps nothing of our environment but the `PATH`.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.current_dir("/").stdin(Stdio::null());
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }

    /// A folder of this user, which others may pass through.
    pub(super) fn folder(self, path: &Path) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o711)).unwrap();
        if let Self::Other { user, group } = self {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

/// A running server. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts it in a group of its own, with all its output in `log`. `end`: the signal that ends it and all its children.
    pub(super) fn start(mut command: Command, log: &Path, end: &str) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.process_group(0).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        Watcher::of_this_process().started(child.id(), end);
        Self { child }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: &str) {
        signal_all(signal, &[self.id()]);
    }

    /// The processes it has started itself and that still run.
    pub(super) fn children(&self) -> Vec<u32> {
        let id = self.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    /// Waits for its end.
    pub(super) fn join(mut self) {
        let id = self.id();
        wait(|| format!("the end of {id}"), || self.has_ended().then_some(()));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        Watcher::of_this_process().ended(self.child.id());
    }
}

/// Sends a signal to several processes at once. Those that are gone are none of its concern.
pub(super) fn signal_all(signal: &str, ids: &[u32]) {
    let ids = ids.iter().map(u32::to_string);
    Command::new("kill").arg("-s").arg(signal).args(ids).stderr(Stdio::null()).status().unwrap();
}

/// A port of this machine that nobody uses. It is below those that outgoing connections take, so that a server that is
/// started again finds it free.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Where in the range this process begins: others run tests on this machine too.
    let begin = std::process::id().wrapping_mul(97) % 16_000;
    let mut ports = std::iter::repeat_with(|| {
        let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(15_000 + (begin + next) % 16_000).unwrap()
    });
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.unwrap()
}

/// Runs a program to its end; what it said if that is a failure.
pub(super) fn run(mut command: Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(output) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
