//! What a calendar entry says: the same closed list of fields as the text, and less of it.
//!
//! Calendars are shared, shown on walls and read over shoulders. So an entry says what a subject may say, and it is
//! marked as private where it is written.

use chrono::NaiveDate;

use super::context::is_web_address;
use super::{Line, words};
use crate::case::CaseRef;
use crate::language::Language;
use crate::words::{by, long_date};

/// A calendar entry, all day on a due date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarEntry {
    /// "7F3K: ta en beslutning"
    pub summary: String,
    /// "Frist mandag 16. mars 2026 (14 dager fra 2. mars, regel T1)", and the link to the case.
    pub description: String,
    /// The day.
    pub due_on: NaiveDate,
    /// The name of its file, plain ASCII: "frist-7F3K-T1.ics"
    pub file_name: String,
}

impl CalendarEntry {
    /// The entry of a due date ahead.
    #[must_use]
    pub fn due(language: Language, line: &Line) -> Self {
        let (due, rule) = by(language, [("Frist", "regel"), ("Frist", "regel"), ("Due", "rule")]);
        let date = long_date(language, line.due_on);
        let counted = words::counted(language, &line.counted, line.due_on);
        let link = line.link.as_deref().filter(|link| is_web_address(link));
        let link = link.map(|link| format!("\n{link}")).unwrap_or_default();
        Self {
            summary: summary(&line.reference, Some(&line.notice)),
            description: format!("{due} {date} ({counted}, {rule} {}){link}", line.code),
            due_on: line.due_on,
            file_name: file_name(by(language, ["frist", "frist", "deadline"]), &line.reference, Some(&line.code)),
        }
    }

    /// The end of an entry that an earlier mail brought. Where the rule is gone too, there are no words for it.
    #[must_use]
    pub fn ended(
        language: Language,
        reference: &CaseRef,
        notice: Option<&str>,
        code: Option<&str>,
        due_on: NaiveDate,
    ) -> Self {
        let ended = by(language, ["Utgår", "Går ut", "No longer due"]);
        Self {
            summary: format!("{ended}: {}", summary(reference, notice)),
            description: by(
                language,
                [
                    "Fristen gjelder ikke lenger for deg. Du kan slette oppføringen.",
                    "Fristen gjeld ikkje lenger for deg. Du kan slette oppføringa.",
                    "This is no longer due from you. You can delete the entry.",
                ],
            )
            .to_owned(),
            due_on,
            file_name: file_name(by(language, ["utgaar", "gaar-ut", "no-longer-due"]), reference, code),
        }
    }
}

fn summary(reference: &CaseRef, notice: Option<&str>) -> String {
    match notice {
        Some(notice) => format!("{reference}: {}", words::inside_sentence(notice)),
        None => reference.to_string(),
    }
}

fn file_name(what: &str, reference: &CaseRef, code: Option<&str>) -> String {
    let name = [Some(what), Some(reference.as_str()), code].into_iter().flatten().collect::<Vec<_>>().join("-");
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_.".contains(char) { char } else { '-' };
    format!("{}.ics", name.chars().map(plain).collect::<String>())
}
