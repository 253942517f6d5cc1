//! Webhooks: settings, what is sent in which form, its signature, and the request (Standard Webhooks).

mod guard;
mod payload;
mod probe;
mod report;
mod send;
mod settings;
mod signature;
mod slack;
mod teams;

pub use payload::{WebhookDeviation, WebhookEvent, WebhookKind, WebhookSubject};
pub use report::ReportReady;
pub use send::Webhook;
pub use settings::{Endpoint, Format, WebhookSettings};
pub use signature::SigningSecret;
