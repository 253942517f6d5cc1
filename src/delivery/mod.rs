//! How notices reach people: what a message says, and the channels that carry it.
//!
//! ```text
//!  MessageContent ──► Templates::render ──► email::compose ──► Session: prepare │ transmit
//!  (closed list)                                            known not sent ◄───┤
//!  WebhookEvent ─────────────────────────► Webhook::send                       └──► accepted, refused, or unknown
//! ```
//!
//! A channel is a folder with its settings beside it. Every way in which one can fail ends in a [`Failure`], which says
//! what to do next and holds neither an address nor a word that a server wrote. Deliberately absent: the outbox and
//! the order of the durable steps, which belong to whoever drives the channels.

mod failure;
pub mod pace;
pub mod retry;
pub mod setting;
mod tls;
mod trail;

pub mod message;

pub mod email;
pub mod webhook;

pub use failure::{Accepted, Failure, FailureClass};
pub use trail::{CertificateFlaw, Encrypted, Trail};
