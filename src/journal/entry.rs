//! One line of the journal: a checksum, and what was taken as JSON.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use chrono::NaiveDate;

/// A message that the other side took. Holds ids, never an address or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// When, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// The message's lasting id.
    pub message: Uuid,
    /// The attempt with which it was taken.
    pub attempt: Uuid,
    /// The answer's code, such as `250`.
    pub code: String,
    /// The municipality's id.
    pub tenant: String,
    /// Who received it: `p1`, `unit:ID` or `fallback`.
    pub recipient: String,
    /// How it left.
    pub channel: String,
    /// The round or moment that it was made for, in milliseconds since 1970 (UTC).
    pub slot: i64,
    /// What it told the municipality itself, where it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// The ladder steps that were handled with it: those it told, and earlier ones that they stood for.
    pub steps: Vec<HandledStep>,
}

/// A ladder step that was handled, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandledStep {
    /// The case's id.
    pub case: String,
    /// What messages call the case.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The rule's full name.
    pub rule: String,
    /// The obligation's start.
    pub start: String,
    /// The step's `at`, as written.
    pub step: String,
    /// The repetition.
    pub repetition: i64,
    /// The due date that it speaks of.
    pub due_on: NaiveDate,
    /// The role that the step names.
    pub role: String,
    /// The step's place in the ladder.
    pub position: i64,
    /// `reminder` or `escalation`.
    pub purpose: String,
    /// `sent`, `overtaken` or `merged`.
    pub outcome: String,
    /// The civil day on which it was handled.
    pub handled_on: NaiveDate,
}

/// How many letters the checksum has.
const CHECKSUM: usize = 16;

impl Acceptance {
    /// The line, with its end.
    pub(super) fn line(&self) -> Vec<u8> {
        // Strings and numbers alone: there is nothing in it that could fail.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{} {json}\n", checksum(json.as_bytes())).into_bytes()
    }

    /// The acceptance of a whole, undamaged line.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(CHECKSUM)?;
        let json = json.strip_prefix(b" ")?;
        if checksum(json).as_bytes() != sum {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(CHECKSUM / 2).map(|byte| format!("{byte:02x}")).collect()
}
