//! The rules in use, with the templates that came with them.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::delivery::message::{TemplateProblem, Templates};
use crate::folder::{FolderError, RulesFolder};
use crate::rules::RuleSet;

/// The rules in use, with the templates that came with them.
#[derive(Debug)]
pub struct Rules {
    /// The rules.
    pub set: RuleSet,
    /// The message templates.
    pub templates: Templates,
    /// A text that differs where the rules do.
    pub fingerprint: String,
}

impl Rules {
    /// Loads a folder, or the shipped rules.
    ///
    /// # Errors
    /// Where they hold any error.
    pub fn load(folder: Option<&Path>) -> Result<Self, FolderError> {
        let folder = RulesFolder::open(folder)?;
        let (set, _) = folder.load()?;
        let mut digest = Sha256::new();
        for (path, text) in &folder.files.files {
            for part in [folder.below(path).as_str(), text] {
                digest.update(part.len().to_le_bytes());
                digest.update(part);
            }
        }
        let (templates, _) = Templates::new(&set.templates);
        let fingerprint = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { set, templates, fingerprint })
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
