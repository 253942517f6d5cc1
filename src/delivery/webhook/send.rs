//! A webhook: one signed request, and what its answer means.

use std::error::Error as _;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use rustls::ClientConfig;
use tokio::time::timeout;
use uuid::Uuid;

use super::address::{HiddenUrl, TOTAL};
use super::guard::{Guard, RefusedAddress};
use super::payload::{WebhookEvent, WebhookKind, test_event};
use super::report::ReportReady;
use super::settings::{Format, WebhookSettings};
use super::signature::{SigningSecret, signature_header};
use super::{slack, teams};
use crate::calendar::Instant;
use crate::delivery::setting::{SettingError, SettingWarning};
use crate::delivery::{Accepted, Failure, FailureClass, retry, tls};
use crate::notice::{Purpose, Role};

/// How much of an answer is read, so that the connection can be used again.
const BODY_CAP: u64 = 64 * 1024;
/// How long an answer is read that says nothing more than its status already did.
const DRAIN: Duration = Duration::from_secs(2);

/// A receiver of webhooks: settings, checked, with their secrets and connections.
#[derive(Clone)]
pub struct Webhook {
    /// What logs and pages call it.
    pub name: String,
    /// How many requests a minute at the most.
    pub per_minute: Option<NonZeroU32>,
    pub(super) url: HiddenUrl,
    pub(super) guard: Guard,
    pub(super) tls: Arc<ClientConfig>,
    secrets: Vec<SigningSecret>,
    tenants: Option<Vec<String>>,
    kinds: Vec<WebhookKind>,
    roles: Option<Vec<Role>>,
    format: Format,
    client: Client,
}

/// Hides the address but for its host, and the secrets.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("secrets", &self.secrets.len())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl WebhookSettings {
    /// Checks the settings and reads the secrets and certificates.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(&self) -> Result<(Webhook, Vec<SettingWarning>), SettingError> {
        let mut warnings = vec![];
        let name = self.checked_name()?;
        let url = self.endpoint(&mut warnings)?;
        let tls = tls::client_config(&self.key("ca_file"), self.ca_file.as_deref())?;
        let webhook = Webhook {
            name,
            // Chats take about one post a second, and are read by people.
            per_minute: self.per_minute.or_else(|| NonZeroU32::new(60).filter(|_| self.format.is_chat())),
            client: self.client(&url.0, tls.clone())?,
            tls: Arc::new(tls),
            guard: self.reach().guard(&url.0),
            url,
            secrets: self.secrets(&mut warnings)?,
            tenants: self.checked_list("tenants", self.tenants.as_deref())?.map(<[String]>::to_vec),
            kinds: self.checked_kinds()?,
            roles: self.checked_roles()?,
            format: self.format,
        };
        Ok((webhook, warnings))
    }

    fn client(&self, url: &Url, tls: ClientConfig) -> Result<Client, SettingError> {
        let client = self.reach().client(url, tls);
        client.map_err(|_| SettingError::new(self.key("url"), "no connections can be made on this machine"))
    }
}

impl Webhook {
    /// How long a request may take, to the end of its answer.
    pub const LIMIT: Duration = TOTAL.saturating_add(DRAIN);

    /// Whether it hears of a municipality at all.
    #[must_use]
    pub fn serves(&self, tenant: &str) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|known| known == tenant))
    }

    /// The purposes of the notices that it asked for; `None`: all.
    #[must_use]
    pub fn purposes(&self) -> Option<Vec<Purpose>> {
        let all = [Purpose::Reminder, Purpose::Escalation];
        let asked: Vec<Purpose> = all.into_iter().filter(|one| self.kinds.contains(&(*one).into())).collect();
        (asked != all).then_some(asked)
    }

    /// Whether it asked for what happens to deviations.
    #[must_use]
    pub fn hears_of_deviations(&self) -> bool {
        self.kinds.contains(&WebhookKind::Deviation)
    }

    /// The roles whose notices it asked for; all unless said.
    #[must_use]
    pub fn roles(&self) -> Option<&[Role]> {
        self.roles.as_deref()
    }

    /// Whether it is to hear of something. A deviation is told to no role, so whoever asks for deviations hears of all.
    #[must_use]
    pub fn wants(&self, tenant: &str, kind: WebhookKind, role: &Role) -> bool {
        let is_for_them = || self.roles.as_ref().is_none_or(|roles| roles.contains(role));
        self.serves(tenant) && self.kinds.contains(&kind) && (kind == WebhookKind::Deviation || is_for_them())
    }

    /// Sends one event. `id` is the same at every attempt; `now` dates the signature.
    ///
    /// # Errors
    /// What to do next. Only a status of 200–299 is proof; without one it is known not sent only where no connection
    /// came about.
    pub async fn send(&self, id: Uuid, event: &WebhookEvent, now: Instant) -> Result<Accepted, Failure> {
        let body = match self.format {
            Format::Standard => event.standard(),
            Format::Teams => teams::card(event),
            Format::Slack => slack::message(event),
        };
        self.post(id, body, now).await
    }

    /// Whether it is to hear of a municipality's reports. Chats do not: there is nothing in it for people to read.
    #[must_use]
    pub fn wants_reports(&self, tenant: &str) -> bool {
        self.serves(tenant) && self.format == Format::Standard && self.kinds.contains(&WebhookKind::Report)
    }

    /// Says that a report can be read.
    ///
    /// # Errors
    /// As [`Webhook::send`].
    pub async fn send_report(&self, id: Uuid, report: &ReportReady, now: Instant) -> Result<Accepted, Failure> {
        self.post(id, report.standard(), now).await
    }

    /// Sends an event of the type `test`, which is about nothing; to a chat, a line that says that it is a test.
    ///
    /// # Errors
    /// As [`Webhook::send`].
    pub async fn send_test(&self, id: Uuid, now: Instant) -> Result<Accepted, Failure> {
        let body = match self.format {
            Format::Standard => test_event(now),
            Format::Teams => teams::test_card(),
            Format::Slack => slack::test_message(),
        };
        self.post(id, body, now).await
    }

    async fn post(&self, id: Uuid, body: String, now: Instant) -> Result<Accepted, Failure> {
        let (id, timestamp) = (id.to_string(), now.timestamp());
        let mut request = self
            .client
            .post(self.url.0.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp.to_string());
        if !self.secrets.is_empty() {
            request = request.header("webhook-signature", signature_header(&self.secrets, &id, timestamp, &body));
        }
        let response = request.body(body).send().await.map_err(|error| failure_without_answer(&error))?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response, now));
        let beginning = drain(response).await;
        answer(status, self.format, &beginning).map_err(|failure| Failure { retry_after, ..failure })
    }
}

fn retry_after(response: &Response, now: Instant) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry::parse_retry_after(value, now)
}

/// What an answer means, from its status and, where a chat hides its refusals there, the beginning of its body.
fn answer(status: u16, format: Format, beginning: &[u8]) -> Result<Accepted, Failure> {
    match status {
        200..300 => match teams::hidden_refusal(beginning).filter(|_| format == Format::Teams) {
            None => Ok(Accepted { code: status }),
            Some(hidden) => Err(Failure::new(class_of(hidden), format!("teams {hidden}"))),
        },
        _ => Err(Failure::new(class_of(status), format!("http {status}"))),
    }
}

/// What a status that is none of success says about the next attempt.
pub(super) fn class_of(status: u16) -> FailureClass {
    match status {
        // The receiver is busy or broken, and says so.
        408 | 425 | 429 | 500..600 => FailureClass::Temporary,
        // It does not take this one body: it waits by itself, and does not keep the others from going.
        400 | 413 | 422 => FailureClass::Temporary,
        // A redirection, a wrong secret, a wrong address, 410 for "never again": a person has to look.
        _ => FailureClass::Channel,
    }
}

pub(super) fn failure_without_answer(error: &reqwest::Error) -> Failure {
    if caused_by(error, |cause| cause.is::<RefusedAddress>()) {
        return Failure::channel("address not allowed");
    }
    if error.is_connect() {
        return match caused_by(error, is_tls) {
            true => Failure::channel("tls"),
            false if error.is_timeout() => Failure::temporary("timeout connect"),
            false => Failure::temporary("connect"),
        };
    }
    if error.is_builder() {
        return Failure::channel("request");
    }
    Failure::unknown(if error.is_timeout() { "timeout answer" } else { "connection lost" })
}

/// Whether TLS failed: the libraries wrap its errors in `io` errors, and those in `io` errors again.
fn is_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

fn caused_by(error: &reqwest::Error, test: impl Fn(&(dyn std::error::Error + 'static)) -> bool) -> bool {
    let mut cause = error.source();
    while let Some(current) = cause {
        if test(current) {
            return true;
        }
        cause = current.source();
    }
    false
}

/// Reads what is left of an answer, within bounds, so that the connection can carry the next request. Its beginning.
pub(super) async fn drain(mut response: Response) -> Vec<u8> {
    const BEGINNING: usize = 512;
    let mut beginning = Vec::new();
    let read = async {
        let mut left = BODY_CAP;
        while let Ok(Some(chunk)) = response.chunk().await {
            beginning.extend(chunk.iter().take(BEGINNING.saturating_sub(beginning.len())));
            left = left.saturating_sub(chunk.len() as u64);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(DRAIN, read).await;
    beginning
}
