//! How an attempt ended (P8), and what becomes of a message that was not taken.

use super::{Attempt, HOLD, Worker};
use crate::calendar::Instant;
use crate::daemon::channels::EMAIL;
use crate::delivery::retry::next_attempt_at;
use crate::delivery::{Failure, FailureClass};
use crate::engine::Municipality;
use crate::notice::{Recipient, Role};
use crate::store::{AuditEntry, Claimed, Next, StoreError, StoredOrganisation};

impl Worker {
    pub(super) async fn accepted(&self, message: &Claimed, code: u16) -> Result<Attempt, StoreError> {
        let ours = self.settle(message, code).await?;
        if !ours {
            tracing::error!(id = %message.message, "accepted, but taken back meanwhile; it may go out again");
        }
        tracing::info!(id = %message.message, to = %message.recipient, channel = %message.channel, code, "sent");
        Ok(Attempt::Sent)
    }

    /// P8, again and again as long as the database is only busy: what is forgotten here is sent twice.
    pub(super) async fn settle(&self, message: &Claimed, code: u16) -> Result<bool, StoreError> {
        const TRIES: usize = 5;
        let mut tries = 0;
        loop {
            let settled = self.daemon.store.accept(message.attempt, &code.to_string(), self.daemon.clock.now()).await;
            tries += 1;
            match settled {
                Err(error) if error.may_pass() && tries < TRIES => {}
                settled => return settled,
            }
        }
    }

    pub(super) async fn failed_of(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        failure: Failure,
    ) -> Result<Attempt, StoreError> {
        if failure.class != FailureClass::Address || message.channel != EMAIL {
            return self.failed(message, failure).await;
        }
        let now = self.daemon.clock.now();
        let recipient = message.recipient.to_string();
        let entry = AuditEntry {
            tenant: &message.tenant,
            actor: "fristvakt",
            action: "address.refused",
            subject: &recipient,
            reason: &failure.code,
        };
        self.daemon.store.audit(entry, now).await?;
        let Some(next) = self.next_in_chain(stored, message, now).await? else {
            return self.failed(message, failure).await;
        };
        tracing::warn!(id = %message.message, to = %recipient, next = %next, code = %failure.code, "address refused; passed on");
        let next = Next::Reroute(next, now);
        self.daemon.store.fail(message.attempt, failure.class, &failure.code, &next, now).await?;
        Ok(Attempt::Failed)
    }

    /// Whoever comes after a recipient whose address refuses mail: leader, coordinator, the fallback.
    async fn next_in_chain(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        now: Instant,
    ) -> Result<Option<Recipient>, StoreError> {
        let Ok(municipality) = Municipality::new(&self.rules.set, &stored.organisation) else { return Ok(None) };
        let mut chain = Vec::new();
        if let Some(notice) = message.notices.first()
            && let Some(case) = readable(self.daemon.store.case(stored, &self.rules.set, &notice.case).await)?
            && let Some(rule) = self.rules.set.rule_named(&notice.rule)
        {
            let responsible = &self.rules.set.rule(rule).responsible;
            for role in [Role::Leader, Role::Coordinator] {
                let reached = municipality.reached(&case.file, responsible, &role, now);
                chain.extend(reached.map(|(recipient, _)| recipient));
            }
        }
        chain.push(Recipient::Fallback);
        let place = chain.iter().position(|recipient| *recipient == message.recipient);
        let later = chain.into_iter().skip(place.map_or(0, |place| place + 1));
        Ok(later.into_iter().find(|recipient| *recipient != message.recipient))
    }

    pub(super) async fn failed(&self, message: &Claimed, failure: Failure) -> Result<Attempt, StoreError> {
        let now = self.daemon.clock.now();
        let next = if failure.class == FailureClass::Channel {
            let until = now + HOLD;
            self.daemon.channels.hold(&message.channel, until);
            tracing::error!(channel = %message.channel, code = %failure.code, "the channel refuses us; held, and tried again in 5 minutes");
            until
        } else {
            next_attempt_at(now, message.tries + 1, message.attempt, failure.retry_after)
        };
        tracing::warn!(id = %message.message, to = %message.recipient, code = %failure.code, class = failure.class.word(), retry_at = %next, "not sent");
        self.daemon.store.fail(message.attempt, failure.class, &failure.code, &Next::RetryAt(next), now).await?;
        Ok(Attempt::Failed)
    }
}

/// A case that does not parse is set aside elsewhere; here it is as good as none.
pub(in crate::daemon) fn readable<T>(case: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match case {
        Err(StoreError::Unreadable { .. }) => Ok(None),
        other => other,
    }
}
