//! Each step of a conversation with a relay, and each way in which it can go wrong: what it leads to, and that the next
//! mail never reads an old mail's reply (RFC 5321 § 4.2 and 4.3, RFC 3463, 3207, 4954).

use std::time::Duration;

use fristvakt::delivery::email::Session;
use fristvakt::delivery::{Accepted, Failure, FailureClass};
use tokio::task::JoinSet;

use super::Act::{Ahead, Close, Dribble, Flood, Forever, Hang, Last, Late, Long, Raw, Reset, Say, Split};
use super::Step::{Body, Connect, Data, Dot, Ehlo, Greeting, Mail, Quit, Rcpt, Rset};
use super::{Case, Relay, Script, outcome as result};
use crate::delivery::samples::{mail_to, smtp};
use FailureClass::{Address, Channel, Temporary, Unknown};

/// Longer than a step may take here.
const TOO_LONG: Duration = Duration::from_millis(1400);
/// So that a whole reply takes longer than its step may, although no byte does.
const SLOW: Duration = Duration::from_millis(150);
const LIMITS: &str = "timeouts = { connect = 1, command = 1, data = 1 }";

/// Refusals: the code decides, and where there is one the enhanced code.
const REFUSALS: &[Case] = &[
    // 421 at any step: the relay closes down, and nothing of it is about the mail.
    (&[(Greeting, Last("421 4.3.2 too many connections"))], Some((Temporary, "smtp 421 4.3.2"))),
    (&[(Ehlo, Last("421 closing"))], Some((Temporary, "smtp 421"))),
    (&[(Mail, Last("421 4.3.2 closing"))], Some((Temporary, "smtp 421 4.3.2"))),
    (&[(Rcpt, Last("421 4.7.0 too fast"))], Some((Temporary, "smtp 421 4.7.0"))),
    (&[(Data, Last("421 closing"))], Some((Temporary, "smtp 421"))),
    (&[(Dot, Last("421 4.3.0 closing"))], Some((Temporary, "smtp 421 4.3.0"))),
    // At the door.
    (&[(Greeting, Say("554 5.7.1 no service for you"))], Some((Channel, "smtp 554 5.7.1"))),
    (&[(Greeting, Say("521 no mail here"))], Some((Channel, "smtp 521"))),
    (&[(Greeting, Say("450 4.7.1 come back"))], Some((Temporary, "smtp 450 4.7.1"))),
    (&[(Ehlo, Say("502 no"))], Some((Channel, "smtp 502"))),
    (&[(Ehlo, Say("550 5.7.1 wrong name"))], Some((Channel, "smtp 550 5.7.1"))),
    (&[(Ehlo, Say("451 4.3.0 later"))], Some((Temporary, "smtp 451 4.3.0"))),
    // The sender: never about the recipient.
    (&[(Mail, Say("450 4.1.8 no such domain now"))], Some((Temporary, "smtp 450 4.1.8"))),
    (&[(Mail, Say("451 later"))], Some((Temporary, "smtp 451"))),
    (&[(Mail, Say("452 4.3.1 disk full"))], Some((Temporary, "smtp 452 4.3.1"))),
    (&[(Mail, Say("501 5.1.7 bad sender"))], Some((Channel, "smtp 501 5.1.7"))),
    (&[(Mail, Say("503 5.5.1 out of order"))], Some((Channel, "smtp 503 5.5.1"))),
    (&[(Mail, Say("530 5.7.0 authenticate first"))], Some((Channel, "smtp 530 5.7.0"))),
    (&[(Mail, Say("550 5.7.60 may not send as this"))], Some((Channel, "smtp 550 5.7.60"))),
    (&[(Mail, Say("550 5.1.1 sender unknown"))], Some((Channel, "smtp 550 5.1.1"))),
    (&[(Mail, Say("552 5.3.4 too big"))], Some((Channel, "smtp 552 5.3.4"))),
    (&[(Mail, Say("553 5.7.1 not yours"))], Some((Channel, "smtp 553 5.7.1"))),
    (&[(Mail, Say("555 5.5.4 parameters"))], Some((Channel, "smtp 555 5.5.4"))),
    // The recipient, for now: greylisting, a full mailbox, a busy one.
    (&[(Rcpt, Say("450 4.7.1 greylisted"))], Some((Temporary, "smtp 450 4.7.1"))),
    (&[(Rcpt, Say("451 4.7.500 server busy"))], Some((Temporary, "smtp 451 4.7.500"))),
    (&[(Rcpt, Say("450 4.2.1 over quota for now"))], Some((Temporary, "smtp 450 4.2.1"))),
    (&[(Rcpt, Say("452 4.2.2 mailbox full"))], Some((Temporary, "smtp 452 4.2.2"))),
    (&[(Rcpt, Say("452 4.5.3 too many recipients"))], Some((Temporary, "smtp 452 4.5.3"))),
    (&[(Rcpt, Say("451"))], Some((Temporary, "smtp 451"))),
    // The recipient, for good.
    (&[(Rcpt, Say("550 5.1.1 unknown"))], Some((Address, "smtp 550 5.1.1"))),
    (&[(Rcpt, Say("550-5.1.1 The account\n550-5.1.1 does not\n550 5.1.1 exist"))], Some((Address, "smtp 550 5.1.1"))),
    (&[(Rcpt, Say("550 no such user"))], Some((Address, "smtp 550"))),
    (&[(Rcpt, Say("550"))], Some((Address, "smtp 550"))),
    (&[(Rcpt, Say("551 5.1.6 moved"))], Some((Address, "smtp 551 5.1.6"))),
    (&[(Rcpt, Say("550 5.2.1 disabled"))], Some((Address, "smtp 550 5.2.1"))),
    (&[(Rcpt, Say("552 5.2.2 mailbox full"))], Some((Address, "smtp 552 5.2.2"))),
    (&[(Rcpt, Say("552 quota"))], Some((Address, "smtp 552"))),
    (&[(Rcpt, Say("553 5.1.3 bad name"))], Some((Address, "smtp 553 5.1.3"))),
    (&[(Rcpt, Say("501 5.1.3 bad address"))], Some((Address, "smtp 501 5.1.3"))),
    (&[(Rcpt, Say("550 5.4.1 no such recipient"))], Some((Address, "smtp 550 5.4.1"))),
    (&[(Rcpt, Say("554 5.4.4 no route to that domain"))], Some((Address, "smtp 554 5.4.4"))),
    (&[(Rcpt, Say("556 5.1.10 that domain takes no mail"))], Some((Address, "smtp 556 5.1.10"))),
    (&[(Rcpt, Raw(b"550 5.1.1 Ukjent bruker p\xe5 skolen\r\n"))], Some((Address, "smtp 550 5.1.1"))),
    // Us: commands that we may not give.
    (&[(Rcpt, Say("503 5.5.1 out of order"))], Some((Channel, "smtp 503 5.5.1"))),
    (&[(Rcpt, Say("530 5.7.0 authenticate first"))], Some((Channel, "smtp 530 5.7.0"))),
    (&[(Rcpt, Say("535 5.7.8 no"))], Some((Channel, "smtp 535 5.7.8"))),
    (&[(Rcpt, Say("555 5.5.4 parameters"))], Some((Channel, "smtp 555 5.5.4"))),
    // A policy: against us where our own address is refused for it too, against this address where it is not.
    (
        &[(Rcpt, Say("554 5.7.1 relay access denied")), (Rcpt, Say("554 5.7.1 relay access denied"))],
        Some((Channel, "smtp 554 5.7.1")),
    ),
    (&[(Rcpt, Say("550 5.7.606 banned")), (Rcpt, Say("550 5.7.606 banned"))], Some((Channel, "smtp 550 5.7.606"))),
    (&[(Rcpt, Say("554 blocked")), (Rcpt, Say("554 blocked"))], Some((Channel, "smtp 554"))),
    (&[(Rcpt, Say("550 5.3.0 no")), (Rcpt, Say("550 5.3.0 no"))], Some((Channel, "smtp 550 5.3.0"))),
    (&[(Rcpt, Say("550 5.7.133 members only"))], Some((Address, "smtp 550 5.7.133"))),
    (&[(Rcpt, Say("554 5.7.1 refused")), (Rcpt, Say("550 5.1.1 unknown"))], Some((Address, "smtp 554 5.7.1"))),
    (&[(Rcpt, Say("554 5.7.1 refused")), (Rcpt, Say("450 4.7.1 greylisted"))], Some((Temporary, "smtp 554 5.7.1"))),
    (&[(Rcpt, Say("554 5.7.1 refused")), (Rcpt, Close)], Some((Temporary, "smtp 554 5.7.1"))),
    // DATA and the dot: the mail as a whole. 5.1 and 5.2 are the recipient, refused late.
    (&[(Data, Say("451 4.3.0 later"))], Some((Temporary, "smtp 451 4.3.0"))),
    (&[(Data, Say("503 5.5.1 out of order"))], Some((Channel, "smtp 503 5.5.1"))),
    (&[(Data, Say("554 5.5.1 no valid recipients"))], Some((Channel, "smtp 554 5.5.1"))),
    (&[(Data, Say("550 5.1.1 unknown"))], Some((Address, "smtp 550 5.1.1"))),
    (&[(Data, Say("550 5.7.1 policy"))], Some((Channel, "smtp 550 5.7.1"))),
    (&[(Dot, Say("450 4.7.1 greylisted"))], Some((Temporary, "smtp 450 4.7.1"))),
    (&[(Dot, Say("451 4.7.1 later"))], Some((Temporary, "smtp 451 4.7.1"))),
    (&[(Dot, Say("452 4.2.2 mailbox full"))], Some((Temporary, "smtp 452 4.2.2"))),
    (&[(Dot, Say("550 5.1.1 unknown"))], Some((Address, "smtp 550 5.1.1"))),
    (&[(Dot, Say("552 5.2.2 mailbox full"))], Some((Address, "smtp 552 5.2.2"))),
    (&[(Dot, Say("552 quota"))], Some((Address, "smtp 552"))),
    (&[(Dot, Say("552 5.3.4 too big"))], Some((Channel, "smtp 552 5.3.4"))),
    (&[(Dot, Say("550 policy"))], Some((Channel, "smtp 550"))),
    (&[(Dot, Say("554 5.7.1 spam"))], Some((Channel, "smtp 554 5.7.1"))),
    (&[(Dot, Say("554 5.6.0 content"))], Some((Channel, "smtp 554 5.6.0"))),
    // The code alone counts: the enhanced one is a hint, and may contradict it.
    (&[(Rcpt, Say("450 5.1.1 unknown"))], Some((Temporary, "smtp 450 5.1.1"))),
    // Taking back is no business of the mail's: the line is dropped, and the next mail takes another.
    (&[(Rcpt, Say("450 4.2.0 busy")), (Rset, Say("502 no RSET"))], Some((Temporary, "smtp 450 4.2.0"))),
    (&[(Rcpt, Say("450 4.2.0 busy")), (Rset, Say("421 closing"))], Some((Temporary, "smtp 450 4.2.0"))),
    (&[(Rcpt, Say("450 4.2.0 busy")), (Rset, Close)], Some((Temporary, "smtp 450 4.2.0"))),
];

/// Lines that break: before the mail's first byte it is known not sent, after it nobody knows.
const BREAKS: &[Case] = &[
    (&[(Connect, Close)], Some((Temporary, "connection lost ehlo"))),
    (&[(Connect, Reset)], Some((Temporary, "connection lost ehlo"))),
    (&[(Greeting, Last("220 relay"))], Some((Temporary, "connection lost ehlo"))),
    (&[(Ehlo, Close)], Some((Temporary, "connection lost ehlo"))),
    (&[(Ehlo, Last("250 relay"))], Some((Temporary, "connection lost mail"))),
    (&[(Mail, Close)], Some((Temporary, "connection lost mail"))),
    (&[(Mail, Reset)], Some((Temporary, "connection lost mail"))),
    (&[(Mail, Last("250 ok"))], Some((Temporary, "connection lost rcpt"))),
    (&[(Rcpt, Close)], Some((Temporary, "connection lost rcpt"))),
    (&[(Rcpt, Last("250 ok"))], Some((Temporary, "connection lost data"))),
    (&[(Rcpt, Last("250 ok\n421 closing"))], Some((Temporary, "connection lost data"))),
    (&[(Data, Close)], Some((Temporary, "connection lost data"))),
    (&[(Data, Reset)], Some((Temporary, "connection lost data"))),
    (&[(Data, Last("354 go on"))], Some((Unknown, "connection lost dot"))),
    (&[(Body, Close)], Some((Unknown, "connection lost dot"))),
    (&[(Body, Reset)], Some((Unknown, "connection lost dot"))),
    (&[(Dot, Close)], Some((Unknown, "connection lost dot"))),
    (&[(Dot, Reset)], Some((Unknown, "connection lost dot"))),
    (&[(Dot, Raw(b"250 2.0.0 que"))], Some((Unknown, "timeout dot"))),
    // What is said with the last breath is said.
    (&[(Dot, Last("250 2.0.0 queued"))], None),
    (&[(Quit, Close)], None),
    (&[(Quit, Hang)], None),
    (&[(Quit, Say("500 what"))], None),
];

/// Silence, slowness, and talk without end: every step has its limit, and after the dot nobody knows.
const WAITS: &[Case] = &[
    (&[(Connect, Hang)], Some((Temporary, "timeout ehlo"))),
    (&[(Greeting, Dribble(SLOW))], Some((Temporary, "timeout ehlo"))),
    (&[(Greeting, Forever("220-welcome"))], Some((Temporary, "protocol ehlo"))),
    (&[(Greeting, Flood)], Some((Temporary, "protocol ehlo"))),
    (&[(Ehlo, Hang)], Some((Temporary, "timeout ehlo"))),
    (&[(Ehlo, Forever("250-X"))], Some((Temporary, "protocol ehlo"))),
    (&[(Mail, Hang)], Some((Temporary, "timeout mail"))),
    (&[(Mail, Dribble(SLOW))], Some((Temporary, "timeout mail"))),
    (&[(Mail, Late(TOO_LONG))], Some((Temporary, "timeout mail"))),
    (&[(Mail, Flood)], Some((Temporary, "protocol mail"))),
    (&[(Rcpt, Hang)], Some((Temporary, "timeout rcpt"))),
    (&[(Rcpt, Late(TOO_LONG))], Some((Temporary, "timeout rcpt"))),
    (&[(Rcpt, Forever("250-ok"))], Some((Temporary, "protocol rcpt"))),
    (&[(Data, Hang)], Some((Temporary, "timeout data"))),
    (&[(Data, Late(TOO_LONG))], Some((Temporary, "timeout data"))),
    (&[(Body, Hang)], Some((Unknown, "timeout dot"))),
    (&[(Dot, Hang)], Some((Unknown, "timeout dot"))),
    (&[(Dot, Late(TOO_LONG))], Some((Unknown, "timeout dot"))),
    (&[(Dot, Dribble(SLOW))], Some((Unknown, "timeout dot"))),
    (&[(Dot, Forever("250-queued"))], Some((Unknown, "protocol dot"))),
    (&[(Dot, Flood)], Some((Unknown, "protocol dot"))),
    (&[(Rcpt, Say("450 4.2.0 busy")), (Rset, Hang)], Some((Temporary, "smtp 450 4.2.0"))),
    // Slow, and in time.
    (&[(Dot, Late(Duration::from_millis(300)))], None),
    (&[(Dot, Dribble(Duration::from_millis(5)))], None),
];

/// Replies that are none, and replies in odd clothes.
const NONSENSE: &[Case] = &[
    (&[(Greeting, Say("SSH-2.0-OpenSSH"))], Some((Temporary, "protocol ehlo"))),
    (&[(Greeting, Say("+OK POP3"))], Some((Temporary, "protocol ehlo"))),
    (&[(Mail, Say("hello"))], Some((Temporary, "protocol mail"))),
    (&[(Mail, Say("354 what"))], Some((Temporary, "smtp 354 unexpected"))),
    (&[(Mail, Say("250-one\n550 two"))], Some((Temporary, "protocol mail"))),
    (&[(Mail, Raw(b"\0\0\0\0\r\n"))], Some((Temporary, "protocol mail"))),
    (&[(Mail, Say("999 what"))], Some((Temporary, "protocol mail"))),
    (&[(Mail, Say("25 ok"))], Some((Temporary, "protocol mail"))),
    (&[(Mail, Long(65536))], Some((Temporary, "protocol mail"))),
    (&[(Rcpt, Say("354 what"))], Some((Temporary, "smtp 354 unexpected"))),
    (&[(Data, Say("250 what"))], Some((Temporary, "smtp 250 unexpected"))),
    (&[(Dot, Say("251 will forward"))], Some((Unknown, "smtp 251 unexpected"))),
    (&[(Dot, Say("354 go on"))], Some((Unknown, "smtp 354 unexpected"))),
    (&[(Dot, Say("???"))], Some((Unknown, "protocol dot"))),
    (&[(Dot, Say("250-queued\n550 or not"))], Some((Unknown, "protocol dot"))),
    (&[(Dot, Long(65536))], Some((Unknown, "protocol dot"))),
    // One reply ahead, or the whole mail's replies at once: none of them vouches for it.
    (&[(Mail, Ahead("250 ok"))], Some((Temporary, "protocol rcpt"))),
    (&[(Rcpt, Ahead("354 go on"))], Some((Temporary, "protocol data"))),
    (&[(Data, Ahead("250 queued"))], Some((Unknown, "protocol dot"))),
    (&[(Mail, Ahead("250 ok\n354 go on\n250 queued"))], Some((Temporary, "protocol rcpt"))),
    // A refusal in the middle of the mail is one: the relay did not wait for the dot, and does not take it.
    (&[(Body, Say("552 5.3.4 too big")), (Dot, Say("552 5.3.4 too big"))], Some((Channel, "smtp 552 5.3.4"))),
    // Odd, and right: the code is what counts (RFC 5321 § 4.2.1).
    (&[(Rcpt, Say("252 cannot check, will try"))], None),
    (&[(Rcpt, Say("251 will forward"))], None),
    (&[(Mail, Say("250"))], None),
    (&[(Dot, Say("250"))], None),
    (&[(Dot, Say("250-queued\n250-as 1234\n250 thank you"))], None),
    (&[(Dot, Split)], None),
    (&[(Dot, Long(5000))], None),
    (&[(Dot, Raw(b"250 2.0.0 Mottatt, i k\xf8\r\n"))], None),
    (&[(Dot, Raw("250 2.0.0 Mottatt, i kø\r\n".as_bytes()))], None),
    (&[(Dot, Raw(b"250 2.0.0 queued \0 here\r\n"))], None),
    (&[(Dot, Raw(b"250 2.0.0 queued\n"))], None),
    (&[(Ehlo, Raw(b"250-relay\n250-X-K\xd8\n250 SIZE\n"))], None),
];

/// Sends Kari a mail, and Ola one after it over the same session, of which every dot is refused.
async fn play((acts, expected): &Case) -> (Relay, Result<Accepted, Failure>, Option<Result<Accepted, Failure>>) {
    let mut script: Script = acts.to_vec();
    if expected.is_none() && !acts.iter().any(|(step, _)| *step == Dot) {
        script.push((Dot, Say("250 2.0.0 queued")));
    }
    script.extend([(Dot, Say("550 5.7.1 not this one")); 3]);
    let relay = Relay::with(script).await;
    let smtp = smtp(relay.address, LIMITS);
    let mut session = match Session::open(&smtp).await {
        Ok(session) => session,
        Err(failure) => return (relay, Err(failure), None),
    };
    let [kari, ola] = ["kari@blafjell.example", "ola@blafjell.example"].map(|to| mail_to(&smtp, to));
    let first = match session.prepare(&kari).await {
        Ok(()) => session.transmit(&kari).await,
        Err(failure) => Err(failure),
    };
    let next = match session.is_usable() {
        false => None,
        true => Some(match session.prepare(&ola).await {
            Ok(()) => session.transmit(&ola).await,
            Err(failure) => Err(failure),
        }),
    };
    session.quit().await;
    (relay, first, next)
}

async fn hold(cases: &'static [Case]) {
    let mut playing = JoinSet::new();
    for case in cases {
        playing.spawn(async move {
            let (relay, outcome, next) = play(case).await;
            let (acts, expected) = case;
            let expected = result(*expected);
            let mut wrong = vec![];
            if outcome != expected {
                wrong.push(format!("{acts:?}\n  gave     {outcome:?}\n  expected {expected:?}"));
            }
            let recipients = relay.recipients();
            let took = recipients.iter().any(|to| to == "kari@blafjell.example");
            let may_have_taken = outcome.as_ref().map_or_else(|failure| failure.class == Unknown, |_| true);
            if (outcome.is_ok() && !took) || (took && !may_have_taken) {
                wrong.push(format!("{acts:?}\n  gave {outcome:?}, and the relay took {recipients:?}"));
            }
            if matches!(next, Some(Ok(_))) {
                wrong.push(format!("{acts:?}\n  the next mail was refused, and read {next:?}"));
            }
            wrong
        });
    }
    let wrong = playing.join_all().await.concat();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_refusal_says_what_to_do_next() {
    hold(REFUSALS).await;
}

#[tokio::test]
async fn a_line_that_breaks_before_the_mail_loses_nothing_and_after_it_nobody_knows() {
    hold(BREAKS).await;
}

#[tokio::test]
async fn silence_and_talk_without_end_have_an_end() {
    hold(WAITS).await;
}

#[tokio::test]
async fn only_a_250_to_this_mail_is_proof_and_every_250_is() {
    hold(NONSENSE).await;
}
