//! Reads a rules folder from disk; without one, the shipped rules are used.

use std::path::Path;
use std::sync::Arc;

use crate::rules::diagnostics::{Report, RuleFiles};
use crate::rules::{RuleSet, embedded, load};

/// Why a rules folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read.
    #[error("cannot read the rules in {folder}: {source}; check the path and its permissions")]
    Read {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// It holds errors.
    #[error("the rules have {} error(s)", .0.errors())]
    Invalid(Box<Report>),
}

/// Loads the rules of a folder, or the shipped ones, with their warnings.
///
/// # Errors
/// Where the folder cannot be read, or holds any error.
pub fn load_rules(folder: Option<&Path>) -> Result<(RuleSet, Report), FolderError> {
    let loaded = match folder {
        None => load(embedded(), str::to_owned),
        Some(folder) => {
            let prefix = format!("{}/", folder.display().to_string().trim_end_matches('/'));
            load(read(folder)?, move |path| path.strip_prefix(&prefix).unwrap_or(path).to_owned())
        }
    };
    loaded.map_err(|report| FolderError::Invalid(Box::new(report)))
}

/// The files of a rules folder, each by the path that the user would type.
///
/// # Errors
/// Where a file or folder cannot be read.
pub fn read(folder: &Path) -> Result<RuleFiles, FolderError> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files)
        .map_err(|source| FolderError::Read { folder: folder.display().to_string(), source })?;
    Ok(RuleFiles::new(files))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(Arc<str>, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_template = path.components().any(|part| part.as_os_str() == "messages");
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if is_template || path.extension().is_some_and(|extension| extension == "toml") {
            let name = format!("{}/{}", root.display().to_string().trim_end_matches('/'), below(root, &path));
            files.push((name.into(), std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
