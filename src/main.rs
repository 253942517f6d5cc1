//! The `fristvakt` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    fristvakt::cli::run(fristvakt::cli::Arguments::parse())
}
