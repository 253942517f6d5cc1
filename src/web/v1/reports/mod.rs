//! `GET /v1/reports/deviations`: the report, as `report deviations` makes it. It is made into a file without a name and sent
//! from there, so a large report or a slow reader costs a file and no memory.

mod asking;

use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Seek, Write};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use crate::config::Scope;
use crate::daemon::Daemon;
use crate::report::{Format, Report, ReportError, Request};
use crate::web::Site;
use crate::web::access::Caller;
use crate::web::answer::{OwnPolicy, Refusal};
use crate::web::openapi::{Answer, Operation};

use asking::{Asking, Document, Form};

/// What a browser may do with the page: show it. It is made without scripts, and brings its style along.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

/// How many reports are made at once, so that the daemon and the other pages find a connection free.
const AT_ONCE: usize = 1;

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
