//! Who calls: a role, the party it belongs to, and how much of its rights a token carries.

use std::collections::BTreeSet;

use leasehold_units::{Instant, PartyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a principal is to the site.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the site: capacity, health, power, leases, money; never what a job is.
    Operator,
    /// Keeps the landlord's books: money, not jobs.
    Finance,
    /// Speaks for a party: its leases, jobs, money and tokens.
    PartyAdmin,
    /// Works for a party: its own jobs and what they used.
    PartyUser,
    /// Reads everything of its side that is not the content of jobs; writes nothing. Bound to a
    /// party, or to the site if it has none.
    Auditor,
}

/// What a token is good for at most; the rights of its role are cut down to it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every read that the role has.
    Read,
    /// Every command that the role has.
    Write,
    /// Jobs alone: submit, read, cancel. For pipelines that do nothing else.
    Jobs,
    /// The metrics alone. For the program that scrapes them.
    Metrics,
}

/// Scopes of a token; never none.
pub type Scopes = BTreeSet<Scope>;

/// Somebody who calls, after it was proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    id: String,
    name: String,
    role: Role,
    party: Option<PartyId>,
    scopes: Scopes,
    expires: Option<Instant>,
}

/// A principal that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// A role of a party without one.
    #[error("the role {role} belongs to a party and none is named; name the party")]
    NeedsParty {
        /// The role.
        role: Role,
    },
    /// A role of the site with a party.
    #[error(
        "the role {role} belongs to the site and not to the party {party}; leave the party out"
    )]
    HasParty {
        /// The role.
        role: Role,
        /// The party that was named.
        party: PartyId,
    },
    /// No scope at all.
    #[error("no scope is named; name at least one of read, write, jobs and metrics")]
    NoScope,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::Finance, Self::PartyAdmin, Self::PartyUser, Self::Auditor];

    /// The stable name, as in files and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Finance => "finance",
            Self::PartyAdmin => "party_admin",
            Self::PartyUser => "party_user",
            Self::Auditor => "auditor",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Principal {
    /// A principal with the stable name `id`, such as `token:tok_…` or `oidc:ISSUER:SUBJECT`.
    ///
    /// # Errors
    /// If role and party do not fit or there is no scope.
    pub fn new(
        id: impl Into<String>,
        role: Role,
        party: Option<PartyId>,
        scopes: Scopes,
        expires: Option<Instant>,
    ) -> Result<Self, PrincipalError> {
        check_standing(role, party.as_ref(), &scopes)?;
        let id = id.into();
        Ok(Self { name: id.clone(), id, role, party, scopes, expires })
    }

    /// The same under a name for people; without one it is called as it is named.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name for people: of the token, or of whoever the issuer says it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stable name: what the audit and the access log say.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The role.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The party that it belongs to; none for the site's own people.
    pub const fn party(&self) -> Option<&PartyId> {
        self.party.as_ref()
    }

    /// What its token is good for.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// When what proves it ends. A stream that outlives this must be closed.
    pub const fn expires(&self) -> Option<Instant> {
        self.expires
    }
}

/// Whether role, party and scopes can belong together.
pub(super) fn check_standing(
    role: Role,
    party: Option<&PartyId>,
    scopes: &Scopes,
) -> Result<(), PrincipalError> {
    match (role, party) {
        (Role::PartyAdmin | Role::PartyUser, None) => Err(PrincipalError::NeedsParty { role }),
        (Role::Operator | Role::Finance, Some(party)) => {
            Err(PrincipalError::HasParty { role, party: party.clone() })
        }
        _ if scopes.is_empty() => Err(PrincipalError::NoScope),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_a_party_have_one_and_roles_of_the_site_have_none() {
        let party = PartyId::new("tenant").ok();
        let read = Scopes::from([Scope::Read]);
        let fits = |role, party: &Option<PartyId>| {
            Principal::new("token:x", role, party.clone(), read.clone(), None).is_ok()
        };
        let with: Vec<bool> = Role::ALL.into_iter().map(|role| fits(role, &party)).collect();
        let without: Vec<bool> = Role::ALL.into_iter().map(|role| fits(role, &None)).collect();
        assert_eq!(with, [false, false, true, true, true]);
        assert_eq!(without, [true, true, false, false, true]);
        let none = Principal::new("token:x", Role::Operator, None, Scopes::new(), None);
        assert_eq!(none, Err(PrincipalError::NoScope));
    }

    #[test]
    fn names_on_the_wire_are_those_of_as_str() {
        for role in Role::ALL {
            let wire = serde_json::to_value(role).expect("a role is JSON");
            assert_eq!(wire, role.as_str());
        }
    }
}
