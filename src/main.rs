//! The `fristvakt` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // One TLS provider, before anything can ask for another.
    let _ = rustls::crypto::ring::default_provider().install_default();
    fristvakt::cli::run(fristvakt::cli::Arguments::parse())
}
