//! The proof of a due date, line by line.

use chrono::NaiveDate;
use serde_json::json;

use super::{Line, Subject};
use crate::calendar::{Closure, Instant, Span, end_of_day, in_zone};
use crate::engine::Explained;
use crate::obligation::{Due, ProofStep};
use crate::rules::{From, Rule};
use crate::words::{by, length, weekday};

/// The lines: each step, with neighbouring days that did not count for one reason in one line; and what changed the
/// conditions afterwards.
pub(super) fn lines(subject: &Subject<'_>, explained: &Explained, rule: &Rule) -> Vec<Line> {
    let steps = &explained.proof.0;
    let mut lines = Vec::with_capacity(steps.len());
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        let run = run_of_days(&steps[at..]);
        lines.push(match step {
            ProofStep::NotWorking { on, why } => not_working(subject, (*on, last_day(&steps[at..at + run])), why),
            other => line(subject, explained, rule, other),
        });
        at += run;
    }
    lines.extend(reclassified(subject, explained, rule));
    lines
}

/// How many steps at the beginning are neighbouring days without work, for one reason; at least 1.
fn run_of_days(steps: &[ProofStep]) -> usize {
    let is_next = |pair: &&[ProofStep]| match pair {
        [ProofStep::NotWorking { on: one, why }, ProofStep::NotWorking { on: next, why: other }] => {
            one.succ_opt() == Some(*next) && is_same(why, other)
        }
        _ => false,
    };
    1 + steps.windows(2).take_while(is_next).count()
}

fn is_same(one: &Closure, other: &Closure) -> bool {
    match (one, other) {
        (Closure::Weekend(_), Closure::Weekend(_)) => true,
        (one, other) => one == other,
    }
}

fn last_day(steps: &[ProofStep]) -> NaiveDate {
    let day = |step: &ProofStep| match step {
        ProofStep::NotWorking { on, .. } => Some(*on),
        _ => None,
    };
    steps.iter().rev().find_map(day).unwrap_or_default()
}

fn line(subject: &Subject<'_>, explained: &Explained, rule: &Rule, step: &ProofStep) -> Line {
    match step {
        ProofStep::Start { on, event } => start(subject, explained, rule, *on, event.as_ref()),
        ProofStep::Span { span, number, to } => self::span(subject, *span, *number, *to),
        ProofStep::NotWorking { on, why } => not_working(subject, (*on, *on), why),
        ProofStep::Paused { from, to } => paused(subject, *from, *to),
        ProofStep::Snapped { weekday: day, to } => {
            let (language, date) = (subject.language, subject.date(*to));
            let day = weekday(language, *day);
            let text = by(
                language,
                [
                    format!("Regelen krever {day}: flyttet til {date}"),
                    format!("Regelen krev {day}: flytta til {date}"),
                    format!("The rule asks for a {day}: moved to {date}"),
                ],
            );
            Line::new(text, json!({ "step": "snapped", "to": to }))
        }
        ProofStep::Rolled { to } => {
            let date = subject.date(*to);
            let text = by(
                subject.language,
                [
                    format!("Flyttet til en arbeidsdag: {date}"),
                    format!("Flytta til ein arbeidsdag: {date}"),
                    format!("Moved to a working day: {date}"),
                ],
            );
            Line::new(text, json!({ "step": "rolled", "to": to }))
        }
        ProofStep::Extended { event, until } => {
            let (date, recorded) = (subject.date(*until), recorded(subject, event));
            let text = by(
                subject.language,
                [
                    format!("Forlenget til {date}: hendelse {event}{recorded}"),
                    format!("Forlengd til {date}: hending {event}{recorded}"),
                    format!("Extended to {date}: event {event}{recorded}"),
                ],
            );
            Line::new(text, json!({ "step": "extended", "event": &**event, "to": until }))
        }
        ProofStep::Due(due) => self::due(subject, *due),
    }
}

fn start(
    subject: &Subject<'_>,
    explained: &Explained,
    rule: &Rule,
    on: NaiveDate,
    event: Option<&(std::sync::Arc<str>, Instant)>,
) -> Line {
    let (language, date) = (subject.language, subject.date(on));
    let name = &explained.obligation.start;
    let begins = by(language, ["Starter", "Startar", "Starts"]);
    let of = match (&rule.from, event) {
        (From::DueOf(other), _) => {
            let other = &subject.municipality.rules.rule(*other).name;
            by(
                language,
                [
                    format!("fristen for {other} ({name})"),
                    format!("fristen for {other} ({name})"),
                    format!("the due date of {other} ({name})"),
                ],
            )
        }
        (From::Case(_), _) => by(
            language,
            [format!("datoen {name} i saken"), format!("datoen {name} i saka"), format!("the date {name} of the case")],
        ),
        (_, Some((id, recorded_at))) => of_event(subject, &rule.from, id, *recorded_at),
        (_, None) => {
            by(language, [format!("perioden {name}"), format!("perioden {name}"), format!("the period {name}")])
        }
    };
    let data = json!({
        "step": "start", "on": on, "event": event.map(|(id, _)| &**id),
        "recorded_at": event.map(|(_, at)| in_zone(subject.municipality.zone(), *at)),
    });
    Line::new(format!("{begins} {date}: {of}"), data)
}

/// "hendelse e1 (Bekymring oppstått), registrert torsdag 9. april kl. 13.00".
fn of_event(subject: &Subject<'_>, from: &From, id: &str, recorded_at: Instant) -> String {
    let language = subject.language;
    let title = subject.title(id).map(|title| format!(" ({title})")).unwrap_or_default();
    let at = subject.moment(recorded_at);
    let agreed = match from {
        From::Date { .. } => by(language, ["datoen i ", "datoen i ", "the date in "]),
        _ => "",
    };
    by(
        language,
        [
            format!("{agreed}hendelse {id}{title}, registrert {at}"),
            format!("{agreed}hending {id}{title}, registrert {at}"),
            format!("{agreed}event {id}{title}, recorded {at}"),
        ],
    )
}

/// ", registrert …" of an event, where it is known.
fn recorded(subject: &Subject<'_>, id: &str) -> String {
    let Some(event) = subject.event(id) else { return String::new() };
    let at = subject.moment(event.recorded_at);
    format!(", {} {at}", by(subject.language, ["registrert", "registrert", "recorded"]))
}

fn span(subject: &Subject<'_>, span: Span, number: Option<u32>, to: NaiveDate) -> Line {
    let (language, date) = (subject.language, subject.date(to));
    let words = length(language, span);
    let words = match span.count {
        0 => by(language, ["samme dag", "same dagen", "the same day"]).to_owned(),
        1.. => by(language, [format!("{words} etter"), format!("{words} etter"), format!("{words} after")]),
        _ => by(language, [format!("{words} før"), format!("{words} før"), format!("{words} before")]),
    };
    let number_words = number.map(|number| {
        by(
            language,
            [
                format!(" (nr. {number} i rekken)"),
                format!(" (nr. {number} i rekkja)"),
                format!(" (number {number} in the sequence)"),
            ],
        )
    });
    let text = format!("{}{}: {date}", crate::words::capital(&words), number_words.unwrap_or_default());
    Line::new(text, json!({ "step": "span", "span": span.to_string(), "number": number, "to": to }))
}

fn not_working(subject: &Subject<'_>, (from, to): (NaiveDate, NaiveDate), why: &Closure) -> Line {
    let language = subject.language;
    let (kind, name) = match why {
        Closure::Weekend(_) => ("weekend", by(language, ["helg", "helg", "weekend"])),
        Closure::Holiday(name) => ("holiday", &**name),
        Closure::Closed(name) => ("closed", &**name),
    };
    let days = if from == to { subject.date(from) } else { format!("{} – {}", subject.date(from), subject.date(to)) };
    let not = by(language, ["Ingen arbeidsdag", "Ingen arbeidsdag", "No working day"]);
    Line::new(
        format!("{not}: {days} ({name})"),
        json!({ "step": "not_working", "from": from, "to": to, "why": kind, "name": name }),
    )
}

fn paused(subject: &Subject<'_>, from: NaiveDate, to: Option<NaiveDate>) -> Line {
    let (language, first) = (subject.language, subject.date(from));
    let text = match to {
        Some(last) => {
            let last = subject.date(last);
            by(
                language,
                [
                    format!("Pause {first} – {last}: dagene telles ikke"),
                    format!("Pause {first} – {last}: dagane blir ikkje talde"),
                    format!("Paused {first} – {last}: these days are not counted"),
                ],
            )
        }
        None => by(
            language,
            [
                format!("Pause fra {first}, fortsatt åpen"),
                format!("Pause frå {first}, framleis open"),
                format!("Paused from {first}, still open"),
            ],
        ),
    };
    Line::new(text, json!({ "step": "paused", "from": from, "to": to }))
}

fn due(subject: &Subject<'_>, due: Due) -> Line {
    let zone = subject.municipality.zone();
    let date = if due.at == end_of_day(zone, due.on) { subject.date(due.on) } else { subject.moment(due.at) };
    let due_word = by(subject.language, ["Frist", "Frist", "Due"]);
    Line::new(format!("{due_word}: {date}"), json!({ "step": "due", "on": due.on, "at": in_zone(zone, due.at) }))
}

/// Conditions are judged on what is known now, also where the case was recorded otherwise when the date passed.
fn reclassified(subject: &Subject<'_>, explained: &Explained, rule: &Rule) -> Option<Line> {
    let obligation = &explained.obligation;
    let has_conditions = rule.when.is_some() || rule.unless.is_some();
    let changed_at = subject.case.records.at(subject.now)?.recorded_at?;
    let due = obligation.due.filter(|due| has_conditions && due.at <= changed_at)?;
    if obligation.status.void_reason().is_some() {
        return None;
    }
    let at = subject.moment(changed_at);
    let text = by(
        subject.language,
        [
            format!(
                "Vilkårene er vurdert ut fra saken slik den er registrert nå; den ble sist endret {at}, etter fristen"
            ),
            format!("Vilkåra er vurderte ut frå saka slik ho er registrert no; ho vart sist endra {at}, etter fristen"),
            format!(
                "The conditions are judged on the case as recorded now; it was last changed on {at}, after the due date"
            ),
        ],
    );
    Some(Line::new(
        text,
        json!({ "step": "conditions", "on": due.on, "recorded_at": in_zone(subject.municipality.zone(), changed_at) }),
    ))
}
