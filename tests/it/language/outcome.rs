//! What follows from a case file, as lines of words; and how it compares with the lines that the file expects.
//!
//! Every list is complete, but of each line only the words that the file gives are compared. `rule/start` may be
//! written as `start` alone for the rule `r`, and a time at 08:00 (notices) or 00:00 (deviations) as its date alone.
//!
//! ```text
//! obligations   rule/start status void=… starts=… due=… due_at=… met_on=… early=… held=…
//! notices       when step#repetition recipient rule/start role=… as=… due=…
//! deviations    rule/start opened=… closed=… as=… due=… late=…
//! unsent        day step#repetition role outcome rule/start due=…
//! pending       rule/start step#repetition role recipient reason when by=… until=… nominal=…
//! ```

use chrono_tz::Tz;
use fristvakt::calendar::{BEGINNING, Closure, Instant, end_of_day};
use fristvakt::case::CaseFile;
use fristvakt::engine::{Municipality, explain};
use fristvakt::facts::World;
use fristvakt::notice::{Outcome as NoticeOutcome, Problem, Reason};
use fristvakt::obligation::{LateUntil, ProofStep, RuleIndex, Status};
use fristvakt::rules::RuleSet;
use fristvakt::rules::diagnostics::{Report, Severity};
use fristvakt::simulate::{CaseRun, Stretch, run_case};

use super::world::{Description, instant};

/// What followed, line by line.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    obligations: Vec<String>,
    notices: Vec<String>,
    deviations: Vec<String>,
    unsent: Vec<String>,
    problems: Vec<String>,
    proof: Vec<String>,
    pending: Vec<String>,
    errors: Vec<String>,
    warnings: Vec<String>,
    fact_errors: Vec<String>,
}

/// Loads the rules, reads the facts, and lets time pass.
pub(super) fn of(description: &Description) -> Outcome {
    let mut outcome = Outcome::default();
    let rules = match description.load_rules() {
        Ok((rules, report)) => {
            outcome.take_report(&report);
            rules
        }
        Err(report) => {
            outcome.take_report(&report);
            return outcome;
        }
    };
    match World::load(description.facts().as_bytes(), &rules) {
        Ok(world) => outcome.take_world(description, &rules, &world),
        Err(errors) => outcome.fact_errors = errors.iter().map(ToString::to_string).collect(),
    }
    outcome
}

impl Outcome {
    fn take_report(&mut self, report: &Report) {
        let text = report.to_string();
        for (finding, line) in report.findings.iter().zip(text.lines()) {
            // The sentences fix what is an error and where; its code is the linter's business.
            let line = line.replacen(&format!("{} ", finding.code), "", 1);
            match finding.severity() {
                Severity::Error => self.errors.push(line),
                Severity::Warning | Severity::Note => self.warnings.push(line),
            }
        }
    }

    fn take_world(&mut self, description: &Description, rules: &RuleSet, world: &World) {
        let Some(until) = description.until else { return };
        let silences = description.silences();
        for facts in &world.municipalities {
            let municipality = Municipality::new(rules, &facts.organisation).expect("a municipality");
            let municipality = municipality.with_silences(&silences);
            let zone = municipality.zone();
            let begins = description.from.map_or(BEGINNING, |from| instant(&from.to_string(), zone));
            let ends = match (until.date, until.time) {
                (Some(_), None) => {
                    end_of_day(zone, until.to_string().parse().expect("a date")) - chrono::TimeDelta::nanoseconds(1)
                }
                _ => instant(&until.to_string(), zone),
            };
            for case in &facts.cases {
                let run = run_case(&municipality, case, facts.first_recorded_at, Stretch { begins, ends });
                let writer = Writer { rules, zone };
                self.take_run(&writer, &run, ends);
                self.take_explanation(&writer, &municipality, case, ends);
            }
        }
    }

    fn take_run(&mut self, writer: &Writer<'_>, run: &CaseRun, ends: Instant) {
        self.obligations.extend(run.obligations.iter().map(|obligation| {
            let void = match obligation.status {
                Status::Void(reason) => reason.word(),
                _ => "none",
            };
            format!(
                "{} {} void={void} starts={} due={} due_at={} met_on={} early={} held={}",
                writer.key(obligation.rule, &obligation.start),
                obligation.status.word(),
                obligation.starts_on,
                shown(obligation.due.map(|due| due.on)),
                shown(obligation.due.map(|due| writer.at(due.at))),
                shown(obligation.met_on),
                obligation.early,
                obligation.held_by_pause,
            )
        }));
        let mut notices: Vec<_> = run.notices.iter().collect();
        notices.sort_by_cached_key(|(at, notice)| {
            let rule = writer.rules.rule(notice.rule).name.clone();
            (*at, rule, notice.start.clone(), notice.position, notice.repetition, notice.recipient.to_string())
        });
        self.notices.extend(notices.into_iter().map(|(at, notice)| {
            format!(
                "{} {}#{} {} {} role={} as={} due={}",
                writer.at(*at),
                notice.step,
                notice.repetition,
                notice.recipient,
                writer.key(notice.rule, &notice.start),
                notice.role,
                notice.purpose.word(),
                notice.due_on,
            )
        }));
        let today = ends.with_timezone(&writer.zone).date_naive();
        let mut deviations: Vec<_> = run.deviations.iter().collect();
        deviations.sort_by_cached_key(|deviation| {
            let rule = writer.rules.rule(deviation.rule).name.clone();
            (deviation.opened_at, rule, deviation.start.clone(), deviation.number)
        });
        self.deviations.extend(deviations.into_iter().map(|deviation| {
            let late = match deviation.late_until {
                LateUntil::NotLate => 0,
                _ => deviation.days_late(today),
            };
            format!(
                "{} opened={} closed={} as={} due={} late={late}",
                writer.key(deviation.rule, &deviation.start),
                writer.at(deviation.opened_at),
                shown(deviation.closed.map(|(at, _)| writer.at(at))),
                shown(deviation.closed.map(|(_, how)| how.word())),
                deviation.due_on,
            )
        }));
        let unsent = run.handled.iter().filter(|(_, handled)| handled.outcome != NoticeOutcome::Sent);
        self.unsent.extend(unsent.map(|(at, handled)| {
            format!(
                "{} {}#{} {} {} {}/{} due={}",
                writer.at(*at),
                handled.step,
                handled.repetition,
                handled.role,
                handled.outcome.word(),
                handled.rule.trim_start_matches("p/"),
                handled.start,
                handled.due_on,
            )
        }));
        self.problems.extend(run.problems.iter().map(|problem| match problem {
            Problem::Unresolved { role, whom, why } => format!("{role} {} {}", shown(whom.as_deref()), why.word()),
            Problem::UnknownRule { event } => format!("unknown_rule {event}"),
        }));
    }

    /// The proof of every obligation, and what its ladder holds if nothing was ever sent.
    fn take_explanation(
        &mut self,
        writer: &Writer<'_>,
        municipality: &Municipality<'_>,
        case: &CaseFile,
        now: Instant,
    ) {
        for explained in explain(municipality, case, &[], now) {
            let key = writer.key(explained.obligation.rule, &explained.obligation.start);
            self.proof.extend(explained.proof.0.iter().map(|step| format!("{key} {}", writer.proof(step))));
            self.pending.extend(explained.pending.iter().map(|pending| {
                let (reason, at) = (pending.reason.word(), shown(pending.reason.at().map(|at| writer.at(at))));
                let step = &writer.rules.rule(explained.obligation.rule).ladder[pending.position].at;
                let more = match pending.reason {
                    Reason::Silenced { by, until, .. } => format!(" by={by} until={until}"),
                    Reason::NoOpenDay { nominal, .. } => format!(" nominal={nominal}"),
                    _ => String::new(),
                };
                let (repetition, role, recipient) = (pending.repetition, &pending.role, &pending.recipient);
                format!("{key} {step}#{repetition} {role} {recipient} {reason} {at}{more}")
            }));
        }
    }

    /// Everything, for a person.
    pub(super) fn describe(&self) -> String {
        let parts = self.lists().map(|(name, lines)| format!("  {name}\n{}", indented(lines)));
        parts.into_iter().filter(|part| part.lines().count() > 1).collect()
    }

    fn lists(&self) -> [(&'static str, &[String]); 10] {
        [
            ("errors", &self.errors),
            ("warnings", &self.warnings),
            ("fact_errors", &self.fact_errors),
            ("obligations", &self.obligations),
            ("notices", &self.notices),
            ("deviations", &self.deviations),
            ("unsent", &self.unsent),
            ("problems", &self.problems),
            ("proof", &self.proof),
            ("pending", &self.pending),
        ]
    }

    /// What differs from what the file expects; errors are never expected unless it says so.
    pub(super) fn against(&self, description: &Description) -> Vec<String> {
        let none = Some(String::new());
        let nothing = |list: &Option<String>| if list.is_some() { list.clone() } else { none.clone() };
        let expected = [
            nothing(&description.errors),
            description.warnings.clone(),
            nothing(&description.fact_errors),
            description.obligations.clone(),
            description.notices.clone(),
            description.deviations.clone(),
            description.unsent.clone(),
            description.problems.clone(),
            description.proof.clone(),
            description.pending.clone(),
        ];
        let pairs = self.lists().into_iter().zip(expected);
        pairs.filter_map(|((name, found), expected)| difference(name, found, &expected?)).collect()
    }
}

fn difference(name: &str, found: &[String], expected: &str) -> Option<String> {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let prose = ["errors", "warnings", "fact_errors"].contains(&name);
    let fits = |(found, expected): (&String, &&str)| {
        if prose { found.contains(*expected) } else { expected.split(' ').all(|word| has(name, found, word)) }
    };
    if found.len() == expected.len() && found.iter().zip(&expected).all(fits) {
        return None;
    }
    let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
    Some(format!("  {name}: expected\n{}  {name}: found\n{}", indented(&expected), indented(found)))
}

/// Whether a line found holds a word expected, written out or in short.
fn has(list: &str, line: &str, word: &str) -> bool {
    let is_date = |text: &str| text.len() == 10 && text.as_bytes()[4] == b'-';
    let opening = if list == "deviations" { "T00:00" } else { "T08:00" };
    word.is_empty()
        || line.split(' ').any(|found| {
            found == word
                || found.strip_prefix("r/") == Some(word)
                || found.strip_suffix("#0") == Some(word)
                || (is_date(word.rsplit('=').next().unwrap_or(word)) && found.strip_suffix(opening) == Some(word))
        })
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

struct Writer<'a> {
    rules: &'a RuleSet,
    zone: Tz,
}

impl Writer<'_> {
    /// Local time; with seconds only where there are any.
    fn at(&self, instant: Instant) -> String {
        let local = instant.with_timezone(&self.zone).naive_local();
        let seconds = local.format("%S").to_string();
        let minutes = local.format("%Y-%m-%dT%H:%M").to_string();
        if seconds == "00" { minutes } else { format!("{minutes}:{seconds}") }
    }

    fn key(&self, rule: RuleIndex, start: &str) -> String {
        format!("{}/{start}", self.rules.rule(rule).name.trim_start_matches("p/"))
    }

    fn proof(&self, step: &ProofStep) -> String {
        match step {
            ProofStep::Start { on, event: Some((event, recorded)) } => {
                format!("start {on} {event} recorded={}", self.at(*recorded))
            }
            ProofStep::Start { on, event: None } => format!("start {on}"),
            ProofStep::Span { span, number, to } => format!("span {span} number={} to={to}", shown(*number)),
            ProofStep::NotWorking { on, why } => format!(
                "skipped {on} {}",
                match why {
                    Closure::Weekend(day) => day.to_string(),
                    Closure::Holiday(name) | Closure::Closed(name) => name.replace(' ', "_"),
                }
            ),
            ProofStep::Paused { from, to } => format!("paused {from} {}", shown(*to)),
            ProofStep::Snapped { weekday, to } => format!("snapped {weekday} {to}"),
            ProofStep::Rolled { to } => format!("rolled {to}"),
            ProofStep::Extended { event, until } => format!("extended {event} {until}"),
            ProofStep::Due(due) => format!("due {}", due.on),
        }
    }
}
