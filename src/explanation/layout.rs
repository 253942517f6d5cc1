//! The explanation as text: a heading, then a block for each obligation.

use std::fmt::Write;

use super::{Explanation, Line, ObligationText};
use crate::language::Language;
use crate::words::{by, capital};

pub(super) fn text(explanation: &Explanation) -> String {
    let language = explanation.language;
    let mut text = format!("{}\n{}\n", explanation.heading, explanation.as_of);
    if explanation.obligations.is_empty() {
        let none = by(
            language,
            [
                "Ingen regel gir noen frist i denne saken.",
                "Ingen regel gir nokon frist i denne saka.",
                "No rule sets a deadline in this case.",
            ],
        );
        push(&mut text, &format!("\n{none}"));
    }
    let mut obligations: Vec<&ObligationText> = explanation.obligations.iter().collect();
    obligations.sort_by_key(|one| urgency(one));
    for obligation in obligations {
        block(language, obligation, &mut text);
    }
    if !explanation.problems.is_empty() {
        push(&mut text, &format!("\n{}", by(language, ["Bør rettes", "Bør rettast", "To be mended"])));
        for problem in &explanation.problems {
            push(&mut text, &format!("  {}", capital(&problem.text)));
        }
    }
    text
}

/// What is still to be done comes first, what does not apply last.
fn urgency(obligation: &ObligationText) -> u8 {
    match obligation.status {
        "overdue" => 0,
        "running" => 1,
        "waiting" | "paused" => 2,
        "void" => 4,
        _ => 3,
    }
}

fn block(language: Language, obligation: &ObligationText, text: &mut String) {
    let ObligationText { title, rule, code, start, status_text, source, .. } = obligation;
    push(text, &format!("\n{title} · {rule} · {code} · {start}"));
    let [status, proof, cited, told, next, unsent] = by(
        language,
        [
            [
                "Status",
                "Slik er fristen regnet",
                "Hjemmel",
                "Varslet",
                "Kommer, hvis ingenting endrer seg",
                "Sendes ikke",
            ],
            [
                "Status",
                "Slik er fristen rekna",
                "Heimel",
                "Varsla",
                "Kjem, om ingenting endrar seg",
                "Blir ikkje sendt",
            ],
            ["Status", "How the date is counted", "Source", "Told", "Next, if nothing changes", "Not sent"],
        ],
    );
    push(text, &format!("  {status}: {status_text}"));
    push(text, &format!("  {cited}: {}", source.text));
    section(text, proof, &obligation.proof);
    section(text, told, &obligation.told);
    section(text, next, &obligation.next);
    section(text, unsent, &obligation.unsent);
}

fn section(text: &mut String, heading: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    push(text, &format!("  {heading}"));
    for line in lines {
        push(text, &format!("    {}", line.text));
    }
}

fn push(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}
