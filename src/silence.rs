//! Silences: what a municipality has asked not to be told of, until a day (`rule-language` § 9).
//!
//! A silence holds messages back and nothing else: obligations, deviations and the register go on as they are. Who
//! asked for it and why is kept in the store and shown by `silence list`; what is here holds no name and no free text,
//! so it may stand in an explanation.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

/// A silence of one municipality. It ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// What people call it.
    pub id: SilenceId,
    /// Whose or which messages it holds back.
    pub covers: Covered,
    /// Its last day, local.
    pub until: NaiveDate,
}

/// A silence's number, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SilenceId(pub i64);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose or which messages a silence holds back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Those of a case, by its id.
    Case(Arc<str>),
    /// Those of the cases of a unit, by its id, and of the units below it.
    Unit(Arc<str>),
    /// Those of a rule, by its full name.
    Rule(Arc<str>),
    /// Those that a person would receive, by their id, in whatever role. Not those that a deputy gets for them.
    Person(Arc<str>),
}

impl Silence {
    /// Whether it is one of a person, and not of what they would be told of.
    #[must_use]
    pub fn is_of_person(&self) -> bool {
        matches!(self.covers, Covered::Person(_))
    }
}

impl Covered {
    /// What a kind and a name say, if the kind is one.
    #[must_use]
    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "case" => Some(Self::Case(name.into())),
            "unit" => Some(Self::Unit(name.into())),
            "rule" => Some(Self::Rule(name.into())),
            "person" => Some(Self::Person(name.into())),
            _ => None,
        }
    }

    /// The kind: `case`, `unit`, `rule` or `person`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Case(_) => "case",
            Self::Unit(_) => "unit",
            Self::Rule(_) => "rule",
            Self::Person(_) => "person",
        }
    }

    /// The id, or the rule's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Case(name) | Self::Unit(name) | Self::Rule(name) | Self::Person(name) => name,
        }
    }
}

/// `case S-17`, `rule sokndal/concern-decision`.
impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}
