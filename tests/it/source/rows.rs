//! Rows one by one: what cannot be taken is set aside and comes back by itself; what full loads no longer have goes,
//! unless too much of it is missing at once.

use fristvakt::facts::csv::RecordType;
use fristvakt::source::try_out;
use tokio_util::sync::CancellationToken;

use super::{House, NOW, at, on_each};

const TABLES: &str = "CREATE TABLE c (id VARCHAR(20), unit VARCHAR(20), changed INTEGER); \
                      CREATE TABLE e (sak VARCHAR(20), id VARCHAR(20), kind VARCHAR(40), dato VARCHAR(20), changed INTEGER);";

const INCREMENTAL: &str = "[source.query.case]\nsql = \"SELECT id, unit, changed FROM c WHERE changed >= ?\"\nwatermark = \"changed\"\noverlap = 0\n\
    [source.query.event]\nsql = '''SELECT sak AS \"case\", id, kind, dato AS \"on\", changed FROM e WHERE changed >= ?'''\nwatermark = \"changed\"\noverlap = 0\n";

const FULL: &str = "[source.query.case]\nsql = \"SELECT id, unit FROM c\"\nfull = true\n\
    [source.query.event]\nsql = '''SELECT sak AS \"case\", id, kind, dato AS \"on\" FROM e'''\nfull = true\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_set_aside_and_stops_nothing_else() {
    on_each(async |house: House| {
        house.base.run(TABLES);
        house.base.run(
            "INSERT INTO c VALUES ('S-1', 'oppvekst', 1), ('S-2', 'oppvelst', 2), ('S-3', NULL, 3); \
             INSERT INTO e VALUES ('S-1', 'e1', 'concern_raised', '2026-03-02', 1), ('S-1', 'e2', 'concern_rased', '2026-03-02', 2), \
             ('S-2', 'e1', 'concern_raised', '2026-03-02', 3), ('S-3', 'e1', 'concern_raised', '2026-02-30', 4), (NULL, 'e9', 'concern_raised', '2026-03-02', 5)",
        );
        let source = house.source("", INCREMENTAL);
        let outcome = house.read(&source, NOW).await;
        let base = house.base.name();
        assert_eq!(
            house.aside().await,
            [
                "case S-2: `unit`: unknown unit `oppvelst`; did you mean `oppvekst`?",
                "event : `case`: missing field `case`",
                "event S-1/e2: unknown event kind `concern_rased`; did you mean `concern_raised`?",
                "event S-2/e1: `case`: unknown case `S-2`; did you mean `S-1`?",
                "event S-3/e1: `on`: no date like 2026-03-02",
            ],
            "{base}"
        );
        assert_eq!((outcome.queries[0].changes.new, outcome.queries[1].changes.new), (2, 1), "{base}");
        assert_eq!(outcome.queries[1].newly_aside.len(), 4, "{base}");
        assert_eq!((house.count(RecordType::Case).await, house.count(RecordType::Event).await), (2, 1));
        // Nothing of it is new, and nothing is said of it again.
        let again = house.read(&source, NOW).await;
        assert!(again.queries.iter().all(|query| query.newly_aside.is_empty()), "{base}: {again:?}");
        assert_eq!(house.aside().await.len(), 5, "{base}");
        // The case is mended; its event was not touched, and comes with it although its watermark has passed.
        house.base.run("UPDATE c SET unit = 'oppvekst', changed = 20 WHERE id = 'S-2'");
        let mended = house.read(&source, NOW).await;
        assert_eq!((mended.queries[0].mended, mended.queries[1].mended), (1, 1), "{base}: {mended:?}");
        assert_eq!((house.count(RecordType::Case).await, house.count(RecordType::Event).await), (3, 2));
        // An event is mended in the case system, and one is deleted there: at the next whole reading it is forgotten.
        house.base.run(
            "UPDATE e SET dato = '2026-02-28', changed = 21 WHERE sak = 'S-3'; DELETE FROM e WHERE id = 'e9'",
        );
        house.read(&source, NOW).await;
        assert_eq!(house.aside().await.len(), 2, "{base}");
        house.read(&source, "2026-03-11T12:00:00+01:00").await;
        assert_eq!(house.aside().await.len(), 1, "{base}: {:?}", house.aside().await);
    })
    .await;
}

/// Ids that no database keeps are no reason to stop.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_any_length_stops_nothing() {
    on_each(async |house: House| {
        let long = house.base.one_of(["printf('%.5000c', 'x')", "repeat('x', 5000)", "REPEAT('x', 5000)"]);
        let odd = house.base.one_of(["CAST(x'410042' AS TEXT)", "repeat('y', 300)", "REPEAT('y', 300)"]);
        house.base.run("CREATE TABLE unused (id INTEGER)");
        let sql = format!("SELECT {long} AS id UNION ALL SELECT {odd} UNION ALL SELECT 'S-1'");
        let queries = format!(
            "[source.query.case]\nsql = \"{sql}\"\nfull = true\n\
             [source.query.event]\nsql = '''SELECT c.id AS \"case\", c.id AS id, 'alarm' AS kind, '2026-03-02' AS \"on\" FROM ({sql}) c'''\nfull = true"
        );
        let source = house.source("", &queries);
        let outcome = house.read(&source, NOW).await;
        let base = house.base.name();
        assert_eq!((house.count(RecordType::Case).await, house.count(RecordType::Event).await), (1, 1), "{base}");
        assert!(outcome.queries.iter().all(|query| !query.aside.is_empty()), "{base}: {outcome:?}");
        assert!(house.aside().await.iter().all(|row| row.len() < 500), "{base}: {:?}", house.aside().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_take_what_these_could_not() {
    on_each(async |mut house: House| {
        house.base.run(TABLES);
        house.base.run(
            "INSERT INTO c VALUES ('S-1', NULL, 1); INSERT INTO e VALUES ('S-1', 'e1', 'alarm', '2026-03-02', 1), ('S-1', 'e2', 'alarm', '2026-03-02', 9)",
        );
        house.rules = crate::fixture::rules_with_another_alarm();
        let source = house.source("", INCREMENTAL);
        house.read(&source, NOW).await;
        assert_eq!(house.aside().await.len(), 2, "{}", house.base.name());
        (house.rules, house.fingerprint) = (crate::fixture::rules(), "two");
        house.read(&source, NOW).await;
        assert_eq!((house.aside().await, house.count(RecordType::Event).await), (vec![], 2), "{}", house.base.name());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_load_no_longer_has_goes() {
    on_each(async |house: House| {
        house.base.run(TABLES);
        house.base.run(
            "INSERT INTO c VALUES ('S-1', NULL, 1), ('S-2', NULL, 1), ('S-3', NULL, 1), ('S-4', NULL, 1), ('S-5', NULL, 1), ('S-6', NULL, 1); \
             INSERT INTO e SELECT id, 'e1', 'concern_raised', '2026-03-02', 1 FROM c; \
             INSERT INTO e SELECT id, 'e2', 'decision_made', '2026-03-03', 1 FROM c;",
        );
        let source = house.source("half_loaded = 40", FULL);
        house.read(&source, NOW).await;
        assert_eq!((house.count(RecordType::Case).await, house.count(RecordType::Event).await), (6, 12));
        house.base.run("DELETE FROM c WHERE id = 'S-6'; DELETE FROM e WHERE sak = 'S-6' OR (sak = 'S-1' AND id = 'e2')");
        let outcome = house.read(&source, NOW).await;
        let base = house.base.name();
        assert_eq!(outcome.queries[0].changes.removed, 1, "{base}: {outcome:?}");
        assert_eq!((house.count(RecordType::Case).await, house.count(RecordType::Event).await), (5, 9), "{base}");
        assert_eq!(house.stored("SELECT case_id FROM agenda ORDER BY case_id").await.len(), 5, "{base}");
        // A bad row is still there, and so is what it says of a record that was known before.
        house.base.run("UPDATE c SET unit = 'nowhere' WHERE id = 'S-5'");
        house.read(&source, NOW).await;
        assert_eq!((house.count(RecordType::Case).await, house.aside().await.len()), (5, 1), "{base}");
        // A row without an id may be any of those that are missing.
        house.base.run("UPDATE c SET id = NULL, unit = NULL WHERE id = 'S-5'");
        let outcome = house.read(&source, NOW).await;
        assert_eq!((outcome.queries[0].unnamed.len(), house.count(RecordType::Case).await), (1, 5), "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_and_persons_of_a_full_load_go_too() {
    on_each(async |house: House| {
        house.base.run("CREATE TABLE u (id VARCHAR(20), parent VARCHAR(20)); INSERT INTO u VALUES ('oppvekst', NULL), ('a', 'oppvekst'), ('b', 'c'), ('c', 'oppvekst'), ('d', 'e'), ('e', 'f'), ('g', NULL), ('h', NULL)");
        let queries = "[source.query.unit]\nsql = \"SELECT id, parent FROM u\"\nfull = true\n\
                       [source.query.person]\nsql = \"SELECT id, 'oppvekst' AS unit FROM u\"\nfull = true";
        let source = house.source("half_loaded = 40", queries);
        house.read(&source, NOW).await;
        let base = house.base.name();
        // What names a refused one is refused with it.
        let aside = house.aside().await;
        assert_eq!(aside.len(), 2, "{base}: {aside:?}");
        assert!(aside[0].starts_with("unit d: `parent`: unknown unit `e`"), "{base}: {aside:?}");
        assert_eq!((house.count(RecordType::Unit).await, house.count(RecordType::Person).await), (6, 8), "{base}");
        house.base.run("DELETE FROM u WHERE id = 'h' OR id = 'g'");
        house.read(&source, NOW).await;
        assert_eq!((house.count(RecordType::Unit).await, house.count(RecordType::Person).await), (4, 6), "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_loaded_source_removes_nothing_until_it_is_whole_or_a_person_says_so() {
    on_each(async |house: House| {
        house.base.run(TABLES);
        let values: Vec<String> = (1..=10).map(|number| format!("('S-{number}', NULL, 1)")).collect();
        house.base.run(&format!("INSERT INTO c VALUES {}", values.join(", ")));
        let source = house.source("", "[source.query.case]\nsql = \"SELECT id, unit FROM c\"\nfull = true");
        house.read(&source, NOW).await;
        let base = house.base.name();
        // One in ten may go. Then two of nine are too many, and what is new or changed is taken all the same.
        house.base.run("DELETE FROM c WHERE id = 'S-10'");
        assert_eq!(house.read(&source, NOW).await.queries[0].changes.removed, 1, "{base}");
        house.base.run("DELETE FROM c WHERE id IN ('S-7', 'S-8', 'S-9'); INSERT INTO c VALUES ('S-11', NULL, 1); UPDATE c SET unit = 'oppvekst' WHERE id = 'S-1'");
        let held = house.read(&source, "2026-03-10T13:00:00+01:00").await;
        let changes = held.queries[0].changes;
        assert_eq!((changes.new, changes.changed, changes.removed), (1, 1, 0), "{base}");
        assert_eq!((held.queries[0].newly_held.len(), held.queries[0].held[0].rows), (1, 9), "{base}");
        assert_eq!(house.count(RecordType::Case).await, 10, "{base}");
        let still = house.read(&source, "2026-03-10T14:00:00+01:00").await;
        assert_eq!((still.queries[0].newly_held.len(), still.queries[0].held.len()), (0, 1), "{base}: said once");
        let state = house.state().await;
        let count = &state.counts[0];
        assert_eq!(count.held.map(|held| (held.rows, held.since)), Some((7, at("2026-03-10T13:00:00+01:00"))), "{base}");
        // Back again: nothing was lost.
        house.base.run("INSERT INTO c VALUES ('S-7', NULL, 1), ('S-8', NULL, 1)");
        let back = house.read(&source, "2026-03-10T15:00:00+01:00").await;
        assert_eq!((back.queries[0].no_longer_held.len(), back.queries[0].changes.removed), (1, 1), "{base}: S-9 is gone");
        // No row at all is the same, and a person may say that it is right.
        house.base.run("DELETE FROM c");
        assert_eq!(house.read(&source, NOW).await.queries[0].held[0].rows, 9, "{base}");
        assert_eq!(house.count(RecordType::Case).await, 9, "{base}");
        let accepted = house.store.accept_source("fagsystem", "kari", "moved to another system", at(NOW)).await.unwrap();
        assert_eq!((accepted.len(), accepted[0].before, accepted[0].now), (1, 9, 0), "{base}");
        assert_eq!(house.read(&source, NOW).await.queries[0].changes.removed, 9, "{base}");
        let trail = house.store.audit_trail("sokndal").await.unwrap();
        let entry = trail.last().unwrap();
        assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("kari", "source.accept"), "{base}");
        assert_eq!((entry.subject.as_str(), entry.reason.as_str()), ("fagsystem: case 9 to 0", "moved to another system"));
    })
    .await;
}

/// Before a source is first read, what was imported by hand says how many there should be.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_full_load_is_held_against_what_is_there() {
    on_each(async |house: House| {
        house.base.run(TABLES);
        house.base.run("INSERT INTO c VALUES ('S-1', NULL, 1)");
        let facts: String = (1..=9)
            .map(|number| format!("{{\"type\":\"case\",\"tenant\":\"sokndal\",\"id\":\"S-{number}\"}}\n"))
            .collect();
        let path = house.folder.path().join("facts.ndjson");
        std::fs::write(&path, facts).unwrap();
        house.store.import(&[path], &house.rules, fristvakt::store::Load::Append, at(NOW), |_| {}).await.unwrap();
        let source = house.source("", "[source.query.case]\nsql = \"SELECT id, unit FROM c\"\nfull = true");
        assert_eq!(house.read(&source, NOW).await.queries[0].held.len(), 1, "{}", house.base.name());
        assert_eq!(house.count(RecordType::Case).await, 9, "{}", house.base.name());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_municipality_is_counted_by_itself_and_others_are_not_touched() {
    on_each(async |house: House| {
        let facts = super::ORGANISATION.replace("sokndal", "bindal").replace("[\"bindal\"],\"coordinator", "[\"sokndal\"],\"coordinator");
        let facts: Vec<_> = fristvakt::facts::ndjson::read(facts.as_bytes()).map(|line| line.unwrap().fact).collect();
        house.store.append_facts(&facts, fristvakt::store::Load::Append, at(NOW)).await.unwrap();
        house.base.run("CREATE TABLE c (tenant VARCHAR(20), id VARCHAR(20)); INSERT INTO c VALUES ('sokndal', 'S-1'), ('sokndal', 'S-2'), ('bindal', 'B-1'), ('lyngdal', 'L-1')");
        let more = "tenants = [\"sokndal\", \"bindal\"]\n";
        let source = house.source(more, "[source.query.case]\nsql = \"SELECT tenant, id FROM c\"\nfull = true");
        house.read(&source, NOW).await;
        let base = house.base.name();
        let aside = house.aside().await;
        assert_eq!(aside, ["case L-1: `tenant`: `lyngdal` is none of the municipalities that `tenants` of the source names"], "{base}");
        // Of four rows three are left; but of one municipality there is none.
        house.base.run("DELETE FROM c WHERE tenant = 'bindal'");
        let outcome = house.read(&source, NOW).await;
        assert_eq!(outcome.queries[0].held.len(), 1, "{base}");
        assert_eq!(outcome.queries[0].held[0].tenant, "bindal", "{base}");
        assert_eq!(house.stored("SELECT id FROM cases ORDER BY id").await, ["B-1", "S-1", "S-2"], "{base}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_out_says_the_same_and_writes_nothing() {
    on_each(async |house: House| {
        house.base.run(TABLES);
        house.base.run(
            "INSERT INTO c VALUES ('S-1', 'oppvekst', 1), ('S-2', 'nowhere', 2); \
             INSERT INTO e VALUES ('S-1', 'e1', 'concern_raised', '2026-03-02', 1), ('S-2', 'e1', 'concern_raised', '2026-03-02', 2)",
        );
        let source = house.source("", INCREMENTAL);
        let stop = CancellationToken::new();
        let tried = try_out(&source, Some(&house.store), &house.rules, at(NOW), &stop).await.unwrap();
        let base = house.base.name();
        assert_eq!((house.count(RecordType::Case).await, house.state().await.tried_at), (0, None), "{base}");
        let reasons = |outcome: &fristvakt::source::Outcome| -> Vec<String> {
            outcome.queries.iter().flat_map(|query| &query.aside).map(|row| format!("{} {}", row.id, row.reason)).collect()
        };
        let read = house.read(&source, NOW).await;
        assert_eq!(reasons(&tried), reasons(&read), "{base}");
        assert_eq!(reasons(&tried).len(), 2, "{base}");
        // Without any store, units are unknown too.
        let alone = try_out(&source, None, &house.rules, at(NOW), &stop).await.unwrap();
        assert_eq!(reasons(&alone).len(), 4, "{base}: {:?}", reasons(&alone));
    })
    .await;
}
