//! MariaDB: one server that the tests of a process share, and servers that a test has for itself.
//!
//! Text is ordered as in Danish and Norwegian. Passwords are asked for, over TCP; [`Database::sql`] goes as the superuser,
//! through the socket.

mod tests;

use std::fs;
use std::io::{Seek, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::process::{Process, User, folder_with, free_port, run, wait};
use super::watcher::Watcher;
use super::{Missing, found};

/// The password of every user that a test gets. It should show nowhere.
pub(crate) const PASSWORD: &str = "hemmelig-4712";

/// A crash of the process loses nothing that the file system has; a crash of the machine loses the test too.
const NO_SYNC: &str = "--debug-no-sync";

/// What every server has.
const OPTIONS: [&str; 9] = [
    "--bind-address=127.0.0.1",
    "--skip-networking=0",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    NO_SYNC,
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_danish_ci",
];

/// The server's programs, and who runs them.
#[derive(Debug)]
struct Programs {
    server: PathBuf,
    install: PathBuf,
    client: PathBuf,
    user: User,
}

impl Programs {
    /// Those of this machine; `None` where there are none, which is noted.
    fn here() -> Option<&'static Self> {
        static HERE: OnceLock<Result<Programs, Missing>> = OnceLock::new();
        found(&HERE, || {
            let missing = |reason: String| Missing {
                server: "MariaDB",
                reason,
                mend: "apt-get install --no-install-recommends mariadb-server",
            };
            let user = User::for_server("mysql");
            let user = user.ok_or_else(|| missing("no user `mysql` for it, and this is root".to_owned()))?;
            let program = |name: &str| {
                // Often not on the path of those who are not root.
                let folder = folder_with(&[name], vec!["/usr/bin".into(), "/usr/sbin".into()]);
                folder.map(|folder| folder.join(name)).ok_or_else(|| missing(format!("no {name}")))
            };
            Ok(Self {
                server: program("mariadbd")?,
                install: program("mariadb-install-db")?,
                client: program("mariadb")?,
                user,
            })
        })
    }
}

/// A server of its own. It is stopped and removed when it is dropped.
pub(crate) struct Server {
    programs: &'static Programs,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

/// An empty database on the server that all tests of this process share; `None` where there is no MariaDB.
pub(crate) fn database() -> Option<Database> {
    static SHARED: OnceLock<Server> = OnceLock::new();
    let programs = Programs::here()?;
    Some(SHARED.get_or_init(|| Server::with(programs)).database())
}

impl Server {
    /// A new one; `None` where there is no MariaDB.
    pub(crate) fn start() -> Option<Self> {
        Programs::here().map(Self::with)
    }

    fn with(programs: &'static Programs) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Watcher::of_this_process().folder().join(format!("maria{number}"));
        programs.user.folder(&folder);
        let mut this = Self { programs, folder, port: free_port(), process: None };
        let mut install = programs.user.command(&programs.install);
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.args(["--skip-name-resolve", NO_SYNC]);
        // Two servers that are made at once would meet in /tmp.
        install.args([this.option("datadir", "data"), this.option("tmpdir", "")]);
        run(install).unwrap_or_else(|error| panic!("mariadb-install-db: {error}"));
        this.launch();
        this
    }

    fn option(&self, name: &str, file: &str) -> String {
        format!("--{name}={}", self.folder.join(file).display())
    }

    fn launch(&mut self) {
        let mut command = self.programs.user.command(&self.programs.server);
        command.arg("--no-defaults").args(OPTIONS).arg(format!("--port={}", self.port));
        command.args([self.option("datadir", "data"), self.option("socket", "s"), self.option("pid-file", "pid")]);
        command.arg(self.option("tmpdir", ""));
        let mut process = Process::start(command, &self.folder.join("log"), "KILL");
        wait(
            || format!("MariaDB to start:\n{}", self.log()),
            || {
                assert!(!process.has_ended(), "MariaDB does not start:\n{}", self.log());
                TcpStream::connect(self.address()).ok()
            },
        );
        self.process = Some(process);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// An empty database, for a user that may do everything in it and nothing elsewhere. It has the name of the user.
    pub(crate) fn database(&self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let superuser = self.superuser();
        let create = format!(
            "CREATE DATABASE {name}; CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
             GRANT ALL ON {name}.* TO {name}@'127.0.0.1';"
        );
        superuser.run("", &create).unwrap_or_else(|error| panic!("mariadb: {error}\n{}", self.log()));
        Database { superuser, address: self.address(), name }
    }

    fn superuser(&self) -> Superuser {
        Superuser { programs: self.programs, socket: self.option("socket", "s") }
    }

    /// Kills it with `kill -9`.
    pub(crate) fn kill(&mut self) {
        let process = self.process.take().expect("a server that runs");
        process.signal("KILL");
        process.join();
    }

    /// Starts it again, at the same address and with everything it had.
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.launch();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is needed, so it need not end in order.
        drop(self.process.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Who may do everything.
struct Superuser {
    programs: &'static Programs,
    socket: String,
}

impl Superuser {
    fn run(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut command: Command = self.programs.user.command(&self.programs.client);
        command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names", &self.socket, database]);
        let mut statements = tempfile::tempfile().unwrap();
        statements.write_all(sql.as_bytes()).unwrap();
        statements.rewind().unwrap();
        command.stdin(statements);
        Ok(String::from_utf8(run(command)?.stdout).unwrap().trim_end().to_owned())
    }
}

/// A database on a server, with its user. Both are dropped with this.
pub(crate) struct Database {
    superuser: Superuser,
    address: SocketAddr,
    name: String,
}

impl Database {
    /// Its address, for its user.
    pub(crate) fn url(&self) -> String {
        self.url_through(self.address)
    }

    /// The same at another address, such as a proxy's.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        self.url_as(address, &self.name)
    }

    /// The same for a user whom the test has made (`'reader'@'127.0.0.1'`), with [`PASSWORD`].
    pub(crate) fn url_as(&self, address: SocketAddr, user: &str) -> String {
        format!("mysql://{user}:{PASSWORD}@{address}/{}", self.name)
    }

    /// Where its server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name, and its user's.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What statements print as the superuser: rows as lines, columns cut by a tab.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.superuser.run(&self.name, sql).unwrap_or_else(|error| panic!("mariadb: {error}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Self { name, .. } = self;
        // A test that fails for another reason should fail with that one; and its server may be down.
        let _ = self.superuser.run("", &format!("DROP DATABASE {name}; DROP USER {name}@'127.0.0.1';"));
    }
}
