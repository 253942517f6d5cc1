//! A report over 100,000 deviations: how long each format takes, and how much memory.
//!
//! `cargo bench --bench report`; `cargo bench --bench report -- 20000` for other cases, `-- build FILE 20000` to keep the
//! database. A process of its own makes each
//! format, so that its peak is its own.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench that cannot go on should fail right there")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant as Stopwatch;

use chrono::{DateTime, NaiveDate, TimeDelta};
use fristvakt::calendar::Instant;
use fristvakt::engine::{Occasion, plan};
use fristvakt::folder::RulesFolder;
use fristvakt::report::{Format, Period, Report, Request, Table, save};
use fristvakt::rules::RuleSet;
use fristvakt::store::{Access, Application, Channels, Load, Location, Store};

/// Cases of which each has three or four deviations.
const CASES: usize = 32_000;
const SCHOOLS: usize = 120;
const NOW: &str = "2026-11-02T12:00:00+01:00";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match &arguments[..] {
        [word, database, format] if word == "make" => runtime.block_on(make(database, format)),
        [word, database, cases] if word == "build" => {
            runtime.block_on(build(database, cases.parse().expect("a number of cases")));
        }
        [] => runtime.block_on(all(CASES)),
        [cases, ..] => runtime.block_on(all(cases.parse().expect("a number of cases"))),
    }
}

fn now() -> Instant {
    DateTime::parse_from_rfc3339(NOW).expect("an instant").to_utc()
}

fn rules() -> RuleSet {
    RulesFolder::open(None).expect("the shipped rules").load().expect("loaded").0
}

async fn all(cases: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("bench.db").display().to_string();
    let begun = Stopwatch::now();
    let deviations = build(&database, cases).await;
    println!("{cases} cases, {deviations} deviations, made in {:.1} s", begun.elapsed().as_secs_f64());
    println!("\n{:<14} {:>8} {:>12} {:>12}", "", "seconds", "peak, MiB", "file, MiB");
    for format in ["json", "csv", "csv-rfc4180", "html", "xlsx"] {
        let own = std::env::current_exe().expect("this program");
        let made = Command::new(own).args(["make", &database, format]).output().expect("made");
        print!("{}", String::from_utf8_lossy(&made.stdout));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// Facts, planned in rounds as the daemon does it.
async fn build(database: &str, cases: usize) -> usize {
    let location = Location::File(database.into());
    let store = Store::open(&location, Access::Daemon).await.expect("a store");
    let rules = rules();
    let facts: Vec<_> =
        fristvakt::facts::ndjson::read(facts(cases).as_bytes()).map(|line| line.expect("a record").fact).collect();
    store.append_facts(&facts, Load::Append, now()).await.expect("appended");
    let (organisations, _) = store.organisations(&rules, now()).await.expect("organisations");
    let of = organisations.first().expect("a municipality");
    let municipality = of.municipality(&rules).expect("a municipality");
    let mut deviations = 0;
    loop {
        let due = store.due_cases(of, &rules, now(), 1000).await.expect("due cases");
        if due.is_empty() {
            break;
        }
        let plans: Vec<_> = due
            .cases
            .iter()
            .map(|case| plan(&municipality, &case.file, &case.ledger, now(), Occasion::Round))
            .collect();
        deviations += plans.iter().map(|plan| plan.deviations.len()).sum::<usize>();
        let pairs = due.cases.iter().zip(&plans);
        let applications: Vec<_> =
            pairs.map(|(case, plan)| Application { case: &case.file, stamp: case.stamp, plan }).collect();
        let tenant = &of.organisation.tenant;
        let channels = Channels::Send(&[]);
        store.apply_batch(tenant, &rules, &applications, channels, now(), Some(now())).await.expect("applied");
    }
    store.close().await;
    deviations
}

fn facts(cases: usize) -> String {
    let mut facts = String::from(
        r#"{"type":"tenant","id":"storby","name":"Storby kommune","packs":["sokndal"],"coordinator":"k","fallback":"post@storby.example","mail_domains":["storby.example"],"case_url":"https://samspill.storby.example/sak/{ref}"}
{"type":"person","tenant":"storby","id":"k","email":"k@storby.example"}
{"type":"unit","tenant":"storby","id":"oppvekst","name":"Oppvekst","leader":"k"}
"#,
    );
    for school in 0..SCHOOLS {
        let _ = writeln!(
            facts,
            r#"{{"type":"unit","tenant":"storby","id":"skole-{school}","name":"Skole {school}","parent":"oppvekst","leader":"k","unit_type":"school"}}"#
        );
    }
    let first = NaiveDate::from_ymd_opt(2026, 1, 5).expect("a date");
    for case in 0..cases {
        let school = case % SCHOOLS;
        let raised = first + TimeDelta::days(i64::try_from(case % 250).unwrap_or(0));
        let decided = raised + TimeDelta::days(i64::try_from(case % 40).unwrap_or(0));
        let _ = writeln!(
            facts,
            r#"{{"type":"case","tenant":"storby","id":"S-{case}","ref":"R{case}","unit":"skole-{school}","stafettholder":"k"}}
{{"type":"event","tenant":"storby","case":"S-{case}","id":"e1","kind":"concern_raised","on":"{raised}"}}
{{"type":"event","tenant":"storby","case":"S-{case}","id":"e2","kind":"decision_made","on":"{decided}"}}"#
        );
    }
    facts
}

/// One format, and what it took.
async fn make(database: &str, word: &str) {
    let location = Location::File(database.into());
    let store = Store::open(&location, Access::Read).await.expect("a store");
    let rules = rules();
    let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).expect("a date");
    let request = Request::of(Period::new(day(1, 1), day(11, 1)).expect("a period"));
    let format = match word {
        "json" => Format::Json,
        "csv" => Format::Csv(Table::Lines),
        "csv-rfc4180" => Format::CsvRfc4180(Table::Lines),
        "html" => Format::Html,
        _ => Format::Xlsx,
    };
    let begun = Stopwatch::now();
    let mut report = Report::read(&store, &rules, &request, now(), |_| {}).await.expect("read");
    let read = begun.elapsed().as_secs_f64();
    let path = std::path::PathBuf::from(format!("{database}.{word}"));
    save(&mut report, format, &path).expect("written");
    let size = std::fs::metadata(&path).expect("a file").len() / (1 << 20);
    let took = begun.elapsed().as_secs_f64();
    println!("{word:<14} {took:>8.1} {:>12} {size:>12}   {} lines, read in {read:.1} s", peak(), report.lines());
}

/// The most memory that this process has had, MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
