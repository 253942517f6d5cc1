//! Conditions: the tables of `when`, `unless`, `where` and `met_when` (`rule-language` § 6).
//!
//! All tests of a condition must hold. A missing truth value is `false`; any other missing value equals nothing.

use crate::vocabulary::{AttributeId, Value};

/// A table of tests, all of which must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(pub Vec<Test>);

/// One test of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Whose field.
    pub subject: Subject,
    /// Which field.
    pub field: Field,
    /// Whether the field is a truth value, so that missing means `false`.
    pub bool_valued: bool,
    /// What it must be.
    pub predicate: Predicate,
}

/// Whose field a test reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The case.
    Case,
    /// The case's unit.
    Unit,
    /// The unit of the person who is `stafettholder`.
    Holder,
    /// The start event; in `where`, the event itself.
    Start,
}

/// Which field a test reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// An attribute of the vocabulary.
    Attribute(AttributeId),
    /// `case.level`
    Level,
    /// `case.unit`
    Unit,
    /// `case.subject`
    CaseSubject,
    /// `case.stafettholder`
    Stafettholder,
    /// `case.initiator`
    Initiator,
    /// `case.protected`
    Protected,
    /// `unit.id`
    Id,
    /// `unit.unit_type`
    UnitType,
    /// `unit.parent`
    Parent,
    /// `unit.leader`
    Leader,
    /// `unit.calendar`
    Calendar,
    /// `start.number`
    Number,
}

/// What a field must be: all parts that are given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predicate {
    /// Equals one of these.
    pub any_of: Option<Vec<Value>>,
    /// Equals none of these.
    pub none_of: Option<Vec<Value>>,
    /// At least this, for numbers and dates.
    pub min: Option<Value>,
    /// At most this, for numbers and dates.
    pub max: Option<Value>,
    /// Whether there is a value at all.
    pub exists: Option<bool>,
}

impl Condition {
    /// Whether all tests hold on the values that `read` finds.
    pub fn holds<'a>(&self, read: impl Fn(Subject, Field) -> Option<FieldValue<'a>>) -> bool {
        self.0.iter().all(|test| test.holds(read(test.subject, test.field)))
    }
}

/// A field's value, borrowed from where it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A civil date.
    Date(chrono::NaiveDate),
}

impl<'a> From<&'a Value> for FieldValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Text(value) => Self::Text(value),
            Value::Number(value) => Self::Number(*value),
            Value::Date(value) => Self::Date(*value),
        }
    }
}

impl Test {
    /// Whether the test holds on a field's value.
    #[must_use]
    pub fn holds(&self, found: Option<FieldValue<'_>>) -> bool {
        let predicate = &self.predicate;
        let value = found.or(self.bool_valued.then_some(FieldValue::Bool(false)));
        let equals = |wanted: &Value| value == Some(FieldValue::from(wanted));
        predicate.any_of.as_ref().is_none_or(|wanted| wanted.iter().any(equals))
            && predicate.none_of.as_ref().is_none_or(|unwanted| !unwanted.iter().any(equals))
            && predicate.min.as_ref().is_none_or(|least| at_least(value, Some(FieldValue::from(least))))
            && predicate.max.as_ref().is_none_or(|most| at_least(Some(FieldValue::from(most)), value))
            && predicate.exists.is_none_or(|exists| exists == found.is_some())
    }
}

fn at_least(value: Option<FieldValue<'_>>, least: Option<FieldValue<'_>>) -> bool {
    match (value, least) {
        (Some(FieldValue::Number(value)), Some(FieldValue::Number(least))) => value >= least,
        (Some(FieldValue::Date(value)), Some(FieldValue::Date(least))) => value >= least,
        _ => false,
    }
}
