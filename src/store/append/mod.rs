//! Facts in: what a file adds to what is stored, in one transaction.

mod cases;
mod records;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub(super) use cases::{documents, write_documents};

use super::database::Scope;
use super::document::Joined;
use super::sql;
use super::{Store, StoreError, Write};
use crate::calendar::Instant;
use crate::fact::{Fact, TenantFact};
use crate::facts::csv::RecordType;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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

impl Appended {
    /// What it did to records of one type.
    #[must_use]
    pub fn of(&self, record_type: RecordType) -> Counts {
        match record_type {
            RecordType::Tenant => self.tenants,
            RecordType::Unit => self.units,
            RecordType::Person => self.persons,
            RecordType::Case => self.cases,
            RecordType::Event => self.events,
        }
    }
}

impl Counts {
    /// Adds those of another load.
    pub fn add(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
    }

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

impl Appended {
    /// Whether anything is other than it was.
    #[must_use]
    pub fn any_change(&self) -> bool {
        [self.tenants, self.units, self.persons, self.cases, self.events].into_iter().any(Counts::any_change)
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
        let mut write = self.write(Scope::Tenants(&tenants.keys().copied().collect::<Vec<_>>())).await?;
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
    sql::query(insert).bind(tenant).execute(&mut *write).await?;
    records::append_records(write, tenant, sorted, load, appended).await?;
    let of_all = |counts: &Appended| [counts.tenants, counts.units, counts.persons];
    if of_all(&before) != of_all(appended) && changes(&before, appended) {
        let touch = "UPDATE tenants SET generation = generation + 1 WHERE id = $1";
        sql::query(touch).bind(tenant).execute(&mut *write).await?;
    }
    cases::append_cases(write, tenant, sorted, load, appended).await?;
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

/// Keeps the earliest moment at which anything of the tenant was recorded: without `go_live`, rounds begin then.
async fn note_first_recorded(write: &mut Write, tenant: &str, sorted: &Sorted<'_>) -> Result<(), StoreError> {
    let select =
        "SELECT fact FROM records WHERE tenant = $1 AND type = 'tenant' AND id = $1 ORDER BY version DESC LIMIT 1";
    let text: Option<String> = sql::query_scalar(select).bind(tenant).fetch_optional(&mut *write).await?;
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
        sql::query(update).bind(tenant).bind(super::At::from(first)).execute(&mut *write).await?;
    }
    Ok(())
}

fn unreadable(table: &'static str, tenant: &str, id: &str, reason: String) -> StoreError {
    StoreError::Unreadable { table, row: format!("{tenant}/{id}"), reason }
}
