//! The one TLS set-up of all channels: rustls with ring, verified certificates.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::Failure;
use super::trail::{CertificateFlaw, Encrypted};
use crate::calendar::Instant;
use crate::delivery::setting::SettingError;

/// A client that trusts the machine's certificate authorities, and those in `ca_file` (PEM) too.
pub(crate) fn client_config(key: &str, ca_file: Option<&Path>) -> Result<ClientConfig, SettingError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let shown = path.display();
        let unusable = |problem: String| SettingError::new(key, format!("{shown}: {problem}"));
        let known = roots.len();
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots.add(certificate).map_err(|error| unusable(format!("no usable certificate: {error}")))?;
        }
        if roots.len() == known {
            return Err(unusable("holds no certificate; it should be a PEM file".to_owned()));
        }
    }
    if roots.is_empty() {
        let problem = "no certificate authority is trusted on this machine; install `ca-certificates`";
        return Err(SettingError::new(key, problem));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingError::new(key, format!("TLS is not available: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// How a finished handshake encrypts, and until when the other side's certificate holds.
pub(crate) fn encrypted(connection: &ClientConnection) -> Encrypted {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let parsed = certificate.and_then(|der| Certificate::from_der(der).ok());
    let ends = parsed.map(|parsed| parsed.tbs_certificate().validity().not_after.to_unix_duration());
    Encrypted { version, certificate_ends: ends.and_then(at) }
}

/// A certificate that does not hold needs a person; a connection that broke may do better next time.
pub(crate) fn failure(error: &std::io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Failure::channel("tls certificate")
        }
        Some(_) => Failure::channel("tls"),
        None => Failure::temporary("tls interrupted"),
    }
}

/// What is wrong with a certificate, if that is why a handshake failed.
pub(crate) fn flaw(error: &std::io::Error) -> Option<CertificateFlaw> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(match error {
            CertificateError::Expired => CertificateFlaw::Expired(None),
            CertificateError::ExpiredContext { not_after, .. } => {
                CertificateFlaw::Expired(at(Duration::from_secs(not_after.as_secs())))
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateFlaw::NotYetValid,
            // A signature that does not fit is that of somebody who calls themselves like one whom we trust.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => CertificateFlaw::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateFlaw::OtherName
            }
            _ => CertificateFlaw::Unusable,
        }),
        rustls::Error::NoCertificatesPresented => Some(CertificateFlaw::Unusable),
        _ => None,
    }
}

/// The instant that lies so long after 1970.
fn at(since_1970: Duration) -> Option<Instant> {
    DateTime::from_timestamp(i64::try_from(since_1970.as_secs()).ok()?, 0)
}
