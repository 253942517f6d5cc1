//! What a webhook says: a reference and a date, no address and no name. Whoever may know more asks the case system.

use std::sync::Arc;

use chrono::{NaiveDate, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::calendar::Instant;
use crate::case::CaseRef;
use crate::delivery::message::{ChatContent, ChatKind, ChatText, TEST_MARK};
use crate::language::Language;
use crate::notice::{Purpose, Role};

/// What a webhook is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookKind {
    /// A reminder went out, or would have by mail.
    Reminder,
    /// An escalation went out, or would have by mail.
    Escalation,
    /// A deviation was opened.
    Deviation,
}

/// One thing to tell a webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEvent {
    /// What it is.
    pub kind: WebhookKind,
    /// The municipality's id.
    pub tenant: Arc<str>,
    /// What the case is called.
    pub reference: CaseRef,
    /// What messages call the rule.
    pub code: Arc<str>,
    /// The last day in time.
    pub due_on: NaiveDate,
    /// Days left on the day of sending; negative when late.
    pub days: i64,
    /// Whether it is overdue.
    pub overdue: bool,
    /// The municipality's language.
    pub language: Language,
    /// What people call the municipality.
    pub tenant_name: Arc<str>,
    /// The rule's neutral words, in that language.
    pub notice: Arc<str>,
    /// Where the case is, behind a login.
    pub link: Option<String>,
    /// The role that the ladder names; a deviation has the responsible one.
    pub role: Role,
    /// When it became so.
    pub at: Instant,
    /// Whether an earlier attempt may have arrived. The `webhook-id` is the same then.
    pub possible_repeat: bool,
}

impl From<Purpose> for WebhookKind {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Reminder => Self::Reminder,
            Purpose::Escalation => Self::Escalation,
        }
    }
}

impl WebhookEvent {
    /// What a chat shows of it.
    pub(super) fn chat(&self) -> ChatText {
        ChatText::new(&ChatContent {
            language: self.language,
            kind: match self.kind {
                WebhookKind::Reminder => ChatKind::Reminder,
                WebhookKind::Escalation => ChatKind::Escalation,
                WebhookKind::Deviation => ChatKind::Deviation,
            },
            tenant_name: &self.tenant_name,
            reference: &self.reference,
            notice: &self.notice,
            code: &self.code,
            due_on: self.due_on,
            days: self.days,
            overdue: self.overdue,
            role: &self.role,
            link: self.link.as_deref(),
            possible_repeat: self.possible_repeat,
        })
    }

    /// The event as JSON for programs, `{"type", "timestamp", "data"}`: no words. The same event is the same bytes.
    #[must_use]
    pub fn standard(&self) -> String {
        let (event_type, purpose) = match self.kind {
            WebhookKind::Reminder => ("notice.reminder", Some(Purpose::Reminder.word())),
            WebhookKind::Escalation => ("notice.escalation", Some(Purpose::Escalation.word())),
            WebhookKind::Deviation => ("deviation.opened", None),
        };
        let payload = Payload {
            event_type,
            timestamp: self.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            data: Data {
                tenant: &self.tenant,
                reference: self.reference.as_str(),
                rule: &self.code,
                due_on: self.due_on,
                days: self.days,
                // A contact's name may say what the case is about.
                role: match &self.role {
                    Role::Contact(_) => "contact".to_owned(),
                    role => role.to_string(),
                },
                purpose,
                possible_repeat: self.possible_repeat,
            },
        };
        // Strings and numbers alone: there is nothing in it that could fail.
        serde_json::to_string(&payload).unwrap_or_default()
    }
}

/// What a chat shows of a test: the same in every language.
pub(super) fn test_words() -> String {
    format!("{TEST_MARK} fristvakt")
}

/// An event that is about nothing, by which a person tries the way to a receiver.
pub(super) fn test_event(now: Instant) -> String {
    let timestamp = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    serde_json::json!({ "type": "test", "timestamp": timestamp, "data": {} }).to_string()
}

/// The form that Standard Webhooks recommends.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    tenant: &'a str,
    reference: &'a str,
    rule: &'a str,
    due_on: NaiveDate,
    days: i64,
    role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    possible_repeat: bool,
}
