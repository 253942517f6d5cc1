//! The `[email]` section, and what becomes of it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address as MailAddress;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::delivery::setting::{SettingError, SettingWarning, read_secret};
use crate::delivery::tls;

/// The `[email]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    /// The relay's name or address.
    pub host: String,
    /// Its port; 587 for `starttls`, 465 for `tls`, 25 for `none` unless said.
    pub port: Option<u16>,
    /// How the connection is secured.
    #[serde(default)]
    pub security: Security,
    /// Who we are to the relay; nobody unless said.
    pub username: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The address that mails come from, and bounces go to.
    pub from: String,
    /// The name that readers see beside it.
    #[serde(default = "default_from_name")]
    pub from_name: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What we call ourselves to the relay; the domain of `from` unless said.
    pub hello_name: Option<String>,
    /// Whether mails bring calendar entries for the due dates in them.
    #[serde(default)]
    pub calendar_entries: bool,
    /// Further certificate authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// How many conversations at once, 1–100: the most mails that a crash can repeat.
    #[serde(default = "default_connections")]
    pub connections: u16,
    /// How many mails a minute at the most; as many as the relay takes unless said.
    pub per_minute: Option<NonZeroU32>,
    /// How long a step may take.
    #[serde(default)]
    pub timeouts: TimeoutSettings,
}

impl EmailSettings {
    /// Settings that have all mail go to a catcher on this machine; what does not concern the way stays as it was.
    #[must_use]
    pub fn to_catcher(catcher: SocketAddr, before: Option<&Self>) -> Self {
        let nobody = Self {
            host: String::new(),
            port: None,
            security: Security::None,
            username: None,
            password_file: None,
            from: "fristvakt@fristvakt.example".to_owned(),
            from_name: default_from_name(),
            reply_to: None,
            hello_name: None,
            calendar_entries: false,
            ca_file: None,
            connections: default_connections(),
            per_minute: None,
            timeouts: TimeoutSettings::default(),
        };
        Self {
            host: catcher.ip().to_string(),
            port: Some(catcher.port()),
            security: Security::None,
            username: None,
            password_file: None,
            ca_file: None,
            ..before.cloned().unwrap_or(nobody)
        }
    }
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain at first, then TLS or nothing.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: to this machine only.
    None,
}

/// `email.timeouts`: how long a step may take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutSettings {
    /// Name look-up and connection, and again for TLS.
    pub connect: u64,
    /// One command and its reply.
    pub command: u64,
    /// The mail, the final dot, and the reply.
    pub data: u64,
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        Self { connect: 10, command: 60, data: 600 }
    }
}

/// How long a step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up and connection, and again for TLS.
    pub connect: Duration,
    /// One command and its reply.
    pub command: Duration,
    /// The mail, the final dot, and the reply.
    pub data: Duration,
}

/// A relay that mails can be handed to: settings, checked, with their secrets.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// How many conversations at once.
    pub connections: u16,
    /// How many mails a minute at the most.
    pub per_minute: Option<NonZeroU32>,
    /// Whether mails bring calendar entries.
    pub calendar_entries: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) credentials: Option<Credentials>,
    pub(super) hello: ClientId,
    pub(super) from: MailAddress,
    pub(super) from_name: String,
    pub(super) reply_to: Option<MailAddress>,
    pub(super) timeouts: Timeouts,
}

impl Smtp {
    /// The relay's name or address, and its port.
    #[must_use]
    pub fn relay(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// How the connection is secured.
    #[must_use]
    pub fn security(&self) -> Security {
        self.security
    }

    /// How long it may take until the relay has sender and recipient, by the limits of each step, with a second
    /// connection after a first that went stale.
    #[must_use]
    pub fn opening_limit(&self) -> Duration {
        const COMMANDS: u32 = 12;
        (self.timeouts.connect * 2 + self.timeouts.command * COMMANDS) * 2
    }

    /// How long handing a mail over may take, by the limits of each step.
    #[must_use]
    pub fn handing_over_limit(&self) -> Duration {
        self.timeouts.command + self.timeouts.data
    }

    /// Whether we identify ourselves.
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.credentials.is_some()
    }
}

impl EmailSettings {
    /// Checks the settings and reads the password and certificates.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(&self) -> Result<(Smtp, Vec<SettingWarning>), SettingError> {
        let mut warnings = vec![];
        let from = mail_address("email.from", &self.from)?;
        let reply_to = self.reply_to.as_deref().map(|text| mail_address("email.reply_to", text)).transpose()?;
        let smtp = Smtp {
            connections: self.connections()?,
            per_minute: self.per_minute,
            calendar_entries: self.calendar_entries,
            host: self.host()?,
            port: self.port()?,
            security: self.security,
            tls: self.tls()?,
            credentials: self.credentials(&mut warnings)?,
            hello: self.hello(&from)?,
            from,
            from_name: self.from_name.clone(),
            reply_to,
            timeouts: self.timeouts.checked()?,
        };
        Ok((smtp, warnings))
    }

    fn host(&self) -> Result<String, SettingError> {
        let host = self.host.trim();
        if host.is_empty() || host.contains(|char: char| char.is_whitespace() || char == '/') {
            return Err(SettingError::new(
                "email.host",
                "give the relay's name or address alone, like `smtp.example.no`",
            ));
        }
        if self.security == Security::None && !is_loopback_name(host) {
            let problem = "`none` sends mail that anyone on the way can read, and is for this machine only; use \
                           `starttls` or `tls`";
            return Err(SettingError::new("email.security", problem));
        }
        Ok(host.to_owned())
    }

    fn port(&self) -> Result<u16, SettingError> {
        match (self.port, self.security) {
            (Some(0), _) => {
                Err(SettingError::new("email.port", "0 is no port; most relays use 587 (`starttls`) or 465 (`tls`)"))
            }
            (Some(port), _) => Ok(port),
            (None, Security::Starttls) => Ok(587),
            (None, Security::Tls) => Ok(465),
            (None, Security::None) => Ok(25),
        }
    }

    fn connections(&self) -> Result<u16, SettingError> {
        match self.connections {
            1..=100 => Ok(self.connections),
            _ => Err(SettingError::new("email.connections", "choose 1 to 100; 4 suits most relays")),
        }
    }

    fn tls(&self) -> Result<Option<(Arc<ClientConfig>, ServerName<'static>)>, SettingError> {
        if self.security == Security::None {
            return Ok(None);
        }
        let config = tls::client_config("email.ca_file", self.ca_file.as_deref())?;
        let name = ServerName::try_from(self.host.trim().to_owned()).map_err(|_| {
            SettingError::new("email.host", "is no name or address that a certificate can be made out to")
        })?;
        Ok(Some((Arc::new(config), name)))
    }

    fn credentials(&self, warnings: &mut Vec<SettingWarning>) -> Result<Option<Credentials>, SettingError> {
        match (&self.username, &self.password_file) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(SettingError::new(
                "email.password_file",
                "`username` is set; name the file that holds its password",
            )),
            (None, Some(_)) => {
                Err(SettingError::new("email.username", "`password_file` is set; say whose password it is"))
            }
            (Some(username), Some(path)) => {
                let (password, warning) = read_secret("email.password_file", path)?;
                warnings.extend(warning);
                Ok(Some(Credentials::new(username.clone(), password.expose_secret().to_owned())))
            }
        }
    }

    fn hello(&self, from: &MailAddress) -> Result<ClientId, SettingError> {
        let name = self.hello_name.as_deref().unwrap_or(from.domain());
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
        match name.parse() {
            Ok(std::net::IpAddr::V4(address)) => Ok(ClientId::Ipv4(address)),
            Ok(std::net::IpAddr::V6(address)) => Ok(ClientId::Ipv6(address)),
            Err(_) if !name.is_empty() && name.chars().all(plain) => Ok(ClientId::Domain(name.to_owned())),
            Err(_) => {
                Err(SettingError::new("email.hello_name", "give this machine's name, like `fristvakt.example.no`"))
            }
        }
    }
}

impl TimeoutSettings {
    fn checked(self) -> Result<Timeouts, SettingError> {
        let seconds = |key: &str, seconds: u64| match seconds {
            1..=3600 => Ok(Duration::from_secs(seconds)),
            _ => Err(SettingError::new(format!("email.timeouts.{key}"), "choose 1 to 3600 seconds")),
        };
        Ok(Timeouts {
            connect: seconds("connect", self.connect)?,
            command: seconds("command", self.command)?,
            data: seconds("data", self.data)?,
        })
    }
}

/// Whether a host is this machine by its name: what it resolves to is checked again on connecting.
fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// One address alone, as relays take it. The error does not quote it.
pub(crate) fn mail_address(key: &str, text: &str) -> Result<MailAddress, SettingError> {
    let unusable =
        || SettingError::new(key, "give one address alone, like `fristvakt@example.no`; the name goes elsewhere");
    let address: MailAddress = text.trim().parse().map_err(|_| unusable())?;
    if text.is_ascii() { Ok(address) } else { Err(unusable()) }
}

fn default_from_name() -> String {
    "Fristvakt".to_owned()
}

fn default_connections() -> u16 {
    4
}
