//! The ways out: the relay and the webhooks, ready for use, and which of them are held for now.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::calendar::Instant;
use crate::config::Config;
use crate::delivery::email::Smtp;
use crate::delivery::setting::SettingError;
use crate::delivery::webhook::Webhook;

/// The name of the mail channel in the store.
pub(super) const EMAIL: &str = "email";
/// How the names of webhook channels begin in the store.
pub(super) const WEBHOOK: &str = "webhook:";

/// The ways out.
#[derive(Debug)]
pub struct Channels {
    /// Where mail goes; without it, mails wait.
    pub(super) smtp: Option<Smtp>,
    /// Who else hears.
    pub(super) webhooks: Vec<Webhook>,
    /// Channels that refused us as such, until when nothing is tried.
    held: Mutex<HashMap<String, Instant>>,
}

impl Channels {
    /// Checks the settings and reads the secrets.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(config: &Config) -> Result<Self, SettingError> {
        let mut warnings = Vec::new();
        let smtp = match &config.email {
            None => None,
            Some(settings) => {
                let (smtp, found) = settings.load()?;
                warnings.extend(found);
                Some(smtp)
            }
        };
        let mut webhooks = Vec::new();
        for settings in &config.webhooks {
            let (webhook, found) = settings.load()?;
            warnings.extend(found);
            webhooks.push(webhook);
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(Self { smtp, webhooks, held: Mutex::default() })
    }

    /// The channels on which a tenant's notices leave. Mail is always among them, so that nothing is lost where it is
    /// not set up yet.
    pub(super) fn of_tenant(&self, tenant: &str) -> Vec<String> {
        let webhooks = self.webhooks.iter().filter(|webhook| webhook.serves(tenant));
        std::iter::once(EMAIL.to_owned()).chain(webhooks.map(|webhook| format!("{WEBHOOK}{}", webhook.name))).collect()
    }

    /// The webhook of a channel's name.
    pub(super) fn webhook(&self, channel: &str) -> Option<&Webhook> {
        let name = channel.strip_prefix(WEBHOOK)?;
        self.webhooks.iter().find(|webhook| webhook.name == name)
    }

    /// Until when a channel is held, if it is.
    pub(super) fn held_until(&self, channel: &str, now: Instant) -> Option<Instant> {
        let held = self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.get(channel).copied().filter(|until| *until > now)
    }

    /// Holds a channel: until then nothing is tried on it.
    pub(super) fn hold(&self, channel: &str, until: Instant) {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(channel.to_owned(), until);
    }
}
