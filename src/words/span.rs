//! Lengths of time as people write them.

use super::{by, plural};
use crate::calendar::{Span, Unit};
use crate::language::Language;

/// A span without its sign: "14 dager", "1 veke", "5 working days".
#[must_use]
pub fn length(language: Language, span: Span) -> String {
    let (one, many) = match span.unit {
        Unit::Day => by(language, [("dag", "dager"), ("dag", "dagar"), ("day", "days")]),
        Unit::Week => by(language, [("uke", "uker"), ("veke", "veker"), ("week", "weeks")]),
        Unit::Month => by(language, [("måned", "måneder"), ("månad", "månader"), ("month", "months")]),
        Unit::Year => by(language, [("år", "år"), ("år", "år"), ("year", "years")]),
        // Not "virkedag": that counts Saturdays.
        Unit::WorkingDay => by(
            language,
            [("arbeidsdag", "arbeidsdager"), ("arbeidsdag", "arbeidsdagar"), ("working day", "working days")],
        ),
        Unit::Hour => by(language, [("time", "timer"), ("time", "timar"), ("hour", "hours")]),
    };
    plural(span.count.unsigned_abs().into(), one, many)
}

/// A ladder step's place in time from its `at`: "3 arbeidsdager før fristen", "on the due date", "2 days after the
/// start". An `at` that is none is given as it is.
#[must_use]
pub fn step_place(language: Language, at: &str, repetition: u32) -> String {
    let (from_start, rest) = at.strip_prefix("start").map_or((false, at), |rest| (true, rest));
    let Ok(span) = (if rest.is_empty() { Ok(Span::ZERO) } else { rest.parse::<Span>() }) else {
        return at.to_owned();
    };
    let [after, before, on] = if from_start {
        by(
            language,
            [
                ["etter start", "før start", "på startdagen"],
                ["etter start", "før start", "på startdagen"],
                ["after the start", "before the start", "on the day of the start"],
            ],
        )
    } else {
        by(
            language,
            [
                ["etter fristen", "før fristen", "på fristdagen"],
                ["etter fristen", "før fristen", "på fristdagen"],
                ["after the due date", "before the due date", "on the due date"],
            ],
        )
    };
    let place = match span.count {
        0 => on.to_owned(),
        1.. => format!("{} {after}", length(language, span)),
        _ => format!("{} {before}", length(language, span)),
    };
    match repetition {
        0 => place,
        number => {
            let again = by(
                language,
                [format!("{number}. gjentakelse"), format!("{number}. gjentaking"), format!("repetition {number}")],
            );
            format!("{place}, {again}")
        }
    }
}
