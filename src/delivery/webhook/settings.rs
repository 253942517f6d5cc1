//! A `[[webhook]]` section, and its checks.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::guard::Guard;
use super::payload::WebhookKind;
use super::signature::SigningSecret;
use crate::delivery::setting::{SettingError, SettingWarning, read_secret};
use crate::notice::Role;

/// A `[[webhook]]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// What logs and pages call it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The files that hold its secrets: one, or two while they are rotated.
    pub secret_files: Vec<PathBuf>,
    /// The municipalities it hears of, by id; all unless said.
    pub tenants: Option<Vec<String>>,
    /// What it hears of; reminders, escalations and deviations unless said.
    pub kinds: Option<Vec<WebhookKind>>,
    /// The roles whose notices it hears of; all unless said.
    pub roles: Option<Vec<String>>,
    /// How many requests a minute at the most; as many as it takes unless said.
    pub per_minute: Option<NonZeroU32>,
    /// In which form.
    #[serde(default)]
    pub format: Format,
    /// Further certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether `http` to this machine is allowed: for tests and for a helper beside the daemon.
    #[serde(default)]
    pub allow_insecure_loopback: bool,
    /// Whether networks that are not the Internet may be reached.
    #[serde(default)]
    pub allow_private: bool,
}

/// The form of a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Standard Webhooks.
    #[default]
    Standard,
}

impl WebhookSettings {
    pub(super) fn guard(&self) -> Guard {
        Guard { allow_private: self.allow_private, allow_loopback: self.allow_insecure_loopback }
    }

    /// The name of a key in errors: `webhook.NAME.url`.
    pub(super) fn key(&self, key: &str) -> String {
        format!("webhook.{}.{key}", self.name)
    }

    fn error(&self, key: &str, problem: impl Into<String>) -> SettingError {
        SettingError::new(self.key(key), problem)
    }

    /// The address, where it may be used: `https`, or `http` to this machine, without a user and password in it.
    pub(super) fn checked_url(&self) -> Result<Url, SettingError> {
        let url = Url::parse(self.url.trim())
            .map_err(|_| self.error("url", "give an address like `https://example.no/varsel`"))?;
        let literal = literal_address(&url);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.error("url", "holds a user or password; the signature tells the receiver who we are"));
        }
        let loopback = url.host_str() == Some("localhost") || literal.is_some_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if loopback && self.allow_insecure_loopback => {}
            "http" if loopback => {
                return Err(self.error("url", "`http` to this machine needs `allow_insecure_loopback = true`"));
            }
            _ => return Err(self.error("url", "use `https`: anything else can be read on the way")),
        }
        if literal.is_some_and(|address| !self.guard().allows(address)) {
            let problem = "is an address inside a network; if it is meant, set `allow_private = true`";
            return Err(self.error("url", problem));
        }
        Ok(url)
    }

    pub(super) fn secrets(&self, warnings: &mut Vec<SettingWarning>) -> Result<Vec<SigningSecret>, SettingError> {
        if !(1..=2).contains(&self.secret_files.len()) {
            return Err(self.error("secret_files", "name one file, or two while secrets are rotated"));
        }
        let mut secrets = vec![];
        for path in &self.secret_files {
            let (text, warning) = read_secret(&self.key("secret_files"), path)?;
            warnings.extend(warning);
            let secret = SigningSecret::parse(text.expose_secret());
            secrets
                .push(secret.map_err(|problem| self.error("secret_files", format!("{} {problem}", path.display())))?);
        }
        Ok(secrets)
    }

    pub(super) fn checked_roles(&self) -> Result<Option<Vec<Role>>, SettingError> {
        let Some(words) = &self.roles else { return Ok(None) };
        let parse = |word: &String| {
            Role::parse(word).ok_or_else(|| {
                let known: Vec<&str> = Role::WORDS.iter().map(|(word, _)| *word).collect();
                self.error("roles", format!("`{word}` is no role; there are {} and contact:NAME", known.join(", ")))
            })
        };
        words.iter().map(parse).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn checked_name(&self) -> Result<String, SettingError> {
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if !self.name.is_empty() && self.name.len() <= 40 && self.name.chars().all(plain) {
            Ok(self.name.clone())
        } else {
            Err(SettingError::new("webhook.name", "use 1 to 40 letters a–z, digits, - or _: logs and pages show it"))
        }
    }
}

/// The address that is written into a URL in place of a name.
fn literal_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}
