//! Signatures as in Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one for each secret in use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// A secret shared with the receiver. Its debug form hides it.
#[derive(Clone, Debug)]
pub struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    /// A secret as files hold it: `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// Text for a person, which does not quote the secret.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "should hold `whsec_` and 24 to 64 random bytes in base64, like the output of \
                            `printf whsec_; openssl rand -base64 32`";
        let encoded = text.trim().strip_prefix("whsec_").ok_or(FORM)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| FORM)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes.into())) } else { Err(FORM) }
    }

    fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The `webhook-signature` header: the receiver accepts any one of them, so that secrets can be rotated.
pub(super) fn signature_header(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &str) -> String {
    secrets.iter().filter_map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}
