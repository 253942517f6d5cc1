//! Each deviation, with how its date was counted.

use std::io::Write;

use maud::{Markup, html};

use crate::language::Language;
use crate::words::{by, plural};

use super::super::line::Line;
use super::super::tally::State;
use super::super::text::shown;
use super::super::{Report, ReportError, words};

/// The most deviations of a page: nobody reads more, and no browser likes more. The other formats have all of them.
const MOST: usize = 2_000;

pub(super) fn write(report: &mut Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let language = report.language;
    let (all, several) = (report.spool.len(), report.about.several);
    let heading = by(language, ["Avvikene", "Avvika", "The deviations"]);
    out.write_all(html! { h2 id="lines" { (heading) } p { (said(report, all)) } }.into_string().as_bytes())?;
    if all == 0 {
        return Ok(());
    }
    let head = html! {
        thead { tr { @for (place, word) in head(language).iter().enumerate() {
            th scope="col" class=[(place == 4).then_some("n")] { (word) }
        } } }
    };
    write!(out, "<table class=\"lines\">{}<tbody>", head.into_string())?;
    for line in report.spool.lines().take(MOST) {
        out.write_all(row(language, &line?, several).into_string().as_bytes())?;
    }
    Ok(out.write_all(b"</tbody></table>")?)
}

/// What is listed, or why nothing is.
fn said(report: &Report, all: usize) -> String {
    let language = report.language;
    if report.about.hide_small {
        let text = [
            "Enkeltavvik er ikke listet, fordi små tall er skjult.",
            "Einskildavvik er ikkje lista, fordi små tal er skjulte.",
            "Single deviations are not listed, because small numbers are hidden.",
        ];
        return by(language, text).to_owned();
    }
    if all == 0 {
        return by(language, ["Ingen avvik å liste.", "Ingen avvik å liste.", "No deviations to list."]).to_owned();
    }
    let [all_count, most] = [all, MOST].map(|number| words::count(language, u64::try_from(number).unwrap_or(u64::MAX)));
    if all > MOST {
        return by(
            language,
            [
                format!(
                    "De {most} av {all_count} som haster mest: åpne først, eldste frist først. Alle står i XLSX, CSV og JSON."
                ),
                format!(
                    "Dei {most} av {all_count} som hastar mest: opne først, eldste frist først. Alle står i XLSX, CSV og JSON."
                ),
                format!(
                    "The {most} of {all_count} that are most urgent: open ones first, oldest deadline first. XLSX, CSV and JSON have all."
                ),
            ],
        );
    }
    by(
        language,
        [
            format!("{all_count} avvik: åpne først, eldste frist først."),
            format!("{all_count} avvik: opne først, eldste frist først."),
            format!("{all_count} deviations: open ones first, oldest deadline first."),
        ],
    )
}

fn head(language: Language) -> [&'static str; 6] {
    by(
        language,
        [
            ["Sak", "Hva skulle gjøres", "Enhet", "Frist", "Dager for sent", "Status"],
            ["Sak", "Kva skulle gjerast", "Eining", "Frist", "Dagar for seint", "Status"],
            ["Case", "What was to be done", "Unit", "Due", "Days late", "State"],
        ],
    )
}

fn row(language: Language, line: &Line, several: bool) -> Markup {
    let [_, _, unit, due, late, state] = head(language);
    let open = line.state() == State::Open;
    html! {
        tr {
            th.case scope="row" {
                @match &line.link {
                    Some(link) => a href=(link) rel="noreferrer noopener" { bdi { (shown(&line.reference)) } },
                    None => bdi { (shown(&line.reference)) },
                }
            }
            td { (what(language, line)) }
            td data-label=(unit) {
                bdi { (words::unit_name(language, &shown(line.unit_name.as_deref().unwrap_or_default()))) }
                @if several { span.sub { bdi { (shown(&line.tenant_name)) } } }
            }
            td data-label=(due) { (words::short_day(language, line.due_on)) }
            td.n.late[open] data-label=(late) { (line.days_late) }
            td data-label=(state) { span class=(format!("tag {}", line.state().word())) { (crate::words::capital(words::state(language, line.state()))) } (closed(language, line)) }
        }
    }
}

/// The rule, where it stands, what became of it, and how the date was counted.
fn what(language: Language, line: &Line) -> Markup {
    let [proof, why, action, by_when, because] = by(
        language,
        [
            ["Slik er fristen regnet", "Årsak", "Tiltak", "innen", "Trukket tilbake fordi"],
            ["Slik er fristen rekna", "Årsak", "Tiltak", "innan", "Trekt tilbake fordi"],
            ["How the date is counted", "Cause", "Action", "by", "Withdrawn because"],
        ],
    );
    let cause: Vec<String> = [&line.cause_title, &line.cause].into_iter().flatten().map(|text| shown(text)).collect();
    html! {
        bdi { (words::rule_name(&shown(&line.code), &shown(&line.title))) }
        @if let Some(source) = line.source.as_ref().or(line.cite.as_ref()) { span.sub { bdi { (shown(source)) } } }
        @if !cause.is_empty() { p.why { (why) ": " bdi { (cause.join(". ")) } } }
        @if let Some(done) = &line.action {
            p.why {
                (action) ": " bdi { (shown(done)) }
                @if let Some(day) = line.action_due { " (" (by_when) " " (words::short_day(language, day)) ")" }
            }
        }
        @if let Some(reason) = &line.withdrawn_because { p.why { (because) ": " bdi { (shown(reason)) } } }
        @if !line.proof.is_empty() {
            details { summary { (proof) } ol.proof { @for step in &line.proof { li { bdi { (shown(step)) } } } } }
        }
    }
}

/// When it was done, stopped and closed, and how often somebody was told.
fn closed(language: Language, line: &Line) -> Markup {
    let sent = u64::try_from(line.notices_sent).unwrap_or(0);
    let (one, many) = by(
        language,
        [("varsel sendt", "varsler sendt"), ("varsel sendt", "varsel sende"), ("notice sent", "notices sent")],
    );
    let told = plural(sent, one, many);
    let [done, stopped, closed, escalated] = by(
        language,
        [
            ["gjort", "stanset", "lukket", "eskalert"],
            ["gjort", "stansa", "lukka", "eskalert"],
            ["done", "stopped", "closed", "escalated"],
        ],
    );
    let how = line.closed_as.as_deref().and_then(State::parse);
    // It was open when the period ended, and is no more.
    let closed = match how.filter(|_| line.state() == State::Open) {
        Some(how) => words::state(language, how),
        None => closed,
    };
    let closed_on = line.closed_on.filter(|day| line.done_on != Some(*day));
    let days = [(done, line.done_on), (stopped, line.stopped_on), (closed, closed_on), (escalated, line.escalated_on)];
    html! {
        @for (word, day) in days.into_iter().filter_map(|(word, day)| Some((word, day?))) {
            span.sub { (word) " " (words::short_day(language, day)) }
        }
        span.sub { (told) }
    }
}
