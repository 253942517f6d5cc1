//! Reports that leave the line: no small number in any format, and none that can be worked out.

use fristvakt::report::{Figure, Format, Report, Request, Row, Table, UNDER};
use proptest::prelude::*;
use serde_json::Value;

use super::formats::report;
use super::read_back::{bytes, text};
use super::register::{RULES, Register, Slow, UNITS, large, period, registers};

fn hidden_report(register: &Register) -> Report {
    report(register, &Request { hide_small: true, ..Request::of(period()) })
}

/// What readers can subtract from one another: a row and those below it, for one count.
fn tree(report: &Report, count: impl Fn(&Row) -> Figure<u64>) -> Vec<(Figure<u64>, Vec<Figure<u64>>)> {
    let figures = report.figures();
    let rows: Vec<(usize, Figure<u64>)> = std::iter::once((0, count(&figures.total)))
        .chain(figures.units.iter().map(|one| (one.depth, count(&one.row))))
        .collect();
    let mut tree = vec![];
    for (place, (depth, above)) in rows.iter().enumerate() {
        let below = rows[place + 1..].iter().take_while(|(other, _)| other > depth);
        let below: Vec<_> = below.filter(|(other, _)| *other == depth + 1).map(|(_, count)| *count).collect();
        if !below.is_empty() {
            tree.push((*above, below));
        }
    }
    let kinds: Vec<_> = figures.kinds.iter().map(|one| count(&one.row)).collect();
    tree.push((count(&figures.total), kinds));
    for kind in &figures.kinds {
        let rules = figures.rules.iter().filter(|rule| rule.kind == kind.kind).map(|rule| count(&rule.row));
        tree.push((count(&kind.row), rules.collect()));
    }
    tree
}

fn counts(row: &Row) -> Vec<Figure<u64>> {
    let before = &row.before;
    vec![
        row.opened,
        row.closed,
        row.met_late,
        row.explained,
        row.withdrawn,
        row.open,
        row.due,
        row.in_time,
        before.opened,
        before.closed,
        before.open,
        before.due,
        before.in_time,
    ]
}

fn rows(report: &Report) -> Vec<&Row> {
    let figures = report.figures();
    let units = figures.units.iter().map(|one| &one.row);
    let rules = figures.rules.iter().map(|one| &one.row);
    std::iter::once(&figures.total).chain(units).chain(rules).chain(figures.kinds.iter().map(|one| &one.row)).collect()
}

/// All numbers of a value that are counts, by name.
fn numbers(value: &Value, found: &mut Vec<(String, u64)>) {
    const COUNTS: [&str; 8] = ["opened", "closed", "met_late", "explained", "withdrawn", "open", "due", "in_time"];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_u64() {
                    Some(number) if COUNTS.contains(&name.as_str()) => found.push((name.clone(), number)),
                    _ => numbers(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_small_count_is_shown_or_left_over_when_shown_ones_are_taken_away(register in registers(160)) {
        let mut report = hidden_report(&register);
        let figures = report.figures().clone();
        for row in rows(&report) {
            for count in counts(row) {
                prop_assert!(count.value().is_none_or(|count| *count >= UNDER), "{row:?}");
            }
            // Nor the other half of a count: those that were late, and what was open before.
            if let (Some(due), Some(in_time)) = (row.due.value(), row.in_time.value()) {
                prop_assert!(due - in_time >= UNDER, "{row:?}");
            }
            if let (Some(open), Some(opened), Some(closed)) = (row.open.value(), row.opened.value(), row.closed.value()) {
                prop_assert!(open + closed - opened >= UNDER, "{row:?}");
            }
        }
        let each: [fn(&Row) -> Figure<u64>; 5] = [|row| row.opened, |row| row.closed, |row| row.open, |row| row.due, |row| row.in_time];
        for count in each {
            for (above, below) in tree(&report, count) {
                let Some(above) = above.value() else { continue };
                let shown: u64 = below.iter().filter_map(Figure::value).sum();
                match below.iter().filter(|count| **count == Figure::Hidden).count() {
                    0 => prop_assert_eq!(*above, shown),
                    1 => prop_assert!(below.len() == 1, "one hidden row is what is left: {:?}", below),
                    _ => prop_assert!(above - shown >= UNDER, "{} {:?}", above, below),
                }
            }
        }
        // Who knows what was closed of the whole, knows that of each unit up to what was open before and closed.
        if figures.total.closed.value().is_some() {
            for (of, count) in [("unit", UNITS.len()), ("rule", RULES.len())] {
                let slack: u64 = (0..count)
                    .map(|number| Slow::count(&register, |unit, rule| number == if of == "unit" { unit } else { rule }))
                    .map(|slow| slow.closed.iter().sum::<u64>().min(slow.before[2]))
                    .sum();
                prop_assert!(slack >= UNDER, "{of}: {slack}");
            }
        }
        prop_assert!(rows(&report)[1..].iter().all(|row| row.closed == Figure::Hidden && row.before.open == Figure::Hidden));
        prop_assert!(figures.levels.is_empty() && figures.waiting.is_empty());
        prop_assert_eq!(report.lines(), 0);
        let json: Value = serde_json::from_str(&text(&mut report, Format::Json)).expect("JSON");
        let mut told = vec![];
        numbers(&json["figures"], &mut told);
        prop_assert!(told.iter().all(|(_, number)| *number >= UNDER), "{told:?}");
        prop_assert_eq!(&json["hidden_under"], &Value::from(UNDER));
        for format in [Format::Html, Format::Json, Format::Csv(Table::Lines), Format::CsvRfc4180(Table::Lines)] {
            let page = text(&mut report, format);
            prop_assert!(!page.contains("REF"), "{format:?} names a case");
            prop_assert!(!page.contains("S-1"), "{format:?} names a case");
        }
        let book = bytes(&mut report, Format::Xlsx);
        prop_assert!(super::read_back::cells(&book).iter().all(|cell| !cell.contains("REF")));
    }
}

#[test]
fn a_large_register_still_tells_something() {
    let report = hidden_report(&large(12));
    let shown = rows(&report).iter().filter(|row| row.open.value().is_some()).count();
    assert!(shown > 5, "{shown} rows of {}", rows(&report).len());
    let hidden = rows(&report).iter().filter(|row| row.open.value().is_none()).count();
    assert!(hidden > 5, "units and rules without anything are hidden, not left out: {hidden}");
    let summary = report.summary();
    assert!(summary.sentence.contains("frister ble holdt i tide"), "{}", summary.sentence);
    assert!(!summary.text().contains("REF"), "{}", summary.text());
}

#[test]
fn a_small_register_says_that_it_says_nothing() {
    let register = Register { deviations: vec![], obligations: vec![] };
    let mut report = hidden_report(&register);
    let summary = report.summary();
    assert_eq!(summary.sentence, "Det er for få frister og avvik til at tallene kan vises.");
    assert_eq!(summary.headlines.each_ref().map(|one| one.value.as_str()), ["< 5 *", "< 5 *", "< 5 *"]);
    let page = text(&mut report, Format::Html);
    assert!(page.contains("Enkeltavvik er ikke listet"), "{page}");
}
