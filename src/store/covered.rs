//! What a silence may cover: whether a name that somebody gives stands for something of a municipality.

use super::sql;
use super::{Store, StoreError, StoredOrganisation};
use crate::case::nearest;
use crate::rules::RuleSet;
use crate::silence::Covered;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// This.
    Covered(Covered),
    /// Nothing; what was perhaps meant.
    Unknown(Option<String>),
    /// The id of several packs' rules: their full names.
    Ambiguous(Vec<String>),
}

impl Store {
    /// What a name of a kind (`case`, `unit`, `rule`, `person`) stands for in a municipality: a case by its id or
    /// reference, a rule in force by its full name or, where that is plain, its id alone.
    ///
    /// # Errors
    /// What the database says.
    pub async fn named(&self, of: &StoredOrganisation, rules: &RuleSet, wanted: &Covered) -> Result<Named, StoreError> {
        let (organisation, name) = (&of.organisation, wanted.name());
        let unknown = |near: Option<&str>| Named::Unknown(near.map(str::to_owned));
        Ok(match wanted {
            Covered::Case(_) => self.case_named(&organisation.tenant.id, name).await?,
            Covered::Rule(_) => rule_named(of, rules, name),
            Covered::Unit(_) if organisation.has_unit(name) => Named::Covered(wanted.clone()),
            Covered::Unit(_) => unknown(nearest(name, organisation.unit_ids().into_iter().map(|id| &**id))),
            Covered::Person(_) if organisation.has_person(name) => Named::Covered(wanted.clone()),
            Covered::Person(_) => unknown(nearest(name, organisation.person_ids().into_iter().map(|id| &**id))),
        })
    }

    async fn case_named(&self, tenant: &str, name: &str) -> Result<Named, StoreError> {
        let select = "SELECT id FROM cases WHERE tenant = $1 AND (id = $2 OR ref = $2) ORDER BY id <> $2, id LIMIT 1";
        let query = sql::query_scalar(select).bind(tenant).bind(name);
        let found: Option<String> = query.fetch_optional(&self.readers).await?;
        if let Some(id) = found {
            return Ok(Named::Covered(Covered::Case(id.into())));
        }
        let select = "SELECT id, ref FROM cases WHERE tenant = $1";
        let all: Vec<(String, String)> = sql::query_as(select).bind(tenant).fetch_all(&self.readers).await?;
        let names = all.iter().flat_map(|(id, reference)| [id.as_str(), reference.as_str()]);
        Ok(Named::Unknown(nearest(name, names).map(str::to_owned)))
    }
}

fn rule_named(of: &StoredOrganisation, rules: &RuleSet, name: &str) -> Named {
    let Ok(municipality) = of.municipality(rules) else { return Named::Unknown(None) };
    let known: Vec<&str> = municipality.active_rules().iter().map(|index| &*rules.rule(*index).name).collect();
    let id = |full: &&str| full.rsplit_once('/').is_some_and(|(_, id)| id == name);
    let matching: Vec<&str> = match known.iter().find(|full| **full == name) {
        Some(full) => vec![full],
        None => known.iter().copied().filter(|full| id(full)).collect(),
    };
    match matching[..] {
        [one] => Named::Covered(Covered::Rule(one.into())),
        [] => Named::Unknown(near_rule(&known, name).map(str::to_owned)),
        _ => Named::Ambiguous(matching.into_iter().map(str::to_owned).collect()),
    }
}

/// The rule whose full name, or whose id where no pack was given, is nearest.
fn near_rule<'k>(known: &[&'k str], name: &str) -> Option<&'k str> {
    if name.contains('/') {
        return nearest(name, known.iter().copied());
    }
    let id = |full: &'k str| full.rsplit_once('/').map_or(full, |(_, id)| id);
    let near = nearest(name, known.iter().map(|full| id(full)))?;
    known.iter().copied().find(|full| id(full) == near)
}
