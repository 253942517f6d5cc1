//! The web server: its settings, and whether it answers where the daemon runs.

use std::time::Duration;

use super::finding::Finding;
use crate::config::{Config, HttpSettings};
use crate::web;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn check(config: &Config, daemon_runs: bool) -> Vec<Finding> {
    let Some(settings) = &config.http else { return vec![] };
    if let Err(error) = web::check(settings) {
        let finding = Finding::error("settings", error.to_string());
        return vec![finding.means("The daemon does not start with this.")];
    }
    let mut findings = vec![settings_in_use(settings)];
    if daemon_runs {
        findings.push(answers(settings).await);
    }
    findings
}

fn settings_in_use(settings: &HttpSettings) -> Finding {
    let found = format!("{}, {} token(s)", settings.listen, settings.tokens.len());
    if !settings.listen.ip().is_loopback() {
        return Finding::warning("settings", found)
            .means("Other machines reach it, and it does not encrypt: tokens can be read on the way.")
            .mend("listen on 127.0.0.1 and put a proxy with TLS before it");
    }
    if settings.tokens.is_empty() {
        let file = "/etc/fristvakt/metrics-token";
        return Finding::warning("settings", found)
            .means("Without a token nobody can read /metrics.")
            .mend(format!("(umask 077; openssl rand -hex 32 > {file}), and name it in [[http.token]]"));
    }
    Finding::ok("settings", found)
}

async fn answers(settings: &HttpSettings) -> Finding {
    let address = settings.listen;
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    let asked = match client {
        Ok(client) => client.get(format!("http://{address}/readyz")).send().await,
        Err(error) => Err(error),
    };
    match asked.map(|answer| answer.status().as_u16()) {
        Ok(200) => Finding::ok("answer", "ready"),
        Ok(status) => Finding::error("answer", format!("/readyz says {status}"))
            .means("The daemon runs, and does not do its work.")
            .mend(format!("curl -s http://{address}/readyz; journalctl -u fristvakt -n 50")),
        Err(_) => Finding::warning("answer", format!("nothing answers at {address}"))
            .means("The daemon was started before this was configured, or its sandbox does not let it listen.")
            .mend(format!("systemctl restart fristvakt; journalctl -u fristvakt | grep {}", address.port())),
    }
}
