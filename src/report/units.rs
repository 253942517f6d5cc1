//! The units of a report, as a tree: municipalities where there are several, units, and the units below them.

use std::collections::{HashMap, HashSet};

use crate::calendar::Instant;
use crate::store::StoredOrganisation;

use super::text;

/// A unit, a municipality, or the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The municipality's id; none for the whole.
    pub(super) tenant: Option<String>,
    /// The unit's id; none for a municipality, the whole, and what has no unit.
    pub(super) id: Option<String>,
    /// What people call it; empty for what has no unit.
    pub(super) name: String,
    /// The place of the one above.
    pub(super) parent: Option<usize>,
}

/// The tree. What has no unit, or one that is recorded no longer, gets a place when it is first met.
#[derive(Debug)]
pub(super) struct Units {
    list: Vec<Unit>,
    places: HashMap<(String, Option<String>), usize>,
    /// Where units without a parent hang, by municipality.
    roots: HashMap<String, usize>,
    /// Whether only some units are asked about, so that others do not count.
    only: bool,
}

impl Units {
    /// The place of the whole.
    pub(super) const ROOT: usize = 0;

    /// The units of these municipalities as known at `now`; only those named with those below them where any are. One
    /// that is named alone is the whole.
    pub(super) fn of(found: &[&StoredOrganisation], only: &[String], now: Instant) -> Self {
        let whole = Unit { tenant: None, id: None, name: String::new(), parent: None };
        let mut units =
            Self { list: vec![whole], places: HashMap::new(), roots: HashMap::new(), only: !only.is_empty() };
        for stored in found {
            let tenant = &stored.organisation.tenant;
            let root = if found.len() > 1 {
                let name = Some(text::shown(&tenant.name)).filter(|name| !name.is_empty());
                let (id, name) = (tenant.id.to_string(), name.unwrap_or_else(|| tenant.id.to_string()));
                units.push(Unit { tenant: Some(id), id: None, name, parent: Some(Self::ROOT) })
            } else {
                Self::ROOT
            };
            units.roots.insert(tenant.id.to_string(), root);
            units.grow(stored, only, root, now);
        }
        units
    }

    fn grow(&mut self, stored: &StoredOrganisation, only: &[String], root: usize, now: Instant) {
        let organisation = &stored.organisation;
        let mut below: HashMap<Option<&str>, Vec<(&str, &str)>> = HashMap::new();
        for id in organisation.unit_ids() {
            let Some(unit) = organisation.unit(id, now) else { continue };
            let parent = unit.parent.as_deref().filter(|parent| organisation.unit(parent, now).is_some());
            below.entry(parent).or_default().push((id, &unit.name));
        }
        for siblings in below.values_mut() {
            siblings.sort_by_cached_key(|(id, name)| (text::sorted(name), *id));
        }
        let tenant = &*organisation.tenant.id;
        let mut seen = HashSet::new();
        let mut waiting: Vec<(&str, &str, usize)> = vec![];
        if let [only] = only {
            let only = only.as_str();
            let name = organisation.unit(only, now).map_or(only, |unit| &*unit.name);
            self.list[root] =
                Unit { tenant: Some(tenant.into()), id: Some(only.into()), name: text::shown(name), parent: None };
            self.places.insert((tenant.into(), Some(only.into())), root);
            seen.insert(only);
            waiting.extend(below.get(&Some(only)).into_iter().flatten().map(|(id, name)| (*id, *name, root)));
        } else if !only.is_empty() {
            let is_asked = |id: &str| only.iter().any(|only| only == id);
            let mut asked: Vec<(&str, &str)> =
                below.values().flatten().filter(|(id, _)| is_asked(id)).copied().collect();
            asked.sort_by_cached_key(|(id, name)| (text::sorted(name), *id));
            // One that stands below another one is there with it.
            asked.retain(|(id, _)| !stands_below(&below, id, only));
            waiting.extend(asked.into_iter().map(|(id, name)| (id, name, root)));
        } else {
            waiting.extend(below.get(&None).into_iter().flatten().map(|(id, name)| (*id, *name, root)));
            // Units in a circle have nobody above: each hangs at the top, or it would be lost.
            waiting.extend(circles(&below).into_iter().map(|(id, name)| (id, name, root)));
        }
        waiting.reverse();
        while let Some((id, name, parent)) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            let (tenant, id_text) = (Some(tenant.to_owned()), Some(id.to_owned()));
            let place = self.push(Unit { tenant, id: id_text, name: text::shown(name), parent: Some(parent) });
            let children = below.get(&Some(id)).into_iter().flatten();
            waiting.extend(children.rev().map(|(id, name)| (*id, *name, place)));
        }
    }

    fn push(&mut self, unit: Unit) -> usize {
        let place = self.list.len();
        if let Some(tenant) = unit.tenant.clone().filter(|_| unit.id.is_some() || unit.name.is_empty()) {
            self.places.insert((tenant, unit.id.clone()), place);
        }
        self.list.push(unit);
        place
    }

    /// The place of a unit of a municipality; `None` where it is not asked about.
    pub(super) fn place(&mut self, tenant: &str, unit: Option<&str>) -> Option<usize> {
        let key = (tenant.to_owned(), unit.map(str::to_owned));
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        if self.only {
            return None;
        }
        let parent = self.roots.get(tenant).copied();
        let name = unit.map(text::shown).unwrap_or_default();
        Some(self.push(Unit { tenant: Some(key.0), id: key.1, name, parent: parent.or(Some(Self::ROOT)) }))
    }

    /// The names of the units that are asked about.
    pub(super) fn asked(&self) -> Vec<&str> {
        let of_root = |unit: &&Unit| unit.parent == Some(Self::ROOT);
        match self.list.first() {
            Some(root) if root.id.is_some() => vec![&root.name],
            _ => self.list.iter().filter(of_root).map(|unit| unit.name.as_str()).collect(),
        }
    }

    pub(super) fn name(&self, place: usize) -> &str {
        &self.list[place].name
    }

    /// A unit's name, with its municipality's where there are several.
    pub(super) fn name_in_full(&self, place: usize) -> String {
        let Unit { name, tenant, .. } = &self.list[place];
        let root = tenant.as_ref().and_then(|tenant| self.roots.get(tenant));
        match root.filter(|root| **root != Self::ROOT && **root != place && !name.is_empty()) {
            Some(root) => format!("{name} ({})", self.list[*root].name),
            None => name.clone(),
        }
    }

    /// All of them, in order: each after the one above it.
    pub(super) fn list(&self) -> &[Unit] {
        &self.list
    }

    /// The places in the order in which people read a tree: each unit, then those below it.
    pub(super) fn reading_order(&self) -> Vec<usize> {
        let mut below: Vec<Vec<usize>> = vec![vec![]; self.list.len()];
        for (place, unit) in self.list.iter().enumerate() {
            if let Some(parent) = unit.parent {
                below[parent].push(place);
            }
        }
        let (mut order, mut waiting) = (Vec::with_capacity(self.list.len()), vec![Self::ROOT]);
        while let Some(place) = waiting.pop() {
            order.push(place);
            waiting.extend(below[place].iter().rev());
        }
        order
    }

    /// How far below the whole a unit stands.
    pub(super) fn depth(&self, place: usize) -> usize {
        std::iter::successors(self.list[place].parent, |place| self.list[*place].parent).count()
    }
}

/// Whether a unit stands somewhere below another one of these. One that stands below itself stands below nobody.
fn stands_below(below: &HashMap<Option<&str>, Vec<(&str, &str)>>, id: &str, of: &[String]) -> bool {
    let above = |id: &str| {
        let mut levels = below.iter();
        levels.find(|(_, units)| units.iter().any(|(unit, _)| *unit == id)).and_then(|(parent, _)| *parent)
    };
    let mut chain: Vec<&str> = vec![];
    let mut next = above(id);
    while let Some(parent) = next.filter(|parent| !chain.contains(parent)) {
        if parent == id {
            return false;
        }
        chain.push(parent);
        next = above(parent);
    }
    chain.iter().any(|parent| of.iter().any(|asked| asked == parent))
}

/// The units that cannot be reached from the top, one of each circle first.
fn circles<'a>(below: &HashMap<Option<&'a str>, Vec<(&'a str, &'a str)>>) -> Vec<(&'a str, &'a str)> {
    let (mut reached, mut waiting) = (HashSet::new(), vec![None]);
    while let Some(parent) = waiting.pop() {
        for (id, _) in below.get(&parent).into_iter().flatten() {
            if reached.insert(*id) {
                waiting.push(Some(*id));
            }
        }
    }
    let mut lost: Vec<_> = below.values().flatten().filter(|(id, _)| !reached.contains(id)).copied().collect();
    lost.sort_unstable();
    lost
}
