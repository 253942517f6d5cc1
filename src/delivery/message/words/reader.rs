//! Why a reader is told, in words. A contact's name is left out: it may say what the case is about.

use chrono::NaiveDate;

use crate::delivery::message::{Reached, Reader, RecipientKind, Told};
use crate::language::Language;
use crate::notice::Role;
use crate::words::{by, capital, holder, plain_date};

/// Why the reader is told, as one sentence.
pub(in super::super) fn why(language: Language, kind: RecipientKind, reader: &Reader) -> String {
    let holder = holder(language, &reader.role);
    match (kind, reader.reached) {
        (RecipientKind::Fallback, _) => by(
            language,
            [
                format!("Dette går til reserveadressen fordi {holder} ikke kan nås."),
                format!("Dette går til reserveadressa fordi {holder} ikkje kan nåast."),
                format!("This goes to the fallback address because {holder} cannot be reached."),
            ],
        ),
        (RecipientKind::Unit, _) => by(
            language,
            [
                "Enheten får dette fordi saken hører til her.",
                "Eininga får dette fordi saka høyrer til her.",
                "The unit gets this because the case belongs here.",
            ],
        )
        .to_owned(),
        (RecipientKind::Person, Reached::Directly) => {
            let reader = you_are(language, &reader.role);
            by(
                language,
                [
                    format!("Du får dette fordi {reader}."),
                    format!("Du får dette fordi {reader}."),
                    format!("You get this because {reader}."),
                ],
            )
        }
        (RecipientKind::Person, Reached::AsDeputy) => by(
            language,
            [
                format!("Du får dette fordi du er stedfortreder for {holder}."),
                format!("Du får dette fordi du er stadfortredar for {holder}."),
                format!("You get this because you are standing in for {holder}."),
            ],
        ),
        (RecipientKind::Person, Reached::NextInChain) => by(
            language,
            [
                format!("Du får dette fordi {holder} ikke kan nås, og du er neste i rekken."),
                format!("Du får dette fordi {holder} ikkje kan nåast, og du er neste i rekkja."),
                format!("You get this because {holder} cannot be reached and you are next in line."),
            ],
        ),
    }
}

/// Who was told before, as one sentence.
pub(in super::super) fn told(language: Language, told: &Told, today: NaiveDate) -> String {
    let holder = capital(holder(language, &told.role));
    let on = plain_date(language, told.on, today);
    by(
        language,
        [
            format!("{holder} ble varslet {on}."),
            format!("{holder} vart varsla {on}."),
            format!("{holder} was notified on {on}."),
        ],
    )
}

fn you_are(language: Language, role: &Role) -> &'static str {
    match role {
        Role::Responsible => {
            by(language, ["du skal følge opp saken", "du skal følgje opp saka", "it is yours to follow up"])
        }
        Role::Stafettholder => by(language, ["du er stafettholder", "du er stafetthaldar", "you hold the baton"]),
        Role::Initiator => by(language, ["du startet saken", "du starta saka", "you started the case"]),
        Role::Leader => by(language, ["du er leder", "du er leiar", "you are the leader"]),
        Role::NextLeader => by(
            language,
            ["du er leder på neste nivå", "du er leiar på neste nivå", "you are the leader at the next level"],
        ),
        Role::Coordinator => by(language, ["du er koordinator", "du er koordinator", "you are the coordinator"]),
        Role::Unit => {
            by(language, ["saken hører til din enhet", "saka høyrer til di eining", "the case belongs to your unit"])
        }
        Role::Contact(_) => by(language, ["du er kontaktperson", "du er kontaktperson", "you are a contact person"]),
    }
}
