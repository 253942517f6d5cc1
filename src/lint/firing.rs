//! Rules that can never fire: conditions that nothing satisfies, starts that never pass, days that never come.

use super::logic::{Premises, words};
use super::{Desk, other_patterns, start_patterns};
use crate::rules::{Code, EventPattern, From, Rule};

pub(super) fn check(desk: &mut Desk<'_>, rule: &Rule) {
    never_in_force(desk, rule);
    if !condition_contradicts(desk, rule) {
        starts(desk, rule);
    }
    filters(desk, rule);
}

fn never_in_force(desk: &mut Desk<'_>, rule: &Rule) {
    let (Some(first), Some(last)) = (rule.valid_from, rule.valid_to) else { return };
    if last < first {
        let key = if desk.has(rule, "valid_from") { "valid_from" } else { "valid_to" };
        let message = format!("`{}` is never in force: it ends on {last}, before it begins on {first}", rule.id);
        let place = desk.place_or_pack(rule, key);
        desk.find(Code::NeverInForce, place, message, "correct `valid_from` or `valid_to`, here or in the pack");
    }
}

/// Whether `when` and `unless` alone leave nothing, whatever the start.
fn condition_contradicts(desk: &mut Desk<'_>, rule: &Rule) -> bool {
    let vocabulary = &desk.rules.vocabulary;
    let premises = Premises::new(vocabulary).and(rule.when.as_ref());
    if let Some(test) = premises.contradiction() {
        let [subject, field] = words(vocabulary, test);
        let message =
            format!("`{}` never fires: nothing that `{subject}.{field}` can be satisfies its `when`", rule.id);
        let place = desk.place(rule, &["when", subject, field]);
        desk.find(Code::NeverFires, place, message, "correct the values, or remove the rule");
        return true;
    }
    if rule.unless.as_ref().is_some_and(|unless| premises.imply(unless)) {
        let message = format!("`{}` never fires: its `unless` holds whenever its `when` does", rule.id);
        let place = desk.place(rule, &["unless"]);
        desk.find(Code::NeverFires, place, message, "say in `unless` only what takes some of the cases away");
        return true;
    }
    false
}

/// Starts that the conditions, or their own `where`, never let pass.
fn starts(desk: &mut Desk<'_>, rule: &Rule) {
    let patterns = start_patterns(rule);
    let blocked: Vec<(usize, &EventPattern)> =
        patterns.iter().enumerate().filter(|(_, pattern)| !passes(desk, rule, pattern)).collect();
    // `last_of` waits for every kind, but only the last one is the start event that conditions speak of.
    let waits_for_nothing =
        matches!(rule.from, From::LastOf(_)) && blocked.iter().any(|(_, pattern)| is_contradictory(desk, pattern));
    if !blocked.is_empty() && (blocked.len() == patterns.len() || waits_for_nothing) {
        let message = format!("`{}` never fires: no event that starts it passes its own conditions", rule.id);
        let place = desk.place(rule, &["from"]);
        desk.find(Code::NeverFires, place, message, "compare `where` in `from` with `when` and `unless`");
        return;
    }
    for (number, pattern) in blocked {
        let kind = desk.kind_name(pattern);
        let message = format!("a `{kind}` never starts `{}`: the conditions of the rule keep it out", rule.id);
        let place = desk.place(rule, &["from", &number.to_string()]);
        let help = "take it out of `from`, or test only what this event carries";
        desk.find(Code::StartNeverPasses, place, message, help);
    }
}

fn passes(desk: &Desk<'_>, rule: &Rule, pattern: &EventPattern) -> bool {
    let premises = Premises::new(&desk.rules.vocabulary).and(rule.when.as_ref()).starting_with(pattern);
    premises.contradiction().is_none() && !rule.unless.as_ref().is_some_and(|unless| premises.imply(unless))
}

fn is_contradictory(desk: &Desk<'_>, pattern: &EventPattern) -> bool {
    Premises::new(&desk.rules.vocabulary).and(pattern.filter.as_ref()).contradiction().is_some()
}

/// `where` tables that no event satisfies, outside `from`, which is judged with the conditions.
fn filters(desk: &mut Desk<'_>, rule: &Rule) {
    let found: Vec<(&'static str, &EventPattern)> =
        other_patterns(rule).filter(|(_, pattern)| is_contradictory(desk, pattern)).collect();
    for (key, pattern) in found {
        let message = format!("no `{}` can satisfy this `where`", desk.kind_name(pattern));
        let place = desk.place_or_pack(rule, key);
        desk.find(Code::FilterNeverHolds, place, message, "correct the values, or leave the event out");
    }
}
