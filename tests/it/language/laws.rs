//! What holds for every world: the same arguments give the same plan, the order of lines means nothing where the text
//! says so, what was handled is handled, and the proof tells the date that stands.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta, Timelike};
use fristvakt::calendar::Instant;
use fristvakt::case::CaseFile;
use fristvakt::engine::{Municipality, Occasion, Plan, explain, plan, plan_notices};
use fristvakt::facts::World;
use fristvakt::notice::Reason;
use fristvakt::obligation::{Closing, Deviation, ProofStep, Status};
use fristvakt::rules::RuleSet;
use fristvakt::silence::{Covered, Silence, SilenceId};
use fristvakt::simulate::{Stretch, run_case};
use proptest::prelude::*;

use super::world::{Description, instant};

/// Every form of start but those that recur, with ladders that remind, escalate, repeat and hurry.
pub(super) const RULES_TEXT: &str = r#"
says = ""
pack.roll = "forward"
pack.escalation_grace = "1wd"
[ladder]
standard = [
  { at = "-3wd", to = "responsible" }, { at = "0d", to = ["responsible", "initiator"] },
  { at = "+1wd", to = "leader", as = "escalation" },
  { at = "+1w", to = ["leader", "coordinator"], as = "escalation", every = "1w", times = 3 },
]
hurry = [{ at = "start", to = "responsible" }, { at = "-2h", to = "responsible", urgent = true }]
[[rule]]
id = "each"
[[rule]]
id = "first"
from = { first_of = ["started", "restarted"] }
within = "5wd"
[[rule]]
id = "last"
from = { last_of = ["started", "restarted"] }
met_by = { all_of = ["done", "held"] }
[[rule]]
id = "date"
from = { event = "planned", date = "planned_for" }
within = "0d"
met_by = "held"
[[rule]]
id = "before"
from = { event = "planned", date = "planned_for" }
within = "-1w"
met_by = "held"
supersede = false
[[rule]]
id = "age"
from = { case = "born_on" }
within = "16y"
[[rule]]
id = "then"
from = { due_of = "each" }
within = "1mo"
met_by = { event = "held", count = 2 }
escalation_grace = "0d"
[[rule]]
id = "hours"
within = "36h"
ladder = "hurry"
[[rule]]
id = "growing"
within = ["1w", "2w"]
sequence_from = "restarted"
snap = { weekday = "mon", direction = "back" }
[[rule]]
id = "consent"
met_by = { event = "done", earlier = true, match = ["service"], undone_by = "undone", expires = "valid_until" }
[[rule]]
id = "state"
met_when = { case.flag = true }
unless = { case.word = "x" }
"#;

/// The starts that recur.
pub(super) const RECURRING_TEXT: &str = r#"
[[rule]]
id = "month"
from = { every = "month" }
within = "3d"
[[rule]]
id = "year"
from = { yearly = "03-15" }
within = "0d"
opens = "-1mo"
"#;

pub(super) static RULES: LazyLock<RuleSet> = LazyLock::new(|| rules(&[RULES_TEXT, RECURRING_TEXT]));

/// Rules from the parts of a case file.
pub(super) fn rules(parts: &[&str]) -> RuleSet {
    Description::parse(&parts.concat()).load_rules().expect("rules").0
}

pub(super) fn day(offset: i64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).expect("a date") + TimeDelta::days(offset)
}

/// The lines of one event: its first version, and perhaps a correction or a revocation.
fn event(number: usize) -> impl Strategy<Value = Vec<String>> {
    const KINDS: [&str; 12] = [
        "started",
        "started",
        "restarted",
        "done",
        "held",
        "planned",
        "undone",
        "paused",
        "resumed",
        "closed",
        "reopened",
        "deadline_extended",
    ];
    let attributes = |kind: &str, other: i64| match kind {
        "started" | "restarted" | "undone" => format!(" service={}", if other % 2 == 0 { "a" } else { "b" }),
        "done" => format!(" service=a valid_until={}", day(other)),
        "planned" => format!(" planned_for={}", day(other)),
        "deadline_extended" => format!(" rule=p/each until={}", day(other)),
        _ => String::new(),
    };
    let line = (0..KINDS.len(), 0i64..90, proptest::option::of(0u32..24), proptest::option::of(0i64..30), 0i64..140)
        .prop_map(move |(kind, on, hour, delay, other)| {
            let kind = KINDS[kind];
            let time = hour.map_or_else(|| day(on).to_string(), |hour| format!("{}T{hour:02}:30", day(on)));
            let recorded = delay.map_or_else(String::new, |delay| format!(" @{}T09:15", day(on + delay)));
            format!("e{number} {kind} {time}{recorded}{}", attributes(kind, other))
        });
    let later = proptest::option::weighted(0.2, (0i64..110, any::<bool>(), line.clone()));
    (line, later).prop_map(move |(first, later)| match later {
        None => vec![first],
        Some((on, true, _)) => vec![first, format!("e{number} revoked @{}T12:00", day(on))],
        Some((_, false, second)) => vec![first, second],
    })
}

/// Events by id.
pub(super) fn events() -> impl Strategy<Value = Vec<Vec<String>>> {
    (0usize..14).prop_flat_map(|count| (0..count).map(event).collect::<Vec<_>>())
}

/// The records beside the events: a case that changes, a deputy, perhaps a day of go-live.
pub(super) fn records() -> impl Strategy<Value = String> {
    (any::<bool>(), any::<bool>(), proptest::option::of(0i64..60), 0i64..100, 0i64..100).prop_map(
        |(committee, dated, go_live, changed, away)| {
            let subject = if committee { "committee" } else { "child" };
            let recorded = if dated { format!(", recorded_at = {}T10:00:00", day(3)) } else { String::new() };
            let go_live = go_live.map_or_else(String::new, |on| format!("tenant.go_live = {}\n", day(on)));
            format!(
                "says = \"\"\n{go_live}case = [\n\
                 {{ subject = \"{subject}\", attributes = {{ born_on = 2010-02-20, word = \"x\" }}{recorded} }},\n\
                 {{ initiator = \"holder\", attributes = {{ flag = true }}, recorded_at = {}T10:00:00 }},\n]\n\
                 person = [{{ id = \"holder\", absent = [{{ from = {}, to = {}, deputy = \"deputy\" }}] }}]\n",
                day(changed),
                day(away),
                day(away + 10),
            )
        },
    )
}

/// A moment: an hour of a day, or the opening of one.
pub(super) fn moment() -> impl Strategy<Value = Instant> {
    (0i64..140, prop_oneof![Just(8u32), 0u32..24])
        .prop_map(|(on, hour)| instant(&format!("{}T{hour:02}:00", day(on)), chrono_tz::Europe::Oslo))
}

/// What somebody has asked not to be told of: some of it bears on the case, some does not.
fn silences() -> impl Strategy<Value = Vec<Silence>> {
    const COVERED: [(&str, &str); 9] = [
        ("person", "holder"),
        ("person", "holder"),
        ("person", "deputy"),
        ("person", "leader"),
        ("case", "S"),
        ("unit", "dept"),
        ("unit", "elsewhere"),
        ("rule", "p/each"),
        ("rule", "p/hours"),
    ];
    let silence = (0..COVERED.len(), 0i64..140).prop_map(|(which, until)| {
        let (kind, name) = COVERED[which];
        let covers = Covered::parse(kind, name).expect("a kind");
        Silence { id: SilenceId(which.try_into().expect("small")), covers, until: day(until) }
    });
    proptest::collection::vec(silence, 1..4)
}

/// What may be sent at a moment.
fn occasion(municipality: &Municipality<'_>, now: Instant) -> Occasion {
    let today = municipality.date(now);
    let is_opening = municipality.holds_round(today) && municipality.opening(today) == now;
    if is_opening { Occasion::Round } else { Occasion::Between }
}

/// Looks at the one case of a world.
fn within<T>(facts: &str, look: impl FnOnce(&Municipality<'_>, &CaseFile) -> T) -> T {
    let world = World::load(facts.as_bytes(), &RULES).expect("a world");
    let facts = &world.municipalities[0];
    let municipality = Municipality::new(&RULES, &facts.organisation).expect("a municipality");
    look(&municipality, &facts.cases[0])
}

pub(super) fn facts(records: &str, events: &[Vec<String>]) -> String {
    Description::parse(records).with_events(events.concat().join("\n")).facts()
}

fn shown(plan: &Plan) -> String {
    format!("{plan:#?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_depends_on_nothing_but_its_arguments(records in records(), events in events(), now in moment()) {
        let facts = facts(&records, &events);
        let once = within(&facts, |municipality, case| shown(&plan(municipality, case, &[], now, Occasion::Round)));
        let again = within(&facts, |municipality, case| shown(&plan(municipality, case, &[], now, Occasion::Round)));
        prop_assert_eq!(once, again);
    }

    #[test]
    fn events_of_different_ids_may_stand_in_any_order(
        records in records(),
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        now in moment(),
    ) {
        let look = |events: &[Vec<String>]| {
            within(&facts(&records, events), |municipality, case| {
                shown(&plan(municipality, case, &[], now, Occasion::Round))
            })
        };
        prop_assert_eq!(look(&events), look(&shuffled));
    }

    #[test]
    fn records_of_different_types_may_stand_in_any_order(records in records(), events in events(), now in moment()) {
        let forwards = facts(&records, &events);
        // Grouped the other way round: within a type the order stays, for the same id again replaces the record.
        let mut lines: Vec<&str> = forwards.lines().collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.get(..14)));
        let look = |facts: &str| {
            within(facts, |municipality, case| shown(&plan(municipality, case, &[], now, Occasion::Round)))
        };
        prop_assert_eq!(look(&forwards), look(&lines.join("\n")));
    }

    #[test]
    fn what_was_handled_is_not_sent_again(records in records(), events in events(), now in moment(), round in any::<bool>()) {
        let occasion = if round { Occasion::Round } else { Occasion::Between };
        let left = within(&facts(&records, &events), |municipality, case| {
            let first = plan(municipality, case, &[], now, occasion);
            let second = plan(municipality, case, &first.handled, now, occasion);
            (second.notices, second.handled)
        });
        prop_assert_eq!(left, (vec![], vec![]));
    }

    #[test]
    fn the_proof_ends_with_the_date_that_stands(records in records(), events in events(), now in moment()) {
        let pairs = within(&facts(&records, &events), |municipality, case| {
            let planned = plan(municipality, case, &[], now, Occasion::Between).obligations;
            let explained = explain(municipality, case, &[], now);
            let same: Vec<_> = explained.iter().map(|one| one.obligation.clone()).collect();
            assert_eq!(planned, same);
            explained
        });
        for one in pairs {
            let written = match one.proof.0.last() {
                Some(ProofStep::Due(due)) => Some(*due),
                _ => None,
            };
            prop_assert_eq!(written, one.obligation.due, "{:?} {:?}", one.obligation, one.proof);
            let starts = one.proof.0.iter().find_map(|step| match step {
                ProofStep::Start { on, .. } => Some(*on),
                _ => None,
            });
            prop_assert_eq!(starts, Some(one.obligation.starts_on));
        }
    }

    #[test]
    fn nothing_changes_before_the_plan_says_so(records in records(), events in events(), now in moment()) {
        let (before, after) = within(&facts(&records, &events), |municipality, case| {
            let first = plan_notices(municipality, case, &[], now, Occasion::Between);
            let just_before = first.next_at.map_or(now, |next| next - TimeDelta::seconds(1));
            let mut second = plan_notices(municipality, case, &first.handled, just_before, Occasion::Between);
            // What was sent at the first moment is not sent at the second.
            assert!(second.notices.is_empty(), "{:?}", second.notices);
            second.notices.clone_from(&first.notices);
            (format!("{:#?}", first.obligations), format!("{:#?}", second.obligations))
        });
        prop_assert_eq!(before, after);
    }

    #[test]
    fn a_deviation_stands_for_exactly_what_lapsed(records in records(), events in events(), now in moment()) {
        let planned = within(&facts(&records, &events), |municipality, case| {
            plan(municipality, case, &[], now, Occasion::Between)
        });
        for obligation in planned.obligations.iter().filter(|obligation| RULES.rule(obligation.rule).deviation) {
            let of_it = |one: &&Deviation| (one.rule, &one.start) == (obligation.rule, &obligation.start);
            let lapses: Vec<&Deviation> = planned.deviations.iter().filter(of_it).collect();
            let closing = lapses.last().map(|last| last.closed.map(|(_, how)| how));
            let fits = match obligation.status {
                Status::Overdue | Status::Missed => closing == Some(None),
                Status::MetLate => closing == Some(Some(Closing::MetLate)),
                _ => matches!(closing, None | Some(Some(Closing::Withdrawn))),
            };
            prop_assert!(fits, "{:?} {:?}", obligation, lapses);
            if obligation.status.is_lapse() {
                let last = lapses.last().expect("a deviation");
                prop_assert_eq!(Some(last.due_on), obligation.due.map(|due| due.on));
                prop_assert!(obligation.due.is_some_and(|due| last.opened_at >= due.at || lapses.len() == 1));
            }
            prop_assert!(lapses.iter().rev().skip(1).all(|one| matches!(one.closed, Some((_, Closing::Withdrawn)))));
        }
    }

    #[test]
    fn what_the_register_has_opened_stays_in_it(
        records in records(), events in events(), one in moment(), other in moment(),
    ) {
        let (earlier, later) = (one.min(other), one.max(other));
        let opened = |now: Instant| {
            within(&facts(&records, &events), |municipality, case| {
                let deviations = plan(municipality, case, &[], now, Occasion::Between).deviations;
                deviations.into_iter().map(|one| (one.rule, one.start, one.number, one.opened_at)).collect::<Vec<_>>()
            })
        };
        let then = opened(later);
        for deviation in opened(earlier) {
            prop_assert!(then.contains(&deviation), "{:?} is not among {:?}", deviation, then);
        }
    }

    #[test]
    fn s9_a_notice_goes_out_once_and_in_its_hours(records in records(), events in events(), ends in moment()) {
        within(&facts(&records, &events), |municipality, case| {
            let begins = instant("2026-01-01", municipality.zone());
            let run = run_case(municipality, case, Some(begins), Stretch { begins, ends });
            let mut keys = HashSet::new();
            let mut recipients = HashSet::new();
            for (at, notice) in &run.notices {
                let key = (
                    notice.rule,
                    notice.start.clone(),
                    notice.position,
                    notice.repetition,
                    notice.due_on,
                    notice.recipient.clone(),
                );
                assert!(keys.insert(key), "twice: {notice:?}");
                let recipient = (*at, notice.rule, notice.start.clone(), notice.recipient.clone());
                assert!(recipients.insert(recipient), "two in one round: {notice:?} at {at}");
                let local = at.with_timezone(&municipality.zone());
                let on = local.date_naive();
                let in_round = municipality.holds_round(on) && municipality.opening(on) == *at;
                let is_urgent = RULES.rule(notice.rule).ladder[notice.position].urgent;
                assert!(in_round || (is_urgent && (7..21).contains(&local.hour())), "{notice:?} at {local}");
            }
        });
    }

    #[test]
    fn s9_a_silence_touches_neither_obligations_nor_the_register(
        records in records(), events in events(), silences in silences(), now in moment(), round in any::<bool>(),
    ) {
        let occasion = if round { Occasion::Round } else { Occasion::Between };
        within(&facts(&records, &events), |municipality, case| {
            let plain = plan(municipality, case, &[], now, occasion);
            let silent = municipality.clone().with_silences(&silences);
            let quiet = plan(&silent, case, &[], now, occasion);
            assert_eq!(plain.obligations, quiet.obligations);
            assert_eq!(plain.deviations, quiet.deviations);
            for notice in &quiet.notices {
                let rule = RULES.rule(notice.rule);
                assert_eq!(silent.silence(case, rule, &notice.recipient, now), None, "{notice:?}");
            }
            for one in explain(&silent, case, &[], now) {
                let rule = RULES.rule(one.obligation.rule);
                for pending in one.pending {
                    if let Reason::Silenced { by, until, at } = pending.reason {
                        let silence = silent.silence(case, rule, &pending.recipient, now).expect("a silence");
                        assert_eq!((silence.id, silence.until), (by, until));
                        assert!(municipality.date(at) > until, "{pending:?}");
                    }
                }
            }
        });
    }

    #[test]
    fn s9_whoever_sleeps_until_the_plan_says_so_misses_nothing_of_a_silence(
        records in records(), events in events(), silences in silences(), now in moment(),
    ) {
        within(&facts(&records, &events), |municipality, case| {
            let silent = municipality.clone().with_silences(&silences);
            let mut ledger = Vec::new();
            let mut next = Some(instant("2026-01-01", municipality.zone()));
            let mut last = None;
            while let Some(at) = next.filter(|at| *at <= now) {
                let step = plan_notices(&silent, case, &ledger, at, occasion(&silent, at));
                ledger.extend(step.handled);
                (last, next) = (Some(at), step.next_at);
            }
            if last != Some(now) {
                let step = plan_notices(&silent, case, &ledger, now, occasion(&silent, now));
                assert_eq!((step.notices, step.handled), (vec![], vec![]), "asleep until {next:?}");
            }
        });
    }
}
