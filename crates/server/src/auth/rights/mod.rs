//! Who may do what, as data: one row a right, one column a standing. `docs/rights.md` is this table
//! written down.
//!
//! Three lines of the design decide the cells. The operator sees capacity, health, power and money,
//! never what a job is. A party sees itself alone: nothing that changes with what others do, so
//! neither the site's audit chain nor its metrics nor what can still be sold. An auditor reads its
//! side and writes nothing.

mod page;
mod routes;
mod table;

pub use page::page;
pub use routes::{ROUTES, Route, Takes};
pub use table::Right;

use leasehold_units::PartyId;

use super::principal::{Principal, Role, Scope};
use crate::problem::Problem;

/// The columns of the table: roles, and auditors by whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Role operator.
    Operator,
    /// Role finance.
    Finance,
    /// Role party admin.
    PartyAdmin,
    /// Role party user.
    PartyUser,
    /// Role auditor, bound to a party.
    PartyAuditor,
    /// Role auditor, of the site.
    SiteAuditor,
}

/// A cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Whosever data it is.
    Allowed,
    /// For the own party alone.
    OwnParty,
    /// For what the principal itself made in its own party.
    OwnWork,
    /// Never.
    Refused,
}

/// What a right does, which decides the scopes that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Reads what belongs to the site.
    ReadSite,
    /// Reads what belongs to one party: logged if the reader is not of that party.
    ReadParty,
    /// A command.
    Write,
    /// Reads about jobs, all of one party.
    ReadJobs,
    /// A command about jobs.
    WriteJobs,
    /// Reads the metrics.
    Scrape,
    /// Asks about the caller itself, which every token may.
    Itself,
}

/// How far a right reaches for a principal. What it does not cover is, for that principal, as if it
/// were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every party.
    Site,
    /// One party.
    Party(PartyId),
    /// In one party, what this principal made.
    Own {
        /// The party.
        party: PartyId,
        /// The stable name of the principal.
        who: String,
    },
}

/// Why a right is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RightRefusal {
    /// The role does not have it.
    #[error("the role {role} does not have the right {right}")]
    Role {
        /// The role.
        role: Role,
        /// The right.
        right: Right,
    },
    /// The token is not good for it.
    #[error("the token is good for {has}, and the right {right} takes {takes}", has = names(.has), takes = names(.takes))]
    Scope {
        /// The right.
        right: Right,
        /// What the token has.
        has: Vec<Scope>,
        /// Any one of these would do.
        takes: Vec<Scope>,
    },
}

impl Standing {
    /// All standings, in the order of the columns.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Finance,
        Self::PartyAdmin,
        Self::PartyUser,
        Self::PartyAuditor,
        Self::SiteAuditor,
    ];

    /// The standing of `principal`.
    pub fn of(principal: &Principal) -> Self {
        match (principal.role(), principal.party()) {
            (Role::Operator, _) => Self::Operator,
            (Role::Finance, _) => Self::Finance,
            (Role::PartyAdmin, _) => Self::PartyAdmin,
            (Role::PartyUser, _) => Self::PartyUser,
            (Role::Auditor, Some(_)) => Self::PartyAuditor,
            (Role::Auditor, None) => Self::SiteAuditor,
        }
    }

    /// The heading of its column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Finance => "finance",
            Self::PartyAdmin => "party admin",
            Self::PartyUser => "party user",
            Self::PartyAuditor => "auditor of a party",
            Self::SiteAuditor => "auditor of the site",
        }
    }
}

impl Verdict {
    /// As in a cell of the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "yes",
            Self::OwnParty => "own party",
            Self::OwnWork => "own work",
            Self::Refused => "–",
        }
    }
}

impl Deed {
    /// Scopes of which a token needs one.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::ReadSite | Self::ReadParty => &[Scope::Read],
            Self::Write => &[Scope::Write],
            Self::ReadJobs => &[Scope::Read, Scope::Jobs],
            Self::WriteJobs => &[Scope::Write, Scope::Jobs],
            Self::Scrape => &[Scope::Read, Scope::Metrics],
            Self::Itself => &[Scope::Read, Scope::Write, Scope::Jobs, Scope::Metrics],
        }
    }
}

impl Right {
    /// What the table says.
    pub fn verdict(self, standing: Standing) -> Verdict {
        self.row().verdicts[standing as usize]
    }

    /// What it does.
    pub fn deed(self) -> Deed {
        self.row().deed
    }

    /// Whether it reads what belongs to one party, so that strangers are logged.
    pub fn reads_party_data(self) -> bool {
        matches!(self.deed(), Deed::ReadParty | Deed::ReadJobs)
    }
}

impl Principal {
    /// How far `right` reaches for this principal.
    ///
    /// # Errors
    /// If its role does not have the right, or its token is not good for it.
    pub fn reach(&self, right: Right) -> Result<Reach, RightRefusal> {
        let refused = RightRefusal::Role { role: self.role(), right };
        let reach = match (right.verdict(Standing::of(self)), self.party()) {
            (Verdict::Allowed, _) => Reach::Site,
            (Verdict::OwnParty, Some(party)) => Reach::Party(party.clone()),
            (Verdict::OwnWork, Some(party)) => {
                Reach::Own { party: party.clone(), who: self.id().into() }
            }
            _ => return Err(refused),
        };
        let takes = right.deed().scopes();
        if takes.iter().any(|scope| self.scopes().contains(scope)) {
            return Ok(reach);
        }
        let has = self.scopes().iter().copied().collect();
        Err(RightRefusal::Scope { right, has, takes: takes.into() })
    }
}

impl Reach {
    /// Whether it covers a thing of `party` that `maker` made. Where it does not, answer as for a
    /// thing that does not exist ([`Problem::no_such`]).
    pub fn covers(&self, party: &PartyId, maker: &str) -> bool {
        match self {
            Self::Site => true,
            Self::Party(own) => own == party,
            Self::Own { party: own, who } => own == party && who == maker,
        }
    }

    /// Whether it covers all of `party`.
    pub fn covers_party(&self, party: &PartyId) -> bool {
        match self {
            Self::Site => true,
            Self::Party(own) => own == party,
            Self::Own { .. } => false,
        }
    }

    /// The one party that it stays in; none if it is the whole site.
    pub const fn party(&self) -> Option<&PartyId> {
        match self {
            Self::Site => None,
            Self::Party(party) | Self::Own { party, .. } => Some(party),
        }
    }
}

impl From<RightRefusal> for Problem {
    fn from(refusal: RightRefusal) -> Self {
        let (code, title, hint, right) = match &refusal {
            RightRefusal::Role { right, .. } => (
                "right_refused",
                "Not a right of this role",
                "Ask somebody in a role that has it; docs/rights.md says which.",
                *right,
            ),
            RightRefusal::Scope { right, .. } => (
                "scope_too_narrow",
                "The token is not good for this",
                "Use a token with one of the scopes named.",
                *right,
            ),
        };
        let status = axum::http::StatusCode::FORBIDDEN;
        let problem =
            Self::new(status, code, title, refusal.to_string(), hint).with("right", right.as_str());
        match refusal {
            RightRefusal::Role { .. } => problem,
            RightRefusal::Scope { .. } => problem.challenge(Some("insufficient_scope")),
        }
    }
}

impl axum::response::IntoResponse for RightRefusal {
    fn into_response(self) -> axum::response::Response {
        Problem::from(self).into_response()
    }
}

fn names(scopes: &[Scope]) -> String {
    let name = |scope: &Scope| match scope {
        Scope::Read => "read",
        Scope::Write => "write",
        Scope::Jobs => "jobs",
        Scope::Metrics => "metrics",
    };
    scopes.iter().map(name).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
