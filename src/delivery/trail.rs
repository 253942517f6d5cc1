//! What was seen on the way to the other side, step by step: for `doctor`. Sending itself has no use for it.

use std::net::{IpAddr, SocketAddr};

use crate::calendar::Instant;

/// The steps that succeeded. The first one that is missing is where it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// What the name led to.
    pub resolved: Vec<IpAddr>,
    /// What answered.
    pub connected: Option<SocketAddr>,
    /// What time the other side gave, where its greeting has one.
    pub their_clock: Option<Instant>,
    /// How the connection is encrypted.
    pub encrypted: Option<Encrypted>,
    /// What is wrong with the certificate.
    pub flaw: Option<CertificateFlaw>,
    /// The server said what it can do.
    pub greeted: bool,
    /// It knows us.
    pub authenticated: bool,
}

/// An encrypted connection with a verified certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// `TLS 1.3` or `TLS 1.2`.
    pub version: &'static str,
    /// The last instant of the certificate; `None` where it does not parse here.
    pub certificate_ends: Option<Instant>,
}

/// Why a certificate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// Its time is over.
    Expired(Option<Instant>),
    /// Its time has not begun.
    NotYetValid,
    /// Nobody whom this machine trusts has signed it.
    UnknownIssuer,
    /// It is made out to another name.
    OtherName,
    /// Something else.
    Unusable,
}
