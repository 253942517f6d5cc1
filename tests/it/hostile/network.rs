//! Mail over a network that breaks. Wherever it is cut, two laws hold: what is called known not sent was not taken, and what
//! is called sent was.

use std::time::Duration;

use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::task::JoinSet;

use super::proxy::{Direction, End, Proxy, Weather};
use super::{Begins, Identity, Relay, Setup};
use crate::delivery::samples::{mail, smtp};

const LIMITS: &str = "timeouts = { connect = 1, command = 1, data = 1 }";

async fn send(proxy: &Proxy, more: &str) -> Result<Accepted, Failure> {
    let smtp = smtp(proxy.address, &format!("{more}\n{LIMITS}"));
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await?;
    session.prepare(&mail).await?;
    session.transmit(&mail).await
}

/// A relay behind a network: a plain one, or one with TLS and the settings for it.
async fn relay(identity: Option<Identity>) -> (Relay, String) {
    let more = identity.as_ref().map_or_else(String::new, |identity| {
        format!("host = \"localhost\"\nsecurity = \"starttls\"\n{}", identity.ca_setting())
    });
    let tls = identity.map(|identity| (identity, Begins::Starttls));
    (Relay::start(Setup { tls, ..Setup::default() }).await, more)
}

/// Sends one mail over a network that is cut after `bytes`; the laws, and whether it was sent.
async fn cut(direction: Direction, bytes: usize, end: End, identity: Option<Identity>) -> bool {
    let (relay, more) = relay(identity).await;
    let proxy = Proxy::start(relay.address, Weather { cut: Some((direction, bytes, end)), ..Weather::default() }).await;
    let outcome = send(&proxy, &more).await;
    let case = format!("{direction:?} cut after {bytes} ({end:?}): {outcome:?}");
    let taken = || relay.accepted().len();
    match &outcome {
        Ok(_) => assert_eq!(taken(), 1, "{case}"),
        Err(failure) if failure.class == FailureClass::Unknown => {}
        Err(failure) => {
            assert_eq!(failure.class, FailureClass::Temporary, "{case}");
            assert_eq!(taken(), 0, "{case}");
        }
    }
    outcome.is_ok()
}

/// How many bytes one mail is in each direction.
async fn lengths(identity: Option<Identity>) -> [usize; 2] {
    let (relay, more) = relay(identity).await;
    let proxy = Proxy::start(relay.address, Weather::default()).await;
    send(&proxy, &more).await.unwrap();
    [Direction::Up, Direction::Down].map(|direction| proxy.passed(direction))
}

#[tokio::test]
async fn wherever_the_line_is_cut_what_is_called_unsent_was_not_taken() {
    let [up, down] = lengths(None).await;
    assert!(up > 1000 && down > 70, "{up} {down}");
    let mut cutting = JoinSet::new();
    for end in [End::Close, End::Reset] {
        for bytes in 0..=down {
            cutting.spawn(async move { (bytes >= down, cut(Direction::Down, bytes, end, None).await) });
        }
        // Commands and the end of the mail byte by byte, its middle here and there.
        for bytes in (0..120).chain((120..up - 10).step_by(97)).chain(up - 10..up) {
            cutting.spawn(async move { (false, cut(Direction::Up, bytes, end, None).await) });
        }
    }
    for (whole, sent) in cutting.join_all().await {
        assert!(whole || !sent, "a mail counts as sent only with its whole reply");
    }
}

#[tokio::test]
async fn the_same_holds_under_tls() {
    let identity = Identity::of("localhost");
    let [up, down] = lengths(Some(identity.clone())).await;
    let mut cutting = JoinSet::new();
    for (direction, whole) in [(Direction::Up, up), (Direction::Down, down)] {
        // The length of a handshake differs by a few bytes from one to the next.
        for bytes in (0..whole - 40).step_by(83).chain(whole - 40..whole - 16) {
            let identity = identity.clone();
            cutting.spawn(cut(direction, bytes, if bytes % 2 == 0 { End::Close } else { End::Reset }, Some(identity)));
        }
    }
    assert!(cutting.join_all().await.into_iter().all(|sent| !sent));
}

#[tokio::test]
async fn crumbs_and_delay_change_nothing() {
    let weathers = [
        Weather { crumbs: true, ..Weather::default() },
        Weather { delay: Duration::from_millis(30), ..Weather::default() },
    ];
    for identity in [None, Some(Identity::of("localhost"))] {
        for weather in weathers {
            let (relay, more) = relay(identity.clone()).await;
            let proxy = Proxy::start(relay.address, weather).await;
            assert_eq!(send(&proxy, &more).await, Ok(Accepted { code: 250 }), "{weather:?}");
            let mail = mail(&smtp(relay.address, ""));
            let taken = relay.accepted().remove(0);
            assert_eq!(taken.text.as_bytes(), mail.bytes, "{weather:?}");
            assert!(taken.replied && !taken.message_id.is_empty());
        }
    }
}

#[tokio::test]
async fn a_stalled_network_ends_a_step_and_the_next_mail_waits_for_no_old_reply() {
    let (relay, _) = relay(None).await;
    let proxy = Proxy::start(relay.address, Weather::default()).await;
    let smtp = smtp(proxy.address, LIMITS);
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await.unwrap();
    session.prepare(&mail).await.unwrap();
    proxy.set(Weather { stalled: true, ..Weather::default() });
    assert_eq!(session.transmit(&mail).await, Err(Failure::new(FailureClass::Temporary, "timeout data")));
    proxy.set(Weather::default());
    assert!(!session.is_usable());
    assert!(relay.accepted().is_empty());
    assert_eq!(send(&proxy, "").await, Ok(Accepted { code: 250 }));
    assert_eq!(relay.accepted().len(), 1);
}
