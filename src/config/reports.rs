//! The `[reports]` section: what is reported when, and where reports are.

use serde::Deserialize;

use crate::oversight::Thresholds;

/// The `[reports]` section of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// From when on something is worth a line in the coordinator's lists.
    pub thresholds: Thresholds,
}
