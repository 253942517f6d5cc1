//! Findings about rule files: what is wrong, where, and what to do.
//!
//! A folder loads all or nothing and reports all its findings at once (`rule-language` § 1).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Code, Place};

/// The texts of a rules folder, by path below it.
#[derive(Clone, Debug, Default)]
pub struct RuleFiles {
    /// Path (as shown in findings) and text, sorted by path.
    pub files: Vec<(Arc<str>, String)>,
}

impl RuleFiles {
    /// Files in the order of their paths, so that numbers in packs do not depend on the file system.
    #[must_use]
    pub fn new(mut files: Vec<(Arc<str>, String)>) -> Self {
        files.sort();
        Self { files }
    }

    /// The text of a file by its number.
    #[must_use]
    pub fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |(_, text)| text)
    }

    /// The line and column, both from 1, at which a span begins.
    #[must_use]
    pub fn position(&self, span: &SourceSpan) -> (usize, usize) {
        let before = self.text(span.file).get(..span.range.start).unwrap_or("");
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        (before.matches('\n').count() + 1, column + 1)
    }

    /// The file and line at which a span begins.
    #[must_use]
    pub fn place(&self, span: &SourceSpan) -> Place {
        let file = self.files.get(span.file).map_or_else(|| "?".into(), |(name, _)| name.clone());
        Place { file, line: self.position(span).0 }
    }
}

/// A stretch of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceSpan {
    /// The file's number in the [`RuleFiles`].
    pub file: usize,
    /// Bytes of its text, `start` then `end`.
    pub range: SpanRange,
}

/// A byte range that can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanRange {
    /// First byte.
    pub start: usize,
    /// First byte after.
    pub end: usize,
}

impl From<Range<usize>> for SpanRange {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The folder does not load.
    Error,
    /// It loads, but cannot be meant so.
    Warning,
    /// Worth knowing; nothing may be wrong.
    Note,
}

impl Severity {
    /// The word in outputs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about; how bad it is follows from that.
    pub code: Code,
    /// Where; `None` where it is about facts, whose lines are never shown.
    pub span: Option<SourceSpan>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// All findings about one folder, with its texts.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The texts.
    pub files: RuleFiles,
    /// The findings, by place.
    pub findings: Vec<Finding>,
}

impl Report {
    /// A report in the order of places.
    #[must_use]
    pub fn new(files: RuleFiles, mut findings: Vec<Finding>) -> Self {
        // What has no place comes last.
        findings.sort_by(|a, b| {
            (a.span.is_none(), &a.span, a.code, &a.message).cmp(&(b.span.is_none(), &b.span, b.code, &b.message))
        });
        findings.dedup();
        Self { files, findings }
    }

    /// How many findings keep the folder from loading.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many findings are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// How many findings are only worth knowing.
    #[must_use]
    pub fn notes(&self) -> usize {
        self.count(Severity::Note)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// This report with further findings.
    #[must_use]
    pub fn with(self, more: impl IntoIterator<Item = Finding>) -> Self {
        Self::new(self.files, self.findings.into_iter().chain(more).collect())
    }

    /// The findings as a person reads them, each with its line of the file.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for finding in &self.findings {
            text.push_str(&renderer.render(&[self.group(finding)]));
            text.push_str("\n\n");
        }
        text
    }

    fn group<'a>(&'a self, finding: &'a Finding) -> Group<'a> {
        let level = match finding.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(finding.message.as_str()).id(finding.code.word());
        let mut group = Group::with_title(title);
        if let Some(span) = &finding.span {
            let source = self.files.text(span.file);
            let name = self.files.files.get(span.file).map_or("?", |(name, _)| name);
            let range = span.range.start.min(source.len())..span.range.end.min(source.len());
            group = group.element(Snippet::source(source).path(name).annotation(AnnotationKind::Primary.span(range)));
        }
        match &finding.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            if let Some(span) = &finding.span {
                let (line, column) = self.files.position(span);
                write!(f, "{}:{line}:{column}: ", self.files.place(span).file)?;
            }
            write!(f, "{} {}", finding.code, finding.message)?;
            match &finding.help {
                Some(help) => writeln!(f, "; {help}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
