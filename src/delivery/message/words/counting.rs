//! How a due date came about, in words.

use chrono::NaiveDate;

use crate::delivery::message::{Counted, CountedBasis, Mark, PeriodName};
use crate::language::Language;
use crate::words::{by, length, month, plain_date, weekday};

/// "14 dager fra 2. mars", "avtalt dato, forlenget": what stands in brackets behind a due date.
pub(in super::super) fn counted(language: Language, counted: &Counted, due_on: NaiveDate) -> String {
    let mut parts = vec![basis(language, &counted.basis, due_on)];
    parts.extend(counted.marks.iter().map(|mark| self::mark(language, *mark)));
    parts.join(", ")
}

fn basis(language: Language, basis: &CountedBasis, due_on: NaiveDate) -> String {
    match basis {
        CountedBasis::Span { span, from } => {
            let from = plain_date(language, *from, due_on);
            let length_text = length(language, *span);
            match span.count {
                0 => by(
                    language,
                    [format!("regnet fra {from}"), format!("rekna frå {from}"), format!("counted from {from}")],
                ),
                1.. => by(
                    language,
                    [
                        format!("{length_text} fra {from}"),
                        format!("{length_text} frå {from}"),
                        format!("{length_text} from {from}"),
                    ],
                ),
                _ => by(
                    language,
                    [
                        format!("{length_text} før {from}"),
                        format!("{length_text} før {from}"),
                        format!("{length_text} before {from}"),
                    ],
                ),
            }
        }
        CountedBasis::Agreed => by(language, ["avtalt dato", "avtalt dato", "agreed date"]).to_owned(),
        CountedBasis::CaseDate => {
            by(language, ["ut fra en dato i saken", "ut frå ein dato i saka", "from a date in the case"]).to_owned()
        }
        CountedBasis::Yearly => {
            by(language, ["fast dato hvert år", "fast dato kvart år", "a fixed date each year"]).to_owned()
        }
        CountedBasis::Period(name) => period(language, *name, due_on),
    }
}

fn period(language: Language, name: PeriodName, due_on: NaiveDate) -> String {
    match name {
        PeriodName::Week { year, week } => by(
            language,
            [
                format!("for uke {week} i {year}"),
                format!("for veke {week} i {year}"),
                format!("for week {week} of {year}"),
            ],
        ),
        PeriodName::Month(date) => format!("for {}", month(language, date)),
        PeriodName::Quarter { year, quarter } => by(
            language,
            [
                format!("for {quarter}. kvartal {year}"),
                format!("for {quarter}. kvartal {year}"),
                format!("for quarter {quarter} of {year}"),
            ],
        ),
        PeriodName::HalfYear { year, half } => by(
            language,
            [
                format!("for {half}. halvår {year}"),
                format!("for {half}. halvår {year}"),
                format!("for half-year {half} of {year}"),
            ],
        ),
        PeriodName::Year(year) => format!("for {year}"),
        PeriodName::SchoolYear(year) => by(
            language,
            [
                format!("for skoleåret {year}–{}", year + 1),
                format!("for skuleåret {year}–{}", year + 1),
                format!("for the school year {year}–{}", year + 1),
            ],
        ),
        PeriodName::From(first) => {
            let first = plain_date(language, first, due_on);
            by(
                language,
                [
                    format!("for perioden fra {first}"),
                    format!("for perioden frå {first}"),
                    format!("for the period from {first}"),
                ],
            )
        }
    }
}

fn mark(language: Language, mark: Mark) -> String {
    match mark {
        Mark::Paused => {
            by(language, ["pause er trukket fra", "pause er trekt frå", "a pause is not counted"]).to_owned()
        }
        Mark::WorkingDay => {
            by(language, ["flyttet til en arbeidsdag", "flytta til ein arbeidsdag", "moved to a working day"])
                .to_owned()
        }
        Mark::Extended => by(language, ["forlenget", "forlengd", "extended"]).to_owned(),
        Mark::Weekday(day) => {
            let day = weekday(language, day);
            by(language, [format!("flyttet til {day}"), format!("flytta til {day}"), format!("moved to {day}")])
        }
    }
}
