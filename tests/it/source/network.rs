//! The way to a source at its worst: cut while rows come, reset, refused, silent; servers that are killed.

use std::time::Duration;

use fristvakt::facts::csv::RecordType;
use fristvakt::source::Source;

use super::base::Base;
use super::{House, NOW, at, on_each};
use crate::hostile::{Direction, End, Proxy, Weather};
use crate::servers::postgres::Cluster;

/// A case system whose cases come in many packets.
const TABLE: &str = "CREATE TABLE c (id VARCHAR(20), level VARCHAR(200), changed INTEGER);";

const FULL: &str = "[source.query.case]\nsql = \"SELECT id, level FROM c ORDER BY id\"\nfull = true\n";
const BOTH: &str = "[source.query.person]\nsql = \"SELECT 'p1' AS id\"\nfull = true\n\
    [source.query.case]\nsql = \"SELECT id, level, changed FROM c WHERE changed >= ? ORDER BY changed\"\nwatermark = \"changed\"\noverlap = 0";

async fn filled(house: &House) {
    house.base.run(TABLE);
    for chunk in 0..4 {
        let rows: Vec<String> = (1..=500)
            .map(|row| chunk * 500 + row)
            .map(|row| format!("('S-{row}', '{}', {row})", "x".repeat(150)))
            .collect();
        house.base.run(&format!("INSERT INTO c VALUES {}", rows.join(", ")));
    }
}

/// A proxy before the database, and the source behind it.
async fn through(house: &House, more: &str, queries: &str, weather: Weather) -> Option<(Proxy, Source)> {
    let proxy = Proxy::start(house.base.address()?, weather).await;
    let source = house.source_at(&house.base.url_through(proxy.address), more, queries);
    Some((proxy, source))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_while_rows_come_is_never_read_as_fewer_rows() {
    on_each(async |house: House| {
        filled(&house).await;
        let base = house.base.name();
        let Some((proxy, source)) = through(&house, "", FULL, Weather::default()).await else { return };
        house.read(&source, NOW).await;
        assert_eq!(house.count(RecordType::Case).await, 2000, "{base}");
        let whole = proxy.passed(Direction::Down);
        // Somewhere among the rows, and at the very end of them.
        for (part, end) in [(2, End::Reset), (2, End::Close), (4, End::Reset), (1, End::Close)] {
            let after = whole / part - if part == 1 { 60 } else { 0 };
            proxy.set(Weather { cut: Some((Direction::Down, after, end)), ..Weather::default() });
            let outcome = house.poll(&source, "2026-03-10T13:00:00+01:00").await;
            let [failure] = outcome.failures.as_slice() else { panic!("{base}: {outcome:?}") };
            assert!(failure.contains("the connection failed"), "{base}: {failure}");
            assert!(outcome.queries.is_empty(), "{base}: {after} of {whole}");
            assert_eq!(house.count(RecordType::Case).await, 2000, "{base}");
            assert_eq!(house.state().await.ok_at, Some(at(NOW)), "{base}");
        }
        proxy.set(Weather::default());
        let back = house.read(&source, "2026-03-10T14:00:00+01:00").await;
        assert_eq!((back.ended.back_since.is_some(), back.has_changes()), (true, false), "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_does_not_move_past_rows_that_never_came() {
    on_each(async |house: House| {
        filled(&house).await;
        let base = house.base.name();
        let Some((proxy, source)) = through(&house, "", BOTH, Weather::default()).await else { return };
        let cut = Some((Direction::Down, 100_000, End::Reset));
        proxy.set(Weather { cut, ..Weather::default() });
        let outcome = house.poll(&source, NOW).await;
        assert_eq!(outcome.queries.len(), 1, "{base}: persons came whole: {outcome:?}");
        assert_eq!(house.count(RecordType::Case).await, 0, "{base}: of a query that did not end nothing is taken");
        assert_eq!(house.state().await.queries.len(), 1, "{base}");
        proxy.set(Weather::default());
        assert_eq!(house.read(&source, NOW).await.queries[1].rows, 2000, "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_is_given_up_and_said_once() {
    on_each(async |house: House| {
        filled(&house).await;
        let base = house.base.name();
        let Some((proxy, source)) = through(&house, "timeout = 1", FULL, Weather::default()).await else { return };
        house.read(&source, NOW).await;
        proxy.set(Weather { refused: true, ..Weather::default() });
        let outcome = house.poll(&source, "2026-03-10T12:05:00+01:00").await;
        assert!(outcome.failures[0].contains("the connection failed"), "{base}: {outcome:?}");
        assert!(outcome.ended.fails_anew, "{base}");
        assert!(!house.poll(&source, "2026-03-10T12:06:00+01:00").await.ended.fails_anew, "{base}: said once");
        // It takes connections, and says nothing.
        proxy.set(Weather { stalled: true, ..Weather::default() });
        let begun = tokio::time::Instant::now();
        let outcome = house.poll(&source, "2026-03-10T12:07:00+01:00").await;
        assert!(outcome.failures[0].contains("nothing answers"), "{base}: {outcome:?}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{base}");
        assert_eq!(house.count(RecordType::Case).await, 2000, "{base}");
        let state = house.state().await;
        assert_eq!(state.failed_since, Some(at("2026-03-10T12:05:00+01:00")), "{base}");
        proxy.set(Weather::default());
        let back = house.read(&source, "2026-03-10T12:08:00+01:00").await;
        assert_eq!(back.ended.back_since, Some(at("2026-03-10T12:05:00+01:00")), "{base}");
    })
    .await;
}

/// The server has sent the first rows and then falls silent: its own limit cannot help, ours closes the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_among_rows_is_left() {
    on_each(async |house: House| {
        filled(&house).await;
        let base = house.base.name();
        let slow = Weather { delay: Duration::from_millis(50), ..Weather::default() };
        let Some((proxy, source)) = through(&house, "timeout = 1", FULL, slow).await else { return };
        let falling_silent = async {
            while proxy.passed(Direction::Down) < 50_000 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            proxy.set(Weather { stalled: true, ..Weather::default() });
        };
        let (outcome, ()) = tokio::join!(house.poll(&source, NOW), falling_silent);
        let [failure] = outcome.failures.as_slice() else { panic!("{base}: {outcome:?}") };
        assert!(failure.contains("longer than `timeout` allows"), "{base}: {failure}");
        assert_eq!(house.count(RecordType::Case).await, 0, "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_hears_why_without_the_password() {
    on_each(async |house: House| {
        let base = house.base.name();
        if house.base.password().is_none() {
            return;
        }
        let source = house.source("", FULL);
        // A connection without encryption where it is asked for, and with a wrong password.
        let url = format!("{}?sslmode=verify-full", house.base.url());
        let encrypted = house.poll(&house.source_at(&url, "", FULL), NOW).await;
        assert!(encrypted.failures[0].contains("encryption failed"), "{base}: {:?}", encrypted.failures);
        drop(source);
        std::fs::write(house.folder.path().join("other"), "Kanarifugl").unwrap();
        let other = house.source_with_password("other", FULL);
        let refused = house.poll(&other, NOW).await;
        let failure = &refused.failures[0];
        assert!(
            failure.to_lowercase().contains("password") && failure.contains("fristvakt") || base == "mariadb",
            "{base}: {failure}"
        );
        assert!(!failure.contains("Kanarifugl"), "{base}: {failure}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_is_read_again_when_it_is_back() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    cluster.psql(
        "CREATE TABLE c (id text, level text); INSERT INTO c VALUES ('S-1', '0'); GRANT SELECT ON c TO fristvakt",
    );
    let house = House::before(super::base::sqlite()).await;
    let url = cluster.url().replace(&format!(":{}@", crate::servers::postgres::PASSWORD), "@");
    let source = house.source_of_postgres(&url, FULL);
    house.read(&source, NOW).await;
    cluster.kill();
    let outcome = house.poll(&source, "2026-03-10T12:05:00+01:00").await;
    assert!(outcome.failures[0].contains("the connection failed"), "{outcome:?}");
    cluster.start_again();
    let back = house.read(&source, "2026-03-10T12:06:00+01:00").await;
    assert_eq!(back.ended.back_since, Some(at("2026-03-10T12:05:00+01:00")));
    assert_eq!(house.count(RecordType::Case).await, 1);
}

impl House {
    /// A source whose password is in another file of the folder.
    fn source_with_password(&self, file: &str, queries: &str) -> Source {
        let path = self.folder.path().join(file);
        let text = format!(
            "[[source]]\nname = \"fagsystem\"\nurl = \"{}\"\npassword_file = {path:?}\ntenants = [\"sokndal\"]\n{queries}",
            self.base.url()
        );
        Self::source_of(&text)
    }

    /// A source in another place than the house's own.
    fn source_of_postgres(&self, url: &str, queries: &str) -> Source {
        let path = self.folder.path().join("password");
        std::fs::write(&path, crate::servers::postgres::PASSWORD).unwrap();
        let text = format!(
            "[[source]]\nname = \"fagsystem\"\nurl = \"{url}\"\npassword_file = {path:?}\ntenants = [\"sokndal\"]\n{queries}"
        );
        assert!(matches!(self.base, Base::Sqlite(_)));
        Self::source_of(&text)
    }

    fn source_of(text: &str) -> Source {
        let config = fristvakt::config::Config::parse(text, None, &[]).unwrap();
        fristvakt::source::load(&config.sources).unwrap().0.remove(0)
    }
}
