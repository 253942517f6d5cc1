//! `fristvakt source accept`

use std::io::Write;

use super::named;
use crate::cli::store::{Author, with_store};
use crate::cli::{ConfigArgument, Failed};
use crate::clock::Clock;
use crate::store::{AcceptedSource, Access};

/// Arguments of `source accept`.
#[derive(Debug, clap::Args)]
#[command(after_help = "At its next reading the source then removes what it no longer has: look with `source check` \
                        first.\n\n\
                        Example:\n  fristvakt source accept fagsystem --reason \"two schools were merged\" --by kari")]
pub(in crate::cli) struct Accept {
    /// The source's name in the configuration.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    author: Author,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Accept {
    pub(super) fn run(self) -> Result<(), Failed> {
        let (by, reason, now) = (self.author.name()?, self.author.reason()?, Clock::System.now());
        let accepted: Vec<AcceptedSource> = with_store(&self.config, Access::Write, async |store, config| {
            let source = named(config, &self.name)?;
            Ok(store.accept_source(&source.name, &by, reason, now).await?)
        })?;
        let mut out = std::io::stdout().lock();
        for one in &accepted {
            let AcceptedSource { r#type, tenant, before, now } = one;
            writeln!(out, "{type} of {tenant}: {now} rows are all there are, where {before} were")?;
        }
        if accepted.is_empty() {
            writeln!(out, "nothing of it was held; its columns count as they will be found")?;
        }
        writeln!(
            out,
            "source {} is read anew at once, and what it no longer has is removed (by {by}: {reason})",
            self.name
        )?;
        Ok(())
    }
}
