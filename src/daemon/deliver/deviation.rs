//! P2 of what happens to deviations: it happened, so it applies for as long as the webhook asks for it and the case is not
//! protected.

use std::collections::HashMap;

use super::Delivered;
use super::prepare::{Parcel, Prepared, Preparer, ids};
use crate::daemon::content::deviation_event;
use crate::delivery::webhook::WebhookKind;
use crate::delivery::{Failure, FailureClass};
use crate::notice::Role;
use crate::store::{Claimed, DeviationEvent, Next, Ready, StoreError, StoredCase, announced};

/// Whether a message tells a webhook of something that happened to a deviation.
pub(super) fn is_about_deviation(message: &Claimed) -> bool {
    message.subject.as_deref().and_then(announced).is_some()
}

impl Preparer<'_> {
    /// Prepares messages about deviations.
    pub(super) async fn deviations(
        &self,
        messages: Vec<Claimed>,
        delivered: &mut Delivered,
    ) -> Result<Vec<Prepared>, StoreError> {
        let mut events = Vec::with_capacity(messages.len());
        for message in messages {
            match self.event(&message).await {
                Ok(event) => events.push((message, event)),
                Err(error @ StoreError::Unreadable { .. }) => {
                    tracing::error!(id = %message.message, %error, "this message is held for a person to see");
                    self.hold(&message, "unreadable").await?;
                    delivered.failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        let cases = ids(events.iter().filter_map(|(_, event)| Some(event.as_ref()?.case_id.as_str())));
        let cases = self.daemon.store.cases(self.stored, &self.rules.set, &cases).await?;
        let mut prepared = Vec::with_capacity(events.len());
        for (message, event) in events {
            match self.deviation(message, event, &cases).await? {
                Some(one) => prepared.push(one),
                None => delivered.withdrawn += 1,
            }
        }
        Ok(prepared)
    }

    async fn event(&self, message: &Claimed) -> Result<Option<DeviationEvent>, StoreError> {
        match message.subject.as_deref().and_then(announced) {
            Some(what) => self.daemon.store.deviation_event(&message.tenant, what).await,
            None => Ok(None),
        }
    }

    /// `None`: nobody is to hear of it any more.
    async fn deviation(
        &self,
        message: Claimed,
        event: Option<DeviationEvent>,
        cases: &HashMap<String, StoredCase>,
    ) -> Result<Option<Prepared>, StoreError> {
        let webhook = self.daemon.channels.webhook(&message.channel);
        let is_wanted =
            webhook.is_some_and(|webhook| webhook.wants(&message.tenant, WebhookKind::Deviation, &Role::Responsible));
        let case = event.as_ref().and_then(|event| cases.get(&event.case_id));
        let is_protected = case.and_then(|case| case.file.records.at(self.now)).is_some_and(|record| record.protected);
        let Some(event) = event.filter(|event| is_wanted && !is_protected && event.protected == 0) else {
            if message.is_replay {
                // It stays what it is, so that whoever lets it go is asked the same again.
                self.hold(&message, "replayed").await?;
            } else {
                let whose = (message.tenant.as_str(), message.attempt);
                self.daemon.store.withdraw_notices(whose, &[], &[], self.now).await?;
            }
            return Ok(None);
        };
        let seen = case.map(|case| (event.case_id.clone(), case.stamp.version)).into_iter().collect();
        let ready = Ready {
            tenant: message.tenant.clone(),
            attempt: message.attempt,
            carried: 0,
            seen,
            generation: Some(self.stored.generation),
        };
        let told = deviation_event(self.rules, &self.stored.organisation, &message, &event, self.now);
        let unusable = || Failure::new(FailureClass::Temporary, "nothing to send");
        let parcel = told.map(|told| (Parcel::Webhook(Box::new(told)), ready)).ok_or_else(unusable);
        Ok(Some(Prepared { message, parcel }))
    }

    async fn hold(&self, message: &Claimed, reason: &'static str) -> Result<(), StoreError> {
        let next = Next::Hold(reason);
        self.daemon.store.fail(message.attempt, FailureClass::Temporary, "protected or gone", &next, self.now).await?;
        Ok(())
    }
}
