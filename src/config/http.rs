//! The `[http]` section: where the small web server listens, who may ask it what, and how much may come in at once.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::facts::ndjson::MAX_LINE;

/// The `[http]` section of the configuration. Without it, nothing listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Where to listen: an address of this machine and a port.
    pub listen: SocketAddr,
    /// Whether `listen` may be an address that other machines reach.
    #[serde(default)]
    pub allow_remote: bool,
    /// How old the last sweep may be while the daemon still counts as ready, in seconds.
    #[serde(default = "default_ready_within")]
    pub ready_within: u64,
    /// Who may ask for more than whether it is alive.
    #[serde(default, rename = "token")]
    pub tokens: Vec<TokenSettings>,
    /// How much a request with facts may bring.
    #[serde(default)]
    pub upload: UploadSettings,
}

/// A `[[http.token]]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// What logs call whoever holds it.
    pub name: String,
    /// The file that holds it.
    pub file: PathBuf,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// The ids of the municipalities that it opens; all unless said.
    pub tenants: Option<Vec<String>>,
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// `GET /metrics`.
    Metrics,
    /// `POST /v1/facts`.
    Facts,
    /// `GET /v1/…`: cases, obligations and deviations.
    Read,
    /// `POST /v1/deviations/…`: explains, withdraws and reopens deviations.
    Register,
    /// `GET /v1/reports/…`: reports, without address-protected cases.
    Reports,
    /// Beside `reports`: reports with address-protected cases, where they are asked for. For the coordinator.
    Protected,
}

impl Scope {
    /// The word in the configuration and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Facts => "facts",
            Self::Read => "read",
            Self::Register => "register",
            Self::Reports => "reports",
            Self::Protected => "protected",
        }
    }
}

/// The `[http.upload]` section: limits of requests with facts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UploadSettings {
    /// How many of them at once; who comes beyond that is told to come again.
    pub at_once: usize,
    /// How large a body may be, in bytes.
    pub bytes: u64,
    /// How many lines it may have.
    pub lines: usize,
    /// How long a line may be, in bytes.
    pub line_bytes: usize,
    /// How long a body may take to arrive in all, in seconds.
    pub seconds: u64,
    /// How long nothing may arrive of it, in seconds.
    pub idle_seconds: u64,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self {
            at_once: 4,
            bytes: 16 * 1024 * 1024,
            lines: 100_000,
            line_bytes: MAX_LINE,
            seconds: 300,
            idle_seconds: 30,
        }
    }
}

impl UploadSettings {
    /// The first value that cannot be meant so: its key, and what to choose instead.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, String)> {
        const GIB: u64 = 1 << 30;
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let longest_line = wide(MAX_LINE);
        let ranges = [
            ("at_once", wide(self.at_once), 1, 32),
            ("bytes", self.bytes, 1024, GIB),
            ("lines", wide(self.lines), 1, 10_000_000),
            ("line_bytes", wide(self.line_bytes), 256, longest_line),
            ("seconds", self.seconds, 1, 3600),
            ("idle_seconds", self.idle_seconds, 1, 3600),
        ];
        let wrong = ranges.into_iter().find(|(_, value, least, most)| value < least || value > most);
        wrong.map(|(key, _, least, most)| (key, format!("choose {least} to {most}")))
    }
}

fn default_ready_within() -> u64 {
    300
}
