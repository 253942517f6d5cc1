//! JSON: one object, whose lines pass through one by one. Names stay; new ones may come. A figure is a number, `null` where
//! there is nothing to count, or `"hidden"` where it is withheld.

use std::io::Write;

use serde_json::json;

use super::words::definitions;
use super::{Report, ReportError};

/// Grows with every change after which an older reader would read something wrong.
const VERSION: u32 = 1;

pub(super) fn write(report: &mut Report, out: &mut dyn Write) -> Result<(), ReportError> {
    let about = &report.about;
    let period = |period: super::Period| json!({ "from": period.from, "to": period.to });
    let definitions = definitions(report.language, about).into_iter();
    let definitions: Vec<_> = definitions.map(|(word, text)| json!({ "word": word, "text": text })).collect();
    let head = json!({
        "report": "deviations",
        "version": VERSION,
        "of": about.title,
        "language": report.language.code(),
        "made_at": report.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "period": period(about.period),
        "is_over": about.compared.is_some(),
        "period_before": about.compared.map(period),
        "reckoned_on": about.reckoned_on,
        "only": about.only,
        "hidden_under": about.hide_small.then_some(super::UNDER),
        "protected_cases": about.protected,
        "unreadable_records": about.unreadable,
        "summary": report.summary().sentence,
        "definitions": definitions,
        "figures": report.figures,
    });
    let head = serde_json::to_string_pretty(&head).map_err(std::io::Error::from)?;
    let open = head.strip_suffix("\n}").unwrap_or(&head);
    write!(out, "{open},\n  \"lines\": [")?;
    let mut separator = "\n    ";
    for line in report.spool.lines() {
        let line = serde_json::to_string(&line?).map_err(std::io::Error::from)?;
        write!(out, "{separator}{line}")?;
        separator = ",\n    ";
    }
    writeln!(out, "{}]\n}}", if separator.starts_with(',') { "\n  " } else { "" })?;
    Ok(())
}
