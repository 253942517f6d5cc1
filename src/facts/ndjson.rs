//! NDJSON: one record a line (`rule-language` § 4). Empty lines are skipped.

use std::io::BufRead;

use serde_json::{Map, Value as Json};

use super::csv::RecordType;
use super::{FactError, Line};
use crate::case::{is_plain_id, shown};
use crate::fact::{Fact, without_value};

/// The longest line that is read, in bytes; a record is a few hundred.
pub const MAX_LINE: usize = 1 << 20;

/// Reads records line by line. After an error of the reader itself nothing more comes.
pub fn read(reader: impl BufRead) -> impl Iterator<Item = Result<Line, FactError>> {
    read_lines(reader, MAX_LINE)
}

/// As [`read`], with lines of at most `longest` bytes.
pub fn read_lines(mut reader: impl BufRead, longest: usize) -> impl Iterator<Item = Result<Line, FactError>> {
    let mut number = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended {
            number += 1;
            match next_line(&mut reader, longest) {
                Ok(Some(bytes)) => {
                    let record = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
                    if !record.is_empty() {
                        return Some(decode(number, record, longest));
                    }
                }
                Ok(None) => ended = true,
                Err(error) => {
                    ended = true;
                    return Some(Err(FactError::new(number, format!("the file cannot be read further: {error}"))));
                }
            }
        }
        None
    })
}

/// One line without its end; of a line that is too long, one byte more than is allowed.
fn next_line(reader: &mut impl BufRead, longest: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let (taken, ended) = {
            let buffer = reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!line.is_empty()).then_some(line));
            }
            let (taken, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), false),
            };
            let room = (longest + 1).saturating_sub(line.len());
            line.extend_from_slice(&buffer[..taken.min(room)]);
            (taken, ended)
        };
        reader.consume(taken);
        if ended {
            return Ok(Some(line));
        }
    }
}

fn decode(number: usize, bytes: &[u8], longest: usize) -> Result<Line, FactError> {
    if bytes.len() > longest {
        return Err(FactError::new(number, format!("longer than {longest} bytes: no record is")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FactError::new(number, "not UTF-8; save the file as UTF-8"))?;
    // The only way to write it in JSON; an escaped backslash before it makes it another text, so it is looked at again.
    if text.contains("\\u0000") && serde_json::from_str(text).is_ok_and(|json| holds_nul(&json)) {
        return Err(nul(number));
    }
    let fact = Fact::decode(text).map_err(|error| diagnose(number, text, &error))?;
    Ok(Line { number, fact })
}

/// Whether a text in it holds the character of number 0: not every database keeps that.
fn holds_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(values) => values.iter().any(holds_nul),
        Json::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn nul(number: usize) -> FactError {
    FactError::new(number, "holds the character U+0000, which is no text; leave it out")
}

/// Which field a record fails on, and what it should hold; never the value itself, which may be personal.
fn diagnose(number: usize, text: &str, error: &str) -> FactError {
    match serde_json::from_str::<Json>(text) {
        Err(_) => FactError::new(number, format!("no JSON: {error}")),
        Ok(Json::Object(record)) => from_object(number, record).err().unwrap_or_else(|| FactError::new(number, error)),
        Ok(_) => FactError::new(number, "a record is an object like {\"type\":\"case\", …}"),
    }
}

/// A record from a JSON object.
pub(crate) fn from_object(number: usize, record: Map<String, Json>) -> Result<Line, FactError> {
    let record = Json::Object(record);
    if holds_nul(&record) {
        return Err(nul(number));
    }
    let Json::Object(record) = record else { return Err(FactError::new(number, "no record")) };
    let attempt = |record: Map<String, Json>| {
        serde_json::from_value::<Fact>(Json::Object(record)).map_err(|error| error.to_string())
    };
    let error = match attempt(record.clone()) {
        Ok(fact) => return Ok(Line { number, fact }),
        Err(error) => error,
    };
    let record_type = record.get("type").and_then(Json::as_str).unwrap_or_default();
    if record.contains_key("type") && !RecordType::ALL.iter().any(|known| known.word() == record_type) {
        let words = RecordType::ALL.map(RecordType::word).join(", ");
        return Err(FactError::of_field(number, "type", format!("no record type; there are {words}")));
    }
    if let Some(error) = unknown_field(number, &error) {
        return Err(error);
    }
    let text = without_value(&error);
    if let Some(name) = quoted_after(&error, ["missing field `", "duplicate field `"]) {
        return Err(FactError { line: number, field: Some(name.to_owned()), text });
    }
    let field = culprit(&record, &error, attempt).cloned();
    let text = match field.as_deref() {
        Some("on" | "go_live") => "no date like 2026-03-02".to_owned(),
        Some("at" | "recorded_at") => "no instant like 2026-03-02T08:00:00+01:00".to_owned(),
        _ => text,
    };
    Err(FactError { line: number, field, text })
}

/// The field that has the wrong type. serde does not name it, so each is taken away in turn: without the one to blame
/// the error is gone or another one. Taking away a mandatory field is an error by itself and tells nothing, unless it
/// expects what the first error expected.
fn culprit<'r>(
    record: &'r Map<String, Json>,
    error: &str,
    attempt: impl Fn(Map<String, Json>) -> Result<Fact, String>,
) -> Option<&'r String> {
    let without = |name: &String| {
        let mut without = record.clone();
        without.insert(name.clone(), Json::Null);
        attempt(without).err()
    };
    let optional = record.keys().find(|name| match without(name) {
        None => true,
        Some(other) => other != error && !other.starts_with("invalid type: null"),
    });
    optional.or_else(|| {
        let expected = error.rsplit_once(", expected ")?.1;
        let mandatory = record.iter().find(|(name, value)| {
            let as_expected = value.is_string() && expected == "a string";
            !as_expected && without(name).is_some_and(|other| other.ends_with(expected))
        });
        mandatory.map(|(name, _)| name)
    })
}

/// The error of a field that there is not. A column of a spreadsheet may be called anything, a person's name too.
fn unknown_field(number: usize, error: &str) -> Option<FactError> {
    let (name, expected) = error.strip_prefix("unknown field `")?.rsplit_once("`, expected ")?;
    let field = is_plain_id(name).then(|| name.to_owned());
    Some(FactError { line: number, field, text: format!("unknown field {}, expected {expected}", shown(name)) })
}

fn quoted_after<'a>(text: &'a str, prefixes: [&str; 2]) -> Option<&'a str> {
    prefixes.into_iter().find_map(|prefix| text.strip_prefix(prefix))?.split('`').next()
}
