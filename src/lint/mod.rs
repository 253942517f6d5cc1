//! What loads without an error but cannot be meant so: rules that never fire, ladders in the wrong order, words that
//! say too much.
//!
//! ```text
//!  rules ─────────────► lint         findings with their place in the rules
//!  rules + facts ─────► lint_facts   what the rules wait for and the facts never say; roles that reach nobody
//! ```
//!
//! Pure: the day comes from the caller, places from [`Written`]. Only what is certain is a warning; what may be meant is
//! a note. Deliberately absent: any lint that would need to guess what a routine wants.

mod dates;
mod facts;
mod firing;
mod ladders;
mod logic;
mod meeting;
mod reach;
mod texts;
mod upkeep;
mod validity;

use chrono::NaiveDate;

use crate::rules::diagnostics::{Finding, SourceSpan};
use crate::rules::{Code, EventPattern, From, MetBy, Rule, RuleSet, Written};

pub use facts::lint_facts;

/// Everything that is odd about a folder's rules on a day.
#[must_use]
pub fn lint(rules: &RuleSet, written: &Written, today: NaiveDate) -> Vec<Finding> {
    let mut desk = Desk { rules, written, today, findings: vec![] };
    for rule in &rules.rules {
        firing::check(&mut desk, rule);
        meeting::check(&mut desk, rule);
        ladders::check(&mut desk, rule);
        dates::check(&mut desk, rule);
        texts::check(&mut desk, rule);
    }
    ladders::check_unused(&mut desk);
    texts::check_codes(&mut desk);
    validity::check(&mut desk);
    upkeep::check(&mut desk);
    desk.findings
}

/// What is looked at, and what was found.
struct Desk<'a> {
    rules: &'a RuleSet,
    written: &'a Written,
    today: NaiveDate,
    findings: Vec<Finding>,
}

impl<'a> Desk<'a> {
    fn find(&mut self, code: Code, span: Option<SourceSpan>, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding { code, span, message: message.into(), help: Some(help.into()) });
    }

    /// The place of a rule's key, or of the rule itself.
    fn place(&self, rule: &Rule, keys: &[&str]) -> Option<SourceSpan> {
        self.written.place(&self.path(rule, keys))
    }

    /// Whether a rule has a key of its own, and does not take it from its pack or a default.
    fn has(&self, rule: &Rule, key: &str) -> bool {
        self.written.has(&self.path(rule, &[key]))
    }

    /// The place of a rule's key, else of its pack's, else of the rule itself.
    fn place_or_pack(&self, rule: &Rule, key: &str) -> Option<SourceSpan> {
        let of_pack = ["pack", self.pack(rule), key];
        if !self.has(rule, key) && self.written.has(&of_pack) {
            self.written.place(&of_pack)
        } else {
            self.place(rule, &[key])
        }
    }

    fn path<'p>(&self, rule: &'p Rule, keys: &[&'p str]) -> Vec<&'p str>
    where
        'a: 'p,
    {
        ["rule", self.pack(rule), &rule.id].into_iter().chain(keys.iter().copied()).collect()
    }

    fn pack(&self, rule: &Rule) -> &'a str {
        &self.rules.packs[rule.pack].id
    }

    fn kind_name(&self, pattern: &EventPattern) -> &'a str {
        &self.rules.vocabulary.definition(pattern.kind).name
    }
}

/// The patterns of start events; none for case dates, recurrences and other rules' due dates.
fn start_patterns(rule: &Rule) -> &[EventPattern] {
    match &rule.from {
        From::Each(patterns) | From::FirstOf(patterns) | From::LastOf(patterns) => patterns,
        From::Date { event, .. } => std::slice::from_ref(event),
        From::Case(_) | From::DueOf(_) | From::Yearly(_) | From::Every(_) => &[],
    }
}

/// The patterns of events that can meet a rule.
fn meeting_patterns(rule: &Rule) -> Vec<&EventPattern> {
    match &rule.met_by {
        None => vec![],
        Some(MetBy::Any(meetings)) => meetings.iter().map(|meeting| &meeting.event).collect(),
        Some(MetBy::All(patterns)) => patterns.iter().collect(),
    }
}

/// The patterns of everything that pauses a rule or ends it, takes an earlier event back, or starts a count again.
fn other_patterns(rule: &Rule) -> impl Iterator<Item = (&'static str, &EventPattern)> {
    let undone = match &rule.met_by {
        Some(MetBy::Any(meetings)) => meetings.iter().flat_map(|meeting| &meeting.undone_by).collect(),
        _ => vec![],
    };
    let pauses = rule.pauses.iter().flat_map(|pauses| pauses.from.iter().chain(&pauses.until));
    let named = |key| move |pattern| (key, pattern);
    let ends = rule.stops_on.iter().map(named("stops_on")).chain(rule.reopens_on.iter().map(named("reopens_on")));
    let others = ends.chain(pauses.map(named("pauses"))).chain(rule.sequence_from.iter().map(named("sequence_from")));
    others.chain(undone.into_iter().map(named("met_by")))
}
