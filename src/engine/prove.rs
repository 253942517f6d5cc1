//! Proofs and explanations: how every date came about, what was sent, what comes, and why something was not sent.

use std::sync::Arc;

use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::notice::{Handled, Purpose, Reason, Recipient, Role};
use crate::obligation::{Obligation, Proof, ProofStep};
use crate::rules::Rule;

use super::Occasion;
use super::deadline::Trace;
use super::evaluate::{Evaluation, Instance, Judge, Judged};
use super::fulfilment::{End, Ending};
use super::ladder::Climb;
use super::municipality::Municipality;
use super::recipients::Roles;
use super::start::{Position, Start};
use super::view::View;

/// An obligation with its proof and what its ladder still holds.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The obligation.
    pub obligation: Obligation,
    /// How its date came about.
    pub proof: Proof,
    /// The steps that have not gone out, with why.
    pub pending: Vec<Pending>,
}

/// A ladder step that has not gone out.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The step's place in the ladder.
    pub position: usize,
    /// The repetition.
    pub repetition: u32,
    /// Whom it names.
    pub role: Role,
    /// What for.
    pub purpose: Purpose,
    /// Whom it would reach today.
    pub recipient: Recipient,
    /// Why it has not gone out.
    pub reason: Reason,
}

/// Every obligation of a case at an instant, with its proof.
#[must_use]
pub fn explain(municipality: &Municipality<'_>, case: &CaseFile, ledger: &[Handled], now: Instant) -> Vec<Explained> {
    let Some(view) = View::at(municipality, case, now) else { return vec![] };
    let evaluation = Evaluation::of(&view);
    let today = municipality.date(now);
    let mut explained: Vec<Explained> = Vec::with_capacity(evaluation.instances.len());
    for judged in &evaluation.rules {
        let Judged { index, rule, calendar, .. } = *judged;
        let roles = Roles::new(municipality.organisation, view.state.record, &rule.responsible, now, today);
        let judge = Judge { view: &view, index, rule, calendar, used: Vec::new() };
        for Instance { obligation, start, end } in evaluation.of_rule(judged) {
            let proof = proof(&judge, start, *end);
            let climb =
                Climb { view: &view, rule, calendar, obligation, start, ledger, occasion: Occasion::Between, today };
            let pending = climb.preview(&roles).into_iter().map(|(candidate, recipient, reason)| Pending {
                position: candidate.position,
                repetition: candidate.repetition,
                role: candidate.role,
                purpose: candidate.purpose,
                recipient,
                reason,
            });
            explained.push(Explained { obligation: obligation.clone(), proof, pending: pending.collect() });
        }
    }
    explained.sort_by(|a, b| municipality.order_by_name(&a.obligation, &b.obligation));
    explained
}

/// The obligations of a case that are `wanted`, by rule and start, at an instant: each with its proof, and without its
/// ladder.
#[must_use]
pub fn proofs(
    municipality: &Municipality<'_>,
    case: &CaseFile,
    now: Instant,
    wanted: impl Fn(&Rule, &str) -> bool,
) -> Vec<Explained> {
    let Some(view) = View::at(municipality, case, now) else { return vec![] };
    let evaluation = Evaluation::of(&view);
    let mut explained = vec![];
    for judged in &evaluation.rules {
        let Judged { index, rule, calendar, .. } = *judged;
        let judge = Judge { view: &view, index, rule, calendar, used: Vec::new() };
        let instances = evaluation.of_rule(judged).iter().filter(|one| wanted(rule, &one.obligation.start));
        explained.extend(instances.map(|Instance { obligation, start, end }| Explained {
            obligation: obligation.clone(),
            proof: proof(&judge, start, *end),
            pending: vec![],
        }));
    }
    explained
}

fn proof<'a>(judge: &Judge<'_, 'a>, start: &Start<'a>, end: Option<End>) -> Proof {
    let mut trace = Trace::written();
    trace.note(|| ProofStep::Start {
        on: start.on,
        event: start.event.and_then(|event| match start.position {
            Position::Event(_) => Some((Arc::clone(&start.name), event.recorded_at)),
            Position::Instant(_) => None,
        }),
    });
    // For a recurrence, pauses and extensions after the meeting still count; after any other end they do not.
    let end = end.filter(|end| start.window.is_none() || end.how != Ending::Met);
    let _ = judge.due(start, end, &mut trace);
    Proof(trace.into_steps())
}
