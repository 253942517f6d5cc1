//! One deviation, as reports list it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::{civil_date, in_zone};
use crate::explanation::citation;
use crate::language::Language;
use crate::organisation::case_link;
use crate::store::{At, DeviationRow};

use super::scope::{Place, Scope};
use super::tally::State;
use super::words::no_lapse;

/// A deviation. Texts are as people and other systems wrote them; no format shows them in another way than as text.
/// No person is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What names the deviation for ever.
    pub id: String,
    /// The municipality's id.
    pub tenant: String,
    /// What people call it.
    pub tenant_name: String,
    /// The case's id.
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where the case system shows it, behind its login.
    pub link: Option<String>,
    /// The rule's full name.
    pub rule: String,
    /// What messages call the rule.
    pub code: String,
    /// The rule's title; its name where it exists no longer.
    pub title: String,
    /// A word of rule files; none where the rule exists no longer.
    pub kind: Option<String>,
    /// `must` or `should`; none where the rule exists no longer.
    pub level: Option<String>,
    /// Where the routine says so.
    pub cite: Option<String>,
    /// The same, with how strongly, and where the number comes from.
    pub source: Option<String>,
    /// The obligation's start.
    pub start: String,
    /// Which lapse of the obligation, from 0.
    pub number: i64,
    /// The case's unit.
    pub unit: Option<String>,
    /// What people call it.
    pub unit_name: Option<String>,
    /// The role that the rule asks first.
    pub responsible: String,
    /// When it was opened, local.
    pub opened_at: String,
    /// The day on which it was opened.
    pub opened_on: NaiveDate,
    /// When what was asked for was due.
    pub due_on: NaiveDate,
    /// Calendar days late.
    pub days_late: i64,
    /// The day on which it was done, late.
    pub done_on: Option<NaiveDate>,
    /// The day on which it ended without being done.
    pub stopped_on: Option<NaiveDate>,
    /// How it stood at the end of the period: `open`, `met_late`, `explained` or `withdrawn`.
    pub state: String,
    /// When it closed, local; after the period where it was open at its end.
    pub closed_at: Option<String>,
    /// The day on which it closed.
    pub closed_on: Option<NaiveDate>,
    /// How it closed.
    pub closed_as: Option<String>,
    /// How many notices of the obligation went out.
    pub notices_sent: i64,
    /// The day on which somebody else was told, first.
    pub escalated_on: Option<NaiveDate>,
    /// The role that was told.
    pub escalated_to: Option<String>,
    /// Why it happened, as a person explained it: a code.
    pub cause_code: Option<String>,
    /// What people call that.
    pub cause_title: Option<String>,
    /// Why it happened, in their own words.
    pub cause: Option<String>,
    /// What was or will be done about it.
    pub action: Option<String>,
    /// By when.
    pub action_due: Option<NaiveDate>,
    /// The day on which it was explained.
    pub explained_on: Option<NaiveDate>,
    /// Why it was withdrawn: in a person's words, or by the facts.
    pub withdrawn_because: Option<String>,
    /// How the due date was counted, a sentence a step; empty where the obligation is no more.
    pub proof: Vec<String>,
}

impl Line {
    /// A deviation of a municipality. `proof` is how its date was counted.
    pub(super) fn of(
        scope: &Scope<'_>,
        place: &Place<'_>,
        row: DeviationRow,
        (state, unit_name): (State, Option<String>),
        proof: Vec<String>,
    ) -> Self {
        let tenant = &place.stored.organisation.tenant;
        let (rule, language, zone) = (scope.rule_named(&row.rule), scope.language, tenant.zone);
        let (over_on, is_met) = (row.late_until.map(|day| day.0), row.met_late_at.is_some());
        let day = |at: At| civil_date(zone, at.instant());
        let title = |code: &String| scope.rules.causes.title(code, language).to_owned();
        Self {
            days_late: place.bounds.days_late(&row, state),
            withdrawn_because: withdrawn_because(language, &row),
            // A purged case is nowhere any more.
            link: tenant.case_url.as_deref().filter(|_| !row.case.is_empty()).and_then(|url| link(url, &row.reference)),
            code: rule.map_or_else(|| row.code.clone(), |rule| rule.code.to_string()),
            title: rule.map_or_else(|| row.rule.clone(), |rule| rule.title.text(language).to_string()),
            kind: rule.map(|rule| rule.kind.word().to_owned()),
            level: rule.map(|rule| rule.force.word().to_owned()),
            source: rule.map(|rule| citation(language, rule)),
            responsible: row.responsible,
            opened_at: in_zone(zone, row.opened_at.instant()),
            opened_on: day(row.opened_at),
            due_on: row.due_on.0,
            done_on: over_on.filter(|_| is_met),
            stopped_on: over_on.filter(|_| !is_met),
            state: state.word().to_owned(),
            closed_at: row.closed_at.map(|at| in_zone(zone, at.instant())),
            closed_on: row.closed_at.map(day),
            closed_as: row.closed_as,
            notices_sent: row.notices_sent,
            escalated_on: row.escalated_at.map(day),
            escalated_to: row.escalated_to,
            cause_title: row.cause_code.as_ref().map(title),
            explained_on: row.explained_at.map(day),
            cause_code: row.cause_code,
            cause: row.cause.filter(|text| !text.is_empty()),
            action: row.action.filter(|text| !text.is_empty()),
            action_due: row.action_due.map(|day| day.0),
            id: row.id,
            tenant_name: tenant.name.to_string(),
            tenant: row.tenant,
            case: row.case,
            reference: row.reference,
            rule: row.rule,
            cite: row.cite,
            start: row.start,
            number: row.number,
            unit: row.unit,
            unit_name,
            proof,
        }
    }

    /// How it stood at the end of the period.
    pub(super) fn state(&self) -> State {
        State::parse(&self.state).unwrap_or(State::Open)
    }
}

/// Why a withdrawn deviation was none.
fn withdrawn_because(language: Language, row: &DeviationRow) -> Option<String> {
    if row.closed_as.as_deref() != Some(State::Withdrawn.word()) {
        return None;
    }
    // The facts go before what a person decided.
    let words = row.facts_reason.as_deref().map(|reason| no_lapse(language, reason).to_owned());
    words.or_else(|| row.withdrawn_reason.clone())
}

/// The address of a case; none where that is no address of a page.
fn link(case_url: &str, reference: &str) -> Option<String> {
    let is_page = case_url.starts_with("https://") || case_url.starts_with("http://");
    is_page.then(|| case_link(case_url, reference))
}
