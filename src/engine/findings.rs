//! What of a case belongs into the coordinator's lists, see [`crate::oversight`].

use chrono::{NaiveDate, TimeDelta};

use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::obligation::{RuleIndex, Status};
use crate::oversight::{List, Thresholds};
use crate::rules::{Condition, Field, From, Meeting, MetBy, Predicate, Rule, RuleKind, Subject, Test};
use crate::vocabulary::Value;

use super::evaluate::{Evaluation, Instance, Judged};
use super::fulfilment::{Standing, standing};
use super::municipality::Municipality;
use super::start::Position;
use super::view::View;

/// A case's place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The list.
    pub list: List,
    /// The rule that asks for it.
    pub rule: Option<RuleIndex>,
    /// Why, where there is more than one reason: `expired`, `withdrawn`.
    pub why: Option<&'static str>,
    /// Since when it is so.
    pub since: Option<NaiveDate>,
    /// When it is due.
    pub due_on: Option<NaiveDate>,
}

/// In which lists a case stands at an instant; in the order of the lists, in each once. Depends on nothing but the arguments.
#[must_use]
pub fn findings(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    thresholds: &Thresholds,
    now: Instant,
) -> Vec<Finding> {
    let Some(view) = View::at(municipality, case, now) else { return vec![] };
    let evaluation = Evaluation::of(&view);
    let reading = Reading { view: &view, evaluation: &evaluation, today: municipality.date(now), thresholds };
    let mut found = reading.all();
    // The longest first: of two rules that ask for one thing, it is missing since the earlier.
    found.sort_by_key(|finding| (finding.list, finding.since, finding.rule.map(|rule| rule.0)));
    found.dedup_by_key(|finding| finding.list);
    found
}

struct Reading<'v, 'a> {
    view: &'v View<'a>,
    evaluation: &'v Evaluation<'a>,
    today: NaiveDate,
    thresholds: &'v Thresholds,
}

impl<'v, 'a> Reading<'v, 'a> {
    fn all(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for judged in &self.evaluation.rules {
            found.extend(self.pending_handovers(judged));
            found.extend(self.paused(judged));
            let Some(instance) = self.asked(judged) else { continue };
            if asks_for_holder(judged.rule) && self.view.state.record.stafettholder.is_none() {
                found.push(Finding { due_on: open_due(instance), ..finding(List::WithoutHolder, judged, instance) });
            }
            for meeting in meetings(judged.rule) {
                found.extend(self.without_date(judged, instance, meeting));
                found.extend(self.consent_over(judged, instance, meeting));
            }
        }
        let rules = self.view.municipality.rules;
        let is_asked = || self.view.municipality.active_rules().iter().any(|index| asks_for_holder(rules.rule(*index)));
        if self.view.state.record.stafettholder.is_none() && !is_asked() {
            let open = self.evaluation.instances.iter().filter(|instance| instance.obligation.status.is_open());
            let since = open.map(|instance| instance.obligation.starts_on).min();
            let alone = Finding { list: List::WithoutHolder, rule: None, why: None, since, due_on: None };
            found.extend(since.map(|_| alone));
        }
        found
    }

    /// The last obligation of a rule, where the rule still asks for something: it is not void, and no stop has come since that
    /// nothing opened again.
    fn asked(&self, judged: &Judged<'_>) -> Option<&'v Instance<'a>> {
        let last = self.evaluation.of_rule(judged).last()?;
        if matches!(last.obligation.status, Status::Void(_) | Status::Missed) {
            return None;
        }
        let stop = self.view.counted(&judged.rule.stops_on).next_back();
        let reopened = self.view.counted(&judged.rule.reopens_on).next_back();
        let is_before = |stop: usize| match last.start.position {
            Position::Event(start) => stop < start,
            Position::Instant(instant) => self.view.events[stop].event.time.instant < instant,
        };
        let is_over = stop.is_some_and(|stop| !is_before(stop) && reopened.is_none_or(|reopened| reopened < stop));
        (!is_over).then_some(last)
    }

    fn pending_handovers(&self, judged: &Judged<'_>) -> Option<Finding> {
        let instances = self.evaluation.of_rule(judged).iter().filter(|_| judged.rule.kind == RuleKind::Handover);
        let first = instances
            .filter(|instance| instance.obligation.status.is_open() && instance.obligation.status != Status::Waiting)
            .min_by_key(|instance| instance.obligation.starts_on)?;
        Some(Finding { due_on: open_due(first), ..finding(List::HandoverPending, judged, first) })
    }

    fn paused(&self, judged: &Judged<'_>) -> Option<Finding> {
        let pauses = judged.rule.pauses.as_ref()?;
        let held = |instance: &&Instance<'_>| {
            instance.obligation.status == Status::Paused || instance.obligation.held_by_pause
        };
        let instance = self.evaluation.of_rule(judged).iter().find(held)?;
        let resumed = self.view.counted(&pauses.until).next_back();
        // The pause that still lasts began with the first event after the last resumption.
        let mut paused = self.view.counted(&pauses.from);
        let begun = paused.find(|index| resumed.is_none_or(|resumed| resumed < *index))?;
        let since = self.view.events[begun].event.time.on;
        let is_long = self.today - since >= TimeDelta::days(self.thresholds.paused_days.into());
        is_long.then(|| Finding { since: Some(since), ..finding(List::PausedLong, judged, instance) })
    }

    fn without_date(&self, judged: &Judged<'_>, instance: &Instance<'a>, meeting: &Meeting) -> Option<Finding> {
        let expires = meeting.expires?;
        let rules = self.view.municipality.rules;
        let mut active = self.view.municipality.active_rules().iter().map(|index| &rules.rule(*index).from);
        let is_kept = active.any(
            |from| matches!(from, From::Date { event, date } if event.kind == meeting.event.kind && *date == expires),
        );
        let stands = standing(self.view, &instance.start, meeting, self.today);
        if !is_kept || stands == Standing::Holds {
            return None;
        }
        let since = match stands {
            Standing::Expired(on) | Standing::Undone(on) => on,
            Standing::Holds | Standing::Never => instance.obligation.starts_on,
        };
        Some(Finding { since: Some(since), due_on: open_due(instance), ..finding(List::WithoutDate, judged, instance) })
    }

    fn consent_over(&self, judged: &Judged<'_>, instance: &Instance<'a>, meeting: &Meeting) -> Option<Finding> {
        if judged.rule.kind != RuleKind::Consent {
            return None;
        }
        let (why, since) = match standing(self.view, &instance.start, meeting, self.today) {
            Standing::Expired(on) => ("expired", on),
            Standing::Undone(on) => ("withdrawn", on),
            Standing::Holds | Standing::Never => return None,
        };
        Some(Finding { why: Some(why), since: Some(since), ..finding(List::ConsentOver, judged, instance) })
    }
}

fn finding(list: List, judged: &Judged<'_>, instance: &Instance<'_>) -> Finding {
    Finding { list, rule: Some(judged.index), why: None, since: Some(instance.obligation.starts_on), due_on: None }
}

fn open_due(instance: &Instance<'_>) -> Option<NaiveDate> {
    let obligation = &instance.obligation;
    obligation.due.filter(|_| obligation.status.is_open()).map(|due| due.on)
}

fn meetings(rule: &Rule) -> &[Meeting] {
    match &rule.met_by {
        Some(MetBy::Any(meetings)) => meetings,
        Some(MetBy::All(_)) | None => &[],
    }
}

/// Whether a rule is met by there being a holder.
fn asks_for_holder(rule: &Rule) -> bool {
    let is_holder = |test: &Test| {
        (test.subject, test.field) == (Subject::Case, Field::Stafettholder) && asks_for_something(&test.predicate)
    };
    rule.met_when.as_ref().is_some_and(|Condition(tests)| tests.iter().any(is_holder))
}

fn asks_for_something(predicate: &Predicate) -> bool {
    predicate.exists == Some(true) || predicate.any_of.as_ref().is_some_and(|values: &Vec<Value>| !values.is_empty())
}
