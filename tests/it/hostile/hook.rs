//! Receivers of webhooks at their worst: what each answer leads to, that nothing is followed anywhere, and that no request
//! reads another's answer.

use std::time::Duration;

use fristvakt::calendar::Instant;
use fristvakt::delivery::webhook::Webhook;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Identity;
use super::proxy::{Direction, End, Proxy, Weather};
use super::receiver::Answer::{Close, Dribble, Forever, Last, Raw, Stall, Status};
use super::receiver::{Answer, Receiver};
use crate::delivery::samples::{ID, at};
use crate::delivery::webhook::{event, webhook};
use FailureClass::{Channel, Temporary, Unknown};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What comes of a request: accepted with a status, or a failure with its class and code.
type Expected = Result<u16, (FailureClass, &'static str)>;

fn outcome(expected: Expected) -> Result<Accepted, Failure> {
    expected.map(|code| Accepted { code }).map_err(|(class, code)| Failure::new(class, code))
}

/// Answers that need no waiting.
fn answers() -> Vec<(Answer, Expected)> {
    vec![
        (Status(200, ""), Ok(200)),
        (Status(201, ""), Ok(201)),
        (Status(202, ""), Ok(202)),
        (Status(204, ""), Ok(204)),
        (Status(299, ""), Ok(299)),
        (Status(304, ""), Err((Channel, "http 304"))),
        (Status(401, ""), Err((Channel, "http 401"))),
        (Status(403, ""), Err((Channel, "http 403"))),
        (Status(404, ""), Err((Channel, "http 404"))),
        (Status(405, ""), Err((Channel, "http 405"))),
        (Status(410, ""), Err((Channel, "http 410"))),
        (Status(421, ""), Err((Channel, "http 421"))),
        // Of this body alone: the others go on.
        (Status(400, ""), Err((Temporary, "http 400"))),
        (Status(413, ""), Err((Temporary, "http 413"))),
        (Status(422, ""), Err((Temporary, "http 422"))),
        (Status(408, ""), Err((Temporary, "http 408"))),
        (Status(425, ""), Err((Temporary, "http 425"))),
        (Status(429, ""), Err((Temporary, "http 429"))),
        (Status(500, ""), Err((Temporary, "http 500"))),
        (Status(501, ""), Err((Temporary, "http 501"))),
        (Status(502, ""), Err((Temporary, "http 502"))),
        (Status(503, ""), Err((Temporary, "http 503"))),
        (Status(504, ""), Err((Temporary, "http 504"))),
        (Status(600, ""), Err((Channel, "http 600"))),
        (Status(999, ""), Err((Channel, "http 999"))),
        // Early answers say nothing.
        (Raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), Ok(204)),
        (
            Raw(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"),
            Err((Temporary, "http 503")),
        ),
        (
            Raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            Err((Channel, "http 101")),
        ),
        // The status came whole: what is wrong with the rest does not matter.
        (Last(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"), Ok(200)),
        (Last(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), Ok(200)),
        (Last(b"HTTP/1.0 200 OK\r\n\r\nto the end"), Ok(200)),
        (Forever(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 8192]), Ok(200)),
        (Forever(b"HTTP/1.1 500 No\r\n\r\n", &[b'x'; 8192]), Err((Temporary, "http 500"))),
        // No answer, or none that is HTTP: it was read whole, so nobody knows.
        (Close, Err((Unknown, "connection lost"))),
        (Last(b""), Err((Unknown, "connection lost"))),
        (Last(b"HTTP/1.1 2"), Err((Unknown, "connection lost"))),
        (Last(b"HTTP/1.1 200 OK\r\nx: y\r\n"), Err((Unknown, "connection lost"))),
        (Last(b"no http at all\r\n\r\n"), Err((Unknown, "connection lost"))),
        (Last(b"HTTP/9.9 200 OK\r\n\r\n"), Err((Unknown, "connection lost"))),
        (Last(b"HTTP/1.1 20 OK\r\n\r\n"), Err((Unknown, "connection lost"))),
        (Last(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), Err((Unknown, "connection lost"))),
        (
            Last(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
            Err((Unknown, "connection lost")),
        ),
        (Last(b"HTTP/1.1 200 OK\r\n\0: \0\r\n\r\n"), Err((Unknown, "connection lost"))),
        (Forever(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"), Err((Unknown, "connection lost"))),
        (Forever(b"HTTP/1.1 200 OK\r\nx: ", &[b'x'; 8192]), Err((Unknown, "connection lost"))),
    ]
}

#[tokio::test]
async fn every_answer_says_what_to_do_next_and_no_request_reads_anothers() {
    let mut playing = JoinSet::new();
    for (answer, expected) in answers() {
        playing.spawn(async move {
            // The next one is refused: whoever reads an old answer takes it for accepted.
            let receiver = Receiver::start(vec![answer.clone(), Status(500, "")], None).await;
            let webhook = webhook(&receiver.url(), "");
            let first = webhook.send(ID, &event(), at()).await;
            let next = webhook.send(Uuid::from_u128(7), &event(), at()).await;
            let mut wrong = vec![];
            if first != outcome(expected) {
                wrong.push(format!("{answer:?}\n  gave {first:?}, expected {expected:?}"));
            }
            if next != outcome(Err((Temporary, "http 500"))) {
                wrong.push(format!("{answer:?}\n  the next was refused and read {next:?}"));
            }
            let requests = receiver.requests();
            assert_eq!(requests[0].id, ID.to_string());
            assert!(first.is_err() || requests[0].accepted, "{answer:?}");
            wrong
        });
    }
    let wrong = playing.join_all().await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn two_answers_at_once_are_one_answer() {
    let two: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let receiver = Receiver::start(vec![Raw(two), Status(500, "")], None).await;
    let webhook = webhook(&receiver.url(), "");
    assert_eq!(webhook.send(ID, &event(), at()).await, Ok(Accepted { code: 200 }));
    let next = webhook.send(Uuid::from_u128(7), &event(), at()).await;
    assert_eq!(next, outcome(Err((Temporary, "http 500"))));
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn a_good_receiver_keeps_its_connection() {
    let receiver = Receiver::start(vec![Raw(OK), Status(503, ""), Status(204, "")], None).await;
    let webhook = webhook(&receiver.url(), "");
    for expected in [Ok(200), Err((Temporary, "http 503")), Ok(204)] {
        assert_eq!(webhook.send(ID, &event(), at()).await, outcome(expected));
    }
    assert_eq!(receiver.connections(), 1);
}

/// What a receiver asks for, and how long that is from Friday 13 March 2026, 07:00 UTC; never longer than an hour.
const WAITS: &[(&str, Option<u64>)] = &[
    ("", None),
    ("retry-after: 120\r\n", Some(120)),
    ("retry-after:   7  \r\n", Some(7)),
    ("retry-after: 0\r\n", Some(0)),
    ("retry-after: 86400\r\n", Some(3600)),
    ("retry-after: 18446744073709551615\r\n", Some(3600)),
    ("retry-after: 99999999999999999999999999\r\n", Some(3600)),
    ("retry-after: -1\r\n", None),
    ("retry-after: 1.5\r\n", None),
    ("retry-after: soon\r\n", None),
    ("retry-after: \r\n", None),
    ("retry-after: \u{fc}\r\n", None),
    ("retry-after: Fri, 13 Mar 2026 07:10:00 GMT\r\n", Some(600)),
    ("retry-after: Fri, 13 Mar 2026 06:10:00 GMT\r\n", Some(0)),
    ("retry-after: Fri, 13 Mar 2099 07:10:00 GMT\r\n", Some(3600)),
    // Obsolete, and still to be understood (RFC 9110 § 5.6.7).
    ("retry-after: Friday, 13-Mar-26 07:10:00 GMT\r\n", Some(600)),
    ("retry-after: Fri Mar 13 07:10:00 2026\r\n", Some(600)),
    ("retry-after: Sat, 13 Mar 2026 07:10:00 GMT\r\n", None),
    ("retry-after: 10\r\nretry-after: 20\r\n", Some(10)),
];

#[tokio::test]
async fn a_receiver_may_ask_for_an_hour_at_most_and_nonsense_asks_for_nothing() {
    for (headers, seconds) in WAITS {
        for status in [429, 503] {
            let receiver = Receiver::start(vec![Status(status, headers)], None).await;
            let failure = webhook(&receiver.url(), "").send(ID, &event(), at()).await.unwrap_err();
            assert_eq!(failure.retry_after, seconds.map(Duration::from_secs), "{headers}");
        }
    }
}

#[tokio::test]
async fn a_redirection_leads_nowhere() {
    let inside = Receiver::start(vec![], None).await;
    let to_inside = format!("location: {}\r\n", inside.url());
    let places: [&'static str; 6] = [
        Box::leak(to_inside.into_boxed_str()),
        "location: http://169.254.169.254/latest/meta-data/\r\n",
        "location: file:///etc/passwd\r\n",
        "location: https://[::1]/\r\n",
        "location: /elsewhere\r\n",
        "refresh: 0; url=http://127.0.0.1/\r\n",
    ];
    for status in [300, 301, 302, 303, 307, 308] {
        for place in places {
            let receiver = Receiver::start(vec![Status(status, place)], None).await;
            let result = webhook(&receiver.url(), "").send(ID, &event(), at()).await;
            assert_eq!(result, Err(Failure::new(Channel, format!("http {status}"))), "{place}");
            assert_eq!(receiver.requests().len(), 1, "{status} {place}");
        }
    }
    assert_eq!(inside.connections(), 0);
}

/// Receivers that keep us waiting. The request is whole before time is moved on by hand.
fn waits() -> Vec<(Answer, Expected)> {
    let slow = Duration::from_secs(4);
    vec![
        (Stall(b""), Err((Unknown, "timeout answer"))),
        (Stall(b"HTTP/1.1 200 O"), Err((Unknown, "timeout answer"))),
        (Stall(b"HTTP/1.1 200 OK\r\nx: y\r\n"), Err((Unknown, "timeout answer"))),
        (Stall(b"HTTP/1.1 100 Continue\r\n\r\n"), Err((Unknown, "timeout answer"))),
        (Dribble(OK, slow), Err((Unknown, "timeout answer"))),
        (Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"), Ok(200)),
        (Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"), Ok(200)),
        (Stall(b"HTTP/1.1 500 No\r\ncontent-length: 5\r\n\r\nab"), Err((Temporary, "http 500"))),
    ]
}

#[tokio::test]
async fn thirty_seconds_are_enough_for_any_answer() {
    for (answer, expected) in waits() {
        let receiver = Receiver::start(vec![answer.clone()], None).await;
        let webhook = webhook(&receiver.url(), "");
        let began = tokio::time::Instant::now();
        let sending = tokio::spawn(async move { webhook.send(ID, &event(), at()).await });
        receiver.got.notified().await;
        tokio::time::pause();
        let result = sending.await.unwrap();
        let lasted = began.elapsed();
        tokio::time::resume();
        assert_eq!(result, outcome(expected), "{answer:?}");
        assert!(lasted < Duration::from_secs(33), "{answer:?} took {lasted:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_holds_the_channel_and_nothing_is_said() {
    let trusted = Identity::of("localhost");
    let cases = [
        ("good", Identity::of("localhost"), true, Ok(204)),
        ("signed by itself", Identity::of("localhost"), false, Err((Channel, "tls"))),
        ("another name", Identity::of("hook.example"), true, Err((Channel, "tls"))),
        ("expired", Identity::between("localhost", 2001, 2002), true, Err((Channel, "tls"))),
        ("not yet valid", Identity::between("localhost", 2101, 2102), true, Err((Channel, "tls"))),
    ];
    for (problem, identity, is_trusted, expected) in cases {
        let receiver = Receiver::start(vec![], Some(&identity)).await;
        let url = format!("https://localhost:{}/", receiver.address.port());
        let ca = if is_trusted { identity.ca_setting() } else { trusted.ca_setting() };
        let result = webhook(&url, &format!("allow_private = true\n{ca}")).send(ID, &event(), at()).await;
        assert_eq!(result, outcome(expected), "{problem}");
        assert_eq!(receiver.requests().len(), usize::from(expected.is_ok()), "{problem}");
    }
}

/// A receiver behind a network.
async fn over(weather: Weather) -> (Receiver, Proxy, Webhook) {
    let receiver = Receiver::start(vec![Raw(OK)], None).await;
    let proxy = Proxy::start(receiver.address, weather).await;
    let webhook = webhook(&format!("http://{}/varsel", proxy.address), "");
    (receiver, proxy, webhook)
}

#[tokio::test]
async fn wherever_the_line_is_cut_what_is_called_unsent_did_not_arrive() {
    let now: Instant = at();
    let (_receiver, proxy, webhook) = over(Weather::default()).await;
    webhook.send(ID, &event(), now).await.unwrap();
    let [up, down] = [Direction::Up, Direction::Down].map(|direction| proxy.passed(direction));
    assert_eq!(down, OK.len());
    let mut cutting = JoinSet::new();
    for end in [End::Close, End::Reset] {
        let ups = (0..up).step_by(13).chain(up - 5..=up).map(|bytes| (Direction::Up, bytes));
        for (direction, bytes) in ups.chain((0..=down).map(|bytes| (Direction::Down, bytes))) {
            cutting.spawn(async move {
                let weather = Weather { cut: Some((direction, bytes, end)), ..Weather::default() };
                let (receiver, _proxy, webhook) = over(weather).await;
                let outcome = webhook.send(ID, &event(), now).await;
                let case = format!("{direction:?} cut after {bytes} ({end:?}): {outcome:?}");
                match outcome {
                    Ok(_) => assert!(receiver.requests()[0].accepted, "{case}"),
                    Err(failure) if failure.class == Unknown => {}
                    Err(failure) => {
                        assert_eq!(failure.class, Temporary, "{case}");
                        assert!(receiver.requests().is_empty(), "{case}");
                    }
                }
            });
        }
    }
    cutting.join_all().await;
}

#[tokio::test]
async fn crumbs_and_delay_change_nothing_for_a_webhook() {
    let delay = Duration::from_millis(30);
    for weather in [Weather { crumbs: true, ..Weather::default() }, Weather { delay, ..Weather::default() }] {
        let (receiver, _proxy, webhook) = over(weather).await;
        assert_eq!(webhook.send(ID, &event(), at()).await, Ok(Accepted { code: 200 }));
        assert_eq!(receiver.requests()[0].body, event().standard());
    }
}
