//! Certificates: good ones, and bad ones of each kind.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// A certificate and the file that a client trusts it by.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_file: Arc<tempfile::NamedTempFile>,
}

impl Identity {
    /// A certificate made out to `name`.
    pub(crate) fn of(name: &str) -> Self {
        Self::between(name, 2020, 2120)
    }

    /// A certificate made out to `name` for the years from the beginning of one to the beginning of another.
    pub(crate) fn between(name: &str, from: i32, until: i32) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let ca_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), certificate.pem()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file: Arc::new(ca_file) }
    }

    /// The setting by which a client trusts it.
    pub(crate) fn ca_setting(&self) -> String {
        format!("ca_file = \"{}\"", self.ca_file.path().display())
    }
}
