//! Roles as people write them.

use super::by;
use crate::language::Language;
use crate::notice::Role;

/// Whoever has a role, as it stands inside a sentence. A contact's name is left out: it may say what the case is about.
#[must_use]
pub fn holder(language: Language, role: &Role) -> &'static str {
    match role {
        Role::Responsible => {
            by(language, ["den som skal følge opp", "den som skal følgje opp", "the person who should follow up"])
        }
        Role::Stafettholder => by(language, ["stafettholderen", "stafetthaldaren", "the baton holder"]),
        Role::Initiator => {
            by(language, ["den som startet saken", "den som starta saka", "the person who started the case"])
        }
        Role::Leader => by(language, ["lederen", "leiaren", "the leader"]),
        Role::NextLeader => {
            by(language, ["lederen på neste nivå", "leiaren på neste nivå", "the leader at the next level"])
        }
        Role::Coordinator => by(language, ["koordinatoren", "koordinatoren", "the coordinator"]),
        Role::Unit => by(language, ["enheten", "eininga", "the unit"]),
        Role::Contact(_) => by(language, ["kontaktpersonen", "kontaktpersonen", "the contact person"]),
    }
}

/// A role as it stands in a list, behind the person who has it.
#[must_use]
pub fn role_name(language: Language, role: &Role) -> String {
    let name = match role {
        Role::Responsible => by(language, ["ansvarlig", "ansvarleg", "responsible"]),
        Role::Stafettholder => by(language, ["stafettholder", "stafetthaldar", "baton holder"]),
        Role::Initiator => by(language, ["initiativtaker", "initiativtakar", "initiator"]),
        Role::Leader => by(language, ["leder", "leiar", "leader"]),
        Role::NextLeader => by(language, ["leder på neste nivå", "leiar på neste nivå", "leader at the next level"]),
        Role::Coordinator => by(language, ["koordinator", "koordinator", "coordinator"]),
        Role::Unit => by(language, ["enhet", "eining", "unit"]),
        Role::Contact(name) => {
            let contact = by(language, ["kontaktperson", "kontaktperson", "contact"]);
            return format!("{contact} {name}");
        }
    };
    name.to_owned()
}
