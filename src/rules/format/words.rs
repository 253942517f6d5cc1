//! Reading `vocabulary.toml`.

use toml::de::DeTable;

use super::reader::{Node, Source, Table, shared};
use crate::language::Localized;
use crate::rules::Code;
use crate::vocabulary::{AttributeId, EventDefinition, Owner, ValueType, Vocabulary};

const TYPES: [(&str, ValueType); 4] =
    [("bool", ValueType::Bool), ("text", ValueType::Text), ("number", ValueType::Number), ("date", ValueType::Date)];

/// Adds what one vocabulary file says.
pub(super) fn read(source: &Source<'_>, root: &DeTable<'_>, vocabulary: &mut Vocabulary) {
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
