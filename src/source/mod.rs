//! Facts from a municipality's own database: PostgreSQL, MySQL, MariaDB or a SQLite file, over a connection that only
//! reads.
//!
//! ```text
//!  settings ──► Source ──► poll: Session ──► read ──► spool ──► take (facts::Checker, set aside) ──► store
//!                                  ▲          │                                                        │
//!                              database   watermarks, counts ◄──────── finish_poll ◄───────────────────┘
//! ```
//!
//! One query for each record type gives rows whose columns are called as those of CSV facts. It gives what changed since
//! a watermark, or everything each time. Whoever calls [`poll()`] decides when, and whether it is their turn: nothing here
//! keeps time. Deliberately absent: writing, two-way synchronisation, and mapping in code; a view does that better.

mod database;
mod failure;
mod mark;
mod poll;
mod probe;
mod read;
mod reader;
mod settings;
mod spool;
mod take;

pub use failure::Failure;
pub use poll::{Outcome, QueryOutcome, poll, try_out};
pub use probe::{Probe, QueryProbe, probe};
pub use settings::{Queries, QuerySettings, Source, SourceSettings, SourceUrl, load};
pub use take::TakeError;
