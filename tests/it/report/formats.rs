//! All formats say the same, and what the register says.

use std::collections::BTreeMap;

use fristvakt::folder::RulesFolder;
use fristvakt::report::{Figure, Format, Report, Request, Row, Table};
use fristvakt::rules::RuleSet;
use proptest::prelude::*;
use serde_json::Value;

use super::read_back::{Rows, bytes, csv, sheet, tables, text};
use super::register::{Register, Slow, UNITS, days_late, large, now, period, registers, state};

pub(super) fn rules() -> RuleSet {
    RulesFolder::open(None).expect("the shipped rules").load().expect("loaded").0
}

/// What the rules of the registers are, in their order.
const KINDS: [&str; 3] = ["decision", "duty", ""];
const LEVELS: [&str; 3] = ["must", "should", ""];

/// A report of everything in a register.
pub(super) fn report(register: &Register, request: &Request) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = register.stored(folder.path()).await;
        let report = Report::read(&store, &rules(), request, now(), |_| {}).await.expect("read");
        store.close().await;
        report
    })
}

/// Which units are among a unit's, by the names of a report: itself and those below it.
fn below(name: &str) -> Vec<usize> {
    match name {
        "Alt" => vec![0, 1, 2, 3, 4],
        "Uten enhet" => vec![0],
        "Oppvekst" => vec![1, 2, 3],
        "Oppvekst: egne saker" => vec![1],
        "Strandskolen" => vec![2],
        "Åsen skole" => vec![3],
        "nedlagt" => vec![4],
        other => panic!("an unknown unit: {other}"),
    }
}

fn assert_row(row: &Row, slow: &Slow, name: &str) {
    let is = |figure: Figure<u64>, count: u64, what: &str| assert_eq!(figure, Figure::Is(count), "{what} of {name}");
    is(row.opened, slow.opened, "opened");
    is(row.closed, slow.closed.iter().sum(), "closed");
    is(row.met_late, slow.closed[0], "met late");
    is(row.explained, slow.closed[1], "explained");
    is(row.withdrawn, slow.closed[2], "withdrawn");
    is(row.open, slow.open, "open");
    is(row.due, slow.due, "due");
    is(row.in_time, slow.in_time, "in time");
    assert_eq!(row.median_days_late.value(), slow.median.as_ref(), "median of {name}");
    assert_eq!(row.worst_days_late.value(), slow.worst.as_ref(), "worst of {name}");
    assert_eq!(row.oldest_open.value().map(|oldest| oldest.due_on), slow.oldest, "oldest of {name}");
    let before = [row.before.opened, row.before.closed, row.before.open, row.before.due, row.before.in_time];
    assert_eq!(before, slow.before.map(Figure::Is), "the period before of {name}");
    // What is open at the end follows from what was open, opened and closed.
    let balance = slow.before[2] + slow.opened - slow.closed.iter().sum::<u64>();
    assert_eq!(balance, slow.open, "the balance of {name}");
}

/// The figures of a row, in the order and words of the page.
fn page_cells(row: &Row) -> Vec<String> {
    let count = |figure: Figure<u64>| figure.value().map_or("–".to_owned(), ToString::to_string);
    let number = |number: f64| number.to_string().replace('.', ",");
    let percent = |share: f64| match share {
        share if share == 0.0 || share == 1.0 => format!("{}\u{a0}%", share * 100.0),
        share => format!("{}\u{a0}%", (share * 100.0).round().clamp(1.0, 99.0)),
    };
    let mut cells: Vec<String> =
        [row.open, row.opened, row.met_late, row.explained, row.withdrawn, row.due, row.in_time].map(count).into();
    cells.push(row.share_in_time.value().map_or("–".to_owned(), |share| percent(*share)));
    // The change is told of in `register`'s words elsewhere.
    cells.push(String::new());
    cells.push(row.median_days_late.value().map_or("–".to_owned(), |days| number(*days)));
    cells.push(row.worst_days_late.value().map_or("–".to_owned(), ToString::to_string));
    cells
}

/// Every group of a report, with its name as people read it.
fn groups(report: &Report) -> Vec<(&'static str, String, Row)> {
    let figures = report.figures();
    let mut groups = vec![("total", "Alt".to_owned(), figures.total.clone())];
    groups.extend(figures.units.iter().map(|one| {
        let name = if one.name.is_empty() { "Uten enhet".to_owned() } else { one.name.clone() };
        if one.own {
            ("unit_own", format!("{name}: egne saker"), one.row.clone())
        } else {
            ("unit", name, one.row.clone())
        }
    }));
    let kind = |one: &fristvakt::report::KindFigures| {
        ("kind", one.kind.map_or(String::new(), |kind| kind.word().to_owned()), one.row.clone())
    };
    groups.extend(figures.kinds.iter().map(kind));
    groups.extend(figures.rules.iter().map(|one| ("rule", one.rule.clone(), one.row.clone())));
    let level = |one: &fristvakt::report::LevelFigures| {
        ("level", one.level.map_or(String::new(), |level| level.word().to_owned()), one.row.clone())
    };
    groups.extend(figures.levels.iter().map(level));
    groups
}

fn assert_counted(register: &Register, report: &Report) {
    for (of, name, row) in groups(report) {
        let slow = match of {
            "total" | "unit" | "unit_own" => {
                let units = below(&name);
                Slow::count(register, |unit, _| units.contains(&unit))
            }
            "rule" => Slow::count(register, |_, rule| super::register::RULES[rule] == name),
            "kind" => Slow::count(register, |_, rule| KINDS[rule] == name),
            _ => Slow::count(register, |_, rule| LEVELS[rule] == name),
        };
        assert_row(&row, &slow, &format!("{of} {name}"));
    }
    // Nothing is left out: each group that has anything is a row.
    let told: Vec<(&str, String)> = groups(report).into_iter().map(|(of, name, _)| (of, name)).collect();
    for (unit, name) in ["Uten enhet", "Oppvekst", "Strandskolen", "Åsen skole", "nedlagt"].into_iter().enumerate() {
        let slow = Slow::count(register, |one, _| one == unit);
        if slow != Slow::default() {
            let is_told = told.iter().any(|(_, told)| told == name);
            assert!(is_told || slow.opened + slow.open + slow.due + slow.before.iter().sum::<u64>() == 0, "{name}");
        }
    }
    let weeks = &report.figures().weeks;
    assert_eq!(
        weeks.iter().filter_map(|week| week.due.value()).sum::<u64>(),
        *report.figures().total.due.value().unwrap()
    );
    let ages: u64 = report.figures().ages.iter().filter_map(|age| age.open.value()).sum();
    assert_eq!(ages, *report.figures().total.open.value().unwrap(), "ages are all that is open");
}

/// A figure of a table of figures, as that format writes it.
fn assert_table(
    report: &Report,
    rows: &Rows,
    names: [&str; 17],
    number: impl Fn(f64) -> String,
    date: impl Fn(chrono::NaiveDate) -> String,
) {
    let expected = groups(report);
    assert_eq!(rows.len(), expected.len());
    for (row, (of, name, figures)) in rows.iter().zip(&expected) {
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let count = |figure: Figure<u64>| figure.value().map_or(String::new(), |count| number(*count as f64));
        let before = &figures.before;
        let share =
            |figure: Figure<f64>| figure.value().map_or(String::new(), |share| number((share * 1e4).round() / 1e4));
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let values = [
            count(figures.open),
            count(figures.opened),
            count(figures.closed),
            count(figures.met_late),
            count(figures.explained),
            count(figures.withdrawn),
            count(figures.due),
            count(figures.in_time),
            share(figures.share_in_time),
            figures.median_days_late.value().map_or(String::new(), |days| number(*days)),
            figures.worst_days_late.value().map_or(String::new(), |days| number(*days as f64)),
            figures.oldest_open.value().map_or(String::new(), |oldest| date(oldest.due_on)),
            count(before.open),
            count(before.opened),
            count(before.closed),
            count(before.due),
            count(before.in_time),
        ];
        for (column, value) in names.iter().zip(values) {
            let found = row.get(*column).unwrap_or_else(|| panic!("no column {column}"));
            // A workbook keeps all of a share.
            let rounded = |text: &str| match text.strip_prefix("n:").map(str::parse::<f64>) {
                Some(Ok(number)) => format!("n:{}", (number * 1e4).round() / 1e4),
                _ => text.to_owned(),
            };
            assert_eq!(rounded(found), value, "{column} of {of} {name}");
        }
    }
}

const NAMES: [&str; 17] = [
    "open",
    "opened",
    "closed",
    "met_late",
    "explained",
    "withdrawn",
    "due",
    "in_time",
    "share_in_time",
    "median_days_late",
    "worst_days_late",
    "oldest_open_due_on",
    "before_open",
    "before_opened",
    "before_closed",
    "before_due",
    "before_in_time",
];
const NORWEGIAN: [&str; 17] = [
    "Åpne ved utgangen",
    "Åpnet",
    "Lukket",
    "Oppfylt for sent",
    "Forklart",
    "Trukket tilbake",
    "Frister",
    "Holdt i tide",
    "Andel i tide",
    "Dager for sent, median",
    "Dager for sent, verst",
    "Eldste åpne: frist",
    "Forrige periode: åpne",
    "Forrige periode: åpnet",
    "Forrige periode: lukket",
    "Forrige periode: frister",
    "Forrige periode: i tide",
];

/// Reference, state, due date and days late of each deviation that is to be listed.
fn lines(register: &Register) -> Vec<[String; 4]> {
    let listed = register.deviations.iter().enumerate().filter_map(|(number, one)| {
        let state = state(one)?;
        Some([one.reference(number), state.to_owned(), one.due_on.to_string(), days_late(one).to_string()])
    });
    let mut lines: Vec<_> = listed.collect();
    lines.sort();
    lines
}

fn of(rows: &Rows, names: [&str; 4]) -> Vec<[String; 4]> {
    let mut lines: Vec<_> = rows.iter().map(|row| names.map(|name| row[name].clone())).collect();
    lines.sort();
    lines
}

fn norwegian(state: &str) -> &'static str {
    match state {
        "open" => "Åpent",
        "met_late" => "Oppfylt for sent",
        "explained" => "Forklart",
        _ => "Trukket tilbake",
    }
}

fn assert_lines(register: &Register, report: &mut Report) {
    let expected = lines(register);
    let rfc = csv(&bytes(report, Format::CsvRfc4180(Table::Lines)), b',');
    assert_eq!(of(&rfc, ["ref", "state", "due_on", "days_late"]), expected);
    let local: Vec<[String; 4]> = expected
        .iter()
        .map(|[reference, state, due_on, days]| {
            let parts: Vec<&str> = due_on.split('-').collect();
            let due_on = format!("{}.{}.{}", parts[2], parts[1], parts[0]);
            [reference.clone(), norwegian(state).to_owned(), due_on, days.clone()]
        })
        .collect();
    let file = bytes(report, Format::Csv(Table::Lines));
    assert!(file.starts_with(b"\xef\xbb\xbf"), "it says that it is UTF-8");
    assert_eq!(of(&csv(&file[3..], b';'), ["Sak", "Status", "Frist", "Dager for sent"]), local);
    let book = sheet(&bytes(report, Format::Xlsx), 2);
    let typed: Vec<[String; 4]> = expected
        .iter()
        .map(|[reference, state, due_on, days]| {
            [reference.clone(), norwegian(state).to_owned(), format!("d:{due_on}"), format!("n:{days}")]
        })
        .collect();
    assert_eq!(of(&book, ["Sak", "Status", "Frist", "Dager for sent"]), typed);
    let json: Value = serde_json::from_str(&text(report, Format::Json)).expect("JSON");
    let field = |line: &Value, name: &str| line[name].as_str().map_or_else(|| line[name].to_string(), str::to_owned);
    let listed = json["lines"].as_array().expect("lines");
    let mut read: Vec<[String; 4]> =
        listed.iter().map(|line| ["ref", "state", "due_on", "days_late"].map(|name| field(line, name))).collect();
    // Open ones come first, and then by due date.
    let order = read.iter().map(|line| (line[1] != "open", line[2].clone()));
    assert!(order.is_sorted(), "{read:?}");
    read.sort();
    assert_eq!(read, expected);
    let page = text(report, Format::Html);
    let rows = tables(&page).into_iter().next_back().unwrap_or_default();
    let mut read: Vec<[String; 4]> = match &rows[..] {
        [head, rows @ ..] if head[0] == "Sak" => {
            rows.iter().map(|row| [0, 5, 3, 4].map(|place| row[place].clone())).collect()
        }
        _ => vec![],
    };
    for row in &mut read {
        let state =
            ["Åpent", "Oppfylt for sent", "Forklart", "Trukket tilbake"].iter().find(|word| row[1].starts_with(**word));
        row[1] = (*state.expect("a state")).to_owned();
    }
    read.sort();
    let mut local = local;
    local.sort();
    assert_eq!(read, local);
}

fn assert_figures(report: &mut Report) {
    let iso = |date: chrono::NaiveDate| date.to_string();
    let rows = csv(&bytes(report, Format::CsvRfc4180(Table::Figures)), b',');
    assert_table(report, &rows, NAMES, |number| number.to_string(), iso);
    let file = bytes(report, Format::Csv(Table::Figures));
    let local = |date: chrono::NaiveDate| date.format("%d.%m.%Y").to_string();
    assert_table(report, &csv(&file[3..], b';'), NORWEGIAN, |number| number.to_string().replace('.', ","), local);
    let book = sheet(&bytes(report, Format::Xlsx), 1);
    assert_table(report, &book, NORWEGIAN, |number| format!("n:{number}"), |date| format!("d:{date}"));
    let json: Value = serde_json::from_str(&text(report, Format::Json)).expect("JSON");
    assert_eq!(json["figures"], serde_json::to_value(report.figures()).expect("JSON"));
    let page = text(report, Format::Html);
    let mut told: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for table in tables(&page) {
        for row in table.iter().filter(|row| row.len() == 12) {
            told.entry(row[0].clone()).or_default().push(row[1..].to_vec());
        }
    }
    for (of, name, row) in groups(report) {
        let cells = page_cells(&row);
        let same = |found: &Vec<String>| {
            found.iter().zip(&cells).enumerate().all(|(place, (found, cell))| place == 8 || found == cell)
        };
        let found = match of {
            "total" | "unit" | "unit_own" => told.get(&name).map(|rows| rows.iter().any(same)),
            _ => Some(told.values().flatten().any(same)),
        };
        assert_eq!(found, Some(true), "{of} {name}: {cells:?} in {told:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_format_says_what_a_slow_second_counting_of_the_register_says(register in registers(40)) {
        let mut report = report(&register, &Request::of(period()));
        assert_counted(&register, &report);
        assert_figures(&mut report);
        assert_lines(&register, &mut report);
    }

    #[test]
    fn a_unit_is_counted_with_those_below_it_and_a_rule_alone(register in registers(40), unit in 1..4_usize, rule in 0..2_usize) {
        let of_unit = Request { units: UNITS[unit].map(str::to_owned).into_iter().collect(), ..Request::of(period()) };
        let mine = below(["", "Oppvekst", "Strandskolen", "Åsen skole"][unit]);
        assert_row(&report(&register, &of_unit).figures().total, &Slow::count(&register, |unit, _| mine.contains(&unit)), "a unit");
        let of_rule = Request { rule: Some(super::register::RULES[rule].to_owned()), ..Request::of(period()) };
        assert_row(&report(&register, &of_rule).figures().total, &Slow::count(&register, |_, one| one == rule), "a rule");
        let level = [fristvakt::rules::Force::Must, fristvakt::rules::Force::Should][rule];
        let of_level = Request { level: Some(level), ..Request::of(period()) };
        assert_row(&report(&register, &of_level).figures().total, &Slow::count(&register, |_, one| one == rule), "a level");
    }
}

#[test]
fn what_is_listed_changes_no_figure() {
    let full = large(2);
    let all = report(&full, &Request::of(period()));
    for (listed, is_listed) in [(fristvakt::report::Listed::Open, true), (fristvakt::report::Listed::Closed, false)] {
        let some = report(&full, &Request { listed, ..Request::of(period()) });
        assert_eq!(some.figures(), all.figures());
        let expected = full.deviations.iter().filter_map(state).filter(|state| (*state == "open") == is_listed).count();
        assert_eq!(some.lines(), expected);
    }
    assert!(all.lines() > 5, "there is something to list");
}
