//! The engine: everything that follows from one case's facts, as one value.
//!
//! [`plan`] is pure: no clock, no file, no database, no failure. The daemon, `explain`, `simulate` and the rule tests
//! are callers of it, so they can never differ. A tick is `plan` followed by an idempotent write.

use crate::calendar::Instant;
use crate::case::CaseFile;
use crate::notice::{Handled, Notice, Problem};
use crate::obligation::{Deviation, Obligation};
use crate::organisation::Organisation;
use crate::rules::RuleSet;

/// Everything that follows from a case's facts at one instant.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every obligation known now, sorted by rule name and start.
    pub obligations: Vec<Obligation>,
    /// What is to be sent on this occasion.
    pub notices: Vec<Notice>,
    /// What becomes of ladder steps on this occasion: sent ones, and those overtaken or merged.
    pub handled: Vec<Handled>,
    /// Every deviation there ever was, sorted by rule name, start and number.
    pub deviations: Vec<Deviation>,
    /// The first instant after now at which the plan can change, if no fact changes.
    pub next_at: Option<Instant>,
    /// What a person should mend.
    pub problems: Vec<Problem>,
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
    rules: &RuleSet,
    organisation: &Organisation,
    case: &CaseFile,
    ledger: &[Handled],
    now: Instant,
    occasion: Occasion,
) -> Plan {
    let _ = (rules, organisation, case, ledger, now, occasion);
    Plan::default()
}
