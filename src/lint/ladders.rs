//! Ladders that tell the wrong person first, never stop, or tell nobody.

use super::Desk;
use super::reach::Reach;
use crate::calendar::Unit;
use crate::notice::{Purpose, Role};
use crate::rules::diagnostics::SourceSpan;
use crate::rules::{Code, Force, Rule, Step};

pub(super) fn check(desk: &mut Desk<'_>, rule: &Rule) {
    let steps: Vec<Rung<'_>> = rule.ladder.iter().enumerate().map(|rung| Rung::of(rule, rung)).collect();
    order(desk, rule, &steps);
    recurrence(desk, rule, &steps);
    repetition(desk, rule, &steps);
    force(desk, rule, &steps);
}

/// A step with the days from the due date to it.
struct Rung<'r> {
    number: usize,
    step: &'r Step,
    nominal: Reach,
}

impl<'r> Rung<'r> {
    fn of(rule: &Rule, (number, step): (usize, &'r Step)) -> Self {
        let offset = Reach::of(step.offset);
        let nominal = if step.from_start {
            offset.minus(Reach::of_rule(rule))
        } else if step.offset.unit == Unit::Hour {
            // Hours count from the end of the due date.
            let days = i64::from(step.offset.count.div_euclid(24)) + 1;
            Reach { least: days, most: days }
        } else {
            offset
        };
        Self { number, step, nominal }
    }

    fn is_escalation(&self) -> bool {
        self.step.purpose == Purpose::Escalation
    }

    fn surely_before(&self, other: &Self) -> bool {
        let (own, others) = (self.step, other.step);
        if own.from_start == others.from_start && own.offset.unit == others.offset.unit {
            own.offset.count < others.offset.count
        } else {
            self.nominal.most < other.nominal.least
        }
    }
}

/// The place of a step: in the rule itself, or in the ladder of the pack that it takes.
fn place(desk: &Desk<'_>, rule: &Rule, rung: &Rung<'_>) -> Option<SourceSpan> {
    let number = rung.number.to_string();
    match ladder_name(desk, rule) {
        Some(name) => desk.written.place(&["ladder", desk.pack(rule), name, &number]),
        None => desk.place(rule, &["ladder", &number]),
    }
}

/// The name of the pack's ladder that a rule takes; `None` where it has steps of its own.
fn ladder_name<'a>(desk: &Desk<'a>, rule: &Rule) -> Option<&'a str> {
    if desk.has(rule, "ladder") { desk.written.text(&desk.path(rule, &["ladder"])) } else { Some("standard") }
}

fn order(desk: &mut Desk<'_>, rule: &Rule, steps: &[Rung<'_>]) {
    let (escalations, reminders): (Vec<&Rung<'_>>, Vec<&Rung<'_>>) =
        steps.iter().partition(|rung| rung.is_escalation());
    for rung in escalations {
        let is_first = reminders.iter().all(|reminder| rung.surely_before(reminder));
        let place = place(desk, rule, rung);
        if is_first {
            let message = format!("the escalation at `{}` comes before any reminder", rung.step.at);
            let help = "remind whoever has to act first, or drop `as = \"escalation\"` if this is the reminder";
            desk.find(Code::EscalationFirst, place.clone(), message, help);
        }
        if rung.nominal.most <= 0 {
            let message = format!("the escalation at `{}` comes while there is still time", rung.step.at);
            let help = "escalate after the due date, such as at \"+1wd\"; before it, send a reminder";
            desk.find(Code::EscalationBeforeDue, place, message, help);
        }
    }
}

/// Steps outside the time between two periods.
fn recurrence(desk: &mut Desk<'_>, rule: &Rule, steps: &[Rung<'_>]) {
    let Some(period) = Reach::of_period(&rule.from) else { return };
    let within = Reach::of_rule(rule);
    let opens = rule.opens.map_or(1 - period.most, |opens| Reach::of(opens).least.max(1 - period.most));
    for rung in steps {
        let repeats = match (rung.step.every, rung.step.times) {
            (Some(every), Some(times)) => every.times(times.saturating_sub(1)).map_or(Reach::NONE, Reach::of),
            _ => Reach::NONE,
        };
        let place = place(desk, rule, rung);
        if rung.nominal.plus(repeats).least >= period.most {
            let message =
                format!("the step at `{}` is still sent when the next period of `{}` is due", rung.step.at, rule.id);
            let help = "two periods then write about the same thing; end the ladder sooner, or send fewer `times`";
            desk.find(Code::StepAfterNextPeriod, place, message, help);
        } else if rung.nominal.plus(within).most < opens {
            let message = format!("the step at `{}` lies before the window of `{}` opens", rung.step.at, rule.id);
            let help =
                "it goes out late, on the window's first round; open the window sooner, or bring the step closer";
            desk.find(Code::StepBeforeWindow, place, message, help);
        }
    }
}

fn repetition(desk: &mut Desk<'_>, rule: &Rule, steps: &[Rung<'_>]) {
    for rung in steps.iter().filter(|rung| rung.step.every.is_some() && rung.step.times.is_none()) {
        let nags = rung.step.purpose == Purpose::Reminder && rung.step.to.contains(&Role::Responsible);
        let place = place(desk, rule, rung);
        if nags {
            let message = format!("the reminder at `{}` repeats for as long as the duty is not done", rung.step.at);
            let help = "people stop reading it: add `times`, and escalate after the last one";
            desk.find(Code::RepeatsWithoutEnd, place, message, help);
        } else if rule.stops_on.is_empty() {
            let message =
                format!("the step at `{}` repeats without end: nothing ever stops `{}`", rung.step.at, rule.id);
            desk.find(Code::RepeatsWithoutEnd, place, message, "add `times`, or `stops_on` to the pack");
        }
    }
}

fn force(desk: &mut Desk<'_>, rule: &Rule, steps: &[Rung<'_>]) {
    if rule.ladder.is_empty() && rule.force == Force::Must && rule.deviation {
        let message = format!("nobody is told of `{}`, and its lapse is a deviation all the same", rule.id);
        let place = desk.place(rule, &["ladder"]);
        desk.find(Code::SilentDuty, place, message, "give it a ladder, or `deviation = false`");
    }
    if rule.force == Force::Should && steps.iter().any(Rung::is_escalation) {
        let message = format!("`{}` is a recommendation (`force = \"should\"`), and its ladder escalates", rule.id);
        let place = desk.place(rule, &["ladder"]);
        let help = "remind only the person, or say `force = \"must\"` if the routine says *skal*";
        desk.find(Code::ShouldEscalates, place, message, help);
    }
}

/// Ladders of packs that no rule takes.
pub(super) fn check_unused(desk: &mut Desk<'_>) {
    let (rules, written) = (desk.rules, desk.written);
    for (number, pack) in rules.packs.iter().enumerate() {
        let of_pack = || rules.rules.iter().filter(|rule| rule.pack == number);
        let unused: Vec<&str> = written
            .names(&["ladder", &pack.id])
            .filter(|name| !of_pack().any(|rule| ladder_name(desk, rule) == Some(name)))
            .collect();
        for name in unused {
            let place = written.place(&["ladder", &pack.id, name]);
            let message = format!("no rule of `{}` uses the ladder `{name}`", pack.id);
            desk.find(
                Code::UnusedLadder,
                place,
                message,
                format!("remove it, or write `ladder = \"{name}\"` in a rule"),
            );
        }
    }
}
