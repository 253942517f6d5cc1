//! Facts as they are written: one record a line, in NDJSON and in the store (`rule-language` § 4).
//!
//! These types only say what a record may contain. What its words mean is decided against the vocabulary and the
//! tenant's time zone in [`crate::case`] and [`crate::organisation`].

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::language::Language;

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Fact {
    /// A municipality.
    Tenant(TenantFact),
    /// A school, a kindergarten, a department.
    Unit(UnitFact),
    /// Somebody who can be written to.
    Person(PersonFact),
    /// A case.
    Case(CaseFact),
    /// Something that happened in a case.
    Event(EventFact),
}

/// A municipality. Of several records with the same id, the last counts throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantFact {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The rule packs in force, the first one giving defaults.
    pub packs: Vec<String>,
    /// The language of messages; `nb` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// IANA time zone; `Europe/Oslo` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The BTI coordinator, a person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// Named contacts: the role `contact:NAME` reaches this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<BTreeMap<String, Option<String>>>,
    /// The address that gets what reaches nobody else.
    pub fallback: String,
    /// The only domains that mail may go to.
    pub mail_domains: Vec<String>,
    /// Link to a case, with `{ref}` where the reference goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_url: Option<String>,
    /// No round before this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go_live: Option<NaiveDate>,
    /// When people may be disturbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryFact>,
    /// Accepted for symmetry; the last record counts throughout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<DateTime<FixedOffset>>,
}

/// When people may be disturbed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFact {
    /// `08:00-16:00`, local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The delivery calendar; the first pack's unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// A school, a kindergarten, a department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitFact {
    /// Its municipality.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its type, as in `[pack] calendars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_type: Option<String>,
    /// The unit above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The leader, a person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The unit's mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The unit's legal calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// As in the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<serde_json::Map<String, serde_json::Value>>,
    /// Known from then on; without it, from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<DateTime<FixedOffset>>,
}

/// Somebody who can be written to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonFact {
    /// Their municipality.
    pub tenant: String,
    /// Their id.
    pub id: String,
    /// Their name; never shown to others than themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where they are written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where they work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The language of their messages; the tenant's unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// When they are away; the first entry that holds a day counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Vec<AbsenceFact>>,
    /// Known from then on; without it, from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<DateTime<FixedOffset>>,
}

/// A time away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbsenceFact {
    /// First day away.
    pub from: NaiveDate,
    /// Last day away; without it, until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// Who stands in, a person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy: Option<String>,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFact {
    /// Its municipality.
    pub tenant: String,
    /// Its id in the case system.
    pub id: String,
    /// The opaque reference, the only thing that messages show.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Free text; some use 0/A/B/C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Where the case belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The baton holder, a person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stafettholder: Option<String>,
    /// Who raised the concern, a person's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<String>,
    /// What the case is about; a child unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Address-protected: no message at all leaves for this case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// As in the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<serde_json::Map<String, serde_json::Value>>,
    /// Known from then on; without it, from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<DateTime<FixedOffset>>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A child, or one unborn.
    #[default]
    Child,
    /// A committee with meetings of its own.
    Committee,
    /// A unit.
    Unit,
    /// A routine, such as the pack's own revision.
    Routine,
}

impl Subject {
    /// The word in facts and rules.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Committee => "committee",
            Self::Unit => "unit",
            Self::Routine => "routine",
        }
    }
}

/// Something that happened in a case, or the revocation of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventFact {
    /// The municipality.
    pub tenant: String,
    /// The case's id.
    pub case: String,
    /// Unique within tenant and case; the same id again replaces the record.
    pub id: String,
    /// As in the vocabulary; needed unless revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The civil date on which it happened; this or `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<NaiveDate>,
    /// The instant at which it happened; this or `on`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<FixedOffset>>,
    /// When it was typed in; `at`, else `on` at 00:00 local, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<DateTime<FixedOffset>>,
    /// As in the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<serde_json::Map<String, serde_json::Value>>,
    /// Takes the event back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
}

impl Fact {
    /// Reads one line of NDJSON.
    ///
    /// # Errors
    /// Text for a person, naming the field, where the line is no record.
    pub fn decode(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| {
            let text = error.to_string();
            // serde_json counts from the start of this one line; the caller names the file's line.
            let text = text.split(" at line ").next().unwrap_or(&text);
            without_value(text)
        })
    }

    /// The tenant and case that the record belongs to; none for a tenant, unit or person.
    #[must_use]
    pub fn case(&self) -> Option<(&str, &str)> {
        match self {
            Self::Case(case) => Some((&case.tenant, &case.id)),
            Self::Event(event) => Some((&event.tenant, &event.case)),
            Self::Tenant(_) | Self::Unit(_) | Self::Person(_) => None,
        }
    }

    /// The tenant that the record belongs to.
    #[must_use]
    pub fn tenant(&self) -> &str {
        match self {
            Self::Tenant(tenant) => &tenant.id,
            Self::Unit(unit) => &unit.tenant,
            Self::Person(person) => &person.tenant,
            Self::Case(case) => &case.tenant,
            Self::Event(event) => &event.tenant,
        }
    }
}

/// An error of serde without the value that it names: that may be personal, and what was expected is enough to mend it.
pub(crate) fn without_value(error: &str) -> String {
    let shows_value =
        ["invalid type: ", "invalid value: ", "unknown variant `"].iter().any(|start| error.starts_with(start));
    match error.rsplit_once(", expected ") {
        Some((_, expected)) if shows_value => format!("expected {expected}"),
        _ => error.to_owned(),
    }
}
