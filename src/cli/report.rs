//! `fristvakt report`

use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDate};
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::explain::Spoken;
use super::store::with_store;
use super::{ConfigArgument, FAILED, Failed, RulesArgument, USAGE};
use crate::clock::Clock;
use crate::report::{Format, Listed, Period, Report as Made, ReportError, Request, Table};
use crate::rules::{Force, RuleKind};
use crate::store::Access;

/// Arguments of `report`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Report {
    /// Report the deviations (avvik) of a period, how many deadlines were kept, and where it takes long.
    Deviations(Box<Deviations>),
}

/// Arguments of `report deviations`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A report names no person. What it counts, and how, stands at its end.\n\n\
    A report that leaves the line (to a council, to the press, to another authority) should be made with --hide-small: it \
    hides every number under 5, and what would give one away, and lists no deviation. Hiding holds for one report of everything. Together with --unit, \
    --rule, --kind or --level it does not: who has two such reports that overlap can subtract one from the other and find what \
    both hide. Give away only one.\n\nAddress-protected cases are for the coordinator alone, and left out but with \
    --with-protected.\n\n\
    Examples:\n  fristvakt report deviations --from 2026-01-01 --to 2026-03-31 --format html --output avvik.html\n  \
    fristvakt report deviations --from 2026-03-01 --to 2026-03-31 --unit skole-1 --format xlsx --output avvik.xlsx\n  \
    fristvakt report deviations --from 2026-01-01 --to 2026-06-30 --hide-small --format html --output til-utvalget.html\n  \
    fristvakt report deviations --from 2026-01-01 --to 2026-03-31 --open --format csv > apne.csv")]
pub(super) struct Deviations {
    /// First day of the period.
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// Last day of the period.
    #[arg(long, value_name = "DATE")]
    to: NaiveDate,
    /// Only of this municipality.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Only of this unit and those below it; of several where it is given several times.
    #[arg(long = "unit", value_name = "ID")]
    units: Vec<String>,
    /// Only of this rule: its full name, or its id or code where only one rule has it.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only of rules of this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(RuleKind::WORDS.map(|(word, _)| word)))]
    kind: Option<String>,
    /// Only of rules that say must (skal) or should (bør).
    #[arg(long, value_parser = PossibleValuesParser::new(Force::WORDS.map(|(word, _)| word)))]
    level: Option<String>,
    /// List only deviations that were open at the end of the period. Figures count all of them all the same.
    #[arg(long)]
    open: bool,
    /// List only deviations that were closed in the period. Figures count all of them all the same.
    #[arg(long, conflicts_with = "open")]
    closed: bool,
    /// What to make.
    #[arg(long, value_enum, default_value_t = Form::Html)]
    format: Form,
    /// What a CSV file holds: a row each deviation, or a row each unit, rule, kind and level.
    #[arg(long, value_enum, default_value_t = Rows::Lines)]
    table: Rows,
    /// The language; the municipality's unless said, bokmål where there are several.
    #[arg(long, value_enum)]
    language: Option<Spoken>,
    /// Where to write it, readable by you alone; to stdout unless said.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Hide numbers under 5 and what would give them away, and list no deviation.
    #[arg(long)]
    hide_small: bool,
    /// With address-protected cases, which only the coordinator may see. Left out unless said, and with --hide-small.
    #[arg(long, conflicts_with = "hide_small")]
    with_protected: bool,
    /// The moment as of which days late are counted, RFC 3339; now unless said.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    config: ConfigArgument,
}

/// The form of a report, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One page with pictures and tables, for people.
    Html,
    /// A table for spreadsheets: `;`, decimal comma, UTF-8 with BOM.
    Csv,
    /// A table for programs: RFC 4180.
    CsvRfc4180,
    /// A workbook with dates, numbers and filters.
    Xlsx,
    /// One object, for programs.
    Json,
}

/// What a CSV file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Deviations.
    Lines,
    /// Figures.
    Figures,
}

impl From<ReportError> for Failed {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Unknown(_) | ReportError::Ambiguous(_) => Self::with(USAGE, error),
            ReportError::Store(error) => error.into(),
            ReportError::Io(error) => error.into(),
            ReportError::Workbook(_) => Self::with(FAILED, error),
        }
    }
}

impl Report {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self::Deviations(asked) = self;
        asked.run()
    }
}

impl Deviations {
    fn run(self) -> Result<(), Failed> {
        let request = self.request()?;
        if self.output.is_none() && self.format == Form::Xlsx && std::io::stdout().is_terminal() {
            return Err(Failed::with(USAGE, "a workbook is no text; say where to write it with --output FILE"));
        }
        let now = self.now.map_or_else(|| Clock::System.now(), |now| now.to_utc());
        let progress = progress();
        let mut report = with_store(&self.config, Access::Read, async |store, config| {
            let rules = self.rules.load_with(store, config).await?;
            let read = Made::read(store, &rules, &request, now, |seen| progress.set_position(seen));
            Ok(read.await?)
        })?;
        progress.finish_and_clear();
        self.warn(&request, &report)?;
        self.write(&mut report)
    }

    fn request(&self) -> Result<Request, Failed> {
        let period = Period::new(self.from, self.to).map_err(|text| Failed::with(USAGE, text))?;
        Ok(Request {
            tenant: self.tenant.clone(),
            units: self.units.clone(),
            rule: self.rule.clone(),
            kind: self.kind.as_deref().and_then(RuleKind::parse),
            level: self.level.as_deref().and_then(Force::parse),
            listed: match (self.open, self.closed) {
                (true, _) => Listed::Open,
                (_, true) => Listed::Closed,
                _ => Listed::All,
            },
            language: self.language.map(Spoken::language),
            hide_small: self.hide_small,
            protected: self.with_protected,
            ..Request::of(period)
        })
    }

    /// Says what whoever made the report should know, and no reader of it.
    fn warn(&self, request: &Request, report: &Made) -> Result<(), Failed> {
        let mut out = std::io::stderr().lock();
        if self.hide_small && request.is_narrowed() {
            writeln!(
                out,
                "warning: who also has a report about everything, or about another selection, can subtract one from the other \
                 and find what this one hides; give away only one of them"
            )?;
        }
        match report.left_out() {
            0 => {}
            1 => writeln!(
                out,
                "1 deviation of an address-protected case is left out; --with-protected is for the coordinator"
            )?,
            left => writeln!(
                out,
                "{left} deviations of address-protected cases are left out; --with-protected is for the coordinator"
            )?,
        }
        Ok(())
    }

    fn write(&self, report: &mut Made) -> Result<(), Failed> {
        let table = match self.table {
            Rows::Lines => Table::Lines,
            Rows::Figures => Table::Figures,
        };
        let format = match self.format {
            Form::Html => Format::Html,
            Form::Csv => Format::Csv(table),
            Form::CsvRfc4180 => Format::CsvRfc4180(table),
            Form::Xlsx => Format::Xlsx,
            Form::Json => Format::Json,
        };
        let Some(path) = &self.output else {
            let mut out = BufWriter::new(std::io::stdout().lock());
            report.write(format, &mut out)?;
            return Ok(out.flush()?);
        };
        crate::report::save(report, format, path)
            .map_err(|error| Failed::with(FAILED, format!("{}: {error}", path.display())))?;
        let (path, lines) = (path.display(), report.lines());
        writeln!(std::io::stderr().lock(), "{path}: {lines} deviations listed")?;
        Ok(())
    }
}

/// On stderr, and only where that is a terminal.
fn progress() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message("deviations read")
}
