//! Reading conditions: `when`, `unless`, `met_when` (tables over records) and `where` (over an event's attributes).

use super::reader::{Node, Source, Table, shared};
use crate::fact::Subject as CaseSubject;
use crate::rules::Code;
use crate::rules::condition::{Condition, Field, Predicate, Subject, Test};
use crate::vocabulary::{AttributeId, EventKind, Owner, Value, ValueType, Vocabulary};

/// What a condition may speak of.
pub(super) struct Scope<'v> {
    pub(super) vocabulary: &'v Vocabulary,
    /// The kinds that can be the start event; empty where there is no start event.
    pub(super) start_kinds: Vec<EventKind>,
    /// Whether `start.number` exists.
    pub(super) numbered: bool,
}

const CASE_FIELDS: [(&str, Field, ValueType); 6] = [
    ("level", Field::Level, ValueType::Text),
    ("unit", Field::Unit, ValueType::Text),
    ("subject", Field::CaseSubject, ValueType::Text),
    ("stafettholder", Field::Stafettholder, ValueType::Text),
    ("initiator", Field::Initiator, ValueType::Text),
    ("protected", Field::Protected, ValueType::Bool),
];

const UNIT_FIELDS: [(&str, Field, ValueType); 5] = [
    ("id", Field::Id, ValueType::Text),
    ("unit_type", Field::UnitType, ValueType::Text),
    ("parent", Field::Parent, ValueType::Text),
    ("leader", Field::Leader, ValueType::Text),
    ("calendar", Field::Calendar, ValueType::Text),
];

impl Scope<'_> {
    /// A table over case, unit, holder and start.
    pub(super) fn condition(&self, source: &Source<'_>, node: &Node<'_>) -> Option<Condition> {
        let mut table = source.table(node, "condition")?;
        let mut tests = Vec::new();
        let subjects =
            [("case", Subject::Case), ("unit", Subject::Unit), ("holder", Subject::Holder), ("start", Subject::Start)];
        for (key, subject) in subjects {
            let Some(fields) = table.take(key).and_then(|node| source.table(node, "condition")) else { continue };
            if subject == Subject::Start && self.start_kinds.is_empty() {
                source.error(
                    Code::Misplaced,
                    fields.range(),
                    "this rule has no start event, so `start.…` is never there",
                );
                continue;
            }
            tests.extend(fields.entries().filter_map(|(name, range, node)| {
                let (field, value_type) = self.field(source, subject, name, range)?;
                test(source, subject, field, value_type, node)
            }));
        }
        table.finish();
        self.not_empty(source, node, tests)
    }

    fn not_empty(&self, source: &Source<'_>, node: &Node<'_>, tests: Vec<Test>) -> Option<Condition> {
        if node.get_ref().as_table().is_some_and(|table| table.is_empty()) {
            source.error_with_help(
                Code::Empty,
                node.span(),
                "this condition is empty",
                "leave the key out, or say what must hold",
            );
            return None;
        }
        Some(Condition(tests))
    }

    fn field(
        &self,
        source: &Source<'_>,
        subject: Subject,
        name: &str,
        range: std::ops::Range<usize>,
    ) -> Option<(Field, ValueType)> {
        let found = match subject {
            Subject::Case => known(&CASE_FIELDS, name).or_else(|| self.owned(Owner::Case, name)),
            Subject::Unit | Subject::Holder => known(&UNIT_FIELDS, name).or_else(|| self.owned(Owner::Unit, name)),
            Subject::Start if name == "number" && self.numbered => Some((Field::Number, ValueType::Number)),
            Subject::Start => self.start_attribute(name),
        };
        if found.is_none() {
            let words = self.words(subject);
            source.unknown(
                Code::UnknownAttribute,
                range,
                subject_name(subject),
                name,
                words.iter().map(String::as_str),
            );
        }
        found
    }

    fn owned(&self, owner: Owner, name: &str) -> Option<(Field, ValueType)> {
        self.vocabulary.owned_attribute(owner, name).map(|(id, value_type)| (Field::Attribute(id), value_type))
    }

    fn start_attribute(&self, name: &str) -> Option<(Field, ValueType)> {
        let kinds = self.start_kinds.iter();
        kinds
            .filter_map(|kind| self.vocabulary.event_attribute(*kind, name))
            .map(|(id, value_type)| (Field::Attribute(id), value_type))
            .next()
    }

    fn words(&self, subject: Subject) -> Vec<String> {
        let names = |fields: &[(&str, Field, ValueType)]| fields.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let mut words: Vec<String> = match subject {
            Subject::Case => names(&CASE_FIELDS),
            Subject::Unit | Subject::Holder => names(&UNIT_FIELDS),
            Subject::Start if self.numbered => vec!["number".to_owned()],
            Subject::Start => vec![],
        };
        match subject {
            Subject::Case => words.extend(self.vocabulary.owned_attributes(Owner::Case).map(|name| name.to_string())),
            Subject::Unit | Subject::Holder => {
                words.extend(self.vocabulary.owned_attributes(Owner::Unit).map(|name| name.to_string()));
            }
            Subject::Start => {
                let kinds = self.start_kinds.iter();
                words.extend(
                    kinds.flat_map(|kind| self.vocabulary.event_attributes(*kind)).map(|name| name.to_string()),
                );
            }
        }
        words
    }
}

fn subject_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Case => "field of `case`",
        Subject::Unit => "field of `unit`",
        Subject::Holder => "field of `holder`",
        Subject::Start => "attribute of the start event",
    }
}

fn known(fields: &[(&str, Field, ValueType)], name: &str) -> Option<(Field, ValueType)> {
    fields.iter().find(|(known, ..)| *known == name).map(|(_, field, value_type)| (*field, *value_type))
}

/// `where`: a table over the attributes of one event kind.
pub(super) fn filter(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    kind: EventKind,
    node: &Node<'_>,
) -> Option<Condition> {
    let table = source.table(node, "`where` table")?;
    let tests: Vec<Test> = table
        .entries()
        .filter_map(|(name, range, node)| {
            let (id, value_type) = attribute(source, vocabulary, kind, name, range)?;
            test(source, Subject::Start, Field::Attribute(id), value_type, node)
        })
        .collect();
    if node.get_ref().as_table().is_some_and(|table| table.is_empty()) {
        source.error_with_help(
            Code::Empty,
            node.span(),
            "this `where` is empty",
            "leave it out, or say what must hold",
        );
        return None;
    }
    Some(Condition(tests))
}

/// An attribute of an event kind, or an error that says what there is.
pub(super) fn attribute(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    kind: EventKind,
    name: &str,
    range: std::ops::Range<usize>,
) -> Option<(AttributeId, ValueType)> {
    let found = vocabulary.event_attribute(kind, name);
    if found.is_none() {
        let what = format!("attribute of `{}`", vocabulary.definition(kind).name);
        let words: Vec<&str> = vocabulary.event_attributes(kind).map(|name| &**name).collect();
        source.unknown(Code::UnknownAttribute, range, &what, name, words.iter().copied());
    }
    found
}

fn test(source: &Source<'_>, subject: Subject, field: Field, value_type: ValueType, node: &Node<'_>) -> Option<Test> {
    let predicate = match (node.get_ref().as_table(), node.get_ref().as_array()) {
        (Some(_), _) => comparison(source, field, value_type, node)?,
        (None, Some(_)) => Predicate { any_of: Some(values(source, field, value_type, node)?), ..Predicate::default() },
        (None, None) => {
            Predicate { any_of: Some(vec![value(source, field, value_type, node)?]), ..Predicate::default() }
        }
    };
    Some(Test { subject, field, bool_valued: value_type == ValueType::Bool, predicate })
}

fn comparison(source: &Source<'_>, field: Field, value_type: ValueType, node: &Node<'_>) -> Option<Predicate> {
    let mut table: Table<'_, '_> = source.table(node, "comparison")?;
    let none_of = table.take("not").and_then(|node| match node.get_ref().as_array() {
        Some(_) => values(source, field, value_type, node),
        None => Some(vec![value(source, field, value_type, node)?]),
    });
    let [min, max] = ["min", "max"].map(|key| table.take(key).and_then(|node| limit(source, value_type, node)));
    let exists = table.take("exists").and_then(|node| source.boolean(node));
    let complete = ["not", "min", "max", "exists"].iter().any(|key| table.has(key));
    table.finish();
    if !complete {
        source.error(Code::BadComparison, node.span(), "a comparison has `not`, `min`, `max` or `exists`");
        return None;
    }
    Some(Predicate { any_of: None, none_of, min, max, exists })
}

fn limit(source: &Source<'_>, value_type: ValueType, node: &Node<'_>) -> Option<Value> {
    match value_type {
        ValueType::Number => source.number(node).map(Value::Number),
        ValueType::Date => source.date(node).map(Value::Date),
        ValueType::Bool | ValueType::Text => {
            source.error(
                Code::BadComparison,
                node.span(),
                format!("`min` and `max` compare numbers and dates; this is a {value_type}"),
            );
            None
        }
    }
}

fn values(source: &Source<'_>, field: Field, value_type: ValueType, node: &Node<'_>) -> Option<Vec<Value>> {
    let list = source.list(node)?;
    Some(list.iter().filter_map(|node| value(source, field, value_type, node)).collect())
}

fn value(source: &Source<'_>, field: Field, value_type: ValueType, node: &Node<'_>) -> Option<Value> {
    let value = match value_type {
        ValueType::Bool => Value::Bool(source.boolean(node)?),
        ValueType::Number => Value::Number(source.number(node)?),
        ValueType::Date => Value::Date(source.date(node)?),
        ValueType::Text => Value::Text(shared(source.text(node)?)),
    };
    if let (Field::CaseSubject, Value::Text(word)) = (field, &value) {
        let subjects = [CaseSubject::Child, CaseSubject::Committee, CaseSubject::Unit, CaseSubject::Routine];
        if !subjects.iter().any(|subject| subject.word() == &**word) {
            source.unknown(
                Code::UnknownWord,
                node.span(),
                "subject",
                word,
                subjects.iter().map(|subject| subject.word()),
            );
        }
    }
    Some(value)
}
