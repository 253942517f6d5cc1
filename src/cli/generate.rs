//! `fristvakt completions` and `fristvakt man`: what a package brings for shells and for man(1), made of the command line
//! itself, so that neither can say anything else.

use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, FAILED, Failed};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  fristvakt completions bash > /usr/share/bash-completion/completions/fristvakt\n  \
                        fristvakt completions zsh > /usr/local/share/zsh/site-functions/_fristvakt"
)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failed> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "fristvakt", &mut text);
        Ok(std::io::stdout().lock().write_all(&text)?)
    }
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fristvakt man /usr/local/share/man/man1")]
pub(super) struct Manual {
    /// The folder that they go into, one for each command; made where it is missing.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    pub(super) fn run(self) -> Result<(), Failed> {
        let shown = self.folder.display();
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), &self.folder))
            .map_err(|error| Failed::with(FAILED, format!("{shown}: {error}; choose a folder that you may write")))
    }
}
