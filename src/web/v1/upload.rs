//! The body of a request with facts on its way in: into a file without a name, within limits, before the store hears of
//! it. So a slow client holds a place and a file, and neither memory nor the store.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::config::UploadSettings;
use crate::daemon::Daemon;
use crate::web::answer::Refusal;

/// What lines of JSON are called.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// Where bodies come in, and how many at once.
#[derive(Debug)]
pub(in crate::web) struct Uploads {
    pub(super) limits: UploadSettings,
    /// On the disk of the store; what lies in `/tmp` may lie in memory.
    folder: PathBuf,
    places: Arc<Semaphore>,
    /// One at a time is read into memory and written: there is one writer.
    pub(super) turn: Semaphore,
}

/// A body that has arrived as a whole, from its beginning. It keeps its place until it is dropped.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) file: File,
    pub(super) place: OwnedSemaphorePermit,
}

const BUSY: Refusal = Refusal::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_uploads",
    "as many requests with facts are under way as are taken at once",
    "send one after the other, or try again in a few seconds; `http.upload.at_once` says how many are taken",
)
.retry_after(5)
.closing();

const NO_ROOM: Refusal = Refusal::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "disk_unavailable",
    "the body cannot be kept: the disk cannot be written, or is full",
    "run `fristvakt doctor` on the machine; nothing was taken, so send it again then",
)
.retry_after(60)
.closing();

const MEDIA: Refusal = Refusal::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "media_type_wrong",
    "facts are lines of JSON in UTF-8, neither packed nor wrapped",
    "send `Content-Type: application/x-ndjson`, and no `Content-Encoding`",
)
.closing();

const CUT: Refusal = Refusal::new(
    StatusCode::BAD_REQUEST,
    "body_broken",
    "the body ended before it was whole; nothing of it was taken",
    "send it again: what was taken before changes nothing",
)
.closing();

impl Uploads {
    pub(in crate::web) fn new(limits: &UploadSettings, daemon: &Daemon) -> Self {
        Self {
            limits: limits.clone(),
            folder: daemon.journal_folder().to_owned(),
            places: Arc::new(Semaphore::new(limits.at_once)),
            turn: Semaphore::new(1),
        }
    }

    /// Takes a body in, if it may come.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Arrived, Refusal> {
        if !is_ndjson(headers) {
            return Err(MEDIA);
        }
        let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if said.is_some_and(|length| length > self.limits.bytes) {
            return Err(self.too_large());
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| BUSY)?;
        let file = tempfile::tempfile_in(&self.folder).map_err(|error| no_room(&error))?;
        let mut spool = tokio::fs::File::from_std(file);
        self.spool(body, &mut spool).await?;
        let mut file = spool.into_std().await;
        file.seek(SeekFrom::Start(0)).map_err(|error| no_room(&error))?;
        Ok(Arrived { file, place })
    }

    async fn spool(&self, mut body: Body, spool: &mut tokio::fs::File) -> Result<(), Refusal> {
        let until = Instant::now() + Duration::from_secs(self.limits.seconds);
        let (mut bytes, mut lines) = (0_u64, 0_usize);
        while let Some(data) = self.next(&mut body, until).await? {
            bytes = bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            lines += data.iter().filter(|byte| **byte == b'\n').count();
            if bytes > self.limits.bytes {
                return Err(self.too_large());
            }
            if lines > self.limits.lines {
                return Err(self.too_many_lines());
            }
            spool.write_all(&data).await.map_err(|error| no_room(&error))?;
        }
        spool.flush().await.map_err(|error| no_room(&error))
    }

    /// The next piece of a body; `None` after the last one.
    async fn next(&self, body: &mut Body, until: Instant) -> Result<Option<Bytes>, Refusal> {
        let idle = Duration::from_secs(self.limits.idle_seconds);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match timeout(idle.min(left), body.frame()).await {
                Err(_) => return Err(self.too_slow()),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(CUT),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    fn too_large(&self) -> Refusal {
        let refusal = Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "",
            "send it in parts, each case with its events in one; or let `http.upload.bytes` be larger, or use `fristvakt import`",
        );
        refusal.detail(format!("the body is larger than {} bytes", self.limits.bytes)).closing()
    }

    fn too_many_lines(&self) -> Refusal {
        let refusal = Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_many_lines",
            "",
            "send them in parts, each case with its events in one; or let `http.upload.lines` be more, or use `fristvakt import`",
        );
        refusal.detail(format!("the body has more than {} lines", self.limits.lines)).closing()
    }

    fn too_slow(&self) -> Refusal {
        let UploadSettings { seconds, idle_seconds, .. } = self.limits;
        let refusal = Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "",
            "send it again, in smaller parts where the line is slow: what was taken before changes nothing",
        );
        let detail = format!("nothing came for {idle_seconds} seconds, or the body was not whole after {seconds}");
        refusal.detail(detail).closing()
    }
}

fn no_room(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "a body cannot be kept");
    NO_ROOM
}

/// Whether the headers promise lines of JSON as they are.
fn is_ndjson(headers: &HeaderMap) -> bool {
    let says = |name| headers.get(name).map(|value| value.to_str().unwrap_or("no text").trim().to_ascii_lowercase());
    let plain = says(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let Some(content_type) = says(CONTENT_TYPE).filter(|_| plain) else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let charsets = |part: &str| part.strip_prefix("charset=").is_none_or(|set| set.trim_matches('"') == "utf-8");
    [NDJSON, "application/ndjson", "application/jsonl"].contains(&media) && parts.all(charsets)
}
