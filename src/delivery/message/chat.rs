//! What a chat channel shows of one notice: the closed list of fields in a few plain lines, without markup.
//!
//! Many people read a channel. So nobody is spoken to, and no line says more than a mail would.

use chrono::NaiveDate;

use super::context::is_web_address;
use super::words;
use crate::case::CaseRef;
use crate::language::Language;
use crate::notice::Role;
use crate::register::Happening;
use crate::words::{by, holder, long_date};

/// Everything that a chat may show of a notice.
#[derive(Clone, Debug)]
pub struct ChatContent<'a> {
    /// The municipality's language.
    pub language: Language,
    /// What it is.
    pub kind: ChatKind,
    /// What people call the municipality.
    pub tenant_name: &'a str,
    /// What the case is called.
    pub reference: &'a CaseRef,
    /// The rule's neutral words.
    pub notice: &'a str,
    /// What messages call the rule.
    pub code: &'a str,
    /// The last day in time.
    pub due_on: NaiveDate,
    /// Days left; negative when late.
    pub days: i64,
    /// Whether it is overdue.
    pub overdue: bool,
    /// The role that is told; of a deviation, the one that should have acted.
    pub role: &'a Role,
    /// Where the case is, behind a login.
    pub link: Option<&'a str>,
    /// Whether an earlier attempt may have arrived.
    pub possible_repeat: bool,
}

/// What a chat is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// Somebody was reminded.
    Reminder,
    /// Somebody above was told.
    Escalation,
    /// Something happened to a deviation, which was so many days late then.
    Deviation(Happening, i64),
}

/// The lines, in reading order, each on one line and plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatText {
    /// "Sak 7F3K: ta en beslutning"
    pub title: String,
    /// "Fristen gikk ut for 3 dager siden."
    pub when: String,
    /// Whether that has to stand out.
    pub overdue: bool,
    /// "Frist tirsdag 10. mars 2026 (regel T1)"
    pub due: String,
    /// "Eskalering til lederen."
    pub whom: String,
    /// "Mulig gjentakelse: …", where it may be one.
    pub repeat: Option<String>,
    /// "Sendt automatisk av fristvakt for Blåfjell kommune."
    pub footer: String,
    /// "Åpne saken", and the web address that it leads to.
    pub link: Option<(&'static str, String)>,
}

impl ChatText {
    /// The lines of a notice.
    #[must_use]
    pub fn new(content: &ChatContent<'_>) -> Self {
        let language = content.language;
        let link = content.link.filter(|link| is_web_address(link));
        let notice = words::inside_sentence(content.notice);
        let case = by(language, ["Sak", "Sak", "Case"]);
        Self {
            title: plain(&format!("{case} {}: {notice}", content.reference)),
            when: when(content),
            overdue: content.overdue && !matches!(content.kind, ChatKind::Deviation(Happening::Closed(_), _)),
            due: plain(&due(language, content.due_on, content.code)),
            whom: whom(language, content.kind, content.role),
            repeat: content.possible_repeat.then(|| repeat(language).to_owned()),
            footer: plain(&footer(language, content.tenant_name)),
            link: link.map(|link| (by(language, ["Åpne saken", "Opne saka", "Open the case"]), link.to_owned())),
        }
    }
}

/// How it stands; of what has closed, how it did.
fn when(content: &ChatContent<'_>) -> String {
    match content.kind {
        ChatKind::Deviation(Happening::Closed(how), late) => words::closed(content.language, how, late),
        _ => words::when(content.language, content.days, content.overdue),
    }
}

fn due(language: Language, due_on: NaiveDate, code: &str) -> String {
    let date = long_date(language, due_on);
    let (due, rule) = by(language, [("Frist", "regel"), ("Frist", "regel"), ("Due", "rule")]);
    format!("{due} {date} ({rule} {code})")
}

fn whom(language: Language, kind: ChatKind, role: &Role) -> String {
    let holder = holder(language, role);
    match kind {
        ChatKind::Reminder => by(
            language,
            [format!("Påminnelse til {holder}."), format!("Påminning til {holder}."), format!("Reminder to {holder}.")],
        ),
        ChatKind::Escalation => by(
            language,
            [
                format!("Eskalering til {holder}."),
                format!("Eskalering til {holder}."),
                format!("Escalation to {holder}."),
            ],
        ),
        ChatKind::Deviation(happening, _) => words::deviation(language, happening, holder),
    }
}

fn repeat(language: Language) -> &'static str {
    by(
        language,
        [
            "Mulig gjentakelse: Vi fikk ikke bekreftet at dette kom fram sist.",
            "Mogleg gjentaking: Vi fekk ikkje stadfesta at dette kom fram sist.",
            "Possible repeat: we did not hear whether this arrived the last time.",
        ],
    )
}

fn footer(language: Language, tenant: &str) -> String {
    by(
        language,
        [
            format!("Sendt automatisk av fristvakt for {tenant}."),
            format!("Sendt automatisk av fristvakt for {tenant}."),
            format!("Sent automatically by fristvakt for {tenant}."),
        ],
    )
}

/// One line without control characters and without the marks that reorder what a reader sees.
fn plain(text: &str) -> String {
    text.split(|char: char| char.is_whitespace() || char.is_control())
        .map(|word| word.chars().filter(|char| !words::reorders(*char)).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
