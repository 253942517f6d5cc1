//! How an obligation stands, in one sentence.

use chrono::NaiveDate;

use super::Subject;
use crate::calendar::{Span, Unit};
use crate::language::Language;
use crate::obligation::{Obligation, Status, VoidReason};
use crate::words::{by, length};

/// The sentence, without a full stop.
pub(super) fn text(subject: &Subject<'_>, obligation: &Obligation) -> String {
    let language = subject.language;
    let due_on = obligation.due.map(|due| due.on);
    let met_on = obligation.met_on.map(|date| subject.date(date)).unwrap_or_default();
    match obligation.status {
        Status::Void(reason) => void(language, reason).to_owned(),
        Status::Met => met(language, &met_on, obligation.early),
        Status::MetLate => {
            let late = days_between(language, due_on, obligation.met_on);
            by(
                language,
                [
                    format!("oppfylt {met_on}, {late} for sent"),
                    format!("oppfylt {met_on}, {late} for seint"),
                    format!("met on {met_on}, {late} late"),
                ],
            )
        }
        Status::Missed => {
            let stopped = obligation.stopped_on.map(|date| subject.date(date)).unwrap_or_default();
            by(
                language,
                [
                    format!("ikke oppfylt: den tok slutt {stopped}, etter fristen"),
                    format!("ikkje oppfylt: ho tok slutt {stopped}, etter fristen"),
                    format!("missed: it ended on {stopped}, after the due date"),
                ],
            )
        }
        Status::Paused => by(
            language,
            [
                "satt på pause: ingen frist før saken blir tatt opp igjen",
                "sett på pause: ingen frist før saka blir teken opp att",
                "paused: no due date until the case is resumed",
            ],
        )
        .to_owned(),
        Status::Overdue => {
            let late = days_between(language, due_on, Some(subject.today()));
            by(
                language,
                [format!("over fristen med {late}"), format!("over fristen med {late}"), format!("overdue by {late}")],
            )
        }
        Status::Waiting => {
            let starts = subject.date(obligation.starts_on);
            by(
                language,
                [
                    format!("venter: starter {starts}"),
                    format!("ventar: startar {starts}"),
                    format!("waiting: starts on {starts}"),
                ],
            )
        }
        Status::Running => {
            let left = days_between(language, Some(subject.today()), due_on);
            by(language, [format!("løper: {left} igjen"), format!("går: {left} att"), format!("running: {left} left")])
        }
    }
}

fn met(language: Language, met_on: &str, early: bool) -> String {
    if early {
        return by(
            language,
            [
                format!("oppfylt {met_on}, tidligere enn regelen regner med"),
                format!("oppfylt {met_on}, tidlegare enn regelen reknar med"),
                format!("met on {met_on}, earlier than the rule expects"),
            ],
        );
    }
    by(
        language,
        [format!("oppfylt {met_on}, i tide"), format!("oppfylt {met_on}, i tide"), format!("met on {met_on}, in time")],
    )
}

fn void(language: Language, reason: VoidReason) -> &'static str {
    match reason {
        VoidReason::OutOfForce => by(
            language,
            [
                "gjelder ikke: utenfor tiden da regelen gjelder",
                "gjeld ikkje: utanfor tida då regelen gjeld",
                "void: outside the time in which the rule is in force",
            ],
        ),
        VoidReason::Condition => by(
            language,
            [
                "gjelder ikke: saken, slik den er registrert nå, fyller ikke vilkårene i regelen",
                "gjeld ikkje: saka, slik ho er registrert no, fyller ikkje vilkåra i regelen",
                "void: the case as recorded now does not fulfil the rule's conditions",
            ],
        ),
        VoidReason::Exempt => by(
            language,
            ["gjelder ikke: det er gitt unntak", "gjeld ikkje: det er gitt unntak", "void: exempted by a decision"],
        ),
        VoidReason::Stopped => by(
            language,
            [
                "gjelder ikke lenger: saken ble stanset før fristen var ute",
                "gjeld ikkje lenger: saka vart stansa før fristen var ute",
                "void: the case was stopped before the deadline had passed",
            ],
        ),
        VoidReason::Superseded => by(
            language,
            [
                "gjelder ikke lenger: en nyere dato har tatt over",
                "gjeld ikkje lenger: ein nyare dato har teke over",
                "void: a newer date has taken its place",
            ],
        ),
    }
}

/// "4 dager" from one day to another.
fn days_between(language: Language, from: Option<NaiveDate>, to: Option<NaiveDate>) -> String {
    let days = from.zip(to).map_or(0, |(from, to)| (to - from).num_days());
    length(language, Span { count: i32::try_from(days).unwrap_or(i32::MAX), unit: Unit::Day })
}
