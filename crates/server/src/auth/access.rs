//! The access log: who read whose data. A party can read what the log says of its own.

use leasehold_units::{Instant, PartyId};
use serde::{Deserialize, Serialize};

use super::principal::{Principal, Role};
use super::rights::Right;
use super::wire;

/// Somebody read the data of a party that it does not belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadLogged {
    /// When.
    #[serde(with = "wire::instant")]
    pub at: Instant,
    /// The principal that read.
    pub who: String,
    /// In which role.
    pub role: Role,
    /// Whose data.
    #[serde(with = "wire::party")]
    pub party: PartyId,
    /// By which right.
    pub right: Right,
    /// Which thing, such as `invoice INV-2026-000001`; empty where the right says it all. Never the
    /// content.
    pub what: String,
}

impl ReadLogged {
    /// The entry for `reader` seeing data of `party` by `right`; none where nothing has to be
    /// logged: a read of its own, or no read of a party's data at all.
    pub fn of(
        reader: &Principal,
        right: Right,
        party: &PartyId,
        what: impl Into<String>,
        at: Instant,
    ) -> Option<Self> {
        if !right.reads_party_data() || reader.party() == Some(party) {
            return None;
        }
        Some(Self {
            at,
            who: reader.id().into(),
            role: reader.role(),
            party: party.clone(),
            right,
            what: what.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Scope, Scopes};

    fn reader(role: Role, party: Option<&str>) -> Principal {
        let party = party.map(|name| PartyId::new(name).expect("a name"));
        let scopes = Scopes::from([Scope::Read]);
        Principal::new("token:tok_00000000000000aa", role, party, scopes, None).expect("fits")
    }

    fn entry(role: Role, party: Option<&str>, right: Right) -> Option<ReadLogged> {
        let tenant = PartyId::new("tenant").expect("a name");
        let at = Instant::from_unix(1_782_000_000);
        ReadLogged::of(&reader(role, party), right, &tenant, "invoice INV-1", at)
    }

    #[test]
    fn whoever_is_not_of_the_party_is_logged() {
        assert!(entry(Role::Finance, None, Right::ReadInvoices).is_some());
        assert!(entry(Role::Operator, None, Right::ReadUsage).is_some());
        assert!(entry(Role::Auditor, None, Right::ReadLeaseTerms).is_some());
        assert!(entry(Role::PartyAdmin, Some("tenant"), Right::ReadInvoices).is_none());
        assert!(entry(Role::Auditor, Some("tenant"), Right::ReadInvoices).is_none());
    }

    #[test]
    fn the_state_of_the_site_is_nobodys_data() {
        assert!(entry(Role::Operator, None, Right::ReadPower).is_none());
        assert!(entry(Role::Finance, None, Right::IssueInvoice).is_none());
    }

    /// Stored entries are read for as long as the log lives: this text never changes.
    #[test]
    fn golden_entry() {
        let golden = r#"{"at":"2026-06-21T00:00:00Z","who":"token:tok_00000000000000aa","role":"finance","party":"tenant","right":"read_invoices","what":"invoice INV-1"}"#;
        let entry = entry(Role::Finance, None, Right::ReadInvoices).expect("logged");
        assert_eq!(serde_json::to_string(&entry).expect("JSON"), golden);
        assert_eq!(serde_json::from_str::<ReadLogged>(golden).expect("reads back"), entry);
    }
}
