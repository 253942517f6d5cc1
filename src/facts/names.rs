//! What the lines of a load define and speak of: all that has to be kept of them to check them, however many they are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;

use crate::fact::Fact;
use crate::organisation::Tenant;

/// Ids by tenant.
pub(super) type Ids = HashMap<Arc<str>, HashSet<Arc<str>>>;

/// The ids that a load's lines name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Every municipality of any line; with its zone where a line defines it.
    tenants: BTreeMap<Arc<str>, Option<Tz>>,
    pub(super) units: Ids,
    pub(super) cases: Ids,
    /// Cases that an event speaks of before any record defined them.
    pub(super) spoken_of: Ids,
}

impl Names {
    /// Those of these records.
    pub fn of<'a>(facts: impl Iterator<Item = &'a Fact>) -> Self {
        let mut names = Self::default();
        facts.for_each(|fact| names.see(fact));
        names
    }

    /// Adds what a record names.
    pub fn see(&mut self, fact: &Fact) {
        if let Fact::Tenant(tenant) = fact {
            // One that does not parse is reported where it stands; its other records are checked all the same.
            let zone = Tenant::parse(tenant).map_or(Tz::Europe__Oslo, |tenant| tenant.zone);
            self.tenants.insert(tenant.id.as_str().into(), Some(zone));
            return;
        }
        let tenant = self.tenant(fact.tenant());
        match fact {
            Fact::Unit(unit) => add(&mut self.units, tenant, &unit.id),
            Fact::Case(case) => add(&mut self.cases, tenant, &case.id),
            Fact::Event(event) if !contains(&self.cases, &tenant, &event.case) => {
                add(&mut self.spoken_of, tenant, &event.case);
            }
            Fact::Event(_) | Fact::Tenant(_) | Fact::Person(_) => {}
        }
    }

    /// Every municipality of any line.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.tenants.keys().map(|id| &**id)
    }

    /// The municipalities that lines define, with their zones.
    pub(super) fn defined(&self) -> impl Iterator<Item = (&str, Tz)> {
        self.tenants.iter().filter_map(|(id, zone)| Some((&**id, (*zone)?)))
    }

    /// Adds those of another file.
    pub fn merge(&mut self, other: Self) {
        for (id, zone) in other.tenants {
            let here = self.tenants.entry(id).or_default();
            *here = zone.or(*here);
        }
        let pairs =
            [(&mut self.units, other.units), (&mut self.cases, other.cases), (&mut self.spoken_of, other.spoken_of)];
        for (here, there) in pairs {
            for (tenant, ids) in there {
                here.entry(tenant).or_default().extend(ids);
            }
        }
    }

    /// One text for all lines of a municipality.
    fn tenant(&mut self, id: &str) -> Arc<str> {
        if let Some((id, _)) = self.tenants.get_key_value(id) {
            return id.clone();
        }
        let id: Arc<str> = id.into();
        self.tenants.insert(id.clone(), None);
        id
    }
}

fn add(ids: &mut Ids, tenant: Arc<str>, id: &str) {
    let ids = ids.entry(tenant).or_default();
    if !ids.contains(id) {
        ids.insert(id.into());
    }
}

fn contains(ids: &Ids, tenant: &str, id: &str) -> bool {
    ids.get(tenant).is_some_and(|ids| ids.contains(id))
}
