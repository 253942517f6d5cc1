//! What another rule folder would change: two runs over the same facts, line against line.
//!
//! It compares what `simulate` prints, so what is compared is what a coordinator sees. An obligation that is void asks
//! nothing of anybody and counts as not there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::simulate::Line;

/// How something differs between the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is there with the other rules only.
    Added,
    /// It is there without them only.
    Dropped,
    /// It is there in both, with another date or recipient, or another outcome.
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `notice`, `deviation` or `obligation`.
    pub of: String,
    /// How it differs.
    pub change: Change,
    /// As it is.
    pub before: Option<Json>,
    /// As it would be.
    pub after: Option<Json>,
}

/// What names a line in both runs. Recipient and time of a notice are not part of it: they can move.
const NAMES: [&str; 7] = ["type", "tenant", "case", "rule", "start", "step", "role"];

type Name = (Vec<String>, u64);

impl Difference {
    /// A field of the line, as it would be; for what is dropped, as it is.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let line = self.after.as_ref().or(self.before.as_ref());
        line.and_then(|line| line[name].as_str()).unwrap_or_default()
    }
}

/// Every difference between two runs, in the order in which `simulate` prints lines.
#[must_use]
pub fn compare(before: &[Line], after: &[Line]) -> Vec<Difference> {
    let (before, mut after) = (named(before), named(after));
    let mut differences = Vec::new();
    for (name, old) in before {
        match after.remove(&name) {
            None => {
                differences.push(Difference { of: kind(&old), change: Change::Dropped, before: Some(old), after: None })
            }
            Some(new) if same(&old, &new) => {}
            Some(new) => {
                let of = kind(&old);
                differences.push(Difference { of, change: Change::Moved, before: Some(old), after: Some(new) });
            }
        }
    }
    let added = after.into_values().map(|new| Difference {
        of: kind(&new),
        change: Change::Added,
        before: None,
        after: Some(new),
    });
    differences.extend(added);
    differences.sort_by_key(order);
    differences
}

/// The lines by their names; several deviations of one obligation are told apart by their number.
fn named(lines: &[Line]) -> BTreeMap<Name, Json> {
    let mut named = BTreeMap::new();
    let there = lines.iter().map(Line::json).filter(|line| line["status"] != "void");
    for line in there {
        let parts: Vec<String> = NAMES.iter().map(|name| line[*name].as_str().unwrap_or_default().to_owned()).collect();
        let mut number = line["repetition"].as_u64().unwrap_or(0);
        while named.contains_key(&(parts.clone(), number)) {
            number += 1;
        }
        named.insert((parts, number), line.clone());
    }
    named
}

/// Whether nobody would notice a difference: the due date within a notice's key may not differ either.
fn same(old: &Json, new: &Json) -> bool {
    let looked_at: &[&str] = match kind(old).as_str() {
        "notice" => &["at", "to", "as", "due_on"],
        "deviation" => &["opened_at", "due_on", "closed_as"],
        _ => &["due_on", "status"],
    };
    looked_at.iter().all(|field| old[*field] == new[*field])
}

fn kind(line: &Json) -> String {
    line["type"].as_str().unwrap_or_default().to_owned()
}

fn order(difference: &Difference) -> (bool, String, String, String, String, Change) {
    let time = if difference.of == "notice" { "at" } else { "opened_at" };
    let [time, tenant, case, rule] = [time, "tenant", "case", "rule"].map(|field| difference.field(field).to_owned());
    (difference.of == "obligation", time, tenant, case, rule, difference.change)
}

/// How much something differs: how many are added, dropped, moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Added.
    pub added: usize,
    /// Dropped.
    pub dropped: usize,
    /// Moved.
    pub moved: usize,
}

impl Tally {
    fn count(&mut self, change: Change) {
        match change {
            Change::Added => self.added += 1,
            Change::Dropped => self.dropped += 1,
            Change::Moved => self.moved += 1,
        }
    }
}

/// Differences by rule and by kind of line.
#[must_use]
pub fn by_rule(differences: &[Difference]) -> BTreeMap<String, BTreeMap<String, Tally>> {
    let mut rules: BTreeMap<String, BTreeMap<String, Tally>> = BTreeMap::new();
    for difference in differences {
        let rule = rules.entry(difference.field("rule").to_owned()).or_default();
        rule.entry(difference.of.clone()).or_default().count(difference.change);
    }
    rules
}

/// How many notices each recipient gets before and after, by tenant and recipient.
#[must_use]
pub fn by_person(before: &[Line], after: &[Line]) -> BTreeMap<(String, String), (usize, usize)> {
    let mut people: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    let key = |line: &Json| {
        let [tenant, to] = ["tenant", "to"].map(|field| line[field].as_str().unwrap_or_default().to_owned());
        (tenant, to)
    };
    for line in before.iter().map(Line::json).filter(|line| line["type"] == "notice") {
        people.entry(key(line)).or_default().0 += 1;
    }
    for line in after.iter().map(Line::json).filter(|line| line["type"] == "notice") {
        people.entry(key(line)).or_default().1 += 1;
    }
    people.retain(|_, (before, after)| before != after);
    people
}
