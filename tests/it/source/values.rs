//! What columns of each type become, and what is said of those that become nothing.

use serde_json::Value as Json;

use super::{House, NOW, on_each};

/// A column, how each kind of database writes its value (SQLite, PostgreSQL, MariaDB), and what stands in the record
/// then. An empty text: this kind has no such thing.
const CASES: &[(&str, [&str; 3], &str)] = &[
    ("ref", ["'7F3K'", "'7F3K'", "'7F3K'"], "\"7F3K\""),
    ("ref", ["17", "17", "17"], "\"17\""),
    ("ref", ["", "17::smallint", "CAST(17 AS UNSIGNED)"], "\"17\""),
    ("ref", ["9007199254740993", "9007199254740993", "9007199254740993"], "\"9007199254740993\""),
    ("ref", ["17.5", "17.50::numeric(10,2)", "CAST(17.5 AS DOUBLE)"], "\"17.5\""),
    ("ref", ["", "17.00::numeric(10,2)", "CAST(17 AS DECIMAL(10,2))"], "\"17\""),
    ("ref", ["' 7F3K '", "'7F3K '::char(10)", "'7F3K '"], "\"7F3K\""),
    ("ref", ["''", "''", "''"], "null"),
    ("ref", ["NULL", "NULL", "NULL"], "null"),
    ("ref", ["", "'0190163d-8694-739b-aea5-966c26f8ad91'::uuid", ""], "\"0190163d-8694-739b-aea5-966c26f8ad91\""),
    ("ref", ["", "'7F3K'::name", "CAST('7F3K' AS CHAR CHARACTER SET latin1)"], "\"7F3K\""),
    ("ref", ["'Ærø-1'", "'Ærø-1'", "'Ærø-1'"], "\"Ærø-1\""),
    ("protected", ["TRUE", "TRUE", "TRUE"], "true"),
    ("protected", ["0", "FALSE", "0"], "false"),
    ("protected", ["'true'", "'true'", "'true'"], "true"),
    ("protected", ["", "1", "1"], "true"),
    ("attributes.school_environment", ["1", "TRUE", "TRUE"], "true"),
    ("attributes.school_environment", ["NULL", "NULL::boolean", "NULL"], "null"),
    ("attributes.born_on", ["'2014-05-11'", "DATE '2014-05-11'", "DATE '2014-05-11'"], "\"2014-05-11\""),
    (
        "attributes.born_on",
        ["'2014-05-11 00:00:00'", "TIMESTAMP '2014-05-11 00:00:00'", "TIMESTAMP '2014-05-11 00:00:00'"],
        "\"2014-05-11\"",
    ),
    // Shortly before midnight in UTC it is the next day already.
    ("attributes.born_on", ["", "TIMESTAMPTZ '2014-05-10 23:30:00+00'", ""], "\"2014-05-11\""),
    (
        "attributes",
        [
            "'{\"school_environment\": true}'",
            "'{\"school_environment\": true}'::jsonb",
            "'{\"school_environment\": true}'",
        ],
        "{\"school_environment\":true}",
    ),
    ("attributes", ["", "'{\"school_environment\": true}'::json", ""], "{\"school_environment\":true}"),
    // Without a zone, the clock of the source's zone is meant, in winter and in summer.
    (
        "recorded_at",
        ["'2026-03-02 09:10:00'", "TIMESTAMP '2026-03-02 09:10:00'", "TIMESTAMP '2026-03-02 09:10:00'"],
        "\"2026-03-02T09:10:00+01:00\"",
    ),
    (
        "recorded_at",
        ["'2026-07-02T09:10:00.250'", "TIMESTAMP '2026-07-02 09:10:00.25'", "TIMESTAMP '2026-07-02 09:10:00.250'"],
        "\"2026-07-02T09:10:00.250+02:00\"",
    ),
    ("recorded_at", ["'2026-03-02 09:10'", "", "'2026-03-02 09:10'"], "\"2026-03-02T09:10:00+01:00\""),
    ("recorded_at", ["'2026-03-02'", "DATE '2026-03-02'", "DATE '2026-03-02'"], "\"2026-03-02T00:00:00+01:00\""),
    (
        "recorded_at",
        ["'2026-03-02T08:10:00Z'", "TIMESTAMPTZ '2026-03-02 08:10:00+00'", "'2026-03-02T08:10:00Z'"],
        "\"2026-03-02T08:10:00Z\" or \"2026-03-02T09:10:00+01:00\"",
    ),
    (
        "recorded_at",
        ["'2026-03-02 09:10:00+01:00'", "'2026-03-02 09:10:00+01'", "'2026-03-02 09:10:00+01:00'"],
        "\"2026-03-02T09:10:00+01:00\"",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn values_become_what_their_field_holds() {
    on_each(async |house: House| {
        house.base.run("CREATE TABLE unused (id INTEGER)");
        for (number, (column, values, expected)) in CASES.iter().enumerate() {
            let value = house.base.one_of(*values);
            if value.is_empty() || expected.is_empty() {
                continue;
            }
            let id = format!("S-{number}");
            let sql = format!("SELECT '{id}' AS id, {value} AS \"{column}\"");
            let source =
                house.source("half_loaded = 100", &format!("[source.query.case]\nsql = '''{sql}'''\nfull = true"));
            let outcome = house.poll(&source, NOW).await;
            let base = house.base.name();
            assert_eq!((outcome.failures, house.aside().await), (vec![], vec![]), "{base}: {sql}");
            let document: Json = serde_json::from_str(&house.stored("SELECT document FROM cases").await[0]).unwrap();
            let record = &document["records"][0];
            let found = match column.split_once('.') {
                Some((field, inner)) => &record[field][inner],
                None => &record[*column],
            };
            let found = found.to_string();
            assert!(
                expected.split(" or ").any(|expected| expected == found),
                "{base}: {sql} gave {found}, not {expected}"
            );
        }
    })
    .await;
}

/// A column, its value, and the reason for which the row is set aside.
const REFUSED: &[(&str, [&str; 3], &str)] = &[
    ("protected", ["'Kanarifugl'", "'Kanarifugl'", "'Kanarifugl'"], "`protected`: expected a boolean"),
    ("protected", ["7", "7", "7"], "`protected`: expected a boolean"),
    (
        "attributes.born_on",
        ["'Kanarifugl'", "'Kanarifugl'", "'Kanarifugl'"],
        "attribute `born_on` of a case is a date; this text is none",
    ),
    ("recorded_at", ["'Kanarifugl'", "'Kanarifugl'", "'Kanarifugl'"], "no instant like"),
    ("recorded_at", ["12", "12", "12"], "no instant like"),
    ("subject", ["'Kanarifugl'", "'Kanarifugl'", "'Kanarifugl'"], "expected"),
    ("unit", ["'Kanarifugl Hansen'", "'Kanarifugl Hansen'", "'Kanarifugl Hansen'"], "`unit`: unknown unit (not shown"),
    ("ref", ["x'00ff'", "'\\x00ff'::bytea", "x'00ff'"], "cannot be read; convert it in the query"),
    ("attributes.born_on", ["", "DATE 'infinity'", ""], "no date that facts can hold"),
    ("recorded_at", ["", "TIMESTAMPTZ 'infinity'", ""], "no date that facts can hold"),
    ("recorded_at", ["", "TIMESTAMP '-infinity'", ""], "no date that facts can hold"),
    (
        "recorded_at",
        ["'9999-01-01 00:00:00'", "TIMESTAMP '9999-01-01'", "TIMESTAMP '9999-01-01 00:00:00'"],
        "the year 9999 cannot be right",
    ),
    ("recorded_at", ["", "TIMESTAMP '22026-01-01'", ""], "no date that facts can hold"),
    ("level", ["", "'NaN'::numeric", ""], "its NUMERIC value cannot be read"),
    ("level", ["", "INTERVAL '1 day'", "TIME '10:00:00'"], "cannot be read; convert it in the query"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_set_aside_without_its_value() {
    on_each(async |house: House| {
        house.base.run("CREATE TABLE unused (id INTEGER)");
        for (column, values, expected) in REFUSED {
            let value = house.base.one_of(*values);
            if value.is_empty() {
                continue;
            }
            let sql = format!("SELECT 'S-1' AS id, {value} AS \"{column}\"");
            let source =
                house.source("half_loaded = 100", &format!("[source.query.case]\nsql = '''{sql}'''\nfull = true"));
            let outcome = house.poll(&source, NOW).await;
            let (aside, base) = (house.aside().await, house.base.name());
            assert_eq!(
                (aside.len(), outcome.failures.len()),
                (1, 0),
                "{base}: {sql} gave {aside:?} {:?}",
                outcome.failures
            );
            let reason = &aside[0];
            assert!(reason.starts_with("case S-1: ") && reason.contains(expected), "{base}: {sql} gave {reason}");
            assert!(!reason.contains("Kanarifugl"), "{base}: {reason}");
        }
        assert_eq!(house.stored("SELECT id FROM cases").await, Vec::<String>::new());
    })
    .await;
}

/// A TIMESTAMP of MariaDB is an instant, a DATETIME is a clock's face.
#[tokio::test(flavor = "multi_thread")]
async fn mariadbs_timestamps_are_instants() {
    let Some(database) = crate::servers::mariadb::database() else { return };
    let house = House::before(super::Base::MariaDb(database)).await;
    house.base.run(
        "SET time_zone = '+00:00'; CREATE TABLE t (id VARCHAR(9), moment TIMESTAMP, face DATETIME, kind ENUM('a', 'b'), \
         closed BIT(1)); INSERT INTO t VALUES ('S-1', '2026-03-02 08:10:00', '2026-03-02 08:10:00', 'b', b'1')",
    );
    for (column, expected) in [("moment", "2026-03-02T09:10:00+01:00"), ("face", "2026-03-02T08:10:00+01:00")] {
        let sql = format!("SELECT id, kind AS level, closed AS protected, {column} AS recorded_at FROM t");
        let source = house.source("", &format!("[source.query.case]\nsql = '''{sql}'''\nfull = true"));
        house.read(&source, NOW).await;
        let document = house.stored("SELECT document FROM cases").await.remove(0);
        assert!(document.contains(expected) && document.contains("\"level\":\"b\""), "{column}: {document}");
        assert!(document.contains("\"protected\":true"), "{document}");
    }
}
