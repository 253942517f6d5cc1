//! Deleting everything about some cases.

use std::collections::BTreeSet;

use super::super::audit::{Redacted, Trail};
use super::super::sql::{self, Builder};
use super::super::{ROWS, StoreError, Write};
use super::Purged;

/// Where rows that were deleted are counted.
type Counted = fn(&mut Purged) -> &mut u64;

/// How entries about a case begin. Its id, which may be any text, follows and nothing else; after what else entries are about, more
/// may follow a colon.
const CASE: &str = "case ";

/// Before a list of cases.
const OF_CASE: &str = " AND case_id IN ";

/// Tables whose rows are a case's: how they are deleted, before and after the municipality, and as what they are counted.
const TABLES: [(&str, &str, Option<Counted>); 9] = [
    ("DELETE FROM calendar_entries WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM notices WHERE tenant = ", OF_CASE, Some(|purged| &mut purged.notices)),
    ("DELETE FROM deviation_events WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM deviations WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM obligations WHERE tenant = ", OF_CASE, Some(|purged| &mut purged.obligations)),
    ("DELETE FROM problems WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM agenda WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM gone_cases WHERE tenant = ", OF_CASE, None),
    ("DELETE FROM source_rows WHERE type = 'case' AND tenant = ", " AND id IN ", None),
];

/// What stays without case and words, for its number is never given twice.
const EMPTIED: [(&str, &str); 2] = [
    (
        "UPDATE silences SET ended_at = coalesce(ended_at, made_at), name = '', reason = '', end_reason = '' \
         WHERE covers = 'case' AND tenant = ",
        " AND name IN ",
    ),
    ("UPDATE holds SET case_id = '', reason = '', end_reason = '' WHERE ended_at IS NOT NULL AND tenant = ", OF_CASE),
];

/// Deletes all rows of these cases but their documents, and counts them. The messages that went with them.
pub(super) async fn delete(
    write: &mut Write,
    tenant: &str,
    cases: &[String],
    purged: &mut Purged,
) -> Result<Vec<String>, StoreError> {
    let told = messages_of(write, tenant, cases).await?;
    for (table, of_case, counted) in TABLES {
        let mut delete = Builder::new(table);
        delete.push_bind(tenant).push(of_case).push_list(cases.iter().cloned());
        let deleted = delete.build().execute(&mut *write).await?;
        if let Some(counted) = counted {
            *counted(purged) += deleted;
        }
    }
    for case in cases {
        let events = "DELETE FROM source_rows WHERE tenant = $1 AND type = 'event' AND substr(id, 1, length($2)) = $2";
        sql::query(events).bind(tenant).bind(format!("{case}/")).execute(&mut *write).await?;
        let aside = "DELETE FROM quarantine WHERE tenant = $1 AND record = $2";
        sql::query(aside).bind(tenant).bind(format!("case {case}")).execute(&mut *write).await?;
    }
    for (update, of_case) in EMPTIED {
        let mut empty = Builder::new(update);
        empty.push_bind(tenant).push(of_case).push_list(cases.iter().cloned());
        empty.build().execute(&mut *write).await?;
    }
    delete_told(write, &told, purged).await
}

/// The messages that told anything of these cases.
async fn messages_of(write: &mut Write, tenant: &str, cases: &[String]) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for (part, column) in [
        ("SELECT DISTINCT message FROM notices WHERE message IS NOT NULL AND tenant = ", " AND case_id IN "),
        ("SELECT DISTINCT message FROM calendar_entries WHERE tenant = ", " AND case_id IN "),
        (
            "SELECT t.message FROM deviations d JOIN tenant_notices t ON t.tenant = d.tenant \
             AND t.name >= 'deviation:' || d.id || ':' AND t.name < 'deviation:' || d.id || ';' WHERE d.tenant = ",
            " AND d.case_id IN ",
        ),
    ] {
        let mut select = Builder::new(part);
        select.push_bind(tenant).push(column).push_list(cases.iter().cloned());
        let rows: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Deletes those of these messages that tell nothing any more, with their attempts.
async fn delete_told(
    write: &mut Write,
    told: &BTreeSet<String>,
    purged: &mut Purged,
) -> Result<Vec<String>, StoreError> {
    let mut gone = vec![];
    let told: Vec<&String> = told.iter().collect();
    for chunk in told.chunks(ROWS) {
        let mut select = Builder::new(
            "SELECT m.id FROM messages m WHERE NOT EXISTS (SELECT 1 FROM notices n WHERE n.message = m.id) \
             AND m.state IN ('sent', 'withdrawn', 'dead') AND (m.subject IS NULL OR m.subject LIKE 'deviation:%') \
             AND m.id IN ",
        );
        select.push_list(chunk.iter().map(|id| (*id).clone()));
        let empty: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        if empty.is_empty() {
            continue;
        }
        for (table, counted) in [
            ("DELETE FROM attempts WHERE message IN ", Some(&mut purged.attempts)),
            ("DELETE FROM calendar_entries WHERE message IN ", None),
            ("DELETE FROM tenant_notices WHERE message IN ", None),
            ("DELETE FROM messages WHERE id IN ", Some(&mut purged.messages)),
        ] {
            let mut delete = Builder::new(table);
            delete.push_list(empty.iter().cloned());
            let deleted = delete.build().execute(&mut *write).await?;
            if let Some(counted) = counted {
                *counted += deleted;
            }
        }
        gone.extend(empty);
    }
    Ok(gone)
}

/// How many things are asked about at once: each is two parts of a statement, of which a database file takes 500.
const ASKED: usize = 100;

/// Takes the words out of all entries about some things, in the audit trail and in the access log; which entries these are. Only
/// entries of these things are read.
pub(super) async fn redact(write: &mut Write, tenant: &str, about: &BTreeSet<String>) -> Result<Redacted, StoreError> {
    let about: Vec<&String> = about.iter().collect();
    let mut redacted = Redacted::default();
    for (trail, select, numbers) in [
        (
            Trail::Audit,
            "SELECT number FROM audit WHERE redacted = 0 AND digest <> '' AND tenant = ",
            &mut redacted.audit,
        ),
        (Trail::Access, "SELECT number FROM access_log WHERE redacted = 0 AND tenant = ", &mut redacted.access),
    ] {
        for chunk in about.chunks(ASKED) {
            let mut entries = Builder::new("");
            for (place, name) in chunk.iter().enumerate() {
                entries.push(if place == 0 { "" } else { " UNION ALL " });
                entries.push(select).push_bind(tenant).push(" AND subject = ").push_bind(*name);
                if !name.starts_with(CASE) {
                    entries.push(" UNION ALL ").push(select).push_bind(tenant);
                    entries.push(" AND subject >= ").push_bind(format!("{name}: "));
                    entries.push(" AND subject < ").push_bind(format!("{name}:!"));
                }
            }
            let found: Vec<i64> = entries.build_query_scalar().fetch_all(&mut *write).await?;
            numbers.extend(found);
        }
        numbers.sort_unstable();
        for number in numbers.iter() {
            sql::query(trail.redact()).bind(tenant).bind(*number).execute(&mut *write).await?;
        }
    }
    Ok(redacted)
}

/// What entries call these cases, and what is theirs: the first words of their subjects.
pub(super) async fn subjects(
    write: &mut Write,
    tenant: &str,
    cases: &[String],
) -> Result<BTreeSet<String>, StoreError> {
    let mut subjects: BTreeSet<String> = cases.iter().map(|case| format!("{CASE}{case}")).collect();
    for (part, column) in [
        ("SELECT 'deviation ' || id FROM deviations WHERE tenant = ", " AND case_id IN "),
        ("SELECT 'hold ' || CAST(number AS TEXT) FROM holds WHERE tenant = ", " AND case_id IN "),
        (
            "SELECT 'silence ' || CAST(number AS TEXT) FROM silences WHERE covers = 'case' AND tenant = ",
            " AND name IN ",
        ),
    ] {
        let mut select = Builder::new(part);
        select.push_bind(tenant).push(column).push_list(cases.iter().cloned());
        let rows: Vec<String> = select.build_query_scalar().fetch_all(&mut *write).await?;
        subjects.extend(rows);
    }
    Ok(subjects)
}
