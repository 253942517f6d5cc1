//! `fristvakt check`

use std::io::Write;
use std::path::PathBuf;

use super::{Failed, load, open};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  fristvakt check\n  fristvakt check rules && fristvakt test rules")]
pub(super) struct Check {
    /// Rules folder; without it, the shipped rules.
    #[arg(value_name = "RULES")]
    folder: Option<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (rules, report) = load(&open(self.folder.as_deref())?)?;
        let mut err = std::io::stderr().lock();
        write!(err, "{}", report.render(super::is_coloured()))?;
        let mut out = std::io::stdout().lock();
        let (packs, count, warnings) = (rules.packs.len(), rules.rules.len(), report.warnings());
        writeln!(
            out,
            "{packs} pack(s), {count} rules, {} calendar(s): 0 errors, {warnings} warning(s)",
            rules.calendars.len()
        )?;
        Ok(())
    }
}
