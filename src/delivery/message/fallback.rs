//! The text that goes out when a template cannot be used, and the HTML of messages that have a text template only.

use super::{BacklogLine, MessageContent, TenantKind, TenantMessage};
use super::{reports, words};
use crate::language::Language;
use crate::report::Brief;

/// The subject of a message whose own template fails.
pub(super) fn subject(content: &MessageContent) -> String {
    words::cases(content.language, content.case_count())
}

/// Every line of a message in plain words.
pub(super) fn text(content: &MessageContent) -> String {
    let as_of = content.as_of.map(|as_of| words::as_of(content.language, as_of, content.today));
    let lines = content.sorted_lines().into_iter();
    joined(as_of.into_iter().chain(
        lines.map(|line| words::plain_line(content.language, line.reference.as_str(), &line.notice, line.due_on)),
    ))
}

/// A message to the coordinator in plain words.
pub(super) fn tenant_text(message: &TenantMessage) -> String {
    match &message.kind {
        TenantKind::RevisionDue { pack_title, revise_by } => {
            format!("{pack_title}: {}\n", words::long_date(message.language, *revise_by))
        }
        TenantKind::Lists { lists, .. } => joined(lists.iter().map(|line| reports::plain_list(message.language, line))),
        TenantKind::Report(content) => {
            let figures = Brief::of(message.language, &content.figures).lines;
            let lines = content.lines.iter().map(|line| backlog_line(message.language, line));
            joined(figures.into_iter().chain(lines).chain(content.link.clone()))
        }
        TenantKind::Backlog { lines, .. } => joined(lines.iter().map(|line| backlog_line(message.language, line))),
    }
}

fn backlog_line(language: Language, line: &BacklogLine) -> String {
    words::plain_line(language, line.reference.as_str(), &line.notice, line.due_on)
}

/// `text` as a page that looks like it: line by line, with nothing in it taken for markup.
pub(super) fn html(language: Language, text: &str) -> String {
    let mut body = String::with_capacity(text.len() + 256);
    for char in text.trim_end().chars() {
        match char {
            '&' => body.push_str("&amp;"),
            '<' => body.push_str("&lt;"),
            '>' => body.push_str("&gt;"),
            '"' => body.push_str("&quot;"),
            '\n' => body.push_str("<br>\n"),
            other => body.push(other),
        }
    }
    let language = language.code();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\" dir=\"ltr\"><head><meta charset=\"utf-8\"></head>\n<body style=\"margin:0;padding:24px;\
         font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1c2b33\">\n\
         <div style=\"max-width:600px\">{body}</div>\n</body></html>\n"
    )
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    /// As in templates: the size of a mail is bounded.
    const MOST_LINES: usize = 200;
    let mut text = lines.take(MOST_LINES).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}
