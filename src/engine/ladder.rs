//! Ladders: which steps have come, which are handled, which wait, and what goes out now (`rule-language` § 9).

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use crate::calendar::{Calendar, Instant, Unit, at_local, end_of_day, time_of_day};
use crate::notice::{Handled, Notice, Outcome, Problem, Purpose, Reason, Recipient, Role};
use crate::obligation::{Due, Obligation};
use crate::rules::{Rule, Step};

use super::Occasion;
use super::municipality::{EVENING, MORNING, Municipality};
use super::recipients::Roles;
use super::silenced::Silenced;
use super::start::Start;
use super::view::View;

/// A step, repetition and role of a ladder that is not handled yet for the due date.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The step's place in the ladder.
    pub(crate) position: usize,
    pub(crate) repetition: u32,
    pub(crate) role: Role,
    /// The role's place in the step's `to`.
    pub(super) role_place: usize,
    pub(crate) purpose: Purpose,
    pub(crate) urgent: bool,
    /// The date that it would have in a world without weekends.
    pub(crate) nominal: NaiveDate,
    /// When it may go out first.
    pub(crate) moment: Instant,
    /// Whether that moment has come on this occasion.
    come: bool,
}

impl Candidate {
    /// Order of coalescing: nominal date, then ladder order.
    pub(super) fn rank(&self) -> (NaiveDate, usize, u32) {
        (self.nominal, self.position, self.repetition)
    }

    /// Whether it is a reminder to whoever is responsible, for which escalations wait.
    pub(super) fn is_first(&self) -> bool {
        is_first(self.purpose, &self.role)
    }
}

fn is_first(purpose: Purpose, role: &Role) -> bool {
    purpose == Purpose::Reminder && *role == Role::Responsible
}

/// What one obligation's ladder does on one occasion.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    pub(crate) notices: Vec<Notice>,
    pub(crate) handled: Vec<Handled>,
    pub(crate) problems: Vec<Problem>,
    /// When something else can go out, if nothing changes.
    pub(crate) next_at: Option<Instant>,
    /// What has not gone out, and why.
    pub(crate) pending: Vec<(Candidate, Reason)>,
}

/// One open obligation's ladder at one moment.
pub(crate) struct Climb<'v, 'a> {
    pub(crate) view: &'v View<'a>,
    pub(crate) rule: &'v Rule,
    pub(crate) calendar: &'v Calendar,
    pub(crate) obligation: &'v Obligation,
    pub(crate) start: &'v Start<'a>,
    pub(crate) ledger: &'v [Handled],
    pub(crate) occasion: Occasion,
    pub(crate) today: NaiveDate,
}

impl Climb<'_, '_> {
    /// What goes out, what is overtaken, and what waits for when.
    pub(crate) fn run(&self) -> Outbound {
        let mut outbound = Outbound::default();
        let (Some(due), true) = (self.obligation.due, self.obligation.status.is_open()) else { return outbound };
        let mut candidates = self.candidates(due);
        if let Some(reason) = self.held(due) {
            outbound.pending = candidates.into_iter().map(|candidate| (candidate, reason)).collect();
            return outbound;
        }
        outbound.pending.reserve(candidates.len());
        let silenced = self.silenced();
        let grace = self.grace(&candidates, due, &silenced);
        candidates.retain(|candidate| match self.waits(candidate, grace, &silenced) {
            None => true,
            Some((reason, wakes_at)) => {
                outbound.next_at = earliest(outbound.next_at, wakes_at);
                outbound.pending.push((candidate.clone(), reason));
                false
            }
        });
        if !candidates.is_empty() {
            self.send(candidates, due, &mut outbound);
        }
        outbound
    }

    /// Why nothing at all is sent for this obligation now.
    pub(super) fn held(&self, due: Due) -> Option<Reason> {
        let go_live = self.view.municipality.organisation.tenant.go_live;
        if self.view.state.record.protected {
            Some(Reason::Protected)
        } else if self.obligation.held_by_pause {
            Some(Reason::Paused)
        } else if go_live.is_some_and(|go_live| due.on < go_live) {
            Some(Reason::BeforeGoLive)
        } else {
            None
        }
    }

    /// Every step, repetition and role that is not handled for this due date, up to the first of each whose moment has
    /// not come.
    pub(super) fn candidates(&self, due: Due) -> Vec<Candidate> {
        let mut candidates = Vec::with_capacity(self.rule.ladder.len() + 1);
        for (position, step) in self.rule.ladder.iter().enumerate() {
            for (role_place, role) in step.to.iter().enumerate() {
                self.repetitions(due, (position, step), (role_place, role), &mut candidates);
            }
        }
        candidates
    }

    fn repetitions(
        &self,
        due: Due,
        (position, step): (usize, &Step),
        (role_place, role): (usize, &Role),
        candidates: &mut Vec<Candidate>,
    ) {
        let times = if step.every.is_some() { step.times.unwrap_or(u32::MAX) } else { 1 };
        let handled = self.handled_repetitions(due, step, role);
        for repetition in (0..times).filter(|repetition| handled.binary_search(repetition).is_err()) {
            let Some((nominal, moment)) = self.moment(due, step, repetition) else { break };
            let come = self.has_come(step.urgent, moment);
            let (role, purpose, urgent) = (role.clone(), step.purpose, step.urgent);
            candidates.push(Candidate {
                position,
                repetition,
                role,
                role_place,
                purpose,
                urgent,
                nominal,
                moment,
                come,
            });
            if moment > self.view.now {
                break;
            }
        }
    }

    fn has_come(&self, urgent: bool, moment: Instant) -> bool {
        let awake = || (MORNING..EVENING).contains(&time_of_day(self.view.municipality.zone(), self.view.now));
        let go_live = self.view.municipality.organisation.tenant.go_live;
        moment <= self.view.now
            && go_live.is_none_or(|go_live| go_live <= self.today)
            && if urgent { awake() } else { self.occasion == Occasion::Round }
    }

    /// The nominal date of a step's repetition, and the first instant at which it may go out.
    fn moment(&self, due: Due, step: &Step, repetition: u32) -> Option<(NaiveDate, Instant)> {
        let municipality = self.view.municipality;
        let zone = municipality.zone();
        let (nominal, time) = if step.offset.unit == Unit::Hour {
            let base = if step.from_start { self.start.instant } else { due.at };
            let instant = base.checked_add_signed(TimeDelta::hours(step.offset.count.into()))?;
            (municipality.date(instant), time_of_day(zone, instant))
        } else {
            let base = if step.from_start { self.obligation.starts_on } else { due.on };
            (self.calendar.add(base, step.offset)?, MORNING)
        };
        let nominal = match step.every.filter(|_| repetition > 0) {
            Some(every) => self.calendar.add(nominal, every.times(repetition)?)?,
            None => nominal,
        };
        let moment = if step.urgent {
            at_local(zone, nominal, time)
        } else {
            municipality.opening(delivery_day(municipality, nominal, due.on))
        };
        Some((nominal, moment))
    }

    fn entries(&self, due: Due) -> impl Iterator<Item = &Handled> {
        self.ledger.iter().filter(move |handled| {
            handled.due_on == due.on && handled.start == self.obligation.start && handled.rule == self.rule.name
        })
    }

    /// The repetitions of a step and role that are handled for a due date, sorted. Looked up once for all of them: a date
    /// a century ago has thousands.
    fn handled_repetitions(&self, due: Due, step: &Step, role: &Role) -> Vec<u32> {
        let own = self
            .entries(due)
            .filter(|handled| handled.step == step.at && handled.role == *role && handled.purpose == step.purpose);
        let mut repetitions: Vec<u32> = own.map(|handled| handled.repetition).collect();
        repetitions.sort_unstable();
        repetitions
    }

    /// The first day on which an escalation may go out; `Ok(None)` where the ladder does not wait, `Err` while the
    /// responsible person has not been told.
    fn grace(&self, candidates: &[Candidate], due: Due, silenced: &Silenced<'_>) -> Result<Option<NaiveDate>, ()> {
        if !self.has_first() {
            return Ok(None);
        }
        let now = candidates
            .iter()
            .any(|candidate| candidate.come && candidate.is_first() && silenced.holds(&candidate.role).is_none());
        let told = self.told_on(candidates, due, silenced).or(now.then_some(self.today)).ok_or(())?;
        Ok(self.calendar.add(told, self.rule.escalation_grace))
    }

    /// Whether the ladder reminds whoever is responsible at all.
    pub(super) fn has_first(&self) -> bool {
        self.rule.ladder.iter().any(|step| step.to.iter().any(|role| is_first(step.purpose, role)))
    }

    /// The day on which whoever is responsible was first told for this due date.
    ///
    /// A reminder that nothing but a silence of that very person holds back counts as told on the day on which it would
    /// have gone out: whoever asks not to be told does not keep others from hearing that it was not done.
    pub(super) fn told_on(&self, candidates: &[Candidate], due: Due, silenced: &Silenced<'_>) -> Option<NaiveDate> {
        let told = self.entries(due).filter(|handled| is_first(handled.purpose, &handled.role));
        let told = told.map(|handled| handled.on).min();
        [told, self.told_but_for_silence(candidates, due, silenced)].into_iter().flatten().min()
    }

    /// Why a candidate does not go out on this occasion, and when to look again.
    fn waits(
        &self,
        candidate: &Candidate,
        grace: Result<Option<NaiveDate>, ()>,
        silenced: &Silenced<'_>,
    ) -> Option<(Reason, Option<Instant>)> {
        if let Some(silence) = silenced.holds(&candidate.role) {
            let next = self.next_occasion(candidate, candidate.moment);
            let ends = self.end_of(silence);
            if candidate.come || next < ends {
                // Who receives what goes to a silent person is another question every day.
                let tomorrow = end_of_day(self.view.municipality.zone(), self.today);
                let wakes_at = if silence.is_of_person() { tomorrow.min(ends) } else { ends };
                return Some((self.held_by(silence, candidate), Some(wakes_at)));
            }
        }
        if !candidate.come {
            let next = self.next_occasion(candidate, candidate.moment);
            return Some((Reason::NotYet(next), Some(next)));
        }
        if candidate.purpose != Purpose::Escalation {
            return None;
        }
        match grace {
            Ok(Some(day)) if self.today < day => {
                let next = self.next_occasion(candidate, at_local(self.view.municipality.zone(), day, MORNING));
                Some((Reason::Grace(Some(next)), Some(next)))
            }
            Ok(_) => None,
            Err(()) => Some((Reason::Grace(None), None)),
        }
    }

    /// The first occasion after now, and not before `moment`, on which a candidate can go out.
    pub(super) fn next_occasion(&self, candidate: &Candidate, moment: Instant) -> Instant {
        self.occasion_from(candidate, moment.max(self.view.now + TimeDelta::nanoseconds(1)))
    }

    /// The first occasion at `moment` or later on which a candidate can go out.
    pub(super) fn occasion_from(&self, candidate: &Candidate, moment: Instant) -> Instant {
        let municipality = self.view.municipality;
        if !candidate.urgent {
            // The moment of a step is the opening of a delivery day: of a round, unless that is before go-live.
            let is_live = municipality.organisation.tenant.go_live.is_none_or(|go_live| go_live <= self.today);
            if is_live && moment == candidate.moment && moment > self.view.now {
                return moment;
            }
            return municipality.round_from(moment);
        }
        let go_live = municipality.organisation.tenant.go_live;
        let go_live = go_live.map(|date| at_local(municipality.zone(), date, MORNING));
        municipality.awake_from(go_live.map_or(moment, |go_live| moment.max(go_live)))
    }

    /// Per recipient, the last candidate goes out and the others are recorded.
    fn send(&self, candidates: Vec<Candidate>, due: Due, outbound: &mut Outbound) {
        let record = self.view.state.record;
        let organisation = self.view.municipality.organisation;
        let roles = Roles::new(organisation, record, &self.rule.responsible, self.view.now, self.today);
        let mut addressed: Vec<(Recipient, Candidate)> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let (recipient, problem) = roles.resolve(&candidate.role);
            outbound.problems.extend(problem);
            addressed.push((recipient, candidate));
        }
        let mut recipients: Vec<Recipient> = addressed.iter().map(|(recipient, _)| recipient.clone()).collect();
        recipients.sort();
        recipients.dedup();
        for recipient in recipients {
            let own = addressed.iter().filter(|(to, _)| *to == recipient).map(|(_, candidate)| candidate);
            let own: Vec<&Candidate> = own.collect();
            let Some(last) =
                own.iter().max_by_key(|candidate| (candidate.rank(), std::cmp::Reverse(candidate.role_place)))
            else {
                continue;
            };
            outbound.notices.push(self.notice(last, due, recipient.clone()));
            outbound.handled.extend(own.iter().map(|candidate| self.handled(candidate, last, due)));
            if last.urgent {
                self.overtake(last, &recipient, &roles, due, outbound);
            }
        }
    }

    /// An urgent notice overtakes the earlier pending steps to the same recipient: those whose moment has come, and that
    /// wait for a round or for their grace.
    fn overtake(
        &self,
        urgent: &Candidate,
        recipient: &Recipient,
        roles: &Roles<'_>,
        due: Due,
        outbound: &mut Outbound,
    ) {
        let is_overtaken = |candidate: &Candidate| {
            candidate.rank() < urgent.rank()
                && candidate.moment <= self.view.now
                && roles.resolve(&candidate.role).0 == *recipient
        };
        let (overtaken, pending) =
            std::mem::take(&mut outbound.pending).into_iter().partition(|(candidate, _)| is_overtaken(candidate));
        outbound.pending = pending;
        let overtaken: Vec<(Candidate, Reason)> = overtaken;
        outbound.handled.extend(overtaken.iter().map(|(candidate, _)| self.handled(candidate, urgent, due)));
    }

    fn notice(&self, candidate: &Candidate, due: Due, recipient: Recipient) -> Notice {
        Notice {
            rule: self.obligation.rule,
            start: self.obligation.start.clone(),
            position: candidate.position,
            step: self.rule.ladder[candidate.position].at.clone(),
            repetition: candidate.repetition,
            due_on: due.on,
            purpose: candidate.purpose,
            role: candidate.role.clone(),
            recipient,
        }
    }

    fn handled(&self, candidate: &Candidate, sent: &Candidate, due: Due) -> Handled {
        let outcome = if (candidate.position, candidate.repetition) != (sent.position, sent.repetition) {
            Outcome::Overtaken
        } else if candidate.role == sent.role {
            Outcome::Sent
        } else {
            Outcome::Merged
        };
        Handled {
            rule: Arc::clone(&self.rule.name),
            start: self.obligation.start.clone(),
            step: self.rule.ladder[candidate.position].at.clone(),
            repetition: candidate.repetition,
            due_on: due.on,
            role: candidate.role.clone(),
            purpose: candidate.purpose,
            on: self.today,
            outcome,
        }
    }
}

/// On or before the due date a step moves back to an open delivery day, after it forward.
fn delivery_day(municipality: &Municipality<'_>, nominal: NaiveDate, due_on: NaiveDate) -> NaiveDate {
    let calendar = municipality.delivery_calendar();
    if nominal <= due_on { calendar.on_or_before(nominal) } else { calendar.on_or_after(nominal) }
}

pub(crate) fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}
