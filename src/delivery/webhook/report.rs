//! What a webhook hears of a report: that there is one, of which period. Whoever may read it asks for it.

use chrono::{NaiveDate, SecondsFormat};
use serde::Serialize;

use crate::calendar::Instant;
use crate::schedule::Period;

/// A report that can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportReady {
    /// The municipality's id.
    pub tenant: String,
    /// What it is about.
    pub period: Period,
    /// When it was due.
    pub at: Instant,
    /// Whether an earlier attempt may have arrived. The `webhook-id` is the same then.
    pub possible_repeat: bool,
}

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
    report: &'static str,
    period: String,
    from: NaiveDate,
    to: NaiveDate,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    possible_repeat: bool,
}

impl ReportReady {
    /// As JSON for programs, `{"type": "report.ready", "timestamp", "data"}`. The same report is the same bytes.
    #[must_use]
    pub fn standard(&self) -> String {
        let payload = Payload {
            event_type: "report.ready",
            timestamp: self.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            data: Data {
                tenant: &self.tenant,
                report: self.period.scheduled.word(),
                period: self.period.name(),
                from: self.period.first,
                to: self.period.last,
                possible_repeat: self.possible_repeat,
            },
        };
        // Strings and dates alone: there is nothing in it that could fail.
        serde_json::to_string(&payload).unwrap_or_default()
    }
}
