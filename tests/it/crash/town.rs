//! A municipality in which everybody is due one mail, and a webhook hears of each, with the real binary to send them.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fristvakt::store::Location;
use tempfile::TempDir;

use crate::hostile::{Receiver, Relay, Setup};
use crate::servers::postgres::{self, PASSWORD};
use crate::store::location;

/// How a run of the process ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It does what there is to do.
    ByItself,
    /// `kill -9` after a time.
    Killed(Duration),
    /// It ends itself, as by `kill -9`, when it comes to a point as often as the action says.
    AtPoint(&'static str, &'static str),
}

/// What the store stands on, and how many daemons work with it.
pub(super) enum Ground {
    /// A file, and one daemon.
    File,
    /// A database on a server, and so many daemons.
    Server(postgres::Database, usize),
}

impl Ground {
    /// A server that three daemons share; `None` where there is no PostgreSQL.
    pub(super) fn server() -> Option<Self> {
        Some(Self::Server(postgres::database()?, 3))
    }

    fn daemons(&self) -> usize {
        match self {
            Self::File => 1,
            Self::Server(_, daemons) => *daemons,
        }
    }
}

/// The municipality, its relay and its receiver.
pub(super) struct Town {
    pub(super) folder: TempDir,
    pub(super) people: usize,
    pub(super) relay: Relay,
    pub(super) receiver: Receiver,
    ground: Ground,
    /// Minutes after eight: each run is a minute later, so that what is to be tried again is.
    minute: Cell<u32>,
}

impl Town {
    pub(super) async fn on(ground: Ground, people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Slow enough that several messages are always under way.
        let relay = Relay::start(Setup { delay: Duration::from_millis(10), ..Setup::default() }).await;
        let receiver = Receiver::start(vec![], None).await;
        let this = Self { folder, people, relay, receiver, ground, minute: Cell::new(0) };
        this.write_files();
        let import = this.command(0, &["import", "facts.ndjson"]).stdout(Stdio::null()).status().unwrap();
        assert!(import.success());
        this
    }

    /// The database.
    pub(super) fn database(&self) -> Location {
        match &self.ground {
            Ground::File => Location::File(self.folder.path().join("town.db")),
            Ground::Server(database, _) => location(&database.url()),
        }
    }

    /// The acceptance journals, one for each daemon.
    pub(super) fn journals(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.ground.daemons()).map(|daemon| self.folder.path().join(format!("accepted-{daemon}")))
    }

    /// One run of each process. How many crashed: the last of several is left alone.
    pub(super) fn run(&self, end: &End) -> usize {
        let minute = self.minute.get();
        self.minute.set((minute + 1).min(7 * 60));
        let now = format!("2026-03-11T{:02}:{:02}:00+01:00", 8 + minute / 60, minute % 60);
        let daemons = self.ground.daemons();
        let mut processes: Vec<(Child, &End)> = (0..daemons)
            .map(|daemon| {
                let end = if daemon > 0 && daemon + 1 == daemons { &End::ByItself } else { end };
                let mut command = self.command(daemon, &["run", "--once", "--now", &now]);
                if let End::AtPoint(point, action) = end {
                    command.env("FAILPOINTS", format!("{point}={action}"));
                }
                (command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap(), end)
            })
            .collect();
        let begun = Instant::now();
        let crashed = processes.iter_mut().map(|(process, end)| match end {
            End::Killed(after) => kill_at(process, begun + *after),
            End::ByItself | End::AtPoint(..) => !process.wait().unwrap().success(),
        });
        crashed.filter(|crashed| *crashed).count()
    }

    fn command(&self, daemon: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.current_dir(self.folder.path()).env_clear();
        command.env("FRISTVAKT_CONFIG", self.folder.path().join(format!("fristvakt-{daemon}.toml"))).args(arguments);
        command
    }

    fn write_files(&self) {
        let write = |name: &str, text: &str| std::fs::write(self.folder.path().join(name), text).unwrap();
        write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        write("facts.ndjson", &facts(self.people));
        write("password", PASSWORD);
        let database = match &self.ground {
            Ground::File => "sqlite://town.db".to_owned(),
            Ground::Server(database, _) => database.url().replace(&format!(":{PASSWORD}@"), "@"),
        };
        for daemon in 0..self.ground.daemons() {
            write(&format!("fristvakt-{daemon}.toml"), &self.config(daemon, &database));
        }
    }

    fn config(&self, daemon: usize, database: &str) -> String {
        format!(
            "reports.enabled = false\ndatabase = \"{database}\"\ndatabase_password_file = \"password\"\njournal = \"accepted-{daemon}\"\n\
             [email]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"fristvakt@k.example\"\n\
             [[webhook]]\nname = \"hook\"\nurl = \"http://{}/hook\"\nsecret_files = [\"secret\"]\n\
             allow_insecure_loopback = true\n",
            self.relay.address.port(),
            self.receiver.address
        )
    }
}

/// Whether the process had to be killed: it may have done everything before.
fn kill_at(process: &mut Child, moment: Instant) -> bool {
    while Instant::now() < moment {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    process.kill().unwrap();
    !process.wait().unwrap().success()
}

/// Everybody holds a case with a concern of 2 March; the decision is due on the 16th, and the first reminder goes out in
/// the round of the 11th.
fn facts(people: usize) -> String {
    let mut facts = String::from(
        r#"{"type":"tenant","id":"k","packs":["tromso"],"coordinator":"koord","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}
{"type":"unit","tenant":"k","id":"skole","leader":"rektor"}
{"type":"person","tenant":"k","id":"rektor","email":"rektor@k.example","unit":"skole"}
{"type":"person","tenant":"k","id":"koord","email":"koord@k.example","unit":"skole"}
"#,
    );
    for number in 0..people {
        let _ = writeln!(
            facts,
            r#"{{"type":"person","tenant":"k","id":"p{number}","email":"p{number}@k.example","unit":"skole"}}
{{"type":"case","tenant":"k","id":"S-{number}","ref":"R{number}","unit":"skole","stafettholder":"p{number}"}}
{{"type":"event","tenant":"k","case":"S-{number}","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-02T09:00:00+01:00"}}"#
        );
    }
    facts
}
