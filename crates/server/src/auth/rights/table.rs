//! The table itself. A new right is a new row; the compiler asks for every column.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Deed, Standing, Verdict};

/// One row.
pub(super) struct Row {
    pub name: &'static str,
    pub about: &'static str,
    pub deed: Deed,
    /// By [`Standing`].
    pub verdicts: [Verdict; Standing::ALL.len()],
}

macro_rules! rights {
    ($($right:ident $name:tt $deed:ident [$($cell:ident)*] $about:literal)*) => {
        /// One kind of action.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            ToSchema,
        )]
        #[non_exhaustive]
        pub enum Right {
            $(#[doc = $about] #[serde(rename = $name)] $right,)*
        }

        impl Right {
            /// All rights, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$right),*];

            pub(super) const fn row(self) -> Row {
                match self {
                    $(Self::$right => Row {
                        name: $name,
                        about: $about,
                        deed: Deed::$deed,
                        verdicts: [$(cell!($cell)),*],
                    },)*
                }
            }
        }
    };
}

macro_rules! cell {
    (All) => {
        Verdict::Allowed
    };
    (Own) => {
        Verdict::OwnParty
    };
    (Mine) => {
        Verdict::OwnWork
    };
    (No) => {
        Verdict::Refused
    };
}

// Columns: operator, finance, party admin, party user, auditor of a party, auditor of the site.
rights! {
    ReadOwnSession "read_own_session" Itself [All All All All All All]
        "Ask who the token is and what it may."

    ReadSite "read_site" ReadSite [All All No No No All]
        "Read the plant: pools, skus, racks, service dates."
    ReadNodes "read_nodes" ReadSite [All No No No No All]
        "Read the health and the state of every node."
    ManageNodes "manage_nodes" Write [All No No No No No]
        "Drain, resume and take down nodes."
    PlanMaintenance "plan_maintenance" Write [All No No No No No]
        "Plan and cancel outages."
    ReadPower "read_power" ReadSite [All No No No No All]
        "Read the envelope, what is drawn, and every step of a curtailment."
    DeclarePowerEvent "declare_power_event" Write [All No No No No No]
        "Announce or end a fall of the envelope."

    ReadCalendar "read_calendar" ReadSite [All All No No No All]
        "Read what can still be sold. It changes with what others lease, so no party may."
    MakeQuote "make_quote" Write [All No No No No No]
        "Make a quote, hold capacity for it, release the hold."
    ReadBacklog "read_backlog" ReadSite [All All No No No All]
        "Read headline and firm revenue and the concentration of all leases."

    ReadLeaseTerms "read_lease_terms" ReadParty [All All Own No Own All]
        "Read the terms, versions and notices of a lease."
    SignLease "sign_lease" Write [All No No No No No]
        "Record a lease that both sides signed."
    AmendLease "amend_lease" Write [All No No No No No]
        "Record an amendment that both sides signed."
    GiveNoticeAsLandlord "give_notice_as_landlord" Write [All No No No No No]
        "Give notice for the landlord."
    GiveNoticeAsTenant "give_notice_as_tenant" Write [No No Own No No No]
        "Give notice for the tenant."
    WithdrawNoticeAsLandlord "withdraw_notice_as_landlord" Write [All No No No No No]
        "Withdraw the landlord's notice, or agree that the tenant's is withdrawn."
    WithdrawNoticeAsTenant "withdraw_notice_as_tenant" Write [No No Own No No No]
        "Withdraw the tenant's notice, or agree that the landlord's is withdrawn."
    ElectRemedy "elect_remedy" Write [No No Own No No No]
        "Make the tenant's election over a late delivery."

    ReadCapacity "read_capacity" ReadParty [All All Own Own Own All]
        "Read the entitlement and the holding of a party, its nodes and their health."
    ReadBreaches "read_breaches" ReadParty [All All Own Own Own All]
        "Read the promises to a party that were not kept: reclaims, curtailments, late deliveries."

    SubmitJob "submit_job" WriteJobs [No No Own Own No No]
        "Submit a job in the own party."
    ReadJobs "read_jobs" ReadJobs [No No Own Own No No]
        "List the jobs of the own party: names, users, states, times."
    ReadJobContent "read_job_content" ReadJobs [No No Own Mine No No]
        "Read the command line, the environment and the logs of a job."
    CancelJobs "cancel_jobs" WriteJobs [No No Own Mine No No]
        "Cancel or change a job."
    ManageShares "manage_shares" Write [No No Own No No No]
        "Set the shares of the accounts inside the own party."

    ReadUsage "read_usage" ReadParty [All All Own Own Own All]
        "Read the service intervals and GPU-seconds of a party."
    ReadSiteUsage "read_site_usage" ReadSite [All All No No No All]
        "Read the GPU-seconds of the whole site by state."

    ReadInvoices "read_invoices" ReadParty [All All Own No Own All]
        "Read invoices, credit notes, statements and their evidence."
    IssueInvoice "issue_invoice" Write [No All No No No No]
        "Issue what is due."
    RecordPayment "record_payment" Write [No All No No No No]
        "Record money that came in."
    DisputeInvoice "dispute_invoice" Write [No No Own No No No]
        "Dispute a document of the own party."
    ResolveDispute "resolve_dispute" Write [No All No No No No]
        "Resolve a dispute for either side."
    CreditInvoice "credit_invoice" Write [No All No No No No]
        "Credit or correct a document."
    CloseBooks "close_books" Write [No All No No No No]
        "Close days for further entries."
    ReadBooks "read_books" ReadSite [All All No No No All]
        "Read the journal, its exports and the revenue of all parties."

    ReadOwnRecord "read_own_record" ReadParty [No No Own No Own No]
        "Read the audit of a party: who did what in its name, and its tokens."
    ReadAudit "read_audit" ReadSite [All No No No No All]
        "Read the site's audit: every command and event without the content of jobs."
    VerifyAudit "verify_audit" ReadSite [All No No No No All]
        "Verify the hash chain. Its head changes with what everybody does, so no party may."
    ReadOwnAccessLog "read_own_access_log" ReadParty [No No Own No Own No]
        "Read who from outside looked at the data of the own party."
    ReadAccessLog "read_access_log" ReadSite [All No No No No All]
        "Read who looked at the data of which party."

    ReadParties "read_parties" ReadSite [All All No No No All]
        "List the parties."
    ManageParties "manage_parties" Write [All No No No No No]
        "Add a party and give it its first admin."
    ManageTokensOfParty "manage_tokens_of_party" Write [No No Own No No No]
        "Make and revoke tokens of the own party."
    RevokeTokensOfParty "revoke_tokens_of_party" Write [All No Own No No No]
        "Revoke all tokens of a party at once, unread."
    ManageTokensOfSite "manage_tokens_of_site" Write [All No No No No No]
        "List, make and revoke tokens of operators, finance and auditors of the site."

    WatchParty "watch_party" ReadParty [No No Own Own Own No]
        "Follow the events of the own party; what a job is shows only to whoever may read jobs."
    WatchSite "watch_site" ReadSite [All No No No No All]
        "Follow the events of the site without the content of jobs."
    ReadMetrics "read_metrics" Scrape [All No No No No All]
        "Scrape the metrics."
    RunServer "run_server" Write [All No No No No No]
        "Take a backup, cut a snapshot, move the clock of a demonstration."
}

impl Right {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// What it is, in a sentence.
    pub const fn about(self) -> &'static str {
        self.row().about
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
