//! Whether a case is over, and since when: what retention counts from.

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::rules::{EventPattern, From, Rule};

use super::municipality::Municipality;
use super::view::View;

/// The last civil day of which anything is known of a closed case; `None`: it is not closed.
///
/// It is closed when each routine in force that can be stopped was: by an event that stops all of its rules, after which none
/// came that reopens the case or starts a deadline. Whatever else happened afterwards only moves the day. Depends on nothing but
/// the arguments.
#[must_use]
pub fn closed_on(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Option<NaiveDate> {
    of_view(&View::at(municipality, case, now)?)
}

/// The same of what is known of a case.
pub(super) fn of_view(view: &View<'_>) -> Option<NaiveDate> {
    let municipality = view.municipality;
    let rules: Vec<&Rule> = municipality.active_rules().iter().map(|index| municipality.rules.rule(*index)).collect();
    let mut packs: Vec<usize> = rules.iter().map(|rule| rule.pack).collect();
    packs.sort_unstable();
    packs.dedup();
    let mut stopped = 0;
    for pack in packs {
        let of_pack: Vec<&Rule> = rules.iter().copied().filter(|rule| rule.pack == pack).collect();
        let stops = common_stops(&of_pack);
        if stops.is_empty() {
            continue;
        }
        let stop = view.counted(&stops).next_back()?;
        // What ends something, such as that the log is closed too, does not open the case again, whatever it starts.
        let ends: Vec<EventPattern> = of_pack.iter().flat_map(|rule| rule.stops_on.iter().cloned()).collect();
        let ends: Vec<usize> = view.known(&ends).collect();
        let goes_on = |rule: &&Rule| {
            let started = view.known(starts(&rule.from)).filter(|index| !ends.contains(index));
            view.known(&rule.reopens_on).chain(started).any(|later| later > stop)
        };
        if of_pack.iter().any(goes_on) {
            return None;
        }
        stopped += 1;
    }
    let last = view.events.iter().map(|known| known.event.time.on).max();
    last.filter(|_| stopped > 0)
}

/// What stops every rule of a pack: its own `stops_on`, without those of single rules.
fn common_stops(rules: &[&Rule]) -> Vec<EventPattern> {
    let Some((first, others)) = rules.split_first() else { return vec![] };
    let is_common = |stop: &&EventPattern| others.iter().all(|rule| rule.stops_on.contains(stop));
    first.stops_on.iter().filter(is_common).cloned().collect()
}

/// The events that start a deadline.
fn starts(from: &From) -> &[EventPattern] {
    match from {
        From::Each(patterns) | From::FirstOf(patterns) | From::LastOf(patterns) => patterns,
        From::Date { event, .. } => std::slice::from_ref(event),
        From::Case(_) | From::DueOf(_) | From::Yearly(_) | From::Every(_) => &[],
    }
}
