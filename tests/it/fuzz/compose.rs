//! Mails from any words: 7-bit lines that end in CRLF, and the same words when another program reads them.

use fristvakt::delivery::email::{Outgoing, compose};
use fristvakt::delivery::message::Rendered;
use fristvakt::language::Language;
use fristvakt::obligation::ObligationKey;
use fristvakt::organisation::Address;
use mail_parser::MessageParser;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::cases;
use crate::delivery::samples::{at, smtp};

/// Words with everything that encodings stumble over.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        2 => "[ a-zæøåÆØÅ=?_.<>\"\\\\,;:()@\t\r\n\u{0}\u{85}\u{a0}\u{ad}\u{200b}\u{202e}\u{2028}\u{feff}🧒\u{301}-]{0,200}",
        1 => "(=\\?utf-8\\?[bq]\\?[a-z=]{0,20}\\?= ?){1,3}",
        1 => "[a-zø]{70,400}",
        1 => "(From |\\.|--fristvakt-|\n|\r| ){0,12}",
    ]
}

fn is_turning(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line as a reader should see it. What would be decoded into something else is taken apart.
fn line(text: &str) -> String {
    let text: String = text.chars().filter(|char| !is_turning(*char)).collect();
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").replace("=?", "= ?")
}

/// Several lines as a reader should see them.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

/// How a setting stands in TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

const HEADERS: [&str; 14] = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Subject",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Id",
    "Content-Language",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
];

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_mail_says_what_it_was_given(
        name in words(), subject in words(), text in words(), html in words(), threaded: bool, id: u128,
        language in select(&Language::ALL),
    ) {
        let smtp = smtp("127.0.0.1:25".parse().unwrap(), &format!("from_name = {}\n", quoted(&name)));
        let to = Address::new("kari@blafjell.example");
        let rendered = Rendered { subject: subject.clone(), text: text.clone(), html: html.clone() };
        let key = ObligationKey {
            tenant: name.as_str().into(), case: subject.as_str().into(), rule: text.as_str().into(), start: html.as_str().into(),
        };
        let obligation = threaded.then_some(&key);
        let outgoing = Outgoing { id: Uuid::from_u128(id), to: &to, language, rendered: &rendered, obligation, at: at(), calendar: &[], files: &[] };
        let mail = compose(&smtp, &outgoing).unwrap();

        prop_assert!(mail.bytes.is_ascii() && !mail.bytes.contains(&0));
        let raw = String::from_utf8(mail.bytes.clone()).unwrap();
        prop_assert!(!raw.replace("\r\n", "").contains(['\r', '\n']), "a bare line end");
        prop_assert!(raw.split("\r\n").all(|line| line.len() <= 998));

        let read = MessageParser::new().parse(&mail.bytes).unwrap();
        prop_assert!(read.headers_raw().all(|(name, _)| HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name))), "a header of its own");
        prop_assert_eq!(read.headers_raw().count(), if threaded { 13 } else { 11 });
        prop_assert_eq!(read.subject().unwrap_or_default(), line(&subject));
        let from = read.from().unwrap().first().unwrap();
        prop_assert_eq!(from.address(), Some("fristvakt@blafjell.example"));
        let shown: String = line(&name).chars().take(78).collect();
        prop_assert_eq!(from.name().unwrap_or_default().trim_end(), shown.trim_end());
        let body = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap_or_default().replace("\r\n", "\n");
        prop_assert_eq!(body(read.body_text(0)), lines(&text));
        prop_assert_eq!((read.text_body_count(), read.html_body_count(), read.attachment_count()), (1, 1, 0));
        prop_assert_eq!(body(read.body_html(0)), lines(&html));
    }

    #[test]
    fn an_address_is_one_address_or_refused(
        user in prop_oneof![any::<String>(), "[a-z.+\"<> @\r\nå]{0,12}"],
        domain in prop_oneof![any::<String>(), "[a-zå.>\r\n/ -]{0,16}", Just("blåfjell.example".to_owned())],
    ) {
        let smtp = smtp("127.0.0.1:25".parse().unwrap(), "");
        let to = Address::new(&format!("{user}@{domain}"));
        let rendered = Rendered { subject: "Frist".into(), text: "Hei".into(), html: "Hei".into() };
        let outgoing = Outgoing { id: Uuid::nil(), to: &to, language: Language::Nb, rendered: &rendered, obligation: None, at: at(), calendar: &[], files: &[] };
        if let Ok(mail) = compose(&smtp, &outgoing) {
            prop_assert!(mail.bytes.is_ascii());
            let read = MessageParser::new().parse(&mail.bytes).unwrap();
            prop_assert_eq!(read.headers_raw().count(), 11);
            prop_assert_eq!(read.to().map(|to| to.iter().count()), Some(1));
        }
    }
}
