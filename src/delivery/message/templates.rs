//! Templates: embedded ones, replaced by those of a rules folder, rendered within bounds.
//!
//! A template may be wrong in ways that only a message shows. Then the message still goes out, in plain words, and
//! the [`TemplateProblem`] alarms: a reminder is worth more than its looks.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter};
use serde::Serialize;

use super::context::{MessageContext, TenantContext};
use super::reports::{self, ListsContext, ReportContext};
use super::{MessageContent, TenantKind, TenantMessage, fallback, page, sample, words};
use crate::language::Language;

/// Every template there is, by path below `messages/`.
const EMBEDDED: [(&str, &str); 21] = [
    ("nb/subject.txt", include_str!("../../../rules/messages/nb/subject.txt")),
    ("nb/message.txt", include_str!("../../../rules/messages/nb/message.txt")),
    ("nb/message.html", include_str!("../../../rules/messages/nb/message.html")),
    ("nb/revision.txt", include_str!("../../../rules/messages/nb/revision.txt")),
    ("nb/backlog.txt", include_str!("../../../rules/messages/nb/backlog.txt")),
    ("nb/lists.txt", include_str!("../../../rules/messages/nb/lists.txt")),
    ("nb/report.txt", include_str!("../../../rules/messages/nb/report.txt")),
    ("nn/subject.txt", include_str!("../../../rules/messages/nn/subject.txt")),
    ("nn/message.txt", include_str!("../../../rules/messages/nn/message.txt")),
    ("nn/message.html", include_str!("../../../rules/messages/nn/message.html")),
    ("nn/revision.txt", include_str!("../../../rules/messages/nn/revision.txt")),
    ("nn/backlog.txt", include_str!("../../../rules/messages/nn/backlog.txt")),
    ("nn/lists.txt", include_str!("../../../rules/messages/nn/lists.txt")),
    ("nn/report.txt", include_str!("../../../rules/messages/nn/report.txt")),
    ("en/subject.txt", include_str!("../../../rules/messages/en/subject.txt")),
    ("en/message.txt", include_str!("../../../rules/messages/en/message.txt")),
    ("en/message.html", include_str!("../../../rules/messages/en/message.html")),
    ("en/revision.txt", include_str!("../../../rules/messages/en/revision.txt")),
    ("en/backlog.txt", include_str!("../../../rules/messages/en/backlog.txt")),
    ("en/lists.txt", include_str!("../../../rules/messages/en/lists.txt")),
    ("en/report.txt", include_str!("../../../rules/messages/en/report.txt")),
];

/// The most that one part of a message may grow to, in bytes. Many relays stop at 10 MB; readers stop far earlier.
const LARGEST: usize = 512 * 1024;

/// The longest template, in bytes: ten times the largest shipped one.
const LONGEST_TEMPLATE: usize = 32 * 1024;

/// How much stack parsing takes for each byte of a template, at most. Memory is used only where it is needed.
const STACK_A_BYTE: usize = 2048;

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 120;

/// What one rendering may cost, in template instructions: about twenty times the largest message.
const FUEL: u64 = 1_000_000;

/// The templates of all languages.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// A message as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line, never empty.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as a page.
    pub html: String,
}

/// A template that cannot be used. Holds no content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The path below `messages/`.
    pub template: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what is done about it.
    pub problem: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "messages/{}:{line}: {}", self.template, self.problem),
            None => write!(f, "messages/{}: {}", self.template, self.problem),
        }
    }
}

impl Templates {
    /// The embedded templates, replaced by those of `overrides` (path below `messages/` → text).
    ///
    /// A text that does not parse leaves the embedded one in place; a path that no message uses is named.
    #[must_use]
    pub fn new(overrides: &HashMap<String, String>) -> (Self, Vec<TemplateProblem>) {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_keep_trailing_newline(true);
        environment.set_formatter(words_only);
        let mut problems = unused(overrides);
        for (path, embedded) in EMBEDDED {
            if let Some(text) = overrides.get(path) {
                let loads = page::loads(text).filter(|_| path.ends_with(".html"));
                problems.extend(loads.map(|what| TemplateProblem::of_page(path, what)));
                match add(&mut environment, path, text.clone()) {
                    Ok(()) if loads.is_none() => continue,
                    Ok(()) => {}
                    Err(problem) => problems.push(problem),
                }
            }
            if let Err(error) = environment.add_template(path, embedded) {
                problems.push(TemplateProblem::of(path, &error));
            }
        }
        problems.sort_by(|one, other| one.template.cmp(&other.template));
        (Self { environment }, problems)
    }

    /// A message in its language; in plain words, with a problem, where a template fails.
    #[must_use]
    pub fn render(&self, content: &MessageContent) -> (Rendered, Vec<TemplateProblem>) {
        let folder = content.language.code();
        let mut problems = vec![];
        let mut context = MessageContext::new(content);
        let subject = self
            .part(&format!("{folder}/subject.txt"), &context, &mut problems)
            .unwrap_or_else(|| fallback::subject(content));
        context.subject = one_line(&subject);
        let text = self.part(&format!("{folder}/message.txt"), &context, &mut problems);
        let html = self.part(&format!("{folder}/message.html"), &context, &mut problems);
        let text = text.unwrap_or_else(|| fallback::text(content));
        let html = html.unwrap_or_else(|| fallback::html(content.language, &text));
        let subject = marked(content.language, content.possible_repeat, &context.subject);
        (Rendered { subject, text, html }, problems)
    }

    /// A message to the coordinator; in plain words, with a problem, where a template fails.
    #[must_use]
    pub fn render_tenant(&self, message: &TenantMessage) -> (Rendered, Vec<TemplateProblem>) {
        let language = message.language;
        let (file, subject) = match &message.kind {
            TenantKind::RevisionDue { .. } => ("revision.txt", words::revision_subject(language).to_owned()),
            TenantKind::Backlog { count, .. } => ("backlog.txt", words::backlog_subject(language, *count)),
            TenantKind::Lists { .. } => ("lists.txt", reports::lists_subject(language).to_owned()),
            TenantKind::Report(content) => ("report.txt", reports::report_subject(language, &content.period)),
        };
        let mut problems = vec![];
        let path = format!("{}/{file}", language.code());
        let text = match &message.kind {
            TenantKind::Lists { today, lists } => {
                self.part(&path, &ListsContext::new(language, &message.tenant_name, *today, lists), &mut problems)
            }
            TenantKind::Report(content) => {
                self.part(&path, &ReportContext::new(language, &message.tenant_name, content), &mut problems)
            }
            TenantKind::RevisionDue { .. } | TenantKind::Backlog { .. } => {
                self.part(&path, &TenantContext::new(message), &mut problems)
            }
        };
        let text = text.unwrap_or_else(|| fallback::tenant_text(message));
        let html = fallback::html(language, &text);
        (Rendered { subject: marked(language, message.possible_repeat, &subject), text, html }, problems)
    }

    /// Tries every template on a sample message: what `fristvakt check` shows.
    #[must_use]
    pub fn check(&self) -> Vec<TemplateProblem> {
        let mut problems = vec![];
        for language in Language::ALL {
            problems.extend(self.render(&sample::message(language)).1);
            for message in sample::tenant_messages(language) {
                problems.extend(self.render_tenant(&message).1);
            }
        }
        problems
    }

    fn part(&self, path: &str, context: &impl Serialize, problems: &mut Vec<TemplateProblem>) -> Option<String> {
        let mut text = Bounded(Vec::new());
        let render = || {
            let template = self.environment.get_template(path)?;
            template.render_captured_to(context, &mut text).map(drop)
        };
        // The library gives up with a panic where a template asks for a list that no machine could hold.
        let rendered = catch_unwind(AssertUnwindSafe(render));
        let problem = match rendered {
            // A subject may be short; a text of nothing tells nobody anything.
            Ok(Ok(())) if shows_nothing(&text.0) => TemplateProblem::plain_words(path, None, "gives an empty text"),
            Ok(Ok(())) => return String::from_utf8(text.0).ok(),
            Ok(Err(error)) => TemplateProblem::of(path, &error),
            Err(_) => TemplateProblem::plain_words(path, None, "asks for more than there is"),
        };
        problems.push(problem);
        None
    }
}

impl TemplateProblem {
    fn of(path: &str, error: &minijinja::Error) -> Self {
        // The kind only: details may quote the values of a message.
        Self::plain_words(path, error.line(), &error.kind().to_string())
    }

    fn of_syntax(path: &str, error: &minijinja::Error) -> Self {
        Self::built_in(path, error.line(), error.detail().unwrap_or("syntax error"))
    }

    fn built_in(path: &str, line: Option<usize>, problem: &str) -> Self {
        let problem = format!("{problem}; the built-in text is used until it is mended");
        Self { template: path.to_owned(), line, problem }
    }

    fn of_page(path: &str, what: &str) -> Self {
        let problem = format!(
            "`{what}` loads something when the mail is read, which tells others that it was; the built-in page is \
             used until it is mended"
        );
        Self { template: path.to_owned(), line: None, problem }
    }

    fn plain_words(path: &str, line: Option<usize>, problem: &str) -> Self {
        let problem = format!("{problem}; a plain text is used until it is mended");
        Self { template: path.to_owned(), line, problem }
    }
}

/// Adds a template of a folder. The library's parser calls itself once for each operator of a long expression, and has
/// no limit of its own for most: it gets a stack that the longest text cannot fill.
fn add(environment: &mut Environment<'static>, path: &'static str, text: String) -> Result<(), TemplateProblem> {
    if text.len() > LONGEST_TEMPLATE {
        let problem = format!("longer than {LONGEST_TEMPLATE} bytes: no message is");
        return Err(TemplateProblem::built_in(path, None, &problem));
    }
    let added = thread::scope(|scope| {
        let add = || environment.add_template_owned(path, text);
        let parser = thread::Builder::new().stack_size(LONGEST_TEMPLATE * STACK_A_BYTE).spawn_scoped(scope, add);
        parser.ok().and_then(|parser| parser.join().ok())
    });
    match added {
        Some(result) => result.map_err(|error| TemplateProblem::of_syntax(path, &error)),
        None => Err(TemplateProblem::built_in(path, None, "cannot be read")),
    }
}

fn unused(overrides: &HashMap<String, String>) -> Vec<TemplateProblem> {
    let known = |path: &str| EMBEDDED.iter().any(|(known, _)| *known == path);
    let unused = overrides.keys().filter(|path| !known(path)).map(|path| TemplateProblem {
        template: path.clone(),
        line: None,
        problem: "no message uses this file; the names are nb|nn|en, then subject.txt, message.txt, message.html, \
                  revision.txt, backlog.txt, lists.txt or report.txt"
            .to_owned(),
    });
    unused.collect()
}

fn marked(language: Language, possible_repeat: bool, subject: &str) -> String {
    if possible_repeat { format!("{} {subject}", words::repeat_mark(language)) } else { subject.to_owned() }
}

/// A list or table of its own accord has no place in a message, may be endless, and would show field names.
fn words_only(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map | ValueKind::Plain => {
            Err(Error::new(ErrorKind::InvalidOperation, "a list is written one by one, with `for`"))
        }
        _ => escape_formatter(out, state, value),
    }
}

/// Whether there is nothing to see in a text: spaces and line ends of any kind, and control characters.
fn shows_nothing(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).chars().all(|char| char.is_whitespace() || char.is_control())
}

/// A subject without line ends and other control characters, of bounded length.
fn one_line(text: &str) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST_SUBJECT).collect()
}

/// A buffer that refuses to grow beyond [`LARGEST`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::Error::other("the text grows too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
