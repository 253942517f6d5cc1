//! What a check found, and how findings are printed: grouped, aligned, each mend on a line of its own to copy.

use std::io::Write;

use serde_json::{Value, json};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Ok,
    Warning,
    Error,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    status: Status,
    /// What was checked, in a word or two.
    check: String,
    /// What was found. Ids, paths and hosts; never an address, a name or a secret.
    found: String,
    /// What it means where it is not ok.
    meaning: Option<String>,
    /// What to do: a command where there is one.
    mend: Option<String>,
}

impl Finding {
    fn new(status: Status, check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { status, check: check.into(), found: found.into(), meaning: None, mend: None }
    }

    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Status::Ok, check, found)
    }

    pub(super) fn warning(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Status::Warning, check, found)
    }

    pub(super) fn error(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Status::Error, check, found)
    }

    pub(super) fn means(self, text: impl Into<String>) -> Self {
        Self { meaning: Some(text.into()), ..self }
    }

    pub(super) fn mend(self, text: impl Into<String>) -> Self {
        Self { mend: Some(text.into()), ..self }
    }

    /// The same with a place before what was found.
    pub(super) fn at(self, place: &str) -> Self {
        Self { found: format!("{place}, {}", self.found), ..self }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> Status {
        self.status
    }

    fn json(&self, group: &str) -> Value {
        json!({
            "group": group, "check": self.check, "status": self.status.word(),
            "found": self.found, "meaning": self.meaning, "mend": self.mend,
        })
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The word in its colour, as wide as the longest.
    fn shown(self, coloured: bool) -> String {
        let padded = format!("{:<7}", self.word());
        let colour = match self {
            Self::Ok => "32",
            Self::Warning => "33",
            Self::Error => "1;31",
        };
        if coloured { format!("\u{1b}[{colour}m{padded}\u{1b}[0m") } else { padded }
    }
}

/// Where findings go as they come in.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) json: bool,
    pub(super) coloured: bool,
    errors: usize,
    warnings: usize,
    ok: usize,
}

/// How wide the column of checks is at least, so that groups stand in line with each other.
const WIDTH: usize = 16;

impl Report {
    pub(super) fn new(json: bool, coloured: bool) -> Self {
        Self { json, coloured, errors: 0, warnings: 0, ok: 0 }
    }

    /// Prints a group.
    pub(super) fn group(&mut self, title: &str, findings: &[Finding]) -> std::io::Result<()> {
        for finding in findings {
            match finding.status {
                Status::Ok => self.ok += 1,
                Status::Warning => self.warnings += 1,
                Status::Error => self.errors += 1,
            }
        }
        let mut out = std::io::stdout().lock();
        if self.json {
            for finding in findings {
                writeln!(out, "{}", finding.json(title))?;
            }
        } else if !findings.is_empty() {
            write!(out, "{}", text(title, findings, self.coloured))?;
        }
        out.flush()
    }

    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// `1 error, 2 warnings, 17 ok`.
    pub(super) fn summary(&self) -> String {
        let counted = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        format!("{}, {}, {} ok", counted(self.errors, "error"), counted(self.warnings, "warning"), self.ok)
    }
}

fn text(title: &str, findings: &[Finding], coloured: bool) -> String {
    let width = findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0).max(WIDTH);
    let mut text = if coloured { format!("\u{1b}[1m{title}\u{1b}[0m\n") } else { format!("{title}\n") };
    let indent = " ".repeat(2 + 7 + 2 + width + 2);
    for finding in findings {
        let (status, check) = (finding.status.shown(coloured), &finding.check);
        text.push_str(&format!("  {status}  {check:<width$}  {}\n", finding.found));
        if let Some(meaning) = &finding.meaning {
            text.push_str(&format!("{indent}{meaning}\n"));
        }
        if let Some(mend) = &finding.mend {
            text.push_str(&format!("{indent}→ {mend}\n"));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_aligned_and_mends_stand_alone() {
        let findings = [
            Finding::ok("file", "f.db, 4 MB"),
            Finding::error("permissions", "mode 644").means("Others may read it.").mend("chmod 600 f.db"),
        ];
        let expected = "\
Database
  ok       file              f.db, 4 MB
  error    permissions       mode 644
                             Others may read it.
                             → chmod 600 f.db

";
        assert_eq!(text("Database", &findings, false), expected);
        assert!(text("Database", &findings, true).contains("\u{1b}[1;31merror  \u{1b}[0m  permissions"));
    }
}
