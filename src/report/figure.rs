//! One figure, or why there is none.

use serde::{Serialize, Serializer};

/// A figure, or why there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Figure<T> {
    /// This much.
    Is(T),
    /// There is nothing to count: no share of no deadlines, no days of no deviations.
    #[default]
    Nothing,
    /// Withheld, because it or another one could be worked out.
    Hidden,
}

impl<T> Figure<T> {
    /// The figure, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Nothing | Self::Hidden => None,
        }
    }

    /// Something else of the same figure.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Figure<U> {
        match self {
            Self::Is(value) => Figure::Is(change(value)),
            Self::Nothing => Figure::Nothing,
            Self::Hidden => Figure::Hidden,
        }
    }

    /// The figure unless it is to be hidden.
    pub(super) fn unless(self, hidden: bool) -> Self {
        if hidden { Self::Hidden } else { self }
    }
}

impl<T> From<Option<T>> for Figure<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Is)
    }
}

/// A number; `null` where there is nothing to count, and the word `hidden` for what is withheld.
impl<T: Serialize> Serialize for Figure<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(value) => value.serialize(serializer),
            Self::Nothing => serializer.serialize_none(),
            Self::Hidden => serializer.serialize_str("hidden"),
        }
    }
}
