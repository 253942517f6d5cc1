//! The words that facts and rules may use: event kinds, and the attributes of events, cases and units with their types.
//!
//! Kinds and attribute names are interned, so that the engine compares small numbers. A word that is not here is an
//! error wherever it is used: a rule that silently never fires is the failure that hurts most (`rule-language` § 1).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::language::Localized;

/// An event kind, by its number in the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKind(u16);

/// A set of event kinds that says quickly, and for certain, that a kind is not in it. That one is in it may be wrong:
/// kinds whose numbers differ by 64 count as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u64);

impl KindSet {
    /// Adds a kind.
    pub fn insert(&mut self, kind: EventKind) {
        self.0 |= 1 << (kind.0 % 64);
    }

    /// Whether a kind may be in it.
    #[must_use]
    pub fn may_contain(self, kind: EventKind) -> bool {
        self.0 >> (kind.0 % 64) & 1 == 1
    }
}

/// An attribute name, by its number in the vocabulary; events, cases and units share the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeId(u16);

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `true` or `false`; missing counts as `false`.
    Bool,
    /// Any text.
    Text,
    /// A number.
    Number,
    /// A civil date, `2026-03-02`.
    Date,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Number => "number",
            Self::Date => "date",
        })
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(Arc<str>),
    /// A number.
    Number(f64),
    /// A civil date.
    Date(NaiveDate),
}

/// A record's attributes, sorted by id. Absent and null are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(AttributeId, Value)>);

impl Attributes {
    /// Attributes from pairs; of a repeated name the last value counts.
    #[must_use]
    pub fn new(mut pairs: Vec<(AttributeId, Value)>) -> Self {
        pairs.reverse();
        pairs.sort_by_key(|(id, _)| *id);
        pairs.dedup_by_key(|(id, _)| *id);
        Self(pairs)
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(&self, id: AttributeId) -> Option<&Value> {
        self.0.iter().find(|(name, _)| *name == id).map(|(_, value)| value)
    }

    /// The value of a date attribute.
    #[must_use]
    pub fn date(&self, id: AttributeId) -> Option<NaiveDate> {
        match self.get(id) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }
}

/// What the vocabulary says of one event kind.
#[derive(Clone, Debug)]
pub struct EventDefinition {
    /// The name in facts and rules.
    pub name: Arc<str>,
    /// What people read.
    pub title: Localized,
    /// The attributes it may carry.
    pub attributes: Vec<(AttributeId, ValueType)>,
}

/// All words, with their types.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    events: Vec<EventDefinition>,
    event_names: HashMap<Arc<str>, EventKind>,
    attribute_names: Vec<Arc<str>>,
    attribute_ids: HashMap<Arc<str>, AttributeId>,
    case: Vec<(AttributeId, ValueType)>,
    unit: Vec<(AttributeId, ValueType)>,
    built_in: BuiltIn,
}

/// The words that exist without being written in `vocabulary.toml` (§ 1).
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// `deadline_extended {rule, until, reason, decided_by, start?}`.
    pub deadline_extended: EventKind,
    /// `rule_exempted {rule, reason, decided_by, start?}`.
    pub rule_exempted: EventKind,
    /// The rule that an extension or exemption speaks of.
    pub rule: AttributeId,
    /// The date to which a deadline is extended.
    pub until: AttributeId,
    /// The start that an extension or exemption is limited to.
    pub start: AttributeId,
}

/// Whose attribute a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A case.
    Case,
    /// A unit.
    Unit,
}

impl Vocabulary {
    /// The built-in words alone.
    #[must_use]
    pub fn built_in_only() -> Self {
        let placeholder = BuiltIn {
            deadline_extended: EventKind(0),
            rule_exempted: EventKind(1),
            rule: AttributeId(0),
            until: AttributeId(0),
            start: AttributeId(0),
        };
        let mut vocabulary = Self {
            events: vec![],
            event_names: HashMap::new(),
            attribute_names: vec![],
            attribute_ids: HashMap::new(),
            case: vec![],
            unit: vec![],
            built_in: placeholder,
        };
        let rule = vocabulary.attribute("rule");
        let until = vocabulary.attribute("until");
        let start = vocabulary.attribute("start");
        let reason = vocabulary.attribute("reason");
        let decided_by = vocabulary.attribute("decided_by");
        let mut common = vec![
            (rule, ValueType::Text),
            (reason, ValueType::Text),
            (decided_by, ValueType::Text),
            (start, ValueType::Text),
        ];
        let exempted = vocabulary.built_in_event(
            "rule_exempted",
            ["Unntak fra regel", "Unntak frå regel", "Rule exempted"],
            common.clone(),
        );
        common.push((until, ValueType::Date));
        let extended = vocabulary.built_in_event(
            "deadline_extended",
            ["Frist forlenget", "Frist forlengd", "Deadline extended"],
            common,
        );
        vocabulary.built_in = BuiltIn { deadline_extended: extended, rule_exempted: exempted, rule, until, start };
        vocabulary
    }

    fn built_in_event(&mut self, name: &str, title: [&str; 3], attributes: Vec<(AttributeId, ValueType)>) -> EventKind {
        let [nb, nn, en] = title;
        let title = Localized::from_parts(Some(nb), Some(nn), Some(en)).unwrap_or_else(|| Localized::same(name));
        let kind = EventKind(u16::try_from(self.events.len()).unwrap_or(u16::MAX));
        let name: Arc<str> = name.into();
        self.events.push(EventDefinition { name: name.clone(), title, attributes });
        self.event_names.insert(name, kind);
        kind
    }

    /// Adds an event kind. `None` if the name is taken or the vocabulary is full (65,535 kinds).
    pub fn add_event(&mut self, definition: EventDefinition) -> Option<EventKind> {
        if self.event_names.contains_key(&definition.name) {
            return None;
        }
        let kind = EventKind(u16::try_from(self.events.len()).ok()?);
        self.event_names.insert(definition.name.clone(), kind);
        self.events.push(definition);
        Some(kind)
    }

    /// Adds an attribute of cases or units. `false` if it is already there.
    pub fn add_attribute(&mut self, owner: Owner, name: &str, value_type: ValueType) -> bool {
        let id = self.attribute(name);
        let list = match owner {
            Owner::Case => &mut self.case,
            Owner::Unit => &mut self.unit,
        };
        let new = !list.iter().any(|(known, _)| *known == id);
        if new {
            list.push((id, value_type));
        }
        new
    }

    /// The number of an attribute name, interning it if it is new.
    pub fn attribute(&mut self, name: &str) -> AttributeId {
        if let Some(id) = self.attribute_ids.get(name) {
            return *id;
        }
        let id = AttributeId(u16::try_from(self.attribute_names.len()).unwrap_or(u16::MAX));
        let name: Arc<str> = name.into();
        self.attribute_names.push(name.clone());
        self.attribute_ids.insert(name, id);
        id
    }

    /// The built-in words.
    #[must_use]
    pub fn built_in(&self) -> BuiltIn {
        self.built_in
    }

    /// The event kind of this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<EventKind> {
        self.event_names.get(name).copied()
    }

    /// What is known of an event kind.
    #[must_use]
    pub fn definition(&self, kind: EventKind) -> &EventDefinition {
        &self.events[usize::from(kind.0)]
    }

    /// The name of an attribute.
    #[must_use]
    pub fn attribute_name(&self, id: AttributeId) -> &Arc<str> {
        &self.attribute_names[usize::from(id.0)]
    }

    /// The type of an event's attribute, if that kind may carry it.
    #[must_use]
    pub fn event_attribute(&self, kind: EventKind, name: &str) -> Option<(AttributeId, ValueType)> {
        self.find(&self.definition(kind).attributes, name)
    }

    /// The type of an attribute of cases or units.
    #[must_use]
    pub fn owned_attribute(&self, owner: Owner, name: &str) -> Option<(AttributeId, ValueType)> {
        self.find(self.owned(owner), name)
    }

    /// The names of all event kinds.
    pub fn event_kinds(&self) -> impl Iterator<Item = &Arc<str>> {
        self.events.iter().map(|definition| &definition.name)
    }

    /// The names of the attributes that `kind` may carry.
    pub fn event_attributes(&self, kind: EventKind) -> impl Iterator<Item = &Arc<str>> {
        self.definition(kind).attributes.iter().map(|(id, _)| self.attribute_name(*id))
    }

    /// The names of the attributes of cases or units.
    pub fn owned_attributes(&self, owner: Owner) -> impl Iterator<Item = &Arc<str>> {
        self.owned(owner).iter().map(|(id, _)| self.attribute_name(*id))
    }

    fn owned(&self, owner: Owner) -> &[(AttributeId, ValueType)] {
        match owner {
            Owner::Case => &self.case,
            Owner::Unit => &self.unit,
        }
    }

    fn find(&self, list: &[(AttributeId, ValueType)], name: &str) -> Option<(AttributeId, ValueType)> {
        let id = self.attribute_ids.get(name)?;
        list.iter().find(|(known, _)| known == id).copied()
    }
}
