//! Getting in at a relay: certificates, STARTTLS, passwords. Without a certificate that holds not a word is said about
//! any mail, and no password leaves.

use std::time::Duration;

use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::task::JoinSet;

use super::Act::{Ahead, Close, Dribble, Flood, Hang, Last, Late, Raw, Reset, Say};
use super::Step::{Auth, Connect, Ehlo, Greeting, Handshake, Starttls};
use super::{Begins, Case, Identity, Relay, Script, Setup, outcome};
use crate::delivery::samples::{mail, smtp};
use FailureClass::{Channel, Temporary};

const LIMITS: &str = "timeouts = { connect = 1, command = 1, data = 1 }";
const SLOW: Duration = Duration::from_millis(150);
const TOO_LONG: Duration = Duration::from_millis(1400);

/// What happens before TLS stands, where it is asked for with STARTTLS. `None`: the mail was sent.
const STARTTLS: &[Case] = &[
    (&[], None),
    (&[(Greeting, Say("220-relay\n220 welcome"))], None),
    (&[(Greeting, Last("421 busy"))], Some((Temporary, "smtp 421"))),
    (&[(Greeting, Say("554 no"))], Some((Channel, "smtp 554"))),
    (&[(Greeting, Close)], Some((Temporary, "connection lost"))),
    (&[(Greeting, Flood)], Some((Temporary, "protocol"))),
    (&[(Ehlo, Say("250 relay"))], Some((Channel, "tls not offered"))),
    (&[(Ehlo, Say("250-STARTTLSX\n250 XSTARTTLS"))], Some((Channel, "tls not offered"))),
    (&[(Ehlo, Say("502 no"))], Some((Channel, "smtp 502"))),
    (&[(Ehlo, Say("nonsense"))], Some((Temporary, "protocol"))),
    (&[(Ehlo, Hang)], Some((Temporary, "timeout starttls"))),
    (&[(Starttls, Say("454 4.7.0 not now"))], Some((Temporary, "smtp 454"))),
    (&[(Starttls, Say("502 no"))], Some((Channel, "smtp 502"))),
    (&[(Starttls, Close)], Some((Temporary, "connection lost"))),
    (&[(Starttls, Reset)], Some((Temporary, "connection lost"))),
    (&[(Starttls, Hang)], Some((Temporary, "timeout starttls"))),
    (&[(Starttls, Late(TOO_LONG))], Some((Temporary, "timeout starttls"))),
    (&[(Starttls, Dribble(SLOW))], Some((Temporary, "timeout starttls"))),
    // What a man in the middle appends to the plain reply is never read as if it came from inside.
    (&[(Starttls, Ahead("250 injected"))], Some((Channel, "tls injection"))),
    (&[(Starttls, Ahead("250 2.0.0 ok\n250 ok\n354 go\n250 queued"))], Some((Channel, "tls injection"))),
    (&[(Handshake, Raw(b"250 injected, a packet later\r\n"))], Some((Channel, "tls"))),
    (&[(Handshake, Raw(b"\x15\x03\x03\x00\x02\x02\x28"))], Some((Channel, "tls"))),
    (&[(Handshake, Raw(b"\x16\x03\x03\xff\xff\x00\x00\x00"))], Some((Channel, "tls"))),
    (&[(Handshake, Close)], Some((Temporary, "tls interrupted"))),
    (&[(Handshake, Reset)], Some((Temporary, "tls interrupted"))),
    (&[(Handshake, Hang)], Some((Temporary, "timeout tls"))),
];

/// Where it begins with the connection.
const AT_ONCE: &[Case] = &[
    (&[], None),
    (&[(Connect, Close)], Some((Temporary, "tls interrupted"))),
    (&[(Connect, Say("220 relay"))], Some((Channel, "tls"))),
    (&[(Handshake, Hang)], Some((Temporary, "timeout tls"))),
    (&[(Greeting, Last("421 busy"))], Some((Temporary, "smtp 421"))),
    (&[(Ehlo, Close)], Some((Temporary, "connection lost ehlo"))),
];

/// A password: accepted, or not, and then it is tried again only by a person's leave.
const PASSWORDS: &[(&[&str], Case)] = &[
    (&["AUTH PLAIN LOGIN"], (&[], None)),
    (&["AUTH LOGIN"], (&[], None)),
    (
        &["AUTH LOGIN"],
        (&[(Auth, Say("334 VXNlcm5hbWU6")), (Auth, Say("535 5.7.8 no such user"))], Some((Channel, "smtp 535 5.7.8"))),
    ),
    (&["AUTH PLAIN"], (&[(Auth, Say("535 5.7.8 vakt: wrong password hemmelig"))], Some((Channel, "smtp 535 5.7.8")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("535 vakt"))], Some((Channel, "smtp 535")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("530 5.7.0 no"))], Some((Channel, "smtp 530 5.7.0")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("534 5.7.9 too weak"))], Some((Channel, "smtp 534 5.7.9")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("538 5.7.11 encrypt first"))], Some((Channel, "smtp 538 5.7.11")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("504 5.5.4 unknown mechanism"))], Some((Channel, "smtp 504 5.5.4")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("432 4.7.12 change your password"))], Some((Channel, "smtp 432 4.7.12")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("454 4.7.0 later"))], Some((Temporary, "smtp 454 4.7.0")))),
    (&["AUTH PLAIN"], (&[(Auth, Last("421 4.7.0 too many tries"))], Some((Temporary, "smtp 421 4.7.0")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("250 what"))], Some((Temporary, "smtp 250 unexpected")))),
    (&["AUTH PLAIN"], (&[(Auth, Say("334 bm8="))], Some((Temporary, "protocol auth")))),
    (&["AUTH PLAIN"], (&[(Auth, Hang)], Some((Temporary, "timeout auth")))),
    (&["AUTH PLAIN"], (&[(Auth, Close)], Some((Temporary, "connection lost auth")))),
    (&["AUTH GSSAPI"], (&[], Some((Channel, "auth not offered")))),
    (&[], (&[], Some((Channel, "auth not offered")))),
];

async fn send(relay: &Relay, more: &str) -> Result<Accepted, Failure> {
    let smtp = smtp(relay.address, more);
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await?;
    session.prepare(&mail).await?;
    session.transmit(&mail).await
}

#[tokio::test]
async fn tls_stands_or_nothing_is_said() {
    let identity = Identity::of("localhost");
    let mut playing = JoinSet::new();
    for (table, begins, security) in [(STARTTLS, Begins::Starttls, "starttls"), (AT_ONCE, Begins::AtOnce, "tls")] {
        for (acts, expected) in table {
            let identity = identity.clone();
            playing.spawn(async move {
                let more =
                    format!("host = \"localhost\"\nsecurity = \"{security}\"\n{}\n{LIMITS}", identity.ca_setting());
                let scripts = [acts.to_vec()].into();
                let relay = Relay::start(Setup { scripts, tls: Some((identity, begins)), ..Setup::default() }).await;
                assert_eq!(send(&relay, &more).await, outcome(*expected), "{security} {acts:?}");
                let said = relay.heard().iter().any(|line| line.starts_with("MAIL"));
                assert_eq!(said, expected.is_none(), "{security} {acts:?}");
            });
        }
    }
    playing.join_all().await;
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_needs_a_person() {
    let trusted = Identity::of("localhost");
    let bad = [
        ("signed by itself", Identity::of("localhost"), None),
        ("another name", Identity::of("relay.example"), Some(())),
        ("expired", Identity::between("localhost", 2001, 2002), Some(())),
        ("not yet valid", Identity::between("localhost", 2101, 2102), Some(())),
    ];
    for (security, begins) in [("starttls", Begins::Starttls), ("tls", Begins::AtOnce)] {
        for (problem, identity, is_trusted) in &bad {
            let ca = is_trusted.map_or(trusted.ca_setting(), |()| identity.ca_setting());
            let setup = Setup { tls: Some((identity.clone(), begins)), ..Setup::default() };
            let relay = Relay::start(setup).await;
            let more = format!("host = \"localhost\"\nsecurity = \"{security}\"\n{ca}");
            assert_eq!(send(&relay, &more).await, outcome(Some((Channel, "tls certificate"))), "{security} {problem}");
            assert!(!relay.heard().iter().any(|line| line.starts_with("MAIL")), "{security} {problem}");
        }
    }
}

#[tokio::test]
async fn a_password_is_accepted_or_holds_the_channel() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hemmelig\n").unwrap();
    let more = format!("username = \"vakt\"\npassword_file = \"{}\"\n{LIMITS}", password.path().display());
    let mut playing = JoinSet::new();
    for (offers, (acts, expected)) in PASSWORDS {
        let more = more.clone();
        playing.spawn(async move {
            let scripts = [Script::from(*acts)].into();
            let relay = Relay::start(Setup { scripts, offers: offers.to_vec(), ..Setup::default() }).await;
            assert_eq!(send(&relay, &more).await, outcome(*expected), "{offers:?} {acts:?}");
            relay.heard()
        });
    }
    let heard = playing.join_all().await.concat();
    for line in ["AUTH PLAIN AHZha3QAaGVtbWVsaWc=", "AUTH LOGIN", "dmFrdA==", "aGVtbWVsaWc="] {
        assert!(heard.iter().any(|heard| heard == line), "{line}");
    }
}
