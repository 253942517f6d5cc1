//! Conversations with relays: a session over several mails, and the catcher. What each misbehaviour of a relay leads to is
//! in `hostile::mail` and `hostile::door`.

use fristvakt::catcher::Catcher;
use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::samples::{mail, mail_to, smtp};
use crate::hostile::{Act, Relay, Step};

#[tokio::test]
async fn mails_arrive_as_they_were_composed() {
    let folder = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(folder.path().to_owned()).await.unwrap();
    let smtp = smtp(catcher.address(), "");
    let mut session = Session::open(&smtp).await.unwrap();
    for recipient in ["kari@blafjell.example", "ola.nordmann@blafjell.example"] {
        let mail = mail_to(&smtp, recipient);
        session.prepare(&mail).await.unwrap();
        assert_eq!(session.transmit(&mail).await, Ok(Accepted { code: 250 }));
    }
    session.quit().await;
    assert_eq!(catcher.count(), 2);
    catcher.stop().await;
    for name in ["0001-kari.eml", "0002-ola.nordmann.eml"] {
        let recipient = format!("{}@blafjell.example", &name[5..name.len() - 4]);
        let kept = std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(String::from_utf8(kept).unwrap(), String::from_utf8(mail_to(&smtp, &recipient).bytes).unwrap());
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_may_come_back() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let opened = Session::open(&smtp(address, "")).await;
    assert_eq!(opened.unwrap_err(), Failure::new(FailureClass::Temporary, "connect refused"));
}

#[tokio::test]
async fn after_a_clean_refusal_the_next_mail_goes_over_the_same_connection() {
    let relay = Relay::with(vec![(Step::Rcpt, Act::Say("550 5.1.1 unknown"))]).await;
    let smtp = smtp(relay.address, "");
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await.unwrap();
    assert_eq!(session.prepare(&mail).await, Err(Failure::new(FailureClass::Address, "smtp 550 5.1.1")));
    assert!(session.is_usable());
    session.prepare(&mail).await.unwrap();
    assert_eq!(session.transmit(&mail).await, Ok(Accepted { code: 250 }));
    assert_eq!((relay.connections(), relay.recipients()), (1, vec!["kari@blafjell.example".to_owned()]));
}

#[tokio::test]
async fn a_cancelled_mail_takes_its_connection_with_it() {
    let relay = Relay::with(vec![(Step::Dot, Act::Hang)]).await;
    let smtp = smtp(relay.address, "");
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await.unwrap();
    session.prepare(&mail).await.unwrap();
    tokio::select! {
        _ = session.transmit(&mail) => panic!("the relay says nothing"),
        () = relay.hangs.notified() => {}
    }
    assert!(!session.is_usable());
    assert_eq!(session.prepare(&mail).await, Err(Failure::new(FailureClass::Temporary, "connection lost")));
}

#[tokio::test]
async fn a_relay_that_is_a_reply_ahead_never_vouches_for_a_mail() {
    // The second mail is refused, but the relay said one 250 too many before: whoever reads the wrong reply is told
    // that the refused mail was accepted. Here it says as many as a whole mail has.
    let ahead = Act::Ahead("250 ok\n250 ok\n354 go on\n250 queued");
    let relay = Relay::with(vec![(Step::Dot, ahead), (Step::Dot, Act::Say("554 refused"))]).await;
    let smtp = smtp(relay.address, "");
    let mail = mail(&smtp);
    let mut session = Session::open(&smtp).await.unwrap();
    session.prepare(&mail).await.unwrap();
    assert_eq!(session.transmit(&mail).await, Ok(Accepted { code: 250 }));
    assert_eq!(session.prepare(&mail).await, Err(Failure::new(FailureClass::Temporary, "protocol mail")));
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_relay_that_hung_up_between_two_mails_is_found_out_before_the_second() {
    for act in [Act::Last("250 queued"), Act::Last("250 queued\n421 4.4.2 idle too long")] {
        let relay = Relay::with(vec![(Step::Dot, act)]).await;
        let smtp = smtp(relay.address, "");
        let mail = mail(&smtp);
        let mut session = Session::open(&smtp).await.unwrap();
        session.prepare(&mail).await.unwrap();
        assert_eq!(session.transmit(&mail).await, Ok(Accepted { code: 250 }));
        let lost = Failure::new(FailureClass::Temporary, "connection lost mail");
        assert_eq!(session.prepare(&mail).await, Err(lost));
        assert!(!session.is_usable());
    }
}

#[tokio::test]
async fn a_mail_is_transmitted_only_after_it_was_prepared() {
    let relay = Relay::good().await;
    let smtp = smtp(relay.address, "");
    let mut session = Session::open(&smtp).await.unwrap();
    assert_eq!(session.transmit(&mail(&smtp)).await, Err(Failure::new(FailureClass::Temporary, "not prepared")));
}

#[tokio::test]
async fn the_steps_can_run_in_a_task_of_their_own() {
    let relay = Relay::good().await;
    let smtp = smtp(relay.address, "");
    let sending = tokio::spawn(async move {
        let mail = mail(&smtp);
        let mut session = Session::open(&smtp).await.unwrap();
        session.prepare(&mail).await.unwrap();
        session.transmit(&mail).await
    });
    assert_eq!(sending.await.unwrap(), Ok(Accepted { code: 250 }));
}

#[tokio::test]
async fn the_catcher_is_as_strict_as_a_relay() {
    let folder = tempfile::tempdir().unwrap();
    let catcher = Catcher::start(folder.path().to_owned()).await.unwrap();
    let mail =
        "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<../kåre@b.example>\r\nRCPT TO:<../k@b.example>\r\nDATA\r\n";
    let long = format!("{mail}{}\r\n.\r\n", "x".repeat(2000));
    let cases: &[(&str, &str)] = &[
        ("MAIL FROM:<a@b.example>\r\n", "503 5.5.1 EHLO first"),
        ("EHLO me\r\nRCPT TO:<a@b.example>\r\n", "503 5.5.1 MAIL first"),
        ("EHLO me\r\nMAIL FROM:a@b.example\r\n", "501 5.1.7 MAIL FROM:<address>"),
        ("EHLO me\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\n", "555 5.5.4 Unknown parameter"),
        ("EHLO me\nQUIT\r\n", "500 5.5.2 A line feed stands alone"),
        (&format!("{mail}a\rb\r\n.\r\n"), "500 5.5.2 A carriage return stands alone"),
        (&format!("{mail}a\nb\r\n.\r\n"), "500 5.5.2 A line feed stands alone"),
        (&format!("{mail}blåbær\r\n.\r\n"), "554 5.6.3 8-bit text, and 8BITMIME is not offered"),
        (&long, "500 5.5.2 A line is longer than 998 characters"),
        (&format!("{mail}..a\r\n.\r\n"), "250 2.0.0 Kept"),
    ];
    for (said, expected) in cases {
        let mut stream = TcpStream::connect(catcher.address()).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).await.unwrap();
        assert!(replies.lines().any(|reply| reply == *expected), "{said:?} gave {replies}");
    }
    let kept = std::fs::read_to_string(folder.path().join("0001-.._k.eml")).unwrap();
    assert_eq!((catcher.count(), kept.as_str()), (1, ".a\r\n"));
}

#[tokio::test]
async fn a_catcher_that_stops_says_so_and_another_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0041-kari.eml"), "").unwrap();
    let catcher = Catcher::start(folder.path().to_owned()).await.unwrap();
    let mut idle = BufReader::new(TcpStream::connect(catcher.address()).await.unwrap());
    let mut greeting = String::new();
    idle.read_line(&mut greeting).await.unwrap();
    let smtp = smtp(catcher.address(), "");
    let mut session = Session::open(&smtp).await.unwrap();
    let mail = mail(&smtp);
    session.prepare(&mail).await.unwrap();
    session.transmit(&mail).await.unwrap();
    drop(session);
    catcher.stop().await;
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "421 4.3.2 The catcher is stopping\r\n");
    assert!(folder.path().join("0042-kari.eml").exists());
}
