//! One conversation with a relay, step by step, each with its deadline.
//!
//! ```text
//!  open ─► prepare (MAIL, RCPT) ─► transmit (DATA, mail, dot) ─► 250
//!             ▲   known not sent │    from the mail's first byte: unknown, unless the server says
//!             └──────────────────┴────────────────────────────────┘
//! ```
//!
//! The connection is taken out of the session for each step and put back only when a whole reply of a known kind was
//! read. So a step that is cancelled, times out, or is answered with anything odd takes the connection with it, and
//! the next mail can never read an old mail's reply.

use std::error::Error as _;
use std::fmt::Display;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::compose::Composed;
use super::replies::Replies;
use super::settings::{Smtp, Timeouts};
use super::wire::Wire;
use crate::delivery::{Accepted, Failure, FailureClass, Trail};

/// A conversation with a relay.
pub struct Session {
    connection: Option<AsyncSmtpConnection>,
    stage: Stage,
    /// Whether the last refusal was a policy that may be against us or against one address.
    in_doubt: bool,
    timeouts: Timeouts,
}

/// How far a mail has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The server waits for a mail.
    #[default]
    Idle,
    /// It has the sender or more; RSET takes it back.
    Begun,
    /// It has sender and recipient.
    Prepared,
}

/// What was asked when a failure came.
#[derive(Clone, Copy, Debug)]
enum Step {
    Hello,
    Auth,
    Mail,
    Rcpt,
    Data,
    Dot,
    Reset,
    Quit,
}

impl Session {
    /// Connects, encrypts, greets, and identifies itself, as the settings say.
    ///
    /// # Errors
    /// Known not sent, with what to do next.
    pub async fn open(smtp: &Smtp) -> Result<Self, Failure> {
        Self::open_noting(smtp, &mut Trail::default()).await
    }

    /// As [`Session::open`], with what was seen on the way, however far it came.
    pub async fn probe(smtp: &Smtp) -> (Trail, Result<Self, Failure>) {
        let mut trail = Trail::default();
        let opened = Self::open_noting(smtp, &mut trail).await;
        (trail, opened)
    }

    async fn open_noting(smtp: &Smtp, trail: &mut Trail) -> Result<Self, Failure> {
        let wire = Box::new(Replies::of(Wire::open(smtp, trail).await?));
        let limit = smtp.timeouts.command;
        let mut connection = match timeout(limit, AsyncSmtpConnection::connect_with_transport(wire, &smtp.hello)).await
        {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(Step::Hello.failure(&error)),
            Err(_) => return Err(Step::Hello.timeout()),
        };
        trail.greeted = true;
        if let Some(credentials) = &smtp.credentials {
            const KNOWN: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];
            if connection.server_info().get_auth_mechanism(KNOWN).is_none() {
                return Err(Failure::channel("auth not offered"));
            }
            let auth = connection.auth(KNOWN, credentials);
            match timeout(limit, auth).await {
                Ok(Ok(response)) if response.has_code(235) => trail.authenticated = true,
                Ok(Ok(response)) => return Err(Step::Auth.unexpected(&response)),
                Ok(Err(error)) => return Err(Step::Auth.failure(&error)),
                Err(_) => return Err(Step::Auth.timeout()),
            }
        }
        Ok(Self { connection: Some(connection), stage: Stage::Idle, in_doubt: false, timeouts: smtp.timeouts })
    }

    /// Whether another mail may go over this connection. A session that is not usable is dropped.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.connection.is_some()
    }

    /// Names sender and recipient; takes back a mail that was begun before.
    ///
    /// # Errors
    /// Known not sent, with what to do next.
    pub async fn prepare(&mut self, mail: &Composed) -> Result<(), Failure> {
        if self.stage != Stage::Idle {
            self.reset().await?;
        }
        self.stage = Stage::Begun;
        self.command(Step::Mail, Mail::new(Some(mail.from.clone()), vec![])).await?;
        match self.command(Step::Rcpt, Rcpt::new(mail.to.clone(), vec![])).await {
            Ok(()) => {
                self.stage = Stage::Prepared;
                Ok(())
            }
            Err(failure) => Err(self.weighed(failure, mail).await),
        }
    }

    /// A policy may be against us or against one address, "per host or per recipient" (RFC 3463 § 3.8): a relay that is
    /// not ours to use says the same as a list that takes mail of its members only. So where the refusal does not say which,
    /// the relay is asked for our own address. Where that gets past the policy, the refusal is about the address alone.
    async fn weighed(&mut self, failure: Failure, mail: &Composed) -> Failure {
        if !self.in_doubt || !self.is_usable() {
            return failure;
        }
        let class = match self.command(Step::Rcpt, Rcpt::new(mail.from.clone(), vec![])).await {
            Ok(()) => FailureClass::Address,
            Err(own) => own.class,
        };
        Failure { class, ..failure }
    }

    /// Hands over the mail that was prepared. Only the reply 250 is proof.
    ///
    /// # Errors
    /// What to do next. [`FailureClass::Unknown`]: it may have been sent.
    pub async fn transmit(&mut self, mail: &Composed) -> Result<Accepted, Failure> {
        if self.stage != Stage::Prepared {
            return Err(Failure::temporary("not prepared"));
        }
        self.stage = Stage::Begun;
        self.command(Step::Data, Data).await?;
        // The line end before the dot is the protocol's own.
        let bytes = mail.bytes.strip_suffix(b"\r\n").unwrap_or(&mail.bytes);
        let limit = self.timeouts.data;
        self.step(Step::Dot, limit, async move |connection: &mut AsyncSmtpConnection| connection.message(bytes).await)
            .await?;
        self.stage = Stage::Idle;
        Ok(Accepted { code: 250 })
    }

    /// Takes back a mail that was begun.
    ///
    /// # Errors
    /// Where the server does not agree; the session is then not usable. It says nothing about any mail: over another
    /// connection it may go.
    pub async fn reset(&mut self) -> Result<(), Failure> {
        if let Err(failure) = self.command(Step::Reset, Rset).await {
            self.connection = None;
            return Err(Failure::temporary(failure.code));
        }
        self.stage = Stage::Idle;
        Ok(())
    }

    /// Says goodbye. What comes of it is of no interest: every mail has had its answer.
    pub async fn quit(mut self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let limit = self.timeouts.command.min(PATIENCE);
        let goodbye =
            self.step(Step::Quit, limit, async |connection: &mut AsyncSmtpConnection| connection.command(Quit).await);
        let _ = goodbye.await;
    }

    async fn command(&mut self, step: Step, command: impl Display) -> Result<(), Failure> {
        let limit = self.timeouts.command;
        self.step(step, limit, async move |connection: &mut AsyncSmtpConnection| connection.command(command).await)
            .await
    }

    /// One exchange. The connection comes back only if the reply is the expected one, or a clean refusal.
    async fn step(
        &mut self,
        step: Step,
        limit: Duration,
        exchange: impl AsyncFnOnce(&mut AsyncSmtpConnection) -> Result<Response, Error>,
    ) -> Result<(), Failure> {
        let Some(mut connection) = self.connection.take() else { return Err(Failure::temporary("connection lost")) };
        self.in_doubt = false;
        match timeout(limit, exchange(&mut connection)).await {
            Ok(Ok(response)) if step.expects(u16::from(response.code())) => {
                self.connection = Some(connection);
                Ok(())
            }
            Ok(Ok(response)) => Err(step.unexpected(&response)),
            Ok(Err(error)) => {
                // 421 means that the server is closing the connection.
                if error.status().is_some_and(|code| u16::from(code) != 421) {
                    self.connection = Some(connection);
                }
                self.in_doubt = step.is_policy(&error);
                Err(step.failure(&error))
            }
            Err(_) => Err(step.timeout()),
        }
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Hello => "ehlo",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Dot => "dot",
            Self::Reset => "rset",
            Self::Quit => "quit",
        }
    }

    /// Exact codes: a server that is one reply ahead of us is found out before it can vouch for a mail.
    fn expects(self, code: u16) -> bool {
        match self {
            Self::Hello | Self::Mail | Self::Dot | Self::Reset => code == 250,
            Self::Auth => code == 235,
            Self::Rcpt => matches!(code, 250..=252),
            Self::Data => code == 354,
            Self::Quit => code == 221,
        }
    }

    fn timeout(self) -> Failure {
        Failure::new(self.class_without_reply(), format!("timeout {}", self.name()))
    }

    fn unexpected(self, response: &Response) -> Failure {
        Failure::new(self.class_without_reply(), format!("smtp {} unexpected", response.code()))
    }

    fn failure(self, error: &Error) -> Failure {
        let Some((code, enhanced)) = refusal(error) else { return self.failure_without_reply(error) };
        let class = self.class_of(code, enhanced.as_deref());
        let code = enhanced.map_or_else(|| format!("smtp {code}"), |enhanced| format!("smtp {code} {enhanced}"));
        Failure::new(class, code)
    }

    /// Whether a recipient was refused by a policy that may be against us or against them.
    fn is_policy(self, error: &Error) -> bool {
        let Some((code, enhanced)) = refusal(error) else { return false };
        matches!(self, Self::Rcpt) && is_policy(code, subject(enhanced.as_deref()))
    }

    fn failure_without_reply(self, error: &Error) -> Failure {
        match self {
            // The library's own complaint: the server asked for something that this way to log in does not have.
            Self::Auth if error.is_client() => Failure::temporary("protocol auth"),
            _ if is_nonsense(error) => Failure::new(self.class_without_reply(), format!("protocol {}", self.name())),
            // A closed connection reads as "incomplete response".
            _ if error.is_response() && !error.to_string().ends_with("incomplete response") => {
                Failure::new(self.class_without_reply(), format!("protocol {}", self.name()))
            }
            _ => Failure::new(self.class_without_reply(), format!("connection lost {}", self.name())),
        }
    }

    fn class_without_reply(self) -> FailureClass {
        match self {
            Self::Dot => FailureClass::Unknown,
            _ => FailureClass::Temporary,
        }
    }

    /// What a refusal means: by its code, and by the second number of its enhanced code, which says what it is about
    /// (RFC 3463 § 3).
    fn class_of(self, code: u16, enhanced: Option<&str>) -> FailureClass {
        let subject = subject(enhanced);
        match (self, code) {
            // RFC 4954 § 4.7.12: somebody has to set the password anew, although the code says that it may pass.
            (Self::Auth, 432) => FailureClass::Channel,
            (_, 400..500) => FailureClass::Temporary,
            // Not about the recipient: commands we may not or cannot give here, or a host that takes no mail at all.
            (Self::Rcpt, 500 | 502..=504 | 521 | 530..=538 | 555) => FailureClass::Channel,
            (Self::Rcpt, _) if is_policy(code, subject) => FailureClass::Channel,
            (Self::Rcpt, _) => FailureClass::Address,
            // x.1 and x.2: the address and its mailbox, refused late. Without a hint 552 is a full mailbox.
            (Self::Data | Self::Dot, _) if matches!(subject, Some(1 | 2)) => FailureClass::Address,
            (Self::Dot, 552) if subject.is_none() => FailureClass::Address,
            _ => FailureClass::Channel,
        }
    }
}

/// The code of a refusal and the enhanced one, if any.
fn refusal(error: &Error) -> Option<(u16, Option<String>)> {
    let code = u16::from(error.status()?);
    Some((code, error.source().map(ToString::to_string).and_then(|text| enhanced_status(&text))))
}

/// What an enhanced code says the refusal is about: its second number.
fn subject(enhanced: Option<&str>) -> Option<u16> {
    enhanced?.strip_prefix("5.")?.split('.').next()?.parse().ok()
}

/// x.3 and x.7: the system and its policy. Without a hint 554 says that there is "no service" (RFC 5321 § 4.2.2).
fn is_policy(code: u16, subject: Option<u16>) -> bool {
    matches!((code, subject), (550..=554, Some(3 | 7)) | (554, None))
}

/// Whether what came is no reply, or one too many.
fn is_nonsense(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}

/// `4.2.0` at the beginning of a reply's text. Nothing else of the text is kept: servers quote addresses in it.
fn enhanced_status(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let mut numbers = word.split('.');
    let digits = |number: Option<&str>, most: usize| {
        number.is_some_and(|number| {
            (1..=most).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let fits = digits(numbers.next(), 1) && digits(numbers.next(), 3) && digits(numbers.next(), 3);
    (fits && numbers.next().is_none()).then(|| word.to_owned())
}

/// Hides everything: what the library's connection shows of itself is not ours to promise.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?})", self.stage)
    }
}
