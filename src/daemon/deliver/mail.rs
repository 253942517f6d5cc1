//! Mail: composing, the line to the relay, and handing over (P3 to P6).

use super::Worker;
use crate::calendar::Instant;
use crate::daemon::content::{address_of, language_of};
use crate::daemon::recheck::Applicable;
use crate::delivery::email::{Composed, Outgoing, Session, compose};
use crate::delivery::message::Rendered;
use crate::delivery::{Failure, FailureClass};
use crate::store::{Claimed, CommitVerdict, Ready, StoreError, StoredOrganisation};

impl Worker {
    pub(super) fn compose(
        &self,
        stored: &StoredOrganisation,
        message: &Claimed,
        applicable: &[&Applicable],
        rendered: &Rendered,
        now: Instant,
    ) -> Result<Composed, Failure> {
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let address = address_of(&stored.organisation, &message.recipient, now);
        let address = address.ok_or_else(|| Failure::new(FailureClass::Address, "no usable address"))?;
        let obligation = match applicable {
            [one] => Some(&one.key),
            _ => None,
        };
        let language = language_of(&stored.organisation, &message.recipient, now);
        compose(smtp, &Outgoing { id: message.message, to: &address, language, rendered, obligation, at: now })
    }

    /// P3 to P6 for mail: the reply's code, or `None` where something changed before the point of no return.
    pub(super) async fn mail(
        &mut self,
        mail: &Composed,
        ready: &Ready,
    ) -> Result<Result<Option<u16>, Failure>, StoreError> {
        if let Err(failure) = self.line(mail).await {
            return Ok(Err(failure));
        }
        match self.daemon.store.begin_commit(ready, self.daemon.clock.now()).await? {
            CommitVerdict::Go => {}
            CommitVerdict::Changed | CommitVerdict::NotOurs => return Ok(Ok(None)),
        }
        let Some(session) = &mut self.session else {
            return Ok(Err(Failure::new(FailureClass::Temporary, "no line")));
        };
        let outcome = session.transmit(mail).await;
        if !session.is_usable() {
            self.session = None;
        }
        Ok(outcome.map(|accepted| Some(accepted.code)))
    }

    /// A line on which the relay has taken sender and recipient.
    pub(super) async fn line(&mut self, mail: &Composed) -> Result<(), Failure> {
        let kept = self.session.take().filter(Session::is_usable);
        let fresh = kept.is_none();
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let mut session = match kept {
            Some(session) => session,
            None => Session::open(smtp).await?,
        };
        let mut prepared = session.prepare(mail).await;
        // A relay may have closed a line that stood idle: that says nothing about this mail.
        if !fresh
            && !session.is_usable()
            && prepared.as_ref().is_err_and(|failure| failure.class == FailureClass::Temporary)
        {
            session = Session::open(smtp).await?;
            prepared = session.prepare(mail).await;
        }
        if session.is_usable() {
            self.session = Some(session);
        }
        prepared
    }
}
