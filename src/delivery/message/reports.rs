//! The words of what is sent on a schedule: the coordinator's lists, and the deviations of a period.

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

use super::context::{BacklogContext, is_web_address};
use super::words::long_date;
use super::{ListLine, ListedOne, ReportContent};
use crate::language::Language;
use crate::oversight::List;
use crate::report::Brief;
use crate::schedule::{Period, Scheduled};
use crate::words::{by, month, plain_date};

/// What `lists.txt` sees.
#[derive(Debug, Serialize)]
pub(super) struct ListsContext {
    /// `nb`, `nn`, `en`
    language: &'static str,
    /// What people call the municipality.
    tenant: String,
    /// The lists on which there is something.
    lists: Vec<ListContext>,
}

/// One of `lists`.
#[derive(Debug, Serialize)]
struct ListContext {
    /// The list's word, such as `without_holder`: to ask for it by command.
    list: &'static str,
    /// "Saker uten stafettholder"
    title: &'static str,
    /// How many are on it.
    count: usize,
    /// "7F3K (siden 3. februar), 2QX9"
    shown: String,
    /// How many are left out.
    more: usize,
}

impl ListsContext {
    pub(super) fn new(language: Language, tenant: &str, today: NaiveDate, lists: &[ListLine]) -> Self {
        let lists = lists.iter().map(|line| ListContext {
            list: line.list.word(),
            title: title(language, line.list),
            count: line.count,
            shown: line.shown.iter().map(|one| listed(language, line.list, one, today)).collect::<Vec<_>>().join(", "),
            more: line.count.saturating_sub(line.shown.len()),
        });
        Self { language: language.code(), tenant: tenant.to_owned(), lists: lists.collect() }
    }
}

/// What `report.txt` sees.
#[derive(Debug, Serialize)]
pub(super) struct ReportContext {
    /// `nb`, `nn`, `en`
    language: &'static str,
    /// What people call the municipality.
    tenant: String,
    /// "uke 11 (9. mars – 15. mars 2026)"
    period: String,
    /// "mandag 16. mars 2026": the day of which open ones are counted.
    today: String,
    /// What happened, in one sentence.
    sentence: String,
    /// The figures, one a line: "Holdt i tide: 77 % · 47 av 61 frister".
    figures: Vec<String>,
    /// Whether this is a leader's, with open ones one by one.
    of_units: bool,
    /// One a line.
    lines: Vec<BacklogContext>,
    /// How many open ones are left out of `lines`, where there are lines.
    more: usize,
    /// Where the whole report is; empty where nobody said.
    link: String,
    /// What the files beside the text are called.
    files: Vec<String>,
    /// Whether files were left out because they are too large for a mail.
    too_large: bool,
}

impl ReportContext {
    pub(super) fn new(language: Language, tenant: &str, content: &ReportContent) -> Self {
        let of_units = content.period.scheduled == Scheduled::Weekly;
        let lines = content.lines.iter().map(|line| BacklogContext::new(language, line));
        let Brief { sentence, lines: figures } = Brief::of(language, &content.figures);
        Self {
            language: language.code(),
            tenant: tenant.to_owned(),
            period: period(language, &content.period),
            today: long_date(language, content.today),
            sentence,
            figures: figures.into(),
            of_units,
            more: if of_units { content.open_now.saturating_sub(content.lines.len()) } else { 0 },
            lines: lines.collect(),
            link: content.link.clone().filter(|link| is_web_address(link)).unwrap_or_default(),
            files: content.files.iter().map(|file| file.name.clone()).collect(),
            too_large: content.too_large,
        }
    }
}

/// "7F3K (siden 3. februar)".
fn listed(language: Language, list: List, one: &ListedOne, today: NaiveDate) -> String {
    let (words, date) = match (list, one.until, one.since) {
        (List::SilenceEnds, Some(until), _) => (["til", "til", "until"], until),
        (_, Some(until), _) => (["frist", "frist", "due"], until),
        (_, None, Some(since)) => (["siden", "sidan", "since"], since),
        (_, None, None) => return one.what.clone(),
    };
    format!("{} ({} {})", one.what, by(language, words), plain_date(language, date, today))
}

/// What people call a list. Nothing in it says what a case is about.
pub(super) fn title(language: Language, list: List) -> &'static str {
    by(
        language,
        match list {
            List::WithoutHolder => {
                ["Saker uten stafettholder", "Saker utan stafetthaldar", "Cases without a holder of the baton"]
            }
            List::WithoutDate => [
                "Saker uten avtalt dato for evaluering",
                "Saker utan avtalt dato for evaluering",
                "Cases without an agreed date",
            ],
            List::ConsentOver => [
                "Saker der samtykket er utløpt eller trukket",
                "Saker der samtykket har gått ut eller er trekt",
                "Cases whose consent has run out or was withdrawn",
            ],
            List::HandoverPending => [
                "Overtakelser som ikke er avklart",
                "Overtakingar som ikkje er avklarte",
                "Handovers that are not settled",
            ],
            List::PausedLong => [
                "Saker som har stått lenge på vent",
                "Saker som har stått lenge på vent",
                "Cases that have been paused for long",
            ],
            List::Unresolved => [
                "Saker der noen ikke kan nås",
                "Saker der nokon ikkje kan nåast",
                "Cases in which somebody cannot be reached",
            ],
            List::AddressRefused => {
                ["Adresser som avviser e-post", "Adresser som avviser e-post", "Addresses that refuse mail"]
            }
            List::SilenceEnds => {
                ["Stille perioder som snart er over", "Stille periodar som snart er over", "Silences that end soon"]
            }
            List::RuleUnmatched => [
                "Regler som ikke har slått til på lenge",
                "Reglar som ikkje har slått til på lenge",
                "Rules that have not matched for long",
            ],
            List::RevisionDue => [
                "Rutiner som bør gjennomgås på nytt",
                "Rutinar som bør gåast gjennom på nytt",
                "Routines due for revision",
            ],
        },
    )
}

/// A list in plain words: for the text that stands in for a broken template.
pub(super) fn plain_list(language: Language, line: &ListLine) -> String {
    format!("{}: {}", title(language, line.list), line.count)
}

/// The subject of the coordinator's lists.
pub(super) fn lists_subject(language: Language) -> &'static str {
    by(language, ["Til oppfølging denne uken", "Til oppfølging denne veka", "To follow up this week"])
}

/// The subject of a period's deviations.
pub(super) fn report_subject(language: Language, of: &Period) -> String {
    let name = short_period(language, of);
    by(language, [format!("Oversikt for {name}"), format!("Oversyn for {name}"), format!("Overview of {name}")])
}

/// "uke 11 i 2026", "mars 2026", "1. kvartal 2026", "2026".
fn short_period(language: Language, of: &Period) -> String {
    let year = of.first.year();
    match of.scheduled {
        Scheduled::Weekly | Scheduled::Lists => {
            let week = of.first.iso_week();
            let (week, year) = (week.week(), week.year());
            by(
                language,
                [format!("uke {week} i {year}"), format!("veke {week} i {year}"), format!("week {week} of {year}")],
            )
        }
        Scheduled::Monthly => month(language, of.first),
        Scheduled::Quarterly => {
            let quarter = of.first.month().div_ceil(3);
            by(
                language,
                [
                    format!("{quarter}. kvartal {year}"),
                    format!("{quarter}. kvartal {year}"),
                    format!("quarter {quarter} of {year}"),
                ],
            )
        }
        Scheduled::Yearly => year.to_string(),
    }
}

/// "uke 11 i 2026 (9. mars – 15. mars 2026)".
fn period(language: Language, of: &Period) -> String {
    // The year stands once, behind the last day, unless the period lies in two.
    let first = plain_date(language, of.first, of.last);
    let last = format!("{} {}", plain_date(language, of.last, of.last), of.last.year());
    format!("{} ({first} – {last})", short_period(language, of))
}
