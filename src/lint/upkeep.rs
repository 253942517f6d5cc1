//! What has gone out of use, and what time has overtaken.

use std::collections::HashSet;

use chrono::Months;

use super::{Desk, meeting_patterns, other_patterns, start_patterns};
use crate::calendar::{Calendar, ClosedPeriod};
use crate::rules::Code;
use crate::vocabulary::EventKind;

pub(super) fn check(desk: &mut Desk<'_>) {
    event_kinds(desk);
    for calendar in &desk.rules.calendars {
        unused(desk, calendar);
        closed(desk, calendar);
    }
    for pack in &desk.rules.packs {
        if let Some(date) = pack.revise_by.filter(|date| *date < desk.today) {
            let message = format!("the routine behind `{}` should have been revised by {date}", pack.id);
            let place = desk.written.place(&["pack", &pack.id, "revise_by"]);
            let help = "when it has been revised, read the rules again, and set the next date";
            desk.find(Code::RevisionPassed, place, message, help);
        }
    }
}

fn event_kinds(desk: &mut Desk<'_>) {
    let rules = desk.rules;
    let vocabulary = &rules.vocabulary;
    let mut used: HashSet<EventKind> = HashSet::new();
    for rule in &rules.rules {
        used.extend(start_patterns(rule).iter().map(|pattern| pattern.kind));
        used.extend(meeting_patterns(rule).iter().map(|pattern| pattern.kind));
        used.extend(other_patterns(rule).map(|(_, pattern)| pattern.kind));
    }
    for name in vocabulary.event_kinds() {
        let path = ["events", &**name];
        let is_unused = vocabulary.event(name).is_some_and(|kind| !used.contains(&kind));
        if is_unused && desk.written.has(&path) {
            let message = format!("no rule uses the event kind `{name}`");
            let help = "nothing need be wrong; but a rule that should wait for it does not";
            desk.find(Code::UnusedEventKind, desk.written.place(&path), message, help);
        }
    }
}

fn unused(desk: &mut Desk<'_>, calendar: &Calendar) {
    let rules = desk.rules;
    let index = rules.calendar_of(calendar.id());
    let by_pack = rules
        .packs
        .iter()
        .any(|pack| Some(pack.calendar) == index || pack.calendars.values().any(|calendar| Some(*calendar) == index));
    let by_rule = rules.rules.iter().any(|rule| rule.calendar.is_some() && rule.calendar == index);
    let extended = |other: &Calendar| desk.written.text(&["calendar", other.id(), "extends"]) == Some(calendar.id());
    if !by_pack && !by_rule && !rules.calendars.iter().any(extended) {
        let message = format!("no pack or rule uses the calendar `{}`", calendar.id());
        let place = desk.written.place(&["calendar", calendar.id()]);
        let help = "units and municipalities may still name it in their records; else remove it";
        desk.find(Code::UnusedCalendar, place, message, help);
    }
}

/// The calendar's own closed periods: those of what it extends are judged there.
fn closed(desk: &mut Desk<'_>, calendar: &Calendar) {
    let path = ["calendar", &**calendar.id(), "closed"];
    let count = desk.written.names(&path).count();
    let own = &calendar.closed_periods()[..count.min(calendar.closed_periods().len())];
    let horizon = desk.today.checked_add_months(Months::new(12)).unwrap_or(desk.today);
    if let Some(last) = own.iter().map(|period| period.to).max().filter(|last| *last < horizon) {
        let message =
            format!("the closed days of `{}` end on {last}; from then on every weekday counts", calendar.id());
        let place = desk.written.place(&path);
        desk.find(Code::ClosedListEnds, place, message, "add the closed days of the coming year");
    }
    for (number, period) in own.iter().enumerate().filter(|(_, period)| is_free_anyway(calendar, period)) {
        let message = format!("`{}` closes no working day", period.name);
        let place = desk.written.place(&["calendar", calendar.id(), "closed", &number.to_string()]);
        let help = "all its days are weekends or holidays already; check the dates, and the year";
        desk.find(Code::ClosedWithoutEffect, place, message, help);
    }
}

fn is_free_anyway(calendar: &Calendar, period: &ClosedPeriod) -> bool {
    period.from.iter_days().take_while(|date| *date <= period.to).all(|date| calendar.rests_every_year(date))
}
