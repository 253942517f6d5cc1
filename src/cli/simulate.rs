//! `fristvakt simulate`

use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;

use chrono::NaiveDate;

use super::{Failed, Format, RulesArgument};
use crate::engine::Municipality;
use crate::facts::World;
use crate::simulate::{Stretch, lines, run_case, sort};

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Simulate {
    /// Facts, NDJSON.
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    /// First day.
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// Last day.
    #[arg(long, value_name = "DATE")]
    to: NaiveDate,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failed> {
        let rules = self.rules.load()?;
        let file = std::fs::File::open(&self.facts)?;
        let world = World::load(BufReader::new(file), &rules).map_err(|errors| {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failed::with(1, text.join("\n"))
        })?;
        let mut all = Vec::new();
        for facts in &world.municipalities {
            let municipality = Municipality::new(&rules, &facts.organisation).map_err(|text| Failed::with(1, text))?;
            let stretch = Stretch::of_days(&municipality, self.from, self.to);
            for case in &facts.cases {
                let run = run_case(&municipality, case, facts.first_recorded_at, stretch);
                all.extend(lines(&municipality, case, &run, stretch));
            }
        }
        sort(&mut all);
        let mut out = BufWriter::new(std::io::stdout().lock());
        for line in &all {
            writeln!(out, "{}", line.json())?;
        }
        out.flush()?;
        Ok(())
    }
}
