//! `fristvakt check`

use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Value as Json, json};

use super::test::unreadable as unreadable_tests;
use super::{CONFIGURATION, FAILED, Failed, Format, is_coloured, open, rules_folder};
use crate::calendar::{Instant, civil_date, end_of_day};
use crate::case::nearest;
use crate::clock::Clock;
use crate::delivery::message::Templates;
use crate::facts::{FactError, World};
use crate::folder::{FolderError, RulesFolder};
use crate::lint::{lint, lint_facts};
use crate::rule_tests;
use crate::rules::diagnostics::{Finding, Report};
use crate::rules::{Code, RuleSet};

/// Exit code: the arguments make no sense.
const USAGE: u8 = 2;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 no errors · 1 warnings, with --strict · 78 errors\n\nExamples:\n  \
    fristvakt check rules/\n  \
    fristvakt check rules/ --facts facts.ndjson --strict\n  \
    fristvakt check --explain L201")]
pub(super) struct Check {
    /// Rules folder; without it, that of the configuration, else the shipped rules.
    #[arg(value_name = "RULES")]
    folder: Option<PathBuf>,
    /// Facts, NDJSON: what the rules wait for and the facts never say, and roles that reach nobody.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// How to print findings; json: one a line, on stdout.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// The day for which dates are judged; today unless said.
    #[arg(long, value_name = "DATE")]
    today: Option<NaiveDate>,
    /// What a code means, with an example and how to mend it.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["folder", "facts", "list_codes"])]
    explain: Option<String>,
    /// Every code with its meaning in a line.
    #[arg(long, conflicts_with_all = ["folder", "facts"])]
    list_codes: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        match &self.explain {
            Some(word) => explain(word),
            None if self.list_codes => list_codes(self.format),
            None => self.check(),
        }
    }

    fn check(&self) -> Result<(), Failed> {
        let folder = open(rules_folder(self.folder.as_deref()).as_deref())?;
        let (rules, report) = match folder.load() {
            Ok(loaded) => loaded,
            Err(FolderError::Invalid(report)) => return self.invalid(&report),
            Err(other) => return Err(Failed::with(CONFIGURATION, other)),
        };
        let report = self.lint(&folder, &rules, report)?;
        self.print(&report)?;
        beside_the_rules(&folder, &rules)?;
        if self.format == Format::Table {
            summarise(&rules, &report)?;
        }
        if self.strict && report.warnings() > 0 {
            return Err(Failed::with(FAILED, format!("{} warning(s), and --strict", report.warnings())));
        }
        Ok(())
    }

    fn lint(&self, folder: &RulesFolder, rules: &RuleSet, report: Report) -> Result<Report, Failed> {
        let now = self.now();
        let written = folder.written();
        let report = report.with(lint(rules, &written, civil_date(Tz::Europe__Oslo, now)));
        let Some(path) = &self.facts else { return Ok(report) };
        let file = std::fs::File::open(path)
            .map_err(|error| Failed::with(FAILED, format!("cannot read {}: {error}", path.display())))?;
        let world = World::load(BufReader::new(file), rules).map_err(|errors| self.unreadable(path, &errors))?;
        Ok(report.with(lint_facts(rules, &written, &world, now)))
    }

    /// The last instant of the day that is judged, or now.
    fn now(&self) -> Instant {
        let last_of = |date| end_of_day(Tz::Europe__Oslo, date) - chrono::TimeDelta::nanoseconds(1);
        self.today.map_or_else(|| Clock::System.now(), last_of)
    }

    fn invalid(&self, report: &Report) -> Result<(), Failed> {
        self.print(report)?;
        Err(Failed::with(CONFIGURATION, format!("the rules hold {} error(s); nothing was loaded", report.errors())))
    }

    fn unreadable(&self, path: &Path, errors: &[FactError]) -> Failed {
        let mut text = format!("{} holds {} error(s); nothing was checked against it", path.display(), errors.len());
        for error in errors {
            match self.format {
                Format::Table => text.push_str(&format!("\n{} {error}", Code::FactsUnreadable)),
                Format::Json => drop(writeln!(std::io::stdout().lock(), "{}", fact_error(path, error))),
            }
        }
        Failed::with(CONFIGURATION, text)
    }

    fn print(&self, report: &Report) -> Result<(), Failed> {
        match self.format {
            Format::Table => write!(std::io::stderr().lock(), "{}", report.render(is_coloured()))?,
            Format::Json => {
                let mut out = std::io::stdout().lock();
                for finding in &report.findings {
                    writeln!(out, "{}", line(report, finding))?;
                }
            }
        }
        Ok(())
    }
}

/// What else stands in the folder: message templates, tried on a sample, and rule tests, read but not run.
fn beside_the_rules(folder: &RulesFolder, rules: &RuleSet) -> Result<(), Failed> {
    let (templates, mut problems) = Templates::new(&rules.templates);
    problems.extend(templates.check());
    problems.dedup();
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let text = format!("{} message template(s) cannot be used as they are", lines.len());
        return Err(Failed::with(CONFIGURATION, format!("{text}\n{}", lines.join("\n"))));
    }
    rule_tests::check(&folder.files, |path| folder.below(path)).map_err(|report| unreadable_tests(&report))
}

fn summarise(rules: &RuleSet, report: &Report) -> Result<(), Failed> {
    let (packs, count, calendars) = (rules.packs.len(), rules.rules.len(), rules.calendars.len());
    writeln!(
        std::io::stdout().lock(),
        "{packs} pack(s), {count} rules, {calendars} calendar(s): 0 errors, {} warning(s), {} note(s)",
        report.warnings(),
        report.notes()
    )?;
    if !report.findings.is_empty() {
        writeln!(std::io::stderr().lock(), "`fristvakt check --explain CODE` says more about each")?;
    }
    Ok(())
}

/// One finding as a line of JSON. What is about facts has no file and line.
fn line(report: &Report, finding: &Finding) -> Json {
    let place = finding.span.as_ref().map(|span| (report.files.place(span).file, report.files.position(span)));
    json!({
        "code": finding.code.word(), "severity": finding.severity().word(),
        "file": place.as_ref().map(|(file, _)| &**file), "line": place.as_ref().map(|(_, (line, _))| line),
        "column": place.as_ref().map(|(_, (_, column))| column), "message": finding.message, "help": finding.help,
    })
}

fn fact_error(path: &Path, error: &FactError) -> Json {
    let code = Code::FactsUnreadable;
    json!({
        "code": code.word(), "severity": code.severity().word(), "file": path.display().to_string(),
        "line": error.line, "column": null, "message": error.to_string(), "help": null,
    })
}

fn explain(word: &str) -> Result<(), Failed> {
    let Some(code) = Code::parse(word) else {
        let near = nearest(&word.to_uppercase(), Code::ALL.iter().map(|code| code.word()));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Failed::with(USAGE, format!("there is no code `{word}`{hint} (`--list-codes` shows all)")));
    };
    let (severity, title) = (code.severity().word(), code.title());
    writeln!(std::io::stdout().lock(), "{code} ({severity}): {title}\n\n{}", code.explanation())?;
    Ok(())
}

fn list_codes(format: Format) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for code in Code::ALL {
        let (word, severity, title) = (code.word(), code.severity().word(), code.title());
        match format {
            Format::Table => writeln!(out, "{word}  {severity:<7}  {title}")?,
            Format::Json => writeln!(out, "{}", json!({ "code": word, "severity": severity, "title": title }))?,
        }
    }
    Ok(())
}
