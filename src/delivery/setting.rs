//! What channel settings have in common: errors that name their key, and secrets that come from files.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

/// A setting that cannot be used: which one, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// The key, like `email.port`.
    pub key: String,
    /// What is wrong, and what to do about it. Never holds a secret.
    pub problem: String,
}

/// A setting that works, and should be mended all the same. Same form as an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingWarning {
    /// The key, like `email.password_file`.
    pub key: String,
    /// What is risky, and what to do about it.
    pub problem: String,
}

impl SettingError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.problem)
    }
}

impl std::error::Error for SettingError {}

impl fmt::Display for SettingWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.problem)
    }
}

/// A secret from the first line of a file, without its line end; with a warning where others may read the file.
///
/// # Errors
/// Where the file cannot be read, is empty, or is too large to be a secret. Names `key` and what to do.
pub(crate) fn read_secret(key: &str, path: &Path) -> Result<(SecretString, Option<SettingWarning>), SettingError> {
    const LONGEST: u64 = 4096;
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        SettingError::new(key, format!("cannot read {shown}: {error}; check the path and that this user may read it"))
    };
    let file = fs::File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(cannot)?;
    let secret = text.lines().next().unwrap_or_default();
    if secret.is_empty() || text.len() as u64 > LONGEST {
        let problem = format!("{shown} should hold the secret on its first line, and nothing else");
        return Err(SettingError::new(key, problem));
    }
    // systemd hands credentials out through an access list, which shows as a mode that others could read.
    let guarded = path.starts_with("/run/credentials");
    let warning = (!guarded && readable_by_others(&metadata)).then(|| SettingWarning {
        key: key.to_owned(),
        problem: format!("{shown} can be read by other users; run `chmod 600 {shown}`"),
    });
    Ok((SecretString::from(secret), warning))
}

#[cfg(unix)]
fn readable_by_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn readable_by_others(_: &fs::Metadata) -> bool {
    false
}
