//! PostgreSQL: one cluster that the tests of a process share, and clusters that a test has for itself.
//!
//! Text is ordered as in Norwegian where PostgreSQL can do that by itself (15 and later), so that no test agrees with
//! bytes by chance. Passwords are asked for, over TCP; `psql` goes as the superuser, through the socket.

mod programs;
mod tests;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use self::programs::Programs;
use super::process::{Process, free_port, signal_all, wait};
use super::watcher::Watcher;

/// The role that owns the databases of tests. It is no superuser.
pub(crate) const ROLE: &str = "fristvakt";
/// Its password, and the superuser's. It should show nowhere.
pub(crate) const PASSWORD: &str = "hemmelig-4711";

/// What every cluster has unless it is told otherwise. A crash of the process loses nothing without `fsync`; a crash of
/// the machine loses the test too.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
max_wal_size = 256MB
wal_keep_size = 256MB
max_wal_senders = 5
hot_standby = on
wal_retrieve_retry_interval = 100ms
log_line_prefix = '%m [%p] %d %a '
log_lock_waits = on
";

/// A cluster of its own. It is stopped and removed when it is dropped.
pub(crate) struct Cluster {
    programs: &'static Programs,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

/// How a cluster is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// In order: transactions are rolled back, connections are told.
    Fast,
    /// At once, and with recovery at the next start.
    Immediate,
}

/// An empty database on the cluster that all tests of this process share; `None` where there is no PostgreSQL.
pub(crate) fn database() -> Option<Database> {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    let programs = Programs::here()?;
    Some(SHARED.get_or_init(|| Cluster::with(programs, &[])).database())
}

impl Cluster {
    /// A new cluster with these settings (`max_connections`, `5`); `None` where there is no PostgreSQL.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Option<Self> {
        Programs::here().map(|programs| Self::with(programs, settings))
    }

    fn with(programs: &'static Programs, settings: &[(&str, &str)]) -> Self {
        let mut this = Self::new(programs);
        programs.initialise(&this.data(), &this.folder, PASSWORD);
        let settings = settings.iter().map(|(name, value)| format!("{name} = {}\n", quoted(value)));
        this.configure("postgresql.conf", &settings.fold(SETTINGS.to_owned(), |all, one| all + &one));
        this.launch();
        let create = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}';\nCREATE DATABASE {ROLE} OWNER {ROLE};");
        this.psql_in("postgres", &create);
        this
    }

    /// A hot standby of `primary`, which knows it by `name`. It reaches it at `through`, or directly.
    pub(crate) fn standby_of(primary: &Self, name: &str, through: Option<SocketAddr>) -> Self {
        let mut this = Self::new(primary.programs);
        let address = through.unwrap_or_else(|| primary.address());
        let source = format!(
            "host={} port={} user=postgres password={PASSWORD} application_name={name}",
            address.ip(),
            address.port()
        );
        this.programs.base_backup(&source, &this.data());
        this.launch();
        this
    }

    fn new(programs: &'static Programs) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Watcher::of_this_process().folder().join(format!("pg{number}"));
        programs.user.folder(&folder);
        Self { programs, folder, port: free_port(), process: None }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn configure(&self, file: &str, text: &str) {
        let mut file = fs::File::options().append(true).open(self.data().join(file)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The database `fristvakt`, which belongs to the role of that name.
    pub(crate) fn url(&self) -> String {
        self.url_of(ROLE)
    }

    /// A database of this cluster, for the role `fristvakt`.
    pub(crate) fn url_of(&self, database: &str) -> String {
        url(self.address(), database)
    }

    /// The database `fristvakt` at another address, such as a proxy's.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        url(address, ROLE)
    }

    /// An empty database, for a test.
    pub(crate) fn database(&'static self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql(&format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0;"));
        Database { cluster: self, name }
    }

    /// Starts it again, at the same address and with everything it had.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.launch();
    }

    fn launch(&mut self) {
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.data());
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder.display()),
        ] {
            command.args(["-c", &setting]);
        }
        let mut process = Process::start(command, &self.folder.join("log"), "QUIT");
        let (id, file) = (process.id().to_string(), self.data().join("postmaster.pid"));
        wait(
            || format!("PostgreSQL to start:\n{}", self.log()),
            || {
                assert!(!process.has_ended(), "PostgreSQL does not start:\n{}", self.log());
                // Its first line is the process, its eighth how far that is.
                let text = fs::read_to_string(&file).ok()?;
                let mut lines = text.lines();
                (lines.next() == Some(&id) && lines.nth(6)?.trim() == "ready").then_some(())
            },
        );
        self.process = Some(process);
    }

    /// Stops it, and waits until it is gone.
    pub(crate) fn stop(&mut self, how: Stop) {
        let process = self.process.take().expect("a cluster that runs");
        process.signal(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        });
        process.join();
    }

    /// Kills all its processes with `kill -9`.
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("a cluster that runs");
        // Stopped first, so that it has no child that we do not see.
        process.signal("STOP");
        let mut all = process.children();
        all.push(process.id());
        signal_all("KILL", &all);
        process.join();
        // All are dead, and nobody else removes what they shared, if this is not started again.
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        if let Some(segment) = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
            let mut remove = self.programs.user.command(Path::new("ipcrm"));
            let _ = remove.args(["-m", segment]).stderr(Stdio::null()).status();
        }
    }

    /// Makes a standby a primary.
    pub(crate) fn promote(&self) {
        assert_eq!(self.psql("SELECT pg_promote(true, 60);"), "t", "promoted");
    }

    /// Starts it again as what takes no writes: what a primary is after a failover that its clients did not notice.
    pub(crate) fn demote(&mut self) {
        self.stop(Stop::Fast);
        let signal = self.data().join("standby.signal");
        fs::write(signal, "").unwrap();
        self.launch();
    }

    /// Changes a setting while it runs; those that need a start have it after the next one.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let before = self.psql("SELECT clock_timestamp();");
        self.psql(&format!("ALTER SYSTEM SET {name} = {};\nSELECT pg_reload_conf();", quoted(value)));
        self.wait_for(&format!("SELECT pg_conf_load_time() > '{before}';"));
    }

    /// What statements print as the superuser in the database `fristvakt`: rows as lines, columns cut by `|`.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_in(ROLE, sql)
    }

    /// What statements print as the superuser in a database of this cluster.
    pub(crate) fn psql_in(&self, database: &str, sql: &str) -> String {
        let said = self.programs.psql(&self.folder, self.port, database, sql);
        said.unwrap_or_else(|error| panic!("psql: {error}\n{}", self.log()))
    }

    /// Waits until a query of the superuser in the database `fristvakt` says `t`.
    pub(crate) fn wait_for(&self, sql: &str) {
        wait(|| sql.to_owned(), || (self.psql(sql) == "t").then_some(()));
    }

    /// The end of what it has logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// A database on a cluster. It is dropped with this.
pub(crate) struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    /// Its address, for the role that owns it.
    pub(crate) fn url(&self) -> String {
        self.cluster.url_of(&self.name)
    }

    /// The same at another address, such as a proxy's.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        url(address, &self.name)
    }

    /// Where its cluster listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.cluster.address()
    }

    /// What statements print as the superuser: rows as lines, columns cut by `|`.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.cluster.psql_in(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE);", self.name);
        // A test that fails for another reason should fail with that one.
        let _ = self.cluster.programs.psql(&self.cluster.folder, self.cluster.port, "postgres", &drop);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal("QUIT");
            process.join();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn url(address: SocketAddr, database: &str) -> String {
    format!("postgres://{ROLE}:{PASSWORD}@{address}/{database}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
