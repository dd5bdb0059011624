//! Why somebody is not let in. Nothing here tells whether a token's name exists.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Why a request carries no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthRefusal {
    /// No `Authorization` header.
    #[error("the request has no Authorization header")]
    Missing,
    /// More than one header, another scheme, or far too long.
    #[error("the Authorization header is not one `Bearer` token of at most {max} characters", max = super::authenticate::TOKEN_LENGTH_MAX)]
    Malformed,
    /// No such token, or not with this secret, or nothing that this site trusts.
    #[error("the token is not valid")]
    Invalid,
    /// The right secret, too late.
    #[error("the token has expired")]
    Expired,
    /// The right secret, taken back.
    #[error("the token was revoked")]
    Revoked,
    /// A good identity that the site's configuration gives no role.
    #[error("the token is good, and none of its groups has a role here")]
    NoRole,
    /// The keys of the issuer cannot be had at the moment.
    #[error("the keys of the token's issuer cannot be read at the moment")]
    KeysUnavailable,
}

impl AuthRefusal {
    /// The stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed => "token_malformed",
            Self::Invalid => "token_invalid",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
            Self::NoRole => "no_role",
            Self::KeysUnavailable => "issuer_unavailable",
        }
    }
}

impl From<AuthRefusal> for Problem {
    fn from(refusal: AuthRefusal) -> Self {
        let (status, title, hint) = match refusal {
            AuthRefusal::Missing => (
                StatusCode::UNAUTHORIZED,
                "Nobody is named",
                "Send `Authorization: Bearer TOKEN`; `leasehold login` keeps a token for you.",
            ),
            AuthRefusal::Malformed | AuthRefusal::Invalid => (
                StatusCode::UNAUTHORIZED,
                "The token is not valid",
                "Check that the whole token was sent, to the right server; ask for a new one.",
            ),
            AuthRefusal::Expired | AuthRefusal::Revoked => (
                StatusCode::UNAUTHORIZED,
                "The token is no longer valid",
                "Log in again, or ask for a new token.",
            ),
            AuthRefusal::NoRole => (
                StatusCode::FORBIDDEN,
                "No role here",
                "Ask the operator to map one of your groups to a role.",
            ),
            AuthRefusal::KeysUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The issuer cannot be asked",
                "Try again; if it lasts, tell the operator that the issuer's keys cannot be read.",
            ),
        };
        let problem = Self::new(status, refusal.code(), title, refusal.to_string(), hint);
        match refusal {
            AuthRefusal::Missing => problem.challenge(None),
            AuthRefusal::KeysUnavailable => problem.retry_after(10),
            AuthRefusal::NoRole => problem,
            _ => problem.challenge(Some("invalid_token")),
        }
    }
}

impl IntoResponse for AuthRefusal {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
