//! The command line: parse, wire, dispatch, exit codes.

mod simulate;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Deadline guard for municipalities that work by BTI.
#[derive(Debug, Parser)]
#[command(name = "fristvakt", version, max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a rule folder would have done, from facts alone.
    Simulate(simulate::Simulate),
}

/// How lists are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One object a line.
    Json,
}

/// What a command ends with when it does not succeed.
#[derive(Debug)]
pub struct Failed {
    /// 1 failed, 2 usage, 78 configuration.
    pub code: u8,
    /// What happened, where, and what to do.
    pub text: String,
}

impl Failed {
    fn with(code: u8, text: impl std::fmt::Display) -> Self {
        Self { code, text: text.to_string() }
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::with(1, error)
    }
}

/// Where the rules are, for commands that need them.
#[derive(Debug, clap::Args)]
struct RulesArgument {
    /// Rules folder; without it, the shipped rules.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

impl RulesArgument {
    fn load(&self) -> Result<crate::rules::RuleSet, Failed> {
        load_rules(self.rules.as_deref())
    }
}

fn load_rules(folder: Option<&std::path::Path>) -> Result<crate::rules::RuleSet, Failed> {
    use crate::folder::{FolderError, load_rules};
    match load_rules(folder) {
        Ok((rules, _)) => Ok(rules),
        Err(FolderError::Invalid(report)) => {
            let text = format!("{}{} error(s); nothing was loaded", report.render(false), report.errors());
            Err(Failed::with(78, text))
        }
        Err(error) => Err(Failed::with(78, error)),
    }
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Simulate(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {}", failed.text);
            ExitCode::from(failed.code)
        }
    }
}
