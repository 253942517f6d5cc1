//! Spans and days that do not go together.

use super::Desk;
use super::reach::{Reach, surely_longer};
use crate::rules::{Basis, Code, From, Roll, Rule, Within};

pub(super) fn check(desk: &mut Desk<'_>, rule: &Rule) {
    earliest(desk, rule);
    growing(desk, rule);
    snap(desk, rule);
    rolled_by_law(desk, rule);
}

fn earliest(desk: &mut Desk<'_>, rule: &Rule) {
    let Some(earliest) = rule.earliest else { return };
    let is_moved = rule.snap.is_some() || rule.roll != Roll::None;
    let is_late = match &rule.within {
        Within::Same(span) if !is_moved => surely_longer(earliest, *span),
        _ => Reach::of(earliest).least > Reach::of_rule(rule).most,
    };
    if is_late {
        let message = format!("whatever meets `{}` in time is too early: `earliest` lies after the due date", rule.id);
        let place = desk.place(rule, &["earliest"]);
        desk.find(Code::EarliestAfterDue, place, message, "`earliest` counts from the start, as `within` does");
    }
}

fn growing(desk: &mut Desk<'_>, rule: &Rule) {
    let Within::Growing(spans) = &rule.within else { return };
    let place = desk.place(rule, &["within"]);
    if spans.iter().any(|span| span.unit != spans[0].unit) {
        let message = "this growing list mixes units, so that nobody can see how it grows";
        desk.find(Code::MixedUnits, place.clone(), message, "count all of them in days, weeks or months");
    }
    let starts_once =
        matches!(rule.from, From::FirstOf(_) | From::LastOf(_) | From::Case(_) | From::Yearly(_) | From::Every(_));
    if starts_once && spans.len() > 1 {
        let message = format!("only the first of these spans is ever used: `{}` does not count its starts", rule.id);
        let help = "write one span, or start from every event of a kind";
        desk.find(Code::NeverGrows, place, message, help);
    }
}

fn snap(desk: &mut Desk<'_>, rule: &Rule) {
    let Some(snap) = rule.snap else { return };
    let pack = &desk.rules.packs[rule.pack];
    let calendar = desk.rules.calendar(rule.calendar.unwrap_or(pack.calendar));
    if calendar.rests_on(snap.weekday) {
        let moved = if rule.roll == Roll::None { "nobody works then" } else { "then `roll` moves it on again" };
        let message = format!("`{}` snaps to a day on which `{}` rests; {moved}", rule.id, calendar.id());
        let place = desk.place(rule, &["snap"]);
        desk.find(Code::SnapToFreeDay, place, message, "snap to a weekday on which people work");
    }
}

fn rolled_by_law(desk: &mut Desk<'_>, rule: &Rule) {
    if rule.basis == Basis::Law && rule.roll == Roll::Forward {
        let message =
            format!("the deadline of `{}` comes from the law, and here it rolls past a day without work", rule.id);
        let place = desk.place_or_pack(rule, "roll");
        let help = "read whether that law lets this deadline move; `roll = \"none\"` or \"back\" is the safe side";
        desk.find(Code::RolledByLaw, place, message, help);
    }
}
