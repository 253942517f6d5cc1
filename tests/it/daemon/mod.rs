//! The daemon, end to end: a real database, real SMTP to the catcher, a clock that is moved by hand.

mod calendar;
mod chat;
mod commands;
mod delivery;
mod demo;
mod deviations;
mod disk;
mod operator;
mod outcomes;
mod poison;
pub(crate) mod process;
mod reload;
mod retention;
mod rights;
mod schedules;
mod server;
mod service;
mod silences;
mod time;
mod watcher;

use std::path::Path;
use std::sync::Arc;

use chrono::DateTime;
use fristvakt::calendar::Instant;
use fristvakt::catcher::Catcher;
use fristvakt::clock::Clock;
use fristvakt::config::Config;
use fristvakt::daemon::{Daemon, Tick};
use fristvakt::store::Load;
use tempfile::TempDir;

use crate::servers::postgres::PASSWORD;

/// A daemon with its relay, in a folder of its own.
pub(crate) struct Installation {
    folder: TempDir,
    catcher: Option<Catcher>,
    daemon: Arc<Daemon>,
    clock: Clock,
}

pub(crate) const FACTS: &str = include_str!("facts.ndjson");

pub(crate) fn instant(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// What has nothing to do with reports sends none.
const NO_REPORTS: &str = "reports.enabled = false\n";

/// A configuration with `extra` lines; those behind `[email]` go into that section. Reports are sent only where it says so.
fn config(folder: &Path, port: u16, extra: &str) -> Config {
    let (extra, email) = extra.split_once("[email]\n").unwrap_or((extra, ""));
    let reports = if extra.contains("reports") { "" } else { NO_REPORTS };
    let text = format!(
        "database = \"sqlite://{}\"\n{reports}{extra}\n[email]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\n\
         from = \"fristvakt@k.example\"\n{email}",
        folder.join("test.db").display()
    );
    Config::parse(&text, None, &[]).unwrap()
}

impl Installation {
    /// With a relay that works, and facts.
    pub(crate) async fn with(facts: &str) -> Self {
        Self::configured(facts, "").await
    }

    pub(crate) async fn configured(facts: &str, extra: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let catcher = Catcher::start(folder.path().join("mail")).await.unwrap();
        let port = catcher.address().port();
        let this = Self::on(folder, Some(catcher), port, extra).await;
        this.import(facts).await;
        this
    }

    /// With facts, and nothing where the relay should be.
    pub(crate) async fn without_relay(facts: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let this = Self::on(tempfile::tempdir().unwrap(), None, 1, "").await;
        this.import(facts).await;
        this
    }

    /// With facts, on a server, and nothing where the relay should be.
    pub(crate) async fn on_server(url: &str, facts: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let [password, journal] = ["password", "accepted"].map(|name| folder.path().join(name));
        std::fs::write(&password, PASSWORD).unwrap();
        let url = url.replace(&format!(":{PASSWORD}@"), "@");
        let text = format!(
            "{NO_REPORTS}database = {url:?}\ndatabase_password_file = {password:?}\ndatabase_timeout = 2\njournal = {journal:?}\n"
        );
        let clock = Clock::fixed(instant("2026-03-02T00:00:00+01:00"));
        let daemon = Daemon::open(&Config::parse(&text, None, &[]).unwrap(), clock.clone()).await.unwrap();
        let this = Self { folder, catcher: None, daemon: Arc::new(daemon), clock };
        this.import(facts).await;
        this
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn daemon(&self) -> &Arc<Daemon> {
        &self.daemon
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) async fn on(folder: TempDir, catcher: Option<Catcher>, port: u16, extra: &str) -> Self {
        let clock = Clock::fixed(instant("2026-03-02T00:00:00+01:00"));
        let daemon = Daemon::open(&config(folder.path(), port, extra), clock.clone()).await.unwrap();
        Self { folder, catcher, daemon: Arc::new(daemon), clock }
    }

    /// The same, after the daemon was stopped and started again.
    pub(crate) async fn restarted(self) -> Self {
        self.restarted_with("").await
    }

    /// The same, with further lines in its configuration.
    pub(crate) async fn restarted_with(self, extra: &str) -> Self {
        let Self { folder, catcher, daemon, .. } = self;
        Arc::into_inner(daemon).unwrap().store.close().await;
        let port = catcher.as_ref().map_or(25, |catcher| catcher.address().port());
        Self::on(folder, catcher, port, extra).await
    }

    pub(crate) async fn import(&self, facts: &str) {
        let path = self.folder.path().join("facts.ndjson");
        std::fs::write(&path, facts).unwrap();
        let rules = self.daemon.rules();
        self.daemon.store.import(&[path], &rules.set, Load::Append, self.clock.now(), |_| {}).await.unwrap();
    }

    /// One tick at a moment.
    pub(crate) async fn tick(&self, at: &str) -> Tick {
        self.clock.set(instant(at));
        self.daemon.tick().await.unwrap()
    }

    /// The mails so far: recipient and text.
    pub(crate) fn mails(&self) -> Vec<(String, String)> {
        let mut paths: Vec<_> =
            std::fs::read_dir(self.folder.path().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }

    /// The recipients of the mails so far.
    pub(crate) fn recipients(&self) -> Vec<String> {
        self.mails().into_iter().map(|(to, _)| to).collect()
    }
}

fn read(path: &Path) -> (String, String) {
    let bytes = std::fs::read(path).unwrap();
    let mail = mail_parser::MessageParser::default().parse(&bytes).unwrap();
    let to = mail.to().unwrap().first().unwrap().address().unwrap().to_owned();
    (to, mail.body_text(0).unwrap().into_owned())
}

/// An installation whose relay is down, and the port on which it can come back.
async fn without_relay(facts: &str, extra: &str) -> (Installation, u16) {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let here = Installation::on(folder, None, port, extra).await;
    here.import(facts).await;
    (here, port)
}
