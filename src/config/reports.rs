//! The `[reports]` section: what is reported when, and where reports are.

use serde::Deserialize;

use crate::oversight::Thresholds;
use crate::schedule::{Pattern, Period, Scheduled};

/// The `[reports]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Whether anything is sent on a schedule at all.
    pub enabled: bool,
    /// When each leader gets the deviations of their units.
    pub weekly: Pattern,
    /// When the coordinator gets those of the month.
    pub monthly: Pattern,
    /// Those of the quarter.
    pub quarterly: Pattern,
    /// Those of the year.
    pub yearly: Pattern,
    /// When the coordinator gets the lists.
    pub lists: Pattern,
    /// Where a report is, behind a login: an address with `{tenant}`, `{unit}`, `{period}`, `{from}` and `{to}` where they
    /// belong. `{unit}` is empty but in the mail of somebody who leads one unit.
    pub url: Option<ReportUrl>,
    /// As what the report is attached to its mail; not at all unless said.
    pub attach: Vec<Attached>,
    /// The most that the files of a mail come to, in MiB. What is larger is left out, and the mail says so.
    pub attach_at_most: u32,
    /// From when on something is worth a line in the coordinator's lists.
    pub thresholds: Thresholds,
}

impl Default for ReportSettings {
    fn default() -> Self {
        // These are patterns: the tests read them.
        let pattern = |text| Pattern::parse(text).unwrap_or(Pattern::OFF);
        Self {
            enabled: true,
            weekly: pattern("0 0 * * MON"),
            monthly: pattern("0 0 1 * *"),
            quarterly: pattern("0 0 1 1,4,7,10 *"),
            yearly: pattern("0 0 1 1 *"),
            lists: pattern("0 0 * * MON"),
            url: None,
            attach: vec![],
            attach_at_most: 5,
            thresholds: Thresholds::default(),
        }
    }
}

impl ReportSettings {
    /// When something is due.
    #[must_use]
    pub fn pattern(&self, scheduled: Scheduled) -> &Pattern {
        match scheduled {
            _ if !self.enabled => &Pattern::OFF,
            Scheduled::Weekly => &self.weekly,
            Scheduled::Monthly => &self.monthly,
            Scheduled::Quarterly => &self.quarterly,
            Scheduled::Yearly => &self.yearly,
            Scheduled::Lists => &self.lists,
        }
    }

    /// Where the report of a period is, of these units, or of all where there are none.
    #[must_use]
    pub fn link(&self, tenant: &str, period: &Period, units: &[String]) -> Option<String> {
        let ReportUrl(url) = self.url.as_ref()?;
        let unit = match units {
            [one] => one.as_str(),
            _ => "",
        };
        let url = url.replace("{unit}", unit).replace("{tenant}", tenant).replace("{period}", &period.name());
        Some(url.replace("{from}", &period.first.to_string()).replace("{to}", &period.last.to_string()))
    }
}

/// A file of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attached {
    /// One page with pictures and tables.
    Html,
    /// A workbook.
    Xlsx,
}

/// An address of reports. No token stands in it: what is in a mail is read by whoever gets it passed on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ReportUrl(String);

impl TryFrom<String> for ReportUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bare = ["{tenant}", "{unit}", "{period}", "{from}", "{to}"]
            .iter()
            .fold(text.clone(), |bare, part| bare.replace(part, "x"));
        let url = reqwest::Url::parse(&bare).map_err(|_| "this is no web address".to_owned())?;
        if url.scheme() != "https"
            || !url.username().is_empty()
            || url.password().is_some()
            || bare.contains(['{', '}'])
        {
            return Err("write an https address without a password, in which only {tenant}, {unit}, {period}, {from} and {to} are filled in".to_owned());
        }
        if url.query_pairs().any(|(key, _)| ["token", "key", "secret", "access_token"].contains(&&*key.to_lowercase()))
        {
            return Err("no token may stand in an address that is mailed: let the page ask for a login".to_owned());
        }
        Ok(Self(text))
    }
}
