//! Municipalities as the engine reads them, and which rules they are planned with.

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;
use sqlx::FromRow;

use super::database::Scope;
use super::quarantine::set_aside;
use super::silences::current;
use super::sql;
use super::{At, Quarantined, Store, StoreError};
use crate::calendar::Instant;
use crate::engine::Municipality;
use crate::fact::Fact;
use crate::facts::assemble_organisation;
use crate::organisation::{Organisation, Tenant};
use crate::rules::RuleSet;
use crate::silence::Silence;

/// A municipality as it is stored.
#[derive(Clone, Debug)]
pub struct StoredOrganisation {
    /// The municipality with its units and people.
    pub organisation: Organisation,
    /// How many changes there were that concern all its cases. What is planned with this value is as new as this.
    pub generation: i64,
    /// The earliest moment at which anything was recorded: without `go_live`, rounds begin then.
    pub first_recorded_at: Option<Instant>,
    /// What it has asked not to be told of, as of when it was read.
    pub silences: Vec<Silence>,
}

impl StoredOrganisation {
    /// As the engine works with it, with its silences.
    ///
    /// # Errors
    /// As [`Municipality::new`].
    pub fn municipality<'a>(&'a self, rules: &'a RuleSet) -> Result<Municipality<'a>, String> {
        Ok(Municipality::new(rules, &self.organisation)?.with_silences(&self.silences))
    }
}

/// What changed of a municipality besides its cases.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Generation {
    /// The municipality's id.
    pub id: String,
    /// Grows with every change of its own, its units' and its people's records.
    pub generation: i64,
    /// Grows whenever a silence begins or is ended.
    pub silence_changes: i64,
}

/// Id, generation and first recording of a tenant.
type TenantRow = (String, i64, Option<At>);

/// Type, id and line of a record.
type RecordRow = (String, String, String);

/// Tenants; records and silences by tenant.
type TenantRows = (Vec<TenantRow>, HashMap<String, Vec<RecordRow>>, HashMap<String, Vec<Silence>>);

impl Store {
    /// All municipalities, and the records of theirs that do not parse, which are set aside. A municipality whose own
    /// record does not parse is left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn organisations(
        &self,
        rules: &RuleSet,
        now: Instant,
    ) -> Result<(Vec<StoredOrganisation>, Vec<Quarantined>), StoreError> {
        let (found, poison) = self.read_organisations(rules, now).await?;
        self.renew_quarantine(&poison).await?;
        Ok((found, poison))
    }

    /// As [`Store::organisations`], but nothing is written: for commands that only read.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read_organisations(
        &self,
        rules: &RuleSet,
        now: Instant,
    ) -> Result<(Vec<StoredOrganisation>, Vec<Quarantined>), StoreError> {
        let (tenants, mut records, mut silences) = self.read_tenants(now).await?;
        let (mut found, mut poison) = (vec![], vec![]);
        for (id, generation, first_recorded_at) in tenants {
            let facts = records.remove(&id).unwrap_or_default();
            match organisation(&id, &facts, rules, now, &mut poison) {
                Ok(organisation) => found.push(StoredOrganisation {
                    silences: silences.remove(&id).unwrap_or_default(),
                    organisation,
                    generation,
                    first_recorded_at: first_recorded_at.map(At::instant),
                }),
                Err(reason) => poison.push(Quarantined::new(&id, "tenant".to_owned(), reason, now)),
            }
        }
        Ok((found, poison))
    }

    /// The time zone of each municipality, by its id; the newest record that parses says it. Needs no rules.
    ///
    /// # Errors
    /// What the database says.
    pub async fn zones(&self) -> Result<HashMap<String, Tz>, StoreError> {
        let tenants = self.tenants().await?.into_iter();
        Ok(tenants.map(|tenant| (tenant.id.to_string(), tenant.zone)).collect())
    }

    /// The municipalities themselves, each by its newest record that parses. Needs no rules.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let select = "SELECT tenant, fact FROM records WHERE type = 'tenant' ORDER BY tenant, version";
        let rows: Vec<(String, String)> = sql::query_as(select).fetch_all(&self.readers).await?;
        let parsed = |text: &str| match Fact::decode(text) {
            Ok(Fact::Tenant(fact)) => Tenant::parse(&fact).ok(),
            _ => None,
        };
        let newest: BTreeMap<String, Tenant> =
            rows.into_iter().filter_map(|(id, text)| Some((id, parsed(&text)?))).collect();
        Ok(newest.into_values().collect())
    }

    /// Each municipality's generation, by id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let select = "SELECT id, generation, silence_changes FROM tenants ORDER BY id";
        Ok(sql::query_as(select).fetch_all(&self.readers).await?)
    }

    /// Tenants, their records' lines and their silences, as of one moment.
    async fn read_tenants(&self, now: Instant) -> Result<TenantRows, StoreError> {
        let mut read = self.readers.begin().await?;
        let select = "SELECT id, generation, first_recorded_at FROM tenants ORDER BY id";
        let tenants = sql::query_as(select).fetch_all(&mut read).await?;
        let select = "SELECT tenant, type, id, fact FROM records ORDER BY tenant, type, id, version";
        let rows: Vec<(String, String, String, String)> = sql::query_as(select).fetch_all(&mut read).await?;
        let silences = current(&mut read, now).await?;
        let mut records: HashMap<String, Vec<_>> = HashMap::new();
        for (tenant, record_type, id, fact) in rows {
            records.entry(tenant).or_default().push((record_type, id, fact));
        }
        Ok((tenants, records, silences))
    }

    /// Tenant, unit and person records that parse again leave the quarantine. Nothing is written where nothing is new.
    async fn renew_quarantine(&self, poison: &[Quarantined]) -> Result<(), StoreError> {
        let known = self.quarantined().await?;
        let records = known.iter().filter(|known| !known.record.starts_with("case "));
        let same = |one: &Quarantined, other: &Quarantined| {
            (&one.tenant, &one.record, &one.reason) == (&other.tenant, &other.record, &other.reason)
        };
        let mended: Vec<_> = records.filter(|known| !poison.iter().any(|one| same(known, one))).collect();
        let new: Vec<_> = poison.iter().filter(|one| !known.iter().any(|known| same(known, one))).cloned().collect();
        if mended.is_empty() && new.is_empty() {
            return Ok(());
        }
        let mut write = self.write(Scope::Rows).await?;
        for one in mended {
            let delete = "DELETE FROM quarantine WHERE tenant = $1 AND record = $2";
            sql::query(delete).bind(&one.tenant).bind(&one.record).execute(&mut write).await?;
        }
        set_aside(&mut write, &new).await?;
        write.commit().await?;
        Ok(())
    }

    /// Remembers which rules the plans are made with. Other rules than before have all cases planned again; `true`
    /// then. `fingerprint` is any text that differs where the rules do.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_rules(&self, fingerprint: &str) -> Result<bool, StoreError> {
        if self.rules_in_use().await?.as_deref() == Some(fingerprint) {
            return Ok(false);
        }
        let mut write = self.write(Scope::All).await?;
        let upsert = "INSERT INTO settings (name, value) VALUES ('rules', $1) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <> excluded.value";
        let changed = sql::query(upsert).bind(fingerprint).execute(&mut write).await? > 0;
        if changed {
            sql::query("UPDATE tenants SET generation = generation + 1").execute(&mut write).await?;
        }
        write.commit().await?;
        Ok(changed)
    }
}

fn organisation(
    tenant: &str,
    lines: &[RecordRow],
    rules: &RuleSet,
    now: Instant,
    poison: &mut Vec<Quarantined>,
) -> Result<Organisation, String> {
    let mut own = None;
    let mut records = vec![];
    let mut names = vec![];
    for (record_type, id, text) in lines {
        match Fact::decode(text) {
            Ok(Fact::Tenant(fact)) => own = Some(fact),
            Ok(fact) => {
                records.push(fact);
                names.push(format!("{record_type} {id}"));
            }
            Err(reason) => poison.push(Quarantined::new(tenant, format!("{record_type} {id}"), reason, now)),
        }
    }
    let own = own.ok_or("there is no tenant record")?;
    let (organisation, unusable) = assemble_organisation(&own, &records, &rules.vocabulary)?;
    Municipality::new(rules, &organisation)?;
    let named = unusable.into_iter().map(|(number, reason)| (names[number].clone(), reason));
    poison.extend(named.map(|(record, reason)| Quarantined::new(tenant, record, reason, now)));
    Ok(organisation)
}
