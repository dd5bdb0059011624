//! Bearer tokens of an OpenID Connect issuer. (first outline)

use leasehold_units::Instant;

use super::principal::Principal;
use super::refusal::AuthRefusal;

/// One trusted issuer.
pub struct Oidc;

impl Oidc {
    /// Whether `token` says that it comes from this issuer.
    pub fn issued(&self, _token: &str) -> bool {
        false
    }

    /// Who has `token`.
    ///
    /// # Errors
    /// Why nobody is let in with it.
    pub async fn verify(&self, _token: &str, _now: Instant) -> Result<Principal, AuthRefusal> {
        Err(AuthRefusal::Invalid)
    }
}
