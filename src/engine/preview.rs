//! What a ladder will do if nothing changes: each step that is not handled, with why it has not gone out.
//!
//! Between rounds no step has come, so [`Climb::run`] has nothing to say of grace or overtaking yet; whoever asks for an
//! explanation wants to know it all the same. This looks ahead with the same rules.

use std::cmp::Reverse;

use crate::calendar::{Instant, at_local};
use crate::notice::{Purpose, Reason, Recipient, Role};
use crate::obligation::Due;

use super::ladder::{Candidate, Climb};
use super::municipality::MORNING;
use super::recipients::Roles;

/// A step that has not gone out, whom it would reach today, and why.
pub(crate) type Waiting = (Candidate, Recipient, Reason);

impl Climb<'_, '_> {
    /// Every step, repetition and role that is not handled, up to the first of each whose moment has not come.
    pub(crate) fn preview(&self, roles: &Roles<'_>) -> Vec<Waiting> {
        let (Some(due), true) = (self.obligation.due, self.obligation.status.is_open()) else { return vec![] };
        let candidates = self.candidates(due);
        let held = self.held(due);
        let first = self.first_told(&candidates, due);
        let waiting = |candidate: Candidate| {
            let reason = held.unwrap_or_else(|| self.why_not_yet(&candidate, first));
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
    fn first_told(&self, candidates: &[Candidate], due: Due) -> Option<Instant> {
        let calendar = self.calendar;
        let told = match self.grace(&[], due) {
            Ok(day) => return day.map(|day| at_local(self.view.municipality.zone(), day, MORNING)),
            Err(()) => candidates
                .iter()
                .filter(|candidate| candidate.purpose == Purpose::Reminder && candidate.role == Role::Responsible)
                .map(|candidate| self.next_occasion(candidate, candidate.moment))
                .min()?,
        };
        let day = calendar.add(self.view.municipality.date(told), self.rule.escalation_grace)?;
        Some(at_local(self.view.municipality.zone(), day, MORNING))
    }

    fn why_not_yet(&self, candidate: &Candidate, first_told: Option<Instant>) -> Reason {
        let next = self.next_occasion(candidate, candidate.moment);
        match first_told.filter(|_| candidate.purpose == Purpose::Escalation) {
            Some(grace) => {
                let later = self.next_occasion(candidate, candidate.moment.max(grace));
                if later > next { Reason::Grace(Some(later)) } else { Reason::NotYet(next) }
            }
            None => Reason::NotYet(next),
        }
    }
}

/// Whether `other` goes to the same recipient on the same occasion, and stands later in the ladder.
fn overtakes((other, to, reason): &Waiting, (one, recipient, why): &Waiting) -> bool {
    let rank = |candidate: &Candidate| (candidate.rank(), Reverse(candidate.role_place));
    to == recipient && reason.goes_at().is_some() && reason.goes_at() == why.goes_at() && rank(other) > rank(one)
}
