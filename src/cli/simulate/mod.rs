//! `fristvakt simulate`

mod compare;
mod print;
mod summary;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};

use self::summary::Summary;
use super::facts::load_world;
use super::table::Look;
use super::{CONFIGURATION, Failed, Format, RulesArgument, USAGE, load, open};
use crate::case::CaseFile;
use crate::engine::Municipality;
use crate::facts::World;
use crate::rules::RuleSet;
use crate::simulate::{CaseRun, Line, Stretch, lines, run_case, sort};

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Starts with nothing sent and needs no database. The table shows every notice, then who would have \
                        heard how much on which day, and what each rule does.\n\n\
                        Examples:\n  fristvakt simulate --facts facts.ndjson --from 2026-01-01 --to 2026-06-30\n  \
                        fristvakt simulate --facts facts.ndjson --rules rules --from 2026-01-01 --to 2026-06-30 | less\n  \
                        fristvakt simulate --facts facts.ndjson --from 2026-01-01 --to 2026-06-30 --format json > run.ndjson\n  \
                        fristvakt simulate --facts facts.ndjson --from 2026-01-01 --to 2026-06-30 --compare my-rules"
)]
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
    /// Another rules folder: shows what it would change instead.
    #[arg(long, value_name = "OTHER_RULES")]
    compare: Option<PathBuf>,
    /// How to print it; json: one object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failed> {
        if self.from > self.to {
            let text = format!("--from {} comes after --to {}; swap them", self.from, self.to);
            return Err(Failed::with(USAGE, text));
        }
        let rules = self.rules.load()?;
        let world = load_world(&self.facts, &rules, "nothing was simulated")?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        if let Some(folder) = &self.compare {
            let (other, _) = load(&open(Some(folder))?)?;
            let other_world = load_world(&self.facts, &other, "nothing was compared")?;
            let (before, after) = (self.lines(&world, &rules)?, self.lines(&other_world, &other)?);
            match self.format {
                Format::Json => compare::json(&before, &after, &mut out)?,
                Format::Table => compare::table(&before, &after, Look::of_stdout(), &mut out)?,
            }
            out.flush()?;
            return Ok(());
        }
        match self.format {
            Format::Json => {
                for line in &self.lines(&world, &rules)? {
                    writeln!(out, "{}", line.json())?;
                }
            }
            Format::Table => {
                let mut summary = Summary::new(self.from, self.to);
                self.each_case(&world, &rules, |municipality, case, run, stretch| {
                    summary.take(municipality, case, &run, stretch);
                })?;
                summary.finish();
                print::all(&summary, &rules, Look::of_stdout(), &mut out)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// What would have happened, in order.
    fn lines(&self, world: &World, rules: &RuleSet) -> Result<Vec<Line>, Failed> {
        let mut all = Vec::new();
        self.each_case(world, rules, |municipality, case, run, stretch| {
            all.extend(lines(municipality, case, &run, stretch));
        })?;
        sort(&mut all);
        Ok(all)
    }

    /// Runs every case, and shows how far it has come where that takes long.
    fn each_case(
        &self,
        world: &World,
        rules: &RuleSet,
        mut take: impl FnMut(&Municipality<'_>, &CaseFile, CaseRun, Stretch),
    ) -> Result<(), Failed> {
        let bar = progress_bar(world.municipalities.iter().map(|facts| facts.cases.len()).sum());
        for facts in &world.municipalities {
            let tenant = &facts.organisation.tenant.id;
            let municipality = Municipality::new(rules, &facts.organisation)
                .map_err(|text| Failed::with(CONFIGURATION, format!("tenant {tenant}: {text}")))?;
            let stretch = Stretch::of_days(&municipality, self.from, self.to);
            for case in &facts.cases {
                take(&municipality, case, run_case(&municipality, case, facts.first_recorded_at, stretch), stretch);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// Drawn on stderr where that is a terminal, and only where there is much to do.
fn progress_bar(cases: usize) -> ProgressBar {
    const MANY: usize = 200;
    if cases < MANY {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX));
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} cases, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
