//! The dead man's switch: a watcher elsewhere hears of every round that was done, and raises the alarm when it hears nothing.
//! What is asked of it is an address and nothing else: no word about anybody, no number.

use std::fmt;
use std::path::PathBuf;

use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::address::{HiddenUrl, Reach};
use super::send::{class_of, drain, failure_without_answer};
use super::settings::Endpoint;
use crate::delivery::setting::{SettingError, SettingWarning, read_secret};
use crate::delivery::{Failure, tls};

/// The `[dead_man]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadManSettings {
    /// Where the watcher is; or `url_file`.
    pub url: Option<Endpoint>,
    /// The file that says where it is: whoever knows the address can keep the watcher quiet.
    pub url_file: Option<PathBuf>,
    /// Further certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether `http` to this machine is allowed.
    #[serde(default)]
    pub allow_insecure_loopback: bool,
    /// Whether networks that are not the Internet may be reached.
    #[serde(default)]
    pub allow_private: bool,
}

/// A watcher: settings, checked, with its connections.
#[derive(Clone)]
pub struct DeadMan {
    well: HiddenUrl,
    unwell: HiddenUrl,
    client: Client,
}

/// Hides the address but for its host.
impl fmt::Debug for DeadMan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadMan").field("well", &self.well).finish_non_exhaustive()
    }
}

impl DeadManSettings {
    /// Checks the settings and reads the address and certificates.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(&self) -> Result<(DeadMan, Vec<SettingWarning>), SettingError> {
        let reach = Reach { allow_private: self.allow_private, allow_insecure_loopback: self.allow_insecure_loopback };
        let error = |key: &str, problem: &str| SettingError::new(format!("dead_man.{key}"), problem);
        let (url, warning) = match (&self.url, &self.url_file) {
            (Some(address), None) => (reach.checked(&address.0).map_err(|problem| error("url", problem))?, None),
            (None, Some(path)) => {
                let (text, warning) = read_secret("dead_man.url_file", path)?;
                let url = reach.checked(text.expose_secret()).map_err(|problem| error("url_file", problem))?;
                (url, warning)
            }
            (None, None) => {
                return Err(error("url", "say where the watcher is, or name the file that does with `url_file`"));
            }
            (Some(_), Some(_)) => return Err(error("url_file", "`url` is set too; keep one of them")),
        };
        let tls = tls::client_config("dead_man.ca_file", self.ca_file.as_deref())?;
        let client = reach.client(&url, tls);
        let client = client.map_err(|_| error("url", "no connections can be made on this machine"))?;
        let unwell = HiddenUrl(failing(&url));
        Ok((DeadMan { well: HiddenUrl(url), unwell, client }, warning.into_iter().collect()))
    }
}

impl DeadMan {
    /// Says that a round was done, or that it could not be.
    ///
    /// # Errors
    /// What kept it from being heard. Nobody has to do anything: the watcher raises the alarm by itself.
    pub async fn tell(&self, is_well: bool) -> Result<(), Failure> {
        let url = if is_well { &self.well } else { &self.unwell };
        let response = self.client.get(url.0.clone()).send().await.map_err(|error| failure_without_answer(&error))?;
        let status = response.status();
        drain(response).await;
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::new(class_of(status.as_u16()), format!("http {}", status.as_u16())))
    }
}

/// The address at which Healthchecks and its like hear that something went wrong: one step below.
fn failing(url: &Url) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("fail");
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_one_step_below() {
        for (url, expected) in [
            ("https://hc.example/ping/abc", "https://hc.example/ping/abc/fail"),
            ("https://hc.example/ping/abc/", "https://hc.example/ping/abc/fail"),
            ("https://hc.example", "https://hc.example/fail"),
            ("https://hc.example/ping?create=1", "https://hc.example/ping/fail?create=1"),
        ] {
            assert_eq!(failing(&Url::parse(url).unwrap()).as_str(), expected);
        }
    }
}
