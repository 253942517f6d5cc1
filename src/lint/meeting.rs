//! Rules that can never be met, never in time, or only by what ends them.

use super::logic::Premises;
use super::reach::Reach;
use super::{Desk, start_patterns};
use crate::rules::{Code, EventPattern, From, Meeting, MetBy, Rule, Subject};

pub(super) fn check(desk: &mut Desk<'_>, rule: &Rule) {
    contradictions(desk, rule);
    stopped_first(desk, rule);
    state(desk, rule);
    in_time(desk, rule);
    without_effect(desk, rule);
}

/// The ways to meet a rule one by one, each with its path below `met_by`.
fn ways(rule: &Rule) -> Vec<(Vec<String>, &EventPattern, Option<&Meeting>)> {
    let number = |number: usize| number.to_string();
    match &rule.met_by {
        None => vec![],
        Some(MetBy::Any(meetings)) => meetings
            .iter()
            .enumerate()
            .map(|(index, meeting)| (vec![number(index)], &meeting.event, Some(meeting)))
            .collect(),
        Some(MetBy::All(patterns)) => patterns
            .iter()
            .enumerate()
            .map(|(index, pattern)| (vec!["all_of".to_owned(), number(index)], pattern, None))
            .collect(),
    }
}

fn contradictions(desk: &mut Desk<'_>, rule: &Rule) {
    for (path, pattern, meeting) in ways(rule) {
        if !can_meet(desk, rule, pattern, meeting) {
            let keys: Vec<&str> = std::iter::once("met_by").chain(path.iter().map(String::as_str)).collect();
            let message = format!("no `{}` can ever meet `{}`", desk.kind_name(pattern), rule.id);
            let place = desk.place(rule, &keys);
            let help = "compare its `where` and `match` with `from` and `when`, and correct the values";
            desk.find(Code::MeetingContradicts, place, message, help);
        }
    }
    let premises = Premises::new(&desk.rules.vocabulary).and(rule.met_when.as_ref());
    if premises.contradiction().is_some() {
        let message = format!("no state can ever satisfy the `met_when` of `{}`", rule.id);
        let place = desk.place(rule, &["met_when"]);
        desk.find(Code::MeetingContradicts, place, message, "correct the values");
    }
}

/// Whether an event can satisfy a pattern, and equal some start event where `match` asks for it.
fn can_meet(desk: &Desk<'_>, rule: &Rule, pattern: &EventPattern, meeting: Option<&Meeting>) -> bool {
    let premises = Premises::new(&desk.rules.vocabulary).and(pattern.filter.as_ref());
    let matching = meeting.map_or(&[][..], |meeting| &meeting.matching);
    let starts = start_patterns(rule);
    if matching.is_empty() || starts.is_empty() {
        return premises.contradiction().is_none();
    }
    let is_matched = |test: &crate::rules::Test| {
        test.subject == Subject::Start
            && matching.iter().any(|(id, _)| test.field == crate::rules::Field::Attribute(*id))
    };
    starts.iter().any(|start| {
        let premises = premises.clone().and_those(start.filter.as_ref(), is_matched);
        premises.and_those(rule.when.as_ref(), is_matched).contradiction().is_none()
    })
}

/// Rules whose stop comes before, or instead of, what meets them.
fn stopped_first(desk: &mut Desk<'_>, rule: &Rule) {
    let stops = |pattern: &EventPattern| {
        rule.stops_on.iter().any(|stop| stop.kind == pattern.kind && (stop.filter.is_none() || stop == pattern))
    };
    let is_reopened = !rule.reopens_on.is_empty() && start_patterns(rule).is_empty();
    let stopping = ways(rule).into_iter().filter(|(_, pattern, _)| stops(pattern)).count();
    let counts = |meeting: Option<&Meeting>| meeting.is_some_and(|meeting| meeting.count > 1 && !meeting.earlier);
    let comes_first = match &rule.met_by {
        Some(MetBy::Any(_)) => ways(rule).iter().any(|(_, pattern, meeting)| counts(*meeting) && stops(pattern)),
        Some(MetBy::All(_)) => stopping > 1,
        None => false,
    };
    let place = desk.place(rule, &["met_by"]);
    if comes_first && !is_reopened {
        let message = format!("`{}` is stopped by the first of the events that would meet it together", rule.id);
        let help = "take that kind out of `stops_on`, here or in the pack, or ask for one event";
        desk.find(Code::StoppedBeforeMet, place, message, help);
    } else if stopping > 0 && stopping == ways(rule).len() && rule.met_when.is_none() {
        let message = format!("only what stops `{}` meets it", rule.id);
        let help = "name in `met_by` what shows that the duty was done, and leave the rest to `stops_on`";
        desk.find(Code::MetByStopOnly, place, message, help);
    }
}

/// A `met_when` that holds from the start, or that takes the case out of the rule.
fn state(desk: &mut Desk<'_>, rule: &Rule) {
    let Some(met_when) = &rule.met_when else { return };
    let applies = Premises::new(&desk.rules.vocabulary).and(rule.when.as_ref());
    let met = applies.clone().and(Some(met_when));
    let own = Premises::new(&desk.rules.vocabulary).and(Some(met_when));
    if applies.contradiction().is_some() || own.contradiction().is_some() {
        return;
    }
    let leaves = met.contradiction().is_some() || rule.unless.as_ref().is_some_and(|unless| met.imply(unless));
    let place = desk.place(rule, &["met_when"]);
    if leaves {
        let message =
            format!("a state that satisfies this `met_when` takes the case out of `{}`: void, not met", rule.id);
        let help = "`when` and `unless` are judged on what is known now; leave this field out of them";
        desk.find(Code::VoidInsteadOfMet, place, message, help);
    } else if applies.imply(met_when) {
        let message = format!("`{}` is met the moment it starts: its `when` implies its `met_when`", rule.id);
        desk.find(Code::MetAtOnce, place, message, "ask in `met_when` for what has to change");
    }
}

/// A due date before anything that could meet the rule.
fn in_time(desk: &mut Desk<'_>, rule: &Rule) {
    let counts_earlier = match &rule.met_by {
        Some(MetBy::Any(meetings)) => meetings.iter().any(|meeting| meeting.earlier),
        _ => false,
    };
    let Some(latest) = latest_due(desk, rule) else { return };
    let is_recurring = Reach::of_period(&rule.from).is_some();
    if latest < 0 && (!counts_earlier || is_recurring) {
        let message = format!("`{}` can never be met in time: it is due before anything can meet it", rule.id);
        let help = if is_recurring {
            "the window opens with the period, or with `opens`; let `within` end inside it"
        } else {
            "only events after the start count: make the span positive, count from a date that lies ahead, or add \
             `earlier = true` to `met_by`"
        };
        let place = desk.place(rule, &["within"]);
        desk.find(Code::NeverInTime, place, message, help);
    }
}

/// How many days after the first moment that counts the due date lies, at most. `None` where that is not known.
fn latest_due(desk: &Desk<'_>, rule: &Rule) -> Option<i64> {
    let own = Reach::of_rule(rule).most;
    match &rule.from {
        From::Each(_) | From::FirstOf(_) | From::LastOf(_) | From::Case(_) => Some(own),
        From::Date { .. } => None,
        From::DueOf(other) => Some(own + latest_due(desk, desk.rules.rule(*other))?),
        from @ (From::Yearly(_) | From::Every(_)) => {
            let period = Reach::of_period(from)?.most - 1;
            let window = rule.opens.map_or(period, |opens| period.min(-Reach::of(opens).least));
            Some(own + window)
        }
    }
}

/// Keys of `met_by` that change nothing.
fn without_effect(desk: &mut Desk<'_>, rule: &Rule) {
    let is_recurring = Reach::of_period(&rule.from).is_some();
    for (path, _, meeting) in ways(rule) {
        let Some(meeting) = meeting else { continue };
        let speaks_of_earlier = !meeting.undone_by.is_empty() || meeting.expires.is_some();
        let keys: Vec<&str> = std::iter::once("met_by").chain(path.iter().map(String::as_str)).collect();
        let place = desk.place(rule, &keys);
        if speaks_of_earlier && !meeting.earlier {
            let message = "`undone_by` and `expires` speak of earlier events, and earlier events do not count here";
            desk.find(Code::NoEffect, place, message, "add `earlier = true`, or remove them");
        } else if meeting.earlier && is_recurring {
            let message = "`earlier` changes nothing: of a recurrence only events inside the window count";
            desk.find(Code::NoEffect, place, message, "remove it, or let the window open sooner with `opens`");
        }
    }
}
