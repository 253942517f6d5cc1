//! What a person should mend, in words.

use serde_json::json;

use super::{Line, Subject};
use crate::engine::Explained;
use crate::language::Language;
use crate::notice::{Problem, Unreachable};
use crate::words::{by, role_name};

/// A problem as one sentence, without a full stop.
#[must_use]
pub fn problem_text(language: Language, problem: &Problem) -> String {
    match problem {
        Problem::UnknownRule { event } => by(
            language,
            [
                format!("hendelse {event} nevner en regel som kommunen ikke har"),
                format!("hending {event} nemner ein regel som kommunen ikkje har"),
                format!("event {event} names a rule that the municipality does not have"),
            ],
        ),
        Problem::Unresolved { role, whom, why } => {
            let whom = whom.as_deref().map(|whom| format!(" ({whom})")).unwrap_or_default();
            let not = by(language, ["nås ikke", "kan ikkje nåast", "cannot be reached"]);
            format!("{}{whom} {not}: {}", role_name(language, role), why_unreachable(language, *why))
        }
    }
}

fn why_unreachable(language: Language, why: Unreachable) -> &'static str {
    let words = match why {
        Unreachable::Vacant => ["rollen er ikke besatt", "rolla er ikkje fylt", "nobody has the role"],
        Unreachable::Unknown => ["personen er ukjent", "personen er ukjend", "the person is unknown"],
        Unreachable::Absent => [
            "borte, og ingen stedfortreder kan nås",
            "borte, og ingen stadfortredar kan nåast",
            "away, and no deputy can be reached",
        ],
        Unreachable::DeputyCycle => [
            "stedfortrederne viser til hverandre",
            "stadfortredarane viser til kvarandre",
            "the deputies stand in for each other",
        ],
        Unreachable::NoAddress => ["uten adresse", "utan adresse", "no address"],
        Unreachable::OutsideDomains => [
            "adressen er utenfor kommunens domener",
            "adressa er utanfor domena til kommunen",
            "the address is outside the municipality's domains",
        ],
        Unreachable::OnlyResponsible => [
            "alle ledere oppover er den ansvarlige selv",
            "alle leiarar oppover er den ansvarlege sjølv",
            "every leader on the way up is the person responsible",
        ],
    };
    by(language, words)
}

/// What keeps steps that are still to come from reaching whom they name.
pub(super) fn lines(subject: &Subject<'_>, explained: &[Explained]) -> Vec<Line> {
    let mut problems = Vec::new();
    for one in explained {
        let rule = subject.municipality.rules.rule(one.obligation.rule);
        for pending in &one.pending {
            let reached = subject.municipality.reached(subject.case, &rule.responsible, &pending.role, subject.now);
            problems.extend(reached.and_then(|(_, problem)| problem));
        }
    }
    problems.sort();
    problems.dedup();
    let line = |problem: &Problem| {
        let data = json!({
            "type": "problem", "tenant": &*subject.case.tenant, "case": &*subject.case.id, "ref": subject.reference(),
        });
        Line::new(problem_text(subject.language, problem), data)
    };
    problems.iter().map(line).collect()
}
