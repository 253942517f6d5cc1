//! The one TLS set-up of all channels: rustls with ring, verified certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

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
