//! What becomes of a message that was not taken (P8).

use super::line::{Attempt, Line};
use crate::calendar::Instant;
use crate::daemon::chain::Onward;
use crate::daemon::schedules::is_of_one_leader;
use crate::delivery::retry::next_attempt_at;
use crate::delivery::{Failure, FailureClass};
use crate::notice::Recipient;
use crate::store::{AuditEntry, Claimed, EMAIL, Held, Next, Refusal, StoreError};

/// What the ledger says of notices whose address was refused.
const ADDRESS_REFUSED: &str = "address refused, passed on";

impl Line {
    /// By what the failure asks for: another try, somebody else, or a rest for the channel.
    pub(super) async fn refused(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        self.daemon.pulse.failed(&message.channel, failure.class);
        match failure.class {
            FailureClass::Address if message.channel == EMAIL => self.address_refused(message, failure).await,
            FailureClass::Channel => self.channel_refused(message, failure).await,
            _ => self.failed(message, failure).await,
        }
    }

    /// Another try by the schedule, without end: giving up is a person's decision.
    pub(super) async fn failed(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        let next = next_attempt_at(now, message.tries + 1, message.attempt, failure.retry_after);
        log(message, &failure, next);
        self.daemon.store.fail(message.attempt, failure.class, &failure.code, &Next::RetryAt(next), now).await?;
        Ok(Attempt::Failed)
    }

    /// The channel refuses us as such: it is held, a person is told, and it is probed.
    async fn channel_refused(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        let next = next_attempt_at(now, message.tries + 1, message.attempt, failure.retry_after);
        let held = self.daemon.store.refuse(message.attempt, &self.channel, &failure.code, next, now).await?;
        match held {
            Held::Until(until) => {
                self.halt.cancel();
                tracing::error!(channel = %self.channel, code = %failure.code, probed_at = %until, "the channel refuses us; it is held and probed. `fristvakt doctor` says more");
            }
            Held::OnlyThis => {
                tracing::error!(id = %message.message, channel = %self.channel, code = %failure.code, "the channel takes other messages, but not this one");
            }
            Held::NotOurs => {}
        }
        log(message, &failure, next);
        Ok(Attempt::Failed)
    }

    /// The address will never take it: each case's notices go to whoever comes next in its chain.
    async fn address_refused(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        self.report_address(message, &failure, now).await?;
        if message.subject.as_deref().is_some_and(is_of_one_leader) {
            // Nobody else gets it: these are lines of that leader's units. A person may mend the address and let it go.
            tracing::warn!(id = %message.message, to = %message.recipient, code = %failure.code, "the address of a leader refuses mail; their report is held");
            let next = Next::Hold("address");
            self.daemon.store.fail(message.attempt, failure.class, &failure.code, &next, now).await?;
            return Ok(Attempt::Failed);
        }
        if message.subject.is_some() && message.recipient != Recipient::Fallback {
            let next = Next::Reroute(Recipient::Fallback, now);
            self.daemon.store.fail(message.attempt, failure.class, &failure.code, &next, now).await?;
            return Ok(Attempt::Failed);
        }
        let onward = self.onward(message, now).await?;
        if onward.is_empty() {
            return self.failed(message, failure).await;
        }
        let retry_at = next_attempt_at(now, message.tries + 1, message.attempt, failure.retry_after);
        let refusal = Refusal { class: failure.class, code: &failure.code, reason: ADDRESS_REFUSED };
        self.daemon.store.pass_on(message.attempt, refusal, &onward, retry_at, now).await?;
        for (next, notices) in &onward {
            tracing::warn!(id = %message.message, to = %message.recipient, %next, notices = notices.len(), code = %failure.code, "address refused; passed on");
        }
        Ok(Attempt::Failed)
    }

    async fn report_address(&self, message: &Claimed, failure: &Failure, now: Instant) -> Result<(), StoreError> {
        let (tenant, subject) = (message.tenant.as_str(), message.recipient.to_string());
        let reason = failure.code.as_str();
        let entry = AuditEntry {
            tenant,
            actor: "fristvakt",
            action: "address.refused",
            subject: &subject,
            reason,
            ..AuditEntry::default()
        };
        self.daemon.store.audit(entry, now).await?;
        self.daemon.store.note_data_quality(tenant, &subject, "address_refused", reason, now).await
    }

    async fn onward(&self, message: &Claimed, now: Instant) -> Result<Onward, StoreError> {
        let (organisations, _) = self.daemon.municipalities(&self.rules, now).await?;
        let stored = organisations.iter().find(|stored| *stored.organisation.tenant.id == *message.tenant);
        match stored {
            Some(stored) => self.daemon.onward(&self.rules, stored, &message.recipient, &message.notices, now).await,
            None => Ok(vec![]),
        }
    }
}

fn log(message: &Claimed, failure: &Failure, next: Instant) {
    tracing::warn!(id = %message.message, to = %message.recipient, code = %failure.code, class = failure.class.word(), retry_at = %next, "not sent");
}
