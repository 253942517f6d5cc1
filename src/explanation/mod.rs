//! Explanations: every obligation of a case with its proof line by line, what was told to whom, what comes next, and why
//! something was not sent.
//!
//! ```text
//!  engine::explain ─► Explained ─┐
//!                                ├─► Explanation ─► text (nb, nn, en) or one object a line
//!  ledger ─────────► Told ───────┘
//! ```
//!
//! Every sentence says what the engine decided; nothing is decided here. People appear by their ids alone.

mod layout;
mod ledger;
mod problem;
mod proof;
mod reason;
mod status;
mod steps;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::calendar::{Instant, in_zone, time_of_day};
use crate::case::{CaseFile, Event};
use crate::engine::{Explained, Municipality};
use crate::language::Language;
use crate::obligation::VoidReason;
use crate::rules::{Basis, Force, Rule};
use crate::words::{by, clock_time, long_date, short_date};

pub use ledger::{Fate, Told, from_run};
pub use problem::problem_text;

/// What is explained: a case as known at an instant, to a reader of a language.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its municipality.
    pub municipality: &'a Municipality<'a>,
    /// The case.
    pub case: &'a CaseFile,
    /// The instant.
    pub now: Instant,
    /// The reader's language.
    pub language: Language,
}

/// A case, explained.
#[derive(Clone, Debug)]
pub struct Explanation {
    language: Language,
    reference: String,
    heading: String,
    as_of: String,
    obligations: Vec<ObligationText>,
    problems: Vec<Line>,
}

/// A sentence, with the values that it tells.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Line {
    /// The values, by name: other ones for each kind of sentence.
    #[serde(flatten)]
    data: Json,
    /// The sentence.
    text: String,
}

/// An obligation, explained.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ObligationText {
    /// `explanation`.
    #[serde(rename = "type")]
    record: &'static str,
    /// The municipality's id.
    tenant: String,
    /// The case's id.
    case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    reference: String,
    /// The rule's full name.
    rule: String,
    /// What messages call the rule.
    code: String,
    /// The rule's title, in the language of the explanation.
    title: String,
    /// The start's name.
    start: String,
    /// The day from which the span is counted.
    starts_on: NaiveDate,
    /// When it is due; none while it is paused.
    due_on: Option<NaiveDate>,
    /// The instant from which it is overdue, local.
    due_at: Option<String>,
    /// How it stands.
    status: &'static str,
    /// Why it is void, where it is.
    void: Option<&'static str>,
    /// When it was met.
    met_on: Option<NaiveDate>,
    /// Whether it was met before its start.
    early: bool,
    /// How it stands, in words.
    status_text: String,
    /// Where the routine says so, and how strongly.
    source: Line,
    /// How the date was counted, step by step.
    proof: Vec<Line>,
    /// What the ledger holds.
    told: Vec<Line>,
    /// What goes out when, if nothing changes.
    next: Vec<Line>,
    /// What does not go out, with why.
    unsent: Vec<Line>,
}

impl Explanation {
    /// Explains every obligation of a case. `told` is what became of its ladder steps until now.
    #[must_use]
    pub fn of(subject: &Subject<'_>, explained: &[Explained], told: &[Told]) -> Self {
        let Subject { municipality, language, .. } = *subject;
        let tenant = &municipality.organisation.tenant;
        let (id, reference) = (&subject.case.id, subject.reference());
        let case = by(language, ["Sak", "Sak", "Case"]);
        let now = subject.moment_in_full();
        Self {
            language,
            heading: format!("{case} {reference} ({id}), {}", tenant.name),
            as_of: by(
                language,
                [format!("Slik saken er kjent {now}"), format!("Slik saka er kjend {now}"), format!("As known {now}")],
            ),
            obligations: explained.iter().map(|one| ObligationText::of(subject, one, told)).collect(),
            problems: problem::lines(subject, explained),
            reference,
        }
    }

    /// What messages call the case.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The explanation as text, lines ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        layout::text(self)
    }

    /// The obligations, in the engine's order.
    #[must_use]
    pub fn obligations(&self) -> &[ObligationText] {
        &self.obligations
    }

    /// What a person should mend.
    #[must_use]
    pub fn problems(&self) -> &[Line] {
        &self.problems
    }

    /// One object for each obligation, and one for each problem.
    #[must_use]
    pub fn objects(&self) -> Vec<Json> {
        let obligations = self.obligations.iter().filter_map(|one| serde_json::to_value(one).ok());
        obligations.chain(self.problems.iter().filter_map(|one| serde_json::to_value(one).ok())).collect()
    }
}

impl ObligationText {
    fn of(subject: &Subject<'_>, explained: &Explained, told: &[Told]) -> Self {
        let obligation = &explained.obligation;
        let rule = subject.municipality.rules.rule(obligation.rule);
        let own = |told: &&Told| told.handled.rule == rule.name && told.handled.start == obligation.start;
        let due_on = obligation.due.map(|due| due.on);
        let (next, unsent) = steps::pending(subject, explained, rule);
        Self {
            record: "explanation",
            tenant: subject.case.tenant.to_string(),
            case: subject.case.id.to_string(),
            reference: subject.reference(),
            rule: rule.name.to_string(),
            code: rule.code.to_string(),
            title: rule.title.text(subject.language).to_string(),
            start: obligation.start.to_string(),
            starts_on: obligation.starts_on,
            due_on,
            due_at: obligation.due.map(|due| in_zone(subject.municipality.zone(), due.at)),
            status: obligation.status.word(),
            void: obligation.status.void_reason().map(VoidReason::word),
            met_on: obligation.met_on,
            early: obligation.early,
            status_text: status::text(subject, obligation),
            source: source(subject, rule),
            proof: proof::lines(subject, explained, rule),
            told: told.iter().filter(own).map(|told| steps::told(subject, told, due_on)).collect(),
            next,
            unsent,
        }
    }
}

impl Line {
    fn new(text: String, data: Json) -> Self {
        Self { data, text }
    }
}

impl Subject<'_> {
    fn today(&self) -> NaiveDate {
        self.municipality.date(self.now)
    }

    /// What messages call the case, as known now.
    fn reference(&self) -> String {
        let record = self.case.records.at(self.now).or(self.case.records.versions().next_back());
        record.map_or_else(|| self.case.id.to_string(), |record| record.reference.to_string())
    }

    /// "mandag 13. april", with the year where it is not this one.
    fn date(&self, date: NaiveDate) -> String {
        short_date(self.language, date, self.today())
    }

    /// "mandag 13. april kl. 08.00".
    fn moment(&self, instant: Instant) -> String {
        let time = time_of_day(self.municipality.zone(), instant);
        format!("{} {}", self.date(self.municipality.date(instant)), clock_time(self.language, time))
    }

    /// An event as known now.
    fn event(&self, id: &str) -> Option<&Event> {
        let history = self.case.events.iter().find(|event| *event.id == *id)?;
        history.versions.at(self.now)?.as_ref()
    }

    /// What people call the kind of an event.
    fn title(&self, id: &str) -> Option<&str> {
        let kind = self.event(id)?.kind;
        Some(self.municipality.rules.vocabulary.definition(kind).title.text(self.language))
    }

    fn moment_in_full(&self) -> String {
        let time = time_of_day(self.municipality.zone(), self.now);
        format!("{} {}", long_date(self.language, self.today()), clock_time(self.language, time))
    }
}

/// How the date of an obligation was counted, a sentence a step.
#[must_use]
pub fn proof_text(subject: &Subject<'_>, explained: &Explained) -> Vec<String> {
    let rule = subject.municipality.rules.rule(explained.obligation.rule);
    proof::lines(subject, explained, rule).into_iter().map(|line| line.text).collect()
}

/// Where the routine says so, how strongly, and where the number comes from.
#[must_use]
pub fn citation(language: Language, rule: &Rule) -> String {
    let from = match rule.basis {
        Basis::Routine => ["fristen står i rutinen", "fristen står i rutinen", "the routine sets the deadline"],
        Basis::Law => ["fristen står i loven", "fristen står i lova", "the law sets the deadline"],
        Basis::Local => [
            "rutinen gir ingen frist, kommunen har valgt den",
            "rutinen gir ingen frist, kommunen har valt han",
            "the routine gives no deadline, the municipality chose it",
        ],
    };
    let verb = match rule.force {
        Force::Must => ["skal", "skal", "must"],
        Force::Should => ["bør", "bør", "should"],
    };
    let none = by(language, ["ingen henvisning", "inga tilvising", "no citation"]);
    format!("{}: «{}»; {}", rule.cite.as_deref().unwrap_or(none), by(language, verb), by(language, from))
}

/// The citation, with the rule's place in its file.
fn source(subject: &Subject<'_>, rule: &Rule) -> Line {
    let basis = match rule.basis {
        Basis::Routine => "routine",
        Basis::Law => "law",
        Basis::Local => "local",
    };
    let force = match rule.force {
        Force::Must => "must",
        Force::Should => "should",
    };
    let place = &rule.place;
    Line::new(
        format!("{} ({}:{})", citation(subject.language, rule), place.file, place.line),
        json!({
            "cite": rule.cite.as_deref(), "basis": basis, "force": force, "file": &*place.file, "line": place.line
        }),
    )
}
