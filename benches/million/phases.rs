//! The daemon's own work, phase by phase, each in a process of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use fristvakt::clock::Clock;
use fristvakt::config::Config;
use fristvakt::daemon::{Daemon, Rules};
use fristvakt::store::Load;

use crate::pack::PACK;
use crate::plain;
use crate::raw::Raw;
use crate::report::{median, memory, say, worked};
use crate::world::{NOW, World};

/// Where everything is, and how often what is compared is measured.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
    pub(crate) world: World,
    pub(crate) repeat: usize,
}

impl Place {
    pub(crate) fn facts(&self) -> PathBuf {
        self.folder.join("facts.ndjson")
    }

    /// The six rules in a folder, with the shipped words and calendars.
    pub(crate) fn write_rules(&self) {
        let folder = self.folder.join("rules");
        let is_word = |path: &Path| path.starts_with("vocabulary.toml") || path.starts_with("calendars");
        for (path, text) in fristvakt::rules::embedded().files.iter().filter(|(path, _)| is_word(Path::new(&**path))) {
            let path = folder.join(&**path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        std::fs::write(folder.join("bench.toml"), PACK).expect("written");
    }

    /// The daemon on this database, at noon of the day. It writes its ledger and sends nothing.
    pub(crate) async fn daemon(&self) -> Arc<Daemon> {
        let text = format!(
            "database = \"{}\"\nrules = \"{}\"\nmode = \"shadow\"\n",
            self.url,
            self.folder.join("rules").display()
        );
        let config = Config::parse(&text, None, &[]).expect("a configuration");
        let now = chrono::DateTime::parse_from_rfc3339(NOW).expect("an instant").to_utc();
        Arc::new(Daemon::open(&config, Clock::fixed(now)).await.expect("a daemon"))
    }
}

/// An NDJSON file through the store's import, into an empty database.
pub(crate) async fn import(place: &Place) {
    let daemon = place.daemon().await;
    let rules = daemon.rules();
    let begun = Instant::now();
    let files = [place.facts()];
    let imported = daemon.store.import(&files, &rules.set, Load::Append, daemon.clock.now(), |_| {}).await;
    let imported = imported.unwrap_or_else(|errors| panic!("{errors:?}"));
    say("import", begun.elapsed().as_secs_f64());
    say("import.worked", worked());
    say("import.hwm", memory("VmHWM"));
    say(
        "events",
        imported.iter().map(|one| one.appended.events.new + one.appended.events.changed).sum::<usize>() as f64,
    );
}

/// Everything is planned and written for the first time.
pub(crate) async fn first(place: &Place) {
    let daemon = place.daemon().await;
    let begun = Instant::now();
    let swept = daemon.sweep(daemon.clock.now()).await.expect("planned");
    say("first", begun.elapsed().as_secs_f64());
    say("first.hwm", memory("VmHWM"));
    assert_eq!(swept.planned, place.world.cases as usize);
    // Also what follows once a day, so that it does not fall into a phase that measures something else.
    daemon.tick().await.expect("reconciled");
}

/// From nothing to the first tick that is done and found nothing due.
pub(crate) async fn start(place: &Place, name: &str) {
    let begun = Instant::now();
    let daemon = place.daemon().await;
    let tick = daemon.tick().await.expect("a tick");
    daemon.next_at(&tick.swept).await.expect("a moment");
    say(name, begun.elapsed().as_secs_f64());
    assert_eq!(tick.swept.planned, 0, "nothing is due");
}

/// Ticks with nothing due, and the memory of a daemon that has nothing to do.
pub(crate) async fn idle(place: &Place) {
    let daemon = place.daemon().await;
    let mut times = vec![];
    for _ in 0..500 {
        let begun = Instant::now();
        let tick = daemon.tick().await.expect("a tick");
        daemon.next_at(&tick.swept).await.expect("a moment");
        times.push(begun.elapsed().as_secs_f64());
        assert_eq!(tick.swept.planned, 0, "nothing is due");
    }
    say("idle", median(times));
    say("idle.rss", memory("VmRSS"));
    say("idle.anonymous", memory("RssAnon"));
}

/// Other rules that say the same: everything is planned anew, and nothing is to be written but when it is due again.
pub(crate) async fn replan(place: &Place) {
    let daemon = place.daemon().await;
    let (mut best, mut least) = (f64::MAX, f64::MAX);
    for number in 0..=place.repeat {
        let mut rules = Rules::load(Some(&place.folder.join("rules"))).expect("rules");
        // At last those that the next process brings along.
        if number < place.repeat {
            rules.fingerprint = uuid::Uuid::now_v7().to_string();
        }
        daemon.replace_rules(rules).await.expect("noted");
        let (begun, before) = (Instant::now(), worked());
        let swept = daemon.sweep(daemon.clock.now()).await.expect("planned");
        best = best.min(begun.elapsed().as_secs_f64());
        least = least.min(worked() - before);
        assert_eq!(swept.planned, place.world.cases as usize);
    }
    say("replan", best);
    say("replan.worked", least);
    say("replan.hwm", memory("VmHWM"));
}

/// The same rows, read by one statement and thrown away.
pub(crate) async fn scan(place: &Place) {
    let mut raw = Raw::open(&place.url).await;
    let (mut best, mut least) = (f64::MAX, f64::MAX);
    for _ in 0..place.repeat {
        let (begun, before) = (Instant::now(), worked());
        let (rows, _) = raw.scan("SELECT document, tenant, id, version FROM cases").await;
        best = best.min(begun.elapsed().as_secs_f64());
        least = least.min(worked() - before);
        assert_eq!(rows, place.world.cases as usize);
    }
    say("scan", best);
    say("scan.worked", least);
}

/// The query of an IT department over its own tables. Its answer is the product's, or this fails.
pub(crate) async fn sql(place: &Place) {
    let rules = Rules::load(Some(&place.folder.join("rules"))).expect("rules");
    let calendar = rules.set.calendars.iter().find(|calendar| &**calendar.id() == "norway").expect("the calendar");
    let mut raw = Raw::open(&place.url).await;
    plain::build(&mut raw, place.world, calendar).await;
    let step = (place.world.cases / 20_000).max(1);
    let (compared, differ) = plain::compare(&mut raw, step).await;
    eprintln!("{compared} deadlines of the query compared with the product's: {differ} differ");
    assert_eq!(differ, 0, "the query asks for the same deadlines");
    let (mut best, mut least) = (f64::MAX, f64::MAX);
    for _ in 0..place.repeat {
        let (begun, before) = (Instant::now(), worked());
        raw.number(&plain::counted(raw.is_postgres())).await;
        best = best.min(begun.elapsed().as_secs_f64());
        least = least.min(worked() - before);
    }
    say("sql", best);
    say("sql.worked", least);
    let begun = Instant::now();
    raw.scan(&format!("SELECT * FROM ({}) d", plain::deadlines(raw.is_postgres()))).await;
    say("sql.read", begun.elapsed().as_secs_f64());
}
