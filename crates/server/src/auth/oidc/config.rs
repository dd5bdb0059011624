//! Which issuer is trusted, and which of its groups has which role.

use std::path::PathBuf;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use leasehold_units::PartyId;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::auth::principal::{PrincipalError, Role, Scope, Scopes, check_standing};
use crate::auth::wire;

/// One issuer, as in the server's configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Its URL, byte for byte what its tokens have in `iss`.
    pub issuer: String,
    /// What tokens for this server have in `aud`.
    pub audience: String,
    /// Where its keys are; asked from the issuer's discovery document if neither is named.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// A file with its keys, for sites that reach no issuer.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
    /// PEM certificates to trust when asking the issuer, instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Signature algorithms that are accepted; all with public keys.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// Seconds by which the issuer's clock may differ, 300 at most.
    #[serde(default = "usual_skew")]
    pub clock_skew_seconds: u16,
    /// The claim that names groups; a JSON pointer if it begins with `/`, such as
    /// `/realm_access/roles`.
    #[serde(default = "usual_groups")]
    pub groups_claim: String,
    /// Roles by group. The first row whose group the token has counts, and no other.
    pub roles: Vec<GroupRole>,
}

/// A group of the issuer and its role here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// The issuer's name of it.
    pub group: String,
    /// The role.
    pub role: Role,
    /// The party, if the role has one.
    #[serde(default, with = "wire::party_option")]
    pub party: Option<PartyId>,
    /// What its tokens are good for.
    #[serde(default = "usual_scopes")]
    pub scopes: Scopes,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum OidcConfigError {
    /// Somebody on the way could put keys of their own.
    #[error(
        "{key} = {url:?} is not an https:// address: keys that come in the clear prove nothing; http:// is for 127.0.0.1, [::1] and localhost only"
    )]
    NotSecured {
        /// Which key of the file.
        key: &'static str,
        /// What it says.
        url: String,
    },
    /// A secret that both sides know proves nothing.
    #[error(
        "the algorithm {0:?} uses a shared secret; name algorithms with public keys, such as RS256 or ES256"
    )]
    SharedSecret(Algorithm),
    /// No algorithm, audience or role.
    #[error("{key} is empty, so no token would be accepted; {hint}")]
    Empty {
        /// Which key of the file.
        key: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// Keys in two places.
    #[error("jwks_url and jwks_file are both there; name one")]
    TwoSources,
    /// A skew that keeps tokens alive for long.
    #[error("clock_skew_seconds is {0}, 300 at most; set the clocks by NTP")]
    Skew(u16),
    /// A row that gives no possible principal.
    #[error("the role of the group {group:?}: {source}")]
    Row {
        /// The group.
        group: String,
        /// What does not fit.
        source: PrincipalError,
    },
    /// The certificates to trust cannot be read.
    #[error("cannot read certificates from {path}: {reason}; expected PEM", path = path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

fn usual_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

const fn usual_skew() -> u16 {
    60
}

fn usual_groups() -> String {
    "groups".into()
}

fn usual_scopes() -> Scopes {
    Scopes::from([Scope::Read, Scope::Write])
}

impl OidcConfig {
    /// Whether it can work and trusts nobody by accident.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), OidcConfigError> {
        let empty = |key, hint| Err(OidcConfigError::Empty { key, hint });
        secured("issuer", &self.issuer)?;
        if let Some(url) = &self.jwks_url {
            secured("jwks_url", url)?;
        }
        if self.jwks_url.is_some() && self.jwks_file.is_some() {
            return Err(OidcConfigError::TwoSources);
        }
        if self.audience.is_empty() {
            return empty("audience", "write what the issuer puts into `aud` for this server");
        }
        if self.algorithms.is_empty() {
            return empty("algorithms", "leave it out for RS256 and ES256");
        }
        if self.roles.is_empty() {
            return empty("roles", "map at least one group to a role");
        }
        let shared = |algorithm: &&Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
        if let Some(algorithm) = self.algorithms.iter().find(shared) {
            return Err(OidcConfigError::SharedSecret(*algorithm));
        }
        if self.clock_skew_seconds > 300 {
            return Err(OidcConfigError::Skew(self.clock_skew_seconds));
        }
        for row in &self.roles {
            check_standing(row.role, row.party.as_ref(), &row.scopes)
                .map_err(|source| OidcConfigError::Row { group: row.group.clone(), source })?;
        }
        Ok(())
    }

    /// The groups that `claims` name: a list of texts, or one text.
    pub(super) fn groups<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a str> {
        let claim = match self.groups_claim.strip_prefix('/') {
            None => claims.get(&self.groups_claim),
            Some(path) => {
                let (first, rest) = path.split_once('/').unwrap_or((path, ""));
                let inside = if rest.is_empty() { String::new() } else { format!("/{rest}") };
                claims.get(first).and_then(|value| value.pointer(&inside))
            }
        };
        match claim {
            Some(Value::String(group)) => vec![group],
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// Whether `url` is one that nobody on the way can answer for.
pub(super) fn secured(key: &'static str, url: &str) -> Result<(), OidcConfigError> {
    let local = url.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        ["127.0.0.1", "[::1]", "localhost"].contains(&host)
    });
    let secured = url.len() > "https://".len() && url.starts_with("https://");
    if secured || local {
        Ok(())
    } else {
        Err(OidcConfigError::NotSecured { key, url: url.into() })
    }
}
