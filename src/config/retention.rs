//! The `[retention]` section: how long what is known of a closed case is kept.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use serde::Deserialize;

/// The `[retention]` section of the configuration. Without it nothing is purged by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionSettings {
    /// How many months after a case was closed everything about it is purged; never unless said.
    pub months: Option<Kept>,
    /// The same for single municipalities, by id.
    pub tenants: BTreeMap<String, Kept>,
}

/// How many months; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Kept(u32);

impl TryFrom<i64> for Kept {
    type Error = String;

    fn try_from(months: i64) -> Result<Self, String> {
        match u32::try_from(months) {
            Ok(months @ (0 | 3..=1200)) => Ok(Self(months)),
            _ => Err("write 3 to 1200 months: what was sent lately can still be recalled; 0 is for ever".to_owned()),
        }
    }
}

impl RetentionSettings {
    /// How many months a municipality keeps closed cases; `None`: for ever.
    #[must_use]
    pub fn months(&self, tenant: &str) -> Option<u32> {
        let kept = self.tenants.get(tenant).or(self.months.as_ref())?;
        Some(kept.0).filter(|months| *months > 0)
    }

    /// The day before which cases of a municipality must have been closed to be purged on a civil day; `None`: they are kept.
    #[must_use]
    pub fn before(&self, tenant: &str, today: NaiveDate) -> Option<NaiveDate> {
        today.checked_sub_months(Months::new(self.months(tenant)?))
    }
}
