//! SMTP from both sides: a relay that answers anything, and a client that says anything to the catcher.

use std::time::Duration;

use fristvakt::catcher::Catcher;
use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::cases;
use crate::delivery::samples::{mail, smtp};

const PATIENCE: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What the relay says to one command, and hangs up after the last.
fn replies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    const GOOD: [&str; 5] =
        ["220 relay\r\n", "250-relay\r\n250 SIZE 100\r\n", "250 ok\r\n", "250 2.1.5 ok\r\n", "354 go\r\n"];
    let good = move |number: usize| GOOD[number.min(4)].as_bytes().to_vec();
    let odd = prop_oneof![
        4 => "[2345][0-9][0-9][ -].{0,20}\r\n".prop_map(String::into_bytes),
        3 => "[2345][0-9][0-9][ -]([45]\\.[0-9]{1,4}\\.[0-9]{1,4} )?(<kari@blafjell\\.example>)?\r\n".prop_map(String::into_bytes),
        2 => "(250-a\r\n){0,3}[0-9]{2,4}.{0,3}\r\n".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..40).prop_map(|mut bytes| { bytes.extend(b"\r\n"); bytes }),
        1 => vec(any::<u8>(), 0..40),
        1 => Just(b"250 ok\r\n250 ok\r\n".to_vec()),
        1 => (1usize..3000).prop_map(|length| format!("250 {}\r\n", "x".repeat(length)).into_bytes()),
    ];
    (0usize..6, vec(odd, 0..4)).prop_map(move |(sound, odd)| {
        let mut replies: Vec<Vec<u8>> = (0..sound).map(good).collect();
        replies.extend(odd);
        replies
    })
}

/// Says one reply for each command (and one for each mail), then hangs up. Gives how many mails it took whole.
async fn relay(listener: TcpListener, replies: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut said = Vec::new();
    let mut in_mail = false;
    for reply in replies {
        if stream.write_all(&reply).await.is_err() {
            break;
        }
        let goes_on = reply == b"354 go\r\n";
        said.push(reply);
        let mut line = String::new();
        loop {
            line.clear();
            // A client that still waits for the rest of a reply waits for ever, and we do not.
            let next = timeout(Duration::from_millis(30), stream.read_line(&mut line)).await;
            if !matches!(next, Ok(Ok(1..))) {
                return said;
            }
            in_mail = (in_mail || goes_on) && line != ".\r\n";
            if !in_mail {
                break;
            }
        }
    }
    said
}

async fn send(replies: Vec<Vec<u8>>) -> (Result<Accepted, Failure>, Vec<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = smtp(listener.local_addr().unwrap(), "timeouts = { connect = 1, command = 1, data = 1 }");
    let mail = mail(&smtp);
    let talk = async {
        let mut session = Session::open(&smtp).await?;
        session.prepare(&mail).await?;
        session.transmit(&mail).await
    };
    let (said, result) = tokio::join!(relay(listener, replies), talk);
    (result, said)
}

/// What a client may say to the catcher.
fn client() -> impl Strategy<Value = Vec<Vec<u8>>> {
    const LINES: [&str; 22] = [
        "EHLO a",
        "HELO a",
        "EHLO",
        "ehlo  x",
        "MAIL FROM:<a@b.example>",
        "MAIL FROM:<a@b.example> SIZE=1",
        "MAIL FROM:<>",
        "MAIL FROM:a",
        "RCPT TO:<kari@b.example>",
        "RCPT TO:<../../etc/x@b.example>",
        "RCPT TO:<\u{e5}@b.example>",
        "RCPT TO:<>",
        "DATA",
        "DATA x",
        ".",
        "..",
        "Subject: x",
        "",
        "RSET",
        "NOOP",
        "VRFY x",
        "QUIT",
    ];
    let line = prop_oneof![
        8 => select(&LINES).prop_map(|line| format!("{line}\r\n").into_bytes()),
        2 => Just(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<kari@b.example>\r\nDATA\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..30),
        1 => (990usize..1010).prop_map(|length| format!("{}\r\n", "x".repeat(length)).into_bytes()),
        1 => Just(b"a\nb\r\n".to_vec()),
        1 => Just(b"a\rb\r\n".to_vec()),
    ];
    vec(line, 0..24)
}

async fn talk(catcher: &Catcher, said: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = TcpStream::connect(catcher.address()).await.unwrap();
    let mut heard = Vec::new();
    let (mut reader, mut writer) = stream.split();
    let say = async {
        // A catcher that has said goodbye need not listen.
        let _ = writer.write_all(&said.concat()).await;
        let _ = writer.shutdown().await;
    };
    let hear = async {
        let _ = reader.read_to_end(&mut heard).await;
    };
    timeout(PATIENCE, async { tokio::join!(say, hear) }).await.expect("an end");
    heard
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn only_the_right_reply_to_a_whole_mail_is_proof(replies in replies()) {
        let (result, said) = runtime().block_on(async { timeout(PATIENCE, send(replies)).await.expect("an end") });
        match result {
            Ok(accepted) => {
                prop_assert_eq!(accepted.code, 250);
                prop_assert!(said.len() >= 6 && said[4].starts_with(b"354"), "{:?}", said);
                prop_assert!(said[5].starts_with(b"250"), "{:?}", said);
            }
            Err(failure) => {
                let shown = failure.to_string();
                prop_assert!(!shown.contains(['@', '<']) && !shown.contains(char::is_control) && shown.len() < 60, "{}", shown);
            }
        }
    }

    #[test]
    fn the_catcher_keeps_sound_mails_and_outlives_the_others(said in client()) {
        runtime().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let catcher = Catcher::start(folder.path().to_owned()).await.unwrap();
            let heard = talk(&catcher, &said).await;
            let heard = String::from_utf8(heard).expect("replies in ASCII");
            for reply in heard.split_terminator("\r\n") {
                assert!(reply.len() > 3 && reply.as_bytes()[..3].iter().all(u8::is_ascii_digit), "{reply}");
            }
            let sound = b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<kari@b.example>\r\nDATA\r\nHei\r\n.\r\nQUIT\r\n".to_vec();
            let before = catcher.count();
            let heard = String::from_utf8(talk(&catcher, &[sound]).await).unwrap();
            assert!(heard.contains("250 2.0.0 Kept") && catcher.count() == before + 1, "{heard}");
            for entry in std::fs::read_dir(folder.path()).unwrap() {
                let path = entry.unwrap().path();
                let kept = String::from_utf8(std::fs::read(&path).unwrap()).expect("7-bit");
                assert!(kept.is_ascii() && (kept.is_empty() || kept.ends_with("\r\n")), "{path:?}");
                assert!(kept.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n', '\0'])), "{path:?}");
            }
            catcher.stop().await;
        });
    }
}
