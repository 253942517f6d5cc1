//! Everything about one case or one person.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

use super::super::document::Document;
use super::super::sql::{self, Builder};
use super::super::{CaseName, ROWS, Snapshot, StoreError};
use super::Exported;

/// Where a case's facts name a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonRole {
    /// `case_role`.
    #[serde(rename = "type")]
    pub record: &'static str,
    /// The municipality's id.
    pub tenant: String,
    /// The case's id.
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    pub reference: String,
    /// `stafettholder`, `initiator`, or `EVENT.ATTRIBUTE` of an event.
    pub role: String,
}

impl Snapshot {
    /// Facts; obligations, notices, deviations and what happened to them; messages and attempts; calendar entries, silences and
    /// holds; and the entries of the audit trail and the access log: all of one case.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Unreadable`].
    pub async fn about_case(&mut self, name: &CaseName) -> Result<Vec<Json>, StoreError> {
        let CaseName { tenant, case } = name;
        let mut records = self.case_facts(tenant, case).await?;
        for table in Exported::OF_CASES {
            let mut select = table.select(Some(tenant));
            select.push(" AND t.case_id = ").push_bind(case);
            records.extend(self.objects(table, select).await?);
        }
        let told = self.messages_about(tenant, case).await?;
        records.extend(self.messages(&told).await?);
        let mut silences = Exported::SILENCES.select(Some(tenant));
        silences.push(" AND t.covers = 'case' AND t.name = ").push_bind(case);
        let silences = self.objects(Exported::SILENCES, silences).await?;
        let mut holds = Exported::HOLDS.select(Some(tenant));
        holds.push(" AND t.case_id = ").push_bind(case);
        let holds = self.objects(Exported::HOLDS, holds).await?;
        let mut about = BTreeSet::from([format!("case {case}")]);
        about.extend(told);
        about.extend(numbers(&silences).map(|number| format!("silence {number}")));
        about.extend(numbers(&holds).map(|number| format!("hold {number}")));
        let select = "SELECT 'deviation ' || id FROM deviations WHERE tenant = $1 AND case_id = $2";
        let deviations: Vec<String> = sql::query_scalar(select).bind(tenant).bind(case).fetch_all(self.read()).await?;
        about.extend(deviations);
        records.extend(silences.into_iter().chain(holds));
        records.extend(self.entries(tenant, &about).await?);
        Ok(records)
    }

    /// The person's own records, the units that they lead, what was sent to them with its notices, what is silent for them, what
    /// the outside says of their address, and the entries about them. Cases that name them are found with
    /// [`Snapshot::roles_of`].
    ///
    /// # Errors
    /// What the database says.
    pub async fn about_person(&mut self, tenant: &str, person: &str) -> Result<Vec<Json>, StoreError> {
        let mut records = vec![];
        let select = "SELECT type, id, fact FROM records WHERE tenant = $1 AND type IN ('person', 'unit') \
                      ORDER BY type, id, version";
        let rows: Vec<(String, String, String)> = sql::query_as(select).bind(tenant).fetch_all(self.read()).await?;
        for (record_type, id, text) in rows {
            let Ok(fact) = serde_json::from_str::<Json>(&text) else { continue };
            if record_type == "person" && id == person || fact["leader"] == person {
                records.push(fact);
            }
        }
        let select = "SELECT id FROM messages WHERE tenant = $1 AND recipient = $2 ORDER BY id";
        let told: Vec<String> = sql::query_scalar(select).bind(tenant).bind(person).fetch_all(self.read()).await?;
        let mut notices = Exported::OF_CASES[2].select(Some(tenant));
        notices.push(" AND t.recipient = ").push_bind(person);
        records.extend(self.objects(Exported::OF_CASES[2], notices).await?);
        records.extend(self.messages(&told.into_iter().collect()).await?);
        let mut entries = Exported::OF_CASES[5].select(Some(tenant));
        entries.push(" AND t.recipient = ").push_bind(person);
        records.extend(self.objects(Exported::OF_CASES[5], entries).await?);
        let mut silences = Exported::SILENCES.select(Some(tenant));
        silences.push(" AND t.covers = 'person' AND t.name = ").push_bind(person);
        let silences = self.objects(Exported::SILENCES, silences).await?;
        let mut about = BTreeSet::from([person.to_owned(), format!("person {person}")]);
        about.extend(numbers(&silences).map(|number| format!("silence {number}")));
        records.extend(silences);
        let mut quality = Exported::QUALITY.select(Some(tenant));
        quality.push(" AND t.subject = ").push_bind(person);
        records.extend(self.objects(Exported::QUALITY, quality).await?);
        records.extend(self.entries(tenant, &about).await?);
        Ok(records)
    }

    /// Where the facts of cases name a person: of those after a case id, about 500 at a time; and the last of these.
    ///
    /// # Errors
    /// What the database says.
    pub async fn roles_of(
        &mut self,
        tenant: &str,
        person: &str,
        after: &str,
    ) -> Result<(Vec<PersonRole>, Option<String>), StoreError> {
        let select = "SELECT id, document FROM cases WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT 500";
        let query = sql::query_as(select).bind(tenant).bind(after);
        let rows: Vec<(String, String)> = query.fetch_all(self.read()).await?;
        let mut found = vec![];
        for (case, text) in &rows {
            // What cannot be read is set aside elsewhere.
            let Ok(document) = serde_json::from_str::<Document>(text) else { continue };
            let reference = document.reference(tenant, case);
            found.extend(roles(&document, person).into_iter().map(|role| PersonRole {
                record: "case_role",
                tenant: tenant.to_owned(),
                case: case.clone(),
                reference: reference.clone(),
                role,
            }));
        }
        Ok((found, rows.last().map(|(case, _)| case.clone())))
    }

    async fn objects(&mut self, table: Exported, select: Builder) -> Result<Vec<Json>, StoreError> {
        let rows = select.build().fetch_rows(self.read()).await?;
        table.objects(&rows)
    }

    /// The messages that told anything of a case.
    async fn messages_about(&mut self, tenant: &str, case: &str) -> Result<BTreeSet<String>, StoreError> {
        let select = "SELECT message FROM notices WHERE tenant = $1 AND case_id = $2 AND message IS NOT NULL \
                      UNION SELECT message FROM calendar_entries WHERE tenant = $1 AND case_id = $2 \
                      UNION SELECT t.message FROM deviations d JOIN tenant_notices t ON t.tenant = d.tenant \
                          AND t.name >= 'deviation:' || d.id || ':' AND t.name < 'deviation:' || d.id || ';' \
                          WHERE d.tenant = $1 AND d.case_id = $2";
        let query = sql::query_scalar(select).bind(tenant).bind(case);
        let found: Vec<String> = query.fetch_all(self.read()).await?;
        Ok(found.into_iter().filter(|message| !message.is_empty()).collect())
    }

    /// Messages, with their attempts.
    async fn messages(&mut self, ids: &BTreeSet<String>) -> Result<Vec<Json>, StoreError> {
        let ids: Vec<&String> = ids.iter().collect();
        let mut records = vec![];
        for (table, column) in [(Exported::MESSAGES, " AND t.id IN "), (Exported::ATTEMPTS, " AND t.message IN ")] {
            for chunk in ids.chunks(ROWS) {
                let mut select = table.select(None);
                select.push(column).push_list(chunk.iter().map(|id| (*id).clone()));
                records.extend(self.objects(table, select).await?);
            }
        }
        Ok(records)
    }

    /// The entries of the audit trail and the access log whose subjects begin with one of these.
    async fn entries(&mut self, tenant: &str, about: &BTreeSet<String>) -> Result<Vec<Json>, StoreError> {
        let mut records = vec![];
        for table in [Exported::AUDIT, Exported::ACCESS] {
            let mut select = table.select(Some(tenant));
            select.push(" ORDER BY t.number");
            let all = self.objects(table, select).await?;
            records.extend(all.into_iter().filter(|entry| {
                let subject = entry["subject"].as_str().unwrap_or_default();
                about.contains(subject.split_once(": ").map_or(subject, |(name, _)| name))
            }));
        }
        Ok(records)
    }
}

fn numbers(rows: &[Json]) -> impl Iterator<Item = i64> + '_ {
    rows.iter().filter_map(|row| row["number"].as_i64())
}

fn roles(document: &Document, person: &str) -> Vec<String> {
    let mut roles = BTreeSet::new();
    for record in &document.records {
        for (role, id) in [("stafettholder", &record.stafettholder), ("initiator", &record.initiator)] {
            if id.as_deref() == Some(person) {
                roles.insert(role.to_owned());
            }
        }
        let named = record.attributes.iter().flatten().filter(|(_, value)| *value == person);
        roles.extend(named.map(|(attribute, _)| attribute.clone()));
    }
    for event in &document.events {
        let named = event.attributes.iter().flatten().filter(|(_, value)| *value == person);
        roles.extend(named.map(|(attribute, _)| format!("{}.{attribute}", event.id)));
    }
    roles.into_iter().collect()
}
