//! Conversations with relays: what each answer leads to, and that no mail reads another's reply.

use fristvakt::catcher::Catcher;
use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::relay::{Identity, Relay};
use super::samples::{mail, mail_to, smtp};

/// How every script begins that gets as far as a mail.
const HELLO: &str = "S: 220 relay\nC: EHLO\nS: 250 relay\n";
const PREPARED: &str =
    "C: MAIL FROM:<fristvakt@blafjell.example>\nS: 250 ok\nC: RCPT TO:<kari@blafjell.example>\nS: 250 ok\n";
const ACCEPTED: &str = "C: DATA\nS: 354 go\nC: .\nS: 250 2.0.0 queued\n";

/// Opens, prepares and transmits one mail.
async fn send(relay: &Relay, more: &str) -> (Option<Session>, Result<Accepted, Failure>) {
    let smtp = smtp(relay.address, more);
    let mail = mail(&smtp);
    let mut session = match Session::open(&smtp).await {
        Ok(session) => session,
        Err(failure) => return (None, Err(failure)),
    };
    let result = match session.prepare(&mail).await {
        Ok(()) => session.transmit(&mail).await,
        Err(failure) => Err(failure),
    };
    (Some(session), result)
}

fn failure(class: FailureClass, code: &str) -> Result<Accepted, Failure> {
    Err(Failure::new(class, code))
}

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
async fn every_refusal_says_what_to_do_next() {
    use FailureClass::{Address, Channel, Temporary, Unknown};
    let after_mail = "C: MAIL\nS: 250 ok\nC: RCPT\n";
    let after_rcpt = format!("{PREPARED}C: DATA\n");
    let after_data = format!("{after_rcpt}S: 354 go\nC: .\n");
    let cases: &[(&str, &str, FailureClass, &str)] = &[
        ("C: MAIL", "S: 450 4.2.0 busy", Temporary, "smtp 450 4.2.0"),
        ("C: MAIL", "S: 421 4.3.2 <kari@blafjell.example> closing", Temporary, "smtp 421 4.3.2"),
        ("C: MAIL", "S: 550 5.7.1 no such sender fristvakt@blafjell.example", Channel, "smtp 550 5.7.1"),
        ("C: MAIL", "S: 354 what", Temporary, "smtp 354 unexpected"),
        ("C: MAIL", "S: hello", Temporary, "protocol mail"),
        ("C: MAIL", "CLOSE", Temporary, "connection lost mail"),
        (after_mail, "S: 451 kari@blafjell.example: try later", Temporary, "smtp 451"),
        (after_mail, "S: 550-5.1.1 <kari@blafjell.example>\nS: 550 5.1.1 unknown", Address, "smtp 550 5.1.1"),
        (after_mail, "S: 553 mailbox name not allowed", Address, "smtp 553"),
        (after_mail, "S: 530 5.7.0 authenticate first", Channel, "smtp 530 5.7.0"),
        (after_mail, "CLOSE", Temporary, "connection lost rcpt"),
        (&after_rcpt, "S: 451 4.3.0 later", Temporary, "smtp 451 4.3.0"),
        (&after_rcpt, "S: 554 5.5.1 no valid recipients", Channel, "smtp 554 5.5.1"),
        (&after_rcpt, "S: 250 one reply ahead", Temporary, "smtp 250 unexpected"),
        (&after_rcpt, "CLOSE", Temporary, "connection lost data"),
        (&after_data, "S: 452 4.3.1 disk full", Temporary, "smtp 452 4.3.1"),
        (&after_data, "S: 554 5.7.1 Frister: 1 sak looks like spam", Channel, "smtp 554 5.7.1"),
        (&after_data, "S: 552 5.2.2 mailbox full", Address, "smtp 552 5.2.2"),
        (&after_data, "S: 251 will forward", Unknown, "smtp 251 unexpected"),
        (&after_data, "S: ???", Unknown, "protocol dot"),
        (&after_data, "CLOSE", Unknown, "connection lost dot"),
    ];
    for (before, answer, class, code) in cases {
        let relay = Relay::start(vec![format!("{HELLO}{before}\n{answer}")], None).await;
        assert_eq!(send(&relay, "").await.1, failure(*class, code), "{before}{answer}");
    }
}

#[tokio::test]
async fn a_relay_that_does_not_let_us_in() {
    use FailureClass::{Channel, Temporary};
    let cases = [
        ("S: 421 4.3.2 too many connections", Temporary, "smtp 421 4.3.2"),
        ("S: 554 5.7.1 no service for you", Channel, "smtp 554 5.7.1"),
        ("CLOSE", Temporary, "connection lost ehlo"),
        ("S: 220 relay\nC: EHLO\nS: 502 no\nC: QUIT\nS: 221 bye", Channel, "smtp 502"),
        ("S: SSH-2.0-OpenSSH", Temporary, "protocol ehlo"),
    ];
    for (script, class, code) in cases {
        let relay = Relay::start(vec![script.to_owned()], None).await;
        assert_eq!(send(&relay, "").await.1, failure(class, code), "{script}");
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_may_come_back() {
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let opened = Session::open(&smtp(address, "")).await;
    assert_eq!(opened.unwrap_err(), Failure::new(FailureClass::Temporary, "connect refused"));
}

#[tokio::test]
async fn silence_has_an_end_and_after_the_dot_nobody_knows() {
    let cases = [
        ("HANG", FailureClass::Temporary, "timeout ehlo"),
        (&*format!("{HELLO}C: MAIL\nHANG"), FailureClass::Temporary, "timeout mail"),
        (&*format!("{HELLO}{PREPARED}C: DATA\nHANG"), FailureClass::Temporary, "timeout data"),
        (&*format!("{HELLO}{PREPARED}C: DATA\nS: 354 go\nC: .\nHANG"), FailureClass::Unknown, "timeout dot"),
    ];
    let limits = "timeouts = { connect = 1, command = 1, data = 1 }";
    let ends = cases.map(|(script, class, code)| async move {
        let relay = Relay::start(vec![script.to_owned()], None).await;
        let (session, result) = send(&relay, limits).await;
        assert_eq!(result, failure(class, code), "{script}");
        assert!(session.is_none_or(|session| !session.is_usable()), "{script}");
    });
    // Together, so that four limits of a second take one.
    let [first, second, third, fourth] = ends;
    tokio::join!(first, second, third, fourth);
}

#[tokio::test]
async fn after_a_clean_refusal_the_next_mail_goes_over_the_same_connection() {
    let script =
        format!("{HELLO}C: MAIL\nS: 250 ok\nC: RCPT\nS: 550 5.1.1 unknown\nC: RSET\nS: 250 ok\n{PREPARED}{ACCEPTED}");
    let relay = Relay::start(vec![script], None).await;
    let (session, result) = send(&relay, "").await;
    assert_eq!(result, failure(FailureClass::Address, "smtp 550 5.1.1"));
    let mut session = session.unwrap();
    assert!(session.is_usable());
    let mail = mail(&smtp(relay.address, ""));
    session.prepare(&mail).await.unwrap();
    assert_eq!(session.transmit(&mail).await, Ok(Accepted { code: 250 }));
}

#[tokio::test]
async fn a_cancelled_mail_takes_its_connection_with_it() {
    let relay = Relay::start(vec![format!("{HELLO}{PREPARED}C: DATA\nS: 354 go\nC: .\nHANG")], None).await;
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
    // that the refused mail was accepted.
    let ahead = format!("{HELLO}{PREPARED}C: DATA\nS: 354 go\nC: .\nS: 250 queued\nS: 250 queued again\n");
    let script = format!("{ahead}C: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nS: 554 refused");
    let relay = Relay::start(vec![script], None).await;
    let (session, result) = send(&relay, "").await;
    assert_eq!(result, Ok(Accepted { code: 250 }));
    let mut session = session.unwrap();
    let mail = mail(&smtp(relay.address, ""));
    session.prepare(&mail).await.unwrap();
    assert_eq!(session.transmit(&mail).await, failure(FailureClass::Temporary, "smtp 250 unexpected"));
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_mail_is_transmitted_only_after_it_was_prepared() {
    let relay = Relay::start(vec![HELLO.to_owned()], None).await;
    let smtp = smtp(relay.address, "");
    let mut session = Session::open(&smtp).await.unwrap();
    assert_eq!(session.transmit(&mail(&smtp)).await, failure(FailureClass::Temporary, "not prepared"));
}

#[tokio::test]
async fn tls_from_the_start_or_after_starttls() {
    let identity = Identity::of("localhost");
    let ca_file = identity.ca_file.path().display();
    let whole = format!("{HELLO}{PREPARED}{ACCEPTED}");
    let starttls = format!(
        "S: 220 relay\nC: EHLO\nS: 250-relay\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\n{}",
        whole.replace("S: 220 relay\n", "")
    );
    for (security, script) in [("tls", format!("TLS\n{whole}")), ("starttls", starttls)] {
        let relay = Relay::start(vec![script], Some(&identity)).await;
        let more = format!("host = \"localhost\"\nsecurity = \"{security}\"\nca_file = \"{ca_file}\"");
        assert_eq!(send(&relay, &more).await.1, Ok(Accepted { code: 250 }), "{security}");
    }
}

#[tokio::test]
async fn without_a_certificate_that_holds_nothing_is_said() {
    let (ours, theirs, other) = (Identity::of("localhost"), Identity::of("localhost"), Identity::of("relay.example"));
    let starttls = "S: 220 relay\nC: EHLO\nS: 250-relay\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS";
    for (security, script) in [("tls", "TLS"), ("starttls", starttls)] {
        for (server, trusted) in [(&theirs, &ours), (&other, &other)] {
            let relay = Relay::start(vec![script.to_owned()], Some(server)).await;
            let ca_file = trusted.ca_file.path().display();
            let more = format!("host = \"localhost\"\nsecurity = \"{security}\"\nca_file = \"{ca_file}\"");
            assert_eq!(send(&relay, &more).await.1, failure(FailureClass::Channel, "tls certificate"));
        }
    }
}

#[tokio::test]
async fn a_relay_that_speaks_no_tls_on_its_tls_port() {
    let relay = Relay::start(vec!["S: 220 relay\nC: anything".to_owned()], None).await;
    let result = send(&relay, "host = \"localhost\"\nsecurity = \"tls\"").await.1;
    assert_eq!(result, failure(FailureClass::Channel, "tls"));
}

#[tokio::test]
async fn starttls_or_nothing() {
    use FailureClass::{Channel, Temporary};
    let offered = "S: 220 relay\nC: EHLO\nS: 250-relay\nS: 250 STARTTLS\nC: STARTTLS\n";
    let cases = [
        ("S: 220 relay\nC: EHLO\nS: 250 relay", Channel, "tls not offered"),
        (&*format!("{offered}S: 454 4.7.0 not now"), Temporary, "smtp 454"),
        (&*format!("{offered}S: 502 no"), Channel, "smtp 502"),
        (&*format!("{offered}S: 220 go\nS: 250 injected"), Channel, "tls injection"),
        (&*format!("{offered}CLOSE"), Temporary, "connection lost"),
        ("S: 421 busy", Temporary, "smtp 421"),
        ("S: 220 relay\nC: EHLO\nS: nonsense", Temporary, "protocol"),
    ];
    for (script, class, code) in cases {
        let relay = Relay::start(vec![script.to_owned()], None).await;
        let result = send(&relay, "host = \"localhost\"\nsecurity = \"starttls\"").await.1;
        assert_eq!(result, failure(class, code), "{script}");
        assert!(!relay.heard().iter().any(|line| line.starts_with("MAIL")), "{script}");
    }
}

#[tokio::test]
async fn a_password_is_accepted_or_holds_the_channel() {
    use FailureClass::{Channel, Temporary};
    let hello = "S: 220 relay\nC: EHLO\nS: 250-relay\nS: 250 AUTH PLAIN LOGIN\n";
    let login = "S: 220 relay\nC: EHLO\nS: 250-relay\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dmFrdA==\nS: 334 UGFzc3dvcmQ6\nC: aGVtbWVsaWc=\n";
    let accepted = Ok(Accepted { code: 250 });
    let cases = [
        (format!("{hello}C: AUTH PLAIN AHZha3QAaGVtbWVsaWc=\nS: 235 2.7.0 ok\n{PREPARED}{ACCEPTED}"), accepted.clone()),
        (format!("{login}S: 235 ok\n{PREPARED}{ACCEPTED}"), accepted),
        (format!("{hello}C: AUTH\nS: 535 5.7.8 vakt: wrong password hemmelig"), failure(Channel, "smtp 535 5.7.8")),
        (format!("{hello}C: AUTH\nS: 454 4.7.0 later"), failure(Temporary, "smtp 454 4.7.0")),
        (format!("{hello}C: AUTH\nS: 250 what"), failure(Temporary, "smtp 250 unexpected")),
        (HELLO.to_owned(), failure(Channel, "auth not offered")),
    ];
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hemmelig\n").unwrap();
    let more = format!("username = \"vakt\"\npassword_file = \"{}\"", password.path().display());
    for (script, expected) in cases {
        let relay = Relay::start(vec![script.clone()], None).await;
        assert_eq!(send(&relay, &more).await.1, expected, "{script}");
    }
}

#[tokio::test]
async fn the_steps_can_run_in_a_task_of_their_own() {
    let relay = Relay::start(vec![format!("{HELLO}{PREPARED}{ACCEPTED}")], None).await;
    let result = tokio::spawn(async move { send(&relay, "").await.1 }).await.unwrap();
    assert_eq!(result, Ok(Accepted { code: 250 }));
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
