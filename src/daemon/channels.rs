//! The ways out: the relay and the webhooks, ready for use.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use crate::config::{Config, Mode};
use crate::delivery::email::Smtp;
use crate::delivery::pace::Pacer;
use crate::delivery::setting::SettingError;
use crate::delivery::webhook::Webhook;
use crate::notice::Role;
use crate::store::{EMAIL, Subscription};

/// How the names of webhook channels begin in the store.
const WEBHOOK: &str = "webhook:";

/// The ways out.
#[derive(Debug)]
pub struct Channels {
    /// Where mail goes; without it, mails wait.
    pub(super) smtp: Option<Smtp>,
    /// Who else hears.
    pub(super) webhooks: Vec<Webhook>,
    /// The pace of channels whose owner asked for one.
    pacers: HashMap<String, Pacer>,
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
            // The name is the channel's name in the store: what waits there must lead to one place.
            if webhooks.iter().any(|known: &Webhook| known.name == webhook.name) {
                let problem = "another webhook has this name too; give each a name of its own".to_owned();
                return Err(SettingError { key: format!("webhook.{}.name", webhook.name), problem });
            }
            webhooks.push(webhook);
        }
        if smtp.is_none() && config.mode == Mode::Live {
            tracing::warn!("`[email]` is not configured: mails wait in the outbox until it is");
        }
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let mut pacers = HashMap::new();
        pacers.extend(smtp.as_ref().and_then(|smtp| Some((EMAIL.to_owned(), Pacer::new(smtp.per_minute?)))));
        let paced =
            webhooks.iter().filter_map(|webhook| Some((channel_name(webhook), Pacer::new(webhook.per_minute?))));
        pacers.extend(paced);
        Ok(Self { smtp, webhooks, pacers })
    }

    /// The channels that are set up, by their names in the store.
    pub(super) fn names(&self) -> Vec<String> {
        let mail = self.smtp.iter().map(|_| EMAIL.to_owned());
        mail.chain(self.webhooks.iter().map(channel_name)).collect()
    }

    /// How many lines at once a channel takes.
    pub(super) fn lines(&self, channel: &str) -> usize {
        const LINES: usize = 4;
        if channel == EMAIL { self.smtp.as_ref().map_or(LINES, |smtp| smtp.connections.into()) } else { LINES }
    }

    /// Waits until a message may be tried on a channel, where its owner asked for a pace. `false`: there was no time for it.
    pub(super) async fn pace(&self, channel: &str, halt: &CancellationToken) -> bool {
        let Some(pacer) = self.pacers.get(channel) else { return true };
        tokio::select! {
            biased;
            () = halt.cancelled() => false,
            () = pacer.turn() => true,
        }
    }

    /// What besides mail hears of a tenant's notices, or of its deviations. Mail always does, so that nothing is lost where it is not set up
    /// yet.
    pub(super) fn subscriptions(&self, tenant: &str) -> Vec<Subscription> {
        let serving = self.webhooks.iter().filter(|webhook| webhook.serves(tenant));
        serving
            .map(|webhook| Subscription {
                channel: channel_name(webhook),
                purposes: webhook.purposes(),
                roles: webhook.roles().map(<[Role]>::to_vec),
                deviations: webhook.hears_of_deviations(),
            })
            .collect()
    }

    /// The channels of webhooks that hear of a municipality's reports.
    pub(super) fn told_of_reports(&self, tenant: &str) -> Vec<String> {
        self.webhooks.iter().filter(|webhook| webhook.wants_reports(tenant)).map(channel_name).collect()
    }

    /// The webhook of a channel's name.
    pub(super) fn webhook(&self, channel: &str) -> Option<&Webhook> {
        let name = channel.strip_prefix(WEBHOOK)?;
        self.webhooks.iter().find(|webhook| webhook.name == name)
    }
}

fn channel_name(webhook: &Webhook) -> String {
    format!("{WEBHOOK}{}", webhook.name)
}
