//! Why a step has not gone out, and why a notice was taken out of its message, in words.

use chrono::NaiveDate;

use super::Subject;
use crate::calendar::Closure;
use crate::language::Language;
use crate::notice::Reason;
use crate::rules::Rule;
use crate::silence::SilenceId;
use crate::words::{by, length};

/// Why a step has not gone out; nothing to say where its moment just has not come.
pub(super) fn why(subject: &Subject<'_>, reason: Reason, rule: &Rule) -> Option<String> {
    let language = subject.language;
    let text = match reason {
        Reason::NotYet(_) => return None,
        Reason::NoOpenDay { nominal, .. } => return Some(no_open_day(subject, nominal)),
        Reason::Silenced { by: id, until, .. } => return Some(silenced(subject, id, until)),
        Reason::Grace(_) => {
            let grace = length(language, rule.escalation_grace);
            return Some(by(
                language,
                [
                    format!("venter: den ansvarlige skal ha fått sitt varsel {grace} før"),
                    format!("ventar: den ansvarlege skal ha fått sitt varsel {grace} før"),
                    format!("waits: whoever is responsible is to have been told {grace} before"),
                ],
            ));
        }
        Reason::Paused => by(language, ["saken har pause", "saka har pause", "the case is paused"]),
        Reason::Protected => by(
            language,
            [
                "saken er skjermet, ingen melding går ut",
                "saka er skjerma, inga melding går ut",
                "the case is address-protected, no message leaves",
            ],
        ),
        Reason::BeforeGoLive => by(
            language,
            [
                "fristen var ute før kommunen tok i bruk varslingen",
                "fristen var ute før kommunen tok i bruk varslinga",
                "it was due before the municipality went live",
            ],
        ),
        Reason::Overtaken(at) => {
            let at = subject.moment(at);
            return Some(by(
                language,
                [
                    format!("{at} går et annet trinn til samme mottaker ut i stedet"),
                    format!("{at} går eit anna trinn til same mottakar ut i staden"),
                    format!("on {at} another step goes to the same recipient instead"),
                ],
            ));
        }
    };
    Some(text.to_owned())
}

/// A silence is named by its id; who asked for it and why is free text, and `silence list` shows it.
fn silenced(subject: &Subject<'_>, id: SilenceId, until: NaiveDate) -> String {
    let until = subject.date(until);
    by(
        subject.language,
        [
            format!("dempet til og med {until} (demping {id})"),
            format!("dempa til og med {until} (demping {id})"),
            format!("silenced until the end of {until} (silence {id})"),
        ],
    )
}

/// The step's own date is closed for delivery.
fn no_open_day(subject: &Subject<'_>, nominal: NaiveDate) -> String {
    let language = subject.language;
    let date = subject.date(nominal);
    let name = match subject.municipality.delivery_calendar().closure(nominal) {
        Some(Closure::Holiday(name) | Closure::Closed(name)) => format!(" ({name})"),
        Some(Closure::Weekend(_)) => format!(" ({})", by(language, ["helg", "helg", "weekend"])),
        None => String::new(),
    };
    by(
        language,
        [
            format!("flyttet: {date} er det ikke åpent{name}"),
            format!("flytta: {date} er det ikkje ope{name}"),
            format!("moved: {date} is no open day{name}"),
        ],
    )
}

/// Why the store took a notice out of its message, in words.
pub(super) fn withdrawal(language: Language, reason: &str) -> String {
    let words = match reason {
        "met" | "met_late" => ["oppfylt", "oppfylt", "met"],
        "void" | "missed" => ["gjelder ikke lenger", "gjeld ikkje lenger", "it no longer applies"],
        "paused" => ["saken har pause", "saka har pause", "the case is paused"],
        "silenced" => ["dempet", "dempa", "silenced"],
        "protected" => ["saken er skjermet", "saka er skjerma", "the case is protected"],
        "moved" | "another due date now" => ["fristen er flyttet", "fristen er flytta", "the due date has moved"],
        "meant for somebody else now" => {
            ["den skal til en annen nå", "det skal til ein annan no", "it is meant for somebody else now"]
        }
        "gone" | "case removed" => {
            ["forpliktelsen finnes ikke lenger", "plikta finst ikkje lenger", "the obligation is gone"]
        }
        other => [other, other, other],
    };
    by(language, words).to_owned()
}
