//! Webhooks: each notice is an event with a lasting id of its own (P4 to P6).

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Worker;
use crate::case::CaseRef;
use crate::daemon::recheck::Applicable;
use crate::delivery::webhook::{Webhook, WebhookEvent, WebhookKind};
use crate::delivery::{Failure, FailureClass};
use crate::notice::Role;
use crate::store::{Claimed, CommitVerdict, Ready, StoreError};

impl Worker {
    pub(super) fn event(&self, message: &Claimed, one: &Applicable, today: NaiveDate) -> Option<(Uuid, WebhookEvent)> {
        let obligation = &one.explained.obligation;
        let event = WebhookEvent {
            kind: WebhookKind::from(one.purpose),
            tenant: message.tenant.as_str().into(),
            reference: CaseRef::parse(&one.notice.reference).ok()?,
            code: self.rules.set.rule(obligation.rule).code.clone(),
            due_on: one.notice.due_on.0,
            days: (one.notice.due_on.0 - today).num_days(),
            role: Role::parse(&one.notice.role)?,
            at: message.slot,
            possible_repeat: message.possible_repeat,
        };
        Some((event_id(message, one), event))
    }

    /// P4 to P6 for a webhook: each notice is an event with an id of its own, the same at every attempt.
    pub(super) async fn webhook(
        &self,
        channel: &str,
        events: &[(Uuid, WebhookEvent)],
        ready: &Ready,
    ) -> Result<Result<Option<u16>, Failure>, StoreError> {
        let webhook: Option<&Webhook> = self.daemon.channels.webhook(channel);
        let Some(webhook) = webhook else {
            return Ok(Err(Failure::new(FailureClass::Channel, "webhook is not configured")));
        };
        match self.daemon.store.begin_commit(ready, self.daemon.clock.now()).await? {
            CommitVerdict::Go => {}
            CommitVerdict::Changed | CommitVerdict::NotOurs => return Ok(Ok(None)),
        }
        let mut code = 200;
        for (id, event) in events {
            match webhook.send(*id, event, self.daemon.clock.now()).await {
                Ok(accepted) => code = accepted.code,
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(Some(code)))
    }
}

/// The lasting id of one notice on a webhook: made of what names it.
fn event_id(message: &Claimed, one: &Applicable) -> Uuid {
    let name = one.notice.name();
    let mut digest = Sha256::new();
    digest.update(message.message.as_bytes());
    for part in [&name.case, &name.rule, &name.start, &name.step, &name.role] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.update(name.repetition.to_le_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
