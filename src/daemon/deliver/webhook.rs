//! Webhooks: each notice is a request of its own (P5, P6). Its `webhook-id` is the message's, the same at every attempt.

use chrono::NaiveDate;

use super::line::Line;
use crate::case::CaseRef;
use crate::daemon::Rules;
use crate::daemon::recheck::Applicable;
use crate::delivery::webhook::{WebhookEvent, WebhookKind};
use crate::delivery::{Failure, FailureClass};
use crate::notice::Role;
use crate::store::Claimed;

/// What a webhook is told of a notice; `None` where its row holds what this program did not write.
pub(super) fn event(rules: &Rules, message: &Claimed, one: &Applicable, today: NaiveDate) -> Option<WebhookEvent> {
    let obligation = &one.explained.obligation;
    Some(WebhookEvent {
        kind: WebhookKind::from(one.purpose),
        tenant: message.tenant.as_str().into(),
        reference: CaseRef::parse(&one.notice.reference).ok()?,
        code: rules.set.rule(obligation.rule).code.clone(),
        due_on: one.notice.due_on.0,
        days: (one.notice.due_on.0 - today).num_days(),
        role: Role::parse(&one.notice.role)?,
        at: message.slot,
        possible_repeat: message.possible_repeat,
    })
}

impl Line {
    /// The request, and its answer. Only 200–299 counts.
    pub(super) async fn post(&self, message: &Claimed, event: &WebhookEvent) -> Result<u16, Failure> {
        let webhook = self.daemon.channels.webhook(&self.channel);
        let webhook = webhook.ok_or_else(|| Failure::new(FailureClass::Channel, "webhook is not configured"))?;
        let accepted = webhook.send(message.message, event, self.daemon.clock.now()).await?;
        Ok(accepted.code)
    }
}
