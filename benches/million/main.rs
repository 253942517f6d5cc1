//! A million cases: what they cost to take in, to have, and to plan anew, and how that grows.
//!
//! ```text
//!  cargo bench --bench million -- 10000 100000 1000000
//!  cargo bench --bench million -- 100000 --only replan --only scan --only sql
//!  cargo bench --bench million -- 100000 --tenants 2 --database postgres://bench@127.0.0.1/bench
//! ```
//!
//! Each measure is a process of its own, so that its memory is its own; what is compared with one another is measured
//! several times, and the best counts. The world is always the same: cases of about five events under six rules that
//! apply, most of them with a deadline ahead. With `--folder` everything stays there, and what is there already is not
//! made again. On PostgreSQL, each number of cases has a database of its own, `bench_million_10000`, which is dropped
//! and made anew; the role has to be allowed that, and needs no password (`trust` in `pg_hba.conf`).

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints figures, and fails where it cannot go on"
)]

#[path = "../scene/chance.rs"]
mod chance;
#[path = "../scene/pack.rs"]
mod pack;
mod phases;
mod plain;
mod raw;
mod report;
mod ticks;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Parser, ValueEnum};

use phases::Place;
use raw::Raw;
use report::{Figures, Table, in_a_process};
use world::World;

/// What to measure.
#[derive(Debug, Parser)]
struct Arguments {
    /// Numbers of cases, one after the other.
    cases: Vec<u32>,
    /// The database: `sqlite` or a `postgres://` URL; several for a table each.
    #[arg(long = "database", value_name = "URL", default_value = "sqlite")]
    databases: Vec<String>,
    /// Over how many municipalities the cases are spread.
    #[arg(long, default_value_t = 1)]
    tenants: u32,
    /// Where everything stays; a temporary folder unless said.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only these.
    #[arg(long)]
    only: Vec<Phase>,
    /// How often what is compared is measured.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// One phase, in this process.
    #[arg(long, hide = true)]
    phase: Option<Phase>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    Empty,
    Import,
    First,
    Start,
    Idle,
    Replan,
    Scan,
    Sql,
    Ticks,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Empty,
        Self::Import,
        Self::First,
        Self::Start,
        Self::Idle,
        Self::Replan,
        Self::Scan,
        Self::Sql,
        Self::Ticks,
    ];

    /// Whether it only makes what others measure, and is needed once.
    fn is_preparation(self) -> bool {
        matches!(self, Self::Empty | Self::Import | Self::First)
    }
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.cases.is_empty() {
        // `cargo test --benches` and the like only want to know that it runs.
        arguments.cases.push(if arguments.bench { 10_000 } else { 1_000 });
    }
    if let Some(phase) = arguments.phase {
        return run(phase, &arguments);
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let temporary = tempfile::tempdir().expect("a folder");
    let root = arguments.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    for database in &arguments.databases {
        let mut table = Table::new();
        for cases in &arguments.cases {
            table.add(*cases, measure(&arguments, &root, database, *cases));
        }
        let kind = if database == "sqlite" { "SQLite" } else { "PostgreSQL" };
        table.print(&format!("{kind}, {} of {} cases", tenants(arguments.tenants), "so many"));
    }
}

fn tenants(count: u32) -> String {
    if count == 1 { "one municipality".to_owned() } else { format!("{count} municipalities") }
}

/// All phases for one number of cases, each in a process of its own.
fn measure(arguments: &Arguments, root: &Path, database: &str, cases: u32) -> Figures {
    let kind = if database == "sqlite" { "sqlite" } else { "postgres" };
    let folder = root.join(format!("{kind}-{cases}-{}", arguments.tenants));
    let is_made = folder.join("made").exists();
    std::fs::create_dir_all(&folder).expect("made");
    let place = Place {
        url: url(database, &folder, cases),
        folder,
        world: World { cases, tenants: arguments.tenants },
        repeat: arguments.repeat,
    };
    place.write_rules();
    let mut figures = Figures::from([("cases".to_owned(), f64::from(cases))]);
    if !is_made {
        let mut file = std::io::BufWriter::new(std::fs::File::create(place.facts()).expect("a file"));
        place.world.write(&mut file).expect("written");
        make_database(database, &place.url);
    }
    let wanted = |phase: &Phase| match phase.is_preparation() {
        true => !is_made,
        false => arguments.only.is_empty() || arguments.only.contains(phase),
    };
    for phase in Phase::ALL.iter().filter(|phase| wanted(phase)) {
        eprintln!("{cases} cases, {kind}: {phase:?} …");
        figures.extend(in_a_process(again(*phase, arguments, &place)));
    }
    std::fs::write(place.folder.join("made"), "").expect("written");
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0.0, |found| found.len() as f64 / 1024.0);
    figures.insert("file".to_owned(), size(place.facts()));
    figures.insert("database".to_owned(), size(place.folder.join("bench.db")));
    figures
}

/// The database for one number of cases.
fn url(database: &str, folder: &Path, cases: u32) -> String {
    match database {
        "sqlite" => format!("sqlite://{}", folder.join("bench.db").display()),
        url => format!("{url}_million_{cases}"),
    }
}

fn make_database(database: &str, url: &str) {
    let Some((_, name)) = url.rsplit_once('/').filter(|_| database != "sqlite") else { return };
    block_on(async {
        let mut raw = Raw::open(database).await;
        raw.run(format!("DROP DATABASE IF EXISTS {name}")).await;
        raw.run(format!("CREATE DATABASE {name}")).await;
    });
}

/// This program, for one phase.
fn again(phase: Phase, arguments: &Arguments, place: &Place) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let phase = phase.to_possible_value().expect("a word");
    command.arg(place.world.cases.to_string()).args(["--phase", phase.get_name()]).args(["--database", &place.url]);
    command.args(["--tenants", &arguments.tenants.to_string(), "--repeat", &arguments.repeat.to_string()]);
    command.arg("--folder").arg(&place.folder);
    command
}

fn run(phase: Phase, arguments: &Arguments) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = Place {
        folder: arguments.folder.clone().expect("a folder"),
        url: arguments.databases[0].clone(),
        world: World { cases: arguments.cases[0], tenants: arguments.tenants },
        repeat: arguments.repeat,
    };
    block_on(async {
        match phase {
            Phase::Empty => phases::start(&place, "start.empty").await,
            Phase::Import => phases::import(&place).await,
            Phase::First => phases::first(&place).await,
            Phase::Start => phases::start(&place, "start").await,
            Phase::Idle => phases::idle(&place).await,
            Phase::Replan => phases::replan(&place).await,
            Phase::Scan => phases::scan(&place).await,
            Phase::Sql => phases::sql(&place).await,
            Phase::Ticks => ticks::ticks(&place).await,
        }
    });
}

/// As the program itself runs.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}
