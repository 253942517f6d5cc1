//! What happened to a deviation.

use crate::language::Language;
use crate::obligation::Closing;
use crate::register::Happening;
use crate::words::{by, plural};

/// How a deviation closed that was so many days late.
pub(in super::super) fn closed(language: Language, how: Closing, days_late: i64) -> String {
    match how {
        Closing::MetLate => {
            let count = days_late.unsigned_abs();
            let span = plural(count, by(language, ["dag", "dag", "day"]), by(language, ["dager", "dagar", "days"]));
            let late = if count == 0 { String::new() } else { format!("{span} ") };
            by(
                language,
                [
                    format!("Avviket er lukket: gjort {late}etter fristen."),
                    format!("Avviket er lukka: gjort {late}etter fristen."),
                    format!("The deviation is closed: done {late}after the deadline."),
                ],
            )
        }
        Closing::Explained => by(
            language,
            [
                "Avviket er lukket: noen har gjort rede for det.",
                "Avviket er lukka: nokon har gjort greie for det.",
                "The deviation is closed: somebody has explained it.",
            ],
        )
        .to_owned(),
        Closing::Withdrawn => by(
            language,
            [
                "Avviket er trukket tilbake: det var ikke noe avvik.",
                "Avviket er trekt tilbake: det var ikkje noko avvik.",
                "The deviation is withdrawn: there was none.",
            ],
        )
        .to_owned(),
    }
}

/// What it is, and who should have acted.
pub(in super::super) fn deviation(language: Language, happening: Happening, holder: &str) -> String {
    match happening {
        Happening::Reopened => by(
            language,
            [
                format!("Avviket er åpnet igjen. Ansvarlig er {holder}."),
                format!("Avviket er opna att. Ansvarleg er {holder}."),
                format!("The deviation is open again. Responsible is {holder}."),
            ],
        ),
        Happening::Closed(_) => by(
            language,
            [
                format!("Ansvarlig var {holder}."),
                format!("Ansvarleg var {holder}."),
                format!("Responsible was {holder}."),
            ],
        ),
        Happening::Opened => by(
            language,
            [
                format!("Avvik. Ansvarlig er {holder}."),
                format!("Avvik. Ansvarleg er {holder}."),
                format!("Deviation. Responsible is {holder}."),
            ],
        ),
    }
}
