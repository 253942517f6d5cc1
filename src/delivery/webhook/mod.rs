//! Webhooks: settings, what is sent in which form, its signature, and the request (Standard Webhooks). And the one request
//! that says nothing but that this program lives (`dead_man`).

mod address;
mod dead_man;
mod guard;
mod payload;
mod probe;
mod report;
mod send;
mod settings;
mod signature;
mod slack;
mod teams;

pub use dead_man::{DeadMan, DeadManSettings};
pub use payload::{WebhookDeviation, WebhookEvent, WebhookKind, WebhookSubject};
pub use report::ReportReady;
pub use send::Webhook;
pub use settings::{Endpoint, Format, WebhookSettings};
pub use signature::SigningSecret;
