//! Watermarks: what changed is read, once more than needed rather than once too little.

use fristvakt::facts::csv::RecordType;

use super::{House, NOW, on_each};

const TABLE: &str = "CREATE TABLE t (id VARCHAR(20), level VARCHAR(20), at_time TIMESTAMP NULL, at_date DATE, number BIGINT, word VARCHAR(40));";

/// A query with this watermark column.
fn query(column: &str, more: &str) -> String {
    format!(
        "[source.query.case]\nsql = \"SELECT id, level, {column} AS changed_at FROM t WHERE {column} >= ?\"\n\
         watermark = \"changed_at\"\n{more}"
    )
}

/// A column, how far a row may lie behind the last one and be found all the same, and one that lies too far behind.
const KINDS: &[(&str, &str, [&str; 4])] = &[
    // (column, overlap, first, last, found later, not found)
    (
        "at_time",
        "overlap = 1800",
        ["'2026-03-10 07:00:00'", "'2026-03-10 10:05:00'", "'2026-03-10 09:50:00'", "'2026-03-10 08:20:00'"],
    ),
    ("at_date", "overlap = 2", ["'2026-03-01'", "'2026-03-09'", "'2026-03-07'", "'2026-03-06'"]),
    ("number", "overlap = 5", ["7", "100", "95", "94"]),
    ("word", "", ["'00000007'", "'00000100'", "'00000100'", "'00000099'"]),
    (
        "word",
        "overlap = 1800",
        ["'2026-03-10T07:00:00'", "'2026-03-10T10:05:00'", "'2026-03-10T09:50:00'", "'2026-03-10T08:20:00'"],
    ),
    (
        "word",
        "overlap = 1800",
        ["'2026-03-10T07:00:00Z'", "'2026-03-10T10:05:00Z'", "'2026-03-10T09:35:00Z'", "'2026-03-10T09:34:59Z'"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_read_and_what_was_committed_late_too() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        for (column, overlap, [first, last, late, lost]) in KINDS {
            let base = format!("{} {column} {overlap}", house.base.name());
            house.base.run("DELETE FROM t");
            let insert = |id: &str, value: &str| {
                house.base.run(&format!("INSERT INTO t (id, {column}) VALUES ('{id}', {value})"));
            };
            insert("first", first);
            insert("last", last);
            let source = house.source("", &query(column, overlap));
            // Another text than any before: it starts over.
            let read = house.read(&source, NOW).await;
            assert_eq!(read.queries[0].rows, 2, "{base}");
            assert_eq!(house.read(&source, NOW).await.queries[0].rows, 1, "{base}: the last one is read again");
            insert("equal", last);
            assert_eq!(house.read(&source, NOW).await.queries[0].rows, 2, "{base}: it has the same watermark");
            insert("late", late);
            assert_eq!(house.read(&source, NOW).await.queries[0].rows, 3, "{base}: it was committed after a later one");
            insert("lost", lost);
            assert_eq!(house.read(&source, NOW).await.queries[0].rows, 3, "{base}: it lies too far behind");
            // Once a day everything is read, however old.
            let whole = house.read(&source, "2026-03-11T12:00:00+01:00").await;
            assert_eq!(whole.queries[0].rows, 5, "{base}");
            let after = house.read(&source, "2026-03-11T12:05:00+01:00").await;
            assert_eq!((after.queries[0].rows, after.has_changes()), (3, false), "{base}");
            house.base.run("DELETE FROM t");
            let none = house.read(&source, "2026-03-11T12:10:00+01:00").await;
            assert_eq!(none.queries[0].rows, 0, "{base}");
            insert("next", last);
            assert_eq!(
                house.read(&source, "2026-03-11T12:15:00+01:00").await.queries[0].rows,
                1,
                "{base}: still there"
            );
            house.store.accept_source("fagsystem", "kari", "another column", super::at(NOW)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_from_the_future_hides_none_that_comes_before_it() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        for (column, future, next) in [
            ("at_time", "'2037-01-01 00:00:00'", "'2026-03-10 12:01:00'"),
            ("at_date", "'2099-01-01'", "'2026-03-10'"),
            ("word", "'2099-01-01 00:00:00'", "'2026-03-10 12:01:00'"),
        ] {
            house.base.run(&format!("DELETE FROM t; INSERT INTO t (id, {column}) VALUES ('S-1', {future})"));
            let source = house.source("", &query(column, "overlap = 1"));
            house.read(&source, NOW).await;
            house.base.run(&format!("INSERT INTO t (id, {column}) VALUES ('S-2', {next})"));
            let read = house.read(&source, "2026-03-10T12:05:00+01:00").await;
            assert_eq!(read.queries[0].rows, 2, "{} {column}", house.base.name());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_is_kept_and_another_query_starts_over() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        house.base.run("INSERT INTO t (id, number) VALUES ('S-1', 1), ('S-2', 5000)");
        let source = house.source("", &query("number", ""));
        house.read(&source, NOW).await;
        let state = house.state().await;
        assert_eq!(state.queries[0].watermark.as_deref(), Some("integer 5000"));
        assert_eq!((state.queries[0].rows, state.ok_at), (2, Some(super::at(NOW))));
        let other = house.source("", &query("number", "overlap = 0"));
        assert_eq!(house.read(&other, NOW).await.queries[0].rows, 2, "{}", house.base.name());
        let same = house.source("", &query("number", "overlap = 0"));
        assert_eq!(house.read(&same, NOW).await.queries[0].rows, 1, "{}", house.base.name());
        assert_eq!(house.count(RecordType::Case).await, 2);
    })
    .await;
}

/// A row without a watermark is read where the query gives it, and moves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_watermark_moves_nothing() {
    on_each(async |house: House| {
        house.base.run(TABLE);
        house.base.run("INSERT INTO t (id, number) VALUES ('S-1', 7), ('S-2', NULL)");
        let sql = "SELECT id, number AS changed_at FROM t WHERE number >= ? OR number IS NULL";
        let queries = format!("[source.query.case]\nsql = \"{sql}\"\nwatermark = \"changed_at\"");
        let source = house.source("", &queries);
        assert_eq!(house.read(&source, NOW).await.queries[0].rows, 2, "{}", house.base.name());
        assert_eq!(house.state().await.queries[0].watermark.as_deref(), Some("integer 7"));
    })
    .await;
}
