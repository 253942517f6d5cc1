//! Mails on the wire, read back by a parser of another make.

use fristvakt::delivery::email::{CalendarPart, Outgoing, compose, thread_id};
use fristvakt::delivery::message::Rendered;
use fristvakt::delivery::{Failure, FailureClass};
use fristvakt::language::Language;
use fristvakt::obligation::ObligationKey;
use fristvakt::organisation::Address;
use mail_parser::{Message, MessageParser};

use super::samples::{ID, at, smtp};

pub(super) fn rendered(subject: &str, text: &str) -> Rendered {
    Rendered { subject: subject.to_owned(), text: text.to_owned(), html: format!("<p>{text}</p>\n") }
}

pub(super) fn obligation() -> ObligationKey {
    ObligationKey { tenant: "blafjell".into(), case: "S-17".into(), rule: "blafjell/x".into(), start: "e1".into() }
}

/// Composes a mail with further settings, and checks what holds for every mail.
fn composed(more: &str, to: &str, rendered: &Rendered, obligation: Option<&ObligationKey>) -> Message<'static> {
    composed_with(more, to, rendered, obligation, &[])
}

/// The same with calendar entries.
pub(super) fn composed_with(
    more: &str,
    to: &str,
    rendered: &Rendered,
    obligation: Option<&ObligationKey>,
    calendar: &[CalendarPart],
) -> Message<'static> {
    let smtp = smtp("127.0.0.1:25".parse().unwrap(), more);
    let to = Address::new(to);
    let outgoing =
        Outgoing { id: ID, to: &to, language: Language::Nb, rendered, obligation, calendar, files: &[], at: at() };
    let mail = compose(&smtp, &outgoing).unwrap();
    assert_eq!(mail.bytes, compose(&smtp, &outgoing).unwrap().bytes, "the same message is the same bytes");
    assert!(mail.bytes.is_ascii());
    let text = String::from_utf8(mail.bytes.clone()).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare line ends");
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    assert_eq!(format!("{mail:?}"), format!("Composed(<{ID}@blafjell.example>, {} bytes)", mail.bytes.len()));
    MessageParser::new().parse(&mail.bytes).unwrap().into_owned()
}

fn header<'a>(mail: &'a Message<'_>, name: &str) -> Vec<&'a str> {
    mail.headers_raw().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
}

#[test]
fn a_mail_has_the_headers_that_mail_systems_heed() {
    let more = "from_name = \"Fristvakt Blåfjell\"\nreply_to = \"bti@blafjell.example\"";
    let mail =
        composed(more, "kari@blafjell.example", &rendered("Frist: 1 sak, lørdag 14. mars", "Hei"), Some(&obligation()));
    let thread = thread_id(&obligation(), "blafjell.example");
    let expected = [
        ("Message-ID", format!("<{ID}@blafjell.example>")),
        ("Date", "Fri, 13 Mar 2026 07:00:00 +0000".to_owned()),
        ("To", "kari@blafjell.example".to_owned()),
        ("Reply-To", "bti@blafjell.example".to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Auto-Response-Suppress", "OOF, AutoReply".to_owned()),
        ("List-Id", "<fristvakt.blafjell.example>".to_owned()),
        ("Content-Language", "nb".to_owned()),
        ("In-Reply-To", thread.clone()),
        ("References", thread),
        ("MIME-Version", "1.0".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(header(&mail, name), [value], "{name}");
    }
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Fristvakt Blåfjell"), Some("fristvakt@blafjell.example")));
    assert_eq!(mail.subject(), Some("Frist: 1 sak, lørdag 14. mars"));
    assert!(header(&mail, "Cc").is_empty() && header(&mail, "Bcc").is_empty());
}

#[test]
fn both_parts_are_encoded_for_relays_that_know_no_8_bit() {
    let text = "Sak 7F3K: hald møte — «på tysdag»\n.\n..punktum\n=linje\n".to_owned() + &"lang ".repeat(400) + "\n";
    let mail = composed("", "kari@blafjell.example", &rendered("Frist", &text), None);
    assert_eq!((mail.text_body_count(), mail.html_body_count(), mail.attachment_count()), (1, 1, 0));
    assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n"), text);
    assert_eq!(mail.body_html(0).unwrap().replace("\r\n", "\n"), format!("<p>{text}</p>\n"));
    let raw = String::from_utf8(mail.raw_message().to_vec()).unwrap();
    assert_eq!(raw.matches("Content-Transfer-Encoding: quoted-printable").count(), 2);
    assert!(header(&mail, "References").is_empty());
}

/// What subjects and names may hold, by mistake or in bad faith, and what a reader sees of it.
#[test]
fn odd_names_and_subjects_are_read_as_they_were_meant() {
    let long = "særskilt ".repeat(30);
    let family = "Frist 👩‍👩‍👧‍👦 ".repeat(12);
    let cases = [
        ("Frist: 1 sak", "Frist: 1 sak"),
        ("Møte 🗓️ på tirsdag", "Møte 🗓️ på tirsdag"),
        (&family, family.trim()),
        (&long, long.trim()),
        ("=?utf-8?q?=0D=0ABcc:_a@b.example?=", "= ?utf-8?q?=0D=0ABcc:_a@b.example?="),
        ("\u{feff}Frist\u{7f}\u{85}nå\u{2028}her\u{61c}\u{202e}", "\u{feff}Frist nå her"),
        ("a\u{301}øå ﷽", "a\u{301}øå ﷽"),
        ("  to   mellomrom\t ", "to mellomrom"),
    ];
    for (subject, expected) in cases {
        let name: String = subject.chars().take(60).collect();
        let more = format!("from_name = {}", toml::Value::String(name));
        let mail = composed(&more, "kari@blafjell.example", &rendered(subject, "Hei"), None);
        assert_eq!(mail.subject(), Some(expected), "{subject:?}");
        let shown = mail.from().unwrap().first().unwrap().name().unwrap_or_default();
        assert!(expected.starts_with(shown.trim_end()), "{subject:?} gave the name {shown:?}");
        assert_eq!(mail.from().unwrap().first().unwrap().address(), Some("fristvakt@blafjell.example"));
        let head = String::from_utf8(mail.raw_message().to_vec()).unwrap();
        let head = head.split_once("\r\n\r\n").unwrap().0;
        assert!(head.split("\r\n").all(|line| line.len() <= 100), "{head}");
    }
}

/// A digest belongs to no thread: a chain of several would weld their threads together in the reader's program.
#[test]
fn a_mail_about_several_obligations_stands_by_itself() {
    let mail = composed("", "kari@blafjell.example", &rendered("Frister: 2 saker", "Hei"), None);
    for name in ["References", "In-Reply-To", "List-Unsubscribe", "Disposition-Notification-To", "Importance"] {
        assert!(header(&mail, name).is_empty(), "{name}");
    }
}

#[test]
fn names_and_subjects_cannot_bring_headers_of_their_own() {
    let evil = r#"Kari\r\nBcc: alle@ondt.example\u0000\nX: \u202Eabc"#;
    let more = format!("from_name = \"{evil}\"");
    let subject = "Frist\r\nBcc: alle@ondt.example\r\n\r\nHei\0";
    let mail = composed(&more, "kari@blafjell.example", &rendered(subject, "a\rb\r\nc\0"), None);
    assert!(header(&mail, "Bcc").is_empty() && header(&mail, "X").is_empty());
    assert_eq!(mail.from().unwrap().first().unwrap().name(), Some("Kari Bcc: alle@ondt.example X: abc"));
    assert_eq!(mail.subject(), Some("Frist Bcc: alle@ondt.example Hei"));
    assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n"), "a\nb\nc");
}

#[test]
fn a_name_of_nothing_is_left_out() {
    let mail = composed(r#"from_name = "\r\n""#, "kari@blafjell.example", &rendered("Frist", "Hei"), None);
    assert_eq!(header(&mail, "From"), ["fristvakt@blafjell.example"]);
}

#[test]
fn norwegian_domains_travel_in_ascii() {
    let mail = composed("", "kari@blåfjell.example", &rendered("Frist", "Hei"), None);
    assert_eq!(header(&mail, "To"), ["kari@xn--blfjell-fxa.example"]);
}

#[test]
fn addresses_that_no_mail_can_go_to() {
    let smtp = smtp("127.0.0.1:25".parse().unwrap(), "");
    let cases = [
        ("kåre@blafjell.example", "address smtputf8"),
        ("kari", "address"),
        ("kari@", "address"),
        ("@blafjell.example", "address"),
        ("kari@blafjell.example>\r\nDATA", "address"),
        ("kari ola@blafjell.example", "address"),
        ("kari@blåfjell.example/x", "address"),
    ];
    for (to, code) in cases {
        let (to, rendered) = (Address::new(to), rendered("Frist", "Hei"));
        let outgoing = Outgoing {
            id: ID,
            to: &to,
            language: Language::Nb,
            rendered: &rendered,
            obligation: None,
            calendar: &[],
            files: &[],
            at: at(),
        };
        assert_eq!(
            compose(&smtp, &outgoing).unwrap_err(),
            Failure::new(FailureClass::Address, code),
            "{}",
            to.expose()
        );
    }
}

#[test]
fn a_thread_belongs_to_one_obligation_and_does_not_say_which() {
    let thread = thread_id(&obligation(), "blafjell.example");
    assert_eq!(thread, thread_id(&obligation(), "blafjell.example"));
    assert_ne!(thread, thread_id(&ObligationKey { start: "e2".into(), ..obligation() }, "blafjell.example"));
    assert!(!thread.contains("S-17") && thread.ends_with("@blafjell.example>"));
}
