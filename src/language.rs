//! The three languages that users read, and texts given in one or more of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language that messages and reports are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Norwegian bokmål.
    #[default]
    Nb,
    /// Norwegian nynorsk.
    Nn,
    /// English.
    En,
}

impl Language {
    /// All languages, in the order in which documentation lists them.
    pub const ALL: [Self; 3] = [Self::Nb, Self::Nn, Self::En];

    /// The code in facts, rules and folder names: `nb`, `nn`, `en`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::Nn => "nn",
            Self::En => "en",
        }
    }
}

/// A text in one language, or in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localized {
    nb: Arc<str>,
    nn: Arc<str>,
    en: Arc<str>,
}

impl Localized {
    /// The same text in every language.
    #[must_use]
    pub fn same(text: &str) -> Self {
        let text: Arc<str> = text.into();
        Self { nb: text.clone(), nn: text.clone(), en: text }
    }

    /// A text from the languages given. A missing one is taken from bokmål, then nynorsk, then English; `None` where
    /// no language is given at all.
    #[must_use]
    pub fn from_parts(nb: Option<&str>, nn: Option<&str>, en: Option<&str>) -> Option<Self> {
        let first: Arc<str> = nb.or(nn).or(en)?.into();
        let or_first = |text: Option<&str>| text.map_or_else(|| first.clone(), Arc::from);
        Some(Self { nb: or_first(nb), nn: or_first(nn), en: or_first(en) })
    }

    /// The text in `language`.
    #[must_use]
    pub fn text(&self, language: Language) -> &Arc<str> {
        match language {
            Language::Nb => &self.nb,
            Language::Nn => &self.nn,
            Language::En => &self.en,
        }
    }
}
