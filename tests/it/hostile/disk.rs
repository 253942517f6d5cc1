//! A small disk that runs full or cannot be written. Only root may mount one: elsewhere its tests are skipped, and say so;
//! where `CI=true` they fail instead.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::servers::is_ci;

/// A file system of its own, in memory. It is taken down when it is dropped.
pub(crate) struct Disk {
    point: TempDir,
}

impl Disk {
    /// One of so many KiB; `None` where none can be mounted.
    pub(crate) fn of(kib: usize) -> Option<Self> {
        let point = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        match mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], point.path()) {
            Ok(()) => Some(Self { point }),
            Err(problem) => {
                let text = format!("SKIPPED: no disk can be mounted here ({problem}); run as root\n");
                assert!(!is_ci(), "{text}");
                // Not `eprintln!`, which the harness keeps to itself where a test passes.
                std::io::stderr().write_all(text.as_bytes()).unwrap();
                None
            }
        }
    }

    /// A folder on it.
    pub(crate) fn folder(&self) -> TempDir {
        tempfile::tempdir_in(self.point.path()).unwrap()
    }

    /// Fills it up to the last `left` KiB.
    pub(crate) fn fill(&self, left: usize) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let block = [0; 4096];
        while filler.write_all(&block).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(left as u64 * 1024)).unwrap();
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Whether it can be written.
    pub(crate) fn set_writable(&self, writable: bool) {
        mount(&["-o", if writable { "remount,rw" } else { "remount,ro" }], self.point.path()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.point.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what is still open there goes when it is closed.
        let _ = Command::new("umount").arg("-l").arg(self.point.path()).status();
    }
}

/// A single file that cannot be written, although its folder can.
pub(crate) struct Sealed(PathBuf);

impl Sealed {
    pub(crate) fn new(path: &Path) -> Self {
        let own = path.display().to_string();
        mount(&["--bind", &own], path).unwrap();
        mount(&["-o", "remount,ro,bind"], path).unwrap();
        Self(path.to_owned())
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], point: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(arguments).arg(point).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}
