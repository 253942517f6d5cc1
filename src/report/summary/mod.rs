//! What a leader understands in ten seconds: one sentence, three numbers, and where it takes longest.

mod sentence;

use crate::language::Language;
use crate::words::by;

use super::figure::Figure;
use super::figures::{About, Figures, Row, Waiting};
use super::words;

use self::sentence::sentence;

/// The beginning of a report, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// "Avvik fra BTI-rutinen, 1. mars – 10. mai 2026".
    pub title: String,
    /// The municipality, municipalities or unit.
    pub of: String,
    /// That the period is not over, where it is not.
    pub running: Option<String>,
    /// What happened, in one sentence.
    pub sentence: String,
    /// Three numbers.
    pub headlines: [Headline; 3],
    /// Where it is longest since something was due, a line each; the longest first.
    pub waiting: Vec<String>,
}

/// A number that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// What it counts.
    pub label: &'static str,
    /// The number, with its unit.
    pub value: String,
    /// What it is made of, or how it changed.
    pub notes: Vec<String>,
}

/// The same without names: what may stand in a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// What happened, in one sentence.
    pub sentence: String,
    /// The three numbers, a line each.
    pub lines: [String; 3],
}

impl Summary {
    pub(super) fn of(language: Language, about: &About, figures: &Figures) -> Self {
        Self {
            title: format!("{}, {}", words::title(language), words::period(language, about.period)),
            of: about.title.clone(),
            running: words::running(language, about),
            sentence: sentence(language, &figures.total, figures.waiting.first()),
            headlines: headlines(language, &figures.total),
            waiting: figures.waiting.iter().map(|one| waiting(language, one)).collect(),
        }
    }

    /// The summary as plain text, lines ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let running = self.running.as_ref().map(|text| format!("{text}\n")).unwrap_or_default();
        let mut text = format!("{}\n{}\n{running}\n{}\n\n", self.title, self.of, self.sentence);
        let width = self.headlines.iter().map(|one| one.label.chars().count()).max().unwrap_or(0);
        for Headline { label, value, notes } in &self.headlines {
            let notes = notes.iter().map(|note| format!(" · {note}")).collect::<String>();
            text.push_str(&format!("{label:width$}  {value}{notes}\n"));
        }
        for line in &self.waiting {
            text.push_str(&format!("\n- {line}"));
        }
        if !self.waiting.is_empty() {
            text.push('\n');
        }
        text
    }
}

fn headlines(language: Language, row: &Row) -> [Headline; 3] {
    [in_time(language, row), open(language, row), longest(language, row)]
}

impl Brief {
    /// What a row of figures says.
    #[must_use]
    pub fn of(language: Language, row: &Row) -> Self {
        let lines = headlines(language, row).map(|Headline { label, value, notes }| {
            let notes = notes.iter().map(|note| format!(" · {note}")).collect::<String>();
            format!("{label}: {value}{notes}")
        });
        Self { sentence: sentence(language, row, None), lines }
    }
}

fn in_time(language: Language, total: &Row) -> Headline {
    let label = by(language, ["Holdt i tide", "Haldne i tide", "Met in time"]);
    let mut notes = vec![];
    if let (Some(due @ 1..), Some(met)) = (total.due.value(), total.in_time.value()) {
        let [of, met] = [*due, *met].map(|number| words::count(language, number));
        notes.push(by(
            language,
            [format!("{met} av {of} frister"), format!("{met} av {of} fristar"), format!("{met} of {of} deadlines")],
        ));
    }
    notes.extend(total.change_in_time().value().map(|change| points(language, *change, total)));
    Headline { label, value: words::shown(total.share_in_time, |share| words::percent(language, share)), notes }
}

/// "opp 3 prosentpoeng fra februar 2026".
fn points(language: Language, points: f64, total: &Row) -> String {
    let (size, before) = (words::decimal(language, points.abs().round()), words::before(language, total));
    let moved = |[nb, nn, en]: [&str; 3]| {
        by(
            language,
            [
                format!("{nb} {size} prosentpoeng fra {before}"),
                format!("{nn} {size} prosentpoeng frå {before}"),
                format!("{en} {size} percentage points from {before}"),
            ],
        )
    };
    match points.round() {
        change if change > 0.0 => moved(["opp", "opp", "up"]),
        change if change < 0.0 => moved(["ned", "ned", "down"]),
        _ => as_before(language, &before),
    }
}

fn as_before(language: Language, before: &str) -> String {
    by(language, [format!("uendret fra {before}"), format!("uendra frå {before}"), format!("unchanged from {before}")])
}

fn open(language: Language, total: &Row) -> Headline {
    let label = by(language, ["Åpne avvik", "Opne avvik", "Open deviations"]);
    let mut notes = vec![];
    let [opened, closed] = [total.opened, total.closed].map(|count| count.map(|count| words::count(language, count)));
    match (opened, closed) {
        (Figure::Is(opened), Figure::Is(closed)) => notes.push(by(
            language,
            [
                format!("{opened} åpnet, {closed} lukket"),
                format!("{opened} opna, {closed} lukka"),
                format!("{opened} opened, {closed} closed"),
            ],
        )),
        (Figure::Is(opened), _) => {
            notes.push(by(language, [format!("{opened} åpnet"), format!("{opened} opna"), format!("{opened} opened")]))
        }
        _ => {}
    }
    // Where nothing was before, as in the first months, there is nothing to compare with.
    let was = [total.before.due, total.before.opened, total.before.open];
    let is_told = was.iter().any(|count| count.value().is_some_and(|count| *count > 0));
    if let (Some(now), Some(before), true) = (total.open.value(), total.before.open.value(), is_told) {
        let (change, period) = (words::change(language, *before, *now), words::before(language, total));
        notes.push(if now == before {
            as_before(language, &period)
        } else {
            by(
                language,
                [format!("{change} fra {period}"), format!("{change} frå {period}"), format!("{change} from {period}")],
            )
        });
    }
    Headline { label, value: words::shown(total.open, |open| words::count(language, open)), notes }
}

/// The longest wait; the middle of all where single deviations are not told of.
fn longest(language: Language, total: &Row) -> Headline {
    let median = |days: &f64| {
        let days = words::days(language, *days);
        let text = ["median for avvikene", "median for avvika", "the median deviation"];
        format!("{}: {days}", by(language, text))
    };
    if total.oldest_open == Figure::Hidden {
        let label = by(language, ["Dager for sent, median", "Dagar for seint, median", "Days late, median"]);
        let value = words::shown(total.median_days_late, |days| words::days(language, days));
        return Headline { label, value, notes: vec![] };
    }
    let label = by(language, ["Lengste ventetid", "Lengste ventetid", "Longest wait"]);
    let mut notes = vec![];
    if let Some(oldest) = total.oldest_open.value() {
        let (reference, due) = (super::text::shown(&oldest.reference), words::full_date(language, oldest.due_on));
        notes.push(by(
            language,
            [
                format!("sak {reference}, frist {due}"),
                format!("sak {reference}, frist {due}"),
                format!("case {reference}, due {due}"),
            ],
        ));
    }
    notes.extend(total.median_days_late.value().map(median));
    let oldest = total.oldest_open.clone().map(|oldest| oldest.days);
    Headline { label, value: words::shown(oldest, |oldest| words::whole_days(language, oldest)), notes }
}

/// "Strandskolen: 4 åpne, det eldste 34 dager over fristen".
fn waiting(language: Language, one: &Waiting) -> String {
    let (name, open) = (words::unit_name(language, &one.name), words::count(language, one.open));
    let longest = words::whole_days(language, one.longest_days);
    if one.open == 1 {
        return by(
            language,
            [
                format!("{name}: 1 åpent, {longest} over fristen"),
                format!("{name}: 1 ope, {longest} over fristen"),
                format!("{name}: 1 open, {longest} past the deadline"),
            ],
        );
    }
    by(
        language,
        [
            format!("{name}: {open} åpne, det eldste {longest} over fristen"),
            format!("{name}: {open} opne, det eldste {longest} over fristen"),
            format!("{name}: {open} open, the oldest {longest} past the deadline"),
        ],
    )
}
