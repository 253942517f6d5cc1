//! The words and numbers of reports, in the three languages.

mod definitions;
mod numbers;

use chrono::NaiveDate;

use crate::language::Language;
use crate::rules::{Force, RuleKind};
use crate::words::{by, month, plain_date};

use super::figure::Figure;
use super::figures::{About, Row};
use super::request::{Listed, Period};
use super::tally::State;

pub(super) use definitions::definitions;
pub(super) use numbers::{change, count, days, decimal, percent, points, short_day, whole_days};

/// "Avvik fra BTI-rutinen".
pub(super) fn title(language: Language) -> &'static str {
    by(language, ["Avvik fra BTI-rutinen", "Avvik frå BTI-rutinen", "Deviations from the BTI routine"])
}

/// "1. mars – 10. mai 2026", "mars 2026", "2026".
pub(super) fn period(language: Language, period: Period) -> String {
    use chrono::Datelike;
    let Period { from, to } = period;
    let ends_month = to.succ_opt().is_none_or(|next| next.day() == 1);
    if from.day() == 1 && ends_month && (from.year(), from.month()) == (to.year(), to.month()) {
        return month(language, from);
    }
    if (from.day(), from.month()) == (1, 1) && (to.day(), to.month()) == (31, 12) && from.year() == to.year() {
        return from.year().to_string();
    }
    if from == to {
        return full_date(language, to);
    }
    format!("{} – {}", plain_date(language, from, to), full_date(language, to))
}

/// "februar 2026", "1. januar – 14. februar 2026": the period that figures are compared with, to stand beside a change.
pub(super) fn before(language: Language, row: &Row) -> String {
    let unnamed = by(language, ["forrige periode", "førre periode", "the period before"]);
    row.before.period().map_or_else(|| unnamed.to_owned(), |before| period(language, before))
}

/// That a period is not over, where it is not.
pub(super) fn running(language: Language, about: &About) -> Option<String> {
    if about.compared.is_some() {
        return None;
    }
    if about.reckoned_on < about.period.from {
        let text =
            ["Perioden har ikke begynt ennå.", "Perioden har ikkje byrja enno.", "The period has not begun yet."];
        return Some(by(language, text).to_owned());
    }
    let until = full_date(language, about.reckoned_on);
    Some(by(
        language,
        [
            format!("Perioden er ikke over: tallene går til {until} og er ikke sammenlignet med tidligere."),
            format!("Perioden er ikkje over: tala går til {until} og er ikkje samanlikna med tidlegare."),
            format!("The period is not over: the figures go to {until} and are compared with nothing earlier."),
        ],
    ))
}

/// "10. mai 2026".
pub(super) fn full_date(language: Language, date: NaiveDate) -> String {
    use chrono::Datelike;
    format!("{} {}", plain_date(language, date, date), date.year())
}

/// What a kind of rules is called.
pub(super) fn kind(language: Language, kind: Option<RuleKind>) -> &'static str {
    let words = match kind {
        Some(RuleKind::Decision) => ["Beslutning", "Avgjerd", "Decision"],
        Some(RuleKind::Conversation) => ["Samtale", "Samtale", "Conversation"],
        Some(RuleKind::Meeting) => ["Møte", "Møte", "Meeting"],
        Some(RuleKind::Evaluation) => ["Evaluering", "Evaluering", "Evaluation"],
        Some(RuleKind::Consent) => ["Samtykke", "Samtykke", "Consent"],
        Some(RuleKind::Handover) => ["Overlevering", "Overlevering", "Handover"],
        Some(RuleKind::Duty) => ["Annen plikt", "Anna plikt", "Other duty"],
        None => gone(),
    };
    by(language, words)
}

/// "skal", "bør".
pub(super) fn level(language: Language, level: Option<Force>) -> &'static str {
    let words = match level {
        Some(Force::Must) => ["skal", "skal", "must"],
        Some(Force::Should) => ["bør", "bør", "should"],
        None => gone(),
    };
    by(language, words)
}

fn gone() -> [&'static str; 3] {
    ["regelen finnes ikke lenger", "regelen finst ikkje lenger", "the rule exists no longer"]
}

/// How a deviation stood, as an adjective.
pub(super) fn state(language: Language, state: State) -> &'static str {
    let words = match state {
        State::Open => ["åpent", "ope", "open"],
        State::MetLate => ["oppfylt for sent", "oppfylt for seint", "met late"],
        State::Explained => ["forklart", "forklart", "explained"],
        State::Withdrawn => ["trukket tilbake", "trekt tilbake", "withdrawn"],
    };
    by(language, words)
}

/// Why there was no lapse after all, by the facts.
pub(super) fn no_lapse(language: Language, reason: &str) -> &str {
    let words = match reason {
        "met" => ["det var gjort i tide", "det var gjort i tide", "it was done in time"],
        "paused" => ["saken var satt på pause", "saka var sett på pause", "the case was paused"],
        "gone" => [
            "det den gjaldt, finnes ikke lenger",
            "det han galdt, finst ikkje lenger",
            "what it was about exists no longer",
        ],
        "out_of_force" => ["regelen gjaldt ikke da", "regelen galdt ikkje då", "the rule was not in force"],
        "condition" => {
            ["saken fyller ikke vilkårene", "saka fyller ikkje vilkåra", "the case does not fulfil the conditions"]
        }
        "exempt" => ["det er gitt unntak", "det er gitt unntak", "it was exempted"],
        "stopped" => ["saken ble stanset i tide", "saka vart stansa i tide", "the case was stopped in time"],
        "superseded" => {
            ["en nyere dato har tatt over", "ein nyare dato har teke over", "a newer date has taken its place"]
        }
        _ => return reason,
    };
    by(language, words)
}

/// "1 åpent", "4 åpne".
pub(super) fn still_open(language: Language, open: u64) -> String {
    let word = if open == 1 { ["åpent", "ope", "open"] } else { ["åpne", "opne", "open"] };
    format!("{} {}", count(language, open), by(language, word))
}

/// What stands for a hidden figure; the definitions say what it means.
pub(super) fn hidden() -> &'static str {
    "< 5 *"
}

/// What a unit's own cases are called in a table of units.
pub(super) fn own_cases(language: Language, unit: &str) -> String {
    let unit = unit_name(language, unit);
    by(language, [format!("{unit}: egne saker"), format!("{unit}: eigne saker"), format!("{unit}: own cases")])
}

/// A unit's name, also of what has none.
pub(super) fn unit_name(language: Language, name: &str) -> &str {
    let none = by(language, ["Uten enhet", "Utan eining", "No unit"]);
    if name.is_empty() { none } else { name }
}

/// "8–14 dager", "over 90 dager".
pub(super) fn age(language: Language, from: i64, to: Option<i64>) -> String {
    let many = by(language, ["dager", "dagar", "days"]);
    match to {
        Some(to) => format!("{from}–{to} {many}"),
        None => {
            let over = by(language, ["over", "over", "over"]);
            format!("{over} {} {many}", from - 1)
        }
    }
}

/// "uke 11".
pub(super) fn week(language: Language, monday: NaiveDate) -> String {
    use chrono::Datelike;
    format!("{} {}", by(language, ["uke", "veke", "week"]), monday.iso_week().week())
}

/// What is listed, where not everything is.
pub(super) fn listed(language: Language, listed: Listed) -> Option<&'static str> {
    let words = match listed {
        Listed::All | Listed::Nothing => return None,
        Listed::Open => ["lister bare åpne", "listar berre opne", "lists open ones only"],
        Listed::Closed => ["lister bare lukkede", "listar berre lukka", "lists closed ones only"],
    };
    Some(by(language, words))
}

/// "uke 11, 2026".
pub(super) fn week_of_year(language: Language, monday: NaiveDate) -> String {
    use chrono::Datelike;
    format!("{}, {}", week(language, monday), monday.iso_week().year())
}

/// "Uke": the head of a column.
pub(super) fn capital_week(language: Language) -> &'static str {
    by(language, ["Uke", "Veke", "Week"])
}

/// "T1 · Ta beslutning om bekymringen".
pub(super) fn rule_name(code: &str, title: &str) -> String {
    if code.is_empty() || code == title { title.to_owned() } else { format!("{code} · {title}") }
}

/// A figure in words; a dash where there is nothing to count.
pub(super) fn shown<T>(figure: Figure<T>, words: impl FnOnce(T) -> String) -> String {
    match figure {
        Figure::Is(value) => words(value),
        Figure::Nothing => "–".to_owned(),
        Figure::Hidden => hidden().to_owned(),
    }
}
