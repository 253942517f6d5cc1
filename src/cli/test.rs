//! `fristvakt test`

use std::io::Write;
use std::path::PathBuf;

use super::{CONFIGURATION, FAILED, Failed, load, open};
use crate::rule_tests::run_all;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt test\n  fristvakt test rules")]
pub(super) struct Test {
    /// Rules folder; without it, the shipped rules.
    #[arg(value_name = "RULES")]
    folder: Option<PathBuf>,
}

impl Test {
    pub(super) fn run(self) -> Result<(), Failed> {
        let folder = open(self.folder.as_deref())?;
        let (rules, _) = load(&folder)?;
        let outcome = run_all(&folder.files, &rules, |path| folder.below(path))
            .map_err(|report| Failed::with(CONFIGURATION, report.render(super::is_coloured())))?;
        let mut out = std::io::stdout().lock();
        for failure in &outcome.failures {
            writeln!(out, "FAILED {} ({}:{})", failure.name, failure.place.file, failure.place.line)?;
            for line in &failure.differences {
                writeln!(out, "{line}")?;
            }
            writeln!(out)?;
        }
        writeln!(out, "{} passed, {} failed", outcome.passed, outcome.failures.len())?;
        if outcome.failures.is_empty() { Ok(()) } else { Err(Failed::with(FAILED, "some rule tests failed")) }
    }
}
