//! What an export holds.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::super::hold::case_named;
use super::super::store::{Looked, with_store};
use super::super::{FAILED, Failed, USAGE};
use super::{Export, lines};
use crate::calendar::Instant;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{Access, CaseName, ExportPlace, Store};

impl Export {
    /// Writes it, after it was noted in the access log. How many records.
    pub(super) fn write(&self, out: &mut dyn Write) -> Result<u64, Failed> {
        match (&self.what.case, &self.what.person) {
            (Some(case), _) => self.write_case(out, case),
            (_, Some(person)) => self.write_person(out, person),
            _ => self.write_all(out),
        }
    }

    fn write_case(&self, out: &mut dyn Write, named: &str) -> Result<u64, Failed> {
        let name = with_store(&self.config, Access::Read, async |store, _| {
            case_named(store, self.tenant.as_deref(), named).await
        })?;
        self.looker.note(&self.config, "export", &[Looked::at_case(&name.tenant, &name.case)])?;
        let now = Clock::System.now();
        let records = with_store(&self.config, Access::Read, async |store, config| {
            let mut records =
                vec![json!({ "type": "export", "tenant": name.tenant, "case": name.case, "made_at": now })];
            records.extend(self.explained(store, config, &name, now).await?);
            records.extend(store.snapshot().await?.about_case(&name).await?);
            Ok(records)
        })?;
        lines(out, &records)
    }

    /// Each obligation of a case with its proof; none where its facts are gone or cannot be read.
    async fn explained(
        &self,
        store: &Store,
        config: &Config,
        name: &CaseName,
        now: Instant,
    ) -> Result<Vec<Json>, Failed> {
        let rules = self.rules.load_with(store, config).await?;
        let (all, _) = store.read_organisations(&rules, now).await?;
        let Some(of) = all.iter().find(|of| *of.organisation.tenant.id == *name.tenant) else { return Ok(vec![]) };
        let Ok(Some(case)) = store.case(of, &rules, &name.case).await else { return Ok(vec![]) };
        let explanation = store.explain(of, &rules, &case, None, now).await?;
        let objects = explanation.objects().into_iter().map(|mut object| {
            if let Some(fields) = object.as_object_mut() {
                fields.insert("type".to_owned(), "explanation".into());
            }
            object
        });
        Ok(objects.collect())
    }

    fn write_person(&self, out: &mut dyn Write, person: &str) -> Result<u64, Failed> {
        let tenant = with_store(&self.config, Access::Read, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let (all, _) = store.read_organisations(&rules, Clock::System.now()).await?;
            let has = all.iter().filter(|of| of.organisation.has_person(person));
            let mut tenants: Vec<String> = has.map(|of| of.organisation.tenant.id.to_string()).collect();
            tenants.retain(|tenant| self.tenant.as_ref().is_none_or(|asked| asked == tenant));
            if tenants.len() > 1 {
                let tenants = tenants.join(" and ");
                let text = format!("{tenants} have a person `{person}`; say which with --tenant ID");
                return Err(Failed::with(USAGE, text));
            }
            tenants.pop().ok_or_else(|| {
                Failed::with(
                    FAILED,
                    format!("there is no person `{person}`; give the id under which they were imported"),
                )
            })
        })?;
        let looked = Looked { tenant: tenant.clone(), subject: format!("person {person}") };
        self.looker.note(&self.config, "export", &[looked])?;
        let records = with_store(&self.config, Access::Read, async |store, _| {
            let mut snapshot = store.snapshot().await?;
            let head = json!({ "type": "export", "tenant": tenant, "person": person, "made_at": Clock::System.now() });
            let mut records = vec![head];
            records.extend(snapshot.about_person(&tenant, person).await?);
            let mut after = Some(String::new());
            while let Some(from) = after {
                let (roles, last) = snapshot.roles_of(&tenant, person, &from).await?;
                records.extend(roles.iter().filter_map(|role| serde_json::to_value(role).ok()));
                after = last;
            }
            Ok(records)
        })?;
        lines(out, &records)
    }

    fn write_all(&self, out: &mut dyn Write) -> Result<u64, Failed> {
        let tenant = self.tenant.as_deref();
        if let Some(tenant) = tenant {
            let ids = with_store(&self.config, Access::Read, async |store, _| Ok(store.tenant_ids().await?))?;
            if !ids.iter().any(|id| id == tenant) {
                let known = if ids.is_empty() { "there is none".to_owned() } else { ids.join(", ") };
                return Err(Failed::with(
                    FAILED,
                    format!("there is no municipality `{tenant}`; those there are: {known}"),
                ));
            }
        }
        let looked = Looked { tenant: tenant.unwrap_or_default().to_owned(), subject: "everything".to_owned() };
        self.looker.note(&self.config, "export", &[looked])?;
        with_store(&self.config, Access::Read, async |store, _| {
            let mut snapshot = store.snapshot().await?;
            let mut place = Some(ExportPlace::default());
            let mut written = 0;
            while let Some(from) = place {
                let (records, next) = snapshot.export(tenant, &from).await?;
                written += lines(out, &records)?;
                place = next;
            }
            Ok(written)
        })
    }
}
