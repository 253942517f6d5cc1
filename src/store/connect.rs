//! Opening a store: where, for whom, and with which schema.

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use super::database::{File, Location, Migrations, Readers, Server, ServerLocation, Writer, migrate_file};
use super::{Store, StoreError};

/// What a command wants with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The daemon: makes and migrates it. On a file it keeps every other daemon out.
    Daemon,
    /// A command that writes, also beside a running daemon: makes and migrates it.
    Write,
    /// A command that only reads.
    Read,
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be worked with.
    Work,
    /// To be moved, or to take in what is moved.
    Transfer,
}

impl Store {
    /// Opens a database. A file is made where there is none; on a server there has to be one, be it empty.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Empty`] (reading only), [`StoreError::Locked`], [`StoreError::Newer`],
    /// [`StoreError::Older`] (reading only), [`StoreError::OldServer`], [`StoreError::Unfinished`], [`StoreError::Moved`],
    /// or what the file system or the database says.
    pub async fn open(location: impl Into<Location>, access: Access) -> Result<Self, StoreError> {
        Self::open_for(&location.into(), access, Purpose::Work).await
    }

    pub(super) async fn open_for(location: &Location, access: Access, purpose: Purpose) -> Result<Self, StoreError> {
        let store = match location {
            Location::File(path) => Self::open_file(path, access).await?,
            Location::Server(server) => Self::open_server(server, access).await?,
        };
        if purpose == Purpose::Work {
            store.refuse_half_moved(access).await?;
        }
        if access != Access::Read {
            store.complete_register().await?;
        }
        Ok(store)
    }

    async fn open_file(path: &Path, access: Access) -> Result<Self, StoreError> {
        let file = File(path);
        let lock = if access == Access::Daemon { Some(file.lock()?) } else { None };
        if access == Access::Read {
            if !path.exists() {
                return Err(StoreError::Missing(path.to_owned()));
            }
        } else {
            file.create_private()?;
        }
        // One at a time from the first connection on: whoever makes the file also switches it to WAL, and SQLite lets
        // nobody wait for that.
        let _turn = if access == Access::Read { None } else { Some(file.turn().await?) };
        let writer = file.writer(access == Access::Read);
        match (Migrations::in_file(&writer).await?, access) {
            (Migrations::Older, Access::Read) => return Err(StoreError::Older),
            (Migrations::Older, _) => migrate_file(&writer).await?,
            (Migrations::Current, _) => {}
        }
        let readers = Readers::Sqlite(file.readers());
        Ok(Self {
            writer: Writer::Sqlite(writer),
            readers,
            folder: path.parent().map(Path::to_owned).filter(|folder| !folder.as_os_str().is_empty()),
            noted: Mutex::default(),
            process: OnceLock::new(),
            turns: Mutex::default(),
            _lock: lock,
        })
    }

    async fn open_server(location: &ServerLocation, access: Access) -> Result<Self, StoreError> {
        let server = Server::new(location);
        server.choose().await;
        match (server.schema().await?, access) {
            ((0, _), Access::Read) => return Err(StoreError::Empty(location.to_string())),
            // A database that others work with is migrated by whoever is started to, not by the way.
            ((_, Migrations::Older), Access::Read) | ((1.., Migrations::Older), Access::Write) => {
                return Err(StoreError::Older);
            }
            ((_, Migrations::Older), _) => server.migrate().await?,
            ((_, Migrations::Current), _) => {}
        }
        let readers = Readers::Postgres(server.clone());
        Ok(Self {
            writer: Writer::Postgres(server),
            readers,
            folder: None,
            noted: Mutex::default(),
            process: OnceLock::new(),
            turns: Mutex::default(),
            _lock: None,
        })
    }
}
