//! A municipality in which everybody is due one mail, and a webhook hears of each, with the real binary to send them.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::hostile::{Receiver, Relay, Setup};

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

/// The municipality, its relay and its receiver.
pub(super) struct Town {
    pub(super) folder: TempDir,
    pub(super) people: usize,
    pub(super) relay: Relay,
    pub(super) receiver: Receiver,
    /// Minutes after eight: each run is a minute later, so that what is to be tried again is.
    minute: Cell<u32>,
}

impl Town {
    pub(super) async fn with(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Slow enough that several messages are always under way.
        let relay = Relay::start(Setup { delay: Duration::from_millis(10), ..Setup::default() }).await;
        let receiver = Receiver::start(vec![], None).await;
        let this = Self { folder, people, relay, receiver, minute: Cell::new(0) };
        this.write_files();
        let import = this.command(&["import", "facts.ndjson"]).stdout(Stdio::null()).status().unwrap();
        assert!(import.success());
        this
    }

    /// The database.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.path().join("town.db")
    }

    /// The acceptance journal.
    pub(super) fn journal(&self) -> PathBuf {
        self.folder.path().join("town.db.accepted")
    }

    /// One run of the process. Whether it crashed.
    pub(super) fn run(&self, end: &End) -> bool {
        let minute = self.minute.get();
        self.minute.set((minute + 1).min(7 * 60));
        let now = format!("2026-03-11T{:02}:{:02}:00+01:00", 8 + minute / 60, minute % 60);
        let mut command = self.command(&["run", "--once", "--now", &now]);
        if let End::AtPoint(point, action) = end {
            command.env("FAILPOINTS", format!("{point}={action}"));
        }
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        match end {
            End::Killed(after) => kill_after(&mut process, *after),
            End::ByItself | End::AtPoint(..) => !process.wait().unwrap().success(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fristvakt"));
        command.current_dir(self.folder.path()).env_clear();
        command.env("FRISTVAKT_CONFIG", self.folder.path().join("fristvakt.toml")).args(arguments);
        command
    }

    fn write_files(&self) {
        let write = |name: &str, text: &str| std::fs::write(self.folder.path().join(name), text).unwrap();
        write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        write("facts.ndjson", &facts(self.people));
        let config = format!(
            "database = \"sqlite://town.db\"\n\
             [email]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"fristvakt@k.example\"\n\
             [[webhook]]\nname = \"hook\"\nurl = \"http://{}/hook\"\nsecret_files = [\"secret\"]\n\
             allow_insecure_loopback = true\n",
            self.relay.address.port(),
            self.receiver.address
        );
        write("fristvakt.toml", &config);
    }
}

/// Whether the process had to be killed: it may have done everything before.
fn kill_after(process: &mut Child, after: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < after {
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
