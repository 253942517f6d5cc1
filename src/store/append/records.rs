//! Tenant, unit and person records: every version is a row.

use std::collections::{BTreeMap, HashMap};

use super::super::document::join;
use super::super::sql::{self, Builder};
use super::super::{ROWS, StoreError, Write};
use super::{Appended, Counts, Load, unreadable};
use crate::fact::Fact;

/// Adds the versions of a load that are new.
pub(super) async fn append_records(
    write: &mut Write,
    tenant: &str,
    records: &BTreeMap<(&'static str, &str), Vec<&Fact>>,
    load: Load,
    appended: &mut Appended,
) -> Result<(), StoreError> {
    if records.is_empty() && load == Load::Append {
        return Ok(());
    }
    let select = "SELECT type, id, fact FROM records WHERE tenant = $1 ORDER BY type, id, version";
    let rows: Vec<(String, String, String)> = sql::query_as(select).bind(tenant).fetch_all(&mut *write).await?;
    let mut stored: HashMap<(String, String), Vec<Fact>> = HashMap::new();
    for (record_type, id, text) in rows {
        let fact = Fact::decode(&text).map_err(|reason| unreadable("records", tenant, &id, reason))?;
        stored.entry((record_type, id)).or_default().push(fact);
    }
    let mut added: Vec<(&str, &str, usize, String)> = vec![];
    for ((record_type, id), file) in records {
        let mut versions = stored.remove(&((*record_type).to_owned(), (*id).to_owned())).unwrap_or_default();
        let known = versions.len();
        let file: Vec<Fact> = file.iter().map(|fact| (*fact).clone()).collect();
        counts_of(appended, record_type).count(join(&mut versions, &file, is_stamped));
        for (version, fact) in versions.iter().enumerate().skip(known) {
            added.push((record_type, id, version, encode(fact)));
        }
    }
    for rows in added.chunks(ROWS) {
        let mut insert = Builder::new("INSERT INTO records (tenant, type, id, version, fact) ");
        insert.push_values(rows, |row, (record_type, id, version, fact)| {
            row.push_bind(tenant).push_bind(*record_type).push_bind(*id);
            row.push_bind(i64::try_from(*version).unwrap_or(i64::MAX)).push_bind(fact);
        });
        insert.build().execute(&mut *write).await?;
    }
    if load == Load::Replace {
        // A tenant's own record never goes: without it nothing of the tenant could be read.
        for (record_type, id) in stored.into_keys().filter(|(record_type, _)| record_type != "tenant") {
            let delete = "DELETE FROM records WHERE tenant = $1 AND type = $2 AND id = $3";
            sql::query(delete).bind(tenant).bind(&record_type).bind(&id).execute(&mut *write).await?;
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

fn encode(fact: &Fact) -> String {
    // Facts hold only texts, numbers, truth values and lists: they always have a JSON form.
    serde_json::to_string(fact).unwrap_or_default()
}
