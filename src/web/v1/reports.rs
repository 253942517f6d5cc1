//! `GET /v1/reports/deviations`: the report, as `report deviations` makes it. It is made into a file without a name and sent
//! from there, so a large report or a slow reader costs a file and no memory.

use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use crate::config::Scope;
use crate::daemon::Daemon;
use crate::language::Language;
use crate::report::{Format, Listed, Period, Report, ReportError, Request, Table};
use crate::rules::{Force, RuleKind};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{OwnPolicy, Refusal};
use crate::web::openapi::{Answer, Operation};

/// What a browser may do with the page: show it. It is made without scripts, and brings its style along.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

/// How many reports are made at once, so that the daemon and the other pages find a connection free.
const AT_ONCE: usize = 1;

/// What may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    /// Only of this municipality; of all that the token opens unless said.
    #[serde(default)]
    tenant: Option<String>,
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
    format: Form,
    /// What a CSV file holds; `lines` unless said.
    #[serde(default)]
    table: Rows,
    /// Hide numbers under 5 and what would give them away, and list no deviation.
    #[serde(default)]
    hide_small: bool,
    /// With address-protected cases, which only the coordinator may see. Needs the scope `protected`, too.
    #[serde(default)]
    protected: bool,
}

/// What to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ReportFormat")]
enum Form {
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
enum Rows {
    #[default]
    Lines,
    Figures,
}

/// A report as JSON. A figure is a number, `null` where there is nothing to count, or `"hidden"` where it is withheld.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
struct Document {
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
struct Days {
    from: NaiveDate,
    to: NaiveDate,
}

const BUSY: Refusal = Refusal::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_reports",
    "another report is being made",
    "ask for one after the other, or try again in a few seconds",
)
.retry_after(5);

const NO_ROOM: Refusal = Refusal::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "disk_unavailable",
    "the report cannot be kept: the disk cannot be written, or is full",
    "run `fristvakt doctor` on the machine",
)
.retry_after(60);

/// Whose turn it is to make a report.
#[derive(Debug)]
pub(in crate::web) struct Reports(Arc<Semaphore>);

impl Default for Reports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

pub(in crate::web) fn describe() -> Operation {
    let media = [Form::Html, Form::Xlsx, Form::Csv].map(Form::bare_media);
    Operation::get("The report of deviations (avvik)")
        .says(
            "As `fristvakt report deviations` makes it: of whole days, of the municipalities that the token opens. \
             Address-protected cases are left out unless `protected` asks for them, for which the token needs the scope \
             `protected`, too.",
        )
        .query::<Asking>()
        .answers([
            Answer::json::<Document>("The report, in the form that was asked for.").or_texts(media),
            Answer::problem(400, "The query is not understood, or a name in it says several things."),
            Answer::problem(403, "The token opens something else, or other municipalities, or no protected cases."),
            Answer::problem(404, "There is no such municipality, unit or rule."),
            Answer::problem(429, "Another report is being made."),
            Answer::problem(503, "The database does not answer, or the disk is full."),
        ])
}

pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let asking: Asking = serde_html_form::from_str(uri.query().unwrap_or_default())
        .map_err(|error| Refusal::query(error.to_string()))?;
    if asking.protected && !caller.opens(Scope::Protected) {
        return Err(Refusal::scope(Scope::Protected));
    }
    let within = caller.asked(asking.tenant.as_deref())?;
    let request = asking.request(within)?;
    let turn = Arc::clone(&site.reports.0).try_acquire_owned().map_err(|_| BUSY)?;
    let (daemon, form) = (Arc::clone(&site.daemon), asking.form());
    let made = site.finish(async move {
        let _turn = turn;
        make(&daemon, request, form).await
    });
    let (file, length) = made.await?;
    let mut response =
        Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 64 * 1024)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asking.format.media()));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CONTENT_DISPOSITION, asking.disposition());
    if asking.format == Form::Html {
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        response.extensions_mut().insert(OwnPolicy);
    }
    Ok(response)
}

/// Makes a report, into a file: from its beginning, and how many bytes it has.
async fn make(daemon: &Daemon, request: Request, form: Format) -> Result<(File, u64), Refusal> {
    let (rules, now) = (daemon.rules(), daemon.clock.now());
    let folder = daemon.journal_folder().to_owned();
    let request = Request { folder: Some(folder.clone()), ..request };
    let mut report = Report::read(&daemon.store, &rules.set, &request, now, |_| {}).await?;
    let written = tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::new(tempfile::tempfile_in(&folder)?);
        report.write(form, &mut out)?;
        out.flush()?;
        let mut file = out.into_inner().map_err(IntoInnerError::into_error)?;
        let length = file.stream_position()?;
        file.rewind()?;
        Ok::<_, ReportError>((file, length))
    });
    Ok(written.await.unwrap_or_else(|_| Err(std::io::Error::other("it ended in a panic").into()))?)
}

impl From<ReportError> for Refusal {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Unknown(text) => Self::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "",
                "ask without it to see which units and rules there are",
            )
            .detail(text),
            ReportError::Ambiguous(text) => Self::query(text),
            ReportError::Store(error) => error.into(),
            error @ (ReportError::Io(_) | ReportError::Workbook(_)) => {
                tracing::error!(%error, "a report cannot be kept");
                NO_ROOM
            }
        }
    }
}

impl Asking {
    fn request(&self, within: Option<Vec<String>>) -> Result<Request, Refusal> {
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

    fn form(&self) -> Format {
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
    fn disposition(&self) -> HeaderValue {
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
    fn media(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv | Self::CsvRfc4180 => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn bare_media(self) -> &'static str {
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
