//! The other side at its worst: a mail relay, a webhook's receiver and a network that do whatever a test tells them.
//!
//! ```text
//!  Session ──► proxy::Wire ──► relay::Relay         a script says at which step it misbehaves, and how
//!  Webhook ──► proxy::Wire ──► receiver::Receiver   the same for HTTP
//! ```
//!
//! `mail`, `network` and `hook` hold the tables: what each misbehaviour leads to. Whatever happens, two laws hold. What
//! is called known not sent was not taken by the other side; what is called sent was.

mod conversation;
mod disk;
mod door;
mod hook;
mod identity;
mod mail;
mod network;
mod proxy;
mod receiver;
mod relay;

pub(crate) use disk::{Disk, Sealed};
pub(crate) use identity::Identity;
pub(crate) use proxy::{Direction, End, Proxy, Weather};
pub(crate) use receiver::{Answer, Got, Receiver};
pub(crate) use relay::{Act, Begins, Relay, Script, Setup, Step, Taken};

use fristvakt::delivery::{Accepted, Failure, FailureClass};

/// What a relay does, and what comes of a mail then; `None`: it was sent.
type Case = (&'static [(Step, Act)], Option<(FailureClass, &'static str)>);

/// What comes of a mail, as a session says it.
fn outcome(expected: Option<(FailureClass, &str)>) -> Result<Accepted, Failure> {
    expected.map_or(Ok(Accepted { code: 250 }), |(class, code)| Err(Failure::new(class, code)))
}
