//! From a request's header to a principal.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use leasehold_units::Instant;

use super::oidc::Oidc;
use super::principal::Principal;
use super::refusal::AuthRefusal;
use super::tokens::{self, TokenBook};

/// The longest token that is looked at, in characters.
pub const TOKEN_LENGTH_MAX: usize = 8192;

/// Tells the seconds of now: the wall clock live, another in a demonstration or a test.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Everything that proves who calls. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    tokens: Arc<RwLock<TokenBook>>,
    issuers: Arc<[Oidc]>,
    clock: Clock,
}

impl Authenticator {
    /// Looks tokens up in `tokens`, which whoever applies the events keeps up to date, and asks
    /// `issuers` about all others. Tokens end by `clock`, which is the wall clock also where the
    /// site itself runs on another.
    pub fn new(tokens: Arc<RwLock<TokenBook>>, issuers: Vec<Oidc>, clock: Clock) -> Self {
        Self { tokens, issuers: issuers.into(), clock }
    }

    /// Who sends `headers`.
    ///
    /// # Errors
    /// Why nobody is let in.
    pub async fn who(&self, headers: &HeaderMap) -> Result<Principal, AuthRefusal> {
        let token = bearer(headers)?;
        let now = (self.clock)();
        if token.starts_with(tokens::PREFIX) {
            let book = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
            return book.lookup(token, now);
        }
        let issuer = self.issuers.iter().find(|issuer| issuer.issued(token));
        match issuer {
            Some(issuer) => issuer.verify(token, now).await,
            None => Err(AuthRefusal::Invalid),
        }
    }
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, AuthRefusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthRefusal::Missing)?;
    if values.next().is_some() {
        return Err(AuthRefusal::Malformed);
    }
    let text = value.to_str().map_err(|_| AuthRefusal::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthRefusal::Malformed)?;
    let token = token.trim();
    let fits = (1..=TOKEN_LENGTH_MAX).contains(&token.len());
    if !scheme.eq_ignore_ascii_case("bearer") || !fits {
        return Err(AuthRefusal::Malformed);
    }
    Ok(token)
}

/// Middleware: lets in who can be named, as the extension [`Principal`], and refuses the rest. The
/// token itself is taken off the request, so that nothing behind it can log it.
pub async fn authenticate(
    State(authenticator): State<Authenticator>,
    mut request: Request,
    next: Next,
) -> Response {
    match authenticator.who(request.headers()).await {
        Ok(principal) => {
            request.headers_mut().remove(AUTHORIZATION);
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = AuthRefusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthRefusal> {
        parts.extensions.get::<Self>().cloned().ok_or(AuthRefusal::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::bootstrap;
    use crate::testing::TempDir;

    const NOW: Instant = Instant::from_unix(1_782_000_000);

    fn operator() -> (Authenticator, String) {
        let dir = TempDir::new();
        let mut book = TokenBook::default();
        let event = bootstrap(dir.path(), &book, NOW).expect("writes").expect("a token");
        book.apply(&event);
        let path = dir.path().join(crate::auth::OPERATOR_TOKEN_FILE);
        let text = std::fs::read_to_string(path).expect("a text");
        let clock: Clock = Arc::new(|| NOW);
        (Authenticator::new(Arc::new(RwLock::new(book)), vec![], clock), text.trim_end().into())
    }

    async fn refusal(values: &[&str]) -> Option<AuthRefusal> {
        let (authenticator, token) = operator();
        let mut headers = HeaderMap::new();
        for value in values {
            let value = value.replace("TOKEN", &token);
            headers.append(AUTHORIZATION, value.parse().expect("a header"));
        }
        authenticator.who(&headers).await.err()
    }

    #[tokio::test]
    async fn one_bearer_token_is_taken_and_nothing_else() {
        assert_eq!(refusal(&["Bearer TOKEN"]).await, None);
        assert_eq!(refusal(&["bearer  TOKEN "]).await, None);
        assert_eq!(refusal(&[]).await, Some(AuthRefusal::Missing));
        for wrong in [&["TOKEN"][..], &["Basic TOKEN"], &["Bearer "], &["Bearer TOKEN"; 2]] {
            assert_eq!(refusal(wrong).await, Some(AuthRefusal::Malformed), "{wrong:?}");
        }
        let huge = format!("Bearer {}", "x".repeat(TOKEN_LENGTH_MAX + 1));
        assert_eq!(refusal(&[&huge]).await, Some(AuthRefusal::Malformed));
        for wrong in ["Bearer TOKENx", "Bearer a.b.c", "Bearer x"] {
            assert_eq!(refusal(&[wrong]).await, Some(AuthRefusal::Invalid), "{wrong}");
        }
    }
}
