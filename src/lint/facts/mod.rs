//! What rules and facts say of each other: rules wait for events that nobody records, roles reach nobody.
//!
//! Facts have no place in a finding: their lines hold names and addresses, and a finding shows the line it speaks of.

mod recorded;
mod roles;
mod tenants;

use super::Desk;
use crate::calendar::{Instant, civil_date};
use crate::engine::Municipality;
use crate::facts::{Municipality as Facts, World};
use crate::rules::diagnostics::Finding;
use crate::rules::{RuleSet, Written};

/// Everything that is odd about rules and facts together, as known at `now`.
#[must_use]
pub fn lint_facts(rules: &RuleSet, written: &Written, world: &World, now: Instant) -> Vec<Finding> {
    let mut desk = Desk { rules, written, today: civil_date(chrono_tz::Tz::UTC, now), findings: vec![] };
    // What cannot be put together was refused when the facts were read.
    let resolve = |facts| Municipality::new(rules, organisation(facts)).ok().map(|municipality| (municipality, facts));
    let all: Vec<(Municipality<'_>, &Facts)> = world.municipalities.iter().filter_map(resolve).collect();
    recorded::check(&mut desk, &all, now);
    for (municipality, facts) in &all {
        roles::check(&mut desk, municipality, facts, now);
        tenants::check(&mut desk, municipality);
    }
    tenants::unused_packs(&mut desk, &all);
    desk.findings
}

fn organisation(facts: &Facts) -> &crate::organisation::Organisation {
    &facts.organisation
}
