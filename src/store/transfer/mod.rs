//! Moving an installation from a file to a server, or back: every table, row by row in the order of its key.
//!
//! Each batch of rows and the note of how far it came are one transaction of the new database, so whoever is interrupted
//! goes on where it ended. Until it is done nobody else works with the new database; afterwards nobody works with the old
//! one, or both would send.

mod tables;

use serde::{Deserialize, Serialize};

use self::tables::{Table, tables};
use super::connect::Purpose;
use super::database::{Location, Scope, Write};
use super::sql::{self, Value};
use super::{Access, ROWS, Store, StoreError};

/// The name under which the new database notes how far it is.
const PROGRESS: &str = "transfer";

/// The name under which the old database notes where everything is going.
const MOVING: &str = "moving_to";

/// The name under which the old database notes where everything went.
const MOVED: &str = "moved_to";

/// How far a transfer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferProgress<'a> {
    /// The table.
    pub table: &'a str,
    /// How many of its rows are there.
    pub done: u64,
    /// How many it has.
    pub of: u64,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The table.
    pub table: String,
    /// How many rows it has, in both databases.
    pub rows: u64,
}

/// Why an installation was not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Both are files, or both are servers.
    #[error("one of the two has to be a file and the other a server; files are copied, and servers have pg_dump")]
    SameKind,
    /// The old one still works.
    #[error("{0} daemon(s) work with one of the two databases; stop them first")]
    InUse(i64),
    /// There is something in the new database.
    #[error("the new database already holds something; name an empty one")]
    NotEmpty,
    /// It was begun from elsewhere.
    #[error("the new database holds part of another transfer, from {0}; empty it first")]
    AnotherTransfer(String),
    /// After all rows were written, a table has another number of them.
    #[error("table {table}: {old} rows in the old database, {new} in the new one; nothing was switched over")]
    Differs {
        /// The table.
        table: String,
        /// In the old database.
        old: u64,
        /// In the new one.
        new: u64,
    },
    /// One of the databases cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How far the new database is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    from: String,
    /// The table that is being written; those before it are whole.
    table: usize,
    /// The key of the last row that was written of it.
    after: Vec<Key>,
}

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Key {
    Number(i64),
    Text(String),
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Number(number) => number.into(),
            Key::Text(text) => text.into(),
        }
    }
}

/// Moves everything from one database to an empty one, or goes on with it. `journal`: the id of the old installation's
/// acceptance journal where it is known, so that the new one knows up to where it was read.
///
/// # Errors
/// See [`TransferError`]; the same call may be repeated, and goes on.
pub async fn transfer(
    from: &Location,
    to: &Location,
    journal: Option<uuid::Uuid>,
    mut progress: impl FnMut(TransferProgress<'_>),
) -> Result<Vec<Moved>, TransferError> {
    let old = Store::open_for(from, Access::Daemon, Purpose::Transfer).await?;
    let new = Store::open_for(to, Access::Daemon, Purpose::Transfer).await?;
    let moved = between(&old, &new, (&from.to_string(), &to.to_string()), journal, &mut progress).await;
    if moved.is_ok() {
        old.set_setting(MOVED, Some(&to.to_string())).await?;
        old.set_setting(MOVING, None).await?;
        new.set_setting(PROGRESS, None).await?;
    }
    old.close().await;
    new.close().await;
    moved
}

async fn between(
    old: &Store,
    new: &Store,
    (from, to): (&str, &str),
    journal: Option<uuid::Uuid>,
    progress: &mut impl FnMut(TransferProgress<'_>),
) -> Result<Vec<Moved>, TransferError> {
    if old.is_shared() == new.is_shared() {
        return Err(TransferError::SameKind);
    }
    let now = crate::clock::Clock::System.now();
    let alive = old.other_daemons("", now).await? + new.other_daemons("", now).await?;
    if alive > 0 {
        return Err(TransferError::InUse(alive));
    }
    let file = if old.is_shared() { new } else { old };
    let tables = tables(file).await?;
    let is_going_on = old.setting(MOVING).await?.as_deref() == Some(to);
    let mut state = begun(new, &tables, from, is_going_on).await?;
    // Nobody begins to work with the old one any more, and whoever works with it has come to an end.
    old.set_setting(MOVING, Some(to)).await?;
    let mut frozen = old.write(Scope::All).await?;
    frozen.hold().await?;
    let mut moved = vec![];
    for (place, table) in tables.iter().enumerate() {
        let of = table.count(old).await?;
        if place < state.table {
            moved.push(Moved { table: table.name.clone(), rows: of });
            continue;
        }
        let mut done = if state.after.is_empty() { 0 } else { table.count(new).await? };
        progress(TransferProgress { table: &table.name, done, of });
        loop {
            let rows = table.read(old, &state.after, ROWS).await?;
            let Some(last) = rows.last() else { break };
            state.after = table.key(last);
            done += rows.len() as u64;
            let mut write = new.write(Scope::Rows).await?;
            table.insert(&mut write, rows).await?;
            set(&mut write, PROGRESS, &encoded(&state)).await?;
            write.commit().await?;
            progress(TransferProgress { table: &table.name, done, of });
        }
        let new_rows = table.count(new).await?;
        if new_rows != of {
            return Err(TransferError::Differs { table: table.name.clone(), old: of, new: new_rows });
        }
        state = Progress { table: place + 1, after: vec![], ..state };
        new.set_setting(PROGRESS, Some(&encoded(&state))).await?;
        moved.push(Moved { table: table.name.clone(), rows: of });
    }
    settings(old, new, journal).await?;
    drop(frozen);
    Ok(moved)
}

/// Gives a move up that was begun: the old database is worked with again. `false`: none was begun.
///
/// # Errors
/// What the database says.
pub async fn abandon_transfer(from: &Location) -> Result<bool, StoreError> {
    let old = Store::open_for(from, Access::Daemon, Purpose::Transfer).await?;
    let was_begun = old.setting(MOVING).await?.is_some();
    old.set_setting(MOVING, None).await?;
    old.close().await;
    Ok(was_begun)
}

/// Where to go on: at the beginning of an empty database, or where an earlier call ended.
async fn begun(new: &Store, tables: &[Table], from: &str, is_going_on: bool) -> Result<Progress, TransferError> {
    if let Some(text) = new.setting(PROGRESS).await?.filter(|_| is_going_on) {
        let known: Progress = serde_json::from_str(&text).unwrap_or_default();
        return if known.from == from { Ok(known) } else { Err(TransferError::AnotherTransfer(known.from)) };
    }
    for table in tables {
        if table.count(new).await? > 0 {
            return Err(TransferError::NotEmpty);
        }
    }
    let state = Progress { from: from.to_owned(), ..Progress::default() };
    new.set_setting(PROGRESS, Some(&encoded(&state))).await?;
    Ok(state)
}

/// The single values. The journal's mark has another name on a server, where there may be several.
async fn settings(old: &Store, new: &Store, journal: Option<uuid::Uuid>) -> Result<(), TransferError> {
    let select = "SELECT name, value FROM settings ORDER BY name";
    let rows: Vec<(String, String)> = sql::query_as(select).fetch_all(&old.readers).await?;
    for (name, value) in rows {
        let name = match (name.as_str(), journal) {
            (MOVED | MOVING | PROGRESS | "epoch", _) => continue,
            (since, _) if since.starts_with("since:") => continue,
            ("journal", Some(id)) => format!("journal:{id}"),
            ("journal", None) => continue,
            (mark, Some(id)) if mark == format!("journal:{id}") && !new.is_shared() => "journal".to_owned(),
            (mark, _) if mark.starts_with("journal:") && !new.is_shared() => continue,
            _ => name,
        };
        new.set_setting(&name, Some(&value)).await?;
    }
    Ok(())
}

fn encoded(state: &Progress) -> String {
    // Texts and numbers always have a JSON form.
    serde_json::to_string(state).unwrap_or_default()
}

async fn set(write: &mut Write, name: &str, value: &str) -> Result<(), StoreError> {
    let upsert = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                  ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sql::query(upsert).bind(name).bind(value).execute(&mut *write).await?;
    Ok(())
}

impl Store {
    /// A single value.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM settings WHERE name = $1";
        Ok(sql::query_scalar(select).bind(name).fetch_optional(&self.readers).await?)
    }

    /// Sets a single value, or takes it away.
    async fn set_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let mut write = self.write(Scope::Rows).await?;
        match value {
            Some(value) => set(&mut write, name, value).await?,
            None => {
                sql::query("DELETE FROM settings WHERE name = $1").bind(name).execute(&mut write).await?;
            }
        }
        write.commit().await?;
        Ok(())
    }

    /// Whether this database may be worked with: not before everything has come, nor after everything went.
    ///
    /// # Errors
    /// [`StoreError::Unfinished`] or [`StoreError::Moved`].
    pub(super) async fn refuse_half_moved(&self, access: Access) -> Result<(), StoreError> {
        if let Some(text) = self.setting(PROGRESS).await? {
            let state: Progress = serde_json::from_str(&text).unwrap_or_default();
            return Err(StoreError::Unfinished(state.from));
        }
        let gone = self.setting(MOVED).await?.or(self.setting(MOVING).await?);
        match gone {
            Some(to) if access != Access::Read => Err(StoreError::Moved(to)),
            _ => Ok(()),
        }
    }
}
