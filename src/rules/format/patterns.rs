//! Reading events as rules name them: kinds, patterns with `where`, and the ways to meet an obligation.

use super::conditions::{attribute, filter};
use super::reader::{Node, Source};
use crate::rules::{Code, EventPattern, Meeting, MetBy};
use crate::vocabulary::{AttributeId, EventKind, ValueType, Vocabulary};

/// `"kind"` or `{ event = "kind", where = { … } }`.
pub(super) fn pattern(source: &Source<'_>, vocabulary: &Vocabulary, node: &Node<'_>) -> Option<EventPattern> {
    if node.get_ref().is_str() {
        return Some(EventPattern { kind: kind(source, vocabulary, node)?, filter: None });
    }
    let mut table = source.table(node, "event pattern")?;
    let kind = table.require("event").and_then(|node| kind(source, vocabulary, node));
    let filter_node = table.take("where");
    let pattern = kind.and_then(|kind| with_filter(source, vocabulary, kind, filter_node));
    table.finish();
    pattern
}

/// An event kind with its optional `where`.
pub(super) fn with_filter(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    kind: EventKind,
    filter_node: Option<&Node<'_>>,
) -> Option<EventPattern> {
    match filter_node {
        None => Some(EventPattern { kind, filter: None }),
        Some(node) => Some(EventPattern { kind, filter: Some(filter(source, vocabulary, kind, node)?) }),
    }
}

/// One pattern, or a list of them.
pub(super) fn patterns(source: &Source<'_>, vocabulary: &Vocabulary, node: &Node<'_>) -> Option<Vec<EventPattern>> {
    if node.get_ref().as_array().is_none() {
        return Some(vec![pattern(source, vocabulary, node)?]);
    }
    let list = source.list(node)?;
    Some(list.iter().filter_map(|node| pattern(source, vocabulary, node)).collect())
}

/// An event kind that the vocabulary has.
pub(super) fn kind(source: &Source<'_>, vocabulary: &Vocabulary, node: &Node<'_>) -> Option<EventKind> {
    let name = source.text(node)?;
    let kind = vocabulary.event(name);
    if kind.is_none() {
        let words: Vec<&str> = vocabulary.event_kinds().map(|name| &**name).collect();
        source.unknown(Code::UnknownEventKind, node.span(), "event kind", name, words.iter().copied());
    }
    kind
}

/// `met_by` in all its forms. `start_kinds` are the kinds of the start event; empty where there is none.
pub(super) fn met_by(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    start_kinds: &[EventKind],
    node: &Node<'_>,
) -> Option<MetBy> {
    let is_all = node.get_ref().as_table().is_some_and(|table| table.contains_key("all_of"));
    if is_all {
        let mut table = source.table(node, "`met_by` table")?;
        let patterns = table.take("all_of").and_then(|node| {
            source.list(node).map(|list| list.iter().filter_map(|node| pattern(source, vocabulary, node)).collect())
        });
        table.finish();
        return patterns.map(MetBy::All);
    }
    if node.get_ref().as_array().is_none() {
        return Some(MetBy::Any(vec![meeting(source, vocabulary, start_kinds, node)?]));
    }
    let list = source.list(node)?;
    Some(MetBy::Any(list.iter().filter_map(|node| meeting(source, vocabulary, start_kinds, node)).collect()))
}

fn meeting(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    start_kinds: &[EventKind],
    node: &Node<'_>,
) -> Option<Meeting> {
    if node.get_ref().is_str() {
        let event = pattern(source, vocabulary, node)?;
        return Some(Meeting { event, matching: vec![], count: 1, earlier: false, undone_by: vec![], expires: None });
    }
    let mut table = source.table(node, "`met_by` table")?;
    let kind = table.require("event").and_then(|node| kind(source, vocabulary, node));
    let filter_node = table.take("where");
    let matching_node = table.take("match");
    let count = table.take("count").and_then(|node| source.integer(node, 1..=1000));
    let earlier = table.take("earlier").and_then(|node| source.boolean(node)).unwrap_or(false);
    let undone_node = table.take("undone_by");
    let expires_node = table.take("expires");
    table.finish();
    let kind = kind?;
    let undone_by = undone_node.and_then(|node| patterns(source, vocabulary, node)).unwrap_or_default();
    let matching = match matching_node {
        Some(node) => matching(source, vocabulary, (kind, start_kinds, &undone_by), node)?,
        None => vec![],
    };
    let expires = expires_node.and_then(|node| date_attribute(source, vocabulary, kind, node));
    let event = with_filter(source, vocabulary, kind, filter_node)?;
    let count = count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
    Some(Meeting { event, matching, count, earlier, undone_by, expires })
}

fn matching(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    (kind, start_kinds, undone_by): (EventKind, &[EventKind], &[EventPattern]),
    node: &Node<'_>,
) -> Option<Vec<(AttributeId, ValueType)>> {
    if start_kinds.is_empty() {
        source.error(Code::Misplaced, node.span(), "`match` compares with the start event, and this rule has none");
        return None;
    }
    let list = source.list(node)?;
    let mut ids = Vec::new();
    for entry in list {
        let Some(name) = source.text(entry) else { continue };
        let Some(typed) = attribute(source, vocabulary, kind, name, entry.span()) else { continue };
        if !start_kinds.iter().any(|kind| vocabulary.event_attribute(*kind, name).is_some()) {
            let _ = attribute(source, vocabulary, start_kinds[0], name, entry.span());
        }
        for undone in undone_by {
            let _ = attribute(source, vocabulary, undone.kind, name, entry.span());
        }
        ids.push(typed);
    }
    Some(ids)
}

/// The name of a date attribute of an event kind.
pub(super) fn date_attribute(
    source: &Source<'_>,
    vocabulary: &Vocabulary,
    kind: EventKind,
    node: &Node<'_>,
) -> Option<AttributeId> {
    let name = source.text(node)?;
    let (id, value_type) = attribute(source, vocabulary, kind, name, node.span())?;
    if value_type != ValueType::Date {
        source.error(Code::WrongType, node.span(), format!("`{name}` is a {value_type}; a date is needed"));
        return None;
    }
    Some(id)
}
