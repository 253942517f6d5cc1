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
