//! What happened, in one sentence.

use crate::language::Language;
use crate::words::by;

use super::super::figures::{Row, Waiting};
use super::super::words;

pub(super) fn sentence(language: Language, total: &Row, longest: Option<&Waiting>) -> String {
    let longest = longest.map(|waiting| where_longest(language, waiting));
    let parts: Vec<String> =
        [kept(language, total), still_open(language, total), longest].into_iter().flatten().collect();
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
        (_, 1) => by(
            language,
            [
                format!("1 av {of} frister ble holdt i tide"),
                format!("1 av {of} fristar vart halden i tide"),
                format!("1 of {of} deadlines was met in time"),
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
fn where_longest(language: Language, waiting: &Waiting) -> String {
    let Waiting { name, longest_days, .. } = waiting;
    let days = words::whole_days(language, *longest_days);
    if name.is_empty() {
        return by(
            language,
            [
                format!("lengst er ventetiden i en sak uten enhet: {days} over fristen"),
                format!("lengst er ventetida i ei sak utan eining: {days} over fristen"),
                format!("the longest wait is in a case without a unit: {days} past the deadline"),
            ],
        );
    }
    by(
        language,
        [
            format!("lengst er ventetiden ved {name}: {days} over fristen"),
            format!("lengst er ventetida ved {name}: {days} over fristen"),
            format!("the longest wait is at {name}: {days} past the deadline"),
        ],
    )
}
