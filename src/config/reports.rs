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
    /// Where a report is, behind a login: an address with `{tenant}`, `{period}`, `{from}` and `{to}` where they belong.
    pub url: Option<ReportUrl>,
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

    /// Where the report of a period is.
    #[must_use]
    pub fn link(&self, tenant: &str, period: &Period) -> Option<String> {
        let ReportUrl(url) = self.url.as_ref()?;
        let url = url.replace("{tenant}", tenant).replace("{period}", &period.name());
        Some(url.replace("{from}", &period.first.to_string()).replace("{to}", &period.last.to_string()))
    }
}

/// An address of reports. No token stands in it: what is in a mail is read by whoever gets it passed on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ReportUrl(String);

impl TryFrom<String> for ReportUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bare =
            ["{tenant}", "{period}", "{from}", "{to}"].iter().fold(text.clone(), |bare, part| bare.replace(part, "x"));
        let url = reqwest::Url::parse(&bare).map_err(|_| "this is no web address".to_owned())?;
        if url.scheme() != "https"
            || !url.username().is_empty()
            || url.password().is_some()
            || bare.contains(['{', '}'])
        {
            return Err("write an https address without a password, in which only {tenant}, {period}, {from} and {to} are filled in".to_owned());
        }
        if url.query_pairs().any(|(key, _)| ["token", "key", "secret", "access_token"].contains(&&*key.to_lowercase()))
        {
            return Err("no token may stand in an address that is mailed: let the page ask for a login".to_owned());
        }
        Ok(Self(text))
    }
}
