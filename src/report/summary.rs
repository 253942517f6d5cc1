//! What a leader understands in ten seconds: one sentence, three numbers, and where it takes longest.

use crate::language::Language;
use crate::words::by;

use super::figures::{About, Figure, Figures, Row, Waiting};
use super::words;

/// The beginning of a report, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// "Avvik fra BTI-rutinen, 1. mars – 10. mai 2026".
    pub title: String,
    /// The municipality, municipalities or unit.
    pub of: String,
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

impl Summary {
    pub(super) fn of(language: Language, about: &About, figures: &Figures) -> Self {
        Self {
            title: format!("{}, {}", words::title(language), words::period(language, about.period)),
            of: about.title.clone(),
            sentence: sentence(language, figures),
            headlines: [
                in_time(language, &figures.total),
                open(language, &figures.total),
                longest(language, &figures.total),
            ],
            waiting: figures.waiting.iter().map(|one| waiting(language, one)).collect(),
        }
    }

    /// The summary as plain text, lines ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n\n{}\n\n", self.title, self.of, self.sentence);
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

fn sentence(language: Language, figures: &Figures) -> String {
    let total = &figures.total;
    let parts: Vec<String> = [kept(language, total), still_open(language, total), where_longest(language, figures)]
        .into_iter()
        .flatten()
        .collect();
    let and = by(language, ["og", "og", "and"]);
    let text = match &parts[..] {
        [] => by(
            language,
            [
                "Det er for få frister og avvik til at tallene kan vises",
                "Det er for få fristar og avvik til at tala kan visast",
                "There are too few deadlines and deviations to show their numbers",
            ],
        )
        .to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one}, {and} {other}"),
        [rest @ .., last] => format!("{}, {and} {last}", rest.join(", ")),
    };
    format!("{}.", crate::words::capital(&text))
}

/// "47 av 61 frister ble holdt i tide".
fn kept(language: Language, total: &Row) -> Option<String> {
    let (due, in_time) = (*total.due.value()?, *total.in_time.value()?);
    let [of, met] = [due, in_time].map(|number| words::count(language, number));
    Some(match (due, in_time) {
        (0, _) => by(
            language,
            ["ingen frister falt i perioden", "ingen fristar fall i perioden", "no deadline fell in the period"],
        )
        .to_owned(),
        (1, 1) => {
            by(language, ["den ene fristen ble holdt", "den eine fristen vart halden", "the one deadline was kept"])
                .to_owned()
        }
        (1, _) => by(
            language,
            ["den ene fristen ble ikke holdt", "den eine fristen vart ikkje halden", "the one deadline was not kept"],
        )
        .to_owned(),
        _ if due == in_time => by(
            language,
            [
                format!("alle {of} fristene ble holdt i tide"),
                format!("alle dei {of} fristane vart haldne i tide"),
                format!("all {of} deadlines were met in time"),
            ],
        ),
        (_, 0) => by(
            language,
            [
                format!("ingen av {of} frister ble holdt i tide"),
                format!("ingen av {of} fristar vart haldne i tide"),
                format!("none of {of} deadlines was met in time"),
            ],
        ),
        _ => by(
            language,
            [
                format!("{met} av {of} frister ble holdt i tide"),
                format!("{met} av {of} fristar vart haldne i tide"),
                format!("{met} of {of} deadlines were met in time"),
            ],
        ),
    })
}

/// "17 avvik står åpne".
fn still_open(language: Language, total: &Row) -> Option<String> {
    let open = *total.open.value()?;
    let count = words::count(language, open);
    Some(match open {
        0 => by(language, ["ingen avvik står åpne", "ingen avvik står opne", "no deviation is open"]).to_owned(),
        1 => by(language, ["1 avvik står åpent", "1 avvik står ope", "1 deviation is open"]).to_owned(),
        _ => by(
            language,
            [
                format!("{count} avvik står åpne"),
                format!("{count} avvik står opne"),
                format!("{count} deviations are open"),
            ],
        ),
    })
}

/// "lengst er ventetiden ved Strandskolen: 34 dager over fristen".
fn where_longest(language: Language, figures: &Figures) -> Option<String> {
    let Waiting { name, longest_days, .. } = figures.waiting.first()?;
    let days = words::whole_days(language, *longest_days);
    if name.is_empty() {
        return Some(by(
            language,
            [
                format!("lengst er ventetiden i en sak uten enhet: {days} over fristen"),
                format!("lengst er ventetida i ei sak utan eining: {days} over fristen"),
                format!("the longest wait is in a case without a unit: {days} past the deadline"),
            ],
        ));
    }
    Some(by(
        language,
        [
            format!("lengst er ventetiden ved {name}: {days} over fristen"),
            format!("lengst er ventetida ved {name}: {days} over fristen"),
            format!("the longest wait is at {name}: {days} past the deadline"),
        ],
    ))
}

fn in_time(language: Language, total: &Row) -> Headline {
    let label = by(language, ["Holdt i tide", "Haldne i tide", "Met in time"]);
    let mut notes = vec![];
    if let (Some(due), Some(met)) = (total.due.value(), total.in_time.value()) {
        let [of, met] = [*due, *met].map(|number| words::count(language, number));
        notes.push(by(
            language,
            [format!("{met} av {of} frister"), format!("{met} av {of} fristar"), format!("{met} of {of} deadlines")],
        ));
    }
    notes.extend(total.change_in_time().value().map(|change| points(language, *change)));
    Headline { label, value: words::shown(total.share_in_time, |share| words::percent(language, share)), notes }
}

fn points(language: Language, points: f64) -> String {
    let size = words::decimal(language, points.abs().round());
    match points.round() {
        change if change > 0.0 => by(
            language,
            [
                format!("opp {size} prosentpoeng fra forrige periode"),
                format!("opp {size} prosentpoeng frå førre periode"),
                format!("up {size} percentage points from the period before"),
            ],
        ),
        change if change < 0.0 => by(
            language,
            [
                format!("ned {size} prosentpoeng fra forrige periode"),
                format!("ned {size} prosentpoeng frå førre periode"),
                format!("down {size} percentage points from the period before"),
            ],
        ),
        _ => by(language, ["som forrige periode", "som førre periode", "as in the period before"]).to_owned(),
    }
}

fn open(language: Language, total: &Row) -> Headline {
    let label = by(language, ["Åpne avvik", "Opne avvik", "Open deviations"]);
    let mut notes = vec![];
    if let (Some(opened), Some(closed)) = (total.opened.value(), total.closed.value()) {
        let [opened, closed] = [*opened, *closed].map(|number| words::count(language, number));
        notes.push(by(
            language,
            [
                format!("{opened} åpnet, {closed} lukket"),
                format!("{opened} opna, {closed} lukka"),
                format!("{opened} opened, {closed} closed"),
            ],
        ));
    }
    if let (Some(now), Some(before)) = (total.open.value(), total.before.open.value()) {
        let change = words::change(language, *before, *now);
        notes.push(if now == before {
            by(language, ["som forrige periode", "som førre periode", "as in the period before"]).to_owned()
        } else {
            by(
                language,
                [
                    format!("{change} fra forrige periode"),
                    format!("{change} frå førre periode"),
                    format!("{change} from the period before"),
                ],
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
