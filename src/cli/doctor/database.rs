//! The database: is it there, whole, writable, private, and is there room.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use super::time::size;
use super::{mode, time};
use crate::calendar::Instant;
use crate::config::Config;
use crate::store::{Examination, Location, LockHolder, StoreError, database_files, examine, lock_holder};

/// Below this much room, the next round may not be recorded.
const LEAST_ROOM: u64 = 100_000_000;
/// Below this much room, it is time to look.
const LITTLE_ROOM: u64 = 1_000_000_000;
/// A write-ahead log that is larger waits for a reader that never ends.
const LARGE_LOG: u64 = 500_000_000;

/// What was found, and what later checks need of it.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) findings: Vec<Finding>,
    /// Where it is, if it can be read and has the schema of this program.
    pub(super) usable: Option<Location>,
    pub(super) daemon_runs: bool,
    pub(super) last_write: Option<Instant>,
}

pub(super) async fn check(config: &Config) -> Database {
    let path = match config.location() {
        Ok(Location::File(path)) => path,
        Ok(Location::Server(server)) => return super::server::check(config, &server).await,
        Err(error) => {
            let finding = Finding::error("file", error.to_string()).mend("edit `database` in the configuration");
            return Database { findings: vec![finding], ..Database::default() };
        }
    };
    let length = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) => return Database { findings: vec![missing(&path, &error)], ..Database::default() },
    };
    let mut database = Database { findings: vec![], ..Database::default() };
    let (daemon, runs) = daemon(&path);
    database.daemon_runs = runs;
    match examine(&path).await {
        Ok(examined) => {
            database.last_write = examined.last_write;
            let is_current = examined.schema == examined.known_schema;
            database.usable = Some(Location::from(&path)).filter(|_| is_current);
            database.findings.push(file(&path, length, &examined));
            database.findings.push(integrity(&path, &examined.damage));
            database.findings.push(writable(&path, &examined.writable));
        }
        Err(error) => database.findings.push(broken(&path, &error)),
    }
    database.findings.extend([daemon, private(&path), room(&path)]);
    database.findings.extend(log(&path));
    database.findings.extend(config.journal_folder().ok().and_then(|folder| journal(&folder)));
    database
}

fn missing(path: &Path, error: &std::io::Error) -> Finding {
    let shown = path.display();
    if error.kind() == std::io::ErrorKind::NotFound {
        return Finding::error("file", format!("{shown} is not there"))
            .means("The service makes it when it first starts; so does the first import.")
            .mend("systemctl start fristvakt");
    }
    Finding::error("file", format!("{shown}: {error}"))
        .means("This user may not look at it.")
        .mend("sudo fristvakt doctor")
}

fn file(path: &Path, length: u64, examined: &Examination) -> Finding {
    let (found, known) = (examined.schema, examined.known_schema);
    let shown = format!("{}, {}, schema {found}", path.display(), size(length));
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Finding::ok("file", shown),
        std::cmp::Ordering::Less => Finding::warning("file", format!("{shown}; this program has {known}"))
            .means("It is migrated when the service starts. Until then nothing more can be looked at here.")
            .mend("systemctl restart fristvakt"),
        std::cmp::Ordering::Greater => Finding::error("file", format!("{shown}; this program knows {known} at most"))
            .means("A newer version wrote it.")
            .mend("install the version that wrote it"),
    }
}

fn integrity(path: &Path, damage: &[String]) -> Finding {
    match damage {
        [] => Finding::ok("integrity", "quick_check found nothing"),
        [first, ..] => Finding::error("integrity", format!("quick_check found {} fault(s): {first}", damage.len()))
            .means(
                "The file is damaged: by a disk, or by a copy of a database in use. Stop the service, save the file.",
            )
            .mend(format!("sqlite3 {0} .recover | sqlite3 {0}.recovered", path.display())),
    }
}

fn writable(path: &Path, writable: &Result<(), StoreError>) -> Finding {
    match writable {
        Ok(()) => Finding::ok("writing", "possible"),
        Err(error) if error.may_pass() => Finding::warning("writing", "somebody else has been writing for 5 seconds")
            .means("A large import or a sweep does that; if it stays so, something hangs.")
            .mend("journalctl -u fristvakt -n 50"),
        Err(error) => Finding::error("writing", error.to_string())
            .means("Nothing can be recorded, so nothing is sent. (Or this user is not the service's: use sudo.)")
            .mend(format!("ls -l {0} && mount | grep -w ro", path.display())),
    }
}

fn broken(path: &Path, error: &StoreError) -> Finding {
    Finding::error("file", format!("{}: {error}", path.display()))
        .means("It cannot be read as a database.")
        .mend(format!("ls -l {0} && file {0}", path.display()))
}

fn daemon(path: &Path) -> (Finding, bool) {
    match lock_holder(path) {
        Ok(LockHolder::Process(Some(process))) => (Finding::ok("daemon", format!("runs as process {process}")), true),
        Ok(LockHolder::Process(None)) => (Finding::ok("daemon", "runs"), true),
        Ok(LockHolder::Nobody) => {
            let finding = Finding::warning("daemon", "does not run")
                .means("Nothing is sent meanwhile. That is right where cron calls `fristvakt run --once`.")
                .mend("systemctl start fristvakt");
            (finding, false)
        }
        Err(error) => (Finding::warning("daemon", error.to_string()).mend("sudo fristvakt doctor"), false),
    }
}

/// Whether others may read it, and whether one user owns all of it.
fn private(path: &Path) -> Finding {
    let files = database_files(path);
    if let Some((file, mode)) =
        files.iter().filter_map(|file| Some((file, mode(file)?))).find(|(_, mode)| mode & 0o077 != 0)
    {
        return Finding::warning("permissions", format!("{}, mode {mode:o}", file.display()))
            .means("Other users of this machine may read or change what is in it.")
            .mend(format!("chmod 600 {}*", path.display()));
    }
    let owner = |file: &Path| file.metadata().ok().map(|metadata| metadata.uid());
    if let Some(other) = files.iter().find(|file| owner(file) != owner(path)) {
        return Finding::error("permissions", format!("{} has another owner than the database", other.display()))
            .means("Somebody else made it, and the service may not be able to use it.")
            .mend(format!("chown --reference={} {}", path.display(), other.display()));
    }
    Finding::ok("permissions", "its owner alone reads and writes it")
}

fn room(path: &Path) -> Finding {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return Finding::warning("free space", "unknown").mend(format!("df -h {}", folder.display()));
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} in {}", time::size(free), folder.display());
    let meaning = "Without room nothing can be recorded, and nothing is sent.";
    match free {
        free if free < LEAST_ROOM => {
            Finding::error("free space", found).means(meaning).mend(format!("df -h {}", folder.display()))
        }
        free if free < LITTLE_ROOM => {
            Finding::warning("free space", found).means(meaning).mend(format!("df -h {}", folder.display()))
        }
        _ => Finding::ok("free space", found),
    }
}

/// The acceptance journal, once there is one.
pub(super) fn journal(folder: &Path) -> Option<Finding> {
    let shown = folder.display();
    let mode = mode(folder)?;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let finding = Finding::error("journal", format!("{shown}: {error}"));
            return Some(finding.means("The daemon does not start without it.").mend(format!("ls -ld {shown}")));
        }
    };
    if mode & 0o077 != 0 {
        let finding = Finding::warning("journal", format!("{shown}, mode {mode:o}"));
        return Some(
            finding.means("Other users may read or change what counts as sent.").mend(format!("chmod 700 {shown}")),
        );
    }
    let length: u64 = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
    Some(Finding::ok("journal", format!("{shown}, {}", size(length))))
}

/// The write-ahead log, where it is worth a word.
fn log(path: &Path) -> Option<Finding> {
    let log = database_files(path).into_iter().find(|file| file.to_string_lossy().ends_with("-wal"))?;
    let length = log.metadata().ok()?.len();
    if length < LARGE_LOG {
        return Some(Finding::ok("write-ahead log", size(length)));
    }
    let finding = Finding::warning("write-ahead log", size(length))
        .means("It grows while a program keeps the database open for reading, and shrinks when that ends.");
    Some(finding.mend(format!("fuser -v {}", path.display())))
}
