//! The way to another machine, step by step: what relays and webhooks have in common.

use chrono::TimeDelta;

use super::finding::Finding;
use super::time::day;
use crate::calendar::Instant;
use crate::delivery::{CertificateFlaw, Encrypted, Failure, Trail};

/// A certificate that ends sooner should have been renewed by itself.
const RENEWED_BEFORE: TimeDelta = TimeDelta::days(14);

/// Where the way leads, and how its encryption begins, for commands to copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// The arguments of `openssl s_client` besides the address.
    pub(super) openssl: &'a str,
    /// The configuration's key for further certificate authorities.
    pub(super) ca_file: &'a str,
}

/// The name and what answered behind it.
pub(super) fn connection(trail: &Trail) -> Option<String> {
    let address = trail.connected?;
    let count = trail.resolved.len();
    Some(if count > 1 { format!("{address} (one of {count} addresses)") } else { address.to_string() })
}

/// `TLS 1.3, certificate until 2027-01-01`.
pub(super) fn encryption(check: &str, encrypted: &Encrypted, now: Instant) -> Finding {
    let Some(ends) = encrypted.certificate_ends else {
        return Finding::ok(check, encrypted.version);
    };
    let found = format!("{}, certificate until {}", encrypted.version, day(ends));
    if ends - now < RENEWED_BEFORE {
        return Finding::warning(check, found)
            .means("From the day after, nothing is sent over it.")
            .mend("ask whoever runs that server to renew its certificate");
    }
    Finding::ok(check, found)
}

/// A way that ended early: what it means, and how to see more.
pub(super) fn ended(check: &str, failure: &Failure, trail: &Trail, target: Target<'_>) -> Finding {
    let Target { host, port, openssl, ca_file } = target;
    if let Some(flaw) = trail.flaw {
        return certificate(check, flaw, host, ca_file);
    }
    let finding = Finding::error(check, failure.code.clone());
    match failure.code.as_str() {
        "dns" | "timeout dns" => finding
            .means(format!("The name {host} leads nowhere from this machine."))
            .mend(format!("getent hosts {host}")),
        "address not allowed" => finding
            .means("The name leads into a network that this webhook may not reach.")
            .mend("set `allow_private = true` for this webhook if it is meant to, then: systemctl reload fristvakt"),
        "connect refused" => finding
            .means(format!("{host} is there, and nothing listens on port {port}."))
            .mend(format!("nc -vz {host} {port}")),
        "connect" | "timeout connect" => finding
            .means(format!("Nothing answers at {host}:{port}: a firewall, or the server is down."))
            .mend(format!("nc -vz {host} {port}")),
        "tls not offered" => finding
            .means("The server offers no encryption on this port, and without it nothing is sent.")
            .mend("set `email.security = \"tls\"` and `email.port = 465`, if the relay has that"),
        "tls injection" => finding
            .means("Something between here and the relay adds to the conversation. Nothing is sent over that.")
            .mend("ask whoever runs the network what inspects mail on the way"),
        code if code.starts_with("tls") || code == "timeout tls" => finding
            .means("The two sides do not agree on encryption (TLS 1.2 or 1.3).")
            .mend(format!("openssl s_client {openssl} {host}:{port}")),
        _ => finding
            .means("The other side broke off, or said something else than it should.")
            .mend(format!("openssl s_client {openssl} {host}:{port}")),
    }
}

fn certificate(check: &str, flaw: CertificateFlaw, host: &str, ca_file: &str) -> Finding {
    let (found, mend) = match flaw {
        CertificateFlaw::Expired(at) => (
            at.map_or_else(
                || "the certificate has expired".to_owned(),
                |at| format!("the certificate expired on {}", day(at)),
            ),
            "ask whoever runs that server to renew its certificate".to_owned(),
        ),
        CertificateFlaw::NotYetValid => ("the certificate is not valid yet".to_owned(), "timedatectl".to_owned()),
        CertificateFlaw::UnknownIssuer => (
            "the certificate is signed by nobody whom this machine trusts".to_owned(),
            format!("name your own certificate authority's file in `{ca_file}`, then: systemctl reload fristvakt"),
        ),
        CertificateFlaw::OtherName => (
            format!("the certificate is made out to another name than {host}"),
            "use the name that it is made out to, or have one made out to this".to_owned(),
        ),
        CertificateFlaw::Unusable => {
            ("the certificate cannot be used".to_owned(), format!("openssl s_client -showcerts -servername {host}"))
        }
    };
    Finding::error(check, found)
        .means("Whoever answers there cannot prove who they are. Nothing is sent to them.")
        .mend(mend)
}
