//! A case and its events, over time.
//!
//! A [`CaseFile`] is everything ever recorded about one case. What of it is known at an instant is read through
//! [`crate::engine`]; this module only parses facts into it.

use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::calendar::{Instant, civil_date, first_instant};
use crate::fact::{CaseFact, EventFact, Subject};
use crate::history::History;
use crate::vocabulary::{AttributeId, Attributes, EventKind, Owner, Value, ValueType, Vocabulary};

/// Everything recorded about one case.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The municipality's id.
    pub tenant: Arc<str>,
    /// The case's id.
    pub id: Arc<str>,
    /// The case record and its later versions.
    pub records: History<CaseRecord>,
    /// The events, in the order in which their ids first appeared.
    pub events: Vec<EventHistory>,
}

/// One version of a case record.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRecord {
    /// What messages call the case.
    pub reference: CaseRef,
    /// Free text.
    pub level: Option<Arc<str>>,
    /// The unit's id.
    pub unit: Option<Arc<str>>,
    /// The baton holder's person id.
    pub stafettholder: Option<Arc<str>>,
    /// The person id of whoever raised the concern.
    pub initiator: Option<Arc<str>>,
    /// What the case is about.
    pub subject: Subject,
    /// Address-protected: no message leaves.
    pub protected: bool,
    /// As in the vocabulary.
    pub attributes: Attributes,
    /// When the record says that it was typed in.
    pub recorded_at: Option<Instant>,
}

/// The opaque reference of a case: the only thing that messages, logs and errors may say of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseRef(Arc<str>);

impl CaseRef {
    /// The longest reference, in characters: it has to fit a subject line.
    pub const MAX_CHARS: usize = 40;

    /// A reference as the case system gives it.
    ///
    /// # Errors
    /// Text for a person, where it is empty, too long, or holds anything but letters, digits and `-_./`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let plain = text.chars().all(|char| char.is_alphanumeric() || "-_./".contains(char));
        if text.is_empty() || text.chars().count() > Self::MAX_CHARS || !plain {
            return Err(format!(
                "`ref` is the opaque reference that messages show: 1–{} letters, digits or -_./",
                Self::MAX_CHARS
            ));
        }
        if text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("`ref` looks like a birth number; use an opaque reference".to_owned());
        }
        Ok(Self(text.into()))
    }

    /// A reference for a case that has none: five letters and digits from a digest of its id, always the same.
    #[must_use]
    pub fn derived(tenant: &str, case: &str) -> Self {
        const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let digest = Sha256::digest(format!("{tenant}\0{case}"));
        Self(digest.iter().take(5).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>().into())
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for CaseRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event id and what was recorded under it.
#[derive(Clone, Debug)]
pub struct EventHistory {
    /// Unique within the case.
    pub id: Arc<str>,
    /// `recorded_at` of the id's first line, which orders events of the same time (§ 4).
    pub first_recorded_at: Instant,
    /// The versions; `None` is a revocation.
    pub versions: History<Option<Event>>,
}

/// One version of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub time: EventTime,
    /// As in the vocabulary.
    pub attributes: Attributes,
    /// When this version was typed in.
    pub recorded_at: Instant,
}

/// When an event happened: a civil date, or an instant and the civil date on which it falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// The civil date in the tenant's time zone.
    pub on: NaiveDate,
    /// The instant itself, or the first instant of `on`.
    pub instant: Instant,
    /// Whether only the date is known.
    pub date_only: bool,
}

impl CaseFile {
    /// A case of which nothing is recorded yet.
    #[must_use]
    pub fn new(tenant: Arc<str>, id: Arc<str>) -> Self {
        Self { tenant, id, records: History::new(), events: vec![] }
    }

    /// Adds the next version of the case record.
    ///
    /// # Errors
    /// Text for a person, naming the field.
    pub fn add_record(&mut self, fact: &CaseFact, vocabulary: &Vocabulary) -> Result<(), String> {
        let recorded_at = fact.recorded_at.map(|instant| instant.to_utc());
        let reference = match fact.reference.as_deref() {
            Some(text) => CaseRef::parse(text)?,
            None => CaseRef::derived(&fact.tenant, &fact.id),
        };
        let attributes = parse_attributes(fact.attributes.as_ref(), vocabulary, |name| {
            vocabulary.owned_attribute(Owner::Case, name)
        })
        .map_err(|error| error.text("a case", vocabulary.owned_attributes(Owner::Case)))?;
        let shared = |text: &Option<String>| text.as_deref().map(Arc::from);
        let record = CaseRecord {
            reference,
            level: shared(&fact.level),
            unit: shared(&fact.unit),
            stafettholder: shared(&fact.stafettholder),
            initiator: shared(&fact.initiator),
            subject: fact.subject.unwrap_or_default(),
            protected: fact.protected.unwrap_or_default(),
            attributes,
            recorded_at,
        };
        self.records.push(recorded_at, record);
        Ok(())
    }

    /// Adds the next version of an event, or its revocation.
    ///
    /// # Errors
    /// Text for a person, naming the field.
    pub fn add_event(&mut self, fact: &EventFact, vocabulary: &Vocabulary, zone: Tz) -> Result<(), String> {
        let recorded_at = fact.recorded_at.map(|instant| instant.to_utc());
        let existing = self.events.iter().position(|event| *event.id == *fact.id);
        if fact.revoked == Some(true) {
            match (existing, recorded_at) {
                (Some(index), Some(_)) => self.events[index].versions.push(recorded_at, None),
                // A revocation without a time: the event never existed.
                (Some(index), None) => drop(self.events.remove(index)),
                (None, _) => {}
            }
            return Ok(());
        }
        let event = Event::parse(fact, recorded_at, vocabulary, zone)?;
        if let Some(index) = existing {
            self.events[index].versions.push(Some(event.recorded_at), Some(event));
            return Ok(());
        }
        let first_recorded_at = event.recorded_at;
        let mut versions = History::new();
        versions.push(Some(first_recorded_at), Some(event));
        self.events.push(EventHistory { id: fact.id.as_str().into(), first_recorded_at, versions });
        Ok(())
    }
}

impl Event {
    fn parse(
        fact: &EventFact,
        recorded_at: Option<Instant>,
        vocabulary: &Vocabulary,
        zone: Tz,
    ) -> Result<Self, String> {
        let name = fact.kind.as_deref().ok_or("an event needs `kind`")?;
        let kind = vocabulary.event(name).ok_or_else(|| unknown("event kind", name, vocabulary.event_kinds()))?;
        let time = match (fact.on, fact.at) {
            (Some(on), None) => EventTime { on, instant: first_instant(zone, on), date_only: true },
            (None, Some(at)) => {
                let instant = at.to_utc();
                EventTime { on: civil_date(zone, instant), instant, date_only: false }
            }
            _ => return Err("an event has either `on` (a date) or `at` (an instant), and not both".to_owned()),
        };
        let attributes =
            parse_attributes(fact.attributes.as_ref(), vocabulary, |name| vocabulary.event_attribute(kind, name))
                .map_err(|error| error.text(name, vocabulary.event_attributes(kind)))?;
        Ok(Self { kind, time, attributes, recorded_at: recorded_at.unwrap_or(time.instant) })
    }
}

/// What is wrong with an attribute.
pub(crate) enum AttributeError {
    Unknown(String),
    Type { name: String, expected: ValueType, found: String },
}

impl AttributeError {
    pub(crate) fn text<'a>(self, owner: &str, known: impl Iterator<Item = &'a Arc<str>>) -> String {
        match self {
            Self::Unknown(name) => unknown(&format!("attribute of {owner}"), &name, known),
            Self::Type { name, expected, found } => {
                format!("attribute `{name}` of {owner} is a {expected}; {found} is none")
            }
        }
    }
}

/// A record's attributes with the types that the vocabulary gives them. Null counts as absent.
pub(crate) fn parse_attributes(
    attributes: Option<&Map<String, Json>>,
    _vocabulary: &Vocabulary,
    find: impl Fn(&str) -> Option<(AttributeId, ValueType)>,
) -> Result<Attributes, AttributeError> {
    let mut pairs = Vec::new();
    for (name, json) in attributes.into_iter().flatten() {
        let (id, value_type) = find(name).ok_or_else(|| AttributeError::Unknown(name.clone()))?;
        if json.is_null() {
            continue;
        }
        let value = parse_value(json, value_type).ok_or_else(|| AttributeError::Type {
            name: name.clone(),
            expected: value_type,
            // The value itself may be personal; its JSON type is enough to mend it.
            found: json_type(json).to_owned(),
        })?;
        pairs.push((id, value));
    }
    Ok(Attributes::new(pairs))
}

fn parse_value(json: &Json, value_type: ValueType) -> Option<Value> {
    Some(match value_type {
        ValueType::Bool => Value::Bool(json.as_bool()?),
        ValueType::Text => Value::Text(json.as_str()?.into()),
        ValueType::Number => Value::Number(json.as_f64()?),
        ValueType::Date => Value::Date(parse_date(json.as_str()?)?),
    })
}

/// A civil date, exactly `YYYY-MM-DD`.
#[must_use]
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

fn json_type(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "this text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// "Unknown …", with the nearest known word.
pub(crate) fn unknown<'a>(what: &str, word: &str, known: impl Iterator<Item = &'a Arc<str>>) -> String {
    let shown = shown(word);
    match nearest(word, known.map(|name| &**name)).filter(|near| is_plain_id(near)) {
        Some(near) => format!("unknown {what} {shown}; did you mean `{near}`?"),
        None => format!("unknown {what} {shown}"),
    }
}

/// A name from outside as errors may show it: only what looks like an id. Anything else may be personal.
pub(crate) fn shown(word: &str) -> String {
    if is_plain_id(word) { format!("`{word}`") } else { "(not shown: it does not look like an id)".to_owned() }
}

/// Whether a text looks like an id and not like a name, an address or a birth number.
pub(crate) fn is_plain_id(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte));
    let birth_number = word.len() == 11 && word.bytes().all(|byte| byte.is_ascii_digit());
    plain && !birth_number && (1..=40).contains(&word.len())
}

/// The known word that looks most like `word`, if one does. What is too long for a word is compared with none: it would
/// only take its time.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 100;
    known
        .filter(|name| word.len() <= LONGEST && name.len() <= LONGEST)
        .map(|name| (strsim::normalized_damerau_levenshtein(word, name), name))
        .filter(|(likeness, _)| *likeness >= 0.55)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
