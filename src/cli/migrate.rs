//! `fristvakt migrate`

use std::io::Write as _;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize as _;

use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, Format, USAGE, block_on};
use crate::config::{ConfigError, location};
use crate::journal::Journal;
use crate::store::{Access, Location, Moved, Store, TransferError, abandon_transfer, transfer};

/// How long one call may take while everything is moved.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without arguments, brings the configured database to this program's schema, as starting the service does.\n\
                        With --from and --to, moves an installation from a file to a server or back: stop the service, move, change \
                        `database` in the configuration, start the service. Interrupted, the same command goes on.\n\n\
                        Examples:\n  fristvakt migrate\n  \
                        fristvakt migrate --from sqlite:///var/lib/fristvakt/fristvakt.db \\\n    \
                        --to postgres://fristvakt@db.kommune.no/fristvakt --password-file db-password"
)]
pub(super) struct Migrate {
    /// The database that is moved: sqlite:///path/to/file.db or postgres://user@host/name
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// The empty database that it is moved to.
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
    /// Give up a move from this database that was begun: it is worked with again.
    #[arg(long, value_name = "URL", conflicts_with_all = ["from", "to"])]
    abandon: Option<String>,
    /// The file with the password of the one that is on a server.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How to print what was moved; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Migrate {
    pub(super) fn run(self) -> Result<(), Failed> {
        match (&self.from, &self.to, &self.abandon) {
            (Some(from), Some(to), _) => self.move_from(from, to),
            (.., Some(from)) => self.abandon(from),
            _ => self.schema(),
        }
    }

    fn abandon(&self, from: &str) -> Result<(), Failed> {
        let old = place(from, self.password_file.as_deref())?;
        if !block_on(abandon_transfer(&old))?? {
            return Err(Failed::with(FAILED, format!("no move from {old} was begun")));
        }
        writeln!(std::io::stderr().lock(), "{old} is worked with again; empty the database that it was moved to")?;
        Ok(())
    }

    fn schema(&self) -> Result<(), Failed> {
        let location = self.config.load()?.location().map_err(|error| Failed::with(CONFIGURATION, error))?;
        let schema = block_on(async {
            let store = Store::open(&location, Access::Daemon).await?;
            let schema = store.server_state(uuid::Uuid::nil(), "").await.map(|state| state.schema);
            store.close().await;
            schema
        })??;
        writeln!(std::io::stdout().lock(), "{location}: schema {schema}")?;
        Ok(())
    }

    fn move_from(&self, from: &str, to: &str) -> Result<(), Failed> {
        let password = self.password_file.as_deref();
        let (old, new) = (place(from, password)?, place(to, password)?);
        let journal = journal_of(&old).filter(|folder| folder.exists());
        let id = match &journal {
            Some(folder) => Some(Journal::open(folder).map_err(|error| Failed::with(FAILED, error))?.id()),
            None => None,
        };
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:20} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        let moved = block_on(transfer(&old, &new, id, |step| {
            bar.set_message(step.table.to_owned());
            bar.set_length(step.of);
            bar.set_position(step.done);
        }))?;
        bar.finish_and_clear();
        let moved = moved.map_err(failed)?;
        self.print(&moved)?;
        let mut err = std::io::stderr().lock();
        writeln!(err, "Everything is in {new}. Write this into the configuration, and start the service:")?;
        writeln!(err, "  database = \"{to}\"")?;
        if let (Location::Server(_), Some(password)) = (&new, password) {
            writeln!(err, "  database_password_file = \"{}\"", password.display())?;
        }
        if let (Location::Server(_), Some(journal)) = (&new, &journal) {
            writeln!(err, "  journal = \"{}\"", journal.display())?;
        }
        writeln!(err, "No daemon will work with {old} any more; keep it as a backup.")?;
        Ok(())
    }

    fn print(&self, moved: &[Moved]) -> Result<(), Failed> {
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => {
                for one in moved {
                    one.serialize(&mut serde_json::Serializer::new(&mut out))
                        .map_err(|error| Failed::with(FAILED, error))?;
                    writeln!(out)?;
                }
            }
            Format::Table => {
                let mut table = super::table::Table::new(&["TABLE", "ROWS"]);
                for one in moved {
                    table.row([one.table.clone(), one.rows.to_string()]);
                }
                table.write(&mut out, super::table::Look::of_stdout())?;
            }
        }
        Ok(())
    }
}

fn place(url: &str, password: Option<&Path>) -> Result<Location, Failed> {
    let found = location(url, password).map(|found| match found {
        // A large table is counted in one call.
        Location::Server(server) => Location::Server(server.patient_for(PATIENCE)),
        file @ Location::File(_) => file,
    });
    found.map_err(|error: ConfigError| {
        let code = if matches!(error, ConfigError::Password(_)) { CONFIGURATION } else { USAGE };
        Failed::with(code, error)
    })
}

/// The folder of the acceptance journal of a file.
fn journal_of(old: &Location) -> Option<PathBuf> {
    match old {
        Location::File(path) => Some(crate::config::journal_beside(path)),
        Location::Server(_) => None,
    }
}

fn failed(error: TransferError) -> Failed {
    match error {
        TransferError::Store(error) => error.into(),
        TransferError::SameKind => Failed::with(USAGE, error),
        other => Failed::with(FAILED, other),
    }
}
