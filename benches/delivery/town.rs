//! A municipality in which many people are due one message each, at the same moment.

use std::fmt::Write as _;
use std::sync::Arc;

use fristvakt::calendar::Instant;
use fristvakt::clock::Clock;
use fristvakt::config::Config;
use fristvakt::daemon::Daemon;
use fristvakt::store::Load;
use tempfile::TempDir;

/// The first morning on which the holder is reminded of a concern of 2 March.
const MORNING: &str = "2026-03-11T08:00:00+01:00";

pub(crate) struct Town {
    daemon: Arc<Daemon>,
    clock: Clock,
    _folder: TempDir,
}

impl Town {
    /// `people` mails, planned and ready to leave.
    pub(crate) async fn with_mail(people: usize, port: u16, connections: usize) -> Self {
        let more = format!(
            "[email]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"fristvakt@k.example\"\n\
             connections = {connections}\n"
        );
        Self::planned(people, &more).await
    }

    /// `people` webhooks, planned and ready to leave.
    pub(crate) async fn with_webhook(people: usize, url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("written");
        let more = format!(
            "[[webhook]]\nname = \"sink\"\nurl = \"{url}\"\nsecret_files = [\"{}\"]\nallow_insecure_loopback = true\n",
            secret.display()
        );
        Self::planned(people, &more).await
    }

    async fn planned(people: usize, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "reports.enabled = false\ndatabase = \"sqlite://{}\"\n{more}",
            folder.path().join("bench.db").display()
        );
        let config = Config::parse(&text, None, &[]).expect("a configuration");
        let clock = Clock::fixed(instant(MORNING));
        let daemon = Arc::new(Daemon::open(&config, clock.clone()).await.expect("a daemon"));
        let facts = folder.path().join("facts.ndjson");
        std::fs::write(&facts, facts_of(people)).expect("written");
        let rules = daemon.rules();
        daemon.store.import(&[facts], &rules.set, Load::Append, clock.now(), |_| {}).await.expect("imported");
        daemon.sweep(clock.now()).await.expect("planned");
        Self { daemon, clock, _folder: folder }
    }

    /// Sends everything; how much that was.
    pub(crate) async fn deliver(&self) -> usize {
        self.clock.set(instant(MORNING));
        self.daemon.tick().await.expect("sent").delivered.sent
    }
}

fn instant(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

fn facts_of(people: usize) -> String {
    let mut facts = String::from(
        r#"{"type":"tenant","id":"k","packs":["tromso"],"name":"Kommunen","coordinator":"koord","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}
{"type":"unit","tenant":"k","id":"skole","leader":"rektor"}
{"type":"person","tenant":"k","id":"rektor","email":"rektor@k.example","unit":"skole"}
{"type":"person","tenant":"k","id":"koord","email":"koord@k.example","unit":"skole"}
"#,
    );
    for number in 0..people {
        let _ = writeln!(
            facts,
            r#"{{"type":"person","tenant":"k","id":"p{number}","email":"p{number}@k.example","unit":"skole"}}
{{"type":"case","tenant":"k","id":"S-{number}","ref":"R{number}","unit":"skole","stafettholder":"p{number}","initiator":"p{number}"}}
{{"type":"event","tenant":"k","case":"S-{number}","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-02T09:00:00+01:00"}}"#
        );
    }
    facts
}
