//! Where a request may go, as the configuration names it: checked when it is read, before anything is resolved.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url, redirect};
use rustls::ClientConfig;

use super::guard::{Guard, Network};

/// How long a request may take in all.
pub(super) const TOTAL: Duration = Duration::from_secs(30);

/// An address that was read. What stands behind the host is often the only secret there is: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HiddenUrl(pub(super) Url);

impl fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}://{}/…)", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// What the settings allow beyond the Internet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Networks that are not the Internet.
    pub(super) allow_private: bool,
    /// `http` to this machine.
    pub(super) allow_insecure_loopback: bool,
}

impl Reach {
    pub(super) fn guard(self, url: &Url) -> Guard {
        Guard {
            allow_private: self.allow_private,
            allow_loopback: self.allow_insecure_loopback,
            only_loopback: url.scheme() == "http",
        }
    }

    /// The address, where it may be used: `https`, or `http` to this machine, without a user and password in it. The error
    /// says what to do, and does not quote it.
    pub(super) fn checked(self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "give an address like `https://example.no/varsel`")?;
        let literal = literal_address(&url);
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or password, which anybody on the way to it may log; leave them out");
        }
        let loopback = url.host_str() == Some("localhost")
            || literal.is_some_and(|address| Network::of(address) == Network::Loopback);
        match url.scheme() {
            "https" => {}
            "http" if loopback && self.allow_insecure_loopback => {}
            "http" if loopback => return Err("`http` to this machine needs `allow_insecure_loopback = true`"),
            _ => return Err("use `https`: anything else can be read on the way"),
        }
        match literal {
            Some(address) if Network::of(address) == Network::Never => {
                Err("is an address at which no receiver can be; use its name")
            }
            Some(address) if !self.guard(&url).allows(address) => {
                Err("is an address inside a network; if it is meant, set `allow_private = true`")
            }
            _ => Ok(url),
        }
    }

    /// A client that reaches nothing else, follows no redirection, heeds no proxy, and repeats nothing.
    pub(super) fn client(self, url: &Url, tls: ClientConfig) -> reqwest::Result<Client> {
        Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(self.guard(url)))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .timeout(TOTAL)
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("fristvakt/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}

/// The address that is written into a URL in place of a name.
fn literal_address(url: &Url) -> Option<IpAddr> {
    host_without_brackets(url).parse().ok()
}

/// The host as resolvers and certificates know it.
pub(super) fn host_without_brackets(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
