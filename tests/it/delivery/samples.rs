//! Messages and days that the tests share.

use std::collections::HashMap;
use std::net::SocketAddr;

use chrono::NaiveDate;
use fristvakt::calendar::{Instant, Span};
use fristvakt::case::CaseRef;
use fristvakt::delivery::email::{Composed, EmailSettings, Outgoing, Smtp, compose};
use fristvakt::delivery::message::{
    Counted, CountedBasis, Line, Mark, MessageContent, Reached, Reader, RecipientKind, Templates, Told,
};
use fristvakt::language::Language;
use fristvakt::notice::{Purpose, Role};
use fristvakt::organisation::Address;
use uuid::Uuid;

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn span(text: &str) -> Span {
    text.parse().unwrap()
}

pub(crate) fn directly(role: Role) -> Reader {
    Reader { role, reached: Reached::Directly }
}

/// "14 dager fra 2. mars": a reminder to the baton holder, due on Monday 16 March 2026.
pub(crate) fn reminder(language: Language) -> Line {
    Line {
        reference: CaseRef::parse("7F3K").unwrap(),
        notice: ["Ta en beslutning", "Ta ei avgjerd", "Make a decision"][language as usize].into(),
        code: "T1".into(),
        purpose: Purpose::Reminder,
        due_on: date("2026-03-16"),
        overdue: false,
        counted: Counted { basis: CountedBasis::Span { span: span("14d"), from: date("2026-03-02") }, marks: vec![] },
        reader: directly(Role::Stafettholder),
        told: None,
        link: Some("https://samspill.example/sak/7F3K".to_owned()),
    }
}

/// An agreed date that was extended and has passed: an escalation to the leader.
pub(crate) fn escalation(language: Language) -> Line {
    Line {
        reference: CaseRef::parse("2QX9").unwrap(),
        notice: ["Gjennomfør evaluering", "Gjennomfør evaluering", "Hold the evaluation"][language as usize].into(),
        code: "T4".into(),
        purpose: Purpose::Escalation,
        due_on: date("2026-03-10"),
        overdue: true,
        counted: Counted { basis: CountedBasis::Agreed, marks: vec![Mark::Extended] },
        reader: directly(Role::Leader),
        told: Some(Told { role: Role::Stafettholder, on: date("2026-03-10") }),
        link: None,
    }
}

/// A message to a person on Friday 13 March 2026.
pub(crate) fn message(language: Language, lines: Vec<Line>) -> MessageContent {
    MessageContent {
        language,
        recipient_kind: RecipientKind::Person,
        tenant_name: "Blåfjell kommune".into(),
        lines,
        possible_repeat: false,
        today: date("2026-03-13"),
        as_of: None,
    }
}

/// An `[email]` section for a server of the tests' own, with `more` lines.
pub(crate) fn email_settings(address: SocketAddr, more: &str) -> EmailSettings {
    let security = if more.contains("security") { "" } else { "security = \"none\"\n" };
    let host = if more.contains("host =") { "" } else { "host = \"127.0.0.1\"\n" };
    let text = format!("port = {}\nfrom = \"fristvakt@blafjell.example\"\n{host}{security}{more}", address.port());
    toml::from_str(&text).unwrap()
}

pub(crate) fn smtp(address: SocketAddr, more: &str) -> Smtp {
    email_settings(address, more).load().unwrap().0
}

/// A short mail to Kari.
pub(crate) fn mail(smtp: &Smtp) -> Composed {
    mail_to(smtp, "kari@blafjell.example")
}

pub(crate) fn mail_to(smtp: &Smtp, to: &str) -> Composed {
    let (templates, _) = Templates::new(&HashMap::new());
    let (rendered, _) = templates.render(&message(Language::Nb, vec![reminder(Language::Nb)]));
    let to = Address::new(to);
    compose(
        smtp,
        &Outgoing {
            id: ID,
            to: &to,
            language: Language::Nb,
            rendered: &rendered,
            obligation: None,
            calendar: &[],
            files: &[],
            at: at(),
        },
    )
    .unwrap()
}

/// A message's id.
pub(crate) const ID: Uuid = Uuid::from_u128(0x0195_8e4f_0000_7000_8000_0000_0000_002a);

/// Friday 13 March 2026, 08:00 in Oslo.
pub(crate) fn at() -> Instant {
    "2026-03-13T07:00:00Z".parse().unwrap()
}
