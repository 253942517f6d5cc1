//! What came of handing something over: accepted, or a failure that says what to do next.

use std::fmt;
use std::time::Duration;

pub use crate::store::FailureClass;

/// The other side took responsibility. The only proof of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The reply: 250 for mail, 200–299 for a webhook.
    pub code: u16,
}

/// Why something was not handed over, or may not have been.
///
/// Holds no address and no text that a server wrote: replies quote addresses and subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do next.
    pub class: FailureClass,
    /// A short text for logs and pages, like `smtp 450 4.2.0`, `tls certificate`, `timeout rcpt` or `http 503`.
    pub code: String,
    /// How long the other side asks us to wait, already clamped by [`crate::delivery::retry`].
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of `class`, named by `code`.
    #[must_use]
    pub fn new(class: FailureClass, code: impl Into<String>) -> Self {
        Self { class, code: code.into(), retry_after: None }
    }

    pub(crate) fn temporary(code: impl Into<String>) -> Self {
        Self::new(FailureClass::Temporary, code)
    }

    pub(crate) fn address(code: impl Into<String>) -> Self {
        Self::new(FailureClass::Address, code)
    }

    pub(crate) fn channel(code: impl Into<String>) -> Self {
        Self::new(FailureClass::Channel, code)
    }

    pub(crate) fn unknown(code: impl Into<String>) -> Self {
        Self::new(FailureClass::Unknown, code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.class.word())
    }
}

impl std::error::Error for Failure {}
