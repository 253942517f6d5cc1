//! The configuration: can it be read, what mode is it in, and who can read its secrets.

use std::path::{Path, PathBuf};

use super::super::ConfigArgument;
use super::finding::Finding;
use super::mode;
use crate::config::{Config, Mode};
use crate::store::Store;

pub(super) fn check(argument: &ConfigArgument) -> (Option<Config>, Vec<Finding>) {
    let path = Config::file(argument.config.as_deref());
    let config = match argument.load() {
        Ok(config) => config,
        Err(failed) => {
            let finding = Finding::error("file", failed.text).means("The daemon does not start with this.");
            let edit =
                path.map_or_else(|| "env | grep FRISTVAKT_".to_owned(), |path| format!("editor {}", path.display()));
            return (None, vec![finding.mend(edit)]);
        }
    };
    let mut findings = vec![file(path.as_deref()), sending(&config)];
    findings.extend(secret_files(&config).into_iter().map(|(check, path)| secret(&check, &path)));
    findings.extend(watched(&config));
    (Some(config), findings)
}

fn file(path: Option<&Path>) -> Finding {
    let Some(path) = path else {
        return Finding::warning("file", "there is none; every key is at its default")
            .means("Without an [email] section nothing leaves by mail.")
            .mend("install -D -m 644 systemd/fristvakt.toml /etc/fristvakt/fristvakt.toml");
    };
    let shown = path.display();
    match mode(path) {
        Some(mode) if mode & 0o022 != 0 => Finding::warning("file", format!("{shown}, mode {mode:o}"))
            .means("Others than its owner may change where mail goes.")
            .mend(format!("chmod go-w {shown}")),
        _ => Finding::ok("file", shown.to_string()),
    }
}

fn sending(config: &Config) -> Finding {
    match config.mode {
        Mode::Live => Finding::ok("mode", "live: messages leave"),
        Mode::Shadow => Finding::warning("mode", "shadow: nothing is sent")
            .means(
                "Everything is worked out and recorded as told. That is right while you compare with another system.",
            )
            .mend("set `mode = \"live\"`, then: systemctl reload fristvakt"),
    }
}

/// Every file with a secret, with what to call it.
fn secret_files(config: &Config) -> Vec<(String, PathBuf)> {
    let password = config.email.iter().filter_map(|email| email.password_file.clone());
    let password = password.map(|path| ("mail password".to_owned(), path));
    let of_webhooks = config.webhooks.iter().flat_map(|webhook| {
        let files = webhook.secret_files.iter().chain(&webhook.url_file);
        files.map(|path| (format!("webhook {}", webhook.name), path.clone()))
    });
    let of_sources = config
        .sources
        .iter()
        .filter_map(|source| Some((format!("source {}", source.name), source.password_file.clone()?)));
    let tokens = config.http.iter().flat_map(|http| &http.tokens);
    let tokens = tokens.map(|token| (format!("token {}", token.name), token.file.clone()));
    let watcher = config.dead_man.iter().filter_map(|dead_man| dead_man.url_file.clone());
    let watcher = watcher.map(|path| ("address of the watcher".to_owned(), path));
    password.chain(of_webhooks).chain(of_sources).chain(tokens).chain(watcher).collect()
}

/// Who hears when something is wrong with the program itself, where anybody is to.
fn watched(config: &Config) -> Vec<Finding> {
    let not_started = |check: &str, problem: String| {
        Finding::error(check, problem)
            .means("The daemon does not start with this.")
            .mend("editor /etc/fristvakt/fristvakt.toml")
    };
    let operator = config.operator.as_ref().map(|operator| match operator.addresses() {
        Err(error) => not_started("operator", error.to_string()),
        Ok(_) if config.email.is_none() => Finding::warning("operator", "no [email] to tell them by")
            .means("Nobody is told when something needs a person.")
            .mend("add an [email] section, then: systemctl reload fristvakt"),
        Ok(addresses) => Finding::ok("operator", format!("{} address(es)", addresses.len())),
    });
    let watcher = config.dead_man.as_ref().map(|dead_man| match dead_man.load() {
        Err(error) => not_started("dead man", error.to_string()),
        Ok(_) => Finding::ok("dead man", "a watcher elsewhere hears of every round"),
    });
    let patience = config.watchdog.checked().err().map(|error| not_started("watchdog", error.to_string()));
    operator.into_iter().chain(watcher).chain(patience).collect()
}

fn secret(check: &str, path: &Path) -> Finding {
    let shown = path.display();
    let mode = match path.metadata() {
        Ok(_) => mode(path).unwrap_or_default(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::error(check, format!("{shown} is not there"))
                .means("The daemon does not start without it.")
                .mend(format!("install -m 600 /dev/null {shown} && editor {shown}"));
        }
        Err(error) => {
            return Finding::error(check, format!("{shown}: {error}"))
                .means("This user may not look at it.")
                .mend("sudo fristvakt doctor");
        }
    };
    // systemd hands credentials out through an access list, which shows as a mode that others could read.
    if mode & 0o077 != 0 && !path.starts_with("/run/credentials") {
        return Finding::warning(check, format!("{shown}, mode {mode:o}"))
            .means("Other users of this machine may read the secret.")
            .mend(format!("chmod 600 {shown}"));
    }
    Finding::ok(check, format!("{shown}, mode {mode:o}"))
}

/// Whether the running daemon works with this configuration.
pub(super) async fn in_use(store: Option<&Store>, config: &Config, daemon_runs: bool) -> Vec<Finding> {
    let Some(store) = store.filter(|store| daemon_runs && !store.is_shared()) else { return vec![] };
    match store.configuration_in_use().await {
        Ok(Some(used)) if used != config.digest => vec![
            Finding::warning(
                "configuration",
                "the daemon works with another one than this, file or FRISTVAKT_ variables",
            )
            .means("What is said here of sending, channels and limits is not what it does.")
            .mend("systemctl reload fristvakt; if it is refused, the log says why"),
        ],
        Ok(_) => vec![],
        Err(error) => vec![super::unreadable("configuration", &error)],
    }
}
