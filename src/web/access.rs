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
    caller: Caller,
    hash: [u8; 32],
}

/// Who asks: whoever holds a token.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    name: Arc<str>,
    /// The municipalities that the token opens; `None`: all.
    tenants: Option<Arc<[String]>>,
    scopes: Arc<[Scope]>,
}

impl Caller {
    /// Whether the token has a scope, beside the one that the page needs.
    pub(super) fn opens(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// What logs call them.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a municipality is open to them. Whether there is such a one is another question.
    pub(super) fn may(&self, tenant: &str) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|known| known == tenant))
    }

    /// What they may ask for: that municipality, or all that are open to them (`None`: all there are).
    pub(super) fn asked(&self, tenant: Option<&str>) -> Result<Option<Vec<String>>, Refusal> {
        match tenant {
            Some(tenant) if self.may(tenant) => Ok(Some(vec![tenant.to_owned()])),
            Some(_) => Err(Refusal::TENANT),
            None => Ok(self.tenants.as_ref().map(|tenants| tenants.to_vec())),
        }
    }
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
            let is_same = |known: &&Token| known.caller.name == token.caller.name || known.hash == token.hash;
            if let Some(same) = tokens.iter().find(is_same) {
                let (one, other) = (&same.caller.name, &token.caller.name);
                let problem = format!("`{one}` and `{other}` have one name or one token; give each its own");
                return Err(SettingError::new("http.token", problem));
            }
            tokens.push(token);
        }
        Ok((Self(tokens), warnings))
    }

    /// Whose token a header shows, and whether it opens `scope`.
    fn opened_by(&self, header: Option<&[u8]>, scope: Option<Scope>) -> (Option<&Caller>, Result<(), Refusal>) {
        let Some(shown) = header.and_then(bearer) else { return (None, Err(Refusal::NO_TOKEN)) };
        let hash: [u8; 32] = Sha256::digest(shown).into();
        // Every token is looked at, whichever it is.
        let mut found = None;
        for token in &self.0 {
            let same: Choice = token.hash.ct_eq(&hash);
            if bool::from(same) {
                found = Some(token);
            }
        }
        let Some(token) = found else { return (None, Err(Refusal::WRONG_TOKEN)) };
        let missing = scope.filter(|scope| !token.caller.opens(*scope));
        (Some(&token.caller), missing.map_or(Ok(()), |scope| Err(Refusal::scope(scope))))
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
        let tenants = self.tenants.as_deref();
        if tenants.is_some_and(|tenants| tenants.is_empty() || tenants.iter().any(String::is_empty)) {
            return Err(SettingError::new(key("tenants"), "names municipalities by id; leave it out to open all"));
        }
        if tenants.is_some() && self.scopes.contains(&Scope::Metrics) {
            let problem = "metrics show all municipalities; give them a token without `tenants` of its own";
            return Err(SettingError::new(key("tenants"), problem));
        }
        if self.scopes.contains(&Scope::Protected) && !self.scopes.contains(&Scope::Reports) {
            return Err(SettingError::new(key("scopes"), "`protected` opens nothing alone; add `reports`"));
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
        let caller = Caller {
            name: self.name.as_str().into(),
            tenants: self.tenants.clone().map(Arc::from),
            scopes: self.scopes.as_slice().into(),
        };
        Ok((Token { caller, hash }, warning))
    }
}

/// What follows `Bearer `.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// Lets a request through that shows a token for the page. Page and log hear whose it is.
pub(super) async fn authorize(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    let (caller, opened) = gate.site.access.opened_by(header, gate.scope);
    let caller = caller.cloned();
    let mut response = match opened {
        Ok(()) => {
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    response
}
