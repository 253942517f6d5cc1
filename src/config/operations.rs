//! The sections for whoever runs it: `[log]`, `[watchdog]`, `[operator]`.

use std::time::Duration;

use serde::Deserialize;

use crate::delivery::email::mail_address;
use crate::delivery::setting::SettingError;
use crate::language::Language;
use crate::organisation::Address;

/// The `[log]` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter by module like `info,fristvakt::delivery=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; for systemd's journal where stderr leads there.
    #[default]
    Text,
    /// For systemd's journal: without time, which the journal has, and with a priority that `journalctl -p` knows.
    Journal,
    /// One object a line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// The `[watchdog]` section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchdogSettings {
    /// For how many seconds a part that has work may stand still, beyond what its own time limits allow.
    pub patience: u64,
}

impl Default for WatchdogSettings {
    fn default() -> Self {
        Self { patience: 300 }
    }
}

impl WatchdogSettings {
    /// The patience.
    ///
    /// # Errors
    /// Where it cannot be meant so.
    pub fn checked(self) -> Result<Duration, SettingError> {
        match self.patience {
            1..=3600 => Ok(Duration::from_secs(self.patience)),
            _ => Err(SettingError::new("watchdog.patience", "choose 1 to 3600 seconds; 300 suits most machines")),
        }
    }
}

/// The `[reload]` section: when other rules have to be let go by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReloadSettings {
    /// How many times as many messages in the next seven days are too many; 0: any number may be.
    pub times: u32,
    /// So few messages are never too many.
    pub from: u32,
}

impl Default for ReloadSettings {
    fn default() -> Self {
        Self { times: 3, from: 50 }
    }
}

impl ReloadSettings {
    /// Whether rules are held that send `after` messages where those in use send `before`.
    #[must_use]
    pub fn holds(self, before: usize, after: usize) -> bool {
        let [times, from] = [self.times, self.from].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        times > 0 && after > from && after > before.saturating_mul(times)
    }
}

/// The `[operator]` section: who is told by mail when something needs a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorSettings {
    /// Their addresses; each gets a mail of its own.
    pub mail: Vec<String>,
    /// The language of what they are told.
    #[serde(default)]
    pub language: Language,
}

impl OperatorSettings {
    /// The addresses.
    ///
    /// # Errors
    /// Where there is none, or one is none that mail can go to.
    pub fn addresses(&self) -> Result<Vec<Address>, SettingError> {
        if self.mail.is_empty() {
            return Err(SettingError::new("operator.mail", "name at least one address, or leave the section out"));
        }
        self.mail.iter().map(|text| mail_address("operator.mail", text).map(|_| Address::new(text))).collect()
    }
}
