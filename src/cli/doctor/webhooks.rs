//! Webhooks: settings, and the way to each endpoint up to TLS; if asked for, a test event to one of them.

use uuid::Uuid;

use super::finding::Finding;
use super::way::{self, Target};
use crate::calendar::Instant;
use crate::case::nearest;
use crate::config::Config;
use crate::delivery::webhook::{Webhook, WebhookSettings};

/// Which webhooks get a test event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    None,
    /// The one of this name.
    Name(&'a str),
    /// Those that hear of this municipality; the others are not called either.
    Tenant(&'a str),
}

pub(super) async fn check(config: &Config, wanted: Wanted<'_>, now: Instant) -> Vec<Finding> {
    let mut findings = vec![];
    for settings in &config.webhooks {
        let hears =
            |tenant: &str| settings.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|one| one == tenant));
        let is_wanted = match wanted {
            Wanted::None => false,
            Wanted::Name(name) => settings.name == name,
            Wanted::Tenant(tenant) if hears(tenant) => true,
            Wanted::Tenant(_) => continue,
        };
        findings.extend(of_one(settings, is_wanted, now).await);
    }
    let Wanted::Name(name) = wanted else { return findings };
    if !config.webhooks.iter().any(|webhook| webhook.name == name) {
        let near = nearest(name, config.webhooks.iter().map(|webhook| &*webhook.name));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let finding = Finding::error("test event", format!("there is no webhook of that name{hint}"));
        findings.push(finding.means("Nothing was sent."));
    }
    findings
}

async fn of_one(settings: &WebhookSettings, wanted: bool, now: Instant) -> Vec<Finding> {
    let (webhook, warnings) = match settings.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            let finding = Finding::error(&settings.name, error.to_string());
            return vec![finding.means("The daemon does not start with this.")];
        }
    };
    let (reached, finding) = way(&webhook, now).await;
    let mut findings = vec![finding];
    // Who may read files with secrets is told elsewhere.
    let warnings = warnings.iter().filter(|warning| !warning.problem.contains("can be read by other users"));
    findings.extend(
        warnings.map(|warning| {
            Finding::warning(&settings.name, format!("`{}`", warning.key)).means(warning.problem.clone())
        }),
    );
    if wanted {
        findings.push(if reached {
            send(&webhook, now).await
        } else {
            Finding::error("test event", "not sent: it is not reached").means("Mend what stands above, and try again.")
        });
    }
    findings
}

/// The way to the endpoint, and whether it leads there.
async fn way(webhook: &Webhook, now: Instant) -> (bool, Finding) {
    let name = &*webhook.name;
    let (trail, walked) = webhook.probe().await;
    let (host, port) = webhook.endpoint();
    if let Err(failure) = walked {
        let ca_file = format!("webhook.{name}.ca_file");
        let target = Target { host, port, openssl: "-connect", ca_file: &ca_file };
        return (false, way::ended(name, &failure, &trail, target));
    }
    let finding = match &trail.encrypted {
        Some(encrypted) => way::encryption(name, encrypted, now).at(&format!("{host}:{port}")),
        None => Finding::ok(name, format!("{host}:{port}, not encrypted, on this machine")),
    };
    (true, finding)
}

async fn send(webhook: &Webhook, now: Instant) -> Finding {
    match webhook.send_test(Uuid::now_v7(), now).await {
        Ok(accepted) => Finding::ok("test event", format!("accepted ({})", accepted.code)),
        Err(failure) => Finding::error("test event", failure.to_string())
            .means("Only an answer of 200 to 299 counts. 401 and 403 mostly mean that the secrets differ."),
    }
}
