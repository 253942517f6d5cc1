//! The words of messages in the three languages: what templates are not asked to get right themselves, because it
//! depends on numbers, dates and roles. The languages stand side by side, so that they say the same.

mod counting;
mod deviation;
mod reader;

use chrono::{NaiveDate, NaiveDateTime};

use crate::language::Language;
use crate::words::{by, plural};

pub(super) use counting::counted;
pub(super) use deviation::{closed, deviation};
pub(super) use reader::{told, why};

use crate::words::clock_time;
pub(super) use crate::words::{long_date, short_date};

/// "1 sak", "2 saker".
pub(super) fn cases(language: Language, count: usize) -> String {
    plural(count as u64, by(language, ["sak", "sak", "case"]), by(language, ["saker", "saker", "cases"]))
}

/// How many deadlines have passed and how many are ahead, as one sentence.
pub(super) fn summary(language: Language, overdue: usize, ahead: usize) -> String {
    let passed = plural(
        overdue as u64,
        by(language, ["frist er gått ut", "frist har gått ut", "deadline has passed"]),
        by(language, ["frister er gått ut", "fristar har gått ut", "deadlines have passed"]),
    );
    let coming = plural(
        ahead as u64,
        by(language, ["frist nærmer seg", "frist nærmar seg", "deadline is coming up"]),
        by(language, ["frister nærmer seg", "fristar nærmar seg", "deadlines are coming up"]),
    );
    match (overdue, ahead) {
        (0, _) => format!("{coming}."),
        (_, 0) => format!("{passed}."),
        _ => {
            let more = by(
                language,
                [
                    format!("{ahead} nærmer seg"),
                    format!("{ahead} nærmar seg"),
                    format!("{ahead} {} coming up", if ahead == 1 { "is" } else { "are" }),
                ],
            );
            format!("{passed}, {} {more}.", by(language, ["og", "og", "and"]))
        }
    }
}

/// How far away the due date is, as one sentence.
pub(super) fn when(language: Language, days: i64, overdue: bool) -> String {
    let count = days.unsigned_abs();
    let span = plural(count, by(language, ["dag", "dag", "day"]), by(language, ["dager", "dagar", "days"]));
    match days {
        0 if overdue => {
            by(language, ["Fristen gikk ut i dag.", "Fristen gjekk ut i dag.", "It was due earlier today."]).to_owned()
        }
        0 => by(language, ["Fristen er i dag.", "Fristen er i dag.", "It is due today."]).to_owned(),
        1 => by(language, ["Fristen er i morgen.", "Fristen er i morgon.", "It is due tomorrow."]).to_owned(),
        -1 => by(language, ["Fristen gikk ut i går.", "Fristen gjekk ut i går.", "It was due yesterday."]).to_owned(),
        2.. => by(language, [format!("{span} igjen."), format!("{span} igjen."), format!("{span} left.")]),
        _ => by(
            language,
            [
                format!("Fristen gikk ut for {span} siden."),
                format!("Fristen gjekk ut for {span} sidan."),
                format!("It was due {span} ago."),
            ],
        ),
    }
}

/// As of when the facts are, and what that means, as two sentences.
pub(super) fn as_of(language: Language, as_of: NaiveDateTime, today: NaiveDate) -> String {
    let (day, time) = (short_date(language, as_of.date(), today), clock_time(language, as_of.time()));
    by(
        language,
        [
            format!("Opplysningene er fra {day} {time}. Det som er registrert i fagsystemet siden da, er ikke med."),
            format!("Opplysningane er frå {day} {time}. Det som er registrert i fagsystemet sidan då, er ikkje med."),
            format!("This is as of {day} {time}. What was recorded in the case system since then is not in it."),
        ],
    )
}

/// What a subject begins with when an earlier attempt may have arrived.
pub(super) fn repeat_mark(language: Language) -> &'static str {
    by(language, ["[mulig gjentakelse]", "[mogleg gjentaking]", "[possible repeat]"])
}

/// The subject of a message to the coordinator about a routine that should have been revised.
pub(super) fn revision_subject(language: Language) -> &'static str {
    by(
        language,
        ["Rutinen bør gjennomgås på nytt", "Rutinen bør gåast gjennom på nytt", "A routine is due for revision"],
    )
}

/// The subject of the list of what was already late at go-live.
pub(super) fn backlog_subject(language: Language, count: usize) -> String {
    let (one, many) = by(language, [("frist", "frister"), ("frist", "fristar"), ("deadline", "deadlines")]);
    let deadlines = plural(count as u64, one, many);
    by(
        language,
        [
            format!("Restanser ved oppstart: {deadlines}"),
            format!("Restansar ved oppstart: {deadlines}"),
            format!("Backlog at the start: {deadlines}"),
        ],
    )
}

/// "Sak 7F3K: ta en beslutning, frist mandag 16. mars 2026": for the text that stands in for a broken template.
pub(super) fn plain_line(language: Language, reference: &str, notice: &str, due_on: NaiveDate) -> String {
    let (case, due) = by(language, [("Sak", "frist"), ("Sak", "frist"), ("Case", "due")]);
    format!("{case} {reference}: {}, {due} {}", inside_sentence(notice), long_date(language, due_on))
}

/// A notice with a small first letter, as it stands inside a sentence. "BTI-møte" and the like stay as they are.
pub(super) fn inside_sentence(notice: &str) -> String {
    let mut letters = notice.chars();
    match (letters.next(), letters.next()) {
        (Some(first), second) if second.is_none_or(|letter| !letter.is_uppercase() && !letter.is_ascii_digit()) => {
            first.to_lowercase().chain(notice.chars().skip(1)).collect()
        }
        _ => notice.to_owned(),
    }
}

/// Marks that change the order in which a reader sees letters.
pub(in crate::delivery) fn reorders(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
