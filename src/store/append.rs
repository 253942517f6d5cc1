//! Facts in: what a file adds to what is stored, in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite};

use super::document::{Document, Joined, join};
use super::{ROWS, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::fact::{Fact, TenantFact};
use crate::facts::recorded_at;
use crate::organisation::Tenant;

/// Whether what a load does not hold still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// More facts: what is not mentioned stays.
    Append,
    /// All facts of the tenants that it mentions: what is not mentioned is removed.
    Replace,
}

/// What a load did, by record type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// Municipalities.
    pub tenants: Counts,
    /// Units.
    pub units: Counts,
    /// Persons.
    pub persons: Counts,
    /// Case records.
    pub cases: Counts,
    /// Events.
    pub events: Counts,
}

/// Records by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Seen for the first time.
    pub new: usize,
    /// A newer version was added.
    pub changed: usize,
    /// Nothing new.
    pub unchanged: usize,
    /// Not in a full load any more.
    pub removed: usize,
}

impl Counts {
    fn count(&mut self, joined: Joined) {
        match joined {
            Joined::New => self.new += 1,
            Joined::Changed => self.changed += 1,
            Joined::Unchanged => self.unchanged += 1,
        }
    }

    fn any_change(self) -> bool {
        self.new + self.changed + self.removed > 0
    }
}

/// A load, sorted by what its records belong to; versions of one record in the order of the file.
#[derive(Default)]
struct Sorted<'f> {
    /// Tenant, unit and person records by type and id.
    records: BTreeMap<(&'static str, &'f str), Vec<&'f Fact>>,
    cases: BTreeMap<&'f str, Vec<&'f Fact>>,
}

impl Store {
    /// Adds facts, in one transaction. Facts must have been checked: what does not parse is quarantined later.
    ///
    /// Every tenant, unit or person record that changes has all cases of its tenant planned again; a case record or
    /// event only its case. A full load removes what it does not hold, of the tenants that it mentions: a case that
    /// is gone takes its obligations with it, its unsent notices are withdrawn and its open deviations close as
    /// withdrawn; the ledger and closed deviations stay.
    ///
    /// # Errors
    /// What the database says; then nothing was changed.
    pub async fn append_facts(&self, facts: &[Fact], load: Load, now: Instant) -> Result<Appended, StoreError> {
        let mut tenants: BTreeMap<&str, Sorted<'_>> = BTreeMap::new();
        for fact in facts {
            let sorted = tenants.entry(fact.tenant()).or_default();
            match fact {
                Fact::Tenant(tenant) => sorted.records.entry(("tenant", &tenant.id)).or_default().push(fact),
                Fact::Unit(unit) => sorted.records.entry(("unit", &unit.id)).or_default().push(fact),
                Fact::Person(person) => sorted.records.entry(("person", &person.id)).or_default().push(fact),
                Fact::Case(case) => sorted.cases.entry(&case.id).or_default().push(fact),
                Fact::Event(event) => sorted.cases.entry(&event.case).or_default().push(fact),
            }
        }
        let mut write = self.write().await?;
        let mut appended = Appended::default();
        for (tenant, sorted) in &tenants {
            append_tenant(&mut write, tenant, sorted, load, now, &mut appended).await?;
        }
        write.commit().await?;
        Ok(appended)
    }
}

async fn append_tenant(
    write: &mut Write,
    tenant: &str,
    sorted: &Sorted<'_>,
    load: Load,
    now: Instant,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    let before = *appended;
    let insert = "INSERT INTO tenants (id, generation) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING";
    sqlx::query(insert).bind(tenant).execute(&mut **write).await?;
    append_records(write, tenant, sorted, load, appended).await?;
    let of_all = |counts: &Appended| [counts.tenants, counts.units, counts.persons];
    if of_all(&before) != of_all(appended) && changes(&before, appended) {
        let touch = "UPDATE tenants SET generation = generation + 1 WHERE id = $1";
        sqlx::query(touch).bind(tenant).execute(&mut **write).await?;
    }
    append_cases(write, tenant, sorted, load, appended).await?;
    if load == Load::Replace {
        super::absent::remove_absent_cases(write, tenant, &sorted.cases, now, &mut appended.cases).await?;
    }
    note_first_recorded(write, tenant, sorted).await
}

fn changes(before: &Appended, after: &Appended) -> bool {
    let pairs = [(before.tenants, after.tenants), (before.units, after.units), (before.persons, after.persons)];
    pairs.into_iter().any(|(before, after)| {
        let since = Counts {
            new: after.new - before.new,
            changed: after.changed - before.changed,
            unchanged: 0,
            removed: after.removed - before.removed,
        };
        since.any_change()
    })
}

async fn append_records(
    write: &mut Write,
    tenant: &str,
    sorted: &Sorted<'_>,
    load: Load,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    let select = "SELECT type, id, fact FROM records WHERE tenant = $1 ORDER BY type, id, version";
    let rows: Vec<(String, String, String)> = sqlx::query_as(select).bind(tenant).fetch_all(&mut **write).await?;
    let mut stored: HashMap<(String, String), Vec<Fact>> = HashMap::new();
    for (record_type, id, text) in rows {
        let fact = Fact::decode(&text).map_err(|reason| unreadable("records", tenant, &id, reason))?;
        stored.entry((record_type, id)).or_default().push(fact);
    }
    let mut added: Vec<(&str, &str, usize, String)> = vec![];
    for ((record_type, id), file) in &sorted.records {
        let mut versions = stored.remove(&((*record_type).to_owned(), (*id).to_owned())).unwrap_or_default();
        let known = versions.len();
        let file: Vec<Fact> = file.iter().map(|fact| (*fact).clone()).collect();
        counts_of(appended, record_type).count(join(&mut versions, &file, is_stamped));
        for (version, fact) in versions.iter().enumerate().skip(known) {
            added.push((record_type, id, version, encode(fact)));
        }
    }
    for rows in added.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO records (tenant, type, id, version, fact) ");
        insert.push_values(rows, |mut row, (record_type, id, version, fact)| {
            row.push_bind(tenant).push_bind(*record_type).push_bind(*id);
            row.push_bind(i64::try_from(*version).unwrap_or(i64::MAX)).push_bind(fact);
        });
        insert.build().execute(&mut **write).await?;
    }
    if load == Load::Replace {
        // A tenant's own record never goes: without it nothing of the tenant could be read.
        for (record_type, id) in stored.into_keys().filter(|(record_type, _)| record_type != "tenant") {
            let delete = "DELETE FROM records WHERE tenant = $1 AND type = $2 AND id = $3";
            sqlx::query(delete).bind(tenant).bind(&record_type).bind(&id).execute(&mut **write).await?;
            counts_of(appended, &record_type).removed += 1;
        }
    }
    Ok(())
}

fn counts_of<'a>(appended: &'a mut Appended, record_type: &str) -> &'a mut Counts {
    match record_type {
        "tenant" => &mut appended.tenants,
        "unit" => &mut appended.units,
        _ => &mut appended.persons,
    }
}

fn is_stamped(fact: &Fact) -> bool {
    match fact {
        Fact::Tenant(tenant) => tenant.recorded_at.is_some(),
        Fact::Unit(unit) => unit.recorded_at.is_some(),
        Fact::Person(person) => person.recorded_at.is_some(),
        Fact::Case(case) => case.recorded_at.is_some(),
        Fact::Event(event) => event.recorded_at.is_some(),
    }
}

async fn append_cases(
    write: &mut Write,
    tenant: &str,
    sorted: &Sorted<'_>,
    load: Load,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    let cases: Vec<(&str, &Vec<&Fact>)> = sorted.cases.iter().map(|(id, facts)| (*id, facts)).collect();
    for chunk in cases.chunks(ROWS) {
        let mut documents = documents(write, tenant, chunk.iter().map(|(id, _)| *id)).await?;
        let mut changed: Vec<(&str, i64, Document)> = vec![];
        for (id, facts) in chunk {
            let (version, mut document) = documents.remove(*id).unwrap_or_default();
            if join_case(&mut document, facts, load, appended) {
                changed.push((id, version + 1, document));
            }
        }
        write_documents(write, tenant, &changed).await?;
    }
    Ok(())
}

async fn documents<'c>(
    write: &mut Write,
    tenant: &str,
    cases: impl Iterator<Item = &'c str>,
) -> Result<HashMap<String, (i64, Document)>, StoreError> {
    let mut select = QueryBuilder::<Sqlite>::new("SELECT id, version, document FROM cases WHERE tenant = ");
    select.push_bind(tenant).push(" AND id IN (");
    let mut ids = select.separated(", ");
    for id in cases {
        ids.push_bind(id);
    }
    ids.push_unseparated(")");
    let rows: Vec<(String, i64, String)> = select.build_query_as().fetch_all(&mut **write).await?;
    let decode = |(id, version, text): (String, i64, String)| match serde_json::from_str(&text) {
        Ok(document) => Ok((id, (version, document))),
        Err(error) => Err(unreadable("cases", tenant, &id, error.to_string())),
    };
    rows.into_iter().map(decode).collect()
}

/// Whether anything was added or removed.
fn join_case(document: &mut Document, facts: &[&Fact], load: Load, appended: &mut Appended) -> bool {
    let mut records = vec![];
    let mut events: Vec<(&str, Vec<crate::fact::EventFact>)> = vec![];
    let mut places: HashMap<&str, usize> = HashMap::new();
    for fact in facts {
        match fact {
            Fact::Case(case) => records.push(case.clone()),
            Fact::Event(event) => {
                let place = *places.entry(&event.id).or_insert_with(|| {
                    events.push((&event.id, vec![]));
                    events.len() - 1
                });
                events[place].1.push(event.clone());
            }
            Fact::Tenant(_) | Fact::Unit(_) | Fact::Person(_) => {}
        }
    }
    let mut changed = false;
    if !records.is_empty() {
        let joined = join(&mut document.records, &records, |record| record.recorded_at.is_some());
        appended.cases.count(joined);
        changed |= joined != Joined::Unchanged;
    }
    for (id, file) in &events {
        let mut versions: Vec<_> = document.events.iter().filter(|event| event.id == *id).cloned().collect();
        let known = versions.len();
        let joined = join(&mut versions, file, |event| event.recorded_at.is_some());
        appended.events.count(joined);
        changed |= joined != Joined::Unchanged;
        document.events.extend(versions.drain(known..));
    }
    if load == Load::Replace {
        let ids: BTreeSet<&str> = document.events.iter().map(|event| event.id.as_str()).collect();
        let removed = ids.iter().filter(|id| !places.contains_key(*id)).count();
        document.events.retain(|event| places.contains_key(event.id.as_str()));
        appended.events.removed += removed;
        changed |= removed > 0;
    }
    changed
}

async fn write_documents(write: &mut Write, tenant: &str, cases: &[(&str, i64, Document)]) -> Result<(), StoreError> {
    if cases.is_empty() {
        return Ok(());
    }
    let mut upsert = QueryBuilder::<Sqlite>::new("INSERT INTO cases (tenant, id, ref, version, document) ");
    upsert.push_values(cases, |mut row, (id, version, document)| {
        let text = serde_json::to_string(document).unwrap_or_default();
        row.push_bind(tenant).push_bind(*id).push_bind(document.reference(tenant, id)).push_bind(*version);
        row.push_bind(text);
    });
    upsert.push(
        " ON CONFLICT (tenant, id) DO UPDATE \
         SET ref = excluded.ref, version = excluded.version, document = excluded.document",
    );
    upsert.build().execute(&mut **write).await?;
    let mut agenda = QueryBuilder::<Sqlite>::new("INSERT INTO agenda (tenant, case_id, generation, digest) ");
    agenda.push_values(cases, |mut row, (id, ..)| {
        row.push_bind(tenant).push_bind(*id).push_bind(-1_i64).push_bind(0_i64);
    });
    agenda.push(" ON CONFLICT (tenant, case_id) DO UPDATE SET generation = -1");
    agenda.build().execute(&mut **write).await?;
    Ok(())
}

/// Keeps the earliest moment at which anything of the tenant was recorded: without `go_live`, rounds begin then.
async fn note_first_recorded(write: &mut Write, tenant: &str, sorted: &Sorted<'_>) -> Result<(), StoreError> {
    let select =
        "SELECT fact FROM records WHERE tenant = $1 AND type = 'tenant' AND id = $1 ORDER BY version DESC LIMIT 1";
    let text: Option<String> = sqlx::query_scalar(select).bind(tenant).fetch_optional(&mut **write).await?;
    let fact = text.and_then(|text| serde_json::from_str::<Fact>(&text).ok());
    let parse = |fact: &TenantFact| Tenant::parse(fact).ok().map(|tenant| tenant.zone);
    let zone = match &fact {
        Some(Fact::Tenant(fact)) => parse(fact).unwrap_or(chrono_tz::Europe::Oslo),
        _ => chrono_tz::Europe::Oslo,
    };
    let facts = sorted.records.values().chain(sorted.cases.values()).flatten();
    if let Some(first) = facts.filter_map(|fact| recorded_at(fact, zone)).min() {
        let update = "UPDATE tenants SET first_recorded_at = $2 \
                      WHERE id = $1 AND (first_recorded_at IS NULL OR first_recorded_at > $2)";
        sqlx::query(update).bind(tenant).bind(super::At::from(first)).execute(&mut **write).await?;
    }
    Ok(())
}

fn encode(fact: &Fact) -> String {
    // Facts hold only texts, numbers, truth values and lists: they always have a JSON form.
    serde_json::to_string(fact).unwrap_or_default()
}

fn unreadable(table: &'static str, tenant: &str, id: &str, reason: String) -> StoreError {
    StoreError::Unreadable { table, row: format!("{tenant}/{id}"), reason }
}
