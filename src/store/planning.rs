//! What the engine reads: municipalities, and the cases that are to be planned now.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Sqlite};

use super::document::Document;
use super::quarantine::set_aside;
use super::{At, Day, Quarantined, Store, StoreError, Write};
use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::fact::Fact;
use crate::facts::{assemble_case, assemble_organisation};
use crate::notice::{Handled, Outcome, Purpose, Role};
use crate::organisation::{Organisation, Tenant};
use crate::rules::RuleSet;

/// A municipality as it is stored.
#[derive(Clone, Debug)]
pub struct StoredOrganisation {
    /// The municipality with its units and people.
    pub organisation: Organisation,
    /// How many changes there were that concern all its cases. What is planned with this value is as new as this.
    pub generation: i64,
    /// The earliest moment at which anything was recorded: without `go_live`, rounds begin then.
    pub first_recorded_at: Option<Instant>,
}

/// Which state of the facts a case was read in; [`Store::apply`] refuses what was planned from an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The version of the case's document.
    pub version: i64,
    /// The generation of its municipality.
    pub generation: i64,
    /// The digest of what was derived last; 0: nothing.
    pub(super) digest: i64,
}

/// A case as it is stored.
#[derive(Clone, Debug)]
pub struct StoredCase {
    /// Its facts.
    pub file: CaseFile,
    /// What was handled before, in a fixed order. Withdrawn notices are not among it: they were never sent.
    pub ledger: Vec<Handled>,
    /// Which state of the facts this is.
    pub stamp: Stamp,
}

/// Cases to plan now.
#[derive(Clone, Debug, Default)]
pub struct DueCases {
    /// The cases.
    pub cases: Vec<StoredCase>,
    /// Cases that do not parse. They are set aside until their facts or the rules change.
    pub quarantined: Vec<Quarantined>,
}

impl DueCases {
    /// Whether nothing more is due.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.quarantined.is_empty()
    }
}

#[derive(sqlx::FromRow)]
struct CaseRow {
    id: String,
    version: i64,
    document: String,
    digest: i64,
}

#[derive(sqlx::FromRow)]
struct LedgerRow {
    case_id: String,
    rule: String,
    start: String,
    step: String,
    repetition: i64,
    due_on: Day,
    role: String,
    purpose: String,
    outcome: String,
    handled_on: Day,
}

impl Store {
    /// All municipalities, and the records of theirs that do not parse. A municipality whose own record does not
    /// parse is left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn organisations(
        &self,
        rules: &RuleSet,
        now: Instant,
    ) -> Result<(Vec<StoredOrganisation>, Vec<Quarantined>), StoreError> {
        let (tenants, mut records) = self.read_tenants().await?;
        let (mut found, mut poison) = (vec![], vec![]);
        for (id, generation, first_recorded_at) in tenants {
            let facts = records.remove(&id).unwrap_or_default();
            match organisation(&id, &facts, rules, now, &mut poison) {
                Ok(organisation) => found.push(StoredOrganisation {
                    organisation,
                    generation,
                    first_recorded_at: first_recorded_at.map(At::instant),
                }),
                Err(reason) => poison.push(Quarantined::new(&id, "tenant".to_owned(), reason, now)),
            }
        }
        self.renew_quarantine(&poison).await?;
        Ok((found, poison))
    }

    /// Tenants, and their records' lines, as of one moment.
    #[expect(clippy::type_complexity, reason = "two lists of rows that are taken apart at once")]
    async fn read_tenants(
        &self,
    ) -> Result<(Vec<(String, i64, Option<At>)>, HashMap<String, Vec<(String, String, String)>>), StoreError> {
        let mut read = self.readers.begin().await?;
        let select = "SELECT id, generation, first_recorded_at FROM tenants ORDER BY id";
        let tenants = sqlx::query_as(select).fetch_all(&mut *read).await?;
        let select = "SELECT tenant, type, id, fact FROM records ORDER BY tenant, type, id, version";
        let rows: Vec<(String, String, String, String)> = sqlx::query_as(select).fetch_all(&mut *read).await?;
        let mut records: HashMap<String, Vec<_>> = HashMap::new();
        for (tenant, record_type, id, fact) in rows {
            records.entry(tenant).or_default().push((record_type, id, fact));
        }
        Ok((tenants, records))
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
        let mut write = self.write().await?;
        for one in mended {
            let delete = "DELETE FROM quarantine WHERE tenant = $1 AND record = $2";
            sqlx::query(delete).bind(&one.tenant).bind(&one.record).execute(&mut *write).await?;
        }
        set_aside(&mut write, &new).await?;
        write.commit().await?;
        Ok(())
    }

    /// Up to `limit` cases that are to be planned at `now`: whose moment has come, or whose facts, municipality or
    /// rules changed. After [`Store::apply`] a case is no longer among them, so call it until nothing is left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn due_cases(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        now: Instant,
        limit: u32,
    ) -> Result<DueCases, StoreError> {
        let tenant = &of.organisation.tenant;
        let mut read = self.readers.begin().await?;
        let outdated = "SELECT c.id, c.version, c.document, a.digest FROM agenda a \
                        JOIN cases c ON c.tenant = a.tenant AND c.id = a.case_id \
                        WHERE a.tenant = $1 AND a.generation < $2 LIMIT $3";
        let query = sqlx::query_as(outdated).bind(&*tenant.id).bind(of.generation).bind(i64::from(limit));
        let mut rows: Vec<CaseRow> = query.fetch_all(&mut *read).await?;
        let room = i64::from(limit).saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        if room > 0 {
            // Two statements: a UNION would collect everything that is due for each batch.
            let come = "SELECT c.id, c.version, c.document, a.digest FROM agenda a \
                        JOIN cases c ON c.tenant = a.tenant AND c.id = a.case_id \
                        WHERE a.tenant = $1 AND a.next_at <= $3 AND a.generation >= $2 LIMIT $4";
            let query = sqlx::query_as(come).bind(&*tenant.id).bind(of.generation).bind(At::from(now)).bind(room);
            rows.extend(query.fetch_all(&mut *read).await?);
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut ledgers = ledgers(&mut read, &tenant.id, &ids).await?;
        drop(read);
        let mut due = DueCases::default();
        let mut poison = vec![];
        for row in &rows {
            let ledger = ledgers.remove(&row.id).unwrap_or_default();
            match stored_case(row, ledger, of.generation, tenant, rules) {
                Ok(case) => due.cases.push(case),
                Err(reason) => {
                    due.quarantined.push(Quarantined::new(&tenant.id, format!("case {}", row.id), reason, now));
                    poison.push(row);
                }
            }
        }
        if !poison.is_empty() {
            self.set_cases_aside(of, &poison, &due.quarantined).await?;
        }
        Ok(due)
    }

    /// Takes cases that do not parse off the agenda until their facts, municipality or rules change.
    async fn set_cases_aside(
        &self,
        of: &StoredOrganisation,
        poison: &[&CaseRow],
        found: &[Quarantined],
    ) -> Result<(), StoreError> {
        let tenant = &*of.organisation.tenant.id;
        let mut write = self.write().await?;
        for row in poison {
            let update = "UPDATE agenda SET generation = $3, next_at = NULL WHERE tenant = $1 AND case_id = $2 \
                          AND EXISTS (SELECT 1 FROM cases WHERE tenant = $1 AND id = $2 AND version = $4)";
            let query = sqlx::query(update).bind(tenant).bind(&row.id).bind(of.generation).bind(row.version);
            query.execute(&mut *write).await?;
        }
        set_aside(&mut write, found).await?;
        write.commit().await?;
        Ok(())
    }

    /// One case by its id or its reference, whether it is due or not. `None` where there is none.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`] where its facts do not parse.
    pub async fn case(
        &self,
        of: &StoredOrganisation,
        rules: &RuleSet,
        id_or_ref: &str,
    ) -> Result<Option<StoredCase>, StoreError> {
        let tenant = &of.organisation.tenant;
        let select = "SELECT c.id, c.version, c.document, a.digest FROM cases c \
                      JOIN agenda a ON a.tenant = c.tenant AND a.case_id = c.id \
                      WHERE c.tenant = $1 AND (c.id = $2 OR c.ref = $2) ORDER BY c.id <> $2, c.id LIMIT 1";
        let mut read = self.readers.begin().await?;
        let row: Option<CaseRow> =
            sqlx::query_as(select).bind(&*tenant.id).bind(id_or_ref).fetch_optional(&mut *read).await?;
        let Some(row) = row else { return Ok(None) };
        let ledger = ledgers(&mut read, &tenant.id, &[&row.id]).await?.remove(&row.id).unwrap_or_default();
        let case = stored_case(&row, ledger, of.generation, tenant, rules);
        let named =
            |reason| StoreError::Unreadable { table: "cases", row: format!("{}/{}", tenant.id, row.id), reason };
        case.map(Some).map_err(named)
    }

    /// Remembers which rules the plans are made with. Other rules than before have all cases planned again; `true`
    /// then. `fingerprint` is any text that differs where the rules do.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_rules(&self, fingerprint: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let upsert = "INSERT INTO settings (name, value) VALUES ('rules', $1) \
                      ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <> excluded.value";
        let changed = sqlx::query(upsert).bind(fingerprint).execute(&mut *write).await?.rows_affected() > 0;
        if changed {
            touch_all(&mut write).await?;
        }
        write.commit().await?;
        Ok(changed)
    }

    /// Has one case planned again at the next sweep, although none of its facts changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revisit(&self, tenant: &str, case: &str) -> Result<(), StoreError> {
        let update = "UPDATE agenda SET generation = -1 WHERE tenant = $1 AND case_id = $2";
        let mut write = self.write().await?;
        sqlx::query(update).bind(tenant).bind(case).execute(&mut *write).await?;
        write.commit().await?;
        Ok(())
    }

    /// The earliest moment after which something is due again, over all municipalities; `None`: never, of itself.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_at(&self) -> Result<Option<Instant>, StoreError> {
        let next: Option<At> = sqlx::query_scalar("SELECT min(next_at) FROM agenda").fetch_one(&self.readers).await?;
        Ok(next.map(At::instant))
    }
}

async fn touch_all(write: &mut Write) -> Result<(), StoreError> {
    sqlx::query("UPDATE tenants SET generation = generation + 1").execute(&mut **write).await?;
    Ok(())
}

fn organisation(
    tenant: &str,
    lines: &[(String, String, String)],
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
    if let Some(pack) = own.packs.iter().find(|pack| rules.pack(pack).is_none()) {
        return Err(format!("rule pack `{pack}` is not in the rules"));
    }
    let (organisation, unusable) = assemble_organisation(&own, &records, &rules.vocabulary)?;
    let named = unusable.into_iter().map(|(number, reason)| (names[number].clone(), reason));
    poison.extend(named.map(|(record, reason)| Quarantined::new(tenant, record, reason, now)));
    Ok(organisation)
}

fn stored_case(
    row: &CaseRow,
    ledger: Vec<Handled>,
    generation: i64,
    tenant: &Tenant,
    rules: &RuleSet,
) -> Result<StoredCase, String> {
    let document: Document = serde_json::from_str(&row.document).map_err(|error| error.to_string())?;
    let file = assemble_case(&row.id, &document.records, &document.events, tenant, &rules.vocabulary)?;
    Ok(StoredCase { file, ledger, stamp: Stamp { version: row.version, generation, digest: row.digest } })
}

async fn ledgers(
    read: &mut sqlx::SqliteConnection,
    tenant: &str,
    cases: &[&str],
) -> Result<HashMap<String, Vec<Handled>>, StoreError> {
    let mut ledgers: HashMap<String, Vec<Handled>> = HashMap::new();
    for chunk in cases.chunks(super::ROWS) {
        let mut select = QueryBuilder::<Sqlite>::new(
            "SELECT case_id, rule, start, step, repetition, due_on, role, purpose, outcome, handled_on \
             FROM notices WHERE state <> 'withdrawn' AND tenant = ",
        );
        select.push_bind(tenant).push(" AND case_id IN (");
        let mut ids = select.separated(", ");
        for id in chunk {
            ids.push_bind(*id);
        }
        ids.push_unseparated(") ORDER BY case_id, rule, start, due_on, step, repetition, role, channel");
        let rows: Vec<LedgerRow> = select.build_query_as().fetch_all(&mut *read).await?;
        for row in rows {
            let case = row.case_id.clone();
            let handled = row.handled().map_err(|reason| StoreError::Unreadable {
                table: "notices",
                row: format!("{tenant}/{case}"),
                reason,
            })?;
            let ledger = ledgers.entry(case).or_default();
            // One row a channel, one entry a step.
            if ledger.last() != Some(&handled) {
                ledger.push(handled);
            }
        }
    }
    Ok(ledgers)
}

impl LedgerRow {
    fn handled(self) -> Result<Handled, String> {
        Ok(Handled {
            role: Role::parse(&self.role).ok_or("unknown role")?,
            purpose: [Purpose::Reminder, Purpose::Escalation]
                .into_iter()
                .find(|purpose| purpose.word() == self.purpose)
                .ok_or("unknown purpose")?,
            outcome: Outcome::parse(&self.outcome).ok_or("unknown outcome")?,
            rule: self.rule.into(),
            start: self.start.into(),
            step: self.step.into(),
            repetition: u32::try_from(self.repetition).map_err(|_| "a repetition below 0")?,
            due_on: self.due_on.0,
            on: self.handled_on.0,
        })
    }
}
