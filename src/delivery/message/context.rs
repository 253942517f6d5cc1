//! What templates see: every field of it, and no other. The names here are the names in templates.

use serde::Serialize;

use super::words;
use super::{Line, MessageContent, RecipientKind, TenantKind, TenantMessage};
use crate::language::Language;

/// How many lines one message shows; the rest is counted. One mail has to stay readable.
const MOST_LINES: usize = 200;

/// What `message.txt`, `message.html` and `subject.txt` see.
#[derive(Debug, Serialize)]
pub(super) struct MessageContext {
    /// `nb`, `nn`, `en`
    language: &'static str,
    /// What people call the municipality.
    tenant: String,
    /// `person`, `unit`, `fallback`
    recipient: &'static str,
    /// The subject line. Empty in `subject.txt` itself.
    pub(super) subject: String,
    /// "1 frist er gått ut, og 1 nærmer seg."
    summary: String,
    /// "2 saker"
    cases: String,
    /// How many lines there are in all.
    count: usize,
    /// How many of them are overdue.
    overdue: usize,
    /// The earliest due date: "mandag 16. mars".
    first_due: String,
    /// Whether an earlier attempt may have arrived.
    possible_repeat: bool,
    /// "Opplysningene er fra onsdag 11. mars kl. 14.30. …", where they are old.
    as_of: Option<String>,
    /// The lines, in reading order.
    lines: Vec<LineContext>,
    /// How many lines are left out.
    more: usize,
}

/// One of `lines`.
#[derive(Debug, Serialize)]
struct LineContext {
    /// `7F3K`
    reference: String,
    /// "Ta en beslutning"
    notice: String,
    /// "ta en beslutning"
    notice_inside: String,
    /// `T1`
    code: String,
    /// `reminder`, `escalation`
    purpose: &'static str,
    /// `2026-03-16`
    due_on: String,
    /// "mandag 16. mars 2026"
    due: String,
    /// Days left; negative when late.
    days: i64,
    /// Whether it is overdue.
    overdue: bool,
    /// "14 dager fra 2. mars"
    counted: String,
    /// "Fristen gikk ut for 3 dager siden."
    when: String,
    /// "Du får dette fordi du er leder."
    why: String,
    /// "Stafettholderen ble varslet 17. mars."
    told: Option<String>,
    /// Where the case is.
    link: Option<String>,
}

impl MessageContext {
    pub(super) fn new(content: &MessageContent) -> Self {
        let language = content.language;
        let lines = content.sorted_lines();
        let overdue = lines.iter().filter(|line| line.overdue).count();
        let first_due = lines.iter().map(|line| line.due_on).min().unwrap_or(content.today);
        Self {
            language: language.code(),
            tenant: content.tenant_name.to_string(),
            recipient: match content.recipient_kind {
                RecipientKind::Person => "person",
                RecipientKind::Unit => "unit",
                RecipientKind::Fallback => "fallback",
            },
            subject: String::new(),
            summary: words::summary(language, overdue, lines.len() - overdue),
            cases: words::cases(language, content.case_count()),
            count: lines.len(),
            overdue,
            first_due: words::short_date(language, first_due, content.today),
            possible_repeat: content.possible_repeat,
            as_of: content.as_of.map(|as_of| words::as_of(language, as_of, content.today)),
            more: lines.len().saturating_sub(MOST_LINES),
            lines: lines.into_iter().take(MOST_LINES).map(|line| LineContext::new(line, content)).collect(),
        }
    }
}

impl LineContext {
    fn new(line: &Line, content: &MessageContent) -> Self {
        let language = content.language;
        let days = line.days(content.today);
        Self {
            reference: line.reference.to_string(),
            notice: line.notice.to_string(),
            notice_inside: words::inside_sentence(&line.notice),
            code: line.code.to_string(),
            purpose: line.purpose.word(),
            due_on: line.due_on.to_string(),
            due: words::long_date(language, line.due_on),
            days,
            overdue: line.overdue,
            counted: words::counted(language, &line.counted, line.due_on),
            when: words::when(language, days, line.overdue),
            why: words::why(language, content.recipient_kind, &line.reader),
            told: line.told.as_ref().map(|told| words::told(language, told, content.today)),
            link: line.link.clone().filter(|link| is_web_address(link)),
        }
    }
}

/// What `revision.txt` and `backlog.txt` see.
#[derive(Debug, Serialize)]
pub(super) struct TenantContext {
    /// `nb`, `nn`, `en`
    language: &'static str,
    /// What people call the municipality.
    tenant: String,
    /// The routine's title. Empty in a backlog.
    pack: String,
    /// When it should have been revised: "torsdag 1. desember 2022". Empty in a backlog.
    revise_by: String,
    /// How many deadlines were late at go-live.
    count: usize,
    /// "3 saker"
    cases: String,
    /// One a line: "Sak 7F3K: ta en beslutning, frist mandag 16. mars 2026 (regel T1)".
    lines: Vec<BacklogContext>,
    /// How many lines are left out.
    more: usize,
}

/// One of `lines` of a backlog.
#[derive(Debug, Serialize)]
pub(super) struct BacklogContext {
    /// `7F3K`
    reference: String,
    /// "ta en beslutning"
    notice_inside: String,
    /// `T1`
    code: String,
    /// "mandag 16. mars 2026"
    due: String,
}

impl TenantContext {
    pub(super) fn new(message: &TenantMessage) -> Self {
        let language = message.language;
        let (pack, revise_by, lines, count) = match &message.kind {
            TenantKind::RevisionDue { pack_title, revise_by } => {
                (pack_title.to_string(), words::long_date(language, *revise_by), &[][..], 0)
            }
            TenantKind::Backlog { count, lines } => (String::new(), String::new(), &lines[..], *count),
            // They have contexts of their own.
            TenantKind::Lists { .. } | TenantKind::Report(_) => (String::new(), String::new(), &[][..], 0),
        };
        let shown: Vec<_> = lines.iter().take(MOST_LINES).collect();
        let mut references: Vec<_> = lines.iter().map(|line| &line.reference).collect();
        references.sort_unstable();
        references.dedup();
        Self {
            language: language.code(),
            tenant: message.tenant_name.to_string(),
            pack,
            revise_by,
            count,
            cases: words::cases(language, references.len()),
            more: count.saturating_sub(shown.len()),
            lines: shown.into_iter().map(|line| BacklogContext::new(language, line)).collect(),
        }
    }
}

impl BacklogContext {
    pub(super) fn new(language: Language, line: &super::BacklogLine) -> Self {
        Self {
            reference: line.reference.to_string(),
            notice_inside: words::inside_sentence(&line.notice),
            code: line.code.to_string(),
            due: words::long_date(language, line.due_on),
        }
    }
}

/// Whether a link may stand in a mail: a web address in printable ASCII, as people can read and check it.
pub(super) fn is_web_address(link: &str) -> bool {
    (link.starts_with("https://") || link.starts_with("http://")) && link.bytes().all(|byte| byte.is_ascii_graphic())
}
