//! Retention: cases that were closed long ago go with everything about them.
//!
//! ```text
//!  closed (engine) ─► nothing open, unsent or held? ─► counts kept without the case ─► rows deleted ─► tombstone, audit entry
//!                              └─► kept, and said why                                       one transaction a batch
//!  facts that come again ─► tombstone? ─► left out, but for what happened after the case's last day
//! ```
//!
//! | what | becomes |
//! |---|---|
//! | facts, obligations, problems, ledger, calendar entries, what happened to deviations | deleted |
//! | deviations, obligations that were due | counted on, without case, reference and words: `purged_deviations`, `purged_due` |
//! | messages and attempts | deleted, once nothing they told is left |
//! | audit trail, access log | entries stay, without their words |
//! | silences, ended holds | stay, without case and reason |
//! | lines of the acceptance journal | are deleted with their file, at the latest after [`crate::journal::LONGEST`] |
//!
//! So nothing is purged of which anything happened, was recorded, told or tried more recently than that: what the journal recalls has
//! its case.

mod counts;
mod delete;
mod gone;
mod holds;
mod kept;
mod noted;
mod purge;
mod tombstones;

pub use holds::{CaseName, HoldRow};
pub use kept::Kept;
pub use purge::{Order, Purged, Refused};

pub(super) use counts::PURGED_DEVIATIONS;
pub(super) use tombstones::{purged, sift};
