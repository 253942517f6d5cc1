//! The `fristvakt` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // One TLS provider, before anything can ask for another.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The tests' crash harness says by the environment where this process is to end; in a release nothing can.
    let _scenario = fail::FailScenario::setup();
    fristvakt::cli::run(fristvakt::cli::Arguments::parse())
}
