//! `fristvakt backup`

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{CONFIGURATION, ConfigArgument, FAILED, Failed, USAGE, block_on};
use crate::config::{Config, journal_beside};
use crate::journal;
use crate::store::{Location, ServerLocation, StoreError, backup_file};

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The database is copied as of one moment, looked through, and put in place as a whole; the acceptance journal after \
                  it, into FILE.accepted. Both are readable by their owner alone. The service may go on meanwhile.\n\n\
                  To restore: stop the service, remove fristvakt.db-wal and fristvakt.db-shm, put FILE in the place of \
                  fristvakt.db, and start. Leave the folder fristvakt.db.accepted as it is, for it knows what was sent since; only \
                  where it is lost, put FILE.accepted in its place.\n\n\
                  Example:\n  fristvakt backup /srv/backup/fristvakt-$(date +%F).db"
)]
pub(super) struct Backup {
    /// The file to make. There must be none such yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgument,
}

impl Backup {
    pub(super) fn run(self) -> Result<(), Failed> {
        let config = self.config.load()?;
        let unusable = |error| Failed::with(CONFIGURATION, error);
        let from = match config.location().map_err(unusable)? {
            Location::File(path) => path,
            Location::Server(server) => return Err(self.on_server(&config, &server)),
        };
        if !from.exists() {
            return Err(StoreError::Missing(from).into());
        }
        let journal = config.journal_folder().map_err(unusable)?;
        let beside = journal_beside(&self.file);
        if beside.exists() {
            return Err(Failed::with(FAILED, format!("{}: is there already; name another file", beside.display())));
        }
        let found = block_on(backup_file(&from, &self.file))??;
        if !found.damage.is_empty() {
            let text = format!("{}: copied, but the database is damaged; see `fristvakt doctor`", self.file.display());
            return Err(Failed::with(FAILED, text));
        }
        let taken = copy_journal(&journal, &beside)?;
        let (file, schema) = (self.file.display(), found.schema);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{file}: the database, schema {schema}")?;
        writeln!(out, "{}: the acceptance journal, {taken} lines", beside.display())?;
        Ok(())
    }

    /// A server is backed up by its own means.
    fn on_server(&self, config: &Config, server: &ServerLocation) -> Failed {
        let journal =
            config.journal_folder().map_or_else(|_| "the journal".to_owned(), |path| path.display().to_string());
        let text = format!(
            "the database is on a server ({server}): use `pg_dump --format=custom --file={} …` or what your server has for it, and \
             copy the folder {journal} of each machine afterwards",
            self.file.display()
        );
        Failed::with(USAGE, text)
    }
}

/// After the database, so that whatever the database knows is in it. How many lines.
fn copy_journal(from: &Path, to: &Path) -> Result<usize, Failed> {
    if !from.exists() {
        return Ok(0);
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let copied = journal::copy(from, &part).and_then(|lines| std::fs::rename(&part, to).map(|()| lines));
    copied.map_err(|error| Failed::with(FAILED, format!("{}: {error}; the database was copied", part.display())))
}
