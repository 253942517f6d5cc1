//! The command line: parse, wire, dispatch, exit codes.

mod access;
mod audit;
mod backlog;
mod backup;
mod check;
mod demo;
mod deviations;
mod doctor;
mod explain;
mod export;
mod facts;
mod generate;
mod hold;
mod import;
mod lists;
mod logging;
mod messages;
mod migrate;
mod notices;
mod obligations;
mod purge;
mod quarantine;
mod report;
mod rules;
mod run;
mod schema;
mod silence;
mod simulate;
mod source;
mod store;
mod table;
mod test;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{Config, ConfigError};
use crate::daemon::Rules;
use crate::folder::{FolderError, RulesFolder};
use crate::rules::RuleSet;
use crate::rules::diagnostics::Report;
use crate::store::Store;

/// Exit code: the command failed.
const FAILED: u8 = 1;
/// Exit code: the arguments make no sense.
const USAGE: u8 = 2;
/// Exit code: rules or configuration cannot be used.
const CONFIGURATION: u8 = 78;

/// Deadline guard for municipalities that work by BTI.
#[derive(Debug, Parser)]
#[command(name = "fristvakt", version, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 78 rules or configuration.\n\
                        Configuration: /etc/fristvakt/fristvakt.toml, which explains every key; FRISTVAKT_CONFIG names another.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at who looked at what.
    #[command(subcommand)]
    Access(access::AccessLog),
    /// Look at the audit trail, and check that nobody changed it.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// List what was due before the municipality went live and is still open: nothing is ever sent for it.
    Backlog(backlog::Backlog),
    /// Copy the database and the acceptance journal, also while the service runs.
    Backup(backup::Backup),
    /// Load and lint a rules folder: errors, and what parses but cannot be meant so.
    Check(check::Check),
    /// Print completions for a shell.
    Completions(generate::Completions),
    /// The main job from nothing: sample municipalities, real mail to a local catcher, ten weeks in fast-forward.
    Demo(demo::Demo),
    /// Look at deviations (avvik), explain and withdraw them.
    #[command(subcommand)]
    Deviations(deviations::Deviations),
    /// Check everything that an installation needs, and say how to mend what is not well.
    Doctor(doctor::Doctor),
    /// Send a test through every channel of a municipality, and say what each answered.
    Drill(doctor::Drill),
    /// Explain a case: each deadline line by line, what was sent, what comes next, and why something was not sent.
    Explain(explain::Explain),
    /// Write out everything about a case, about a person, or everything there is.
    Export(export::Export),
    /// Keep cases from being purged.
    #[command(subcommand)]
    Hold(hold::Hold),
    /// Take facts into the database.
    Import(import::Import),
    /// The coordinator's lists: what somebody should look at, whatever deadline runs.
    Lists(lists::Lists),
    /// Write the man pages into a folder.
    Man(generate::Manual),
    /// Look at messages, and have them tried again or held back.
    #[command(subcommand)]
    Messages(messages::Messages),
    /// Bring the database to this program's schema, or move an installation to another database.
    Migrate(migrate::Migrate),
    /// Look at notices.
    #[command(subcommand)]
    Notices(notices::Notices),
    /// Look at obligations.
    #[command(subcommand)]
    Obligations(obligations::Obligations),
    /// Delete everything about cases that were closed long ago; what is counted of them stays.
    Purge(purge::Purge),
    /// Look at records that cannot be used.
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Make reports.
    #[command(subcommand)]
    Report(report::Report),
    /// Which rules are in use, and what those on disk would send.
    #[command(subcommand)]
    Rules(rules::Rules),
    /// The daemon.
    Run(run::Run),
    /// Print the JSON schema of what is read.
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Run the tests of a rules folder.
    Test(test::Test),
    /// Hold back messages for a time.
    #[command(subcommand)]
    Silence(silence::Silence),
    /// Show what a rule folder would have done with facts, from a file or from the database.
    Simulate(simulate::Simulate),
    /// Look at the databases that facts are read from.
    #[command(subcommand)]
    Source(source::SourceCommand),
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
        // `fristvakt … | head` has seen enough: nothing failed.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { code: 0, text: String::new() };
        }
        Self::with(FAILED, error)
    }
}

/// Where the rules are, for commands that need them.
#[derive(Debug, clap::Args)]
struct RulesArgument {
    /// Rules folder; without it, that of the configuration where it is read, else the shipped rules.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

impl RulesArgument {
    fn load(&self) -> Result<RuleSet, Failed> {
        Ok(load(&open(self.rules.as_deref())?)?.0)
    }

    /// The configuration's rules where the command line names none.
    fn load_or(&self, config: &Config) -> Result<RuleSet, Failed> {
        Ok(load(&open(self.rules.as_deref().or(config.rules.as_deref()))?)?.0)
    }

    /// The same; where they are broken, those that were last in use, as the daemon has them.
    async fn load_with(&self, store: &Store, config: &Config) -> Result<RuleSet, Failed> {
        match self.load_or(config) {
            Err(failed) if self.rules.is_none() => in_use(store).await?.ok_or(failed),
            loaded => loaded,
        }
    }
}

/// The rules that were last in use, said on stderr.
async fn in_use(store: &Store) -> Result<Option<RuleSet>, Failed> {
    let Some((_, files)) = store.kept_rules().await? else { return Ok(None) };
    let Ok(kept) = Rules::kept(files) else { return Ok(None) };
    let text =
        "warning: the rules on disk cannot be used, so those last in use are; `fristvakt check` shows what is wrong";
    writeln!(std::io::stderr().lock(), "{text}")?;
    Ok(Some(kept.set))
}

/// The folder that is named, else the configuration's; none: the shipped rules.
fn rules_folder(named: Option<&Path>) -> Option<PathBuf> {
    named.map(Path::to_owned).or_else(|| Config::load(None).ok()?.rules)
}

/// Where the configuration is, for commands that need it.
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Configuration file; `FRISTVAKT_CONFIG`, then /etc/fristvakt/fristvakt.toml unless said.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database, instead of the configuration's: sqlite:///path/to/file.db or postgres://user@host/name
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl ConfigArgument {
    fn load(&self) -> Result<Config, Failed> {
        self.read().map_err(|error| Failed::with(CONFIGURATION, error))
    }

    fn read(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(database) = &self.database {
            config.database.clone_from(database);
        }
        Ok(config)
    }
}

/// Runs a future to its end on a runtime of its own.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(future))
}

fn open(folder: Option<&Path>) -> Result<RulesFolder, Failed> {
    RulesFolder::open(folder).map_err(|error| Failed::with(CONFIGURATION, error))
}

/// Loads a rules folder; what is wrong with it is shown with its lines.
fn load(folder: &RulesFolder) -> Result<(RuleSet, Report), Failed> {
    folder.load().map_err(|error| match error {
        FolderError::Invalid(report) => {
            let text = format!("the rules hold {} error(s); nothing was loaded", report.errors());
            Failed::with(CONFIGURATION, format!("{text}\n\n{}", report.render(is_coloured()).trim_end()))
        }
        other => Failed::with(CONFIGURATION, other),
    })
}

/// Whether stderr shows colours: a terminal, and `NO_COLOR` is not set.
fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && !crate::config::no_color()
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Access(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Backlog(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Deviations(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Drill(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Hold(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Lists(command) => command.run(),
        Command::Man(command) => command.run(),
        Command::Messages(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Notices(command) => command.run(),
        Command::Obligations(command) => command.run(),
        Command::Purge(command) => command.run(),
        Command::Quarantine(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Rules(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Silence(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Source(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) if failed.code == 0 => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = writeln!(std::io::stderr().lock(), "error: {}", failed.text);
            ExitCode::from(failed.code)
        }
    }
}
