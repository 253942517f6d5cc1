//! Event kinds that rules wait for and nobody records: the failure that hurts most, a rule that silently never fires.

use std::collections::{BTreeSet, HashSet};

use super::super::{Desk, meeting_patterns, other_patterns, start_patterns};
use crate::calendar::Instant;
use crate::engine::{Municipality, Occasion, plan_notices};
use crate::facts::Municipality as Facts;
use crate::obligation::{RuleIndex, Status, VoidReason};
use crate::rules::{Code, EventPattern, From, MetBy, Rule};
use crate::vocabulary::EventKind;

pub(super) fn check(desk: &mut Desk<'_>, all: &[(Municipality<'_>, &Facts)], now: Instant) {
    let active: BTreeSet<RuleIndex> =
        all.iter().flat_map(|(municipality, _)| municipality.active_rules().iter().copied()).collect();
    let (recorded, fired) = (recorded(all), fired(all, now));
    let mut told: HashSet<EventKind> = HashSet::new();
    for index in &active {
        let rule = desk.rules.rule(*index);
        let is_startable = starts(desk, rule, &recorded, &mut told);
        if is_startable {
            fulfilment(desk, rule, &recorded, &mut told);
        }
        let waits_in_vain = matches!(rule.from, From::DueOf(other) if !fired.contains(&other));
        if is_startable && !fired.contains(index) && !waits_in_vain {
            let message = format!("`{}` applies to no case in these facts", rule.name);
            let help = "nothing need be wrong; read its `when`, `unless` and validity against what is recorded";
            let place = desk.place(rule, &[]);
            desk.find(Code::FiredForNoCase, place, message, help);
        }
    }
    others(desk, &active, &recorded, &told);
}

/// The kinds of all events, whether known by now or not.
fn recorded(all: &[(Municipality<'_>, &Facts)]) -> HashSet<EventKind> {
    let events = all.iter().flat_map(|(_, facts)| &facts.cases).flat_map(|case| &case.events);
    events.flat_map(|event| event.versions.versions().flatten()).map(|event| event.kind).collect()
}

/// The rules of which some case has, or had, an obligation.
fn fired(all: &[(Municipality<'_>, &Facts)], now: Instant) -> HashSet<RuleIndex> {
    let mut fired = HashSet::new();
    for (municipality, facts) in all {
        for case in &facts.cases {
            let plan = plan_notices(municipality, case, &[], now, Occasion::Between);
            let applies = |status| !matches!(status, Status::Void(VoidReason::Condition | VoidReason::OutOfForce));
            fired.extend(plan.obligations.iter().filter(|one| applies(one.status)).map(|one| one.rule));
        }
    }
    fired
}

/// Whether the start of a rule is recorded at all.
fn starts(desk: &mut Desk<'_>, rule: &Rule, recorded: &HashSet<EventKind>, told: &mut HashSet<EventKind>) -> bool {
    let patterns: Vec<&EventPattern> = start_patterns(rule).iter().collect();
    let missing = missing(&patterns, recorded);
    let needs_all = matches!(rule.from, From::LastOf(_));
    if missing.is_empty() || (!needs_all && missing.len() < patterns.len()) {
        return true;
    }
    let message = format!("nobody records {}, so `{}` never starts", names(desk, &missing), rule.name);
    let help = "map the case system's word to this kind, or take the pack out of the tenant's `packs`";
    let place = desk.place(rule, &["from"]);
    desk.find(Code::NeverStarted, place, message, help);
    told.extend(missing.iter().map(|pattern| pattern.kind));
    false
}

fn fulfilment(desk: &mut Desk<'_>, rule: &Rule, recorded: &HashSet<EventKind>, told: &mut HashSet<EventKind>) {
    let patterns = meeting_patterns(rule);
    let missing = missing(&patterns, recorded);
    let needs_all = matches!(rule.met_by, Some(MetBy::All(_)));
    if rule.met_when.is_some() || missing.is_empty() || (!needs_all && missing.len() < patterns.len()) {
        return;
    }
    let message = format!("nobody records {}, so `{}` is never met", names(desk, &missing), rule.name);
    let help = "map the case system's word to this kind, or name in `met_by` what is recorded";
    let place = desk.place(rule, &["met_by"]);
    desk.find(Code::NeverMet, place, message, help);
    told.extend(missing.iter().map(|pattern| pattern.kind));
}

/// What else rules know and nobody records: alternatives, stops, pauses.
fn others(desk: &mut Desk<'_>, active: &BTreeSet<RuleIndex>, recorded: &HashSet<EventKind>, told: &HashSet<EventKind>) {
    let rules = desk.rules;
    let mut kinds: BTreeSet<EventKind> = BTreeSet::new();
    for rule in active.iter().map(|index| rules.rule(*index)) {
        let patterns = start_patterns(rule).iter().chain(meeting_patterns(rule));
        kinds.extend(patterns.chain(other_patterns(rule).map(|(_, pattern)| pattern)).map(|pattern| pattern.kind));
    }
    for kind in kinds.into_iter().filter(|kind| !recorded.contains(kind) && !told.contains(kind)) {
        let name = &*rules.vocabulary.definition(kind).name;
        let message = format!("nobody records `{name}`, which rules wait for beside other events");
        let place = desk.written.place(&["events", name]);
        desk.find(Code::NotRecorded, place, message, "nothing need be wrong; check that the case system reports it");
    }
}

fn missing<'p>(patterns: &[&'p EventPattern], recorded: &HashSet<EventKind>) -> Vec<&'p EventPattern> {
    patterns.iter().filter(|pattern| !recorded.contains(&pattern.kind)).copied().collect()
}

fn names(desk: &Desk<'_>, patterns: &[&EventPattern]) -> String {
    let names: BTreeSet<String> = patterns.iter().map(|pattern| format!("`{}`", desk.kind_name(pattern))).collect();
    names.into_iter().collect::<Vec<_>>().join(" or ")
}
