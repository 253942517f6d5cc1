//! Every way in which a deviation can stand, and every way from one to the other.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use fristvakt::calendar::Instant;
use fristvakt::obligation::Closing::{Explained, MetLate, Withdrawn};
use fristvakt::register::{Act, Happening, Impossible, Standing};

fn at(day: i64) -> Instant {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

/// All that there are: what the facts say, and what a person decided.
fn all() -> Vec<Standing> {
    let facts = [None, Some((at(5), MetLate)), Some((at(6), Withdrawn))];
    let decisions = [None, Some((at(7), Explained)), Some((at(8), Withdrawn))];
    facts.iter().flat_map(|facts| decisions.map(|decision| Standing { facts: *facts, decision })).collect()
}

/// A standing without its moments.
fn name(standing: Standing) -> String {
    let word =
        |closing: Option<(Instant, _)>| closing.map_or("-", |(_, how): (_, fristvakt::obligation::Closing)| how.word());
    format!("{}/{}", word(standing.facts), word(standing.decision))
}

const ACTS: [Act; 3] = [Act::Explain, Act::Withdraw, Act::Reopen];

#[test]
fn how_it_stands_follows_from_facts_and_decision() {
    let shown: BTreeMap<String, String> = all()
        .into_iter()
        .map(|one| {
            (
                name(one),
                one.closed()
                    .map_or("open".to_owned(), |(at, how)| format!("{} {}", how.word(), at.timestamp() / 86400)),
            )
        })
        .collect();
    let expected = [
        ("-/-", "open"),
        ("-/explained", "explained 7"),
        ("-/withdrawn", "withdrawn 8"),
        ("met_late/-", "met_late 5"),
        // It closed when it was met.
        ("met_late/explained", "explained 5"),
        ("met_late/withdrawn", "withdrawn 8"),
        ("withdrawn/-", "withdrawn 6"),
        ("withdrawn/explained", "withdrawn 6"),
        ("withdrawn/withdrawn", "withdrawn 8"),
    ];
    let expected: BTreeMap<String, String> = expected.map(|(name, shown)| (name.to_owned(), shown.to_owned())).into();
    assert_eq!(shown, expected);
}

#[test]
fn a_person_may_do_what_makes_sense_and_nothing_else() {
    let refused: Vec<String> = all()
        .into_iter()
        .flat_map(|one| ACTS.map(|act| (one, act, one.after(act, at(9)))))
        .filter_map(|(one, act, after)| Some(format!("{} {act:?} {:?}", name(one), after.err()?)))
        .collect();
    let no_lapse = |act: &str, from: &str| format!("{from} {act} {:?}", Impossible::NoLapse);
    let withdrawn = |act: &str, from: &str| format!("{from} {act} {:?}", Impossible::Withdrawn);
    let undecided = |from: &str| format!("{from} Reopen {:?}", Impossible::Undecided);
    let expected = [
        undecided("-/-"),
        withdrawn("Explain", "-/withdrawn"),
        withdrawn("Withdraw", "-/withdrawn"),
        undecided("met_late/-"),
        withdrawn("Explain", "met_late/withdrawn"),
        withdrawn("Withdraw", "met_late/withdrawn"),
        no_lapse("Explain", "withdrawn/-"),
        no_lapse("Withdraw", "withdrawn/-"),
        undecided("withdrawn/-"),
        no_lapse("Explain", "withdrawn/explained"),
        no_lapse("Withdraw", "withdrawn/explained"),
        withdrawn("Explain", "withdrawn/withdrawn"),
        withdrawn("Withdraw", "withdrawn/withdrawn"),
    ];
    assert_eq!(refused, expected);
}

/// What follows from a standing: whatever the facts say next, and whatever a person may do.
fn next(from: Standing) -> Vec<(Standing, Option<Happening>)> {
    let by_facts = all().into_iter().map(|one| Standing { facts: one.facts, ..from });
    let by_facts = by_facts.map(|later| (later, from.changed_by_facts(later)));
    let by_people = ACTS.into_iter().filter_map(|act| Some((from.after(act, at(9)).ok()?, Some(act.happening()))));
    by_facts.chain(by_people).collect()
}

#[test]
fn every_standing_is_reached_from_every_other_and_every_change_has_its_name() {
    let mut changes = BTreeSet::new();
    for start in all() {
        let (mut seen, mut upcoming) = (BTreeSet::new(), vec![start]);
        while let Some(from) = upcoming.pop() {
            if !seen.insert(name(from)) {
                continue;
            }
            for (to, happening) in next(from) {
                // What changes is told, and what is told is a change or a decision.
                assert!(name(from) == name(to) || happening.is_some(), "{} to {}", name(from), name(to));
                changes.extend(happening.map(Happening::word));
                upcoming.push(to);
            }
        }
        assert_eq!(seen.len(), 9, "from {}: {seen:?}", name(start));
    }
    assert_eq!(changes, BTreeSet::from(["met_late", "explained", "withdrawn", "reopened"]));
}

/// A person's decision is changed by a person alone.
#[test]
fn no_fact_undoes_a_decision() {
    for from in all() {
        for later in all() {
            let planned = Standing { facts: later.facts, ..from };
            assert_eq!(planned.decision, from.decision);
            let back = Standing { facts: from.facts, ..planned };
            assert_eq!(back.closed(), from.closed(), "{}: what the facts said for a while leaves no trace", name(from));
        }
    }
}
