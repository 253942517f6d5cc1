//! Reads a rules folder from disk; without one, the shipped rules are used.

use std::path::Path;
use std::sync::Arc;

use crate::rules::diagnostics::{Report, RuleFiles};
use crate::rules::{RuleSet, Written, embedded, load};

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

/// The files of a rules folder, with how their paths begin.
#[derive(Debug)]
pub struct RulesFolder {
    /// The files.
    pub files: RuleFiles,
    prefix: String,
}

impl RulesFolder {
    /// Reads a folder, or takes the shipped rules.
    ///
    /// # Errors
    /// Where a file or folder cannot be read.
    pub fn open(folder: Option<&Path>) -> Result<Self, FolderError> {
        Ok(match folder {
            None => Self { files: embedded(), prefix: String::new() },
            Some(folder) => Self { files: read(folder)?, prefix: prefix(folder) },
        })
    }

    /// Files that were kept, by their paths below the folder.
    #[must_use]
    pub fn kept(files: Vec<(String, String)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path.into(), text)).collect();
        Self { files: RuleFiles::new(files), prefix: String::new() }
    }

    /// The files that say something, by their paths below the folder.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        let all = self.files.files.iter().map(|(path, text)| (self.below(path), text.clone()));
        all.filter(|(path, _)| is_of_rules(path)).collect()
    }

    /// A file's path below the folder.
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        path.strip_prefix(&self.prefix).unwrap_or(path).to_owned()
    }

    /// Where everything in the folder is written.
    #[must_use]
    pub fn written(&self) -> Written {
        Written::read(&self.files, |path| self.below(path))
    }

    /// Loads the rules, with what the loader noted.
    ///
    /// # Errors
    /// Where the folder holds any error.
    pub fn load(&self) -> Result<(RuleSet, Report), FolderError> {
        load(self.files.clone(), |path| self.below(path)).map_err(|report| FolderError::Invalid(Box::new(report)))
    }
}

fn prefix(folder: &Path) -> String {
    format!("{}/", folder.display().to_string().trim_end_matches('/'))
}

/// The files of a folder, each by the path that the user would type.
fn read(folder: &Path) -> Result<RuleFiles, FolderError> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files)
        .map_err(|source| FolderError::Read { folder: folder.display().to_string(), source })?;
    Ok(RuleFiles::new(files))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(Arc<str>, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if is_of_rules(&below(root, &path)) {
            let name = format!("{}{}", prefix(root), below(root, &path));
            files.push((name.into(), std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// Whether a file of the folder is one of rules or a template, by its path below it.
fn is_of_rules(path: &str) -> bool {
    path.starts_with("messages/") || Path::new(path).extension().is_some_and(|extension| extension == "toml")
}

fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
