//! Bearer tokens of an OpenID Connect issuer: a signature by one of its published keys, for this
//! audience, in time, and a group that has a role here.
//!
//! The header of a token is the sender's word and decides nothing: the algorithm must be one that
//! the site allows, all of them with public keys, and must fit the key, which comes from the issuer
//! alone. So neither `none` nor a public key taken for a shared secret is ever tried.

mod config;
mod fetch;
mod keys;

pub use config::{GroupRole, OidcConfig, OidcConfigError};
pub use fetch::{FetchError, KeySource};

use std::sync::Arc;
use std::time::Instant as Moment;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Validation, decode, decode_header};
use leasehold_units::Instant;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::principal::Principal;
use super::refusal::AuthRefusal;
use keys::{Keys, NoKey};

/// The longest name of a subject; OpenID Connect allows no longer one.
const SUBJECT_LENGTH_MAX: usize = 255;

/// One trusted issuer. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

struct Inner {
    config: OidcConfig,
    keys: Keys,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    /// One text: a list that also names others is not what an issuer writes.
    iss: String,
    sub: String,
    exp: Number,
    nbf: Option<Number>,
    iat: Option<Number>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Oidc {
    /// Trusts the issuer of `config`. Keys are fetched when the first token comes, so that a server
    /// starts also while its issuer does not answer.
    ///
    /// # Errors
    /// If the configuration would trust too much or cannot work.
    pub fn new(config: OidcConfig) -> Result<Self, OidcConfigError> {
        config.check()?;
        let source = fetch::source(&config)?;
        Ok(Self::with_source(config, source))
    }

    fn with_source(config: OidcConfig, source: Arc<dyn KeySource>) -> Self {
        Self(Arc::new(Inner { config, keys: Keys::new(source) }))
    }

    /// Whether `token` says that it comes from this issuer. Nothing is proved by that.
    pub fn issued(&self, token: &str) -> bool {
        insecure_decode_claims::<Issuer>(token)
            .is_ok_and(|claims| claims.iss == self.0.config.issuer)
    }

    /// Who has `token`.
    ///
    /// # Errors
    /// Why nobody is let in with it.
    pub async fn verify(&self, token: &str, now: Instant) -> Result<Principal, AuthRefusal> {
        let config = &self.0.config;
        let header = decode_header(token).map_err(|_| AuthRefusal::Invalid)?;
        // Extensions that the sender calls critical are not understood here, so RFC 7515 refuses.
        if !config.algorithms.contains(&header.alg) || header.crit.is_some() {
            return Err(AuthRefusal::Invalid);
        }
        let name = header.kid.as_deref().ok_or(AuthRefusal::Invalid)?;
        let key = self.0.keys.find(name, Moment::now()).await.map_err(|no| match no {
            NoKey::Unknown => AuthRefusal::Invalid,
            NoKey::Unavailable => AuthRefusal::KeysUnavailable,
        })?;
        if key.algorithm.is_some_and(|algorithm| algorithm != header.alg) {
            return Err(AuthRefusal::Invalid);
        }
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[&config.issuer]);
        rules.set_audience(&[&config.audience]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
        // Times are compared below, with the server's clock.
        rules.validate_exp = false;
        let token = decode::<Claims>(token, &key.decoding, &rules).map_err(|error| {
            tracing::debug!(%error, "a token is refused");
            AuthRefusal::Invalid
        })?;
        self.principal(&token.claims, now)
    }

    fn principal(&self, claims: &Claims, now: Instant) -> Result<Principal, AuthRefusal> {
        let config = &self.0.config;
        if claims.iss != config.issuer {
            return Err(AuthRefusal::Invalid);
        }
        let expires = self.in_time(claims, now)?;
        let subject = &claims.sub;
        let printable = !subject.chars().any(char::is_control);
        if !printable || !(1..=SUBJECT_LENGTH_MAX).contains(&subject.len()) {
            return Err(AuthRefusal::Invalid);
        }
        let groups = config.groups(&claims.rest);
        let row = config.roles.iter().find(|row| groups.contains(&row.group.as_str()));
        let row = row.ok_or(AuthRefusal::NoRole)?;
        let id = format!("oidc:{}:{subject}", config.issuer);
        Principal::new(id, row.role, row.party.clone(), row.scopes.clone(), Some(expires))
            .map_err(|_| AuthRefusal::NoRole)
    }

    /// The end of the token, if it has begun and not ended. Clocks may differ by the skew.
    fn in_time(&self, claims: &Claims, now: Instant) -> Result<Instant, AuthRefusal> {
        let skew = i64::from(self.0.config.clock_skew_seconds);
        let second = |number: &Number| whole_second(number).ok_or(AuthRefusal::Invalid);
        let expires = second(&claims.exp)?;
        if now.unix() >= expires.saturating_add(skew) {
            return Err(AuthRefusal::Expired);
        }
        for begin in [&claims.nbf, &claims.iat].into_iter().flatten() {
            if second(begin)? > now.unix().saturating_add(skew) {
                return Err(AuthRefusal::Invalid);
            }
        }
        Ok(Instant::from_unix(expires))
    }
}

/// The second of a NumericDate, which may have a fraction (RFC 7519).
fn whole_second(number: &Number) -> Option<i64> {
    /// Seconds up to which a double counts every one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let seconds = number.as_f64().filter(|seconds| seconds.abs() <= EXACT)?;
        // Within 2^53, so the whole part is exact.
        #[allow(clippy::cast_possible_truncation)]
        Some(seconds.floor() as i64)
    })
}

#[cfg(test)]
mod tests;
