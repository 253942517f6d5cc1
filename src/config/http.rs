//! The `[http]` section: where the small web server listens, and who may ask it what.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

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
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// `GET /metrics`.
    Metrics,
}

impl Scope {
    /// The word in the configuration and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
        }
    }
}

fn default_ready_within() -> u64 {
    300
}
