//! The rules in use, with the templates that came with them.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::delivery::message::{TemplateProblem, Templates};
use crate::folder::{FolderError, RulesFolder};
use crate::rules::RuleSet;
use crate::store::RuleTexts;

/// The rules in use, with the templates that came with them.
#[derive(Debug)]
pub struct Rules {
    /// The rules.
    pub set: RuleSet,
    /// The message templates.
    pub templates: Templates,
    /// A text that differs where the rules do.
    pub fingerprint: String,
    /// The files that they came from: path below the folder, and text.
    pub files: RuleTexts,
}

impl Rules {
    /// Loads a folder, or the shipped rules.
    ///
    /// # Errors
    /// Where they hold any error.
    pub fn load(folder: Option<&Path>) -> Result<Self, FolderError> {
        Self::of(&RulesFolder::open(folder)?)
    }

    /// Rules that were in use before.
    ///
    /// # Errors
    /// Where this program finds any error in them: an earlier one may have understood them differently.
    pub fn kept(files: RuleTexts) -> Result<Self, FolderError> {
        Self::of(&RulesFolder::kept(files))
    }

    fn of(folder: &RulesFolder) -> Result<Self, FolderError> {
        let (set, _) = folder.load()?;
        let files = folder.texts();
        let mut digest = Sha256::new();
        for part in files.iter().flat_map(|(path, text)| [path, text]) {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let (templates, _) = Templates::new(&set.templates);
        let fingerprint = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { set, templates, fingerprint, files })
    }

    /// What is wrong with the folder's message templates. One that does not parse gives way to the shipped one; one that
    /// fails on a message, to plain words.
    #[must_use]
    pub fn template_problems(&self) -> Vec<TemplateProblem> {
        let (templates, mut problems) = Templates::new(&self.set.templates);
        problems.extend(templates.check());
        problems
    }
}
