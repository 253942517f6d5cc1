//! From the cells of a row to a record: rows of CSV files and of databases name their columns alike.
//!
//! | column | holds |
//! |---|---|
//! | the field names of `rule-language` § 4 | the field |
//! | `attributes.NAME` | one attribute, with the type that the vocabulary gives it |
//! | `packs`, `mail_domains` | several values, separated by `\|` |
//! | `contacts.NAME` | the person of a tenant's contact |
//! | `delivery.hours`, `delivery.calendar` | the tenant's hours and delivery calendar |
//! | `absent.from`, `absent.to`, `absent.deputy` | one absence of a person |
//!
//! A database may also give `attributes`, `contacts`, `delivery`, `absent`, `packs` and `mail_domains` as JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value as Json, json};

use super::csv::RecordType;
use crate::calendar::{at_local, first_instant};
use crate::case::{nearest, parse_date, shown};
use crate::vocabulary::{Owner, ValueType, Vocabulary};

/// One value of a row. An absent one (an empty cell, NULL) is no cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text, never empty.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, as it is written.
    Number(String),
    /// A civil date.
    Date(NaiveDate),
    /// A date and time of day without a zone.
    Local(NaiveDateTime),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A list of texts.
    List(Vec<String>),
    /// JSON.
    Json(Json),
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Text,
    Bool,
    Number,
    Date,
    Instant,
    List,
    Object,
}

/// A row as the object that the same record is in NDJSON. What does not fit its field stays as it is, and the check
/// names it. `zone`: where times without a zone are at home; without it, they stay text.
pub(crate) fn record(
    record_type: &str,
    cells: Vec<(&str, Cell)>,
    vocabulary: &Vocabulary,
    zone: Option<Tz>,
) -> Map<String, Json> {
    let kind = cells.iter().find(|(name, _)| *name == "kind").and_then(|(_, cell)| match cell {
        Cell::Text(kind) => Some(kind.clone()),
        _ => None,
    });
    let mut record = Map::new();
    let mut nested: BTreeMap<&str, Map<String, Json>> = BTreeMap::new();
    record.insert("type".to_owned(), record_type.into());
    for (name, cell) in cells {
        match name.split_once('.') {
            Some((field @ ("attributes" | "contacts" | "delivery" | "absent"), inner)) => {
                let wanted = match (field, inner) {
                    ("attributes", _) => wanted(attribute_type(record_type, kind.as_deref(), inner, vocabulary)),
                    ("absent", "from" | "to") => Wanted::Date,
                    _ => Wanted::Text,
                };
                nested.entry(field).or_default().insert(inner.to_owned(), value(cell, wanted, zone));
            }
            _ => drop(record.insert(name.to_owned(), value(cell, of_field(name), zone))),
        }
    }
    for (field, inner) in nested {
        let value = if field == "absent" { json!([inner]) } else { Json::Object(inner) };
        record.insert(field.to_owned(), value);
    }
    record
}

fn of_field(name: &str) -> Wanted {
    match name {
        "packs" | "mail_domains" => Wanted::List,
        "protected" | "revoked" => Wanted::Bool,
        "on" | "go_live" => Wanted::Date,
        "at" | "recorded_at" => Wanted::Instant,
        "attributes" | "contacts" | "delivery" | "absent" => Wanted::Object,
        _ => Wanted::Text,
    }
}

fn wanted(value_type: Option<ValueType>) -> Wanted {
    match value_type {
        Some(ValueType::Bool) => Wanted::Bool,
        Some(ValueType::Number) => Wanted::Number,
        Some(ValueType::Date) => Wanted::Date,
        Some(ValueType::Text) | None => Wanted::Text,
    }
}

fn attribute_type(record_type: &str, kind: Option<&str>, name: &str, vocabulary: &Vocabulary) -> Option<ValueType> {
    let found = match record_type {
        "case" => vocabulary.owned_attribute(Owner::Case, name),
        "unit" => vocabulary.owned_attribute(Owner::Unit, name),
        _ => vocabulary.event_attribute(vocabulary.event(kind?)?, name),
    };
    found.map(|(_, value_type)| value_type)
}

/// A cell as its field holds it.
fn value(cell: Cell, wanted: Wanted, zone: Option<Tz>) -> Json {
    match (wanted, cell) {
        (Wanted::Text, cell) => written(cell),
        (Wanted::Bool, Cell::Integer(0)) => false.into(),
        (Wanted::Bool, Cell::Integer(1)) => true.into(),
        (Wanted::Bool, Cell::Text(text)) => text.parse::<bool>().map_or_else(|_| text.into(), Json::from),
        (Wanted::Number, Cell::Text(text) | Cell::Number(text)) => {
            let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            number.map_or_else(|| text.into(), Json::from)
        }
        (Wanted::Date, Cell::Text(text)) => match zone.and_then(|_| local(&text)) {
            Some(local) => local.date().to_string().into(),
            None => text.into(),
        },
        (Wanted::Date, Cell::Local(local)) => local.date().to_string().into(),
        (Wanted::Date, Cell::Instant(instant)) => {
            instant.with_timezone(&zone.unwrap_or(Tz::UTC)).date_naive().to_string().into()
        }
        (Wanted::Instant, Cell::Text(text)) => match zone.and_then(|zone| instant(&text, zone)) {
            Some(instant) => instant.into(),
            None => text.into(),
        },
        (Wanted::Instant, Cell::Local(local)) => match zone {
            Some(zone) => rfc3339(at_local(zone, local.date(), local.time()), zone).into(),
            None => written(Cell::Local(local)),
        },
        (Wanted::Instant, Cell::Instant(instant)) => rfc3339(instant, zone.unwrap_or(Tz::UTC)).into(),
        (Wanted::Instant, Cell::Date(date)) => {
            let zone = zone.unwrap_or(Tz::UTC);
            rfc3339(first_instant(zone, date), zone).into()
        }
        (Wanted::List, Cell::Text(text)) => {
            json_in(&text, '[').unwrap_or_else(|| text.split('|').map(str::trim).collect::<Vec<_>>().into())
        }
        (Wanted::Object, Cell::Text(text)) => {
            json_in(&text, '{').or_else(|| json_in(&text, '[')).unwrap_or_else(|| text.into())
        }
        (_, cell) => natural(cell),
    }
}

/// A cell as a text, as far as it can be one.
fn written(cell: Cell) -> Json {
    match cell {
        Cell::Integer(number) => number.to_string().into(),
        Cell::Number(number) => number.into(),
        other => natural(other),
    }
}

/// A cell as what it is.
fn natural(cell: Cell) -> Json {
    match cell {
        Cell::Text(text) => text.into(),
        Cell::Bool(is) => is.into(),
        Cell::Integer(number) => number.into(),
        Cell::Number(number) => {
            let parsed = number.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            parsed.map_or_else(|| number.into(), Json::from)
        }
        Cell::Date(date) => date.to_string().into(),
        Cell::Local(local) => local.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
        Cell::Instant(instant) => rfc3339(instant, Tz::UTC).into(),
        Cell::List(list) => list.into(),
        Cell::Json(json) => json,
    }
}

fn json_in(text: &str, begins: char) -> Option<Json> {
    text.trim_start().starts_with(begins).then(|| serde_json::from_str(text).ok())?
}

fn rfc3339(instant: DateTime<Utc>, zone: Tz) -> String {
    instant.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// A date and time of day as databases without a type for it write them: `2026-03-02 09:10:00`, also with a `T`,
/// without seconds or with parts of them.
pub(crate) fn local(text: &str) -> Option<NaiveDateTime> {
    let separator = text.as_bytes().get(10).filter(|byte| matches!(byte, b' ' | b'T'))?;
    let format = |time: &str| format!("%Y-%m-%d{}{time}", char::from(*separator));
    let parse = |time: &str| NaiveDateTime::parse_from_str(text, &format(time)).ok();
    parse("%H:%M:%S%.f").or_else(|| parse("%H:%M"))
}

/// An instant that is written with its offset, or as the local time of a zone, or as a day.
fn instant(text: &str, zone: Tz) -> Option<String> {
    if DateTime::parse_from_rfc3339(text).is_ok() {
        // Also with a blank in place of the `T`, which the facts do not know.
        return Some(text.replacen(' ', "T", 1));
    }
    if let Some(date) = parse_date(text) {
        return Some(rfc3339(first_instant(zone, date), zone));
    }
    if let Some(local) = local(text) {
        return Some(rfc3339(at_local(zone, local.date(), local.time()), zone));
    }
    // PostgreSQL writes `+01`, others `+0100`.
    let offset = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
    Some(offset.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

/// What is wrong with the columns of all rows of a type: what is missing, stands twice or means nothing. `given` are
/// fields that need no column. Texts for a person, naming columns only.
#[must_use]
pub fn faults(record_type: RecordType, columns: &[&str], given: &[&str], vocabulary: &Vocabulary) -> Vec<String> {
    let word = record_type.word();
    let (needed, others) = known(record_type);
    let mut faults = vec![];
    for name in needed.iter().filter(|name| !columns.contains(name) && !given.contains(name)) {
        faults.push(format!("the column `{name}` is missing; every {word} needs it"));
    }
    if record_type == RecordType::Event && !columns.contains(&"on") && !columns.contains(&"at") {
        faults.push("the column `on` or `at` is missing; every event needs one of them".to_owned());
    }
    for (place, name) in columns.iter().enumerate() {
        if columns[..place].contains(name) {
            faults.push(format!("the column {} stands twice; keep one of them", shown(name)));
        } else if !needed.contains(name) && !others.contains(name) && !is_nested(record_type, name, vocabulary) {
            let near = nearest(name, needed.iter().chain(others).copied());
            let near = near.map_or_else(
                || "leave it out, or rename it with AS".to_owned(),
                |near| format!("did you mean `{near}`? Rename it with AS, or leave it out"),
            );
            faults.push(format!("the column {} is none that a {word} has; {near}", shown(name)));
        }
    }
    faults
}

/// The columns that rows of a type must have, and those that they may have besides nested ones.
fn known(record_type: RecordType) -> (&'static [&'static str], &'static [&'static str]) {
    match record_type {
        RecordType::Tenant => (
            &["id", "packs", "fallback", "mail_domains"],
            &[
                "name",
                "language",
                "time_zone",
                "coordinator",
                "contacts",
                "case_url",
                "go_live",
                "delivery",
                "recorded_at",
            ],
        ),
        RecordType::Unit => (
            &["tenant", "id"],
            &["name", "unit_type", "parent", "leader", "email", "calendar", "attributes", "recorded_at"],
        ),
        RecordType::Person => (&["tenant", "id"], &["name", "email", "unit", "language", "absent", "recorded_at"]),
        RecordType::Case => (
            &["tenant", "id"],
            &[
                "ref",
                "level",
                "unit",
                "stafettholder",
                "initiator",
                "subject",
                "protected",
                "attributes",
                "recorded_at",
            ],
        ),
        RecordType::Event => (&["tenant", "case", "id", "kind"], &["on", "at", "recorded_at", "attributes", "revoked"]),
    }
}

fn is_nested(record_type: RecordType, name: &str, vocabulary: &Vocabulary) -> bool {
    let Some((field, inner)) = name.split_once('.') else { return false };
    match (record_type, field) {
        (RecordType::Tenant, "contacts") => !inner.is_empty(),
        (RecordType::Tenant, "delivery") => matches!(inner, "hours" | "calendar"),
        (RecordType::Person, "absent") => matches!(inner, "from" | "to" | "deputy"),
        (RecordType::Unit, "attributes") => vocabulary.owned_attribute(Owner::Unit, inner).is_some(),
        (RecordType::Case, "attributes") => vocabulary.owned_attribute(Owner::Case, inner).is_some(),
        (RecordType::Event, "attributes") => {
            let kinds = vocabulary.event_kinds().filter_map(|name| vocabulary.event(name));
            kinds.into_iter().any(|kind| vocabulary.event_attribute(kind, inner).is_some())
        }
        _ => false,
    }
}
