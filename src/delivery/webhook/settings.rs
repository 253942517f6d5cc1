//! A `[[webhook]]` section, and its checks.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::address::{HiddenUrl, Reach};
use super::payload::WebhookKind;
use super::signature::SigningSecret;
use crate::case::nearest;
use crate::delivery::setting::{SettingError, SettingWarning, read_secret};
use crate::notice::Role;

/// A `[[webhook]]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// What logs and pages call it.
    pub name: String,
    /// Where it is; or `url_file`.
    pub url: Option<Endpoint>,
    /// The file that says where it is, for an address that is a secret itself.
    pub url_file: Option<PathBuf>,
    /// The files that hold its secrets: one, or two while they are rotated. Chats check no signature and need none.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// The municipalities it hears of, by id; all unless said.
    pub tenants: Option<Vec<String>>,
    /// What it hears of; reminders and escalations unless said. Deviations have to be asked for.
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
    /// An adaptive card, as a Teams workflow takes it.
    Teams,
    /// A message, as a Slack incoming webhook takes it.
    Slack,
}

impl Format {
    /// Whether whoever knows the address may write there: no signature is checked.
    pub(super) fn is_chat(self) -> bool {
        self != Self::Standard
    }
}

/// Where a webhook is. What stands behind the host is often the only secret there is: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Endpoint(pub(super) String);

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(self.0.trim()) {
            Ok(url) => HiddenUrl(url).fmt(f),
            Err(_) => f.write_str("Endpoint(…)"),
        }
    }
}

impl WebhookSettings {
    pub(super) fn reach(&self) -> Reach {
        Reach { allow_private: self.allow_private, allow_insecure_loopback: self.allow_insecure_loopback }
    }

    /// The name of a key in errors: `webhook.NAME.url`.
    pub(super) fn key(&self, key: &str) -> String {
        format!("webhook.{}.{key}", self.name)
    }

    fn error(&self, key: &str, problem: impl Into<String>) -> SettingError {
        SettingError::new(self.key(key), problem)
    }

    /// The address, from the configuration or its file. No error quotes it.
    pub(super) fn endpoint(&self, warnings: &mut Vec<SettingWarning>) -> Result<HiddenUrl, SettingError> {
        match (&self.url, &self.url_file) {
            (Some(address), None) => {
                let url = self.checked_url("url", &address.0)?;
                if self.format.is_chat() {
                    let problem = "whoever knows it can write there; put it into a file of its own and name that with \
                                   `url_file`";
                    warnings.push(SettingWarning { key: self.key("url"), problem: problem.to_owned() });
                }
                Ok(HiddenUrl(url))
            }
            (None, Some(path)) => {
                let (text, warning) = read_secret(&self.key("url_file"), path)?;
                warnings.extend(warning);
                Ok(HiddenUrl(self.checked_url("url_file", text.expose_secret())?))
            }
            (None, None) => Err(self.error("url", "say where it is, or name the file that does with `url_file`")),
            (Some(_), Some(_)) => Err(self.error("url_file", "`url` is set too; keep one of them")),
        }
    }

    /// The address, where it may be used.
    fn checked_url(&self, key: &str, text: &str) -> Result<Url, SettingError> {
        self.reach().checked(text).map_err(|problem| self.error(key, problem))
    }

    pub(super) fn secrets(&self, warnings: &mut Vec<SettingWarning>) -> Result<Vec<SigningSecret>, SettingError> {
        match self.secret_files.len() {
            1 | 2 => {}
            0 if self.format.is_chat() => {}
            _ => return Err(self.error("secret_files", "name one file, or two while secrets are rotated")),
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

    /// What it hears of. Only who names deviations hears of them: they go to a register of the receiver's own, or to a
    /// channel whose people asked for them.
    pub(super) fn checked_kinds(&self) -> Result<Vec<WebhookKind>, SettingError> {
        let kinds = self.checked_list("kinds", self.kinds.as_deref())?;
        Ok(kinds.unwrap_or(&[WebhookKind::Reminder, WebhookKind::Escalation]).to_vec())
    }

    /// The roles, where every word is one.
    pub(super) fn checked_roles(&self) -> Result<Option<Vec<Role>>, SettingError> {
        let Some(words) = self.checked_list("roles", self.roles.as_deref())? else { return Ok(None) };
        words.iter().map(|word| self.role(word)).collect::<Result<_, _>>().map(Some)
    }

    fn role(&self, word: &str) -> Result<Role, SettingError> {
        Role::parse(word).ok_or_else(|| {
            let known: Vec<&str> = Role::WORDS.iter().map(|(word, _)| *word).collect();
            let near = nearest(word, known.iter().copied());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.error("roles", format!("`{word}` is no role; there are {} and contact:NAME{near}", known.join(", ")))
        })
    }

    /// What it asks for, of each kind. A list of nothing is an error: it would hear of nothing.
    pub(super) fn checked_list<'a, T>(
        &self,
        key: &str,
        list: Option<&'a [T]>,
    ) -> Result<Option<&'a [T]>, SettingError> {
        match list {
            Some([]) => Err(self.error(key, "an empty list hears of nothing; leave the key out to hear of everything")),
            list => Ok(list),
        }
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
