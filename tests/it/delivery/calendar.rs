//! Calendar entries of mails, read back by a parser of another make.

use fristvakt::calendar::Instant;
use fristvakt::case::CaseRef;
use fristvakt::delivery::email::{CalendarMethod, CalendarPart, Outgoing, compose};
use fristvakt::delivery::message::{CalendarEntry, Line};
use fristvakt::language::Language;
use fristvakt::notice::Recipient;
use fristvakt::obligation::ObligationKey;
use fristvakt::organisation::Address;
use mail_parser::{Message, MessageParser, MimeHeaders};

use super::compose::{composed_with, obligation, rendered};
use super::samples::{ID, at, date, reminder, smtp};

fn kari() -> Recipient {
    Recipient::Person("kari".into())
}

fn due(language: Language) -> CalendarPart {
    let entry = CalendarEntry::due(language, &reminder(language));
    CalendarPart::new(CalendarMethod::Publish, &obligation(), &kari(), entry)
}

fn ended(language: Language) -> CalendarPart {
    let line = reminder(language);
    let entry = CalendarEntry::ended(language, &line.reference, Some(&line.notice), Some(&line.code), line.due_on);
    CalendarPart::new(CalendarMethod::Cancel, &obligation(), &kari(), entry)
}

fn mail(calendar: &[CalendarPart]) -> Message<'static> {
    composed_with("", "kari@blafjell.example", &rendered("Frist", "Hei"), None, calendar)
}

/// The files of a mail: name, content type with its parameters, and the text.
fn files(mail: &Message<'_>) -> Vec<(String, String, String)> {
    let file = |part: &mail_parser::MessagePart<'_>| {
        let kind = part.content_type().unwrap();
        let attributes = kind.attributes().unwrap_or_default().iter();
        let attributes: String = attributes.map(|one| format!("; {}={}", one.name, one.value)).collect();
        let kind = format!("{}/{}{attributes}", kind.ctype(), kind.subtype().unwrap_or_default());
        assert!(part.content_disposition().unwrap().is_attachment());
        let text = String::from_utf8(part.contents().to_vec()).unwrap();
        (part.attachment_name().unwrap().to_owned(), kind, text)
    };
    mail.attachments().map(file).collect()
}

/// The properties of a calendar file, unfolded.
fn property<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix([':', ';']))
}

fn composed_at(at: Instant, part: &CalendarPart) -> String {
    let smtp = smtp("127.0.0.1:25".parse().unwrap(), "");
    let (to, rendered) = (Address::new("kari@blafjell.example"), rendered("Frist", "Hei"));
    let calendar = std::slice::from_ref(part);
    let outgoing = Outgoing {
        id: ID,
        to: &to,
        language: Language::Nb,
        rendered: &rendered,
        obligation: None,
        calendar,
        files: &[],
        at,
    };
    let bytes = compose(&smtp, &outgoing).unwrap().bytes;
    files(&MessageParser::new().parse(&bytes).unwrap()).remove(0).2
}

#[test]
fn entries_read_well_in_every_language() {
    let texts = Language::ALL.map(|language| {
        let found = files(&mail(&[due(language), ended(language)]));
        found.into_iter().map(|(name, kind, text)| format!("{name}\n{kind}\n{text}")).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!("calendar", texts.join("\n\n").replace("\r\n", "\n"));
}

/// `method=PUBLISH` is none that Outlook turns into a meeting, and CANCEL is, so it stands in the file alone.
#[test]
fn a_mail_with_entries_stays_a_mail() {
    let mail = mail(&[due(Language::Nb), ended(Language::Nb)]);
    let kind = mail.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("mixed")));
    assert_eq!((mail.text_body_count(), mail.html_body_count(), mail.attachment_count()), (1, 1, 2));
    assert_eq!(mail.body_text(0).unwrap(), "Hei");
    let kinds: Vec<String> = files(&mail).into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds, ["text/calendar; charset=utf-8; method=PUBLISH", "text/calendar; charset=utf-8"]);
}

#[test]
fn nobody_is_invited_woken_or_shown_as_busy() {
    for part in [due(Language::Nb), ended(Language::Nb)] {
        let text = composed_at(at(), &part);
        for absent in ["ORGANIZER", "ATTENDEE", "VALARM", "RRULE", "REQUEST", "S-17", "kari", "blafjell/x"] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
        assert_eq!(property(&text, "TRANSP"), Some("TRANSPARENT"));
        assert_eq!(property(&text, "CLASS"), Some("PRIVATE"));
        assert_eq!(property(&text, "DTSTART"), Some("VALUE=DATE:20260316"));
        assert_eq!(property(&text, "DTEND"), Some("VALUE=DATE:20260317"));
        assert!(text.ends_with("END:VCALENDAR\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
    }
}

#[test]
fn a_later_mail_replaces_an_entry_and_takes_it_back() {
    let moved = Line { due_on: date("2026-04-07"), ..reminder(Language::Nb) };
    let moved = CalendarEntry::due(Language::Nb, &moved);
    let moved = CalendarPart::new(CalendarMethod::Publish, &obligation(), &kari(), moved);
    let minutes = chrono::TimeDelta::minutes(1);
    let texts = [
        composed_at(at(), &due(Language::Nb)),
        composed_at(at() + minutes, &moved),
        composed_at(at() + minutes * 2, &ended(Language::Nb)),
    ];
    let uid = property(&texts[0], "UID").unwrap();
    assert!(texts.iter().all(|text| property(text, "UID") == Some(uid)), "{texts:?}");
    for pair in texts.windows(2) {
        let number = |text: &str| property(text, "SEQUENCE").unwrap().parse::<i32>().unwrap();
        assert!(number(&pair[0]) < number(&pair[1]));
        assert!(property(&pair[0], "DTSTAMP") < property(&pair[1], "DTSTAMP"));
    }
    assert_eq!(property(&texts[1], "DTSTART"), Some("VALUE=DATE:20260407"));
    assert_eq!((property(&texts[2], "METHOD"), property(&texts[2], "STATUS")), (Some("CANCEL"), Some("CANCELLED")));
}

#[test]
fn an_entry_belongs_to_one_obligation_and_one_recipient() {
    let uid = |key: &ObligationKey, recipient: &Recipient| {
        let entry = CalendarEntry::due(Language::Nb, &reminder(Language::Nb));
        let text = composed_at(at(), &CalendarPart::new(CalendarMethod::Publish, key, recipient, entry));
        property(&text, "UID").unwrap().to_owned()
    };
    let first = uid(&obligation(), &kari());
    assert!(first.starts_with("frist.") && first.ends_with("@blafjell.example"));
    assert_eq!(first, uid(&obligation(), &kari()));
    assert_ne!(first, uid(&ObligationKey { start: "e2".into(), ..obligation() }, &kari()));
    assert_ne!(first, uid(&obligation(), &Recipient::Unit("kari".into())));
}

/// Dates at the edges of time, letters that files or calendars do not take, and a rule that is gone.
#[test]
fn odd_entries_are_entries_all_the_same() {
    let reference = CaseRef::parse("ÅR/2026-1").unwrap();
    let notice = format!("Møte; med, \\skråstrek\nog linje {}", "🗓️ ".repeat(60));
    let line = Line { reference: reference.clone(), notice: notice.into(), link: None, ..reminder(Language::Nb) };
    let entry = CalendarEntry::due(Language::Nb, &line);
    assert_eq!(entry.file_name, "frist--R-2026-1-T1.ics");
    let text = composed_at(at(), &CalendarPart::new(CalendarMethod::Publish, &obligation(), &kari(), entry));
    let summary = text.replace("\r\n ", "");
    assert!(summary.contains(r"SUMMARY:ÅR/2026-1: møte\; med\, \\skråstrek\nog linje 🗓️ 🗓️"), "{text}");
    let gone = CalendarEntry::ended(Language::Nb, &reference, None, None, chrono::NaiveDate::MAX);
    assert_eq!((gone.summary.as_str(), gone.file_name.as_str()), ("Utgår: ÅR/2026-1", "utgaar--R-2026-1.ics"));
    let part = CalendarPart::new(CalendarMethod::Cancel, &obligation(), &kari(), gone);
    for at in [at(), Instant::MIN_UTC, Instant::MAX_UTC] {
        let number: i32 = property(&composed_at_year(at, &part), "SEQUENCE").unwrap().parse().unwrap();
        assert!(number >= 0);
    }
}

/// Mails cannot be dated in every year that a clock may show; entries can.
fn composed_at_year(at: Instant, part: &CalendarPart) -> String {
    let within = at.clamp("1971-01-01T00:00:00Z".parse().unwrap(), "9999-01-01T00:00:00Z".parse().unwrap());
    composed_at(within, part)
}
