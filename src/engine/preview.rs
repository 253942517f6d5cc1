//! What a ladder will do if nothing changes: each step that is not handled, with why it has not gone out.
//!
//! Between rounds no step has come, so [`Climb::run`] has nothing to say of grace or overtaking yet; whoever asks for an
//! explanation wants to know it all the same. This looks ahead with the same rules.

use std::cmp::Reverse;

use crate::calendar::{Instant, at_local};
use crate::notice::{Purpose, Reason, Recipient};
use crate::obligation::Due;

use super::ladder::{Candidate, Climb};
use super::municipality::MORNING;
use super::recipients::Roles;
use super::silenced::Silenced;

/// A step that has not gone out, whom it would reach today, and why.
pub(crate) type Waiting = (Candidate, Recipient, Reason);

impl Climb<'_, '_> {
    /// Every step, repetition and role that is not handled, up to the first of each whose moment has not come.
    pub(crate) fn preview(&self, roles: &Roles<'_>) -> Vec<Waiting> {
        let (Some(due), true) = (self.obligation.due, self.obligation.status.is_open()) else { return vec![] };
        let candidates = self.candidates(due);
        let held = self.held(due);
        let silenced = self.silenced();
        let first = self.first_told(&candidates, due, &silenced);
        let waiting = |candidate: Candidate| {
            let reason = held.unwrap_or_else(|| self.why_not_yet(&candidate, first, &silenced));
            let recipient = roles.resolve(&candidate.role).0;
            (candidate, recipient, reason)
        };
        let mut waiting: Vec<Waiting> = candidates.into_iter().map(waiting).collect();
        let overtaken: Vec<bool> =
            waiting.iter().map(|one| waiting.iter().any(|other| overtakes(other, one))).collect();
        for ((_, _, reason), _) in waiting.iter_mut().zip(overtaken).filter(|(_, overtaken)| *overtaken) {
            if let Some(at) = reason.goes_at() {
                *reason = Reason::Overtaken(at);
            }
        }
        waiting
    }

    /// From when on an escalation may go out: `None` where the ladder does not wait.
    fn first_told(&self, candidates: &[Candidate], due: Due, silenced: &Silenced<'_>) -> Option<Instant> {
        if !self.has_first() {
            return None;
        }
        let zone = self.view.municipality.zone();
        let ahead = || {
            let first = candidates.iter().filter(|candidate| candidate.is_first());
            let at = first.map(|candidate| match silenced.holds(&candidate.role) {
                Some(silence) => self.next_occasion(candidate, candidate.moment.max(self.end_of(silence))),
                None => self.next_occasion(candidate, candidate.moment),
            });
            at.min().map(|at| self.view.municipality.date(at))
        };
        let told = self.told_on(candidates, due, silenced).or_else(ahead)?;
        Some(at_local(zone, self.calendar.add(told, self.rule.escalation_grace)?, MORNING))
    }

    fn why_not_yet(&self, candidate: &Candidate, first_told: Option<Instant>, silenced: &Silenced<'_>) -> Reason {
        let next = self.next_occasion(candidate, candidate.moment);
        let grace = first_told.filter(|_| candidate.purpose == Purpose::Escalation);
        let later = grace.map_or(next, |grace| self.next_occasion(candidate, candidate.moment.max(grace)));
        match silenced.holds(&candidate.role) {
            Some(silence) if later < self.end_of(silence) => self.held_by(silence, candidate),
            _ if later > next => Reason::Grace(Some(later)),
            _ => self.moved(candidate, next).unwrap_or(Reason::NotYet(next)),
        }
    }

    /// Where a step waits for the open day to which its own date moved.
    fn moved(&self, candidate: &Candidate, next: Instant) -> Option<Reason> {
        let is_moved = self.view.municipality.date(next) != candidate.nominal;
        (!candidate.urgent && next == candidate.moment && is_moved)
            .then_some(Reason::NoOpenDay { nominal: candidate.nominal, at: next })
    }
}

/// Whether `other` goes to the same recipient on the same occasion, and stands later in the ladder.
fn overtakes((other, to, reason): &Waiting, (one, recipient, why): &Waiting) -> bool {
    let rank = |candidate: &Candidate| (candidate.rank(), Reverse(candidate.role_place));
    to == recipient && reason.goes_at().is_some() && reason.goes_at() == why.goes_at() && rank(other) > rank(one)
}
