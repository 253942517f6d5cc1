//! What the packs of a municipality say of each other.

use super::super::Desk;
use crate::engine::Municipality;
use crate::facts::Municipality as Facts;
use crate::rules::{Code, Rule};

/// Rules of different packs that messages of this municipality call by the same code.
pub(super) fn check(desk: &mut Desk<'_>, municipality: &Municipality<'_>) {
    let rules: Vec<&Rule> = municipality.active_rules().iter().map(|index| municipality.rules.rule(*index)).collect();
    for (number, rule) in rules.iter().enumerate() {
        let both_written = |other: &Rule| desk.has(rule, "code") && desk.has(other, "code");
        let clash = rules[..number]
            .iter()
            .find(|other| other.code == rule.code && other.pack != rule.pack && !both_written(other));
        if let Some(other) = clash {
            let tenant = &municipality.organisation.tenant.id;
            let message = format!(
                "municipality `{tenant}`: messages call `{}` and `{}` by the same code, `{}`",
                other.name, rule.name, rule.code
            );
            let place = desk.place(rule, &["code"]);
            desk.find(Code::CodesClash, place, message, "give the rules of both packs a `code` of their own");
        }
    }
}

pub(super) fn unused_packs(desk: &mut Desk<'_>, all: &[(Municipality<'_>, &Facts)]) {
    for pack in &desk.rules.packs {
        if !all.iter().any(|(municipality, _)| municipality.organisation.tenant.packs.contains(&pack.id)) {
            let place = desk.written.place(&["pack", &pack.id]);
            let message = format!("no municipality uses the pack `{}`", pack.id);
            desk.find(Code::UnusedPack, place, message, "name it in a tenant's `packs`, or leave it as it is");
        }
    }
}
