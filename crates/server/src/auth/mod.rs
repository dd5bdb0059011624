//! Who calls, and what they may do: principals, tokens, OpenID Connect, the table of rights and
//! the log of who read whose data. Nothing here knows a route or stores anything.

mod access;
pub mod authenticate;
mod bootstrap;
pub mod oidc;
mod principal;
mod refusal;
pub mod rights;
mod secret;
pub mod tokens;
mod wire;

pub use access::ReadLogged;
pub use authenticate::{Authenticator, authenticate};
pub use bootstrap::{
    BootstrapError, OPERATOR_TOKEN_FILE, bootstrap, bootstrap_party, party_token_file,
};
pub use principal::{Principal, PrincipalError, Role, Scope, Scopes};
pub use refusal::AuthRefusal;
pub use rights::{Reach, Right, RightRefusal};
pub use secret::{RandomError, Secret};
pub use tokens::{TokenBook, TokenEvent, TokenId, TokenRequest};

#[cfg(test)]
mod tests;
