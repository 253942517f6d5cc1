//! `fristvakt test`

use std::io::Write;
use std::path::PathBuf;

use super::{CONFIGURATION, FAILED, Failed, load, open, rules_folder};
use crate::rule_tests::run_all;
use crate::rules::diagnostics::Report;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt test\n  fristvakt test my-rules --coverage")]
pub(super) struct Test {
    /// Rules folder; without it, that of the configuration, else the shipped rules.
    #[arg(value_name = "RULES")]
    folder: Option<PathBuf>,
    /// Also list what no test touches: rules, their branches, and steps of their ladders.
    #[arg(long)]
    coverage: bool,
}

impl Test {
    pub(super) fn run(self) -> Result<(), Failed> {
        let folder = open(rules_folder(self.folder.as_deref()).as_deref())?;
        let (rules, _) = load(&folder)?;
        let outcome =
            run_all(&folder.files, &rules, |path| folder.below(path)).map_err(|report| unreadable(&report))?;
        let mut out = std::io::stdout().lock();
        for failure in &outcome.failures {
            writeln!(out, "FAILED {} ({}:{})", failure.name, failure.place.file, failure.place.line)?;
            for line in &failure.differences {
                writeln!(out, "{line}")?;
            }
            writeln!(out)?;
        }
        if self.coverage {
            for (rule, missing) in outcome.coverage.missing(&rules) {
                writeln!(out, "{}: no test {}", rule.name, missing.join(", "))?;
            }
        }
        writeln!(out, "{} passed, {} failed", outcome.passed, outcome.failures.len())?;
        if outcome.failures.is_empty() { Ok(()) } else { Err(Failed::with(FAILED, "some rule tests failed")) }
    }
}

/// What is wrong with the test files.
pub(super) fn unreadable(report: &Report) -> Failed {
    let text = format!("the rule tests hold {} error(s)", report.errors());
    Failed::with(CONFIGURATION, format!("{text}\n\n{}", report.render(super::is_coloured()).trim_end()))
}
