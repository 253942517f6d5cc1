//! Whether conditions can hold together, decided by trying every value that could tell them apart.
//!
//! A condition compares fields with constants. Between and beyond those constants all values of a field behave alike,
//! so a few witnesses decide for all: the constants themselves, one value beside each, one of none of them, and none.

use std::sync::Arc;

use chrono::Days;

use crate::fact::Subject as CaseSubject;
use crate::rules::{Condition, EventPattern, Field, FieldValue, Subject, Test};
use crate::vocabulary::{EventKind, Value, Vocabulary};

/// Tests that hold together, of a start event of one kind where that is known.
#[derive(Clone)]
pub(super) struct Premises<'a> {
    vocabulary: &'a Vocabulary,
    tests: Vec<&'a Test>,
    kind: Option<EventKind>,
}

impl<'a> Premises<'a> {
    pub(super) fn new(vocabulary: &'a Vocabulary) -> Self {
        Self { vocabulary, tests: vec![], kind: None }
    }

    /// With what a condition demands.
    pub(super) fn and(mut self, condition: Option<&'a Condition>) -> Self {
        self.tests.extend(condition.into_iter().flat_map(|condition| &condition.0));
        self
    }

    /// With a start event that a pattern lets through.
    pub(super) fn starting_with(mut self, pattern: &'a EventPattern) -> Self {
        self.kind = Some(pattern.kind);
        self.and(pattern.filter.as_ref())
    }

    /// With those tests of a condition that are wanted.
    pub(super) fn and_those(mut self, condition: Option<&'a Condition>, is_wanted: impl Fn(&Test) -> bool) -> Self {
        let tests = condition.into_iter().flat_map(|condition| &condition.0);
        self.tests.extend(tests.filter(|test| is_wanted(test)));
        self
    }

    /// A test of a field that no value satisfies together with the others.
    pub(super) fn contradiction(&self) -> Option<&'a Test> {
        self.tests.iter().find(|test| self.values(test).is_empty()).copied()
    }

    /// Whether the premises leave a condition no choice but to hold.
    pub(super) fn imply(&self, condition: &'a Condition) -> bool {
        condition.0.iter().all(|test| {
            let with = Self { tests: self.tests.iter().copied().chain([test]).collect(), ..self.clone() };
            let witnesses = with.witnesses(test);
            let left = witnesses.iter().filter(|value| self.allow(test, value.as_ref()));
            left.clone().count() > 0 && left.clone().all(|value| holds(test, value.as_ref()))
        })
    }

    /// The witnesses of a test's field that satisfy every test of it.
    fn values(&self, test: &Test) -> Vec<Option<Value>> {
        self.witnesses(test).into_iter().filter(|value| self.allow(test, value.as_ref())).collect()
    }

    fn allow(&self, about: &Test, value: Option<&Value>) -> bool {
        self.tests.iter().filter(|test| same_field(test, about)).all(|test| holds(test, value))
    }

    fn witnesses(&self, about: &Test) -> Vec<Option<Value>> {
        if self.is_never_there(about) {
            return vec![None];
        }
        let mentioned: Vec<&Value> =
            self.tests.iter().filter(|test| same_field(test, about)).flat_map(|test| constants(test)).collect();
        let mut witnesses = fixed(about).unwrap_or_else(|| {
            let beyond = [None, Some(Value::Text("\u{0}".into()))];
            mentioned.iter().flat_map(|value| around(value)).map(Some).chain(beyond).collect()
        });
        if about.field == Field::Number {
            witnesses.push(Some(Value::Number(1.0)));
            witnesses.retain(|value| matches!(value, Some(Value::Number(n)) if *n >= 1.0 && n.fract() == 0.0));
        }
        witnesses
    }

    /// Whether the start event is of a kind that does not carry the attribute.
    fn is_never_there(&self, about: &Test) -> bool {
        let (Subject::Start, Field::Attribute(id), Some(kind)) = (about.subject, about.field, self.kind) else {
            return false;
        };
        !self.vocabulary.definition(kind).attributes.iter().any(|(known, _)| *known == id)
    }
}

fn holds(test: &Test, value: Option<&Value>) -> bool {
    test.holds(value.map(FieldValue::from))
}

fn same_field(one: &Test, other: &Test) -> bool {
    (one.subject, one.field) == (other.subject, other.field)
}

/// The values that a test compares with.
fn constants(test: &Test) -> impl Iterator<Item = &Value> {
    let predicate = &test.predicate;
    let lists = predicate.any_of.iter().chain(&predicate.none_of).flatten();
    lists.chain(&predicate.min).chain(&predicate.max)
}

/// All values of fields that have few.
fn fixed(test: &Test) -> Option<Vec<Option<Value>>> {
    let truth = || [false, true].map(|value| Some(Value::Bool(value)));
    match test.field {
        Field::CaseSubject => {
            let subjects = [CaseSubject::Child, CaseSubject::Committee, CaseSubject::Unit, CaseSubject::Routine];
            Some(subjects.map(|subject| Some(Value::Text(Arc::from(subject.word())))).to_vec())
        }
        Field::Protected => Some(truth().to_vec()),
        _ if test.bool_valued => Some(truth().into_iter().chain([None]).collect()),
        _ => None,
    }
}

/// A constant and its neighbours.
fn around(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            [-1.0, -0.001, 0.0, 0.001, 1.0].map(|distance| Value::Number(number + distance)).to_vec()
        }
        Value::Date(date) => {
            let beside = [date.checked_sub_days(Days::new(1)), Some(*date), date.checked_add_days(Days::new(1))];
            beside.into_iter().flatten().map(Value::Date).collect()
        }
        Value::Bool(_) | Value::Text(_) => vec![value.clone()],
    }
}

/// How a test names its field: `["case", "level"]`.
pub(super) fn words<'v>(vocabulary: &'v Vocabulary, test: &Test) -> [&'v str; 2] {
    let subject = match test.subject {
        Subject::Case => "case",
        Subject::Unit => "unit",
        Subject::Holder => "holder",
        Subject::Start => "start",
    };
    let field = match test.field {
        Field::Attribute(id) => vocabulary.attribute_name(id),
        Field::Level => "level",
        Field::Unit => "unit",
        Field::CaseSubject => "subject",
        Field::Stafettholder => "stafettholder",
        Field::Initiator => "initiator",
        Field::Protected => "protected",
        Field::Id => "id",
        Field::UnitType => "unit_type",
        Field::Parent => "parent",
        Field::Leader => "leader",
        Field::Calendar => "calendar",
        Field::Number => "number",
    };
    [subject, field]
}
