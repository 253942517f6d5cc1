//! The register of deviations: what plans and people do to it, what happened, and who is told of it.
//!
//! ```text
//!  apply (facts) ──┐                                   ┌─► deviations: how each stands, see [`crate::register`]
//!                  ├─► one transaction, under the lock ┤
//!  decide (people) ┘   of the municipality             ├─► deviation_events: what happened, only ever added to
//!                                                      └─► audit: who decided, with their words
//!  deviation_events, not yet told ──► announce ──► messages to webhooks, each once
//! ```
//!
//! Both read how a deviation stands, compute with [`crate::register::Standing`], and write the whole of it: no order of plans
//! and decisions can lose one of them.

mod announce;
mod complete;
mod decide;
mod life;
mod told;

pub use announce::{DeviationEvent, announced};
pub use decide::Decided;
pub use life::DeviationEventRow;

pub(super) use announce::{announce, lane};
pub(super) use life::{Change, Stored, StoredRow, add, stored, withdraw_absent};
