//! The engine: everything that follows from one case's facts, as one value.
//!
//! [`plan`] is pure: no clock, no file, no database, no failure. The daemon, `explain`, `simulate` and the rule tests
//! are callers of it, so they can never differ. A tick is `plan` followed by an idempotent write.
//!
//! ```text
//!  view (what is known) ─► start ─► deadline ─► fulfilment ─► evaluate (status) ─► ladder ─► recipients
//!                                                                   └─► deviations
//! ```

mod closing;
mod deadline;
mod deviations;
mod evaluate;
mod findings;
mod fulfilment;
mod ladder;
mod municipality;
mod periods;
mod preview;
mod prove;
mod recipients;
mod silenced;
mod start;
mod view;

use crate::calendar::{Instant, first_instant};
use crate::case::CaseFile;
use crate::notice::{Handled, Notice, Problem};
use crate::obligation::{Deviation, Obligation};

use self::evaluate::{Evaluation, Instance, Judged};
use self::ladder::{Climb, earliest};
use self::view::{Known, View};

pub use closing::{Closed, closed_on};
pub use findings::{Finding, findings};
pub use municipality::Municipality;
pub use prove::{Explained, Pending, explain, proofs};

/// Everything that follows from a case's facts at one instant.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every obligation known now, sorted by rule name and start.
    pub obligations: Vec<Obligation>,
    /// What is to be sent on this occasion.
    pub notices: Vec<Notice>,
    /// What becomes of ladder steps on this occasion: sent ones, and those overtaken or merged.
    pub handled: Vec<Handled>,
    /// Every deviation there ever was, sorted by rule, start and number.
    pub deviations: Vec<Deviation>,
    /// The first instant after now at which the plan can change, if no fact changes.
    pub next_at: Option<Instant>,
    /// What a person should mend.
    pub problems: Vec<Problem>,
    /// When the case was closed, as [`closed_on`] says.
    pub closed: Option<Closed>,
}

/// What may be sent now (§ 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A round: everything whose moment has come.
    Round,
    /// Any other time: urgent steps only.
    Between,
}

/// Plans one case.
///
/// `ledger` is what was handled before. The result depends on nothing but the arguments.
#[must_use]
pub fn plan(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    ledger: &[Handled],
    now: Instant,
    occasion: Occasion,
) -> Plan {
    let Some(view) = View::at(municipality, case, now) else { return unknown(municipality, case, now) };
    let evaluation = Evaluation::of(&view);
    let deviations = deviations::deviations(&view, &evaluation);
    let closed = closing::of_view(&view);
    Plan { deviations, closed, ..notices(&view, evaluation, ledger, occasion) }
}

/// As [`plan`], but without deviations and whether it is closed: for those who look at many moments and ask for deviations at the end.
#[must_use]
pub fn plan_notices(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    ledger: &[Handled],
    now: Instant,
    occasion: Occasion,
) -> Plan {
    let Some(view) = View::at(municipality, case, now) else { return unknown(municipality, case, now) };
    notices(&view, Evaluation::of(&view), ledger, occasion)
}

/// The plan of a case before its first record.
fn unknown(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Plan {
    Plan { next_at: next_fact(municipality, case, now), ..Plan::default() }
}

fn notices(view: &View<'_>, evaluation: Evaluation<'_>, ledger: &[Handled], occasion: Occasion) -> Plan {
    let municipality = view.municipality;
    let next_at = earliest(next_fact(municipality, view.case(), view.now), evaluation.next_window);
    let mut plan = Plan { next_at, ..Plan::default() };
    let today = municipality.date(view.now);
    for judged in &evaluation.rules {
        let Judged { rule, calendar, .. } = *judged;
        let open = evaluation.of_rule(judged).iter().filter(|instance| instance.obligation.status.is_open());
        for Instance { obligation, start, .. } in open {
            let outbound = Climb { view, rule, calendar, obligation, start, ledger, occasion, today }.run();
            plan.next_at = earliest(plan.next_at, earliest(outbound.next_at, next_turn(view, obligation)));
            plan.notices.extend(outbound.notices);
            plan.handled.extend(outbound.handled);
            plan.problems.extend(outbound.problems);
        }
    }
    plan.obligations = evaluation.instances.into_iter().map(|instance| instance.obligation).collect();
    plan.obligations.sort_by(|a, b| municipality.order_by_name(a, b));
    plan.problems.extend(unknown_rules(view));
    plan.problems.sort();
    plan.problems.dedup();
    plan
}

/// Extensions and exemptions that name a rule which is not in force here: they would silently do nothing.
fn unknown_rules(view: &View<'_>) -> impl Iterator<Item = Problem> {
    let rules = view.municipality.rules;
    let words = rules.vocabulary.built_in();
    let ours = move |known: &&Known<'_>| [words.deadline_extended, words.rule_exempted].contains(&known.event.kind);
    let unknown = view.events.iter().filter(ours).filter(move |known| {
        let mut active = view.municipality.active_rules().iter().map(|index| rules.rule(*index));
        !active.any(|rule| fulfilment::names_rule(view, known.event, rule))
    });
    unknown.map(|known| Problem::UnknownRule { event: known.id.clone() })
}

/// When the status of an open obligation next changes by itself: it begins, or falls due.
fn next_turn(view: &View<'_>, obligation: &Obligation) -> Option<Instant> {
    let begins = first_instant(view.municipality.zone(), obligation.starts_on);
    [Some(begins), obligation.due.map(|due| due.at)].into_iter().flatten().filter(|instant| *instant > view.now).min()
}

/// The next instant after `now` at which something recorded becomes known or begins to count.
fn next_fact(municipality: &Municipality<'_>, case: &CaseFile, now: Instant) -> Option<Instant> {
    let mut next = view::record_changes(municipality, case).filter(|instant| *instant > now).min();
    for event in &case.events {
        let times = event.versions.versions().flatten().map(|version| version.time.instant);
        next = event.versions.changes().chain(times).filter(|instant| *instant > now).chain(next).min();
    }
    next
}
