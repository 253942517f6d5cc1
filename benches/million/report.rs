//! What phases measure, and how it is shown.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// What a phase has measured, by name: seconds, KiB, counts.
pub(crate) type Figures = BTreeMap<String, f64>;

/// Runs a phase in a process of its own, so that its memory is its own. The process says its figures on stdout.
pub(crate) fn in_a_process(mut command: Command) -> Figures {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("this program again");
    let mut figures = Figures::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("a line");
        match line.split_once('\t').map(|(name, value)| (name, value.parse())) {
            Some((name, Ok(value))) => drop(figures.insert(name.to_owned(), value)),
            _ => eprintln!("{line}"),
        }
    }
    assert!(child.wait().expect("its end").success(), "a phase failed");
    figures
}

/// Says a figure to the process that asked for it.
pub(crate) fn say(name: &str, value: f64) {
    println!("{name}\t{value}");
}

/// Memory of this process in KiB, by the name that Linux gives it (`VmHWM`, `VmRSS`).
pub(crate) fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a number of KiB")
}

/// How long all threads of this process have worked, in seconds.
pub(crate) fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// The middle one.
pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A table in Markdown: a line for each measure, a column for each number of cases.
pub(crate) struct Table {
    columns: Vec<(u32, Figures)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { columns: vec![] }
    }

    pub(crate) fn add(&mut self, cases: u32, figures: Figures) {
        self.columns.push((cases, figures));
    }

    /// With a head, and the command that each line comes from.
    pub(crate) fn print(&self, of: &str) {
        let heads: Vec<String> = self.columns.iter().map(|(cases, _)| thousands(*cases)).collect();
        println!("\n| {of} | {} | target |\n|---|{}---|", heads.join(" | "), "---:|".repeat(heads.len()));
        for (measure, target, show) in LINES {
            let cells: Vec<Option<String>> = self.columns.iter().map(|(_, figures)| show(figures)).collect();
            if cells.iter().any(Option::is_some) {
                let cells: Vec<String> = cells.into_iter().map(Option::unwrap_or_default).collect();
                println!("| {measure} | {} | {target} |", cells.join(" | "));
            }
        }
    }
}

type Line = (&'static str, &'static str, fn(&Figures) -> Option<String>);

/// The lines of the table: what, the target, and how figures become a cell.
const LINES: &[Line] = &[
    ("facts, database on disk", "", |all| Some(format!("{:.0}, {:.0} MiB", mib(all, "file")?, mib(all, "database")?))),
    ("`--only import`: cases a second, events a second", "", |all| {
        let seconds = all.get("import")?;
        Some(format!("{:.0}, {:.0}", all.get("cases")? / seconds, all.get("events")? / seconds))
    }),
    ("import: peak memory", "", |all| peak(all, "import.hwm")),
    ("`--only first`: everything planned and written for the first time", "", |all| seconds(all, "first")),
    ("`--only start`: start to ready", "< 500 ms", |all| millis(all, "start")),
    ("start to ready, nothing in the database", "< 50 ms", |all| millis(all, "start.empty")),
    ("`--only idle`: tick with nothing due, median", "≤ 1 ms", |all| millis(all, "idle")),
    ("memory, idle (resident, and without shared pages of files)", "≤ 12 MiB", |all| {
        Some(format!("{:.1}, {:.1} MiB", mib(all, "idle.rss")?, mib(all, "idle.anonymous")?))
    }),
    ("`--only replan`: all planned anew, nothing changed", "", |all| {
        let cases = all.get("cases")?;
        Some(format!("{}, {:.1} µs a case", timed(all, "replan")?, all.get("replan")? / cases * 1e6))
    }),
    ("re-plan: peak memory", "≤ 64 MiB", |all| peak(all, "replan.hwm")),
    ("`--only scan`: a bare scan of the same rows", "", |all| timed(all, "scan")),
    ("re-plan against the bare scan", "≤ 1.5", |all| ratio(all, "replan", "scan")),
    ("`--only sql`: the SQL query for the same deadlines, counted", "", |all| timed(all, "sql")),
    ("the SQL query against the re-plan", "≥ 1.8", |all| ratio(all, "sql", "replan")),
    ("the SQL query, its rows read by a client; against the re-plan", "", |all| {
        Some(format!("{}, {}", seconds(all, "sql.read")?, ratio(all, "sql.read", "replan")?))
    }),
    ("`--only ticks`: tick with 100 due", "≤ 2 × reading and writing", |all| tick(all, "due.100")),
    ("tick with 1,000 due", "", |all| tick(all, "due.1000")),
    ("tick with 10,000 due", "", |all| tick(all, "due.10000")),
    ("tick with 100 changed", "≤ 2 × reading and writing", |all| tick(all, "changed.100")),
    ("tick with 1,000 changed", "", |all| tick(all, "changed.1000")),
    ("tick with 10,000 changed", "", |all| tick(all, "changed.10000")),
];

fn seconds(all: &Figures, name: &str) -> Option<String> {
    Some(format!("{:.2} s", all.get(name)?))
}

/// With how long all threads of the process have worked: other processes do not change that much.
fn timed(all: &Figures, name: &str) -> Option<String> {
    let worked = format!("{name}.worked");
    Some(format!("{} ({})", seconds(all, name)?, seconds(all, &worked)?))
}

fn millis(all: &Figures, name: &str) -> Option<String> {
    Some(format!("{:.2} ms", all.get(name)? * 1e3))
}

fn mib(all: &Figures, name: &str) -> Option<f64> {
    Some(all.get(name)? / 1024.0)
}

fn peak(all: &Figures, name: &str) -> Option<String> {
    Some(format!("{:.1} MiB", mib(all, name)?))
}

fn ratio(all: &Figures, one: &str, other: &str) -> Option<String> {
    Some(format!("{:.2}", all.get(one)? / all.get(other)?))
}

fn tick(all: &Figures, name: &str) -> Option<String> {
    let bare = format!("{name}.bare");
    Some(format!("{}, {} ×", millis(all, name)?, ratio(all, name, &bare)?))
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
