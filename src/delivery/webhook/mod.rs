//! Webhooks: settings, what is sent, its signature, and the request (Standard Webhooks).

mod guard;
mod payload;
mod send;
mod settings;
mod signature;

pub use payload::{WebhookEvent, WebhookKind};
pub use send::Webhook;
pub use settings::{Format, WebhookSettings};
pub use signature::SigningSecret;
