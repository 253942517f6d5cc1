//! `fristvakt simulate`

mod compare;
mod cores;
mod print;
mod source;
mod summary;

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use chrono::NaiveDate;

use self::summary::Summary;
use super::store::with_store;
use super::table::Look;
use super::{ConfigArgument, Failed, Format, RulesArgument, USAGE, load, open};
use crate::rules::RuleSet;
use crate::simulate::{Line, sort};
use crate::store::Access;

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Starts with nothing sent and nothing silenced, and changes nothing. The table shows every notice, \
                        then who would have heard how much on which day, and what each rule does.\n\n\
                        Examples:\n  fristvakt simulate --facts facts.ndjson --from 2026-01-01 --to 2026-06-30\n  \
                        fristvakt simulate --facts facts.ndjson --rules rules --from 2026-01-01 --to 2026-06-30 | less\n  \
                        fristvakt simulate --facts facts.ndjson --from 2026-01-01 --to 2026-06-30 --format json > run.ndjson\n  \
                        fristvakt simulate --store --from 2026-01-01 --to 2026-06-30 --compare my-rules"
)]
pub(super) struct Simulate {
    /// Facts, NDJSON; no database is needed.
    #[arg(long, value_name = "FILE", required_unless_present = "store", conflicts_with_all = ["store", "config", "database"])]
    facts: Option<PathBuf>,
    /// The facts in the database instead; with the configuration's rules unless --rules says otherwise.
    #[arg(long)]
    store: bool,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
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

/// One run with one set of rules.
struct Pass {
    rules: RuleSet,
    kept: Kept,
}

/// What is kept of a run; the cases themselves never are.
enum Kept {
    Lines(Vec<Line>),
    Summary(Box<Summary>),
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failed> {
        if self.from > self.to {
            let text = format!("--from {} comes after --to {}; swap them", self.from, self.to);
            return Err(Failed::with(USAGE, text));
        }
        let passes = match &self.facts {
            Some(path) => {
                let mut passes = self.passes(self.rules.load()?)?;
                self.over_facts(path, &mut passes)?;
                passes
            }
            None => with_store(&self.config, Access::Read, async |store, config| {
                let mut passes = self.passes(self.rules.load_with(store, config).await?)?;
                self.over_store(store, &mut passes).await?;
                Ok(passes)
            })?,
        };
        self.print(passes)
    }

    /// One pass, or two that are to be compared.
    fn passes(&self, rules: RuleSet) -> Result<Vec<Pass>, Failed> {
        let is_table = self.format == Format::Table && self.compare.is_none();
        let summary = || Kept::Summary(Box::new(Summary::new(self.from, self.to)));
        let mut passes = vec![Pass { rules, kept: if is_table { summary() } else { Kept::Lines(vec![]) } }];
        if let Some(folder) = &self.compare {
            passes.push(Pass { rules: load(&open(Some(folder))?)?.0, kept: Kept::Lines(vec![]) });
        }
        Ok(passes)
    }

    fn print(&self, passes: Vec<Pass>) -> Result<(), Failed> {
        let (look, mut out) = (Look::of_stdout(), BufWriter::new(std::io::stdout().lock()));
        let mut runs = vec![];
        for Pass { rules, kept } in passes {
            match kept {
                Kept::Lines(mut lines) => {
                    sort(&mut lines);
                    runs.push(lines);
                }
                Kept::Summary(mut summary) => {
                    summary.finish();
                    print::all(&summary, &rules, look, &mut out)?;
                }
            }
        }
        match (&runs[..], self.format) {
            ([before, after], Format::Json) => compare::json(before, after, &mut out)?,
            ([before, after], Format::Table) => compare::table(before, after, look, &mut out)?,
            (runs, _) => {
                for line in runs.iter().flatten() {
                    writeln!(out, "{}", line.json())?;
                }
            }
        }
        out.flush()?;
        Ok(())
    }
}
