//! The store: facts, what follows from them, and what was done about it. sqlx is used here and nowhere else.
//!
//! ```text
//!  append ──► records, cases ──► agenda: what is due ──► due_cases ──► (engine::plan) ──► apply
//!                                    ▲                                                     │
//!                                    └── next_at ──────────────────────────────────────────┤
//!                              obligations, problems (derived)  ◄──────────────────────────┤
//!                              notices (ledger), deviations, messages (ground state) ◄─────┘
//!
//!  message:  gathering ─► pending ─► claimed ─► committing ─► sent
//!                ▲          │ ▲         │            │
//!                │          │ └─────────┴── failed ──┘        held, dead: by a person or a refusal
//!                └ rounds   └─► withdrawn: nothing in it applies any more
//! ```
//!
//! Ground state is what cannot be made again: facts, the ledger, the register, messages, the audit trail. Obligations
//! and problems are derived and written anew whenever they differ.
//!
//! Every write is one transaction on one writing connection, begun with `BEGIN IMMEDIATE`: sqlx' own `begin` is
//! deferred and fails at once when a second writer came between its read and its write. No transaction is held while
//! anything but the database is waited for. The SQL is what SQLite and PostgreSQL both understand.

mod absent;
mod append;
mod apply;
mod audit;
mod backlog;
mod backup;
mod calendar;
mod columns;
mod connect;
mod covered;
mod database;
mod document;
mod documents;
mod examine;
mod explained;
mod exported;
mod import;
mod kept_rules;
mod leases;
mod ledger;
mod lists;
mod misdated;
mod operator;
mod organisations;
mod outbox;
mod oversight;
mod planning;
mod quarantine;
mod reconciled;
mod register;
mod reported;
mod retention;
mod rounds;
mod schedules;
mod server;
mod silences;
mod sources;
mod sql;
mod standing;
mod transfer;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use self::database::{Fault, Readers, Scope, Write, Writer, fault};
use crate::calendar::Instant;

pub use append::{Appended, Counts, Load};
pub use apply::{Application, Applied, Channels, EMAIL, Subscription};
pub use audit::{AuditEntry, AuditFilter, AuditRow, ChainEnd, Contradiction, Verified, VerifiedDecisions, Wrong};
pub use backup::backup_file;
pub use calendar::CalendarRow;
pub use columns::{At, Day};
pub use connect::Access;
pub use covered::Named;
pub use database::{Location, LocationError, ServerLocation};
pub use documents::StoredDocument;
pub use examine::{Examination, LockHolder, database_files, examine, lock_holder};
pub use exported::{ExportPlace, Exported, PersonRole};
pub use import::{FileError, ImportError, Imported, Progress};
pub use kept_rules::RuleTexts;
pub use lists::{
    AttemptRow, DeviationFilter, DeviationRow, ListedDeviation, MessageFilter, MessageRow, NoticeFilter, NoticeRow,
    ObligationFilter, ObligationRow, Place, ProblemRow, QualityRow,
};
pub use organisations::{Generation, StoredOrganisation};
pub use outbox::{
    Accepted, CAPPED, ChannelState, Claimed, ClaimedNotice, CommitVerdict, FailureClass, Held, Next, NoticeName, Ready,
    Recalled, Refusal, TakenBack, Undelivered,
};
pub use planning::{DueCases, Stamp, StoredCase};
pub use quarantine::Quarantined;
pub use reconciled::{CasePage, Reconciled, SentRow};
pub use register::{Decided, DeviationEvent, DeviationEventRow, announced};
pub use reported::{DueGroup, RegisterPage, Sieve, Snapshot};
pub use retention::{CaseName, HoldRow, Kept, Order, Purged, Refused};
pub use schedules::SlotMessage;
pub use server::{ServerExamination, ServerState, examine_server};
pub use silences::{NewSilence, SilenceRow};
pub use sources::{
    Accepted as AcceptedSource, Ended, HeldCount, Polled, PolledQuery, QueryState, RowKey, SetAside, SourceState,
    TenantCount,
};
pub use standing::{OpenMessages, Standing, TenantStanding};
pub use transfer::{Moved, TransferError, TransferProgress, abandon_transfer, transfer};

/// A database that is open.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    /// Connections that read the last committed state beside it.
    readers: Readers,
    /// Where large things may lie for a while: beside a database file; where the system keeps such things, with a server.
    folder: Option<PathBuf>,
    /// When this process last wrote down that a channel took a message: once a second says as much as every time.
    noted: Mutex<HashMap<String, Instant>>,
    /// Names this process in leases: that of the daemon that introduced itself, else one of its own.
    process: OnceLock<String>,
    /// Municipalities that this process has taken to plan.
    turns: Mutex<HashSet<String>>,
    /// Held by the daemon for as long as it runs, where the database is a file.
    _lock: Option<std::fs::File>,
}

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database file.
    #[error("there is no database at {0}; start the service, or run `fristvakt run --once`")]
    Missing(PathBuf),
    /// There is no schema of ours on the server.
    #[error("{0} holds no database of fristvakt yet; start the service, or run `fristvakt run --once`")]
    Empty(String),
    /// Another daemon holds the file lock.
    #[error("another fristvakt daemon already uses {0}; stop it first")]
    Locked(PathBuf),
    /// The database was written by a newer version of this program.
    #[error("the database has schema {found}, newer than this program's {known}; install the version that wrote it")]
    Newer {
        /// The schema's number in the database.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A reading command found an older schema.
    #[error("the database has an older schema; start the service, or run `fristvakt run --once`")]
    Older,
    /// The file, its lock or its folder cannot be used.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A stored value that this program did not write.
    #[error("table {table}, row {row}: {reason}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it; no value.
        reason: String,
    },
    /// The acceptance journal beside the database cannot be used.
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    /// A migration failed; it was rolled back.
    #[error("the database could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The server is older than what this program needs.
    #[error("the database server is PostgreSQL {0}; fristvakt needs 14 or newer")]
    OldServer(i64),
    /// An installation is being moved here.
    #[error(
        "an installation is being moved here from {0} and is not whole yet; go on with `fristvakt migrate --from … --to …`"
    )]
    Unfinished(String),
    /// The installation was moved elsewhere.
    #[error(
        "this installation was moved to {0}, or is being moved there; name that as `database` in the configuration"
    )]
    Moved(String),
    /// Another daemon plans this municipality.
    #[error("another daemon plans the municipality {0} just now")]
    NotOurTurn(String),
    /// There is no room for what was to be written; nothing of it was.
    #[error("the disk is full: the database cannot be written until there is room")]
    Full,
    /// The file, its folder or the whole file system may only be read.
    #[error("the database cannot be written: the file or its folder is read-only")]
    ReadOnly,
    /// The server does not let our role do something.
    #[error("{0}; see that the role owns the database: ALTER DATABASE … OWNER TO …")]
    Forbidden(String),
    /// The server cannot hold every letter.
    #[error("the database has the encoding {0}; make it anew with ENCODING 'UTF8' TEMPLATE template0")]
    Encoding(String),
    /// The database itself said no.
    #[error("database: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match fault(&error) {
            Some(Fault::Full) => Self::Full,
            Some(Fault::ReadOnly) => Self::ReadOnly,
            Some(Fault::Forbidden) => Self::Forbidden(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the database itself is away, so that nothing else will go better.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed))
    }

    /// Whether the same call may succeed a little later, with nothing mended.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Full | Self::NotOurTurn(_) => true,
            Self::Database(error) => fault(error) == Some(Fault::Passing),
            _ => false,
        }
    }
}

impl Store {
    async fn write(&self, scope: Scope<'_>) -> Result<Write, StoreError> {
        Ok(self.writer.begin(scope).await?)
    }

    /// A transaction that changes one municipality.
    async fn write_in(&self, tenant: &str) -> Result<Write, StoreError> {
        self.write(Scope::Tenants(&[tenant])).await
    }

    /// Waits until open transactions have ended, and closes the database.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// How many rows one statement carries: far below the number of parameters either database allows.
const ROWS: usize = 500;
