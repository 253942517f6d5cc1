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
