//! What a webhook says: a reference and a date, no address and no name. Whoever may know more asks the case system.

use std::sync::Arc;

use chrono::{NaiveDate, SecondsFormat};
use serde::{Deserialize, Serialize};

use crate::calendar::Instant;
use crate::case::CaseRef;
use crate::delivery::message::{ChatContent, ChatKind, ChatText, TEST_MARK};
use crate::language::Language;
use crate::notice::{Purpose, Role};
use crate::obligation::Closing;
use crate::register::Happening;

/// What a webhook can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookKind {
    /// A reminder went out, or would have by mail.
    Reminder,
    /// An escalation went out, or would have by mail.
    Escalation,
    /// A deviation was opened, closed or opened again.
    Deviation,
    /// A report can be read. Chats hear of none.
    Report,
}

/// What a webhook is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookSubject {
    /// A notice that went out, or would have by mail.
    Notice(Purpose),
    /// Something that happened to a deviation.
    Deviation(WebhookDeviation),
}

/// What happened to a deviation. No words of anybody: whoever may read them looks into the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDeviation {
    /// What names the deviation.
    pub id: String,
    /// The place of this among everything that happened to the obligation's deviations, from 1. Larger is later.
    pub sequence: i64,
    /// What happened.
    pub happening: Happening,
    /// The case's unit.
    pub unit: Option<String>,
    /// Calendar days late when it happened.
    pub days_late: i64,
    /// The cause that a person gave, where they explained it.
    pub cause_code: Option<String>,
}

/// One thing to tell a webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEvent {
    /// What it is.
    pub subject: WebhookSubject,
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
            kind: match &self.subject {
                WebhookSubject::Notice(Purpose::Reminder) => ChatKind::Reminder,
                WebhookSubject::Notice(Purpose::Escalation) => ChatKind::Escalation,
                WebhookSubject::Deviation(deviation) => ChatKind::Deviation(deviation.happening, deviation.days_late),
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
        let role = match &self.role {
            // A contact's name may say what the case is about.
            Role::Contact(_) => "contact".to_owned(),
            role => role.to_string(),
        };
        let (tenant, reference) = (&*self.tenant, self.reference.as_str());
        let (due_on, possible_repeat) = (self.due_on, self.possible_repeat);
        let (event_type, data) = match &self.subject {
            WebhookSubject::Notice(purpose) => {
                let event_type = match purpose {
                    Purpose::Reminder => "notice.reminder",
                    Purpose::Escalation => "notice.escalation",
                };
                let (rule, days, purpose) = (&*self.code, self.days, purpose.word());
                (event_type, Data::Notice { tenant, reference, rule, due_on, days, role, purpose, possible_repeat })
            }
            WebhookSubject::Deviation(deviation) => {
                let WebhookDeviation { id, sequence, happening, unit, days_late, cause_code } = deviation;
                let (event_type, closed_as) = match happening {
                    Happening::Opened => ("deviation.opened", None),
                    Happening::Reopened => ("deviation.reopened", None),
                    Happening::Closed(how) => ("deviation.closed", Some(*how)),
                };
                let data = Data::Deviation {
                    tenant,
                    id,
                    sequence: *sequence,
                    reference,
                    rule: &self.code,
                    unit: unit.as_deref(),
                    responsible: role,
                    due_on,
                    days_late: *days_late,
                    closed_as,
                    cause_code: cause_code.as_deref(),
                    possible_repeat,
                };
                (event_type, data)
            }
        };
        let payload = Payload { event_type, timestamp: self.at.to_rfc3339_opts(SecondsFormat::Secs, true), data };
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
#[serde(untagged)]
enum Data<'a> {
    Notice {
        tenant: &'a str,
        reference: &'a str,
        /// What messages call the rule.
        rule: &'a str,
        due_on: NaiveDate,
        days: i64,
        role: String,
        purpose: &'static str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        possible_repeat: bool,
    },
    Deviation {
        tenant: &'a str,
        id: &'a str,
        sequence: i64,
        reference: &'a str,
        /// What messages call the rule. Its name may say what a case is about.
        rule: &'a str,
        unit: Option<&'a str>,
        responsible: String,
        due_on: NaiveDate,
        days_late: i64,
        closed_as: Option<Closing>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause_code: Option<&'a str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        possible_repeat: bool,
    },
}
