//! What starts the clock, across rules: `due_of` references, their order, and the kinds of start events.

use std::ops::Range;
use std::sync::Arc;

use super::reader::Source;
use crate::obligation::RuleIndex;
use crate::rules::{EventPattern, From};
use crate::vocabulary::EventKind;

/// A `from` before references between rules are resolved.
pub(super) enum DraftFrom {
    Ready(From),
    DueOf(Reference),
}

/// The name of another rule, and where it stands.
pub(super) struct Reference {
    pub(super) name: Arc<str>,
    pub(super) range: Range<usize>,
}

/// A rule's place in the order of reading, with what is known of it so far.
pub(super) struct Draft {
    pub(super) file: usize,
    pub(super) pack: Arc<str>,
    pub(super) id: Arc<str>,
    pub(super) from: Option<DraftFrom>,
    /// The number of the draft that `due_of` names.
    pub(super) due_of: Option<usize>,
}

/// Resolves every `due_of`, and reports names that do not exist and circles.
pub(super) fn resolve<'f>(drafts: &mut [Draft], source: impl Fn(usize) -> Source<'f>) {
    let names: Vec<String> = drafts.iter().map(|draft| format!("{}/{}", draft.pack, draft.id)).collect();
    for draft in drafts.iter_mut() {
        let Some(DraftFrom::DueOf(reference)) = &draft.from else { continue };
        let full = if reference.name.contains('/') {
            reference.name.to_string()
        } else {
            format!("{}/{}", draft.pack, reference.name)
        };
        let target = names.iter().position(|name| *name == full);
        if target.is_none() {
            let known = names.iter().map(String::as_str);
            source(draft.file).unknown(reference.range.clone(), "rule", &full, known);
        }
        draft.due_of = target;
    }
    for index in 0..drafts.len() {
        if goes_round(drafts, index) {
            let draft = &drafts[index];
            if let Some(DraftFrom::DueOf(reference)) = &draft.from {
                source(draft.file).error(
                    reference.range.clone(),
                    format!("`{}` waits for itself: `due_of` goes round in a circle", draft.id),
                );
            }
        }
    }
    let round: Vec<usize> = (0..drafts.len()).filter(|index| goes_round(drafts, *index)).collect();
    for index in round {
        drafts[index].due_of = None;
    }
}

fn goes_round(drafts: &[Draft], index: usize) -> bool {
    let mut next = drafts[index].due_of;
    for _ in 0..drafts.len() {
        match next {
            Some(current) if current == index => return true,
            Some(current) => next = drafts[current].due_of,
            None => return false,
        }
    }
    false
}

/// The kinds that a rule's start event can have; none for case dates and recurrences.
pub(super) fn start_kinds(drafts: &[Draft], index: usize) -> Vec<EventKind> {
    let mut current = index;
    for _ in 0..=drafts.len() {
        match (&drafts[current].from, drafts[current].due_of) {
            (Some(DraftFrom::Ready(from)), _) => return from.start_kinds(),
            (Some(DraftFrom::DueOf(_)), Some(target)) => current = target,
            _ => return vec![],
        }
    }
    vec![]
}

/// The drafts in an order in which each stands after the one that its `due_of` names.
pub(super) fn order(drafts: &[Draft]) -> Vec<usize> {
    let depth = |index: usize| {
        let mut depth = 0;
        let mut next = drafts[index].due_of;
        while let Some(current) = next.filter(|_| depth <= drafts.len()) {
            depth += 1;
            next = drafts[current].due_of;
        }
        depth
    };
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|index| (depth(*index), *index));
    order
}

impl From {
    /// The kinds that the start event can have; none for case dates and recurrences.
    pub(super) fn start_kinds(&self) -> Vec<EventKind> {
        let kinds = |patterns: &[EventPattern]| patterns.iter().map(|pattern| pattern.kind).collect();
        match self {
            Self::Each(patterns) | Self::FirstOf(patterns) | Self::LastOf(patterns) => kinds(patterns),
            Self::Date { event, .. } => vec![event.kind],
            Self::Case(_) | Self::Yearly(_) | Self::Every(_) | Self::DueOf(_) => vec![],
        }
    }

    /// Whether the clock never starts with an event of the case itself.
    pub(super) fn has_no_start_event(&self) -> bool {
        matches!(self, Self::Case(_) | Self::Yearly(_) | Self::Every(_))
    }
}

/// A resolved `from`: `position` turns a draft's number into the number of the finished rule.
pub(super) fn finish(draft: &Draft, position: impl Fn(usize) -> RuleIndex) -> Option<From> {
    match (draft.from.as_ref()?, draft.due_of) {
        (DraftFrom::Ready(from), _) => Some(from.clone()),
        (DraftFrom::DueOf(_), Some(target)) => Some(From::DueOf(position(target))),
        (DraftFrom::DueOf(_), None) => None,
    }
}
