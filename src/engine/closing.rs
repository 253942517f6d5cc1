//! Whether a case is over, and since when: what retention counts from.

use chrono::NaiveDate;

use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::rules::{EventPattern, From, Rule};

use super::municipality::Municipality;
use super::view::View;

/// When a case ended, in civil days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The last day on which anything happened in it.
    pub through: NaiveDate,
    /// The last day on which anything happened or was recorded: who is late to write something down has only just worked on it.
    pub known: NaiveDate,
}

/// When a case was closed; `None`: it is not.
///
/// It is closed when each routine in force that can be stopped was: by an event that stops all of its rules, after which none
/// came that reopens the case or starts a deadline. Whatever else happened afterwards only moves the day. Depends on nothing but
/// the arguments.
#[must_use]
pub fn closed_on(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Option<Closed> {
    of_view(&View::at(municipality, case, now)?)
}

/// The same of what is known of a case.
pub(super) fn of_view(view: &View<'_>) -> Option<Closed> {
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
    let through = view.events.iter().map(|known| known.event.time.on).max().filter(|_| stopped > 0)?;
    let recorded =
        view.events.iter().map(|known| municipality.date(known.event.recorded_at.max(known.first_recorded_at))).max();
    Some(Closed { through, known: recorded.map_or(through, |recorded| recorded.max(through)) })
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
