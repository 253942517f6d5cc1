//! What stands in a column.

use super::super::{At, Day};

/// A value on its way into a statement. What is absent still says of which kind it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<At> for Value {
    fn from(at: At) -> Self {
        Self::Number(Some(at.0))
    }
}

impl From<Option<At>> for Value {
    fn from(at: Option<At>) -> Self {
        Self::Number(at.map(|at| at.0))
    }
}

impl From<Day> for Value {
    fn from(day: Day) -> Self {
        Self::Text(Some(day.0.to_string()))
    }
}

impl From<Option<Day>> for Value {
    fn from(day: Option<Day>) -> Self {
        Self::Text(day.map(|day| day.0.to_string()))
    }
}
