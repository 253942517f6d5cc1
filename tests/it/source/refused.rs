//! What goes wrong with a query: it is named, nothing of it is removed, and no watermark moves.

use fristvakt::facts::csv::RecordType;
use fristvakt::source::probe;

use super::{House, NOW, at, on_each};

const TABLE: &str = "CREATE TABLE c (id VARCHAR(20), stafettholder VARCHAR(40), navn VARCHAR(40), changed INTEGER); \
                     CREATE VIEW v AS SELECT id, stafettholder, changed FROM c; \
                     INSERT INTO c VALUES ('S-1', 'p1', 'Kanarifugl', 1), ('S-2', 'p1', 'Kanarifugl', 2)";

/// A query (with `?` for its parameter, where it has one), for each kind of database, and what is said of it.
const CASES: &[([&str; 3], &str)] = &[
    (["SELEC id FROM c"; 3], "near \"SELEC\" or at or near \"SELEC\" or near 'SELEC"),
    (["SELECT id FROM nowhere"; 3], "nowhere"),
    (["SELECT id, nothing AS ref FROM c"; 3], "nothing"),
    (["SELECT id, navn FROM c"; 3], "the column `navn` is none that a case has"),
    (["SELECT id, stafettholder AS stafetholder FROM c"; 3], "did you mean `stafettholder`?"),
    (["SELECT stafettholder FROM c"; 3], "the column `id` is missing; every case needs it"),
    (["SELECT id, id FROM c"; 3], "the column `id` stands twice"),
    (["SELECT id, 1 AS \"attributes.school_enviroment\" FROM c"; 3], "`attributes.school_enviroment` is none"),
    (["SELECT id FROM c WHERE id = ?"; 3], "it has 1 parameters where 0 is expected"),
    (
        [
            "INSERT INTO c (id) VALUES ('S-9') RETURNING id",
            "WITH x AS (INSERT INTO c (id) VALUES ('S-9') RETURNING id) SELECT id FROM x",
            "DELETE FROM c RETURNING id",
        ],
        "it would change data; a source is only read or permission denied",
    ),
    // What the database says of a value would show it.
    (
        [
            "SELECT id, json_extract(navn, '$.x') AS ref FROM c",
            "SELECT id, CAST(CAST(navn AS INTEGER) AS text) AS ref FROM c",
            "SELECT id, (SELECT navn FROM c) AS ref FROM c",
        ],
        "its message may hold values and is not shown",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_is_named_and_the_others_go_on() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        let base = house.base.name();
        let well = "[source.query.person]\nsql = \"SELECT 'p1' AS id\"\nfull = true\n";
        let good = format!("[source.query.case]\nsql = '''SELECT id, stafettholder FROM c'''\nfull = true\n{well}");
        house.read(&house.source("", &good), NOW).await;
        for (sql, expected) in CASES {
            let sql = house.base.one_of(*sql);
            let source = house.source("", &format!("[source.query.case]\nsql = '''{sql}'''\nfull = true\n{well}"));
            let outcome = house.poll(&source, "2026-03-10T13:00:00+01:00").await;
            let [failure] = outcome.failures.as_slice() else { panic!("{base}: {sql} gave {outcome:?}") };
            assert!(failure.starts_with("query `case`: "), "{base}: {failure}");
            assert!(expected.split(" or ").any(|part| failure.contains(part)), "{base}: {sql} gave {failure}");
            assert!(!failure.contains("Kanarifugl"), "{base}: {failure}");
            assert_eq!(outcome.queries.len(), 1, "{base}: {sql}: persons are read all the same");
            assert_eq!(house.count(RecordType::Case).await, 2, "{base}: {sql}");
            let state = house.state().await;
            assert_eq!((state.ok_at, state.failure.is_some()), (Some(at(NOW)), true), "{base}: {sql}");
            assert!(outcome.ended.fails_anew, "{base}: {sql} has a reason of its own");
            // `doctor` says the same before anything is read.
            let probed = probe(&source, &state, &house.rules, at(NOW)).await;
            let of_case = probed.queries.iter().find(|query| query.record_type == RecordType::Case).unwrap();
            assert!(of_case.found.is_err(), "{base}: {sql}");
            assert!(!format!("{probed:?}").contains("Kanarifugl"), "{base}: {sql}");
        }
        assert_eq!(house.stored("SELECT id FROM cases ORDER BY id").await, ["S-1", "S-2"], "{base}");
        let back = house.read(&house.source("", &good), "2026-03-10T14:00:00+01:00").await;
        assert_eq!(back.ended.back_since, Some(at("2026-03-10T13:00:00+01:00")), "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_vanishes_from_a_view_stops_its_query_until_a_person_says_so() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        let base = house.base.name();
        let query = "[source.query.case]\nsql = \"SELECT * FROM v WHERE changed >= ?\"\nwatermark = \"changed\"";
        let source = house.source("", query);
        house.read(&source, NOW).await;
        let before = house.stored("SELECT document FROM cases ORDER BY id").await;
        house.base.run("DROP VIEW v; CREATE VIEW v AS SELECT id, changed FROM c");
        let outcome = house.poll(&source, NOW).await;
        assert!(
            outcome.failures[0].contains("the column `stafettholder`, which it had before, is gone"),
            "{base}: {:?}",
            outcome.failures
        );
        assert_eq!(house.stored("SELECT document FROM cases ORDER BY id").await, before, "{base}");
        assert!(!house.poll(&source, NOW).await.ended.fails_anew, "{base}: said once");
        house.store.accept_source("fagsystem", "kari", "it is not kept any more", at(NOW)).await.unwrap();
        let accepted = house.read(&source, NOW).await;
        assert!(accepted.queries[0].changes.changed > 0, "{base}: {accepted:?}");
    })
    .await;
}

/// A statement that takes as long as it is let.
const SLOW: [&str; 3] = [
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'S-9' AS id FROM n WHERE i < 0",
    "SELECT 'S-9' AS id FROM pg_sleep(600)",
    "SELECT 'S-9' AS id FROM c WHERE SLEEP(600) = 0",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_is_ended_and_the_next_poll_is_as_good_as_any() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        let base = house.base.name();
        let good = "[source.query.case]\nsql = \"SELECT id, stafettholder FROM c\"\nfull = true\n";
        house.read(&house.source("", good), NOW).await;
        let sql = house.base.one_of(SLOW);
        let slow = house.source("timeout = 1", &format!("[source.query.case]\nsql = \"{sql}\"\nfull = true\n"));
        let outcome = house.poll(&slow, NOW).await;
        let [failure] = outcome.failures.as_slice() else { panic!("{base}: {outcome:?}") };
        assert!(failure.contains("it took longer than `timeout` allows"), "{base}: {failure}");
        assert_eq!(house.count(RecordType::Case).await, 2, "{base}");
        house.read(&house.source("", good), NOW).await;
    })
    .await;
}

/// Whoever stops the daemon does not wait for a database.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_stopped_at_once() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        let sql = house.base.one_of(SLOW);
        // The servers find out that nobody listens when their own time is up.
        let slow = house.source("timeout = 10", &format!("[source.query.case]\nsql = \"{sql}\"\nfull = true\n"));
        let stop = tokio_util::sync::CancellationToken::new();
        let polling = fristvakt::source::poll(&slow, &house.store, &house.rules, "one", at(NOW), &stop);
        let stopping = async {
            while !house.base.is_asked() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            stop.cancel();
            tokio::time::Instant::now()
        };
        let (outcome, stopped) = tokio::join!(polling, stopping);
        assert!(stopped.elapsed() < std::time::Duration::from_secs(3), "{}", house.base.name());
        assert!(outcome.unwrap().queries.is_empty(), "{}", house.base.name());
        assert_eq!(house.state().await.tried_at, None, "{}: as if nothing had been", house.base.name());
    })
    .await;
}
