//! What is known of the databases that facts are read from: how far each was read, what could not be taken, and
//! whether it gave so few rows that what is missing among them stays.
//!
//! Facts are written before the marks that speak of them, so that a crash between the two only repeats reading.

mod accept;
mod missing;
mod set_aside;
mod state;

pub use accept::Accepted;
pub use set_aside::{RowKey, SetAside};
pub use state::{Ended, HeldCount, Polled, PolledQuery, QueryState, SourceState, TenantCount};
