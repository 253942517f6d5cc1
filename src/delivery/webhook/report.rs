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
    /// When this message was made.
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
    /// Where the daemon's web server has it, for whoever holds a token with the scope `reports`.
    path: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    possible_repeat: bool,
}

impl ReportReady {
    /// `/v1/reports/deviations?tenant=k&from=2026-02-01&to=2026-02-28`
    fn path(&self) -> String {
        let query = [
            ("tenant", self.tenant.clone()),
            ("from", self.period.first.to_string()),
            ("to", self.period.last.to_string()),
        ];
        // Pairs of texts: they always have such a form.
        format!("/v1/reports/deviations?{}", serde_html_form::to_string(query).unwrap_or_default())
    }

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
                path: self.path(),
                possible_repeat: self.possible_repeat,
            },
        };
        // Strings and dates alone: there is nothing in it that could fail.
        serde_json::to_string(&payload).unwrap_or_default()
    }
}
