//! Who may see what: bearer tokens, each with its scopes.
//!
//! Only hashes are kept. What a client shows is hashed and compared with every one of them, in constant time, so that
//! neither the time nor the memory of this process tells anything about a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Site;
use super::answer::Refusal;
use crate::config::{HttpSettings, Scope, TokenSettings};
use crate::delivery::setting::{SettingError, SettingWarning, read_secret};

/// The shortest token, in characters: what `openssl rand -hex 16` gives.
const SHORTEST: usize = 32;

/// The tokens that open anything.
#[derive(Debug)]
pub(super) struct Access(Vec<Token>);

#[derive(Debug)]
struct Token {
    name: String,
    hash: [u8; 32],
    scopes: Vec<Scope>,
}

/// What stands before a page.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) site: Arc<Site>,
    /// What a token must open; any known token where nothing is said.
    pub(super) scope: Option<Scope>,
}

impl Access {
    /// Reads the tokens.
    ///
    /// # Errors
    /// The first token that cannot be used. It is never shown.
    pub(super) fn load(settings: &HttpSettings) -> Result<(Self, Vec<SettingWarning>), SettingError> {
        let (mut tokens, mut warnings) = (Vec::<Token>::new(), vec![]);
        for token in &settings.tokens {
            let (token, warning) = token.load()?;
            warnings.extend(warning);
            if let Some(same) = tokens.iter().find(|known| known.name == token.name || known.hash == token.hash) {
                let problem =
                    format!("`{}` and `{}` have one name or one token; give each its own", same.name, token.name);
                return Err(SettingError::new("http.token", problem));
            }
            tokens.push(token);
        }
        Ok((Self(tokens), warnings))
    }

    /// Whose token a header shows, if it opens `scope`.
    fn opened_by(&self, header: Option<&[u8]>, scope: Option<Scope>) -> Result<&str, Refusal> {
        let shown = header.and_then(bearer).ok_or(Refusal::NO_TOKEN)?;
        let hash: [u8; 32] = Sha256::digest(shown).into();
        // Every token is looked at, whichever it is.
        let mut found = None;
        for token in &self.0 {
            let same: Choice = token.hash.ct_eq(&hash);
            if bool::from(same) {
                found = Some(token);
            }
        }
        let token = found.ok_or(Refusal::WRONG_TOKEN)?;
        match scope {
            Some(scope) if !token.scopes.contains(&scope) => Err(Refusal::scope(scope)),
            _ => Ok(&token.name),
        }
    }
}

impl TokenSettings {
    fn load(&self) -> Result<(Token, Option<SettingWarning>), SettingError> {
        let key = |key: &str| format!("http.token.{}.{key}", self.name);
        let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if self.name.is_empty() || self.name.len() > 40 || !self.name.chars().all(plain) {
            return Err(SettingError::new("http.token.name", "use 1 to 40 letters a–z, digits, - or _: logs show it"));
        }
        if self.scopes.is_empty() {
            return Err(SettingError::new(key("scopes"), "says what the token opens, like `[\"metrics\"]`"));
        }
        let (secret, warning) = read_secret(&key("file"), &self.file)?;
        let text = secret.expose_secret();
        if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let file = self.file.display();
            let problem = format!(
                "{file} should hold at least {SHORTEST} letters and digits that nobody can guess; run \
                 `openssl rand -hex 32 > {file}`"
            );
            return Err(SettingError::new(key("file"), problem));
        }
        let hash = Sha256::digest(text).into();
        Ok((Token { name: self.name.clone(), hash, scopes: self.scopes.clone() }, warning))
    }
}

/// What follows `Bearer `.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// Lets a request through that shows a token for the page.
pub(super) async fn authorize(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    match gate.site.access.opened_by(header, gate.scope) {
        Ok(name) => {
            tracing::debug!(token = name, "a request is let in");
            next.run(request).await
        }
        Err(refusal) => {
            tracing::warn!(code = refusal.code, "a request is refused");
            refusal.into_response()
        }
    }
}
