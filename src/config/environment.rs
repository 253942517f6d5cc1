//! What the program is told by its environment: the only place that reads it.

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::path::PathBuf;

/// How the names of the program's own variables begin.
pub(super) const PREFIX: &str = "FRISTVAKT_";

/// Whether the environment asks for no colours (<https://no-color.org>).
#[must_use]
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// What systemd says its journal reads: device and inode (`JOURNAL_STREAM`).
#[must_use]
pub fn journal_stream() -> Option<(u64, u64)> {
    let value = std::env::var_os("JOURNAL_STREAM")?.into_string().ok()?;
    let (device, inode) = value.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// Who works at this terminal, as far as the environment says: behind `sudo`, whoever called it.
#[must_use]
pub fn user_name() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var_os(name)?.into_string().ok())
        .find(|name| !name.trim().is_empty())
}

/// The number of the user that this process runs as.
#[must_use]
pub fn user_number() -> u32 {
    // Its own entry belongs to whoever runs it.
    std::fs::metadata("/proc/self").map_or(0, |entry| std::os::unix::fs::MetadataExt::uid(&entry))
}

/// Where systemd keeps the secrets that it hands over.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Where systemd lets the program keep its state.
pub(super) fn state_directory() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from("/var/lib/fristvakt"), PathBuf::from)
}

/// One of the `FRISTVAKT_…` variables, by its name without the prefix.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(format!("{PREFIX}{name}")).ok()
}

/// The `FRISTVAKT_…` variables but `FRISTVAKT_CONFIG`, without their prefix, in lower case and sorted.
pub(super) fn variables() -> Vec<(String, String)> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix(PREFIX)?.to_lowercase();
        (name != "config").then_some((name, value.to_str()?.to_owned()))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort();
    ours
}
