//! Where the chains ended when the daemon last looked, in a file beside the acceptance journal: who can write to the database
//! and not to that folder cannot cut off the last entries unseen. Places only ever move forward.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::{Store, StoreError};
use super::ChainEnd;
use crate::journal::JournalError;

/// The file's name: a line each municipality, `NUMBER HASH ID`.
const NAME: &str = "chain-ends";

impl ChainEnd {
    /// Where the ends are kept in the folder of an acceptance journal.
    #[must_use]
    pub fn kept_in(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// The ends that were kept; none where nobody kept any yet.
    ///
    /// # Errors
    /// What the file system says, or that a line is not one that this program writes.
    pub fn kept(folder: &Path) -> io::Result<Vec<Self>> {
        let text = match fs::read_to_string(Self::kept_in(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            read => read?,
        };
        let wrong = |number: usize| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {} of {NAME} is damaged", number + 1))
        };
        text.lines().enumerate().map(|(number, line)| Self::parse(line).ok_or_else(|| wrong(number))).collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(' ')?;
        let (hash, tenant) = rest.split_once(' ')?;
        let number = number.parse().ok().filter(|number| *number > 0 && hash.len() == 64)?;
        Some(Self { tenant: tenant.to_owned(), number, hash: hash.to_owned() })
    }

    /// Writes the file whole and new, onto the disk.
    fn keep(folder: &Path, ends: &[Self]) -> io::Result<()> {
        let new = folder.join(format!("{NAME}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        for Self { tenant, number, hash } in ends {
            writeln!(file, "{number} {hash} {tenant}")?;
        }
        file.sync_all()?;
        fs::rename(&new, Self::kept_in(folder))?;
        File::open(folder)?.sync_all()
    }
}

impl Store {
    /// Holds every chain against the ends that were kept in the folder of an acceptance journal, and moves those forward that
    /// fit. What does not fit stays as it was kept.
    ///
    /// # Errors
    /// What the database or the file system says.
    pub async fn keep_chains(&self, folder: &Path) -> Result<super::Verified, StoreError> {
        let failed = |error| JournalError(folder.to_owned(), error);
        let kept = ChainEnd::kept(folder).map_err(failed)?;
        let verified = self.verify_audit(None, &kept).await?;
        let is_wrong = |tenant: &str| verified.wrong.iter().any(|wrong| wrong.tenant == tenant);
        let stay = kept.iter().filter(|end| is_wrong(&end.tenant));
        let moved = verified.ends.iter().filter(|end| end.number > 0);
        let mut ends: Vec<ChainEnd> = stay.chain(moved).cloned().collect();
        ends.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        if ends != kept {
            ChainEnd::keep(folder, &ends).map_err(failed)?;
        }
        Ok(verified)
    }
}
