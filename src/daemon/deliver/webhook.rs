//! Webhooks: each notice is a request of its own (P5, P6). Its `webhook-id` is the message's, the same at every attempt.

use super::line::Line;
use crate::delivery::webhook::{ReportReady, Webhook, WebhookEvent};
use crate::delivery::{Accepted, Failure, FailureClass};
use crate::store::Claimed;

impl Line {
    /// The request, and its answer. Only 200–299 counts.
    pub(super) async fn post(&self, message: &Claimed, event: &WebhookEvent) -> Result<u16, Failure> {
        self.heard(self.webhook()?.send(message.message, event, self.daemon.clock.now()).await)
    }

    /// The same for a report that can be read.
    pub(super) async fn post_report(&self, message: &Claimed, report: &ReportReady) -> Result<u16, Failure> {
        self.heard(self.webhook()?.send_report(message.message, report, self.daemon.clock.now()).await)
    }

    fn webhook(&self) -> Result<&Webhook, Failure> {
        let webhook = self.daemon.channels.webhook(&self.channel);
        webhook.ok_or_else(|| Failure::new(FailureClass::Channel, "webhook is not configured"))
    }

    /// A receiver that cannot be reached, or does not answer, is not asked again in this delivery.
    fn heard(&self, sent: Result<Accepted, Failure>) -> Result<u16, Failure> {
        if sent.as_ref().is_err_and(|failure| failure.code.contains("connect") || failure.code.contains("timeout")) {
            self.halt.cancel();
        }
        Ok(sent?.code)
    }
}
