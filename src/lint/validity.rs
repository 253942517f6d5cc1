//! Rules that take each other's place: does one begin the day after the other ends?

use chrono::NaiveDate;

use super::Desk;
use crate::rules::{Code, Rule};

pub(super) fn check(desk: &mut Desk<'_>) {
    let rules = desk.rules;
    for (number, rule) in rules.rules.iter().enumerate() {
        let mut family: Vec<&Rule> = rules.rules[number + 1..].iter().filter(|other| replaces(rule, other)).collect();
        let is_oldest = !rules.rules[..number].iter().any(|other| replaces(rule, other));
        if is_oldest && !family.is_empty() {
            family.push(rule);
            family.sort_by_key(|rule| (begins(rule), ends(rule)));
            for pair in family.windows(2) {
                compare(desk, pair[0], pair[1]);
            }
        }
    }
}

/// Whether two rules say the same at different times: the same start, the same conditions, the same fulfilment or an
/// id that goes on from the other's, and validities that differ.
fn replaces(one: &Rule, other: &Rule) -> bool {
    let same_duty = one.met_by == other.met_by && one.met_when == other.met_when;
    let same_name = one.id.starts_with(&*other.id) || other.id.starts_with(&*one.id);
    one.pack == other.pack
        && one.from == other.from
        && (one.when == other.when && one.unless == other.unless)
        && (same_duty || same_name)
        && (one.valid_from, one.valid_to) != (other.valid_from, other.valid_to)
}

fn begins(rule: &Rule) -> NaiveDate {
    rule.valid_from.unwrap_or(NaiveDate::MIN)
}

fn ends(rule: &Rule) -> NaiveDate {
    rule.valid_to.unwrap_or(NaiveDate::MAX)
}

fn compare(desk: &mut Desk<'_>, older: &Rule, newer: &Rule) {
    let (ends, begins) = (ends(older), begins(newer));
    let key = if desk.has(newer, "valid_from") { "valid_from" } else { "id" };
    let place = desk.place(newer, &[key]);
    if ends >= begins {
        let message =
            format!("`{}` and `{}` are in force at once: each start then has two deadlines", older.id, newer.id);
        let help = format!("end `{}` with `valid_to` on the day before `{}` begins", older.id, newer.id);
        desk.find(Code::ValidityOverlaps, place, message, help);
    } else if ends.succ_opt() != Some(begins) {
        let message =
            format!("between {ends}, when `{}` ends, and {begins} neither it nor `{}` holds", older.id, newer.id);
        desk.find(Code::ValidityGap, place, message, "let `valid_from` be the day after `valid_to`");
    }
}
