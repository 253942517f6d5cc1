//! Silences: which steps of a ladder they hold back, until when, and what the grace makes of it (`rule-language` § 9).
//!
//! A step that a silence holds back is neither sent nor handled. It stays pending, so that after the silence only the
//! last step whose moment has come goes out, as after a pause. Obligations and deviations know nothing of silences.

use std::cmp::Reverse;

use chrono::{NaiveDate, TimeDelta};

use crate::calendar::{Instant, at_local, end_of_day};
use crate::case::CaseFile;
use crate::notice::{Reason, Recipient, Role};
use crate::obligation::Due;
use crate::organisation::Organisation;
use crate::rules::Rule;
use crate::silence::{Covered, Silence};

use super::evaluate::Evaluation;
use super::ladder::{Candidate, Climb};
use super::municipality::{EVENING, Municipality};
use super::recipients::Roles;
use super::view::View;

/// Today's silences that bear on one rule of one case.
pub(crate) struct Silenced<'v> {
    /// Of those that cover the case, its unit or the rule, the one that lasts longest.
    whole: Option<&'v Silence>,
    /// Those of persons.
    persons: Vec<&'v Silence>,
    /// Whom roles reach, where somebody asks.
    roles: Option<Roles<'v>>,
}

impl Silenced<'_> {
    /// The silence that holds back what goes to a role; of several the one that lasts longest.
    pub(crate) fn holds(&self, role: &Role) -> Option<&Silence> {
        let person = self.roles.as_ref().and_then(|roles| of_person(&self.persons, &roles.resolve(role).0));
        longest(self.whole.into_iter().chain(person))
    }

    /// Whether a silence of the very person whom a role reaches is all that holds back what goes to it.
    fn holds_person_alone(&self, role: &Role) -> bool {
        self.whole.is_none() && self.holds(role).is_some()
    }
}

impl<'v> Climb<'v, '_> {
    /// Today's silences, as they bear on this obligation.
    pub(super) fn silenced(&self) -> Silenced<'v> {
        let municipality = self.view.municipality;
        let silences = municipality.silences_on(self.today);
        if silences.is_empty() {
            return Silenced { whole: None, persons: vec![], roles: None };
        }
        let record = self.view.state.record;
        let organisation = municipality.organisation;
        let covers = Covers { case: &self.view.case().id, unit: record.unit.as_deref(), rule: self.rule };
        let whole = longest(silences.iter().copied().filter(|one| covers.is_covered(one, organisation, self.view.now)));
        let persons: Vec<&Silence> = silences.into_iter().filter(|one| one.is_of_person()).collect();
        let now = self.view.now;
        let roles = || Roles::new(organisation, record, &self.rule.responsible, now, self.today);
        Silenced { whole, roles: (!persons.is_empty()).then(roles), persons }
    }

    /// The first instant after a silence.
    pub(super) fn end_of(&self, silence: &Silence) -> Instant {
        end_of_day(self.view.municipality.zone(), silence.until)
    }

    /// Why a candidate is held back, and when it can go out after the silence.
    pub(super) fn held_by(&self, silence: &Silence, candidate: &Candidate) -> Reason {
        let at = self.next_occasion(candidate, candidate.moment.max(self.end_of(silence)));
        Reason::Silenced { by: silence.id, until: silence.until, at }
    }

    /// The day on which whoever is responsible would have been told, where only their own silence kept it from them:
    /// that of the first occasion since the reminder's moment at which, as things were known then, it would have gone
    /// out. It may lie ahead.
    pub(super) fn told_but_for_silence(
        &self,
        candidates: &[Candidate],
        due: Due,
        silenced: &Silenced<'_>,
    ) -> Option<NaiveDate> {
        let held_back =
            candidates.iter().filter(|candidate| candidate.is_first() && silenced.holds_person_alone(&candidate.role));
        let first = held_back.min_by_key(|candidate| candidate.moment)?;
        let occasions = std::iter::successors(Some(self.occasion_from(first, first.moment)), |at| {
            Some(self.occasion_after(first, *at)).filter(|next| next > at)
        });
        let would = occasions.take_while(|at| *at <= self.view.now).find(|at| self.would_have_told(*at, due));
        let would = would.unwrap_or_else(|| self.next_occasion(first, first.moment));
        Some(self.view.municipality.date(would))
    }

    /// The next occasion worth looking at after another. What is urgent can go out at any time of the day: its last
    /// instant stands for it.
    fn occasion_after(&self, candidate: &Candidate, at: Instant) -> Instant {
        let next = self.occasion_from(candidate, at + TimeDelta::nanoseconds(1));
        let municipality = self.view.municipality;
        let evening = at_local(municipality.zone(), municipality.date(next), EVENING) - TimeDelta::nanoseconds(1);
        if candidate.urgent && at < evening { evening } else { next }
    }

    /// Whether steps for this due date went out at an earlier moment, by what was known then.
    fn would_have_told(&self, at: Instant, due: Due) -> bool {
        let Some(view) = View::at(self.view.municipality, self.view.case(), at) else { return false };
        let evaluation = Evaluation::of(&view);
        !view.state.record.protected
            && evaluation.instances.iter().map(|instance| &instance.obligation).any(|obligation| {
                (obligation.rule, &obligation.start) == (self.obligation.rule, &self.obligation.start)
                    && obligation.status.is_open()
                    && !obligation.held_by_pause
                    && obligation.due.is_some_and(|then| then.on == due.on)
            })
    }
}

impl<'a> Municipality<'a> {
    /// The silence that holds back what a recipient would be told now of a case by a rule; of several the one that
    /// lasts longest.
    #[must_use]
    pub fn silence(&self, case: &CaseFile, rule: &Rule, recipient: &Recipient, now: Instant) -> Option<&'a Silence> {
        let silences = self.silences_on(self.date(now));
        let unit = case.records.at(now).and_then(|record| record.unit.as_deref());
        let covers = Covers { case: &case.id, unit, rule };
        let whole = silences.iter().copied().filter(|one| covers.is_covered(one, self.organisation, now));
        longest(whole.chain(of_person(&silences, recipient)))
    }

    /// A person's own silence now; of several the one that lasts longest.
    #[must_use]
    pub fn silence_of(&self, recipient: &Recipient, now: Instant) -> Option<&'a Silence> {
        of_person(&self.silences_on(self.date(now)), recipient)
    }

    /// The silences that last until a day or longer.
    fn silences_on(&self, day: NaiveDate) -> Vec<&'a Silence> {
        self.silences.iter().filter(|silence| day <= silence.until).collect()
    }
}

/// What a silence may cover besides persons.
struct Covers<'c> {
    case: &'c str,
    unit: Option<&'c str>,
    rule: &'c Rule,
}

impl Covers<'_> {
    fn is_covered(&self, silence: &Silence, organisation: &Organisation, now: Instant) -> bool {
        match &silence.covers {
            Covered::Case(case) => **case == *self.case,
            Covered::Rule(rule) => *rule == self.rule.name,
            Covered::Unit(unit) => self.unit.is_some_and(|own| is_within(organisation, own, unit, now)),
            Covered::Person(_) => false,
        }
    }
}

/// Whether a unit is another, or stands below it.
fn is_within(organisation: &Organisation, unit: &str, above: &str, now: Instant) -> bool {
    let mut visited = vec![];
    let mut current = Some(unit);
    while let Some(id) = current.filter(|id| !visited.contains(id)) {
        if id == above {
            return true;
        }
        visited.push(id);
        current = organisation.unit(id, now).and_then(|unit| unit.parent.as_deref());
    }
    false
}

fn of_person<'s>(silences: &[&'s Silence], recipient: &Recipient) -> Option<&'s Silence> {
    let Recipient::Person(person) = recipient else { return None };
    longest(silences.iter().copied().filter(|one| matches!(&one.covers, Covered::Person(id) if id == person)))
}

/// The silence that lasts longest; of equals the oldest.
fn longest<'s>(silences: impl Iterator<Item = &'s Silence>) -> Option<&'s Silence> {
    silences.max_by_key(|silence| (silence.until, Reverse(silence.id)))
}
