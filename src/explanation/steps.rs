//! Ladder steps in words: what was told, what comes next, and what does not go out.

use chrono::NaiveDate;
use serde_json::json;

use super::{Fate, Line, Subject, Told, reason};
use crate::calendar::in_zone;
use crate::engine::{Explained, Pending};
use crate::language::Language;
use crate::notice::{Purpose, Reason, Recipient, Role};
use crate::obligation::Status;
use crate::rules::Rule;
use crate::words::{by, role_name, step_place};

/// An entry of the ledger; `due_on` is the due date that stands now.
pub(super) fn told(subject: &Subject<'_>, told: &Told, due_on: Option<NaiveDate>) -> Line {
    let (language, handled) = (subject.language, &told.handled);
    let whom = match &told.recipient {
        Some(recipient) => addressed(language, handled.purpose, recipient, &handled.role),
        None => unaddressed(language, handled.purpose, &handled.role),
    };
    let mut text =
        format!("{}: {whom}, {}", subject.moment(told.at), step_place(language, &handled.step, handled.repetition));
    if due_on != Some(handled.due_on) {
        let other = subject.date(handled.due_on);
        let of = by(
            language,
            [format!("gjaldt fristen {other}"), format!("galdt fristen {other}"), format!("for the due date {other}")],
        );
        text.push_str(&format!(" ({of})"));
    }
    if let Some(fate) = fate(language, &told.fate) {
        text.push_str(&format!(" – {fate}"));
    }
    let reason = match &told.fate {
        Fate::Withdrawn(reason) => Some(reason),
        _ => None,
    };
    let data = json!({
        "outcome": told.fate.word(), "reason": reason, "at": in_zone(subject.municipality.zone(), told.at),
        "as": handled.purpose.word(), "step": &*handled.step, "repetition": handled.repetition,
        "due_on": handled.due_on, "role": handled.role.to_string(),
        "to": told.recipient.as_ref().map(ToString::to_string), "channel": told.channel,
    });
    Line::new(text, data)
}

/// What became of it, where it did not simply go out.
fn fate(language: Language, fate: &Fate) -> Option<String> {
    let text = match fate {
        Fate::Sent => return None,
        Fate::Underway => by(language, ["på vei ut", "på veg ut", "on its way out"]),
        Fate::Capped => by(
            language,
            [
                "venter på neste runde: mottakeren har fått så mye post som en får på en dag",
                "ventar på neste runde: mottakaren har fått så mykje post som ein får på ein dag",
                "waits for the next round: its reader got as much mail as one gets a day",
            ],
        ),
        Fate::Shadow => by(language, ["ikke sendt: skyggedrift", "ikkje sendt: skuggedrift", "not sent: shadow mode"]),
        Fate::Overtaken => by(
            language,
            [
                "ikke sendt: et senere trinn til samme mottaker gikk ut i stedet",
                "ikkje sendt: eit seinare trinn til same mottakar gjekk ut i staden",
                "not sent: a later step to the same recipient went out instead",
            ],
        ),
        Fate::Merged => by(
            language,
            [
                "ikke sendt for seg: mottakeren fikk samme trinn i en annen rolle",
                "ikkje sendt for seg: mottakaren fekk same trinnet i ei anna rolle",
                "not sent by itself: the recipient got the same step in another role",
            ],
        ),
        Fate::Withdrawn(reason) => {
            let taken = by(
                language,
                ["trukket tilbake før sending", "trekt tilbake før sending", "withdrawn before it was sent"],
            );
            return Some(format!("{taken}: {}", reason::withdrawal(language, reason)));
        }
    };
    Some(text.to_owned())
}

/// What goes out when if nothing changes; and what does not go out, with why.
pub(super) fn pending(subject: &Subject<'_>, explained: &Explained, rule: &Rule) -> (Vec<Line>, Vec<Line>) {
    let mut pending: Vec<&Pending> = explained.pending.iter().collect();
    pending.sort_by_key(|one| (one.reason.goes_at(), one.position, one.repetition));
    let (next, unsent): (Vec<&Pending>, Vec<&Pending>) =
        pending.into_iter().partition(|one| one.reason.goes_at().is_some());
    let next = next.into_iter().map(|one| step(subject, one, rule)).collect();
    let mut unsent: Vec<Line> = unsent.into_iter().map(|one| step(subject, one, rule)).collect();
    unsent.extend(nothing(subject, explained, rule));
    (next, unsent)
}

fn step(subject: &Subject<'_>, pending: &Pending, rule: &Rule) -> Line {
    let language = subject.language;
    let at = rule.ladder.get(pending.position).map_or("", |step| &*step.at);
    let whom = addressed(language, pending.purpose, &pending.recipient, &pending.role);
    let place = step_place(language, at, pending.repetition);
    let goes_at = pending.reason.goes_at();
    let when = goes_at.map(|at| format!("{}: ", subject.moment(at))).unwrap_or_default();
    let why = reason::why(subject, pending.reason, rule).map(|why| format!(" – {why}")).unwrap_or_default();
    let mut data = json!({
        "reason": pending.reason.word(), "at": pending.reason.at().map(|at| in_zone(subject.municipality.zone(), at)),
        "as": pending.purpose.word(), "step": at, "repetition": pending.repetition,
        "role": pending.role.to_string(), "to": pending.recipient.to_string(),
    });
    match pending.reason {
        Reason::Silenced { by, until, .. } => {
            data["silence"] = json!(by);
            data["until"] = json!(until);
        }
        Reason::NoOpenDay { nominal, .. } => data["nominal"] = json!(nominal),
        _ => {}
    }
    Line::new(format!("{when}{whom}, {place}{why}"), data)
}

/// Why nothing more goes out at all, where that is so.
fn nothing(subject: &Subject<'_>, explained: &Explained, rule: &Rule) -> Option<Line> {
    let (language, obligation) = (subject.language, &explained.obligation);
    let (word, text) = if rule.ladder.is_empty() {
        let none = [
            "Regelen har ingen varslingstrapp, så ingen blir varslet.",
            "Regelen har inga varslingstrapp, så ingen blir varsla.",
            "The rule has no ladder, so nobody is told.",
        ];
        ("no_ladder", by(language, none).to_owned())
    } else if let Some((word, text)) = ended(obligation.status) {
        (word, by(language, text).to_owned())
    } else if explained.pending.is_empty() {
        let all = ["Alle trinn er gått ut.", "Alle trinn har gått ut.", "Every step has gone out."];
        ("all_handled", by(language, all).to_owned())
    } else {
        return None;
    };
    Some(Line::new(text, json!({ "reason": word })))
}

/// Why nothing is sent for an obligation of this status, where that is so.
fn ended(status: Status) -> Option<(&'static str, [&'static str; 3])> {
    match status {
        Status::Waiting | Status::Running | Status::Overdue => None,
        Status::Paused => Some((
            "paused",
            [
                "Ingen varsler så lenge saken har pause.",
                "Ingen varsel så lenge saka har pause.",
                "No notices while the case is paused.",
            ],
        )),
        Status::Met | Status::MetLate => Some((
            "ended",
            [
                "Ingen flere varsler: det er gjort.",
                "Ingen fleire varsel: det er gjort.",
                "No more notices: it is done.",
            ],
        )),
        Status::Missed | Status::Void(_) => Some((
            "ended",
            [
                "Ingen varsler: fristen gjelder ikke nå.",
                "Ingen varsel: fristen gjeld ikkje no.",
                "No notices: the deadline does not apply now.",
            ],
        )),
    }
}

/// "påminnelse til larer (ansvarlig)".
fn addressed(language: Language, purpose: Purpose, recipient: &Recipient, role: &Role) -> String {
    let to = by(language, ["til", "til", "to"]);
    let whom = match recipient {
        Recipient::Fallback => by(language, ["reserveadressen", "reserveadressa", "the fallback address"]).to_owned(),
        other => other.to_string(),
    };
    format!("{} {to} {whom} ({})", purpose_word(language, purpose), role_name(language, role))
}

fn unaddressed(language: Language, purpose: Purpose, role: &Role) -> String {
    let to = by(language, ["til", "til", "to"]);
    format!("{} {to} {}", purpose_word(language, purpose), role_name(language, role))
}

fn purpose_word(language: Language, purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Reminder => by(language, ["påminnelse", "påminning", "reminder"]),
        Purpose::Escalation => by(language, ["eskalering", "eskalering", "escalation"]),
    }
}
