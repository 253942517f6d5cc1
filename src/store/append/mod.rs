//! Facts in: what a file adds to what is stored, in one transaction.

mod cases;
mod purged;
mod records;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;

use cases::append_cases;
pub(super) use cases::{documents, write_documents};
use purged::leave_out_purged;
use records::append_records;

use super::database::Scope;
use super::document::Joined;
use super::sql;
use super::{Store, StoreError, Write};
use crate::calendar::Instant;
use crate::fact::Fact;
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
        let tenants: BTreeSet<&str> = facts.iter().map(Fact::tenant).collect();
        let tenants: Vec<String> = tenants.into_iter().map(str::to_owned).collect();
        let mut loading = self.begin_load(&tenants, load, now).await?;
        loading.records(facts).await?;
        loading.cases(facts).await?;
        let cases: HashSet<(&str, &str)> = facts.iter().filter_map(Fact::case).collect();
        loading.finish(|tenant, case| cases.contains(&(tenant, case))).await
    }

    /// Begins a load of records of these tenants.
    pub(super) async fn begin_load(&self, tenants: &[String], load: Load, now: Instant) -> Result<Loading, StoreError> {
        let names: Vec<&str> = tenants.iter().map(String::as_str).collect();
        let mut write = self.write(Scope::Tenants(&names)).await?;
        for tenant in &names {
            let insert = "INSERT INTO tenants (id, generation) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING";
            sql::query(insert).bind(*tenant).execute(&mut write).await?;
        }
        let tenants = tenants.iter().map(|tenant| (tenant.clone(), Begun::default())).collect();
        Ok(Loading { write, load, now, appended: Appended::default(), tenants })
    }
}

/// A load that is being written: records, then cases in as many parts as there are, each case in one of them.
pub(super) struct Loading {
    write: Write,
    load: Load,
    now: Instant,
    appended: Appended,
    tenants: BTreeMap<String, Begun>,
}

/// What has to be known of a municipality while a load is written.
#[derive(Clone, Copy, Default)]
struct Begun {
    zone: Option<Tz>,
    first_recorded_at: Option<Instant>,
}

impl Loading {
    /// Writes the tenants, units and persons among these facts; all of them are there, in the order of the load.
    pub(super) async fn records(&mut self, facts: &[Fact]) -> Result<(), StoreError> {
        let mut records: BTreeMap<&str, BTreeMap<(&'static str, &str), Vec<&Fact>>> = BTreeMap::new();
        for fact in facts {
            if let Some(record) = record_of(fact) {
                records.entry(fact.tenant()).or_default().entry(record).or_default().push(fact);
            }
        }
        let none = BTreeMap::new();
        for (tenant, begun) in &mut self.tenants {
            let before = self.appended;
            let records = records.get(tenant.as_str()).unwrap_or(&none);
            append_records(&mut self.write, tenant, records, self.load, &mut self.appended).await?;
            if changes(&before, &self.appended) {
                let touch = "UPDATE tenants SET generation = generation + 1 WHERE id = $1";
                sql::query(touch).bind(tenant.as_str()).execute(&mut self.write).await?;
            }
            begun.zone = Some(zone(&mut self.write, tenant).await?);
        }
        self.note_recorded(facts.iter().filter(|fact| record_of(fact).is_some()));
        Ok(())
    }

    /// Writes the case records and events among these facts: everything that the load holds about these cases, each
    /// case's versions in the order of the load.
    pub(super) async fn cases(&mut self, facts: &[Fact]) -> Result<(), StoreError> {
        let mut cases: BTreeMap<&str, BTreeMap<&str, Vec<&Fact>>> = BTreeMap::new();
        for fact in facts {
            if let Some((tenant, case)) = fact.case() {
                cases.entry(tenant).or_default().entry(case).or_default().push(fact);
            }
        }
        for (tenant, cases) in &mut cases {
            let zone = self.tenants.get(*tenant).and_then(|begun| begun.zone).unwrap_or(Tz::Europe__Oslo);
            leave_out_purged(&mut self.write, (tenant, zone), cases, &mut self.appended).await?;
            append_cases(&mut self.write, tenant, cases, self.load, &mut self.appended).await?;
        }
        self.note_recorded(facts.iter().filter(|fact| fact.case().is_some()));
        Ok(())
    }

    /// Brings the load to its end; `is_there` says of a tenant and a case whether the load holds it.
    pub(super) async fn finish(mut self, is_there: impl Fn(&str, &str) -> bool) -> Result<Appended, StoreError> {
        for (tenant, begun) in &self.tenants {
            if self.load == Load::Replace {
                let removed = &mut self.appended.cases;
                let is_there = |case: &str| is_there(tenant, case);
                super::absent::remove_absent_cases(&mut self.write, tenant, is_there, self.now, removed).await?;
            }
            // Without `go_live`, rounds begin at the earliest moment at which anything was recorded.
            if let Some(first) = begun.first_recorded_at {
                let update = "UPDATE tenants SET first_recorded_at = $2 \
                              WHERE id = $1 AND (first_recorded_at IS NULL OR first_recorded_at > $2)";
                let update = sql::query(update).bind(tenant.as_str()).bind(super::At::from(first));
                update.execute(&mut self.write).await?;
            }
        }
        self.write.commit().await?;
        Ok(self.appended)
    }

    fn note_recorded<'f>(&mut self, facts: impl Iterator<Item = &'f Fact>) {
        for fact in facts {
            if let Some(begun) = self.tenants.get_mut(fact.tenant())
                && let Some(recorded) = recorded_at(fact, begun.zone.unwrap_or(Tz::Europe__Oslo))
            {
                begun.first_recorded_at = Some(begun.first_recorded_at.map_or(recorded, |first| first.min(recorded)));
            }
        }
    }
}

/// A record that is none of a case, by type and id.
fn record_of(fact: &Fact) -> Option<(&'static str, &str)> {
    match fact {
        Fact::Tenant(tenant) => Some(("tenant", &tenant.id)),
        Fact::Unit(unit) => Some(("unit", &unit.id)),
        Fact::Person(person) => Some(("person", &person.id)),
        Fact::Case(_) | Fact::Event(_) => None,
    }
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

/// The municipality's time zone, as it is written by now.
async fn zone(write: &mut Write, tenant: &str) -> Result<Tz, StoreError> {
    let select =
        "SELECT fact FROM records WHERE tenant = $1 AND type = 'tenant' AND id = $1 ORDER BY version DESC LIMIT 1";
    let text: Option<String> = sql::query_scalar(select).bind(tenant).fetch_optional(write).await?;
    Ok(match text.and_then(|text| serde_json::from_str::<Fact>(&text).ok()) {
        Some(Fact::Tenant(fact)) => Tenant::parse(&fact).map_or(Tz::Europe__Oslo, |tenant| tenant.zone),
        _ => Tz::Europe__Oslo,
    })
}

fn unreadable(table: &'static str, tenant: &str, id: &str, reason: String) -> StoreError {
    StoreError::Unreadable { table, row: format!("{tenant}/{id}"), reason }
}
