//! What a folder's tests touch: which rules fired, which branches were seen, which ladder steps went out.

use std::collections::{BTreeMap, BTreeSet};

use crate::notice::Outcome;
use crate::obligation::{RuleIndex, Status, VoidReason};
use crate::rules::{Rule, RuleSet};
use crate::simulate::CaseRun;

/// What the tests of a folder touched, by rule.
#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<RuleIndex, Touched>);

/// What tests touched of one rule.
#[derive(Debug, Default)]
pub struct Touched {
    /// It applied.
    pub applied: bool,
    /// Its `when` or `unless` kept it from applying.
    pub did_not_apply: bool,
    /// It was met in time.
    pub met: bool,
    /// It was late, missed or met late.
    pub late: bool,
    /// The steps of its ladder that went out, as written.
    pub steps: BTreeSet<String>,
}

impl Coverage {
    /// Takes in what one test's case came to.
    pub(super) fn take(&mut self, run: &CaseRun) {
        for obligation in &run.obligations {
            let touched = self.0.entry(obligation.rule).or_default();
            match obligation.status {
                Status::Void(VoidReason::Condition) => touched.did_not_apply = true,
                Status::Void(_) => {}
                Status::Met => (touched.applied, touched.met) = (true, true),
                Status::MetLate | Status::Missed | Status::Overdue => (touched.applied, touched.late) = (true, true),
                Status::Paused | Status::Waiting | Status::Running => touched.applied = true,
            }
        }
        for (_, notice) in &run.notices {
            self.0.entry(notice.rule).or_default().steps.insert(notice.step.to_string());
        }
        debug_assert!(run.handled.iter().filter(|(_, one)| one.outcome == Outcome::Sent).count() == run.notices.len());
    }

    /// What no test touched, by rule in the order of the packs; rules of which nothing is missing are left out.
    #[must_use]
    pub fn missing<'r>(&self, rules: &'r RuleSet) -> Vec<(&'r Rule, Vec<String>)> {
        let of_packs = rules.packs.iter().flat_map(|pack| &pack.rules);
        let missing = of_packs.map(|index| (rules.rule(*index), self.of_rule(rules.rule(*index), *index)));
        missing.filter(|(_, missing)| !missing.is_empty()).collect()
    }

    fn of_rule(&self, rule: &Rule, index: RuleIndex) -> Vec<String> {
        let untouched = Touched::default();
        let touched = self.0.get(&index).unwrap_or(&untouched);
        if !touched.applied {
            return vec!["lets it apply".to_owned()];
        }
        let conditional = rule.when.is_some() || rule.unless.is_some();
        // A recurrence whose condition fails is no obligation at all, so nothing of it could be seen.
        let recurs = matches!(rule.from, crate::rules::From::Yearly(_) | crate::rules::From::Every(_));
        let mut missing = Vec::new();
        let wanted = [
            (touched.met, "meets it in time"),
            (touched.late, "lets it lapse"),
            (touched.did_not_apply || !conditional || recurs, "keeps it from applying"),
        ];
        missing.extend(wanted.iter().filter(|(seen, _)| !seen).map(|(_, text)| (*text).to_owned()));
        let steps = rule.ladder.iter().filter(|step| !touched.steps.contains(&*step.at));
        missing.extend(steps.map(|step| format!("reaches its step {}", step.at)));
        missing
    }
}
