//! Several daemons on one server, and a server that does what servers do: it is restarted, fails over, is full, hangs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fristvakt::calendar::Instant;
use fristvakt::catcher::Catcher;
use fristvakt::clock::Clock;
use fristvakt::config::Config;
use fristvakt::daemon::{Daemon, Rules, Tick};
use fristvakt::notice::Recipient;
use fristvakt::store::{Load, StoreError};
use tempfile::TempDir;

use super::{instant, read};
use crate::hostile::{Direction, End, Proxy, Weather};
use crate::servers::postgres::{self, Cluster, PASSWORD, Stop};

const MORNING: &str = "2026-03-11T08:00:00+01:00";

/// Daemons that share a database, each with a journal of its own, and one relay.
pub(super) struct County {
    folder: TempDir,
    catcher: Catcher,
    url: String,
    clock: Clock,
    /// Further sections of the configuration.
    more: String,
    /// Whether reports are mailed on a schedule.
    reports: bool,
}

impl County {
    pub(super) async fn at(url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        let catcher = Catcher::start(folder.path().join("mail")).await.unwrap();
        let clock = Clock::fixed(instant("2026-03-02T12:00:00+01:00"));
        let url = url.replace(&format!(":{PASSWORD}@"), "@");
        Self { folder, catcher, url, clock, more: String::new(), reports: false }
    }

    /// With further sections in its configuration.
    pub(super) fn with(self, more: &str) -> Self {
        Self { more: more.to_owned(), ..self }
    }

    pub(super) fn set(&self, now: Instant) {
        self.clock.set(now);
    }

    pub(super) async fn daemon(&self, name: &str) -> Arc<Daemon> {
        Arc::new(Daemon::open(&self.config(name), self.clock.clone()).await.unwrap())
    }

    fn config(&self, name: &str) -> Config {
        let text = format!(
            "reports.enabled = {}\ndatabase = \"{}\"\ndatabase_password_file = \"password\"\ndatabase_timeout = 2\njournal = \"{name}\"\n\
             [email]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"fristvakt@k.example\"\n{}",
            self.reports,
            self.url,
            self.catcher.address().port(),
            self.more
        );
        let path = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).unwrap()
    }

    pub(super) async fn import(&self, daemon: &Daemon, facts: &str) {
        let path = self.folder.path().join("facts.ndjson");
        std::fs::write(&path, facts).unwrap();
        let rules = daemon.rules();
        daemon.store.import(&[path], &rules.set, Load::Append, self.clock.now(), |_| {}).await.unwrap();
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Who got a mail, in order.
    pub(super) fn told(&self) -> Vec<String> {
        let mail = std::fs::read_dir(self.folder.path().join("mail")).unwrap();
        let mut told: Vec<String> = mail.map(|mail| read(&mail.unwrap().path()).0).collect();
        told.sort();
        told
    }

    /// Ticks until everything that is due has left, a minute later each time.
    async fn go_on(&self, daemon: &Arc<Daemon>, mails: usize) {
        for _ in 0..40 {
            if let Ok(Tick { stood_back: false, .. }) = daemon.tick().await
                && self.told().len() >= mails
            {
                return;
            }
            self.clock.set(self.clock.now() + chrono::TimeDelta::minutes(1));
        }
        panic!("only {:?} were told", self.told());
    }
}

/// So many municipalities, each with a teacher whose case is told of on the 11th.
pub(super) fn municipalities(count: usize) -> String {
    (0..count)
        .map(|number| {
            format!(
                r#"{{"type":"tenant","id":"k{number}","packs":["tromso"],"coordinator":"koord","fallback":"post@k.example","mail_domains":["k.example"],"go_live":"2026-01-01"}}
{{"type":"unit","tenant":"k{number}","id":"skole","leader":"rektor"}}
{{"type":"person","tenant":"k{number}","id":"rektor","email":"rektor@k.example","unit":"skole"}}
{{"type":"person","tenant":"k{number}","id":"koord","email":"koord@k.example","unit":"skole"}}
{{"type":"person","tenant":"k{number}","id":"p","email":"p{number}@k.example","unit":"skole"}}
{{"type":"case","tenant":"k{number}","id":"S","ref":"R{number}","unit":"skole","stafettholder":"p"}}
{{"type":"event","tenant":"k{number}","case":"S","id":"e1","kind":"concern_raised","on":"2026-03-02","recorded_at":"2026-03-02T09:00:00+01:00"}}
"#
            )
        })
        .collect()
}

fn everybody(count: usize) -> Vec<String> {
    let mut all: Vec<String> = (0..count).map(|number| format!("p{number}@k.example")).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn three_daemons_share_the_work_and_everybody_hears_once() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await;
    let daemons = [county.daemon("a").await, county.daemon("b").await, county.daemon("c").await];
    county.import(&daemons[0], &municipalities(12)).await;
    county.clock.set(instant(MORNING));
    let mut rounds = 0;
    for _ in 0..4 {
        let ticks: Vec<_> =
            daemons.iter().cloned().map(|daemon| tokio::spawn(async move { daemon.tick().await })).collect();
        for tick in ticks {
            rounds += tick.await.unwrap().unwrap().swept.rounds;
        }
        county.clock.set(county.clock.now() + chrono::TimeDelta::minutes(1));
    }
    assert_eq!(rounds, 12, "each municipality held one round");
    assert_eq!(county.told(), everybody(12));
}

#[tokio::test]
async fn a_daemon_with_other_rules_stands_back_until_nobody_else_is_there() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await;
    let old = county.daemon("a").await;
    county.import(&old, &municipalities(1)).await;
    assert!(!old.tick().await.unwrap().stood_back);
    let new = county.daemon("b").await;
    assert!(!old.tick().await.unwrap().stood_back, "they have the same rules");
    let other = Rules { fingerprint: "f".repeat(64), ..Rules::load(None).unwrap() };
    new.replace_rules(other).await.unwrap();
    county.clock.set(instant(MORNING));
    assert!(old.tick().await.unwrap().stood_back);
    assert_eq!(county.told(), Vec::<String>::new());
    new.leave().await.unwrap();
    assert!(!old.tick().await.unwrap().stood_back, "somebody has to go on");
    assert_eq!(county.told(), everybody(1));
}

#[tokio::test]
async fn a_journal_belongs_to_one_process() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await;
    let _first = county.daemon("a").await;
    let refused = Daemon::open(&county.config("a"), county.clock.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("another daemon writes it"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_costs_a_tick() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let county = County::at(&cluster.url()).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, &municipalities(3)).await;
    county.clock.set(instant(MORNING));
    for how in [None, Some(Stop::Immediate), Some(Stop::Fast)] {
        match how {
            Some(how) => cluster.stop(how),
            None => cluster.kill(),
        }
        let error = daemon.store.ping();
        cluster.start_again();
        // Whether it waited for the server or failed: the next one works.
        let _ = error.await;
        assert!(!daemon.tick().await.unwrap().stood_back, "{how:?}");
    }
    county.go_on(&daemon, 3).await;
    assert_eq!(county.told(), everybody(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_it_goes_on_with_the_standby_and_sends_nothing_twice() {
    let Some(mut primary) = Cluster::start(&[]) else { return };
    let between = Proxy::start(primary.address(), Weather::default()).await;
    let standby = Cluster::standby_of(&primary, "second", Some(between.address));
    let both = two(&primary, &standby);
    let county = County::at(&both).await;
    let (one, other) = (county.daemon("a").await, county.daemon("b").await);
    county.import(&one, &municipalities(3)).await;
    primary.wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn();");
    // From here on the standby hears nothing: what is sent now, the database will have forgotten.
    between.set(Weather { refused: true, ..Weather::default() });
    between.cut(End::Reset);
    county.clock.set(instant(MORNING));
    one.tick().await.unwrap();
    assert_eq!(county.told(), everybody(3));
    primary.kill();
    standby.promote();
    for _ in 0..3 {
        let (first, second) = tokio::join!(other.tick(), one.tick());
        if first.is_ok_and(|tick| !tick.stood_back) && second.is_ok_and(|tick| !tick.stood_back) {
            break;
        }
    }
    county.clock.set(county.clock.now() + chrono::TimeDelta::minutes(5));
    for daemon in [&other, &one] {
        assert!(!daemon.tick().await.unwrap().stood_back);
    }
    assert_eq!(county.told(), everybody(3), "what the database forgot, the journal knew");
    let sent = one.store.list_messages(&Default::default()).await.unwrap();
    assert!(sent.iter().all(|message| message.state == "sent"), "{sent:?}");

    // Somebody starts the old server again. It takes writes, and nobody works with it.
    primary.start_again();
    let third = county.daemon("c").await;
    assert!(!third.tick().await.unwrap().stood_back);
    third.store.tell_once("k0", "where", &Recipient::Fallback, "email", county.clock.now()).await.unwrap();
    assert_eq!(standby.psql("SELECT count(*) FROM tenant_notices WHERE name = 'where';"), "1");
}

#[tokio::test]
async fn a_machine_that_was_copied_stands_back_and_takes_nothing() {
    let Some(database) = postgres::database() else { return };
    let county = County::at(&database.url()).await;
    let first = county.daemon("a").await;
    county.import(&first, &municipalities(1)).await;
    first.tick().await.unwrap();
    std::fs::create_dir(county.folder.path().join("b")).unwrap();
    std::fs::copy(county.folder.path().join("a/id"), county.folder.path().join("b/id")).unwrap();
    let copy = county.daemon("b").await;
    assert!(!copy.tick().await.unwrap().stood_back, "it cannot know yet");
    first.say_alive().await.unwrap();
    for daemon in [&first, &copy] {
        assert!(daemon.tick().await.unwrap().stood_back);
    }
}

/// The address of both, the primary first.
fn two(primary: &Cluster, standby: &Cluster) -> String {
    let (one, other) = (primary.address().to_string(), standby.address().to_string());
    primary.url().replace(&one, &format!("{one},{other}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_demoted_is_found_out_and_left() {
    let Some(mut primary) = Cluster::start(&[]) else { return };
    let standby = Cluster::standby_of(&primary, "second", None);
    let county = County::at(&two(&primary, &standby)).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, &municipalities(2)).await;
    primary.wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn();");
    standby.promote();
    primary.demote();
    county.clock.set(instant(MORNING));
    county.go_on(&daemon, 2).await;
    assert_eq!(county.told(), everybody(2));
    assert_eq!(standby.psql("SELECT count(*) FROM messages WHERE state = 'sent';"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_waits_for_a_standby_in_vain_hands_nothing_over() {
    let Some(primary) = Cluster::start(&[]) else { return };
    let county = County::at(&primary.url()).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, &municipalities(1)).await;
    primary.set("synchronous_standby_names", "gone");
    county.clock.set(instant(MORNING));
    let error = daemon.tick().await.unwrap_err();
    assert!(matches!(&error, StoreError::Database(_)) && error.may_pass(), "{error}");
    assert_eq!(county.told(), Vec::<String>::new());
    primary.set("synchronous_standby_names", "");
    county.go_on(&daemon, 1).await;
    assert_eq!(county.told(), everybody(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_too_many_connections_it_waits_for_its_turn() {
    let Some(cluster) = Cluster::start(&[("max_connections", "6"), ("superuser_reserved_connections", "2")]) else {
        return;
    };
    let county = County::at(&cluster.url()).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, &municipalities(6)).await;
    county.clock.set(instant(MORNING));
    // It has fewer connections than it would like, and works all the same.
    county.go_on(&daemon, 6).await;
    assert_eq!(county.told(), everybody(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_cuts_and_stalls_loses_and_repeats_nothing() {
    let Some(database) = postgres::database() else { return };
    let proxy = Proxy::start(database.address(), Weather::default()).await;
    let address: SocketAddr = proxy.address;
    let county = County::at(&database.url_through(address)).await;
    let daemon = county.daemon("a").await;
    county.import(&daemon, &municipalities(8)).await;
    county.clock.set(instant(MORNING));
    for after in [100, 700, 2_000, 5_000, 12_000, 30_000] {
        let cut = Some((Direction::Up, after, End::Reset));
        proxy.set(Weather { cut, ..Weather::default() });
        proxy.cut(End::Reset);
        let _ = daemon.tick().await;
    }
    proxy.set(Weather { stalled: true, ..Weather::default() });
    let hung = tokio::time::timeout(Duration::from_secs(60), daemon.tick()).await.expect("it gives up");
    assert!(hung.is_err_and(|error| error.may_pass()));
    proxy.set(Weather::default());
    proxy.cut(End::Reset);
    county.go_on(&daemon, 8).await;
    assert_eq!(county.told(), everybody(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_share_a_server_report_a_period_once() {
    let Some(database) = postgres::database() else { return };
    let county = County { reports: true, ..County::at(&database.url()).await };
    let mut daemons = vec![county.daemon("a").await, county.daemon("b").await, county.daemon("c").await];
    county.import(&daemons[0], &municipalities(5)).await;
    let all = async |daemons: &[Arc<Daemon>]| {
        let ticks: Vec<_> =
            daemons.iter().cloned().map(|daemon| tokio::spawn(async move { daemon.tick().await })).collect();
        for tick in ticks {
            assert!(!tick.await.unwrap().unwrap().stood_back);
        }
    };
    for morning in ["2026-03-17T08:00:00+01:00", "2026-03-17T08:01:00+01:00"] {
        county.clock.set(instant(morning));
        all(&daemons).await;
    }
    let before = county.told().iter().filter(|to| *to == "rektor@k.example").count();
    county.clock.set(instant("2026-03-23T08:00:00+01:00"));
    all(&daemons).await;
    // One is started again, and all look once more.
    daemons.remove(2).leave().await.unwrap();
    daemons.push(county.daemon("d").await);
    for _ in 0..3 {
        county.clock.set(county.clock.now() + chrono::TimeDelta::minutes(1));
        all(&daemons).await;
    }
    let reports = daemons[0].store.list_messages(&Default::default()).await.unwrap();
    let mut reports: Vec<String> = reports
        .into_iter()
        .filter(|message| message.subject.as_deref().is_some_and(|subject| subject.starts_with("report:weekly")))
        .map(|message| format!("{} {} {}", message.tenant, message.subject.unwrap_or_default(), message.state))
        .collect();
    reports.sort();
    let expected: Vec<String> = (0..5).map(|number| format!("k{number} report:weekly:2026-W12:rektor sent")).collect();
    assert_eq!(reports, expected);
    let after = county.told().iter().filter(|to| *to == "rektor@k.example").count();
    assert!(after >= before + 5, "they were mailed too: {before} {after}");
}
