//! Case records and events: everything of a case is one document.

use std::collections::{BTreeMap, HashMap};

use super::super::document::{Document, Joined, join};
use super::super::sql::Builder;
use super::super::{ROWS, StoreError, Write};
use super::{Appended, Load, unreadable};
use crate::fact::{EventFact, Fact};

/// Adds what is new to each case's document; a case that changed is due.
pub(super) async fn append_cases(
    write: &mut Write,
    tenant: &str,
    cases: &BTreeMap<&str, Vec<&Fact>>,
    load: Load,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    let cases: Vec<(&str, &Vec<&Fact>)> = cases.iter().map(|(id, facts)| (*id, facts)).collect();
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

pub(in super::super) async fn documents<'c>(
    write: &mut Write,
    tenant: &str,
    cases: impl Iterator<Item = &'c str>,
) -> Result<HashMap<String, (i64, Document)>, StoreError> {
    let mut select = Builder::new("SELECT id, version, document FROM cases WHERE tenant = ");
    select.push_bind(tenant).push(" AND id IN ").push_list(cases.map(str::to_owned));
    let rows: Vec<(String, i64, String)> = select.build_query_as().fetch_all(&mut *write).await?;
    let decode = |(id, version, text): (String, i64, String)| match serde_json::from_str(&text) {
        Ok(document) => Ok((id, (version, document))),
        Err(error) => Err(unreadable("cases", tenant, &id, error.to_string())),
    };
    rows.into_iter().map(decode).collect()
}

/// Whether anything was added or removed.
fn join_case(document: &mut Document, facts: &[&Fact], load: Load, appended: &mut Appended) -> bool {
    let mut records = vec![];
    let mut file = Vec::new();
    for fact in facts {
        match fact {
            Fact::Case(case) => records.push(case.clone()),
            Fact::Event(event) => file.push(event.clone()),
            Fact::Tenant(_) | Fact::Unit(_) | Fact::Person(_) => {}
        }
    }
    let mut changed = false;
    if !records.is_empty() {
        let joined = join(&mut document.records, &records, |record| record.recorded_at.is_some());
        appended.cases.count(joined);
        changed |= joined != Joined::Unchanged;
    }
    let mut events = EventVersions::default();
    events.extend(std::mem::take(&mut document.events));
    let mut file_events = EventVersions::default();
    file_events.extend(file);
    for (id, versions) in file_events.ids.iter().zip(&file_events.versions) {
        let joined = join(events.of(id), versions, |event| event.recorded_at.is_some());
        appended.events.count(joined);
        changed |= joined != Joined::Unchanged;
    }
    if load == Load::Replace {
        let before = events.versions.len();
        events
            .versions
            .retain(|versions| versions.first().is_some_and(|event| file_events.places.contains_key(&event.id)));
        appended.events.removed += before - events.versions.len();
        changed |= before != events.versions.len();
    }
    // The versions of one event stand together, so that a document does not depend on how lines came in files.
    document.events = events.versions.into_iter().flatten().collect();
    changed
}

/// Events by id, in the order in which the ids first appeared.
#[derive(Default)]
struct EventVersions {
    places: HashMap<String, usize>,
    ids: Vec<String>,
    versions: Vec<Vec<EventFact>>,
}

impl EventVersions {
    fn extend(&mut self, events: Vec<EventFact>) {
        for event in events {
            self.of(&event.id.clone()).push(event);
        }
    }

    fn of(&mut self, id: &str) -> &mut Vec<EventFact> {
        let next = self.versions.len();
        let place = *self.places.entry(id.to_owned()).or_insert(next);
        if place == next {
            self.ids.push(id.to_owned());
            self.versions.push(vec![]);
        }
        &mut self.versions[place]
    }
}

pub(in super::super) async fn write_documents(
    write: &mut Write,
    tenant: &str,
    cases: &[(&str, i64, Document)],
) -> Result<(), StoreError> {
    if cases.is_empty() {
        return Ok(());
    }
    let mut upsert = Builder::new("INSERT INTO cases (tenant, id, ref, version, document) ");
    upsert.push_values(cases, |row, (id, version, document)| {
        let text = serde_json::to_string(document).unwrap_or_default();
        row.push_bind(tenant).push_bind(*id).push_bind(document.reference(tenant, id)).push_bind(*version);
        row.push_bind(text);
    });
    upsert.push(
        " ON CONFLICT (tenant, id) DO UPDATE \
         SET ref = excluded.ref, version = excluded.version, document = excluded.document",
    );
    upsert.build().execute(&mut *write).await?;
    let mut agenda = Builder::new("INSERT INTO agenda (tenant, case_id, generation, digest) ");
    agenda.push_values(cases, |row, (id, ..)| {
        row.push_bind(tenant).push_bind(*id).push_bind(-1_i64).push_bind(0_i64);
    });
    agenda.push(" ON CONFLICT (tenant, case_id) DO UPDATE SET generation = -1");
    agenda.build().execute(&mut *write).await?;
    let mut back = Builder::new("DELETE FROM gone_cases WHERE tenant = ");
    back.push_bind(tenant).push(" AND case_id IN ").push_list(cases.iter().map(|(id, ..)| (*id).to_owned()));
    back.build().execute(&mut *write).await?;
    Ok(())
}
