//! Reading `vocabulary.toml`.

use toml::de::DeTable;

use super::reader::{Node, Source, Table, shared};
use crate::language::Localized;
use crate::register::{Cause, Causes};
use crate::rules::Code;
use crate::vocabulary::{AttributeId, EventDefinition, Owner, ValueType, Vocabulary};

const TYPES: [(&str, ValueType); 4] =
    [("bool", ValueType::Bool), ("text", ValueType::Text), ("number", ValueType::Number), ("date", ValueType::Date)];

/// Adds what one vocabulary file says.
pub(super) fn read(source: &Source<'_>, root: &DeTable<'_>, vocabulary: &mut Vocabulary, causes: &mut Causes) {
    let mut table = Table::new(source, root, 0..0, "vocabulary");
    if let Some(events) = table.take("events").and_then(|node| source.table(node, "events table")) {
        for (name, range, node) in events.entries() {
            let Some(definition) = event(source, name, node, vocabulary) else { continue };
            if vocabulary.add_event(definition).is_none() {
                source.error(
                    Code::NameTaken,
                    range,
                    format!("the event kind `{name}` is there already (it may be built in)"),
                );
            }
        }
    }
    for (key, owner) in [("case", Owner::Case), ("unit", Owner::Unit)] {
        let Some(attributes) = table.take(key).and_then(|node| source.table(node, "attribute table")) else { continue };
        for (name, range, node) in attributes.entries() {
            attribute(source, (name, range), node, owner, vocabulary);
        }
    }
    if let Some(own) = table.take("causes").and_then(|node| source.table(node, "table of causes")) {
        for (name, range, node) in own.entries() {
            cause(source, (name, range), node, causes);
        }
    }
    table.finish();
}

fn event(source: &Source<'_>, name: &str, node: &Node<'_>, vocabulary: &mut Vocabulary) -> Option<EventDefinition> {
    let mut table = source.table(node, "event kind")?;
    let title = table.take("title").and_then(|node| source.localized(node)).unwrap_or_else(|| Localized::same(name));
    let attributes = table.take("attributes").and_then(|node| source.table(node, "attribute table"));
    let attributes = attributes.map_or_else(Vec::new, |attributes| typed(source, &attributes, vocabulary));
    table.finish();
    Some(EventDefinition { name: shared(name), title, attributes })
}

/// A cause of a municipality's own. Its code goes to programs and onto command lines.
fn cause(source: &Source<'_>, (name, range): (&str, std::ops::Range<usize>), node: &Node<'_>, causes: &mut Causes) {
    let Some(mut table) = source.table(node, "cause") else { return };
    let title = table.require("title").and_then(|node| source.localized(node));
    table.finish();
    let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
        let message = format!("`{name}` is no code of a cause; use 1 to 40 letters a–z, digits and _");
        return source.error(Code::BadName, range, message);
    }
    let Some(title) = title else { return };
    if !causes.add(Cause { code: shared(name), title }) {
        source.error(Code::NameTaken, range, format!("the cause `{name}` is there already (it may be built in)"));
    }
}

fn typed(
    source: &Source<'_>,
    attributes: &Table<'_, '_>,
    vocabulary: &mut Vocabulary,
) -> Vec<(AttributeId, ValueType)> {
    attributes
        .entries()
        .filter_map(|(name, _, node)| {
            let value_type = source.choice(node, "attribute type", &TYPES)?;
            Some((vocabulary.attribute(name), value_type))
        })
        .collect()
}

/// Words that conditions already know, so that an attribute of that name could never be reached.
const TAKEN: [(Owner, &[&str]); 2] = [
    (Owner::Case, &["level", "unit", "subject", "stafettholder", "initiator", "protected"]),
    (Owner::Unit, &["id", "unit_type", "parent", "leader", "calendar"]),
];

fn attribute(
    source: &Source<'_>,
    (name, range): (&str, std::ops::Range<usize>),
    node: &Node<'_>,
    owner: Owner,
    vocabulary: &mut Vocabulary,
) {
    let Some(mut table) = source.table(node, "attribute") else { return };
    let value_type = table.require("type").and_then(|node| source.choice(node, "attribute type", &TYPES));
    let _title = table.take("title").and_then(|node| source.localized(node));
    table.finish();
    if TAKEN.iter().any(|(taken_by, words)| *taken_by == owner && words.contains(&name)) {
        source.error(
            Code::NameTaken,
            range,
            format!("`{name}` is a field of the record already; give the attribute another name"),
        );
    } else if let Some(value_type) = value_type {
        vocabulary.add_attribute(owner, name, value_type);
    }
}
