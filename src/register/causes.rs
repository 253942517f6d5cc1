//! Why deviations happen: a closed list, so that they can be counted. A municipality adds its own in `vocabulary.toml`.

use std::sync::Arc;

use crate::language::{Language, Localized};

/// The causes that every installation has: code, bokmål, nynorsk, English. They say nothing of a child or a family.
const BUILT_IN: [(&str, &str, &str, &str); 12] = [
    ("absence", "Fravær uten vikar", "Fråvær utan vikar", "Absence without a substitute"),
    ("capacity", "Manglende kapasitet", "Manglande kapasitet", "Not enough capacity"),
    ("handover", "Overgang mellom ansvarlige", "Overgang mellom ansvarlege", "Change of who is responsible"),
    ("other_service", "Ventet på en annen tjeneste", "Venta på ei anna teneste", "Waited for another service"),
    ("not_reached", "Fikk ikke kontakt", "Fekk ikkje kontakt", "Could not reach those concerned"),
    ("agreed_later", "Avtalt senere tidspunkt", "Avtalt seinare tidspunkt", "A later time was agreed"),
    ("closed", "Ferie eller stengt", "Ferie eller stengt", "Holidays or closed"),
    ("routine_unknown", "Rutinen var ikke kjent", "Rutinen var ikkje kjend", "The routine was not known"),
    ("not_recorded", "Gjort i tide, men ikke ført", "Gjort i tide, men ikkje ført", "Done in time but not recorded"),
    ("recorded_wrong", "Feil i registreringen", "Feil i registreringa", "Recorded wrongly"),
    ("rule_unfit", "Fristen passet ikke", "Fristen høvde ikkje", "The deadline did not fit"),
    ("other", "Annet", "Anna", "Something else"),
];

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The word in commands, files and webhooks.
    pub code: Arc<str>,
    /// What people read.
    pub title: Localized,
}

/// All causes that may be given: the built-in ones, then the municipality's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl Default for Causes {
    fn default() -> Self {
        let built_in = BUILT_IN.iter().filter_map(|(code, nb, nn, en)| {
            let title = Localized::from_parts(Some(nb), Some(nn), Some(en))?;
            Some(Cause { code: (*code).into(), title })
        });
        Self(built_in.collect())
    }
}

impl Causes {
    /// Adds a cause of a municipality's own. `false`: there is one of that code.
    pub fn add(&mut self, cause: Cause) -> bool {
        let is_new = self.get(&cause.code).is_none();
        if is_new {
            self.0.push(cause);
        }
        is_new
    }

    /// The cause of a code.
    #[must_use]
    pub fn get(&self, code: &str) -> Option<&Cause> {
        self.0.iter().find(|cause| *cause.code == *code)
    }

    /// What people read for a code; the code itself where it is no longer known.
    #[must_use]
    pub fn title<'a>(&'a self, code: &'a str, language: Language) -> &'a str {
        self.get(code).map_or(code, |cause| cause.title.text(language))
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        self.0.iter()
    }
}
