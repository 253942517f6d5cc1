//! The columns of deviations: those that people read come first.

use crate::rules::{Force, RuleKind};

use super::super::line::Line;
use super::super::tally::State;
use super::super::{text, words};
use super::{Cell, Column, column, date, number, optional, plain, role, word};

/// A deviation each.
pub(in super::super) const LINES: [Column<Line>; 34] = [
    column("ref", ["Sak", "Sak", "Case"], 9.0, |line, _| plain(&line.reference)),
    column("state", ["Status", "Status", "State"], 15.0, |line, language| {
        word(line.state().word(), words::state(language, line.state()))
    }),
    column("days_late", ["Dager for sent", "Dagar for seint", "Days late"], 10.0, |line, _| number(line.days_late)),
    column("due_on", ["Frist", "Frist", "Due"], 11.0, |line, _| Cell::Date(line.due_on)),
    column("title", ["Hva skulle gjøres", "Kva skulle gjerast", "What was to be done"], 38.0, |line, _| {
        plain(&line.title)
    }),
    column("unit_name", ["Enhet", "Eining", "Unit"], 22.0, |line, language| {
        Cell::Text(text::shown(words::unit_name(language, line.unit_name.as_deref().unwrap_or_default())))
    }),
    column("done_on", ["Gjort", "Gjort", "Done"], 11.0, |line, _| date(line.done_on)),
    column("stopped_on", ["Stanset", "Stansa", "Stopped"], 11.0, |line, _| date(line.stopped_on)),
    column("opened_on", ["Åpnet", "Opna", "Opened"], 11.0, |line, _| Cell::Date(line.opened_on)),
    column("closed_on", ["Lukket", "Lukka", "Closed"], 11.0, |line, _| date(line.closed_on)),
    column("escalated_on", ["Eskalert", "Eskalert", "Escalated"], 11.0, |line, _| date(line.escalated_on)),
    column("escalated_to", ["Eskalert til", "Eskalert til", "Escalated to"], 16.0, |line, language| {
        role(language, line.escalated_to.as_ref())
    }),
    column("cause", ["Årsak", "Årsak", "Cause"], 26.0, |line, _| optional(line.cause_title.as_deref())),
    column("action", ["Tiltak", "Tiltak", "Action"], 30.0, |line, _| optional(line.action.as_deref())),
    column("action_due", ["Tiltak innen", "Tiltak innan", "Action by"], 11.0, |line, _| date(line.action_due)),
    column("closed_as", ["Lukket som", "Lukka som", "Closed as"], 16.0, |line, language| {
        let state = line.closed_as.as_deref().and_then(State::parse);
        state.map_or(Cell::Empty, |state| word(state.word(), words::state(language, state)))
    }),
    column("explained_on", ["Forklart dato", "Forklart dato", "Explained on"], 11.0, |line, _| date(line.explained_on)),
    column("withdrawn_because", ["Trukket fordi", "Trekt fordi", "Withdrawn because"], 26.0, |line, _| {
        optional(line.withdrawn_because.as_deref())
    }),
    column("cause_text", ["Årsak med egne ord", "Årsak med eigne ord", "Cause in own words"], 30.0, |line, _| {
        optional(line.cause.as_deref())
    }),
    column("responsible", ["Ansvarlig rolle", "Ansvarleg rolle", "Responsible role"], 16.0, |line, language| {
        role(language, Some(&line.responsible))
    }),
    column("notices_sent", ["Varsler sendt", "Varsel sende", "Notices sent"], 9.0, |line, _| number(line.notices_sent)),
    column("kind", ["Type", "Type", "Kind"], 13.0, |line, language| {
        let kind = line.kind.as_deref().and_then(RuleKind::parse);
        word(kind.map_or("", RuleKind::word), words::kind(language, kind))
    }),
    column("level", ["Skal/bør", "Skal/bør", "Must/should"], 8.0, |line, language| {
        let level = line.level.as_deref().and_then(Force::parse);
        word(level.map_or("", Force::word), words::level(language, level))
    }),
    column("code", ["Kode", "Kode", "Code"], 7.0, |line, _| plain(&line.code)),
    column("rule", ["Regel", "Regel", "Rule"], 30.0, |line, _| plain(&line.rule)),
    column("cite", ["Hjemmel", "Heimel", "Source"], 34.0, |line, _| {
        optional(line.source.as_deref().or(line.cite.as_deref()))
    }),
    column("proof", ["Slik er fristen regnet", "Slik er fristen rekna", "How the date is counted"], 60.0, |line, _| {
        plain(&line.proof.join(" → "))
    }),
    column("unit", ["Enhets-id", "Einings-id", "Unit id"], 14.0, |line, _| optional(line.unit.as_deref())),
    column("case", ["Saks-id", "Saks-id", "Case id"], 10.0, |line, _| plain(&line.case)),
    column("start", ["Start", "Start", "Start"], 10.0, |line, _| plain(&line.start)),
    column("number", ["Nr.", "Nr.", "Number"], 6.0, |line, _| number(line.number)),
    column("id", ["Avviks-id", "Avviks-id", "Deviation id"], 15.0, |line, _| plain(&line.id)),
    column("cause_code", ["Årsakskode", "Årsakskode", "Cause code"], 14.0, |line, _| {
        optional(line.cause_code.as_deref())
    }),
    column("tenant", ["Kommune", "Kommune", "Municipality"], 12.0, |line, _| plain(&line.tenant)),
];
