//! Mail: the line to the relay, and handing over (P3, P5, P6).

use super::line::Line;
use crate::delivery::email::{Composed, Session, Smtp};
use crate::delivery::{Failure, FailureClass};

impl Line {
    /// P3: a session on which the relay has taken sender and recipient.
    pub(super) async fn open(&mut self, mail: &Composed) -> Result<(), Failure> {
        let kept = self.session.take().filter(Session::is_usable);
        let fresh = kept.is_none();
        let smtp = self.daemon.channels.smtp.as_ref();
        let smtp = smtp.ok_or_else(|| Failure::new(FailureClass::Channel, "email is not configured"))?;
        let mut session = match kept {
            Some(session) => session,
            None => self.connect(smtp).await?,
        };
        let mut prepared = session.prepare(mail).await;
        // A relay may have closed a line that stood idle: that says nothing about this mail.
        if !fresh
            && !session.is_usable()
            && prepared.as_ref().is_err_and(|failure| failure.class == FailureClass::Temporary)
        {
            session = self.connect(smtp).await?;
            prepared = session.prepare(mail).await;
        }
        if session.is_usable() {
            self.session = Some(session);
        }
        prepared
    }

    /// A relay that cannot be reached is not asked again in this delivery, once a line.
    async fn connect(&self, smtp: &Smtp) -> Result<Session, Failure> {
        let session = Session::open(smtp).await;
        if session.is_err() {
            self.halt.cancel();
        }
        session
    }

    /// P5 and P6: hands the mail over. Only the relay's 250 counts.
    pub(super) async fn transmit(&mut self, mail: &Composed) -> Result<u16, Failure> {
        let Some(session) = &mut self.session else {
            return Err(Failure::new(FailureClass::Temporary, "no line"));
        };
        let outcome = session.transmit(mail).await;
        if !session.is_usable() {
            self.session = None;
        }
        outcome.map(|accepted| accepted.code)
    }
}
