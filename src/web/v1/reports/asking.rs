//! What may be asked of the report, and what its JSON is called.

use axum::http::HeaderValue;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::language::Language;
use crate::report::{Format, Listed, Period, Request, Table};
use crate::rules::{Force, RuleKind};
use crate::web::answer::Refusal;

/// What may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    /// Only of this municipality; of all that the token opens unless said.
    #[serde(default)]
    pub(super) tenant: Option<String>,
    /// First day of the period, as the municipality counts days.
    from: NaiveDate,
    /// Last day of the period.
    to: NaiveDate,
    /// Only of this unit and those below it; of several where it stands several times.
    #[serde(default)]
    unit: Vec<String>,
    /// Only of this rule: its full name, or its id or code where only one rule has it.
    #[serde(default)]
    rule: Option<String>,
    /// Only of rules of this kind: decision, conversation, meeting, evaluation, consent, handover or duty.
    #[serde(default)]
    kind: Option<String>,
    /// Only of rules that say must or should.
    #[serde(default)]
    level: Option<String>,
    /// List only deviations that were open at the end of the period. Figures count all of them all the same.
    #[serde(default)]
    open: bool,
    /// List only deviations that were closed in the period.
    #[serde(default)]
    closed: bool,
    /// The language; the municipality's unless said, bokmål where there are several.
    #[serde(default)]
    language: Option<Language>,
    /// What to make; `html` unless said.
    #[serde(default)]
    pub(super) format: Form,
    /// What a CSV file holds; `lines` unless said.
    #[serde(default)]
    table: Rows,
    /// Hide numbers under 5 and what would give them away, and list no deviation.
    #[serde(default)]
    hide_small: bool,
    /// With address-protected cases, which only the coordinator may see. Needs the scope `protected`, too.
    #[serde(default)]
    pub(super) protected: bool,
}

/// What to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReportFormat")]
pub(super) enum Form {
    /// One page that loads nothing.
    #[default]
    Html,
    /// A workbook.
    Xlsx,
    /// For spreadsheets: `;`, decimal comma, UTF-8 with BOM.
    Csv,
    /// For programs: RFC 4180.
    CsvRfc4180,
    /// One object.
    Json,
}

/// What a CSV file holds: a row each deviation, or a row each unit, rule, kind and level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReportTable")]
pub(super) enum Rows {
    #[default]
    Lines,
    Figures,
}

/// A report as JSON. A figure is a number, `null` where there is nothing to count, or `"hidden"` where it is withheld.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub(super) struct Document {
    /// What it reports: `deviations`.
    report: String,
    /// Grows with every change after which an older reader would read something wrong.
    version: u32,
    /// The municipality, municipalities or units.
    of: String,
    /// The language of its texts.
    language: Language,
    /// When it was made, UTC.
    made_at: String,
    /// The period.
    period: Days,
    /// Whether the period is over; if not, nothing is compared.
    is_over: bool,
    /// The period that it is compared with.
    period_before: Option<Days>,
    /// The day to which what is not over is counted as late.
    reckoned_on: NaiveDate,
    /// What it is only about, in words.
    only: Vec<String>,
    /// Numbers under this are hidden; null: none are.
    hidden_under: Option<u64>,
    /// Whether address-protected cases are among it.
    protected_cases: bool,
    /// How many records of the register cannot be read and are not counted.
    unreadable_records: u64,
    /// What happened, in one sentence.
    summary: String,
    /// What the figures mean: `word`, `text`.
    definitions: Vec<Map<String, Value>>,
    /// The figures: of the whole (`total`), and of units, rules, kinds, levels, weeks and ages.
    figures: Map<String, Value>,
    /// The deviations, open ones first, each with how its date was counted.
    lines: Vec<Map<String, Value>>,
}

/// Whole days, both ends included.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReportPeriod")]
pub(super) struct Days {
    from: NaiveDate,
    to: NaiveDate,
}

impl Asking {
    pub(super) fn request(&self, within: Option<Vec<String>>) -> Result<Request, Refusal> {
        let period = Period::new(self.from, self.to).map_err(Refusal::query)?;
        let listed = match (self.open, self.closed) {
            (true, true) => return Err(Refusal::query("open, closed: ask for one of them, or for neither to get all")),
            (true, false) => Listed::Open,
            (false, true) => Listed::Closed,
            (false, false) => Listed::All,
        };
        let word = |name: &str, known: &[&str]| Refusal::query(format!("{name}: choose {}", known.join(", ")));
        let kinds = RuleKind::WORDS.map(|(word, _)| word);
        let levels = Force::WORDS.map(|(word, _)| word);
        let kind = self.kind.as_deref().map(|kind| RuleKind::parse(kind).ok_or_else(|| word("kind", &kinds)));
        let level = self.level.as_deref().map(|level| Force::parse(level).ok_or_else(|| word("level", &levels)));
        Ok(Request {
            tenant: self.tenant.clone(),
            within,
            units: self.unit.clone(),
            rule: self.rule.clone(),
            kind: kind.transpose()?,
            level: level.transpose()?,
            listed,
            language: self.language,
            hide_small: self.hide_small,
            protected: self.protected,
            ..Request::of(period)
        })
    }

    pub(super) fn form(&self) -> Format {
        let table = match self.table {
            Rows::Lines => Table::Lines,
            Rows::Figures => Table::Figures,
        };
        match self.format {
            Form::Html => Format::Html,
            Form::Xlsx => Format::Xlsx,
            Form::Csv => Format::Csv(table),
            Form::CsvRfc4180 => Format::CsvRfc4180(table),
            Form::Json => Format::Json,
        }
    }

    /// What a browser calls the file: the page is shown, the others are kept.
    pub(super) fn disposition(&self) -> HeaderValue {
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let tenant =
            self.tenant.iter().map(|tenant| tenant.replace(|char| !plain(char), "_") + "-").collect::<String>();
        let how = if self.format == Form::Html { "inline" } else { "attachment" };
        let (from, to, ending) = (self.from, self.to, self.format.ending());
        let text = format!("{how}; filename=\"avvik-{tenant}{from}-{to}.{ending}\"");
        // Letters, digits and dates.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
    }
}

impl Form {
    pub(super) fn media(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv | Self::CsvRfc4180 => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    pub(super) fn bare_media(self) -> &'static str {
        self.media().split(';').next().unwrap_or_default()
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Xlsx => "xlsx",
            Self::Csv | Self::CsvRfc4180 => "csv",
            Self::Json => "json",
        }
    }
}
