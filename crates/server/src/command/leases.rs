//! Signing, amending and ending leases.

use leasehold_control::{Election, Input};
use leasehold_diagnostics::Source;
use leasehold_lease::{Lease, Side, Terms};
use leasehold_units::{Instant, LeaseId};
use serde::Serialize;

use super::{Desk, Done, Refusal, Reply};

/// What is asked of leases.
#[derive(Debug, Clone)]
pub enum LeaseCommand {
    /// Terms are signed by both.
    Sign {
        /// The file, as it was signed.
        terms: String,
        /// Whether its service may have begun before today: all since then is billed at once.
        backdated: bool,
    },
    /// A later version is signed by both.
    Amend {
        /// Which lease.
        lease: String,
        /// The version that it follows on, if that is to be made sure.
        follows: Option<u32>,
        /// The file, as it was signed.
        terms: String,
    },
    /// A side terminates for convenience, today.
    GiveNotice {
        /// Which lease.
        lease: String,
        /// Which side.
        by: Side,
    },
    /// A notice is taken back, with the other side's agreement.
    WithdrawNotice {
        /// Which lease.
        lease: String,
        /// The side that asks, or agrees.
        by: Side,
    },
    /// The tenant ends a lease over a late delivery, today.
    Terminate {
        /// Which lease.
        lease: String,
    },
}

/// What is answered about a lease.
#[derive(Debug, Serialize)]
struct LeaseNow {
    lease: String,
    version: u32,
    last_day: String,
}

impl LeaseCommand {
    pub(super) fn carry_out(&self, desk: &mut Desk<'_>) -> Reply {
        match self {
            Self::Sign { terms, backdated } => {
                let terms = parse(desk, terms)?;
                if !backdated {
                    begins_ahead(&terms, desk.now)?;
                }
                let id = terms.id.clone();
                desk.input(&Input::Sign(Box::new(terms)))?;
                Ok(Done::created(&lease_now(desk, &id)?))
            }
            Self::Amend { lease, follows, terms } => amend(desk, lease, *follows, terms),
            Self::GiveNotice { lease, by } => {
                let (lease, day) = (known(desk, lease)?, today(desk, lease)?);
                desk.input(&Input::GiveNotice { lease: lease.clone(), by: *by, day })?;
                Ok(Done::ok(&lease_now(desk, &lease)?))
            }
            Self::WithdrawNotice { lease, by } => {
                let lease = known(desk, lease)?;
                desk.input(&Input::WithdrawNotice { lease: lease.clone(), by: *by })?;
                Ok(Done::ok(&lease_now(desk, &lease)?))
            }
            Self::Terminate { lease } => {
                let (lease, day) = (known(desk, lease)?, today(desk, lease)?);
                let choice = Election::Terminate;
                desk.input(&Input::Elect { lease: lease.clone(), choice, day })?;
                Ok(Done::ok(&lease_now(desk, &lease)?))
            }
        }
    }
}

fn amend(desk: &mut Desk<'_>, lease: &str, follows: Option<u32>, text: &str) -> Reply {
    let id = known(desk, lease)?;
    let number = desk.core.state().contracts.find(&id).expect("it is known");
    let version = desk.core.state().contracts.leases[usize::from(number)].lease.latest().version;
    if follows.is_some_and(|follows| follows != version) {
        return Err(Refusal::new(
            412,
            "version-is-latest",
            format!("{id} is at version {version} by now"),
            "read the lease again, and amend what is there",
        ));
    }
    let terms = parse(desk, text)?;
    if terms.id != id {
        return Err(Refusal::new(
            422,
            "same-lease",
            format!("these terms are of {}, not of {id}", terms.id),
            "name the lease that the terms are of",
        ));
    }
    desk.input(&Input::Amend(Box::new(terms)))?;
    Ok(Done::ok(&lease_now(desk, &id)?))
}

/// The terms of `text`, if they can be read and are of this site.
fn parse(desk: &Desk<'_>, text: &str) -> Result<Terms, Refusal> {
    let source = Source::new("terms.toml", text);
    let terms = Terms::parse(&source).map_err(|problems| {
        let rendered = leasehold_diagnostics::render(&source, &problems, false);
        Refusal::new(
            422,
            "terms-are-valid",
            rendered,
            "mend every place that is named; `leasehold check` tells the same without a server",
        )
    })?;
    let site = &desk.core.state().site;
    if terms.site != site.id || terms.landlord != site.landlord {
        return Err(Refusal::new(
            422,
            "lease-is-of-this-site",
            format!(
                "the terms let {} of {}; this is {} of {}",
                terms.site, terms.landlord, site.id, site.landlord
            ),
            "send them to the server of that site",
        ));
    }
    Ok(terms)
}

/// A lease whose service began before today is a slip, or comes from elsewhere: the fixed fees since then would
/// be billed at once.
///
/// # Errors
/// Where its first day is past and something would be billed for that time.
pub fn begins_ahead(terms: &Terms, now: Instant) -> Result<(), Refusal> {
    let today = terms.time_zone.day_of(now);
    let lease = Lease::new(vec![terms.clone()]).map_err(|refused| {
        Refusal::new(422, "terms-are-valid", refused.to_string(), "mend the terms")
    })?;
    let past = today.yesterday().ok().filter(|_| terms.start < today);
    let Some(yesterday) = past else { return Ok(()) };
    if lease.fixed_between(terms.start, yesterday).minor() == 0 {
        return Ok(());
    }
    let (id, start) = (&terms.id, terms.start);
    Err(Refusal::new(
        409,
        "service-is-ahead",
        format!(
            "the service of {id} began on {start}, which is past: all since then would be billed at once"
        ),
        "sign it with `backdated` (`--backdated`) if that is what both sides agreed",
    ))
}

fn known(desk: &Desk<'_>, lease: &str) -> Result<LeaseId, Refusal> {
    let unknown = || {
        Refusal::unknown(
            "lease",
            lease,
            "list the leases that you may see with `leasehold lease list`",
        )
    };
    let id = LeaseId::new(lease).map_err(|_| unknown())?;
    desk.core.state().contracts.find(&id).map(|_| id).ok_or_else(unknown)
}

/// The civil day of the lease.
fn today(desk: &Desk<'_>, lease: &str) -> Result<leasehold_units::Day, Refusal> {
    let id = known(desk, lease)?;
    let contracts = &desk.core.state().contracts;
    let number = contracts.find(&id).expect("it is known");
    Ok(contracts.leases[usize::from(number)].terms().time_zone.day_of(desk.now))
}

fn lease_now(desk: &Desk<'_>, id: &LeaseId) -> Result<LeaseNow, Refusal> {
    let contracts = &desk.core.state().contracts;
    let number = contracts
        .find(id)
        .ok_or_else(|| Refusal::unknown("lease", id.as_str(), "it was not signed"))?;
    let lease = &contracts.leases[usize::from(number)].lease;
    Ok(LeaseNow {
        lease: id.to_string(),
        version: lease.latest().version,
        last_day: lease.last_day().to_string(),
    })
}
