//! What a run over facts comes to: who would have heard how much on which day, and what each rule does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};

use crate::calendar::{Instant, civil_date, time_of_day};
use crate::case::CaseFile;
use crate::engine::Municipality;
use crate::explanation::problem_text;
use crate::language::Language;
use crate::notice::{Outcome, Purpose};
use crate::obligation::{RuleIndex, Status};
use crate::simulate::{CaseRun, Stretch};

/// Everything that the tables show.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) tenants: BTreeSet<String>,
    pub(super) cases: usize,
    pub(super) notices: Vec<NoticeLine>,
    pub(super) deviations: Vec<DeviationLine>,
    /// By status; void ones with why.
    pub(super) statuses: BTreeMap<String, usize>,
    pub(super) rules: BTreeMap<RuleIndex, RuleCount>,
    pub(super) overtaken: usize,
    pub(super) merged: usize,
    /// Tenant, case and what is wrong.
    pub(super) problems: Vec<[String; 3]>,
}

/// A notice.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NoticeLine {
    pub(super) day: NaiveDate,
    pub(super) time: NaiveTime,
    pub(super) tenant: String,
    pub(super) recipient: String,
    pub(super) role: String,
    pub(super) is_escalation: bool,
    pub(super) reference: String,
    pub(super) code: String,
    pub(super) step: String,
    pub(super) due_on: NaiveDate,
}

/// A deviation.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeviationLine {
    pub(super) opened_on: NaiveDate,
    pub(super) tenant: String,
    pub(super) reference: String,
    pub(super) code: String,
    pub(super) due_on: NaiveDate,
    pub(super) days_late: i64,
    pub(super) closed_on: Option<NaiveDate>,
    pub(super) closed_as: Option<&'static str>,
}

/// What one rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleCount {
    /// Obligations that are not void.
    pub(super) obligations: usize,
    /// Those still to be met, in time or overdue.
    pub(super) open: usize,
    /// Those met late, missed or overdue.
    pub(super) late: usize,
    pub(super) reminders: usize,
    pub(super) escalations: usize,
    pub(super) deviations: usize,
}

/// Notices of one day, or to one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) reminders: usize,
    pub(super) escalations: usize,
    /// How many to each recipient, or on each day.
    pub(super) by: BTreeMap<String, usize>,
}

impl Count {
    pub(super) fn notices(&self) -> usize {
        self.reminders + self.escalations
    }

    /// The recipient or day with the most notices; of several the first.
    pub(super) fn most(&self) -> Option<(&str, usize)> {
        let most = self.by.values().max()?;
        self.by.iter().find(|(_, count)| *count == most).map(|(name, count)| (name.as_str(), *count))
    }

    fn add(&mut self, notice: &NoticeLine, by: String) {
        if notice.is_escalation {
            self.escalations += 1;
        } else {
            self.reminders += 1;
        }
        *self.by.entry(by).or_default() += 1;
    }
}

impl Summary {
    pub(super) fn new(from: NaiveDate, to: NaiveDate) -> Self {
        Self {
            from,
            to,
            tenants: BTreeSet::new(),
            cases: 0,
            notices: vec![],
            deviations: vec![],
            statuses: BTreeMap::new(),
            rules: BTreeMap::new(),
            overtaken: 0,
            merged: 0,
            problems: vec![],
        }
    }

    /// Adds what one case comes to.
    pub(super) fn take(&mut self, municipality: &Municipality<'_>, case: &CaseFile, run: &CaseRun, stretch: Stretch) {
        self.cases += 1;
        self.tenants.insert(case.tenant.to_string());
        self.take_notices(municipality, case, run);
        self.take_obligations(run);
        self.take_deviations(municipality, case, run, stretch);
        for (_, handled) in &run.handled {
            match handled.outcome {
                Outcome::Sent => {}
                Outcome::Overtaken => self.overtaken += 1,
                Outcome::Merged => self.merged += 1,
            }
        }
        let reference = reference(case, stretch.ends);
        let problem = |problem| [case.tenant.to_string(), reference.clone(), problem_text(Language::En, problem)];
        self.problems.extend(run.problems.iter().map(problem));
    }

    fn take_notices(&mut self, municipality: &Municipality<'_>, case: &CaseFile, run: &CaseRun) {
        let zone = municipality.zone();
        for (at, notice) in &run.notices {
            let count = self.rules.entry(notice.rule).or_default();
            let is_escalation = notice.purpose == Purpose::Escalation;
            *(if is_escalation { &mut count.escalations } else { &mut count.reminders }) += 1;
            let step = notice.step.to_string();
            self.notices.push(NoticeLine {
                day: civil_date(zone, *at),
                time: time_of_day(zone, *at),
                tenant: case.tenant.to_string(),
                recipient: notice.recipient.to_string(),
                role: notice.role.to_string(),
                is_escalation,
                reference: reference(case, *at),
                code: municipality.rules.rule(notice.rule).code.to_string(),
                step: if notice.repetition == 0 { step } else { format!("{step} #{}", notice.repetition) },
                due_on: notice.due_on,
            });
        }
    }

    fn take_obligations(&mut self, run: &CaseRun) {
        for obligation in &run.obligations {
            let status = obligation.status;
            let why = status.void_reason().map(|why| format!(": {}", why.word())).unwrap_or_default();
            *self.statuses.entry(format!("{}{why}", status.word())).or_default() += 1;
            if status.void_reason().is_none() {
                let count = self.rules.entry(obligation.rule).or_default();
                count.obligations += 1;
                count.open += usize::from(status.is_open() || status == Status::Paused);
                count.late += usize::from(status.is_lapse());
            }
        }
    }

    fn take_deviations(&mut self, municipality: &Municipality<'_>, case: &CaseFile, run: &CaseRun, stretch: Stretch) {
        let today = municipality.date(stretch.ends);
        for deviation in &run.deviations {
            self.rules.entry(deviation.rule).or_default().deviations += 1;
            self.deviations.push(DeviationLine {
                opened_on: municipality.date(deviation.opened_at),
                tenant: case.tenant.to_string(),
                reference: reference(case, stretch.ends),
                code: municipality.rules.rule(deviation.rule).code.to_string(),
                due_on: deviation.due_on,
                days_late: deviation.days_late(today),
                closed_on: deviation.closed.map(|(at, _)| municipality.date(at)),
                closed_as: deviation.closed.map(|(_, how)| how.word()),
            });
        }
    }

    /// Puts everything in its order.
    pub(super) fn finish(&mut self) {
        self.notices.sort();
        self.deviations.sort();
        self.problems.sort();
        self.problems.dedup();
    }

    /// By day.
    pub(super) fn days(&self) -> BTreeMap<NaiveDate, Count> {
        let mut days: BTreeMap<NaiveDate, Count> = BTreeMap::new();
        for notice in &self.notices {
            days.entry(notice.day).or_default().add(notice, self.named(notice));
        }
        days
    }

    /// By recipient, the one with the most notices first.
    pub(super) fn recipients(&self) -> Vec<(String, Count)> {
        let mut recipients: BTreeMap<String, Count> = BTreeMap::new();
        for notice in &self.notices {
            recipients.entry(self.named(notice)).or_default().add(notice, notice.day.to_string());
        }
        let mut recipients: Vec<(String, Count)> = recipients.into_iter().collect();
        recipients.sort_by_key(|(name, count)| (std::cmp::Reverse(count.notices()), name.clone()));
        recipients
    }

    /// A recipient, with the municipality where there are several: people of two may share an id.
    fn named(&self, notice: &NoticeLine) -> String {
        if self.tenants.len() > 1 {
            format!("{}/{}", notice.tenant, notice.recipient)
        } else {
            notice.recipient.clone()
        }
    }
}

/// What messages call the case.
fn reference(case: &CaseFile, at: Instant) -> String {
    let record = case.records.at(at).or(case.records.versions().next_back());
    record.map_or_else(|| case.id.to_string(), |record| record.reference.to_string())
}
